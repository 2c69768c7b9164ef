# SPDX-License-Identifier: MIT
"""Runs one of Python's own test modules and prints each test's outcome, without times.

python_tests.py MODULE [WORD]...: only tests whose names contain one of the words, if there are any.
"""

import os
import sys
import unittest

from test import support


class Outcomes(unittest.TestResult):
    """{test: its worst outcome}"""

    def __init__(self):
        super().__init__()
        self.found = {}

    def startTest(self, test):
        self.found.setdefault(test.id(), "ok")
        print(test.id(), file=sys.__stderr__, flush=True)

    def addSkip(self, test, reason):
        self.found[test.id()] = "skipped"

    def _bad(self, test, error):
        self.found[test.id()] = "FAILED"
        print(f"FAILED {test.id()}\n{self._exc_info_to_string(error, test)}",
              file=sys.__stderr__, flush=True)

    def addError(self, test, err):
        self._bad(test, err)

    def addFailure(self, test, err):
        self._bad(test, err)

    def addSubTest(self, test, subtest, err):
        if err:
            self._bad(test, err)


name, only = sys.argv[1], sys.argv[2:]
support.verbose = 0
suite = unittest.defaultTestLoader.loadTestsFromName(f"test.{name}")


def flat(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


wanted = unittest.TestSuite(test for test in flat(suite)
                            if not only or any(word in test.id() for word in only))
outcomes = Outcomes()
wanted.run(outcomes)
for test, outcome in sorted(outcomes.found.items()):
    print(outcome, test)
print(f"{len(outcomes.found)} tests")
sys.stdout.flush()
os._exit(not all(outcome in ("ok", "skipped") for outcome in outcomes.found.values()))
