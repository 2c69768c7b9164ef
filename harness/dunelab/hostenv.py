# SPDX-License-Identifier: MIT
"""What the host is: recorded with every run, so that two runs can be told apart later."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

from dunelab import paths


def commit(tree=None):
    """(commit hash or "nocommit", whether tracked files differ from it) of a tree, ours by
    default."""
    head = _output("git", "rev-parse", "HEAD", cwd=tree)
    if not head:
        return "nocommit", False
    return head, bool(_output("git", "status", "--porcelain", "--untracked-files=no", cwd=tree))


def capture():
    """A JSON-ready dictionary; what cannot be known is null."""
    return {
        "platform": platform.platform(), "machine": platform.machine(),
        "python": platform.python_version(),
        "cpu_model": _cpuinfo("model name"), "cpus": os.cpu_count(),
        "cpus_usable": len(os.sched_getaffinity(0)),
        "hypervisor": "hypervisor" in (_cpuinfo("flags") or "").split(),
        "svm_or_vmx": bool({"svm", "vmx"} & set((_cpuinfo("flags") or "").split())),
        "dev_kvm": os.path.exists("/dev/kvm"),
        "memory_kib": _meminfo("MemTotal"), "loadavg": list(os.getloadavg()),
        "uptime_s": _uptime(),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "os": _os_release(),
        "gcc": (_output("gcc", "--version") or "").partition("\n")[0] or None,
    }


def _output(*argv, cwd=None):
    if not shutil.which(argv[0]):
        return None
    try:
        done = subprocess.run(argv, cwd=cwd or paths.root(), capture_output=True, text=True,
                              timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _read(path):
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError:
        return None


def _field(path, name):
    for line in (_read(path) or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _cpuinfo(name):
    return _field("/proc/cpuinfo", name)


def _meminfo(name):
    value = (_field("/proc/meminfo", name) or "").split()
    return int(value[0]) if value else None


def _uptime():
    text = _read("/proc/uptime")
    return float(text.split()[0]) if text else None


def _os_release():
    for line in (_read("/etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return None
