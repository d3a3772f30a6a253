# SPDX-License-Identifier: MIT
"""Runs the unittest tests of a file and prints TAP, so that each check counts and each skip shows with its reason."""
import os
import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.partly_failed = None

    def say(self, ok, test, note=""):
        self.number += 1
        name = getattr(test, "_testMethodName", str(test))
        name = name[len("test_"):] if name.startswith("test_") else name
        print("%s %d - %s%s" % ("ok" if ok else "not ok", self.number, name, note), flush=True)

    def fail(self, test, error):
        self.say(False, test)
        # On standard error: that is what meson shows of a test program that failed.
        for line in self._exc_info_to_string(error, test).splitlines():
            print("# " + line.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.say(True, test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.fail(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self.fail(test, error)

    def addSubTest(self, test, subtest, error):
        """Called for each part; addSuccess() follows only if none of them failed."""
        super().addSubTest(test, subtest, error)
        if error is not None and test is not self.partly_failed:
            self.partly_failed = test
            self.fail(test, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say(True, test, " # SKIP " + reason.replace("\n", " "))


def main():
    """Run the tests of __main__: all, or those whose names contain one of the arguments."""
    os.umask(0o022)  # documents that others may write to are refused
    suite = unittest.TestSuite()
    words = sys.argv[1:]
    for case in unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]):
        for test in case:
            if not words or any(word in test.id() for word in words):
                suite.addTest(test)
    print("TAP version 13")
    print("1..%d" % suite.countTestCases(), flush=True)
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() and result.number > 0 else 1)
