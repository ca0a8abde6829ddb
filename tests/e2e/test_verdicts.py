"""From a push to a verdict, for each kind of commit."""
from conftest import RUN, condition
from tests.support.cluster import unittest_file, wait_for


def test_good_failing_and_fixed_commits_get_their_verdicts(system):
    repository = system.repository()
    good = repository.commit("Add the engine", {
        "app.py": "def add(a, b):\n    return a + b\n",
        "tests/test_app.py": unittest_file("from app import add; self.assertEqual(add(2, 2), 4)")})
    repository.push()
    passed = system.verdict(repository, good)
    assert passed["status"]["result"] == "Passed", passed["status"]
    assert passed["status"]["summary"]["passed"] == 1
    assert passed["status"]["display"]["tests"] == "1/1"
    assert condition(passed, "Succeeded")["reason"] == "TestsPassed"
    assert condition(passed, "Completed")["status"] == "True"

    bad = repository.commit("Break it", {"app.py": "def add(a, b):\n    return a - b\n"})
    repository.push()
    failed = system.verdict(repository, bad)
    assert failed["status"]["result"] == "Failed", failed["status"]
    assert failed["status"]["display"]["tests"] == "0/1"
    assert "test_app" in failed["status"]["failures"][0]["name"]
    assert failed["status"]["reproduceCommand"]
    assert condition(failed, "Succeeded")["reason"] == "TestsFailed"

    fixed = repository.commit("Fix it", {"app.py": "def add(a, b):\n    return b + a\n"})
    repository.push()
    assert system.verdict(repository, fixed)["status"]["result"] == "Passed"
    table = system.cluster.kubectl("get", "committests", "-n", RUN, "-l",
                                   f"committest.dev/repository={repository.name}")
    assert table.split()[:5] == ["NAME", "REPOSITORY", "BRANCH", "COMMIT", "RESULT"], table
    assert "TestsFailed" in table and "0/1" in table, table


def test_every_commit_of_one_push_is_tested(system):
    repository = system.repository()
    first = repository.commit("One", {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    system.verdict(repository, first)
    more = [repository.commit(f"More {n}", {"n": str(n)}) for n in range(3)]
    repository.push()
    for commit in more:
        assert system.verdict(repository, commit)["status"]["result"] == "Passed"
    assert len(system.tests_of(repository)) == 4


def test_tip_only_tests_the_tip_only(system):
    repository = system.repository({"commitPolicy": "TipOnly"})
    first = repository.commit("One", {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    system.verdict(repository, first)
    between = repository.commit("Two", {"n": "2"})
    tip = repository.commit("Three", {"n": "3"})
    repository.push()
    assert system.verdict(repository, tip)["status"]["result"] == "Passed"
    assert system.test_of(repository, between) is None


def test_only_the_branches_asked_for_are_tested(system):
    repository = system.repository({"refs": ["refs/heads/main", "refs/heads/release/*"]})
    release = repository.commit("One", {"tests/test_app.py": unittest_file("pass")})
    repository.push("release/1")
    other = repository.commit("Two", {"n": "2"})
    repository.push("wip")
    main = repository.commit("Three", {"n": "3"})
    repository.push("main")
    system.verdict(repository, release)
    system.verdict(repository, main)
    assert system.test_of(repository, other) is None


def test_a_flaky_test_is_never_plain_green(system):
    repository = system.repository({"template": {"retry": {"failedTestReruns": 1}}})
    flaky = unittest_file("import os; name = os.environ['HOME'] + '/seen'; "
                          "seen = os.path.exists(name); open(name, 'w').close(); "
                          "self.assertTrue(seen)")
    commit = repository.commit("Flaky", {"tests/test_app.py": flaky})
    repository.push()
    test = system.verdict(repository, commit)
    assert test["status"]["result"] == "Passed"
    assert condition(test, "Succeeded")["reason"] == "PassedWithFlakes"
    assert test["status"]["summary"]["flaky"] == 1
    assert test["status"]["display"]["reason"] == "PassedWithFlakes"


def test_a_commit_without_tests_is_an_error_not_a_pass(system):
    repository = system.repository()
    commit = repository.commit("Nothing", {"README": "no tests here\n"})
    repository.push()
    test = system.verdict(repository, commit)
    assert test["status"]["result"] == "Error"
    assert condition(test, "Succeeded")["reason"] == "NoTestsFound"


def test_a_commit_that_exits_at_import_never_passes(system):
    repository = system.repository()
    commit = repository.commit("Cheat", {"tests/test_app.py": "import os\nos._exit(0)\n"})
    repository.push()
    test = system.verdict(repository, commit)
    assert test["status"]["result"] in ("Error", "Failed"), test["status"]


def test_pytest_and_commands_are_counted(system):
    repository = system.repository({"template": {"tests": {"framework": "Pytest"}}})
    commit = repository.commit("Parametrised", {"tests/test_p.py": (
        "import pytest\n\n@pytest.mark.parametrize('n', range(5))\n"
        "def test_n(n):\n    assert n != 3\n")})
    repository.push()
    test = system.verdict(repository, commit)
    assert test["status"]["display"]["tests"] == "4/5", test["status"]

    report = ("<testsuite><testcase name='a'/><testcase name='b'><skipped/></testcase>"
              "</testsuite>")
    spec = {"template": {"tests": {"framework": "Command",
                                   "command": ["python3", "check.py"],
                                   "reportPaths": ["out/*.xml"]}}}
    repository = system.repository(spec)
    commit = repository.commit("Command", {"check.py": (
        f"import os\nos.makedirs('out')\nopen('out/r.xml', 'w').write(\"{report}\")\n")})
    repository.push()
    test = system.verdict(repository, commit)
    assert test["status"]["result"] == "Passed", test["status"]
    assert test["status"]["summary"] | {"durationMilliseconds": 0} == {
        "total": 2, "passed": 1, "failed": 0, "errored": 0, "skipped": 1,
        "durationMilliseconds": 0}


def test_a_time_limit_and_a_memory_limit_have_their_own_reasons(system):
    repository = system.repository({"template": {"execution": {"timeoutSeconds": 2}}})
    slow = repository.commit("Slow", {"tests/test_app.py": unittest_file(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)")})
    repository.push()
    hungry_repository = system.repository(
        {"template": {"execution": {"resources": {"memory": "96Mi"}}}})
    hungry = hungry_repository.commit("Hungry", {"tests/test_app.py": unittest_file(
        "x = [bytearray(1 << 20) for _ in range(4096)]")})
    hungry_repository.push()
    timed_out = system.verdict(repository, slow)
    assert timed_out["status"]["result"] == "Failed"
    assert condition(timed_out, "Succeeded")["reason"] == "TimedOut"
    out_of_memory = system.verdict(hungry_repository, hungry)
    assert out_of_memory["status"]["result"] == "Failed"
    assert condition(out_of_memory, "Succeeded")["reason"] == "OutOfMemory"


def test_why_it_does_not_run_is_in_the_object(system):
    repository = system.repository({"template": {"execution": {
        "image": "registry.invalid/missing:1"}}})
    commit = repository.commit("One", {"tests/test_app.py": unittest_file("pass")})
    repository.push()

    def explained(reason):
        test = system.test_of(repository, commit)
        return test and condition(test, "Started")["reason"] == reason and test
    test = wait_for("the image error in the condition", lambda: explained("ImagePull"), 60)
    assert "registry.invalid/missing:1" in condition(test, "Started")["message"]
    assert test["status"]["display"]["reason"] == "ImagePull"

    repository = system.repository({"template": {"execution": {
        "nodeSelector": {"disk": "nowhere"}}}})
    commit = repository.commit("One", {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    wait_for("the scheduler's words in the condition", lambda: explained("Unschedulable"), 30)


def test_a_commit_test_made_by_hand_runs(system):
    repository = system.repository({"suspend": True})
    commit = repository.commit("One", {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    system.cluster.apply({
        "apiVersion": "committest.dev/v1alpha1", "kind": "CommitTest",
        "metadata": {"name": "by-hand", "namespace": RUN},
        "spec": {"source": {"url": repository.url, "commit": commit}}})
    test = wait_for("a verdict", lambda: (
        lambda t: t if t.get("status", {}).get("result") else None)(
            system.cluster.get("committest", "by-hand", RUN)))
    assert test["status"]["result"] == "Passed", test["status"]
    gone = "0123456789" * 4
    system.cluster.apply({
        "apiVersion": "committest.dev/v1alpha1", "kind": "CommitTest",
        "metadata": {"name": "gone", "namespace": RUN},
        "spec": {"source": {"url": repository.url, "commit": gone}}})
    test = wait_for("a verdict", lambda: (
        lambda t: t if t.get("status", {}).get("result") else None)(
            system.cluster.get("committest", "gone", RUN)))
    assert test["status"]["result"] == "Error"
    assert condition(test, "Succeeded")["reason"] == "CommitGone"
