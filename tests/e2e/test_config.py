"""What a commit says about its own test: `.committest.yaml`, paths and the words that ask for none."""
import re
import types

import pytest

from conftest import RUN, condition
from tests.support.cluster import unittest_file

SPEC = {
    "initialCommits": 20,
    "pathsIgnore": ["docs/**"],
    "configFile": {"policy": "Use", "allowedOverrides": ["Env"]},
    "template": {"execution": {"env": [{"name": "OF_TEMPLATE", "value": "one"}],
                               "timeoutSeconds": 120}},
}

# A program that no framework finds: three tests in a report, the last of which fails without the
# variables of the template and of the file.
SUITE = """import os
import pathlib

names = ["OF_TEMPLATE", "OF_FILE"]
fit = [os.environ.get(name) for name in names] == ["one", "two"]
pathlib.Path("out").mkdir()
pathlib.Path("out/suite.xml").write_text(
    '<testsuite name="suite"><testcase name="a"/><testcase name="b"/><testcase name="variables">'
    + ("" if fit else '<failure message="not the variables"/>') + "</testcase></testsuite>")
raise SystemExit(0 if fit else 1)
"""

CONFIGURED = """tests:
  framework: Command
  command: [python3, suite.py]
  reportPaths: ["out/*.xml"]
execution:
  timeoutSeconds: 60
  env:
    - {name: OF_FILE, value: two}
"""

# What the file says, and what must be in the message: the place, the field, what was expected.
REFUSED = {
    "image": ("execution:\n  image: registry.example.com/other:1\n", [
        "line 2, column 3", "execution.image", "allowedOverrides of the ObservedRepository does not "
        "hold Image"]),
    "timeout": ("execution:\n  startTimeoutSeconds: 60\n  timeoutSeconds: 600\n", [
        "line 3, column 3", "execution.timeoutSeconds is 600, expected at most 120", "Timeouts"]),
    "unknown key": ("tests:\n  framework: Unittest\n  folder: checks\n", [
        "line 3, column 3", "tests.folder is not known here", "framework, path"]),
    "anchor": ("tests: &same\n  framework: Unittest\n", [
        "line 1, column 8", "anchors are not allowed"]),
    "too large": (f"# {'x' * 64 * 1024}\n", ["line 1, column 1", "at most 65536 bytes"]),
}


@pytest.fixture(scope="module")
def pushed(system, gitea):
    """A repository and the commits of its first push, by what they are about."""
    repository = gitea.repository(SPEC)
    commits = {
        "plain": repository.commit("Plain", {"tests/test_app.py": unittest_file("pass")}),
        "configured": repository.commit("Configured", {
            "suite.py": SUITE, ".committest.yaml": CONFIGURED}),
    }
    for name, (text, _) in REFUSED.items():
        commits[name] = repository.commit(f"With {name}", {".committest.yaml": text})
    # The wrong file is still there: nobody looks at it.
    commits["documentation"] = repository.commit("Words", {"docs/guide.md": "Words.\n"})
    commits["asks"] = repository.commit("Unfinished [skip ci]", {"n": "1"})
    repository.push()
    return types.SimpleNamespace(repository=repository, commits=commits)


@pytest.fixture
def ended(system, pushed):
    """The CommitTest of a commit once it has a result."""
    return lambda name: system.verdict(pushed.repository, pushed.commits[name])


def row_of(system, test):
    """What `kubectl get committests` shows of it, by column."""
    header, row = system.cluster.kubectl(
        "get", "committest", test["metadata"]["name"], "-n", RUN).splitlines()
    return {column[0].strip(): row[column.start():column.end()].strip()
            for column in re.finditer(r"\S+\s*", header)}


def assert_not_run(system, test, result, reason):
    """It ended so, and no Job was ever made; people see it in the list and in the details."""
    assert test["status"]["result"] == result, test["status"]
    assert condition(test, "Succeeded")["reason"] == reason, test["status"]
    assert system.jobs_of(test) == [] and "attempts" not in test["status"]
    row = row_of(system, test)
    assert (row["RESULT"], row["REASON"]) == (result, reason), row
    message = condition(test, "Succeeded")["message"]
    assert message in system.cluster.kubectl(
        "describe", "committest", test["metadata"]["name"], "-n", RUN)
    return message


def test_the_file_of_a_commit_says_how_it_is_tested(system, ended):
    plain, configured = ended("plain"), ended("configured")
    assert plain["status"]["result"] == "Passed", plain["status"]
    assert plain["status"]["display"]["tests"] == "1/1"
    assert configured["status"]["result"] == "Passed", configured["status"]
    assert configured["status"]["summary"]["total"] == 3
    assert row_of(system, configured)["TESTS"] == "3/3"
    assert configured["spec"]["tests"]["command"] == ["python3", "suite.py"]
    assert configured["spec"]["execution"]["timeoutSeconds"] == 60
    # The name holds a hash of how it is tested.
    assert (plain["metadata"]["name"].rsplit("-", 1)[1]
            != configured["metadata"]["name"].rsplit("-", 1)[1])


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_wrong_says_where_and_what(system, ended, name):
    message = assert_not_run(system, ended(name), "Error", "ConfigurationError")
    assert message.startswith(".committest.yaml, "), message
    for words in REFUSED[name][1]:
        assert words in message, message


def test_what_is_skipped_says_why(system, ended):
    message = assert_not_run(system, ended("documentation"), "Skipped", "PathsUnaffected")
    assert "docs/**" in message, message
    message = assert_not_run(system, ended("asks"), "Skipped", "SkipRequested")
    assert "[skip ci]" in message, message


def test_the_next_ordinary_commit_is_tested(system, pushed):
    commit = pushed.repository.commit("Corrected", {
        ".committest.yaml": None, "tests/test_app.py": unittest_file("self.fail('again')")})
    pushed.repository.push()
    test = system.verdict(pushed.repository, commit)
    assert test["status"]["result"] == "Failed", test["status"]
    assert test["status"]["display"]["tests"] == "0/1"
    assert len(system.tests_of(pushed.repository)) == len(pushed.commits) + 1
