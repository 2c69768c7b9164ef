# SPDX-License-Identifier: MIT
"""Runs one of Python's own test modules and prints each test's outcome, without times.

python_tests.py MODULE [SKIPS]: without those that the file SKIPS lists, as MODULE.CLASS.TEST with
wildcards, each with a reason.
"""

import fnmatch
import os
import sys
import unittest

from test import support


class Outcomes(unittest.TestResult):
    """{test: its worst outcome}"""

    def __init__(self):
        super().__init__()
        self.found, self.reasons = {}, []

    def startTest(self, test):
        self.found.setdefault(test.id(), "ok")
        print(test.id(), file=sys.__stderr__, flush=True)

    def addSkip(self, test, reason):
        self.found[test.id()] = "skipped"

    def _bad(self, test, error):
        self.found[test.id()] = "FAILED"
        self.reasons.append(f"FAILED {test.id()}\n{self._exc_info_to_string(error, test)}")

    def addError(self, test, err):
        self._bad(test, err)

    def addFailure(self, test, err):
        self._bad(test, err)

    def addSubTest(self, test, subtest, err):
        if err:
            self._bad(test, err)


name, skips = sys.argv[1], []
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as lines:
        skips = [f"test.{line.split()[0]}" for line in lines if line.startswith(f"{name}.")]
support.verbose = 0
# Of a machine that is hundreds of times slower than those they were meant for.
support.LOOPBACK_TIMEOUT = support.SHORT_TIMEOUT = support.INTERNET_TIMEOUT = 600
support.LONG_TIMEOUT = 1800
suite = unittest.defaultTestLoader.loadTestsFromName(f"test.{name}")


def flat(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


everything = list(flat(suite))
idle = [skip for skip in skips if not any(fnmatch.fnmatchcase(test.id(), skip)
                                          for test in everything)]
assert not idle, f"no tests: {idle}"
wanted = unittest.TestSuite(test for test in everything
                            if not any(fnmatch.fnmatchcase(test.id(), skip) for skip in skips))
outcomes = Outcomes()
wanted.run(outcomes)
# Deadlines of tenths of a second are missed on a busy host: once more alone, like regrtest -w.
late = [test for test in everything if outcomes.found.get(test.id()) == "FAILED"]
for test in late:
    del outcomes.found[test.id()]
again = unittest.defaultTestLoader.loadTestsFromNames([test.id() for test in late])
again.run(outcomes)
for test, outcome in sorted(outcomes.found.items()):
    print(outcome, test)
print(f"{len(outcomes.found)} tests")
print("\n".join(outcomes.reasons), file=sys.stderr, flush=True)
sys.stdout.flush()
os._exit(not all(outcome in ("ok", "skipped") for outcome in outcomes.found.values()))
