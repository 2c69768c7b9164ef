# SPDX-License-Identifier: MIT
"""Who may include whom, and that headers can be included alone."""

import re
import subprocess

import pytest
from sources import ROOT, c_files, ours, report, text

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
OURS = r"dune\.h|dune/|uapi/|core/|svm/|vmx/|kv/|lib/"

# directory -> what "..." may name, what <...> of ours may name; the longest match counts.
# Angle brackets around anything else are the system's (or, in modules/, the kernel's).
RULES = {
    "modules/include/uapi/": (r"$^", r"$^"),
    "modules/core/": (r"core/[a-z_0-9]+\.h|dune\.h", r"$^"),
    "modules/tests/": (r"lib/[a-z_0-9]+\.h", r"uapi/dune\.h"),
    "modules/fuzz/": (r"(lib/)?[a-z_0-9]+\.h", r"uapi/dune\.h"),
    "modules/probes/": (r"$^", r"$^"),
    "modules/svm/": (r"(core|svm)/[a-z_0-9]+\.h|dune\.h", r"$^"),
    "modules/vmx/": (r"(core|vmx)/[a-z_0-9]+\.h|dune\.h", r"$^"),
    "libos/include/": (r"$^", r"dune/"),
    "libos/src/": (r"(signal/|\.\./rt/)?[a-z_0-9]+\.h", r"dune\.h|dune/|uapi/dune\.h"),
    "libos/src/signal/": (r"(\.\./)?[a-z_0-9]+\.h", r"dune/|uapi/dune\.h"),
    "libos/src/paging/": (r"(\.\./)?[a-z_0-9]+\.h", r"dune/|uapi/dune\.h"),
    "libos/src/gdb/": (r"(\.\./)?[a-z_0-9]+\.h", r"dune/|uapi/dune\.h"),
    "libos/rt/": (r"[a-z_0-9]+\.h", r"$^"),
    "libos/rt/run/": (r"(\.\./|\.\./\.\./src/)?[a-z_0-9]+\.h", r"dune/"),
    "libos/run/": (r"(\.\./(rt/|src/(gdb/)?))?[a-z_0-9]+\.h", r"dune/"),
    "libos/examples/": (r"$^", r"dune\.h|dune/"),
    "libos/tests/": (r"(lib/|\.\./rt/(run/)?)?[a-z_0-9]+\.h", r"dune\.h|dune/|uapi/dune\.h"),
    "workloads/": (r"(kv|lib|micro|apps|spin|jitter|tests)/[a-z_0-9/]+\.h|[a-z_0-9]+\.h",
                   r"dune\.h|dune/"),
    # The policies' contract is what it simulates.
    "workloads/rtsim/": (r"(rtsim|rt|lib)/[a-z_0-9]+\.h", r"$^"),
    "workloads/spin/": (r"(spin|rtsim|lib)/[a-z_0-9]+\.h", r"dune\.h|dune/rt\.h"),
    "workloads/tests/": (r"(kv|lib|rtsim|rt|run|tests)/[a-z_0-9/]+\.h", r"$^"),
    # It speaks to both hypervisors by their own interfaces.
    "workloads/micro/": (r"micro/[a-z_0-9]+\.h", r"dune\.h|uapi/dune\.h"),
    "vm-images/": (r"$^", r"$^"),
    "harness/tests/": (r"[a-z_0-9]+\.h", r"dune\.h|dune/|uapi/dune\.h"),
}


def rule(name):
    """The rule for a file, AssertionError for a directory that has none."""
    found = [prefix for prefix in RULES if name.startswith(prefix)]
    assert found, f"{name}: no rule for this directory; add one to RULES"
    return RULES[max(found, key=len)]


def test_include_directions():
    problems = []
    for name in c_files():
        quoted, angle = rule(name)
        for kind, target in INCLUDE.findall(text(name)):
            if kind == '"' and not re.fullmatch(quoted, target):
                problems.append(f'{name}: "{target}" is not for this directory')
            if kind == "<" and re.match(OURS, target) and not re.match(angle, target):
                problems.append(f"{name}: <{target}> is not for this directory")
    report(problems)


def test_the_contract_header_needs_only_the_kernels_types():
    targets = {t for _, t in INCLUDE.findall(text("modules/include/uapi/dune.h"))}
    assert targets == {"linux/ioctl.h", "linux/types.h"}


def test_quoted_includes_exist():
    roots = {"modules/": ["modules", "modules/include/uapi", "modules/tests"],
             "libos/": ["modules/tests"], "workloads/": ["workloads", "libos"]}
    problems = []
    for name in c_files():
        where = [ROOT / name.rsplit("/", 1)[0]]
        where += [ROOT / r for prefix, rs in roots.items() if name.startswith(prefix) for r in rs]
        for kind, target in INCLUDE.findall(text(name)):
            if kind == '"' and not any((folder / target).is_file() for folder in where):
                problems.append(f'{name}: no file "{target}"')
    report(problems)


def test_policies_are_freestanding():
    """The runtime runs them in ring 0: of the system's headers only types."""
    report(f"{name}: <{target}>" for name in c_files() if re.match(r"libos/rt/[^/]*$", name)
           for kind, target in INCLUDE.findall(text(name))
           if kind == "<" and target not in ("stdbool.h", "stddef.h", "stdint.h"))


def test_dangerous_things_stay_in_their_files():
    """One place each for the extension's instructions, the device's requests, user memory."""
    places = (
        (r"\b(vmrun|vmload|vmsave|clgi|stgi)\b", "modules/",
         r"modules/(svm/(insn\.h|enter\.S)|tests/.*)"),
        (r"\b(vmlaunch|vmresume|vmxon|vmptrld|vmwrite)\b", "modules/",
         r"modules/(vmx/(insn\.h|enter\.S)|tests/.*)"),
        (r"\b(copy_(from|to)_user|get_user|put_user)\(", "modules/", r"modules/core/dev\.c"),
        (r"\bget_user_pages\w*\(", "modules/",
         r"modules/(core/(fault\.c|compat\.h)|probes/.*)"),
        (r"\bDUNE_(GET_INFO|VM_\w+|VCPU_CREATE|VCPU_STATS)\b", "libos/src/", r"libos/src/host\.c"),
        (r"/dev/dune|DUNE_DEVICE_PATH", "libos/src/", r"libos/src/host\.c"),
    )
    problems = []
    for name in ours():
        if name.endswith((".c", ".h", ".S")):
            code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text(name), flags=re.S)
            problems += [f"{name}: {found.group(0)} belongs into {only}"
                         for pattern, below, only in places if name.startswith(below)
                         for found in [re.search(pattern, code)]
                         if found and not re.fullmatch(only, name)]
    report(problems)


def test_the_harness_knows_no_c():
    """It knows programs and text; only the generator of docs/exits.md and tests read sources."""
    report(f"{name}: {found.group(0)}" for name in ours()
           if name.startswith("harness/dunelab/") and name.endswith(".py")
           for found in [re.search(r"\.[chS]['\"]|ctypes\.Structure|modules/(core|svm|vmx|include)",
                                   re.sub(r"\"\"\".*?\"\"\"", "", text(name), flags=re.S))]
           if found)


def headers(*folders):
    return [n for n in c_files() if n.endswith(".h") and n.startswith(folders)]


C = ["gcc", "-x", "c", "-std=gnu11"]
CXX = ["g++", "-x", "c++", "-std=c++17"]
PUBLIC = headers("libos/include/", "modules/include/uapi/")
PRIVATE = headers("libos/src/", "libos/rt/", "libos/tests/", "modules/tests/", "workloads/")


def compile_alone(compiler, names):
    """Compile each header in a unit of its own: one compiler run, one unit per header."""
    flags = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function",
             "-D_GNU_SOURCE", "-Ilibos/include", "-Imodules/include", "-Ilibos/src", "-Ilibos",
             "-Imodules/tests",
             "-Iworkloads", "-Iworkloads/tests", "-I."]
    for name in names:
        # Twice: the second inclusion has to be empty.
        unit = f'#include "{name}"\n#include "{name}"\n'
        done = subprocess.run([*compiler, *flags, "-"], input=unit, cwd=ROOT, text=True,
                              capture_output=True, check=False)
        assert done.returncode == 0, f"{name} cannot be included alone:\n{done.stderr}"


@pytest.mark.parametrize("compiler", [C, CXX], ids=["C", "C++"])
def test_public_headers_compile_alone(compiler):
    assert len(PUBLIC) >= 6
    compile_alone(compiler, PUBLIC)


def test_private_headers_compile_alone():
    assert len(PRIVATE) > 30
    compile_alone(C, PRIVATE)
