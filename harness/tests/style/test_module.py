# SPDX-License-Identifier: MIT
"""The module against the kernel that is chosen: sparse, the kernel's W=1, each header alone; and
that it differs between kernels in one place only."""

import re
import subprocess

from sources import ROOT, c_files, report, text

from dunelab import paths


def test_sparse_and_the_kernels_own_warnings_are_content():
    """Quick but for the first time: what has passed is not checked again until it changes."""
    assert (paths.kernel() / "version").exists(), "no kernel yet: run make kernel"
    done = subprocess.run(["scripts/build-module", "--strict", paths.kernel(), paths.build()],
                          cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    strict = paths.build() / "modules" / (paths.kernel() / "modules").resolve().name / "strict"
    headers = [n for n in c_files() if re.match(r"modules/(core|svm|vmx)/.*\.h$", n)]
    assert len(headers) > 15
    alone = [n for n in headers if not (strict / "src" / alone_object(n)).exists()]
    assert not alone, f"headers that were not compiled alone: {alone}"


def alone_object(header):
    """What scripts/build-module calls the object of a header's own unit."""
    return "alone_" + header.removeprefix("modules/").removesuffix(".h").replace("/", "_") + ".o"


def test_kernels_differ_in_one_file_only():
    found = []
    for name in c_files():
        if name.startswith(("modules/core/", "modules/svm/", "modules/vmx/")):
            found += [f"{name}: {word}" for word in re.findall(
                r"\b(LINUX_VERSION_CODE|KERNEL_VERSION|linux/version\.h|HAVE_[A-Z_0-9]+)\b",
                text(name))
                if name != "modules/core/compat.h" or not word.startswith("HAVE_")]
    report(found)


def test_every_probe_is_used():
    probes = {n.rsplit("/", 1)[1].removesuffix(".c") for n in c_files()
              if n.startswith("modules/probes/")} - {"works"}
    used = {word.lower() for word in re.findall(r"\bHAVE_(\w+)", text("modules/core/compat.h"))}
    assert probes == used - {""}, "modules/probes and modules/core/compat.h differ"
