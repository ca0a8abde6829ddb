"""What is installed: packages on this machine, images in the cluster, the product, a Git server."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import string
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "dev/images"))

from images import COMPONENTS, PRODUCT, Built, is_base_release, with_builder  # noqa: E402
from images import load as load_images  # noqa: E402
from steps import Steps, capture, succeeds  # noqa: E402
from target import OwnCluster, Target  # noqa: E402

NAMESPACE = "committest-system"
RUN_NAMESPACE = "ci"
GIT_NAMESPACE = "git"
# The Git hosts in the cluster, as an egress rule of test Pods.
GIT_HOSTS = {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
                    for name in (GIT_NAMESPACE, "gitea")]}


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


def install(steps: Steps, target: Target, *, manifests: bool = False,
            git_server: bool = True) -> None:
    """Builds what has changed, loads or pushes it, and installs the product so that it observes
    repositories over plain http as well, which is what the Git server in the cluster speaks.
    `manifests` installs without Helm."""
    components = [COMPONENTS[name] for name in [*PRODUCT, *(["git-server"] if git_server else [])]]
    with with_builder(steps) as builder:
        images = builder.build(components)
        if os.environ.get("REGISTRY"):
            builder.push(components)
        else:
            load_images(steps, builder, target, images)
    by_name = {built.component.name: built for built in images}
    if git_server:
        _apply_git_server(target, by_name["git-server"].image)
    if manifests:
        _apply_manifests(steps, target)
    else:
        _helm_upgrade(steps, target, by_name)
    if git_server:
        wait_for_deployment(steps, target, GIT_NAMESPACE, "git-server")


def wait_for_deployment(steps: Steps, target: Target, namespace: str, deployment: str) -> None:
    """Waits until all Pods of a Deployment are its newest and ready."""
    steps.run(f"wait for {namespace}/{deployment}", target.kubectl + [
        "--namespace", namespace, "rollout", "status", f"deployment/{deployment}",
        "--timeout=120s"],
        hint=f"{target.hint()} -n {namespace} describe pods; logs deployment/{deployment}")


def _apply_git_server(target: Target, image: str) -> None:
    manifest = string.Template((ROOT / "dev/git-server/git-server.yaml").read_text())
    capture(target.kubectl + ["apply", "-f", "-"], stdin=manifest.substitute(IMAGE=image))


def _apply_manifests(steps: Steps, target: Target) -> None:
    steps.run("kubectl apply -f manifests/install.yaml",
              target.kubectl + ["apply", "-f", str(ROOT / "manifests/install.yaml")])
    flags = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": flag}
             for flag in ("--allow-http", "--allow-private-addresses=private")]
    capture(target.kubectl + ["--namespace", NAMESPACE, "patch", "deployment",
                              "committest-observer", "--type=json", "-p", json.dumps(flags)])
    egress = [{"op": "add", "path": "/spec/egress/-", "value": GIT_HOSTS}]
    capture(target.kubectl + ["--namespace", RUN_NAMESPACE, "patch", "networkpolicy", "committest",
                              "--type=json", "-p", json.dumps(egress)])
    for name in ("committest-operator", "committest-observer"):
        wait_for_deployment(steps, target, NAMESPACE, name)


def _helm_upgrade(steps: Steps, target: Target, images: dict[str, Built]) -> None:
    registry, _, rest = images["operator"].image.rpartition("/")
    texts = {"image.registry": registry, "image.tag": rest.split(":")[1]}
    # The tag stays the same when a program changes; this makes the Pods new then.
    for component in ("operator", "observer"):
        texts[f"{component}.podAnnotations.committest\\.dev/image"] = images[component].key[:12]
    command = target.helm + ["upgrade", "--install", "committest", str(ROOT / "helm/committest"),
                             "--namespace", NAMESPACE, "--create-namespace",
                             "--wait", "--timeout", "120s", "--set", "observer.allowHTTP=true",
                             "--set", "observer.allowPrivateAddresses={private}",
                             "--set-json", f"networkPolicy.runEgress={json.dumps([GIT_HOSTS])}"]
    for name, value in texts.items():
        command += ["--set-string", f"{name}={value}"]
    # What `kubectl apply -f manifests/install.yaml` made before; helm can take it over from 3.17.
    if "--take-ownership" in capture(target.helm + ["upgrade", "--help"]):
        command.append("--take-ownership")
    steps.run("helm upgrade --install committest", command,
              hint=f"{target.hint()} -n {NAMESPACE} get pods; logs deployment/committest-operator")


def uninstall(steps: Steps, target: Target) -> None:
    """Takes everything out of a cluster that stays, results included."""
    if succeeds(target.helm + ["status", "committest", "--namespace", NAMESPACE]):
        steps.run("helm uninstall committest",
                  target.helm + ["uninstall", "committest", "--namespace", NAMESPACE, "--wait"])
    steps.run("delete namespaces and CRDs", target.kubectl + [
        "delete", "--ignore-not-found", "--timeout=120s",
        f"namespace/{NAMESPACE}", f"namespace/{RUN_NAMESPACE}", f"namespace/{GIT_NAMESPACE}",
        "namespace/gitea",
        "crd/committests.committest.dev", "crd/observedrepositories.committest.dev"])
