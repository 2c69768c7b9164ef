# SPDX-License-Identifier: MIT
"""Folded stacks: {(frame, ...): count}, the outermost frame first, and the usual text of them."""


def fold(stacks):
    """The text, a line each, sorted; what separates frames is replaced in names."""
    lines = [f"{';'.join(map(_plain, frames))} {count}" for frames, count in stacks.items()]
    return "".join(line + "\n" for line in sorted(lines))


def unfold(text):
    """The stacks of a text, also as perf's scripts write it; ValueError names the line that is
    none."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        names, _, count = line.rpartition(" ")
        if not names or not count.isdigit():
            raise ValueError(f"line {number} is no folded stack: {line[:60]!r}")
        key = tuple(names.split(";"))
        found[key] = found.get(key, 0) + int(count)
    return found


def below(stacks, first):
    """The stacks whose outermost frame is `first`, without it."""
    return {frames[1:]: count for frames, count in stacks.items() if frames[0] == first}


def inclusive(stacks):
    """{frame: count of all stacks that it is in}, each stack once however often it recurs."""
    found = {}
    for frames, count in stacks.items():
        for frame in set(frames):
            found[frame] = found.get(frame, 0) + count
    return found


def printable(text):
    """A name may hold anything, a terminal's commands, too; it stays on its line."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _plain(frame):
    return printable(frame).replace(";", ":")
