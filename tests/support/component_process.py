"""The real committest-operator and committest-observer as child processes."""
import json
import os
import pathlib
import signal
import subprocess

from tests.support.cluster import ROOT

PROGRAMS = ROOT / "build/release/bin"


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


class ComponentProcess:
    """One running program of ours; it ends with the test at the latest."""

    def __init__(self, component, kubeconfig, namespaces, log, arguments=(), environment=None):
        self.log = pathlib.Path(log)
        flags = [f"--namespace={namespace}" for namespace in namespaces]
        with self.log.open("ab") as out:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", str(PROGRAMS / f"committest-{component}"),
                 f"--kubeconfig={kubeconfig}", "--http-address=127.0.0.1:0", "--log-level=debug",
                 *flags, *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, **(environment or {})})
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


class OperatorProcess(ComponentProcess):
    """An operator; `name` is what it calls itself in the election."""

    def __init__(self, kubeconfig, namespaces, log, name="operator", arguments=()):
        super().__init__("operator", kubeconfig, namespaces, log, arguments, {"POD_NAME": name})


class ObserverProcess(ComponentProcess):
    """An observer that takes URLs over http; `data` is its folder for mirrors, `private` says which
    addresses it may connect to beside those of the Internet."""

    def __init__(self, kubeconfig, namespaces, log, data, arguments=(), environment=None,
                 private=("127.0.0.0/8",)):
        super().__init__("observer", kubeconfig, namespaces, log,
                         (f"--data-dir={data}", "--allow-http",
                          *(f"--allow-private-addresses={block}" for block in private),
                          *arguments), environment)
