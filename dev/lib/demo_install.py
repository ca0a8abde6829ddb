"""What the demo installs: packages on this machine, images in the cluster, the chart."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "dev/images"))

from images import COMPONENTS, Built, is_base_release, with_builder  # noqa: E402
from images import load as load_images  # noqa: E402
from steps import Steps, capture, succeeds  # noqa: E402
from target import OwnCluster, Target  # noqa: E402

NAMESPACE = "committest-system"


def install_packages(steps: Steps, target: Target) -> None:
    """Where Docker builds everything in containers, nothing is installed on the machine."""
    groups = ["build", "images"]
    if isinstance(target, OwnCluster):
        groups.append("cluster")
    elif not is_base_release() or not shutil.which("apt-get"):
        return
    missing = capture([str(ROOT / "dev/deps/install"), "--dry-run", *groups])
    print("".join(f"           {line}\n" for line in missing.splitlines()), end="", flush=True)
    if "Packages to install" in missing:
        steps.run("install packages", [str(ROOT / "dev/deps/install"), *groups],
                  hint="dev/deps/install says what goes wrong")


def install(steps: Steps, target: Target) -> dict[str, str]:
    """Builds and loads the images and installs the chart; the images' names by component."""
    registry = os.environ.get("REGISTRY")
    components = list(COMPONENTS.values())
    with with_builder(steps) as builder:
        images = builder.build(components)
        if registry:
            builder.push(components)
        else:
            load_images(steps, builder, target, images)
    _helm_upgrade(steps, target, {built.component.name: built for built in images})
    return {built.component.name: built.image for built in images}


def _helm_upgrade(steps: Steps, target: Target, images: dict[str, Built]) -> None:
    registry, _, rest = images["operator"].image.rpartition("/")
    values = {"image.registry": registry, "image.tag": rest.split(":")[1],
              "observer.allowHTTP": "true"}
    # The tag stays the same when a program changes; this makes the Pods new then.
    for component in ("operator", "observer"):
        values[f"{component}.podAnnotations.committest\\.dev/image"] = images[component].key[:12]
    command = target.helm + ["upgrade", "--install", "committest", str(ROOT / "helm/committest"),
                             "--namespace", NAMESPACE, "--create-namespace",
                             "--wait", "--timeout", "120s"]
    for name, value in values.items():
        command += ["--set" if value == "true" else "--set-string", f"{name}={value}"]
    steps.run("helm upgrade --install committest", command,
              hint=f"{target.hint()} -n {NAMESPACE} get pods; logs deployment/committest-operator")


def uninstall(steps: Steps, target: Target) -> None:
    """Takes everything out of a cluster that stays, results included."""
    if succeeds(target.helm + ["status", "committest", "--namespace", NAMESPACE]):
        steps.run("helm uninstall committest",
                  target.helm + ["uninstall", "committest", "--namespace", NAMESPACE, "--wait"])
    steps.run("delete namespaces and CRDs", target.kubectl + [
        "delete", "--ignore-not-found", "--timeout=120s",
        f"namespace/{NAMESPACE}", "namespace/ci", "namespace/git",
        "crd/committests.committest.dev", "crd/observedrepositories.committest.dev"])
