"""Runs a folder's unittest tests and writes a JUnit report.

Called in the checkout as
  unittest_program.py REPORT PATH [NAME...]     to run all tests, or those with these names,
  unittest_program.py --share FILE REPORT PATH  to run those whose modules are not in {"others": [...]},
  unittest_program.py --list FILE PATH          to write the tests' modules there, as a JSON list.
Finds what `python3 -m unittest discover -s PATH` finds, prints what `-v` prints, and counts as
unittest's own last line does: every failure, error and skip that unittest reports is one test case, subtests and
class or module fixtures included; a test method without any of them passed.
"""

import os
import re
import sys
import time
import unittest

# What XML 1.0 (section 2.2) allows; anything else would make the report unreadable.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Not of xml.sax.saxutils: it and inspect load fifty modules more, as much as unittest itself.
XML_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
XML_ATTRIBUTE = {**XML_TEXT, **str.maketrans(
    {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})}
MAX_DETAIL = 20000
EXIT_FAILED = 1
EXIT_NO_TESTS = 5


def is_failed_import(test):
    return isinstance(test, unittest.loader._FailedTest)


def element(text):
    """The text as the content of an element."""
    return NOT_XML.sub("\ufffd", text).translate(XML_TEXT)


def quoted(text):
    """The text as the value of an attribute, with its quotes."""
    return '"' + NOT_XML.sub("\ufffd", text).translate(XML_ATTRIBUTE) + '"'


def module_of(test):
    """Where the test's class is from, as unittest sees it for fixtures of modules; of a module that
    could not be loaded or that skips itself its own name."""
    test = getattr(test, "test_case", test)
    module = str(type(test).__module__)
    if module == "unittest.loader":
        module = test._testMethodName
    # Bytes that are no UTF-8 replaced: JSON could not carry them.
    return module.encode("utf-8", "replace").decode("utf-8")


def source_file(test, root):
    """The test's file, relative to the checkout, or an empty string."""
    test = getattr(test, "test_case", test)
    try:
        path = os.path.realpath(sys.modules[type(test).__module__].__file__)
    except (AttributeError, KeyError, TypeError, ValueError, OSError):
        return ""
    return os.path.relpath(path, root) if path.startswith(root + os.sep) else ""


class JunitResult(unittest.TextTestResult):
    """unittest's own verbose output, and each outcome recorded as a JUnit test case."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cases = []
        self.root = os.path.realpath(os.getcwd())
        self.started = time.monotonic()

    def startTest(self, test):
        self.started = time.monotonic()
        super().startTest(test)

    def record(self, test, kind=None, message="", detail=""):
        seconds = time.monotonic() - self.started
        name = test._testMethodName if is_failed_import(test) else test.id()
        head = (f"<testcase name={quoted(name)} file={quoted(source_file(test, self.root))}"
                f" module={quoted(module_of(test))} time=\"{seconds:.3f}\"")
        if kind is None:
            self.cases.append(head + "/>")
            return
        self.cases.append(f"{head}><{kind} message={quoted(message[:MAX_DETAIL])}>"
                          f"{element(detail[-MAX_DETAIL:])}</{kind}></testcase>")

    def record_exception(self, test, kind, err):
        error_type, error, _ = err
        try:
            words = str(error)
        except Exception:  # The tests' own __str__ may raise.
            words = "(cannot be shown)"
        first_line = (words.strip().splitlines() or [""])[0]
        # A module that cannot be imported says why only in the last line of its traceback.
        if is_failed_import(test):
            first_line = (words.strip().splitlines() or [""])[-1]
        self.record(test, kind, f"{error_type.__name__}: {first_line}",
                    self._exc_info_to_string(err, test))

    def addSuccess(self, test):
        super().addSuccess(test)
        self.record(test)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.record(test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.record(test, "failure", "unexpected success")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.record(test, "skipped", str(reason))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.record_exception(test, "failure", err)

    def addError(self, test, err):
        super().addError(test, err)
        self.record_exception(test, "error", err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            failed = issubclass(err[0], test.failureException)
            self.record_exception(subtest, "failure" if failed else "error", err)


def top_level_folder(folder):
    """The first folder upwards that is no package, so that relative imports work; not above '.'."""
    top = folder
    while os.path.isfile(os.path.join(top, "__init__.py")) and top != os.curdir:
        top = os.path.dirname(top) or os.curdir
    return top


def load(path):
    folder, pattern = (path, "test*.py")
    if os.path.isfile(path):
        folder, pattern = os.path.dirname(path) or os.curdir, os.path.basename(path)
    loader = unittest.TestLoader()
    return loader.discover(folder, pattern=pattern, top_level_dir=top_level_folder(folder))


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def only(suite, names):
    """Of the suite the tests with these names."""
    return unittest.TestSuite(test for test in tests_of(suite) if test.id() in names)


def without(suite, others):
    """The suite without the tests of these modules; it stays the object that it is."""
    tests = []
    for item in suite:
        if isinstance(item, unittest.BaseTestSuite):
            if without(item, others)._tests:
                tests.append(item)
        elif module_of(item) not in others:
            tests.append(item)
    suite._tests = tests
    return suite


def write_list(path, suite):
    import json  # Of a run that is split alone: eight modules more.

    with open(path + ".partial", "w", encoding="utf-8") as file:
        json.dump(sorted({module_of(test) for test in tests_of(suite)}), file)
    os.rename(path + ".partial", path)


def read_others(path):
    import json  # As above.

    with open(path, encoding="utf-8") as file:
        return set(json.load(file)["others"])


def write_report(path, cases):
    """Written beside its place and renamed, so that half a report is never taken for one."""
    with open(path + ".partial", "w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<testsuite name="unittest">\n')
        file.write("\n".join(cases))
        file.write("\n</testsuite>\n")
    os.rename(path + ".partial", path)


def main():
    arguments = sys.argv[1:]
    option, shard_file = (arguments.pop(0), arguments.pop(0)) if arguments[0][:2] == "--" else ("", "")
    report = arguments.pop(0) if option != "--list" else ""
    path, *names = arguments
    # As with `python3 -m unittest`: imports start at the checkout, not at this program's folder.
    sys.path[0] = os.getcwd()
    sys.argv[:] = ["python3 -m unittest"]
    owner = os.getpid()
    suite = load(path)
    if option == "--list":
        if os.getpid() == owner:
            write_list(shard_file, suite)
        return 0
    if option == "--share":
        suite = without(suite, read_others(shard_file))
    elif names:
        suite = only(suite, names)
    warnings = None if sys.warnoptions else "default"
    result = unittest.TextTestRunner(verbosity=2, resultclass=JunitResult,
                                     warnings=warnings).run(suite)
    if os.getpid() != owner:
        return EXIT_FAILED  # A test forked and let its child return into here.
    write_report(report, result.cases)
    if not result.cases:
        return EXIT_NO_TESTS
    return 0 if result.wasSuccessful() else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
