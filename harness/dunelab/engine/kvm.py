# SPDX-License-Identifier: MIT
"""QEMU/KVM with nested virtualization, offered only after a real boot has shown that it works.

That /dev/kvm exists and opens proves nothing: there are hosts where no guest ever runs.
"""

import functools
import os
import shutil
import tempfile
from pathlib import Path

from dunelab.engine.base import Boot
from dunelab.engine.qemu import Qemu

PROBE_TIMEOUT_S = 10.0
PROBE_SCRIPT = ("#!/bin/sh\n"
                "grep -qw svm /proc/cpuinfo && report event nested svm && exit 0\n"
                "grep -qw vmx /proc/cpuinfo && report event nested vmx && exit 0\n"
                "exit 1\n")


class Kvm(Qemu):
    """Hardware virtualization, with the host's own svm or vmx passed on to the guest."""

    name = "kvm"
    clock_domain = "ns(kvm-nested)"
    machine_name = "kvm"

    def available(self):
        usable, reason = super().available()
        if not usable:
            return usable, reason
        return probe()


@functools.lru_cache(maxsize=None)
def probe():
    """(usable, reason), from a real boot that looks for svm or vmx in the guest's /proc/cpuinfo.

    The answer is kept for this process: it costs a boot, or PROBE_TIMEOUT_S where KVM hangs.
    """
    from dunelab import guestrun            # not at import: guestrun imports the engines

    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return False, f"/dev/kvm cannot be opened ({error.strerror})"
    kernel = guestrun.find_kernel()
    if kernel is None:
        return False, "not known: no guest kernel to probe with yet (make kernel)"
    workdir = Path(tempfile.mkdtemp(prefix="dunelab-kvm-"))
    try:
        initrd = guestrun.build_initrd(workdir, {"/lab/run": PROBE_SCRIPT.encode()},
                                       automatic=False)
        result = Kvm().run(Boot(kernel, initrd, "", 1, 512, PROBE_TIMEOUT_S, workdir))
        nested = result.payload("nested", "event")
        if result.ok and nested:
            return True, f"a guest booted and sees {nested.decode().strip()}"
        if result.status == "DONE":
            return False, "a guest booted but sees neither svm nor vmx (nesting is off)"
        return False, f"/dev/kvm opens but a guest does not boot: {_reason(result)}"
    finally:
        shutil.rmtree(workdir, ignore_errors=True)


def _reason(result):
    """The most telling line: what QEMU said, else the first line of the detail."""
    lines = result.detail.splitlines()
    said = [line for line in lines if line.startswith("qemu-system") or "KVM" in line]
    return (said or lines)[0]
