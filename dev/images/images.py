"""Builds the container images, and brings them to a registry or a cluster. See README.md beside it.

    dev/images/build    [--registry R] [--tag T] [--from-source] [IMAGE...]
    dev/images/push     --registry R [--tag T] [IMAGE...]
    dev/images/load     [--registry R] [--tag T] [--from-source] [IMAGE...]
    dev/images/redeploy [--registry R] [--tag T]

IMAGE is operator, observer, runner, git-server, gitea, toolchains or all; the default is the product's
three. All are those and git-server; gitea is for the end-to-end tests alone (dev/gitea/install),
toolchains (CMake, cargo and Go) for tests/bench/real_projects.py alone.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import platform
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "dev/lib"))

# The folder has to be on the path first.
from engine import Engine, find_engine  # noqa: E402
from steps import StepFailed, Steps, capture, main  # noqa: E402
from target import CACHE, Target, find_target  # noqa: E402

IMAGES = CACHE / "images"
BINARIES = ROOT / "build/release/bin"
PRODUCT = ["operator", "observer", "runner"]
ALL = [*PRODUCT, "git-server"]


@dataclasses.dataclass(frozen=True)
class Component:
    """One image: where its Dockerfile is, and whether it holds a program of ours. `context` is a
    script that lays out what the Dockerfile needs, if that is more than its own folder."""

    name: str
    dockerfile: str
    compiled: bool = True
    context: str = ""

    def image(self, registry: str, tag: str) -> str:
        return f"{registry}/committest-{self.name}:{tag}"


COMPONENTS = {component.name: component for component in (
    Component("operator", "operator/Dockerfile"),
    Component("observer", "observer/Dockerfile"),
    Component("runner", "runner-image/Dockerfile"),
    Component("git-server", "dev/git-server/Dockerfile", compiled=False),
    Component("gitea", "dev/gitea/Dockerfile", compiled=False, context="dev/gitea/context"),
    Component("toolchains", "dev/toolchains/Dockerfile", compiled=False,
              context="dev/toolchains/context"),
)}


@dataclasses.dataclass(frozen=True)
class Built:
    """An image that is there, and the hash of all that went into it."""

    component: Component
    image: str
    key: str
    archive: pathlib.Path


def chart_version() -> str:
    text = (ROOT / "helm/committest/Chart.yaml").read_text()
    return re.search(r"^appVersion: (\S+)$", text, re.MULTILINE)[1]


def is_base_release() -> bool:
    """Whether programs built on this machine fit into the images' base, Debian 12."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return release.get("ID") == "debian" and release.get("VERSION_CODENAME") == "bookworm"


class Builder:
    """Builds images, and only those whose inputs have changed since."""

    def __init__(self, steps: Steps, registry: str, tag: str, from_source: bool) -> None:
        self._steps = steps
        self._registry = registry
        self._tag = tag
        self._from_source = from_source or not is_base_release()
        self._engine: Engine = find_engine(IMAGES)
        IMAGES.mkdir(parents=True, exist_ok=True)

    def build(self, components: list[Component]) -> list[Built]:
        compiled = [component for component in components if component.compiled]
        if compiled and not self._from_source:
            self._compile(compiled)
        if any(component.name == "gitea" for component in components):
            self._steps.run("Gitea (the first time, about 4 min to build it)",
                            [str(ROOT / "dev/cluster/cluster"), "gitea"])
        self._engine.prepare(self._steps)
        images = [self._build_one(component) for component in components]
        self._engine.clean(self._steps)
        return images

    def _compile(self, components: list[Component]) -> None:
        if not (BINARIES.parent / "build.ninja").exists():
            self._steps.run("configure", ["cmake", "--preset", "release"], cwd=ROOT,
                            hint="dev/deps/install build installs what is missing")
        targets = [f"committest-{component.name}" for component in components]
        self._steps.run("compile " + ", ".join(targets),
                        ["cmake", "--build", "--preset", "release", "--target", *targets], cwd=ROOT)

    def _build_one(self, component: Component) -> Built:
        image = component.image(self._registry, self._tag)
        name = image.replace("/", "_").replace(":", "_")
        note = IMAGES / f"{name}.json"
        built = Built(component, image, self._key(component, image), IMAGES / f"{name}.tar")
        if note.exists() and json.loads(note.read_text())["key"] == built.key \
                and self._engine.has(image):
            self._steps.say(f"image {image} is up to date")
            return built
        note.unlink(missing_ok=True)
        self._engine.build(self._steps, image, *self._inputs(component), self._labels())
        built.archive.unlink(missing_ok=True)
        note.write_text(json.dumps({"key": built.key}))
        return built

    def _labels(self) -> dict[str, str]:
        revision = "development"
        if self._from_source:
            revision = capture(["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
                               check=False).strip() or "unknown"
        return {"VERSION": self._tag, "REVISION": revision}

    def _inputs(self, component: Component) -> tuple[pathlib.Path, pathlib.Path, str]:
        """The Dockerfile, the context and the target stage."""
        dockerfile = ROOT / component.dockerfile
        if component.context:
            return dockerfile, ROOT / "build/images" / component.name, ""
        if not component.compiled:
            return dockerfile, dockerfile.parent, ""
        if self._from_source:
            return dockerfile, ROOT, ""
        context = ROOT / "build/images" / component.name
        context.mkdir(parents=True, exist_ok=True)
        capture([str(ROOT / "dev/images/rootfs"), component.name, str(BINARIES),
                 str(context / "rootfs")])
        return dockerfile, context, "local"

    def _key(self, component: Component, image: str) -> str:
        digest = hashlib.sha256(f"{image} {self._from_source} {self._engine.base()}".encode())
        dockerfile = ROOT / component.dockerfile
        files = [dockerfile]
        if component.context:
            digest.update(capture([str(ROOT / component.context),
                                   str(ROOT / "build/images" / component.name)]).encode())
        if not component.compiled:
            files = sorted(path for path in dockerfile.parent.rglob("*") if path.is_file())
        elif self._from_source:
            files += _sources()
        else:
            files += [ROOT / "dev/images/rootfs", BINARIES / f"committest-{component.name}",
                      BINARIES / "committest-ssh"]
            # What the package manager last did: the libraries are taken from this machine.
            digest.update(str(os.stat("/var/lib/dpkg/status").st_mtime_ns).encode())
        for path in files:
            digest.update(f"{path} {path.stat().st_mode & 0o111}".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def push(self, components: list[Component]) -> None:
        """Pushes what was built under these names before, however it was built."""
        images = [component.image(self._registry, self._tag) for component in components]
        missing = [image for image in images if not self._engine.has(image)]
        if missing:
            raise StepFailed(f"build {', '.join(missing)} first: make images "
                             f"REGISTRY={self._registry} TAG={self._tag}")
        for image in images:
            self._engine.push(self._steps, image)

    def archive(self, built: Built) -> pathlib.Path:
        """The image as a docker archive, made when it is first asked for."""
        if not built.archive.exists():
            part = built.archive.with_suffix(".part")
            part.unlink(missing_ok=True)
            self._engine.save(self._steps, built.image, part)
            part.rename(built.archive)
        return built.archive


def _sources() -> list[pathlib.Path]:
    names = ["CMakeLists.txt", "CMakePresets.json", "dev/images/rootfs", "dev/deps/build.txt",
             "docs/operations.md"]
    files = [ROOT / name for name in names]
    for folder in ("cmake", "common", "operator", "observer", "plugin", "runner-image"):
        files += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return sorted(files)


def load(steps: Steps, builder: Builder, target: Target, images: list[Built]) -> list[Built]:
    """Brings images into the cluster; those that it did not have already."""
    notes = IMAGES / "loaded" / target.identity()
    notes.mkdir(parents=True, exist_ok=True)
    changed = []
    for built in images:
        note = notes / built.archive.stem
        if note.exists() and note.read_text() == built.key:
            steps.say(f"the cluster has {built.image}")
            continue
        target.load(steps, built.image, builder.archive(built))
        note.write_text(built.key)
        changed.append(built)
    return changed


def restart(steps: Steps, target: Target, changed: list[Built]) -> None:
    """Replaces the Pods of the Deployments whose image has changed, and waits for the new ones."""
    for built in changed:
        # A runner is started anew for every test.
        if built.component.name not in ("operator", "observer"):
            continue
        deployments = capture(target.kubectl + [
            "get", "deployments", "--all-namespaces",
            "-l", f"app.kubernetes.io/name=committest,app.kubernetes.io/component="
                  f"{built.component.name}",
            "-o", "jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{\"\\n\"}{end}"])
        for namespace, name in (line.split() for line in deployments.splitlines()):
            rollout = target.kubectl + ["--namespace", namespace, "rollout"]
            capture(rollout + ["restart", f"deployment/{name}"])
            steps.run(f"restart {namespace}/{name}",
                      rollout + ["status", f"deployment/{name}", "--timeout=90s"],
                      hint=f"{target.hint()} -n {namespace} logs deployment/{name}")


def default_registry() -> str:
    return os.environ.get("REGISTRY") or "localhost"


def default_tag() -> str:
    return os.environ.get("TAG") or chart_version()


@contextlib.contextmanager
def with_builder(steps: Steps, registry: str = "", tag: str = "", from_source: bool = False):
    """A Builder, and nobody else's at the same time: two would fight over storage and notes."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with open(IMAGES / "lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with steps.step("wait for another build of images"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield Builder(steps, registry or default_registry(), tag or default_tag(), from_source)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev/images", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["build", "push", "load", "redeploy"])
    parser.add_argument("images", nargs="*", choices=[*COMPONENTS, "all", []])
    parser.add_argument("--registry", default=default_registry())
    parser.add_argument("--tag", default=default_tag())
    parser.add_argument("--from-source", action="store_true")
    arguments = parser.parse_intermixed_args()
    names = ALL if "all" in arguments.images else arguments.images or PRODUCT
    arguments.components = [COMPONENTS[name] for name in names]
    if arguments.command == "push" and arguments.registry == "localhost":
        raise StepFailed("say where to push to: --registry registry.example.com/ci --tag 1.0")
    return arguments


def run() -> None:
    arguments = _arguments()
    steps = Steps()
    with with_builder(steps, arguments.registry, arguments.tag, arguments.from_source) as builder:
        if arguments.command == "push":
            builder.push(arguments.components)
        else:
            images = builder.build(arguments.components)
            if arguments.command in ("load", "redeploy"):
                target = find_target()
                changed = load(steps, builder, target, images)
                if arguments.command == "redeploy":
                    restart(steps, target, changed)
    steps.say("done")


if __name__ == "__main__":
    main(run)
