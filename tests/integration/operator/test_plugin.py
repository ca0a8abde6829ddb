"""kubectl-committest, the real program, with the real operator and API server."""
import json
import os
import subprocess
import time

import pytest

from tests.support.cluster import ROOT, wait_for
from tests.support.component_process import write_kubeconfig
from tests.support.kube_api import condition
from tests.support.scripted_kubelet import FAILING, HELD, Script

PLUGIN = ROOT / "build" / "release" / "bin" / "kubectl-committest"
COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"


class Plugin:
    """Calls the plugin with a user's kubeconfig."""

    def __init__(self, world, user=None):
        """As the cluster's admin, or as a user of one's own, as the kubeconfig describes them."""
        self._config = world.folder / f"{'guest' if user else 'admin'}.kubeconfig"
        proxy = world.add_proxy(as_admin=False) if user else world.proxy
        write_kubeconfig(self._config, proxy.url, user=user)
        self._namespace = world.namespace

    def start(self, *arguments):
        return subprocess.Popen([PLUGIN, *arguments, "-n", self._namespace],
                                env={"KUBECONFIG": f"/absent:{self._config}", "PATH": os.defpath},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments, seconds=60):
        """The exit status, and what it printed."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=seconds)
        finally:
            process.kill()
        return process.returncode, out, err


@pytest.fixture
def plugin(world):
    world.start()
    return Plugin(world)


def name_of(test):
    return test["metadata"]["name"]


@pytest.mark.parametrize("script,status,said", [
    (Script(), 0, "Passed     TestsPassed: "), (FAILING, 3, "Failed     TestsFailed: ")])
def test_run_waits_for_the_verdict_and_ends_with_it(world, plugin, script, status, said):
    world.expect(COMMIT, script)
    code, out, err = plugin.run("run", "https://git.example/app.git", COMMIT, "--wait",
                                "--ref=refs/heads/main", "--env=A=b")
    assert (code, said in out) == (status, True), (code, out, err)
    (test,) = world.api.items(world.tests_path)
    assert name_of(test).startswith("app-1a2b3c4d5e6f-")
    assert test["spec"]["trigger"]["type"] == "Manual"
    assert test["spec"]["execution"]["env"] == [{"name": "A", "value": "b"}]


def test_why_explains_and_reproduce_repeats_a_failure(world, plugin):
    failed = world.await_verdict(world.create(FAILING))
    code, out, err = plugin.run("why", name_of(failed))
    assert code == 0, err
    for part in (": Failed\n", "TestsFailed", "test_a.A.test_two", "1 != 2", "repair the commit"):
        assert part in out, out
    code, out, _ = plugin.run("why", name_of(failed), "-o", "json")
    assert json.loads(out)["advice"][0]["reason"] == "TestsFailed"
    code, out, err = plugin.run("reproduce", name_of(failed))
    assert (code, out.strip()) == (0, failed["status"]["reproduceCommand"]), err
    assert "committest-runner local" in plugin.run("reproduce", name_of(failed), "--local")[1]


def test_why_quotes_what_a_waiting_one_waits_for(world, plugin):
    test = world.create(suspend=True)
    wait_for("it to wait", lambda: condition(world.get(test), "Admitted")["reason"] == "Suspended")
    code, out, err = plugin.run("why", name_of(test))
    assert code == 0 and ": waiting\n" in out and "Suspended" in out, (out, err)


def test_rerun_makes_another_one_of_the_same_spec(world, plugin):
    first = world.await_verdict(world.create(FAILING, priority=7))
    for number, of in ((1, name_of(first)), (2, name_of(first)), (3, f"{name_of(first)}-r2")):
        code, out, err = plugin.run("rerun", of, "--wait")
        assert code == 3 and out.startswith(f"{name_of(first)}-r{number}  created\n"), (out, err)
        again = world.api.get(f"{world.tests_path}/{name_of(first)}-r{number}")
        assert again["spec"]["rerunOf"] == of
        assert again["spec"]["trigger"] == {"type": "Rerun"}
        assert again["spec"]["priority"] == 7
        assert again["spec"]["source"] == first["spec"]["source"]
        assert again["status"]["result"] == "Failed"


def test_cancel_ends_a_running_one(world, plugin):
    test = world.create(HELD)
    world.await_running(test)
    code, out, err = plugin.run("cancel", name_of(test), "--wait")
    assert code == 5 and "Cancelled" in out, (code, out, err)
    assert world.get(test)["status"]["result"] == "Cancelled"
    code, _, err = plugin.run("cancel", name_of(test))
    assert code == 1 and "has come to its end already: Cancelled" in err


def test_watch_goes_on_when_the_connection_is_cut(world, plugin):
    test = world.create(HELD)
    world.await_running(test)
    process = plugin.start("watch", name_of(test))
    assert "running" in process.stdout.readline()
    world.proxy.cut_connections()
    world.finish(test)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "Passed" in out, (out, err)


def test_watch_of_all_ends_with_the_worst(world, plugin):
    for script in (Script(), FAILING, Script()):
        world.create(script)
    code, out, err = plugin.run("watch", "-o", "json")
    assert code == 3, err
    results = {}
    for line in out.splitlines():
        test = json.loads(line)
        results[name_of(test)] = test.get("status", {}).get("result")
    assert sorted(results.values()) == ["Failed", "Passed", "Passed"]


def test_errors_say_what_to_do_next(world, plugin):
    test = world.await_verdict(world.create())
    code, out, err = plugin.run("why", name_of(test) + "x")
    assert (code, out) == (1, "") and "Did you mean" in err and name_of(test) in err
    for command in ("watch", "logs", "rerun", "cancel", "reproduce"):
        code, _, err = plugin.run(command, "nothing-like-it")
        assert code == 1 and "there is no CommitTest 'nothing-like-it'" in err, (command, err)
    code, _, err = plugin.run("logs", name_of(test))
    assert code == 1 and err.startswith("kubectl-committest: "), err
    stranger = Plugin(world, {"token": "no-such-token"})
    code, _, err = stranger.run("why", name_of(test))
    assert code == 1 and "does not take these credentials" in err, err


def token_of_guest(world):
    """A token of somebody who may do nothing."""
    account = f"/api/v1/namespaces/{world.namespace}/serviceaccounts"
    world.api.create(account, {"metadata": {"name": "guest"}})
    token = world.api.create(f"{account}/guest/token", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
    return token["status"]["token"]


def test_what_the_user_may_not_do_is_named(world, plugin):
    test = world.await_verdict(world.create())
    guest = Plugin(world, {"token": token_of_guest(world)})
    code, _, err = guest.run("why", name_of(test))
    assert code == 1 and 'cannot get resource "committests"' in err and "view" in err, err


EXEC_VERSION = "client.authentication.k8s.io/v1"
# Gives one line of the file in $TOKENS after the other, the last one for ever, and says what it was
# told.
LOGIN = """#!/bin/sh
echo "Logging in for $1." >&2
printf '%s' "$KUBERNETES_EXEC_INFO" > "$TOKENS.info"
token=$(head -n 1 "$TOKENS")
test "$(wc -l < "$TOKENS")" -gt 1 && sed -i 1d "$TOKENS"
printf '{"kind": "ExecCredential", "apiVersion": "%s", "status": {"token": "%s"}}' "$2" "$token"
"""


def user_by(world, script, **members):
    program = world.folder / "login"
    program.write_text(script)
    program.chmod(0o755)
    return {"exec": {"apiVersion": EXEC_VERSION, "command": "./login",
                     "args": ["dev", EXEC_VERSION], "interactiveMode": "IfAvailable",
                     "env": [{"name": "TOKENS", "value": str(world.folder / "tokens")}],
                     **members}}


def test_credentials_come_from_the_program_that_the_kubeconfig_names(world, plugin):
    test = world.await_verdict(world.create())
    # The first has expired: the server's 401 makes it ask once more.
    (world.folder / "tokens").write_text(f"expired\n{token_of_guest(world)}\n")
    guest = Plugin(world, user_by(world, LOGIN, provideClusterInfo=True))
    code, _, err = guest.run("why", name_of(test))
    assert code == 1 and err.count("Logging in for dev.") == 2, err
    assert 'cannot get resource "committests"' in err and "guest" in err, err
    info = json.loads((world.folder / "tokens.info").read_text())
    assert (info["apiVersion"], info["kind"]) == (EXEC_VERSION, "ExecCredential")
    assert info["spec"]["interactive"] is False and info["spec"]["cluster"]["server"], info


@pytest.mark.parametrize("script,members,said", [
    ("#!/bin/sh\necho no session >&2; exit 3\n", {}, ("no session", "ended with exit code 3")),
    ("#!/bin/sh\necho hello\n", {}, ("its output is no JSON object",)),
    ("", {"command": "no-such-login", "installHint": "Install it from example.com."},
     ("no-such-login: not found in PATH", "Install it from example.com.")),
])
def test_a_login_that_fails_says_why(world, plugin, script, members, said):
    guest = Plugin(world, user_by(world, script, **members))
    code, _, err = guest.run("why", "any")
    assert code == 1, err
    for part in said:
        assert part in err, err


def test_completion_suggests_names(world, plugin, tmp_path):
    test = world.await_verdict(world.create())
    completer = tmp_path / "kubectl_complete-committest"
    completer.symlink_to(PLUGIN)
    started = time.monotonic()
    done = subprocess.run([completer, "why", "-n", world.namespace, ""], capture_output=True,
                          text=True, check=True,
                          env={"KUBECONFIG": str(world.folder / "admin.kubeconfig")})
    assert done.stdout == f"{name_of(test)}\tPassed\n:4\n"
    assert time.monotonic() - started < 10
