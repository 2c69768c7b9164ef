# SPDX-License-Identifier: MIT
"""Reads KTAP (and TAP 13/14), the lines in which the guest's test programs report.

Tolerant of what a console mixes in: kernel messages, carriage returns, time stamps before a line.
Intolerant of what is missing: a planned test without a result is an ERROR, and so is no plan.
Format: https://docs.kernel.org/dev-tools/ktap.html
"""

import re
from dataclasses import dataclass, field

PASS, FAIL, SKIP, ERROR = "PASS", "FAIL", "SKIP", "ERROR"

_STAMP = re.compile(r"^\[ *[0-9]+\.[0-9]+\] ")
_VERSION = re.compile(r"^(K?TAP version [0-9]+)$")
_PLAN = re.compile(r"^1\.\.([0-9]+)(?:\s*#\s*(.*))?$")
_RESULT = re.compile(r"^(not )?ok ([0-9]+)(?: (?:- )?([^#]*?))?\s*(?:#\s*(.*))?$")
_BAIL = re.compile(r"^Bail out!\s*(.*)$")


@dataclass
class Test:
    """One test and its subtests. `text` is the reason of a skip or error, or its diagnostics."""

    name: str
    status: str
    text: str = ""
    subtests: list = field(default_factory=list)

    def walk(self, prefix=""):
        """(full name, test) of this test and everything below it, parents first."""
        name = prefix + self.name
        yield name, self
        for test in self.subtests:
            yield from test.walk(name + "/")


@dataclass
class Report:
    """All top-level tests of one output."""

    tests: list

    @property
    def ok(self):
        """At least one test passed or was skipped, and none failed or is missing."""
        return bool(self.tests) and not self.failures()

    def count(self, status):
        """How many tests without subtests have that status."""
        return sum(t.status == status and not t.subtests for _, t in self._all())

    def failures(self):
        """['name: FAIL text', ...] of every failed, erroneous or missing test."""
        return [f"{name}: {t.status} {t.text}".rstrip()
                for name, t in self._all() if t.status in (FAIL, ERROR)]

    def _all(self):
        return [pair for test in self.tests for pair in test.walk()]


class _Suite:
    """The tests of one level of indentation, while they are being read."""

    def __init__(self, indent):
        self.indent = indent
        self.planned = None
        self.tests = {}             # number -> Test
        self.extra = []             # errors that belong to no number
        self.below = None           # finished deeper suite, waiting for its result line
        self.notes = []             # diagnostic lines since the last result

    def result(self, match):
        """Take an ok / not ok line."""
        number = int(match.group(2))
        name = (match.group(3) or "").strip() or f"test {number}"
        directive = match.group(4) or ""
        status = FAIL if match.group(1) else PASS
        if directive.upper().startswith("SKIP"):
            status = SKIP
        elif directive.upper().startswith("TODO") and status == FAIL:
            status = SKIP
        text = directive or "; ".join(self.notes)
        test = Test(name, status, text, self.below or [])
        self.below, self.notes = None, []
        if status == PASS and any(t.status in (FAIL, ERROR) for t in test.subtests):
            test.status, test.text = FAIL, "says ok, but a subtest failed"
        if number in self.tests or (self.planned is not None and number > self.planned):
            self.extra.append(Test(name, ERROR, f"number {number} again or beyond the plan"))
        else:
            self.tests[number] = test

    def plan(self, match):
        """Take a 1..N line."""
        if self.planned is not None:
            self.extra.append(Test("plan", ERROR, "a second plan"))
            return
        self.planned = int(match.group(1))
        if not self.planned and (match.group(2) or "").upper().startswith("SKIP"):
            self.extra.append(Test("plan", SKIP, match.group(2)))

    def finish(self):
        """All tests of this level, with an ERROR for whatever is missing."""
        if self.below is not None:
            self.extra.append(Test("(parent)", ERROR, "subtests without their result line",
                                   self.below))
        if self.planned is None:
            self.extra.append(Test("plan", ERROR, "no plan: the output is incomplete"))
        last = max([self.planned or 0, *self.tests])
        tests = [self.tests.get(n) or Test(f"test {n}", ERROR, "planned, but no result")
                 for n in range(1, last + 1)]
        return tests + self.extra


def parse(text):
    """The Report of an output. Without any KTAP line its only test is an ERROR."""
    stack = [_Suite(0)]
    seen = False
    for line in text.replace("\r", "").split("\n"):
        line = _STAMP.sub("", line)
        body = line.lstrip(" ")
        indent = len(line) - len(body)
        body = body.rstrip()
        if body.startswith("#") and not body.startswith("# Subtest"):
            stack[-1].notes.append(body.lstrip("# "))
            continue
        kinds = [(p, p.match(body)) for p in (_VERSION, _PLAN, _RESULT, _BAIL)]
        pattern, match = next(((p, m) for p, m in kinds if m), (None, None))
        if not match:
            continue
        seen = True
        while len(stack) > 1 and stack[-1].indent > indent:
            _close(stack)
        if indent > stack[-1].indent:
            stack.append(_Suite(indent))
        top = stack[-1]
        if pattern is _PLAN:
            top.plan(match)
        elif pattern is _RESULT:
            top.result(match)
        elif pattern is _BAIL:
            top.extra.append(Test("bail out", ERROR, match.group(1)))
    if not seen:
        return Report([Test("output", ERROR, "no KTAP in it")])
    while len(stack) > 1:
        _close(stack)
    return Report(stack[0].finish())


def _close(stack):
    """End the deepest suite and hand its tests to the one above."""
    done = stack.pop().finish()
    stack[-1].below = (stack[-1].below or []) + done
