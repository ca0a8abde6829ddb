"""Which cluster is meant: the project's own, kind, minikube, or that of the current kubeconfig.

$CLUSTER says own, kind, minikube or current. Without it: own if $COMMITTEST_CLUSTER names one of
dev/cluster's; else the one that the demo used last, until dev/down; else kind where a Docker engine
answers and kind is found; else own.
"""

from __future__ import annotations

import os
import pathlib
import shutil

from steps import StepFailed, Steps, capture, succeeds

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME")
                     or pathlib.Path.home() / ".cache") / "committest"
# dev/kubectl and dev/helm read it: the kubeconfig of a cluster that is not the project's own.
_NOTED_KUBECONFIG = CACHE / "current-kubeconfig"
_NOTED_TARGET = CACHE / "current-cluster"
_NAME = "committest"


class Target:
    """A cluster to install into. `kubectl` and `helm` are the beginnings of command lines."""

    name = ""
    kubectl: list[str] = []
    helm: list[str] = []
    # Whether Services can be reached from this machine by their cluster address.
    routes_services = False

    def up(self, steps: Steps) -> None:
        """Makes the cluster run and answer; does nothing if it does."""
        raise NotImplementedError

    def down(self, steps: Steps) -> None:
        """Removes the cluster, if we made it."""
        raise NotImplementedError

    def load(self, steps: Steps, image: str, archive: pathlib.Path) -> None:
        """Puts an image into the nodes, from a docker archive."""
        raise NotImplementedError

    def identity(self) -> str:
        """Differs for each cluster that ever was, so that notes about one are not another's."""
        return capture(self.kubectl + ["get", "namespace", "kube-system",
                                       "-o", "jsonpath={.metadata.uid}"])

    def hint(self) -> str:
        """How people talk to the cluster."""
        return "dev/kubectl"

    def _note_kubeconfig(self, path: str) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        _NOTED_KUBECONFIG.write_text(path)

    def _forget_kubeconfig(self) -> None:
        _NOTED_KUBECONFIG.unlink(missing_ok=True)


class OwnCluster(Target):
    """The project's own Kubernetes on this machine (dev/cluster)."""

    name = "own"
    routes_services = True

    def __init__(self) -> None:
        self.kubectl = [str(ROOT / "dev/kubectl")]
        self.helm = [str(ROOT / "dev/helm")]
        self._program = str(ROOT / "dev/cluster/cluster")

    def up(self, steps: Steps) -> None:
        if os.geteuid() != 0:
            raise StepFailed("the project's own cluster needs root: sudo -E make demo, or install "
                             "Docker and kind and say CLUSTER=kind")
        self._forget_kubeconfig()
        steps.run("cluster: Kubernetes from packages (the first time, about 5 min to build it)",
                  [self._program, "up"], hint="see dev/cluster/README.md")

    def down(self, steps: Steps) -> None:
        steps.run("cluster down", [self._program, "down"])

    def load(self, steps: Steps, image: str, archive: pathlib.Path) -> None:
        steps.run(f"load {image}", [self._program, "load", str(archive)])


class _Foreign(Target):
    """A cluster that kubectl and helm on PATH talk to, by a kubeconfig of its own."""

    def __init__(self, kubeconfig: str, context: str = "") -> None:
        self._kubeconfig = kubeconfig
        for program in ("kubectl", "helm"):
            if not shutil.which(program):
                raise StepFailed(f"CLUSTER={self.name} needs {program} on PATH")
        self.kubectl = ["kubectl", "--kubeconfig", kubeconfig]
        self.helm = ["helm", "--kubeconfig", kubeconfig]
        if context:
            self.kubectl += ["--context", context]
            self.helm += ["--kube-context", context]

    def hint(self) -> str:
        return " ".join(self.kubectl)


class Kind(_Foreign):
    """A kind cluster of our own, beside any others: https://kind.sigs.k8s.io."""

    name = "kind"

    def __init__(self) -> None:
        if not shutil.which("kind"):
            raise StepFailed("CLUSTER=kind needs kind on PATH: https://kind.sigs.k8s.io")
        super().__init__(str(CACHE / "kind.kubeconfig"))

    def up(self, steps: Steps) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        arguments = ["--name", _NAME, "--kubeconfig", self._kubeconfig]
        if _NAME in capture(["kind", "get", "clusters"]).split():
            steps.run("cluster: kind has it", ["kind", "export", "kubeconfig", *arguments])
        else:
            steps.run("cluster: kind create cluster",
                      ["kind", "create", "cluster", "--wait", "180s", *arguments],
                      hint="does Docker answer? docker info")
        self._note_kubeconfig(self._kubeconfig)

    def down(self, steps: Steps) -> None:
        steps.run("cluster down", ["kind", "delete", "cluster", "--name", _NAME,
                                   "--kubeconfig", self._kubeconfig])
        self._forget_kubeconfig()

    def load(self, steps: Steps, image: str, archive: pathlib.Path) -> None:
        steps.run(f"load {image}",
                  ["kind", "load", "image-archive", str(archive), "--name", _NAME])


class Minikube(_Foreign):
    """A minikube profile of our own: https://minikube.sigs.k8s.io."""

    name = "minikube"

    def __init__(self) -> None:
        if not shutil.which("minikube"):
            raise StepFailed(
                "CLUSTER=minikube needs minikube on PATH: https://minikube.sigs.k8s.io")
        super().__init__(str(CACHE / "minikube.kubeconfig"))

    def up(self, steps: Steps) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        steps.run("cluster: minikube start", ["minikube", "start", "--profile", _NAME],
                  env={**os.environ, "KUBECONFIG": self._kubeconfig},
                  hint="minikube logs --profile committest")
        self._note_kubeconfig(self._kubeconfig)

    def down(self, steps: Steps) -> None:
        steps.run("cluster down", ["minikube", "delete", "--profile", _NAME],
                  env={**os.environ, "KUBECONFIG": self._kubeconfig})
        self._forget_kubeconfig()

    def load(self, steps: Steps, image: str, archive: pathlib.Path) -> None:
        steps.run(f"load {image}",
                  ["minikube", "image", "load", str(archive), "--profile", _NAME])


class CurrentContext(_Foreign):
    """The cluster of the current kubeconfig context. It is not ours to start or stop, and images
    reach it only through a registry, unless it is one of kind's or minikube's."""

    name = "current"

    def __init__(self) -> None:
        kubeconfig = os.environ.get("KUBECONFIG") or str(pathlib.Path.home() / ".kube/config")
        if not pathlib.Path(kubeconfig.split(":")[0]).exists():
            raise StepFailed(f"CLUSTER=current, but there is no kubeconfig at {kubeconfig}")
        self._context = capture(["kubectl", "--kubeconfig", kubeconfig,
                                 "config", "current-context"]).strip()
        super().__init__(kubeconfig, self._context)

    def up(self, steps: Steps) -> None:
        if not succeeds(self.kubectl + ["get", "--raw", "/readyz"]):
            raise StepFailed(f"the cluster of context {self._context} does not answer: "
                             f"{' '.join(self.kubectl)} get --raw /readyz")
        steps.say(f"cluster: that of the current context, {self._context}")
        self._note_kubeconfig(self._kubeconfig)

    def down(self, steps: Steps) -> None:
        steps.say(f"the cluster of context {self._context} stays; it was there before")
        self._forget_kubeconfig()

    def load(self, steps: Steps, image: str, archive: pathlib.Path) -> None:
        if self._context.startswith("kind-"):
            command = ["kind", "load", "image-archive", str(archive),
                       "--name", self._context.removeprefix("kind-")]
        elif shutil.which("minikube") and succeeds(["minikube", "status", "--profile",
                                                    self._context]):
            command = ["minikube", "image", "load", str(archive), "--profile", self._context]
        else:
            raise StepFailed(
                f"images can reach the cluster of context {self._context} only through a registry: "
                "make images push REGISTRY=registry.example.com/ci TAG=demo, then "
                "make demo CLUSTER=current REGISTRY=registry.example.com/ci TAG=demo")
        steps.run(f"load {image}", command)


_KINDS = {kind.name: kind for kind in (OwnCluster, Kind, Minikube, CurrentContext)}


def find_target(name: str | None = None) -> Target:
    """The cluster that $CLUSTER or the machine's means say."""
    name = name or os.environ.get("CLUSTER") or _noted_name() or _default_name()
    if name not in _KINDS:
        raise StepFailed(f"CLUSTER={name}: expected {', '.join(_KINDS)}")
    return _KINDS[name]()


def _default_name() -> str:
    if shutil.which("kind") and shutil.which("docker") and succeeds(["docker", "info"]):
        return "kind"
    return "own"


def _noted_name() -> str:
    # It names one of dev/cluster's.
    if os.environ.get("COMMITTEST_CLUSTER"):
        return OwnCluster.name
    return _NOTED_TARGET.read_text().strip() if _NOTED_TARGET.exists() else ""


def remember(target: Target) -> None:
    """Makes the target the default for what is called without $CLUSTER."""
    CACHE.mkdir(parents=True, exist_ok=True)
    _NOTED_TARGET.write_text(target.name)


def forget() -> None:
    _NOTED_TARGET.unlink(missing_ok=True)
