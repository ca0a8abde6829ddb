"""What every runner must do: the MUST clauses of runner-image/CONTRACT.md, section by section. Tests
marked `own` are what committest-runner promises besides."""
import json
import signal
import time

import pytest

PASSING = "echo '<testsuite><testcase name=\"a\"/></testsuite>' > junit.xml"
FAILING = ("echo '<testsuite><testcase name=\"a\"><failure message=\"no\"/></testcase>"
           "<testcase name=\"b\"/></testsuite>' > junit.xml; exit 1")
COUNTS = ("total", "passed", "failed", "errored", "skipped")


def expect(end, exit_code, reason):
    """The end has this code, and a summary as section 3 says."""
    assert end.exit_code == exit_code, end
    assert len(end.termination_log) <= 2048, end
    end.termination_log.decode()
    summary = end.summary
    assert summary["reason"] == reason, end
    assert summary["total"] == sum(summary[name] for name in COUNTS[1:]), end
    assert summary["message"] and "\n" not in summary["message"], end
    return summary


# Section 1: input


@pytest.mark.parametrize("change", [
    {"surprise": 1}, {"timeoutSeconds": "1"}, {"timeoutSeconds": 0}, {"commit": "main"},
    {"commit": "--upload-pack=x"}, {"url": "ssh://git@host/a.git"}, {"url": "file:///etc"},
    {"url": "http://user:password@127.0.0.1/a.git"}], ids=str)
def test_an_invalid_request_is_exit_code_60(runner, change):
    request = runner.request({"a": ""}, PASSING)
    expect(runner.start({**request, **change}).end(), 60, "ConfigurationError")


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_what_is_no_request_is_exit_code_60(runner, text):
    expect(runner.start(text).end(), 60, "ConfigurationError")


def test_no_shell_reads_the_request(runner):
    request = runner.request({"a": ""}, PASSING)
    words = "$(touch ran) `touch ran`; touch ran\n'\""
    request["tests"]["command"] = ["sh", "-c", 'test "$1" = "$2" && test ! -e ran && ' + PASSING,
                                   "sh", words, words]
    expect(runner.start(request).end(), 0, "TestsPassed")


# Section 2: exit codes


def test_passed(runner):
    request = runner.request({"a": ""}, PASSING)
    summary = expect(runner.start(request).end(), 0, "TestsPassed")
    assert [summary[name] for name in COUNTS] == [1, 1, 0, 0, 0]
    assert summary["commit"] == request["commit"]


def test_failed(runner):
    summary = expect(runner.run(FAILING), 10, "TestsFailed")
    assert [summary[name] for name in COUNTS] == [2, 1, 1, 0, 0]


def test_failures_with_exit_code_0_are_failures(runner):
    expect(runner.run(FAILING.replace("exit 1", "exit 0")), 10, "TestsFailed")


@pytest.mark.parametrize("script", ["sleep 600", "trap '' TERM; while :; do sleep 1; done"],
                         ids=["sleeps", "deaf"])
def test_timed_out(runner, script):
    started = time.monotonic()
    expect(runner.run(f"{PASSING}; {script}", timeoutSeconds=1), 10, "TimedOut")
    assert time.monotonic() - started < 15


def test_checkout_failed(runner):
    expect(runner.run(PASSING, url="http://127.0.0.1:1/none.git"), 20, "CheckoutFailed")


def test_commit_gone(runner):
    expect(runner.run(PASSING, commit="0123456789" * 4), 21, "CommitGone")


@pytest.mark.parametrize("report", [
    "<testsuite/>", "<testsuite></testsuite>",
    "<testsuite><testcase name='a'><skipped/></testcase></testsuite>"], ids=[
        "none", "empty", "skipped"])
def test_no_tests(runner, report):
    expect(runner.run(f'echo "{report}" > junit.xml'), 30, "NoTestsFound")


@pytest.mark.parametrize("script", [
    "true", "exit 1", "echo '<testsuite><testcase' > junit.xml", ": > junit.xml",
    "mkdir junit.xml", "mkfifo junit.xml", PASSING + "; exit 3", PASSING + "; kill -KILL $$"])
def test_no_evidence_is_report_invalid(runner, script):
    expect(runner.run(script), 40, "ReportInvalid")


def test_a_report_of_the_commit_is_no_evidence(runner):
    report = "<testsuite><testcase name='a'/></testsuite>\n"
    expect(runner.run("true", files={"junit.xml": report}), 40, "ReportInvalid")


def test_a_program_that_is_not_there_is_exit_code_60(runner):
    request = runner.request({"a": ""}, PASSING)
    request["tests"]["command"] = ["no-such-program-here"]
    expect(runner.start(request).end(), 60, "ConfigurationError")


# Section 3: the termination message


def test_the_summary_is_written_over_what_the_tests_wrote(runner):
    forged = json.dumps({"reason": "TestsPassed", "total": 9, "passed": 9}) * 40
    expect(runner.run(f"echo '{forged}' > /dev/termination-log; {FAILING}"), 10, "TestsFailed")


def test_the_summary_is_bounded_and_text_whatever_tests_are_called(runner):
    script = ("import sys\nopen('junit.xml', 'wb').write(b'<testsuite>' + b''.join("
              "b'<testcase name=\"%d %s\"><failure message=\"%s\"/></testcase>' % "
              "(i, b'\\xc3\\xbc' * 3000, b'\\\\&quot;&#10;' * 500) for i in range(300))"
              " + b'</testsuite>')\nsys.exit(1)\n")
    summary = expect(runner.run("exec python3 make.py", files={"make.py": script}), 10, "TestsFailed")
    assert summary["failed"] == 300


# Section 4: standard output


def test_what_the_tests_print_is_the_output(runner):
    end = runner.run(f"echo from the tests; echo and their errors >&2; {PASSING}")
    assert b"from the tests\n" in end.output and b"and their errors\n" in end.output, end


@pytest.mark.own
def test_output_is_bounded(runner):
    request = runner.request({"a": ""}, f"yes | head -c 5000000; echo the end; {PASSING}")
    end = runner.start(request, COMMITTEST_OUTPUT_LIMIT_BYTES="100000").end()
    expect(end, 0, "TestsPassed")
    assert len(end.output) < 1_000_000
    assert b"bytes left out" in end.output and b"the end\n" in end.output


# Section 5: signals and processes


def told_to_end(runner, script, number=signal.SIGTERM):
    run = runner.start(runner.request({"a": ""}, f"{script}; touch ../ready; {PASSING}; "
                                                 "while :; do sleep 0.1; done"))
    deadline = time.monotonic() + 20
    while not list((run.folder / "workspace").glob("ready")):
        assert time.monotonic() < deadline, "the tests did not start"
        time.sleep(0.02)
    started = time.monotonic()
    run.signal(number)
    end = run.end()
    assert time.monotonic() - started < 10, end
    return end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_runner_that_is_told_to_end_gives_no_verdict(runner, number):
    expect(told_to_end(runner, "true", number), 50, "Terminated")


def test_the_signal_is_passed_on(runner):
    end = told_to_end(runner, "trap 'echo the tests were told; exit 0' TERM")
    expect(end, 50, "Terminated")
    assert b"the tests were told\n" in end.output


def test_tests_that_are_deaf_are_killed_after_the_grace_period(runner):
    expect(told_to_end(runner, "trap '' TERM"), 50, "Terminated")


def test_nothing_of_the_tests_outlives_them(runner):
    daemon = "setsid sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' &"
    started = time.monotonic()
    # The output has an end only when the last process that holds it has ended.
    expect(runner.run(f"{daemon} {PASSING}"), 0, "TestsPassed")
    assert time.monotonic() - started < 15


def test_a_report_that_comes_after_the_end_is_no_evidence(runner):
    late = f"setsid sh -c 'sleep 1; {PASSING.replace(chr(39), chr(34))}' &"
    expect(runner.run(f"{late} exit 0"), 40, "ReportInvalid")


def test_orphans_are_reaped(runner):
    # A zombie has no command line; its parent here could only be PID 1.
    script = ("for i in 1 2 3; do setsid sh -c 'sleep 0.1 & exit'; done; sleep 0.5; n=0; "
              "while grep -ls '^State:.Z' /proc/[0-9]*/status; do n=$((n + 1)); "
              "test $n -lt 50 || exit 1; sleep 0.1; done; " + PASSING)
    expect(runner.run(script), 0, "TestsPassed")


@pytest.mark.own
def test_tests_have_a_session_of_their_own_and_nothing_to_read(runner):
    script = "test $(ps -o sid= -p $$) -eq $$ && test -z \"$(cat)\" && test $(ulimit -c) = 0 && "
    expect(runner.run(script + PASSING), 0, "TestsPassed")


# Section 6: environment and files


def test_tests_start_in_the_checkout_and_do_not_see_the_request(runner):
    script = f"test -e inner/file && test -z \"$COMMITTEST_RUN\" && {PASSING}"
    expect(runner.run(script, files={"inner/file": "1"}), 0, "TestsPassed")


@pytest.mark.own
def test_the_environment_of_the_tests(runner):
    script = ("test -w $HOME && test $COMMITTEST = true && test $CI = true && "
              "test $LANG = C.UTF-8 && test $PYTHONUNBUFFERED = 1 && "
              "test $COMMIT_SHA = $(git rev-parse HEAD) && test $ITS_OWN = kept && "
              "! env | grep -E '^(COMMITTEST_|KUBERNETES_)' && ")
    request = runner.request({"a": ""}, script + PASSING)
    end = runner.start(request, ITS_OWN="kept", KUBERNETES_SERVICE_HOST="10.0.0.1",
                       KUBERNETES_PORT="tcp://10.0.0.1:443").end()
    expect(end, 0, "TestsPassed")


# Section 7: checkout


def test_the_url_is_not_in_the_checkout(runner):
    expect(runner.run(f"! grep -r 127.0.0.1 .git/config && {PASSING}"), 0, "TestsPassed")
