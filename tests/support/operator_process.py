"""The real committest-operator as a child process."""
import json
import os
import pathlib
import signal
import subprocess

from tests.support.cluster import ROOT

PROGRAM = ROOT / "build/release/bin/committest-operator"


def write_kubeconfig(path, server, user=None, authority=None):
    """A kubeconfig of one cluster; `authority` is the file of its CA's certificate."""
    cluster = {"server": server}
    if authority:
        cluster["certificate-authority"] = str(authority)
    # JSON is YAML.
    pathlib.Path(path).write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user or {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}))


class OperatorProcess:
    """One running operator; it ends with the test at the latest."""

    def __init__(self, kubeconfig, namespaces, log, name="operator", arguments=()):
        self.log = pathlib.Path(log)
        flags = [f"--namespace={namespace}" for namespace in namespaces]
        with self.log.open("ab") as out:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", str(PROGRAM), f"--kubeconfig={kubeconfig}",
                 "--http-address=127.0.0.1:0", "--log-level=debug", *flags, *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, "POD_NAME": name})
        self.pid = self._child.pid

    @property
    def exit_code(self):
        """None while it runs."""
        return self._child.poll()

    def wait(self, seconds):
        """Its exit code, once it has ended."""
        return self._child.wait(seconds)

    def kill(self):
        self._child.kill()
        self._child.wait()

    def stop(self, seconds=15):
        """Ends it as a Deployment would; returns the exit code."""
        self._child.terminate()
        return self._child.wait(seconds)

    def pause(self):
        self._child.send_signal(signal.SIGSTOP)

    def resume(self):
        self._child.send_signal(signal.SIGCONT)

    def says(self, text):
        """Whether its log has this text."""
        return text in self.log.read_text(errors="replace")
