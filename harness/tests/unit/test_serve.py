# SPDX-License-Identifier: MIT
"""`serve`: what it lists, filters and lays over each other, and what it does not hand out."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

import browser
import sample_run
from dunelab import cli, paths, report, steprun
from dunelab.jitter import plan as jitter, steps as jitter_steps
from dunelab.serve import catalog, command
from test_jitter import write as write_jitter

EVIL = "<script>alert(1)</script>"


@contextmanager
def serving(root):
    """A server of that directory in this process."""
    with command.make_server(root, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server, path, method="GET", host=None):
    """(status, text, headers) of one request; the path goes out as it is."""
    link = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    link.putrequest(method, path, skip_host=True)
    link.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    link.endheaders()
    answer = link.getresponse()
    text = answer.read().decode("utf-8", "replace")
    link.close()
    return answer.status, text, dict(answer.getheaders())


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Runs of two seeds and of another clock, a damaged one, and a name that means harm."""
    folder = tmp_path_factory.mktemp("results")
    plan = sample_run.plan(systems="linux dune", requests="2000")
    report.make(sample_run.build(folder, plan).path)
    sample_run.build(folder, sample_run.plan(systems="linux dune", requests="2000", seed="2"))
    sample_run.build(folder, plan, domain="cycles(bochs-model)")
    (folder / "kv" / "latest").symlink_to("nowhere")
    (folder / "kv" / "damaged").mkdir()
    (folder / "kv" / "damaged" / "manifest.json").write_text('{"schema": [NaN')
    evil = folder / "kv" / "<img src=x onerror=alert(1)>"
    evil.mkdir()
    (evil / "manifest.json").write_text(json.dumps({
        "schema": EVIL, "status": EVIL, "commit": EVIL, "seed": [1], "engine": EVIL}))
    (evil / "plan.json").write_text(json.dumps({"plan": {"systems": [EVIL], "workload": EVIL}}))
    (evil / "page.html").write_text(EVIL)
    (folder.parent / "secret").write_text("secret")
    (evil / "out").symlink_to(folder.parent / "secret")
    (evil / ".hidden").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def server(root):
    """A server of them."""
    with serving(root) as found:
        yield found


def keys(root):
    """Those of the three whole runs: seed 1, seed 2, the other clock."""
    found = [entry for entry in catalog.entries(root) if entry.status == "complete"]
    first = next(e for e in found if e.report)
    second = next(e for e in found if e.seed == "2")
    return first.key, second.key, next(e.key for e in found if e.domain.startswith("cycles"))


def test_all_runs_are_listed_and_filtered(root, server):
    status, text, _ = ask(server, "/")
    assert status == 200 and "5 of 5" in text and all(key in text for key in keys(root))
    assert text.count(keys(root)[0]) >= 2 and "damaged" in text and "latest" not in text
    for query, count in (("seed=2", 1), ("seed=1", 2), ("system=dune", 3), ("system=memcached", 0),
                         ("workload=kv&seed=1&profile=none", 2), ("commit=01234567", 3),
                         ("nonsense=1", 5)):
        assert f"{count} of 5" in ask(server, f"/?{query}")[1], query


def test_a_run_has_its_page_and_its_files(root, server):
    key = keys(root)[0]
    status, text, headers = ask(server, f"/run/{key}/report/index.html")
    assert status == 200 and text == (root / key / "report" / "index.html").read_text()
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    status, text, _ = ask(server, f"/run/{key}/manifest.json")
    assert status == 200 and json.loads(text)["seed"] == 1
    assert ask(server, f"/run/{key}")[0] == 301
    assert "plan.json" in ask(server, f"/run/{key}/")[1]
    assert ask(server, f"/run/{key}/manifest.json", "HEAD")[1] == ""
    assert ask(server, f"/run/{key}/manifest.json", "POST")[0] == 501


def test_nothing_outside_is_handed_out(root, server):
    evil = "kv/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"
    assert ask(server, f"/run/{evil}/page.html")[0] == 200
    for path in ("/run/../secret", "/run/%2e%2e/secret", "/run/kv/..%2f..%2fsecret",
                 "/run//etc/passwd", "/run/%2fetc%2fpasswd", f"/run/{evil}/out",
                 f"/run/{evil}/.hidden", "/run/", "/run/kv/%00", "/run/" + "a/" * 3000,
                 "/run/kv/latest/", "/etc/passwd", "/run/kv/damaged/nothing"):
        status, text, _ = ask(server, path)
        assert status == 404 and "secret\n" not in text and "root:" not in text, path
    assert ask(server, "/", host="evil.example:80")[0] == 403
    assert ask(server, "/", host=f"localhost:{server.server_port}")[0] == 200


def test_hostile_names_are_only_names(root, server):
    evil = "kv/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"
    for path in ("/", f"/run/{evil}/", f"/?system={evil}%22%3E%3Cscript%3E",
                 f"/over?run={evil}&run={keys(root)[0]}", f"/{EVIL.replace(' ', '')}"):
        text = ask(server, path)[1]
        assert EVIL not in text and "<img" not in text, path
    policy = ask(server, "/")[2]["Content-Security-Policy"]
    assert policy.endswith("; sandbox allow-scripts allow-forms allow-downloads")
    # What guests wrote is shown as text, whatever it calls itself.
    headers = ask(server, f"/run/{evil}/page.html")[2]
    assert headers["Content-Type"].startswith("text/plain")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]


def test_two_runs_are_laid_over_each_other(root, server):
    first, second, _ = keys(root)
    status, text, _ = ask(server, f"/over?run={first}&run={second}")
    assert status == 200 and "metrics compared" in text
    assert text.count("data-hover=") == 2 * 8        # spectrum and CCDF, eight points
    assert "<td>seed</td>" in text and ">base<" in text and ">new<" in text
    for query in ("", f"run={first}", f"run={first}&run={first}", "run=x&run=y"):
        assert ask(server, f"/over?{query}")[0] == 400


def test_runs_of_jitter_are_laid_over_each_other(root, tmp_path):
    kv = sample_run.build(tmp_path, sample_run.plan(systems="linux", requests="400"))
    made = []
    for cycles in (0, 1):
        made.append(steprun.begin(jitter_steps.KIND, tmp_path,
                                  jitter.make(systems="linux dune", quick=True), []))
        for step in made[-1].plan.steps()[cycles:]:
            write_jitter(made[-1], step, [[1000, 2000]], 20)
        made[-1].set(status="complete")
    spin = tmp_path / "spin" / "one"
    spin.mkdir(parents=True)
    for name, text in (("plan", '{"plan": {"workload": "spin"}}'), ("manifest", "{}")):
        (spin / f"{name}.json").write_text(text)
    paths_of = [run.store.path.relative_to(tmp_path) for run in made]
    paths_of.append(kv.path.relative_to(tmp_path))
    with serving(tmp_path) as server:
        assert ask(server, "/")[1].count('type="checkbox"') == 3
        status, text, _ = ask(server, f"/over?run={paths_of[0]}&run={paths_of[1]}")
        # A step is missing on one side: three of four are drawn.
        assert status == 200 and text.count("data-hover=") == 3 and "wakes late by" in text
        for other, said in ((paths_of[2], "nothing in common"), ("spin/one", "a run of spin")):
            status, text, _ = ask(server, f"/over?run={paths_of[0]}&run={other}")
            assert status == 409 and said in text


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema": "dunelab-run/1"}',
                                  '{"schema": "dunelab-profile/1"}'])
def test_a_damaged_manifest_is_refused_as_no_run(text, tmp_path):
    runs = [sample_run.build(tmp_path, sample_run.plan(systems="linux", requests="400"))
            for _ in range(2)]
    runs[1].manifest.write_text(text)
    first, second = (run.path.relative_to(tmp_path) for run in runs)
    with serving(tmp_path) as server:
        status, page, _ = ask(server, f"/over?run={first}&run={second}")
    assert status == 409 and "is not the directory of a run" in page and "ValueError" not in page


def test_a_profile_is_of_a_system(tmp_path):
    folder = tmp_path / "profile" / "one"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({
        "schema": "dunelab-profile/1", "experiment": "profile", "system": "dune"}))
    with serving(tmp_path) as server:
        assert "1 of 1" in ask(server, "/?system=dune")[1]
        assert "0 of 1" in ask(server, "/?system=linux")[1]


@pytest.mark.parametrize("above", ["", "base/"])
def test_the_runs_of_a_sweep_are_listed(above, tmp_path):
    folder = tmp_path / f"{above}sweep" / "a-sweep" / "steps" / "000-linux-1"
    where = sample_run.build(folder, sample_run.plan(systems="linux"))
    assert [entry.key for entry in catalog.entries(tmp_path)] == [
        where.path.relative_to(tmp_path).as_posix()]


def test_whatever_goes_wrong_is_a_page_of_one_line(tmp_path, capsys):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
        (tmp_path / name / "plan.json").write_text("[" * 100_000)     # deeper than Python's stack
    with serving(tmp_path) as server:
        status, text, _ = ask(server, "/over?run=a&run=b")
        assert ask(server, "/")[0] == 200
    assert status == 500 and "RecursionError: " in text and "Traceback" not in text
    assert "Traceback" not in capsys.readouterr().err


def test_a_file_that_cannot_be_read_to_its_end_is_one_answer():
    """A process's memory can be opened, and has nothing at 0."""
    with serving(Path("/proc/self")) as server, \
            socket.create_connection(server.server_address, 30) as link:
        link.sendall(b"GET /run/mem HTTP/1.0\r\nHost: localhost\r\n\r\n")
        text = b"".join(iter(lambda: link.recv(65536), b""))
    assert text.startswith(b"HTTP/1.0 200 ") and text.endswith(b"\r\n\r\n")
    assert text.count(b"HTTP/1.0 ") == 1


def test_different_clocks_are_refused_or_labelled(root, server):
    first, _, other = keys(root)
    status, text, _ = ask(server, f"/over?run={first}&run={other}")
    assert status == 409 and "domain: " in text and "data-hover" not in text
    assert 'name="allow" value="domain"' in text
    status, text, _ = ask(server, f"/over?run={first}&run={other}&allow=domain&allow=nonsense")
    assert status == 200 and "NOT LIKE WITH LIKE" in text
    # Ratios may be compared; curves of two clocks on one axis would lie.
    assert "data-hover" not in text and "not laid over each other" in text


def test_a_port_in_use_and_no_directory_are_said(server, tmp_path, capsys):
    assert cli.main(["serve", str(tmp_path), "--port", str(server.server_port)]) == 2
    assert "in use: choose another" in capsys.readouterr().err
    assert cli.main(["serve", str(tmp_path / "none")]) == 2
    assert "is no directory" in capsys.readouterr().err
    assert cli.main(["serve", str(tmp_path), "--port", "70000"]) == 2


def test_only_this_machine_is_listened_to(server):
    assert server.server_address[0] == "127.0.0.1"


def test_the_command_says_where_and_ends_by_ctrl_c(tmp_path):
    import signal
    with subprocess.Popen([sys.executable, "-m", "dunelab", "serve", str(tmp_path), "--port", "0"],
                          stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": str(paths.root() / "harness")}) as child:
        line = child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert line.startswith("http://127.0.0.1:") and child.wait(20) == 0


def test_the_list_works_in_a_browser(root, server, tmp_path):
    from selenium.webdriver.common.by import By
    address = f"http://127.0.0.1:{server.server_port}/"
    with browser.opened(tmp_path / "profile") as driver:
        browser.show(driver, address, width=380)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 380
        for key in keys(root)[:2]:
            driver.find_element(By.CSS_SELECTOR, f'input[value="{key}"]').click()
        driver.find_element(By.XPATH, "//button[contains(., 'over each other')]").click()
        browser.until(driver, lambda: "Two runs over each other" in driver.find_element(
            By.TAG_NAME, "h1").text)
        asked = browser.requests(driver)
        assert asked and all(url.startswith(address) for url in asked)
        browser.show(driver, f"{address}run/{keys(root)[0]}/report/index.html")
        assert driver.find_elements(By.CSS_SELECTOR, ".values")     # its script runs
        assert browser.complaints(driver) == []
