"""The storm of storm.py where no Pods run: observers, operator and Gitea are child processes beside
an API server, and a scripted kubelet plays the runs. So a small machine can have a large one."""
import os
import pathlib
import secrets
import shutil
import subprocess

from tests.support.cluster import ROOT, run, wait_for
from tests.support.component_process import ObserverProcess, OperatorProcess
from tests.support.gitea import Gitea, User
from tests.support.kube_api import Api
from tests.support.scripted_kubelet import FAILING, Script, ScriptedKubelet
from tests.support.storm import Killer, Storm, right_verdict

GITEA_USER = 10001  # it refuses to be root


class LocalGitea(Gitea):
    """A Gitea on loopback with the settings of dev/gitea; it ends with `close` or this process."""

    def __init__(self, folder, port):
        folder = pathlib.Path(folder)
        address = f"127.0.0.1:{port}"
        super().__init__(address, address, User("root", secrets.token_urlsafe(12)))
        built = run("dev/cluster/cluster", "gitea").strip()
        shutil.copytree(built, folder / "static")
        config = folder / "app.ini"
        config.write_text((ROOT / "dev/gitea/app.ini").read_text()
                          .replace("/data", str(folder))
                          .replace("/usr/local/share/gitea", str(folder / "static"))
                          .replace("HTTP_PORT = 3000", f"HTTP_ADDR = 127.0.0.1\nHTTP_PORT = {port}")
                          .replace("http://gitea.gitea.svc/", f"http://{address}/"))
        for path in (folder, config):
            os.chown(path, GITEA_USER, GITEA_USER)
        self._command = ["setpriv", "--pdeathsig", "KILL", f"--reuid={GITEA_USER}",
                         f"--regid={GITEA_USER}", "--clear-groups",
                         str(folder / "static/gitea"), "--config", str(config)]
        self._environment = {**os.environ, "HOME": str(folder), "USER": "gitea",
                             "GITEA_WORK_DIR": str(folder)}
        self._log = (folder / "gitea.log").open("ab")
        for arguments in (["migrate"], ["admin", "user", "create", "--admin", "--username", "root",
                                        "--password", self.admin.password,
                                        "--email", "admin@example.com",
                                        "--must-change-password=false"], ["web"]):
            child = self._start(*arguments)
            if arguments[0] != "web":
                assert child.wait(120) == 0, (folder / "gitea.log").read_text()[-2000:]
        self._child = child
        wait_for("Gitea to answer", self._answers, 120)

    def close(self):
        self._child.terminate()
        self._child.wait(30)
        self._log.close()

    def _start(self, *arguments):
        return subprocess.Popen([*self._command, *arguments], env=self._environment,
                                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

    def _answers(self):
        try:
            return self.request("GET", "/version")
        except OSError:
            return None


class ProcessKiller(Killer):
    """Kills one observer and the operator with -9 in every period, and starts another at once."""

    def __init__(self, processes, period_seconds, phase):
        self._processes = processes  # by component: [process, how to start another]
        super().__init__(period_seconds, phase)

    def _strike(self):
        for component, slots in self._processes.items():
            slot = self._phase.choice(slots)
            slot[0].kill()
            self.kills[component] += 1
            slot[0] = slot[1]()


class ScriptedStorm(Storm):
    """The verdicts are played, all else is real."""

    def __init__(self, *arguments, observers=1, **options):
        self.namespace = f"storm-{secrets.token_hex(3)}"
        self._observers = observers
        self._scripts = {}  # by commit
        super().__init__(*arguments, **options)

    def _open(self):
        api = Api(self._cluster)
        api.create("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self._kubelet = ScriptedKubelet(self._cluster, api, self.namespace, self._scripts)
        starts = {"observer": [self._start_observer(number) for number in range(self._observers)],
                  "operator": [self._start_operator]}
        self._processes = {component: [[start(), start] for start in all_of]
                           for component, all_of in starts.items()}

    def _start_observer(self, number):
        """How to start the observer with this number; it keeps its mirrors."""
        return lambda: ObserverProcess(
            self._cluster.state["kubeconfig"], [self.namespace],
            self._folder / f"observer-{number}.log", self._folder / f"mirrors-{number}")

    def _start_operator(self):
        return OperatorProcess(self._cluster.state["kubeconfig"], [self.namespace],
                               self._folder / "operator.log")

    def _shut(self):
        for slots in self._processes.values():
            for process, _ in slots:
                process.kill()
        self._kubelet.close()

    def _make_killer(self, period_seconds, phase, most_operators):
        return ProcessKiller(self._processes, period_seconds, phase)

    def _files(self, number):
        return {"number": str(number)}

    def _note(self, commit, number):
        self._scripts[commit] = Script() if right_verdict(number) == "Passed" else FAILING

    def _count_runs(self):
        uids = [uid for uid, _, _ in self._kubelet.starts]
        by_commit = {test["spec"]["source"]["commit"]: test["metadata"]["uid"]
                     for test in self._mine()}
        return [uids.count(by_commit.get(commit)) for commit in self.expected]
