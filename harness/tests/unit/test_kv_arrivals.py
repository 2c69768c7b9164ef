# SPDX-License-Identifier: MIT
"""The arrivals that the load generator really made, against the law that was asked for."""

import json
import signal
import subprocess
import time

import kv_tools
import pytest

from dunelab import hdr, results, stats

RECORDS = 500


def kv_load(mode, port, *options):
    """Words of a generator's command line."""
    return [str(word) for word in (mode, "--target", f"127.0.0.1:{port}", "--law", "usr",
                                   "--records", RECORDS, *options)]


def stalled(server, folder):
    """What the load-validity check says of a run of two seconds whose generator is stopped for 20
    ms out of 40: sent late, all at once, but each request in its time on average.
    """
    argv = kv_load("run", server.port, "--rate", 500, "--requests", 1000, "--warmup", 10,
                   "--interval-ms", 50, "--out", folder / "run")
    process = subprocess.Popen([kv_tools.program("kv-load"), *argv],
                               preexec_fn=kv_tools.die_with_parent)
    end = time.monotonic() + kv_tools.PATIENCE_S
    while process.poll() is None:
        assert time.monotonic() < end
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.02)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    assert process.returncode == 0
    merged, groups = results.histograms((folder / "run.hlog").read_text())
    got = json.loads((folder / "run.json").read_text())
    return stats.check(got, merged["intended"], [i.histogram for i in groups["intended"]],
                       merged["gap"])


def test_a_generator_that_makes_bursts_is_noticed(tmp_path):
    """The load is achieved, and the arrivals are not Poisson's."""
    with kv_tools.kv_server() as server:
        done = kv_tools.kv_load(*kv_load("preload", server.port))
        assert done.returncode == 0, done.stderr
        found = stalled(server, tmp_path)
    assert any("not where poisson arrivals have them" in text for text in found.cautions)
    assert not any("gaps" in text for text in found.reasons)


@pytest.mark.parametrize("law", ["poisson", "etc"])
def test_the_schedule_itself_is_as_its_law_has_it(law):
    """What a generator that is never late sends: the harness and kv-load mean the same law."""
    done = kv_tools.kv_load(*kv_load("schedule", 1, "--arrival", law, "--rate", 500,
                                     "--requests", 20_000, "--warmup", 0))
    times = [int(line.split()[1]) for line in done.stdout.splitlines()[2:]]
    gaps = hdr.Histogram()
    for before, after in zip([0, *times], times):
        gaps.record(after - before)
    assert gaps.total == 20_000
    assert stats.arrivals_caution(gaps, law, 1e9 / 500) is None
    # Of another rate.
    assert "of the gaps" in stats.arrivals_caution(gaps, law, 1e9 / 400)
