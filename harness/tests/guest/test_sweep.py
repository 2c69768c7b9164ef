# SPDX-License-Identifier: MIT
"""A sweep of real runs: stopped in the middle of a point, and gone on with; and what a dry run says
is what is started."""

import json
import shlex
import signal
import subprocess
import time

from dunelab import cli, engine, guestrun, paths, plan as experiments, store

PLAN = """
[axes]
system = ["linux", "dune"]
[fixed]
engine = "qemu"
load = 0.3
requests = 200
records = 100
"""
SCRIPT = paths.root() / "scripts" / "dunelab"
WAIT_S = 120


def test_a_sweep_is_stopped_and_gone_on_with(tmp_path, capsys):
    (tmp_path / "plan.toml").write_text(PLAN)
    words = ["sweep", tmp_path / "plan.toml", "--jobs", "1", "--out", tmp_path]
    running = subprocess.Popen([SCRIPT, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    deadline = time.monotonic() + WAIT_S
    boots = "sweep/*/steps/000-linux/kv/*/boots/*"
    while not list(tmp_path.glob(boots)) and time.monotonic() < deadline:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=WAIT_S)
    assert running.returncode == 130 and "to go on: the same command with --resume" in said
    folder = next((tmp_path / "sweep").glob("*Z-*"))
    assert store.read_json(folder / "manifest.json")["status"] == "interrupted"
    assert (folder / "plan.toml").read_text() == PLAN
    assert not list(folder.glob("steps/*/record.json"))
    kept = next(folder.glob("steps/000-linux/kv/*/manifest.json"))
    assert store.read_json(kept)["status"] == "interrupted"
    # The point goes on with its own run, not with another.
    done = subprocess.run([SCRIPT, "sweep", "--point", "0", folder], capture_output=True, text=True,
                          check=False, timeout=2 * WAIT_S)
    assert done.returncode == 0, done.stderr
    assert store.read_record(kept, "dunelab-run/1")["status"] == "complete"
    assert store.read_record(folder / "steps/000-linux/record.json", "dunelab-sweep-point/1")
    assert cli.main(["sweep", "--report", str(folder), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    # On the host's clock a latency may be flagged: then it is named, and no row.
    assert made["missing"] == ["001-dune"]
    metrics = {row["metric"] for row in made["rows"]}
    assert "capacity" in metrics and ("own p50" in metrics or made["remarks"])


def test_a_dry_run_prints_what_is_started(guest, tmp_path, capsys):
    """Word for word, but for the directory that the boot is given."""
    options = {"cpus": 2, "memory_mib": 256, "cmdline": "quiet loglevel=1"}
    assert cli.main(["boot", "--engine", guest.engine, "--cpus", "2", "--memory", "256",
                     "--cmdline", options["cmdline"], "--dry-run", "--", "true"]) == 0
    shown = shlex.split(capsys.readouterr().out.splitlines()[-1])
    result = guest("true", **options)
    assert [word.replace(str(result.console.parent), "$WORK") for word in result.argv] == shown


def test_a_dry_run_of_the_experiment_names_every_boot(tmp_path, capsys):
    made = experiments.make("kv", "qemu", engine.names(), systems="linux dune", quick=True)
    assert cli.main(["experiment", "kv", "--engine", "qemu", "--systems", "linux dune", "--quick",
                     "--dry-run", "--out", str(tmp_path)]) == 0
    titles = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()
              if line.startswith("# ")]
    assert titles == [f"# {phase}-{system}" for phase, systems in (
        ("calibrate", made.systems), ("measure", reversed(made.systems))) for system in systems]
    assert not list(tmp_path.iterdir()) and guestrun.find_kernel()
