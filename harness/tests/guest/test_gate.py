# SPDX-License-Identifier: MIT
"""The gate on this very tree: as its reference has it; a slower server is caught, a noisy one is
not called slower.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from dunelab import cli, paths, stats, store
from dunelab.gate import measure

pytestmark = pytest.mark.bochs

# Turns of a loop of two instructions or three a request, of which a whole one takes some 20,000.
SLOWER, NOISE = 500, 20


def gate(capsys, *options):
    """(status, what was said) of the command."""
    status = cli.main(["gate", *map(str, options)])
    out, err = capsys.readouterr()
    return status, out + err


def test_the_tree_is_as_its_reference(capsys):
    """Fails on a change that was not announced: make gate UPDATE=1, and commit results/reference/.

    A reference of another kernel, emulator or compiler says nothing about this tree: a reason to
    skip, but not with GATE_REQUIRED=1, where somebody relies on it.
    """
    status, said = gate(capsys)
    if (status == 3 and "not comparable" in said
            and os.environ.get("GATE_REQUIRED", "0") in ("", "0")):
        pytest.skip(said)
    assert status == 0, said


def faulty(folder, work, noise):
    """A build directory like ours, whose kv-server does more than it has to."""
    ours, here = paths.build(), Path(__file__).parent
    (folder / "bin").mkdir(parents=True)
    for name in ("kernel", "modules", "libos"):
        (folder / name).symlink_to(ours / name)
    for name in ("kv-load", "micro", "dune", "report"):
        (folder / "bin" / name).symlink_to(ours / "bin" / name)
    objects = [path for part in ("kv/server", "kv/ring", "lib")
               for path in sorted((ours / "workloads/release" / part).glob("*.o"))]
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", f"-DWORK={work}",
                    f"-DNOISE={noise}", "-c", "-o", folder / "slow.o", here / "slow_server.c"],
                   check=True)
    subprocess.run(["gcc", "-static", "-Wl,--wrap=proto_run", "-o", folder / "bin/kv-server",
                    *objects, folder / "slow.o", ours / "libos/libdune.a", "-lz", "-pthread"],
                   check=True)
    return folder


def test_a_slower_server_is_caught_and_a_noisy_one_is_no_regression(tmp_path, capsys, monkeypatch):
    """Both are real ones, by the linker; the reference is that of the server as it is."""
    reference, records = tmp_path / "reference.json", {}
    store.write_json(reference, measure.measure(1, lambda _: None, ("linux",)))
    options = ("--reference", reference, "--only", "linux")
    for name, work, noise in (("slower", SLOWER, 0), ("noisy", 0, NOISE)):
        records[name] = tmp_path / f"{name}.json"
        with monkeypatch.context() as patch:
            patch.setenv("BUILD", os.fspath(faulty(tmp_path / name, work, noise)))
            status, said = gate(capsys, *options, "--keep", records[name])
        assert status == 1 and "reference was made of: kv-server" in said, said
        assert said.count("histogram changed: linux") == len(measure.RATES), said
        assert (stats.REGRESSED.upper() in said) == (name == "slower"), said
    _, said = gate(capsys, *options, "--measured", records["slower"], "--json")
    verdicts = {row["metric"]: row["verdict"] for row in json.loads(said)["metrics"]}
    assert set(verdicts.values()) == {stats.REGRESSED}, verdicts
    # The noise is not slower, so that it has to be announced, and then passes.
    status, said = gate(capsys, *options, "--measured", records["noisy"], "--json")
    assert not {row["verdict"] for row in json.loads(said)["metrics"]} & {stats.REGRESSED}
    store.write_json(reference, store.read_json(records["noisy"]))
    assert gate(capsys, *options, "--measured", records["noisy"])[0] == 0
