# SPDX-License-Identifier: MIT
"""Every file: its licence line, its length, its white space, and words that do not belong."""

import io
import re
import tokenize

from sources import c_files, ours, python_files, report, shell_files, text, tracked

LIMIT_LINES = 500
TAB = 8
# The first that matches. Tables of Markdown cannot be broken, a man page is what troff makes of it,
# and a recipe or a command is easier to read in one line.
LIMIT_COLUMNS = (
    (r".*\.(md|[1-8]|txt)$", None),
    (r".*\.(c|h|S|py)$", 100),
    (r"", 130),
)

MIT, GPL, LGPL = "MIT", "GPL-2.0", "LGPL-2.1-or-later"
LICENCES = (                    # the first that matches
    (r"LICENSES/", None),
    (r"modules/(tests|fuzz)/", MIT),
    (r"modules/include/uapi/", "GPL-2.0 WITH Linux-syscall-note"),
    (r"modules/", GPL),
    (r"vm-images/emulators/bochs/.*\.patch$", LGPL),
    (r"", MIT),
)

# Spelled in two halves, so that this file does not contain what it forbids. They stand for the
# machine or the company somebody happened to work on; a reader can do nothing with them.
FORBIDDEN = ["/wo" "rk/", "/tmp/" "w/", ".lib" "rary/", "/home/" "[a-z]", "/ro" "ot/[a-z]+/",
             r"debian\." "org", r"ubuntu\." "com", r"py" r"pi\.org", r"pythonhosted\." "org",
             r"npm" r"js\.", r"crates\." "io", r"proxy\.go" "lang", r"artifact" "ory",
             "cla" "ude", "anthro" "pic", "chat" "gpt"]


def test_the_licence_is_named_at_the_top():
    problems = []
    for name in ours():
        wanted = next(licence for pattern, licence in LICENCES if re.match(pattern, name))
        top = "\n".join(text(name).split("\n")[:3])
        found = re.search(r'SPDX-License-Identifier: (.+?)(?: -->| \*/|",)?$', top, re.M)
        if not found or found.group(1) != wanted:
            problems.append(f"{name}: want 'SPDX-License-Identifier: {wanted}' in line 1 to 3, "
                            f"found {found and found.group(1)}")
    report(problems)


def test_patches_name_their_licence():
    patches = [name for name in tracked() if name.endswith(".patch")]
    report(name for name in patches
           if not text(name).startswith(f"SPDX-License-Identifier: {LGPL}\n"))


def test_every_licence_has_its_text():
    used = {licence for _, licence in LICENCES if licence}
    names = {word for licence in used for word in licence.split(" WITH ")}
    report(f"LICENSES/{name}.txt is missing" for name in names
           if f"LICENSES/{name}.txt" not in tracked())


def test_no_file_is_too_long():
    lengths = {name: text(name).count("\n") for name in ours()}
    report(f"{name}: {lines} lines, split it" for name, lines in lengths.items()
           if lines > LIMIT_LINES)


def test_white_space():
    problems = []
    for name in ours():
        content = text(name)
        limit = next(columns for pattern, columns in LIMIT_COLUMNS if re.match(pattern, name))
        if content and not content.endswith("\n"):
            problems.append(f"{name}: no newline at the end")
        if content.endswith("\n\n"):
            problems.append(f"{name}: blank lines at the end")
        for number, line in enumerate(content.split("\n"), 1):
            if line != line.rstrip():
                problems.append(f"{name}:{number}: blanks or CR at the end of the line")
            if limit and len(line.expandtabs(TAB)) > limit:
                problems.append(f"{name}:{number}: more than {limit} columns")
    report(problems)


def test_c_is_indented_by_tabs():
    report(f"{name}:{number}: indented by blanks" for name in c_files()
           for number, line in enumerate(text(name).split("\n"), 1)
           if re.match(r"\t* {8}|\t* +\t|  +[^ *]", line))


def test_shell_is_indented_by_tabs():
    report(f"{name}:{number}: indented by blanks" for name in shell_files()
           for number, line in enumerate(without_heredocs(text(name)), 1)
           if re.match(r" +[^ ]", line))


def without_heredocs(content):
    """The lines of a shell script; those of here-documents and quoted blocks are empty."""
    end, lines = None, []
    for line in content.split("\n"):
        if end is None:
            lines.append(line)
            start = re.search(r"<<-?\s*['\"]?(\w+)['\"]?", line)
            end = start and start.group(1)
        else:
            lines.append("")
            if line.strip() == end:
                end = None
    return lines


def test_python_is_not_indented_by_tabs():
    """Strings may hold tabs: some are shell scripts."""
    problems = []
    for name in python_files():
        for token in tokenize.generate_tokens(io.StringIO(text(name)).readline):
            if token.type == tokenize.INDENT and "\t" in token.string:
                problems.append(f"{name}:{token.start[0]}: a tab")
    report(problems)


def test_nothing_speaks_of_one_machine():
    bad = re.compile("|".join(FORBIDDEN), re.I)
    report(f"{name}:{number}: '{found.group(0)}'" for name in ours()
           for number, line in enumerate(text(name).split("\n"), 1)
           for found in [bad.search(line)] if found)


def test_c_files_begin_with_their_purpose():
    """After the licence line: a comment. (A file's name in it would rot.)"""
    problems = []
    for name in c_files():
        lines = text(name).split("\n")
        if not lines[1].startswith("/*"):
            problems.append(f"{name}: the second line does not begin a comment")
        elif name.rsplit("/", 1)[-1] in "".join(lines[1:4]):
            problems.append(f"{name}: the first comment has the file's name in it")
    report(problems)
