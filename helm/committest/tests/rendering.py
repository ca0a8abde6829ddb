"""Renders the chart, and finds things in what comes out. $HELM names another helm than dev/helm."""

import json
import os
import pathlib
import subprocess

import yaml

CHART = pathlib.Path(__file__).resolve().parent.parent
ROOT = CHART.parent.parent
HELM = os.environ.get("HELM", str(ROOT / "dev/helm"))
SYSTEM = "committest-system"


def helm_template(values=None, release="committest"):
    """What `helm template` says: its exit status, objects and errors."""
    command = [HELM, "template", release, str(CHART), "--namespace", SYSTEM,
               "--kube-version", "1.34.0", "--values", "-"]
    done = subprocess.run(command, input=json.dumps(values or {}), text=True, capture_output=True,
                          check=False)
    return done.returncode, [o for o in yaml.safe_load_all(done.stdout) if o], done.stderr


def render(values=None, release="committest"):
    status, objects, errors = helm_template(values, release)
    if status != 0:
        raise AssertionError(errors)
    return objects


def of_kind(objects, *kinds):
    return [o for o in objects if o["kind"] in kinds]


def deployment(objects, component):
    return next(o for o in of_kind(objects, "Deployment")
                if o["metadata"]["labels"]["app.kubernetes.io/component"] == component)


def container(objects, component):
    return deployment(objects, component)["spec"]["template"]["spec"]["containers"][0]


def rules(role):
    return {(group, resource): rule["verbs"] for rule in role["rules"]
            for group in rule["apiGroups"] for resource in rule["resources"]}
