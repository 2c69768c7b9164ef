# SPDX-License-Identifier: MIT
"""Documentation that can be checked: commands, paths, links, function names, man pages, tables."""

import re
import shutil
import subprocess

import pytest
from sources import ROOT, markdown_files, ours, report, text, tracked

MADE = ("build/", "results/")      # directories that builds and runs make


def targets():
    """The phony targets of the Makefile."""
    joined = text("Makefile").replace("\\\n", " ")
    return set(re.search(r"^\.PHONY: (.*)$", joined, re.M).group(1).split())


def code_blocks(name):
    """Lines of the fenced blocks of a Markdown file."""
    return [line.strip() for block in re.findall(r"^```.*?\n(.*?)^```", text(name), re.M | re.S)
            for line in block.splitlines()]


def test_help_lists_every_target():
    done = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    listed = set(re.findall(r"^  ([a-z-]+)\s+\S", done.stdout, re.M))
    assert targets() - listed == set(), "targets that `make help` does not list"
    assert len(listed) > 10


def test_commands_in_the_documentation_exist():
    variables = set(re.findall(r"\b[A-Z][A-Z_]+\b", text("Makefile")))
    problems = []
    for name in markdown_files():
        commands = [c for c in code_blocks(name) if c.startswith("make ")]
        commands += re.findall(r"`(make [^`]+)`", text(name))
        for command in commands:
            for word in command.split("#")[0].split()[1:]:
                variable = re.match(r"\[?([A-Z]+)=", word)
                if variable and variable.group(1) not in variables:
                    problems.append(f"{name}: {command}: no variable {variable.group(1)}")
                elif re.fullmatch(r"[a-z][a-z-]*", word) and word not in targets():
                    problems.append(f"{name}: {command}: no target {word}")
                elif not variable:
                    break                           # the rest is a value with blanks, or an option
        problems += [f"{name}: no variable {variable}"
                     for variable in re.findall(r"`([A-Z_]{2,})=[^`]*`", text(name))
                     if variable not in variables]
        for command in code_blocks(name):
            script = re.match(r"(?:\./)?((?:scripts|\.ci|vm-images)/[\w./-]+)", command)
            if script and not (ROOT / script.group(1)).exists():
                problems.append(f"{name}: no {script.group(1)}")
    report(problems)


def test_c_in_the_documentation_compiles():
    blocks = [block for name in markdown_files()
              for block in re.findall(r"^```c\n(.*?)^```", text(name), re.M | re.S)]
    assert blocks
    for block in blocks:
        done = subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-x", "c",
                               "-fsyntax-only", "-Ilibos/include", "-"], cwd=ROOT, input=block,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_paths_in_the_documentation_exist():
    top = {name.split("/")[0] for name in tracked() if "/" in name}
    problems = []
    for name in markdown_files():
        for quoted in re.findall(r"`([\w.*{},/-]+/[\w.*{},/-]*)`", text(name)):
            if quoted.split("/")[0] in top and not quoted.startswith(MADE):
                for path in alternatives(quoted):
                    if not list(ROOT.glob(path.rstrip("/"))):
                        problems.append(f"{name}: no {path}")
    report(problems)


def alternatives(path):
    """a/{b,c}.h as a/b.h and a/c.h."""
    found = re.search(r"\{([^}]*)\}", path)
    if not found:
        return [path]
    return [p for word in found.group(1).split(",")
            for p in alternatives(path[:found.start()] + word + path[found.end():])]


def test_links_lead_somewhere():
    report(f"{name}: {target}" for name in markdown_files()
           for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text(name))
           if not target.startswith("http")
           and not (ROOT / name).parent.joinpath(target).exists())


@pytest.mark.parametrize("name", ["docs/walk.md", "docs/overview.md", "docs/testing.md",
                                  "docs/measuring.md"])
def test_functions_in_the_documentation_exist(name):
    sources = "\n".join(text(n) for n in ours()
                        if n.endswith((".c", ".h", ".S", ".py")) and "/tests/style/" not in n)
    known = set(re.findall(r"\b[A-Za-z_]\w*\b", sources))
    named = set(re.findall(r"`(?:[\w./]+ · )?(\w+)\(\)`", text(name)))
    report(f"{name}: no function {function}()" for function in sorted(named - known))


def test_the_table_of_exits_is_current():
    done = subprocess.run(["scripts/gen-exits"], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == text("docs/exits.md"), \
        "docs/exits.md is out of date: scripts/gen-exits >docs/exits.md"


def public_functions():
    """Names of the functions that libdune's headers declare."""
    found = set()
    for name in ours():
        if re.match(r"libos/include/.*\.h$", name):
            code = re.sub(r"/\*.*?\*/", "", text(name), flags=re.S)
            found |= set(re.findall(r"^[a-z][\w *]*?\b(dune_\w+)\(", code, re.M))
    assert len(found) > 8
    return found


def man_pages():
    return [name for name in ours() if re.match(r"libos/man/.*\.[1-8]$", name)]


def section(page, title):
    """The text of one section of a man page, without font changes."""
    found = re.search(rf'^\.SH "?{title}"?\n(.*?)(?=^\.SH|\Z)', text(page), re.M | re.S)
    return re.sub(r"\\f.", "", found.group(1)).replace("\\-", "-") if found else ""


def test_every_public_function_has_a_man_page():
    named = " ".join(section(page, "NAME").split(" - ")[0] for page in man_pages())
    shown = " ".join(section(page, "SYNOPSIS") for page in man_pages())
    report(f"{function}() is not in {where} of any page in libos/man"
           for function in sorted(public_functions())
           for where, content in (("NAME", named), ("SYNOPSIS", shown))
           if not re.search(rf"\b{function}\b", content))


def test_every_public_function_is_used_in_an_example():
    code = " ".join(text(name) for name in ours() if name.startswith("libos/examples/"))
    # dune_vm_lookup and dune_in_guest are for tools; tests use them.
    rest = " ".join(text(name) for name in ours() if name.startswith("libos/tests/"))
    report(f"{function}() is in no example and no test" for function in sorted(public_functions())
           if f"{function}(" not in code + rest)


def test_man_pages_describe_nothing_that_is_gone():
    """Every dune_ word is in a public header or names a tracepoint."""
    sources = " ".join(text(n) for n in ours() if n == "modules/core/trace.h"
                       or n.startswith(("libos/include/", "modules/include/")))
    report(f"{page}: {word}" for page in man_pages()
           for word in set(re.findall(r"\b(?:dune|DUNE)_\w+\b",
                                      re.sub(r"^\.TH.*", "", text(page), flags=re.M)))
           if not re.search(rf"\b{word}\b", sources) and not word.startswith("DUNE_EXIT_"))


def test_man_pages_have_every_constant_and_counter():
    written = " ".join(text(page).replace("\\", "") for page in man_pages())
    headers = " ".join(re.sub(r"/\*.*?\*/", "", text(n), flags=re.S) for n in ours()
                       if re.match(r"(libos|modules)/include/.*\.h$", n))
    names = set(re.findall(r"#define (DUNE_\w+) ", headers))
    names |= set(re.findall(r"^\t(DUNE_\w+) =", headers, re.M))
    names -= {"DUNE_IOC", "DUNE_STATS_EXITS_MAX"}
    counters = re.search(r"struct dune_counters \{(.*?)\n\};", headers, re.S).group(1)
    names |= set(re.findall(r"(\w+);", counters))
    assert len(names) > 40
    report(f"{name} is in no man page" for name in sorted(names)
           if not re.search(rf"\b{name}\b", written))


def test_exit_reasons_in_man_pages_exist():
    reasons = set(re.findall(r"X\((\w+), \d", text("modules/include/uapi/dune.h")))
    used = {word for page in man_pages() for word in re.findall(r"DUNE_EXIT_(\w+)", text(page))}
    assert used == reasons


@pytest.mark.parametrize("page", man_pages())
def test_man_pages_are_well_formed(page):
    assert shutil.which("groff"), "groff is missing: run make deps"
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", page], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for title in ("NAME", "DESCRIPTION", "SEE ALSO"):
        assert section(page, title), f"{page} has no {title}"
    name, number = page.rsplit("/", 1)[1].rsplit(".", 1)
    assert re.search(rf'^\.TH "?{name}"? "?{number}"? ', text(page), re.M | re.I), ".TH differs"


def test_the_threat_model_names_tests_that_exist():
    model = text("docs/threat-model.md")
    programs = {re.sub(r".*/", "test-", n).removesuffix(".c") for n in ours()
                if re.fullmatch(r"(libos|modules)/tests/[a-z_0-9]+\.c", n)}
    functions = " ".join(text(n) for n in ours() if n.startswith("harness/tests/guest/"))
    named = set(re.findall(r"`(test[-_][a-z_0-9]+)`", model))
    assert len(named) > 15
    report(f"docs/threat-model.md: no test {name}" for name in sorted(named)
           if name not in programs and f"def {name}(" not in functions)
    rows = [line for line in model.splitlines() if line.startswith("| the ")
            or line.startswith("| other")]
    report(f"a promise without a test: {row}" for row in rows if "`test" not in row)
