"""What a hostile commit finds in its Pod, and who may do what."""
import os

import pytest

from conftest import RUN, SYSTEM, condition
from tests.support.cluster import ROOT, unittest_file, wait_for

OPERATOR = f"system:serviceaccount:{SYSTEM}:committest-operator"
OBSERVER = f"system:serviceaccount:{SYSTEM}:committest-observer"
RUNNER = f"system:serviceaccount:{RUN}:committest-runner"
GOLDEN = ROOT / "tests/golden/rbac"

INSPECTION = '''\
import ctypes, http.client, os, ssl, unittest

def status(name):
    return next(l.split()[1] for l in open("/proc/self/status") if l.startswith(name + ":"))

class Pod(unittest.TestCase):
    def test_no_token(self):
        for path in ("/var/run/secrets", "/run/secrets"):
            self.assertFalse(os.path.exists(path), path)

    def test_an_unprivileged_user(self):
        self.assertEqual(os.getresuid() + os.getresgid(), (10001,) * 6)
        self.assertEqual(set(os.getgroups()), {10001})
        self.assertRaises(PermissionError, os.setuid, 0)

    def test_no_capability(self):
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status(name), 16), 0, name)

    def test_system_calls_are_filtered(self):
        self.assertEqual((status("Seccomp"), status("NoNewPrivs")), ("2", "1"))
        new_user_namespace = 0x10000000
        self.assertEqual(ctypes.CDLL(None).unshare(new_user_namespace), -1)

    def test_the_root_is_read_only(self):
        self.assertTrue(os.statvfs("/").f_flag & os.ST_RDONLY)
        for path in ("/evil", "/usr/evil", "/etc/evil"):
            self.assertRaises(OSError, open, path, "w")

    def test_nothing_of_the_node(self):
        self.assertIn("committest-runner", open("/proc/1/cmdline").read())
        self.assertRaises(OSError, open, "/proc/sysrq-trigger", "w")
        mounts = {l.split()[1] for l in open("/proc/self/mounts")}
        self.assertFalse([m for m in mounts if "containerd" in m or "kubelet" in m])
        self.assertFalse(set(os.listdir("/dev")) - {
            "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr",
            "stdin", "stdout", "termination-log", "tty", "urandom", "zero", "console"})

    def test_no_variable_tells_more_than_needed(self):
        self.assertNotIn("COMMITTEST_RUN", os.environ)
        self.assertEqual([n for n in os.environ if "_SERVICE_" in n], [])

    def test_the_api_server_tells_nothing(self):
        api = http.client.HTTPSConnection("kubernetes.default.svc", timeout=10,
                                          context=ssl._create_unverified_context())
        for path in ("/api/v1/namespaces/ci/secrets", "/api/v1/namespaces/ci/pods"):
            api.request("GET", path)
            response = api.getresponse()
            response.read()
            self.assertIn(response.status, (401, 403), path)
'''


@pytest.fixture(scope="module")
def inspected(system):
    """The CommitTest of a commit whose tests look around in their Pod."""
    repository = system.repository()
    commit = repository.commit("Look around", {"tests/test_pod.py": INSPECTION})
    repository.push()
    return system.verdict(repository, commit)


def test_the_runner_pod_holds_nothing_to_steal(inspected):
    assert inspected["status"]["result"] == "Passed", inspected["status"]
    assert inspected["status"]["summary"]["passed"] == 8, inspected["status"]["summary"]


def test_a_fork_bomb_ends_and_hurts_nobody_else(system):
    bomb = system.repository({"template": {"execution": {
        "timeoutSeconds": 5, "resources": {"memory": "96Mi", "cpu": "1"}}}})
    exploding = bomb.commit("Bomb", {"tests/test_app.py": (
        "import os, unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_it(self):\n"
        "        while True:\n"
        "            try:\n"
        "                os.fork()\n"
        "            except OSError:\n"
        "                pass\n")})
    bomb.push()
    system.running(bomb, exploding)
    neighbour = system.repository()
    commit = neighbour.commit("Fine", {"tests/test_app.py": unittest_file("pass")})
    neighbour.push()
    assert system.verdict(neighbour, commit)["status"]["result"] == "Passed"
    # The kernel spends CPU on the bomb's behalf beyond the Pod's limit (31 s within 44 s at half a
    # CPU) and then stops the whole Pod, its runner too, until that is paid back: minutes, not 5 s.
    ended = system.verdict(bomb, exploding, 300)
    assert condition(ended, "Succeeded")["reason"] in ("TimedOut", "OutOfMemory"), ended["status"]
    # The verdict stands on the container's end, which is seen a second before the Pod's.
    wait_for("the bomb's Pod to have failed",
             lambda: [p["status"]["phase"] for p in system.pods_of(ended)] == ["Failed"], 60)


def rights(system, user, namespace):
    """What a user may do in a namespace, one line a rule; paths of the API server left out."""
    lines = set()
    for line in system.cluster.kubectl("auth", "can-i", "--list", "--no-headers", "-n", namespace,
                                       f"--as={user}").splitlines():
        resource, _, rest = line.partition(" ")
        if resource:
            _, names, verbs = (part.split("]")[0].split() for part in rest.split("[")[1:])
            of = f" of {', '.join(names)}" if names else ""
            lines.add(f"{resource}{of}: {', '.join(sorted(verbs))}")
    return lines


@pytest.mark.parametrize("component, user", [
    ("operator", OPERATOR), ("observer", OBSERVER), ("runner", RUNNER)])
def test_accounts_may_do_what_the_golden_file_says(system, component, user):
    sections = []
    for title, namespace in (("a run namespace", RUN), ("the system namespace", SYSTEM),
                             ("another namespace", "default")):
        # Every account may ask what it may do itself.
        everyones = rights(system, "system:serviceaccount:default:default", namespace)
        own = sorted(rights(system, user, namespace) - everyones)
        sections.append("\n".join([f"in {title}:", *(f"  {line}" for line in own or ["nothing"])]))
    text = "\n".join(sections) + "\n"
    golden = GOLDEN / f"{component}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_people_read_with_the_role_view_and_write_with_edit(system):
    ours = "committests.committest.dev", "observedrepositories.committest.dev"
    for role in ("view", "edit"):
        system.cluster.kubectl("create", "rolebinding", f"people-{role}", "-n", RUN,
                               f"--clusterrole={role}", f"--user={role}er")
    try:
        for role, writes in (("view", False), ("edit", True)):
            lines = wait_for("the roles to be aggregated", lambda r=role: (
                found := rights(system, f"{r}er", RUN)) and any(
                    line.startswith(ours[0]) for line in found) and found, 30)
            for kind in ours:
                verbs = {verb for line in lines if line.startswith(f"{kind}:")
                         for verb in line.partition(": ")[2].split(", ")}
                assert {"get", "list", "watch"} <= verbs
                assert ("create" in verbs, "delete" in verbs) == (writes, writes), (role, verbs)
                assert not any(line.startswith(f"{kind}/status") for line in lines), lines
    finally:
        system.cluster.kubectl("delete", "rolebinding", "people-view", "people-edit", "-n", RUN)


def test_hostile_branch_and_subject_are_only_text(system):
    repository = system.repository({"refs": ["refs/heads/*"]})
    commit = repository.commit("$(reboot) \x1b[31m'\"; rm -rf / #<script>", {
        "tests/test_app.py": unittest_file("pass")})
    branch = "a$(touch`x`)'quote\";x=" + "b" * 90
    repository.push(branch)
    repository.push("plain")
    test = system.verdict(repository, commit)
    assert test["status"]["result"] == "Passed", test["status"]
