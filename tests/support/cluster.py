"""A real cluster as the end-to-end tests and benchmarks see it: kubectl, watches, the audit log."""
import base64
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command, cwd=ROOT, stdin=None, check=True):
    """Runs a command; returns its standard output. The error shows both of its streams."""
    done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True,
                          check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit status {done.returncode}\n"
                             f"{done.stdout}\n{done.stderr}")
    return done.stdout


def wait_for(what, condition, seconds=60.0, every=0.1):
    """Waits until `condition()` is truthy and returns its value; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)


class Cluster:
    """The cluster of dev/cluster that $COMMITTEST_CLUSTER names."""

    def __init__(self):
        self.name = os.environ.get("COMMITTEST_CLUSTER", "committest")
        self.state = json.loads(run("dev/cluster/cluster", "status", "--name", self.name,
                                    "-o", "json"))

    def kubectl(self, *arguments, stdin=None, check=True):
        return run("dev/kubectl", *arguments, stdin=stdin, check=check)

    def attempt(self, *arguments, stdin=None):
        """kubectl that may be refused: whether it worked, and both of its streams."""
        done = subprocess.run(["dev/kubectl", *arguments], cwd=ROOT, input=stdin,
                              capture_output=True, text=True, check=False)
        return done.returncode == 0, done.stdout + done.stderr

    def apply(self, *objects):
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List",
                                                           "items": list(objects)}))

    def get(self, kind, name, namespace):
        """The object, or None."""
        text = self.kubectl("get", kind, name, "-n", namespace, "-o", "json",
                            "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def list(self, kind, namespace, selector=""):
        return json.loads(self.kubectl("get", kind, "-n", namespace, "-l", selector,
                                       "-o", "json"))["items"]

    def component(self, *arguments):
        """dev/cluster/cluster with this cluster's name: kill, restart, logs."""
        return run("dev/cluster/cluster", *arguments, "--name", self.name)

    def create_repository(self, name):
        """An empty repository on the Git server in the cluster; returns its URL."""
        self.kubectl("exec", "-n", "git", "deployment/git-server", "--", "create-repository", name)
        service = self.get("service", "git-server", "git")
        return f"http://{service['spec']['clusterIP']}/{name}.git"

    def connect(self):
        """An HTTPS connection to the API server as its admin."""
        url = urllib.parse.urlsplit(self.state["apiServer"])
        return http.client.HTTPSConnection(url.hostname, url.port, context=self.tls())

    def tls(self, as_admin=True):
        """How to talk to the API server: with the admin's certificate, or with none."""
        config = yaml.safe_load(pathlib.Path(self.state["kubeconfig"]).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        if as_admin:
            with tempfile.NamedTemporaryFile("wb") as pem:
                pem.write(base64.b64decode(user["client-certificate-data"]) + b"\n" +
                          base64.b64decode(user["client-key-data"]))
                pem.flush()
                context.load_cert_chain(pem.name)
        return context

    def audit(self, since_line=0):
        """The audit log's entries from a line on. One per request, when it was answered."""
        lines = pathlib.Path(self.state["auditLog"]).read_text().splitlines()
        return [json.loads(line) for line in lines[since_line:]]

    def audit_length(self):
        return len(pathlib.Path(self.state["auditLog"]).read_text().splitlines())


def processes_of(cluster, component, namespace="committest-system"):
    """The running processes of one of our components: the host's process id and the Pod of each."""
    pods = cluster.list("pods", namespace, f"app.kubernetes.io/component={component}")
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            groups = (folder / "cgroup").read_text().replace("_", "-")
        except OSError:
            continue
        if words[0].endswith(f"committest-{component}".encode()):
            found += [(int(folder.name), pod) for pod in pods if pod["metadata"]["uid"] in groups]
    return found


def process_of(cluster, component, namespace="committest-system"):
    """The host's process id of a running Pod of one of our components, or None."""
    return next((pid for pid, _ in processes_of(cluster, component, namespace)), None)


def processes_with(text):
    """The host's process ids of those that have a text in their environment, as a runner has its
    commit's; needs no API server."""
    found = []
    for file in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if text.encode() in file.read_bytes():
                found.append(int(file.parent.name))
        except OSError:
            continue
    return found


def upgrade(*options):
    """Changes values of the installed release (`--set…` of helm) and waits until they count."""
    run("dev/helm", "upgrade", "committest", str(ROOT / "helm/committest"),
        "-n", "committest-system", "--reset-then-reuse-values", "--wait", "--timeout", "120s",
        *options)


def allow_secrets(*names):
    """The installed observer may read these Secrets of the run namespaces and no others, and takes
    webhooks if there are any."""
    upgrade("--set-json", f"observer.secretNames={json.dumps(names)}",
            "--set", f"observer.webhook.enabled={'true' if names else 'false'}")


def writes(entries, component):
    """The writes of one of our processes in audit entries, leases aside."""
    return [e for e in entries
            if e.get("userAgent", "").startswith(f"committest-{component}/")
            and e["verb"] in ("create", "update", "patch", "delete")
            and e["objectRef"]["resource"] != "leases"]


class Watch:
    """Follows one kind in one namespace; remembers when each event arrived (monotonic clock)."""

    def __init__(self, cluster, path):
        self.events = []  # (seconds, type, object)
        self._changed = threading.Condition()
        self._connection = cluster.connect()
        self._connection.request("GET", f"{path}?watch=true&timeoutSeconds=3000")
        self._response = self._connection.getresponse()
        assert self._response.status == 200, self._response.read()
        self._socket = self._response.fp.raw._sock  # closed from outside to end the thread
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self):
        try:
            while line := self._response.readline():
                event = json.loads(line)
                with self._changed:
                    self.events.append((time.monotonic(), event["type"], event["object"]))
                    self._changed.notify_all()
        except (OSError, ValueError, http.client.HTTPException):
            return

    def wait(self, what, condition, seconds=60.0):
        """The first event, seen or to come, for which `condition(type, object)` holds."""
        deadline = time.monotonic() + seconds
        checked = 0
        with self._changed:
            while True:
                for event in self.events[checked:]:
                    if condition(event[1], event[2]):
                        return event
                checked = len(self.events)
                if not self._changed.wait(max(0.0, deadline - time.monotonic())) \
                        and time.monotonic() >= deadline:
                    raise AssertionError(f"not within {seconds:.0f} s: {what}")

    def all_of(self, what, names, outcome, seconds=60.0):
        """For each name when `outcome(object)` was first truthy, and its value."""
        deadline = time.monotonic() + seconds
        found, checked = {}, 0
        with self._changed:
            while True:
                for seen, _, item in self.events[checked:]:
                    name = item["metadata"]["name"]
                    if name in names and name not in found and (value := outcome(item)):
                        found[name] = (seen, value)
                checked = len(self.events)
                if len(found) == len(names):
                    return found
                if time.monotonic() >= deadline:
                    raise AssertionError(f"not within {seconds:.0f} s: {what}; "
                                         f"missing: {sorted(set(names) - set(found))[:5]}")
                self._changed.wait(max(0.0, deadline - time.monotonic()))

    def close(self):
        import socket
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(5)


class Repository:
    """A Git repository: a work tree here, pushed to the Git server in the cluster."""

    def __init__(self, folder, push_url):
        self.folder = pathlib.Path(folder)
        self.push_url = push_url
        self.folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Ada Lovelace")
        self.git("config", "user.email", "ada@example.com")

    def git(self, *arguments):
        return run("git", *arguments, cwd=self.folder).strip()

    def commit(self, subject, files):
        """Writes the files (None deletes) and commits; returns the SHA."""
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def push(self, branch="main"):
        self.git("push", "-q", "--force", self.push_url, f"HEAD:refs/heads/{branch}")


def unittest_file(body):
    """A tests/test_app.py with these statements as one test."""
    return ("import unittest\n\n\nclass AppTest(unittest.TestCase):\n"
            f"    def test_app(self):\n        {body}\n")
