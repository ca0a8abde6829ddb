"""What a hostile commit finds in its Pod, and what the run namespace refuses."""
import json

from conftest import RUN
from tests.support.cluster import run, unittest_file


def test_the_runner_pod_holds_nothing_to_steal(system):
    repository = system.repository()
    commit = repository.commit("Look around", {"tests/test_app.py": unittest_file(
        "import os; "
        "self.assertFalse(os.path.exists('/var/run/secrets/kubernetes.io/serviceaccount')); "
        "self.assertNotEqual(os.getuid(), 0); "
        "self.assertNotIn('COMMITTEST_RUN', os.environ); "
        "self.assertNotIn('KUBERNETES_SERVICE_HOST', "
        "[k for k in os.environ if k.startswith('GIT_SERVER')]); "
        "self.assertRaises(OSError, open, '/usr/evil', 'w'); "
        "self.assertEqual(int([l.split()[1] for l in open('/proc/self/status') "
        "if l.startswith('CapEff')][0], 16), 0)")})
    repository.push()
    test = system.verdict(repository, commit)
    assert test["status"]["result"] == "Passed", test["status"]


def test_the_run_namespace_refuses_privileged_pods(system):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "evil", "namespace": RUN},
           "spec": {"containers": [{"name": "c", "image": "x",
                                    "securityContext": {"privileged": True}}]}}
    answer = run("sh", "-c", "dev/kubectl create -f - 2>&1", stdin=json.dumps(pod), check=False)
    assert "violates PodSecurity" in answer, answer


def test_hostile_branch_and_subject_are_only_text(system):
    repository = system.repository({"refs": ["refs/heads/*"]})
    commit = repository.commit("$(reboot) \x1b[31m'\"; rm -rf / #<script>", {
        "tests/test_app.py": unittest_file("pass")})
    branch = "a$(touch`x`)'quote\";x=" + "b" * 90
    repository.push(branch)
    repository.push("plain")
    test = system.verdict(repository, commit)
    assert test["status"]["result"] == "Passed", test["status"]


def test_service_accounts_can_do_no_more_than_they_need(system):
    for account, verb, resource, allowed in [
            ("committest-operator", "get", "secrets", "no"),
            ("committest-operator", "create", "pods", "no"),
            ("committest-operator", "create", "jobs.batch", "yes"),
            ("committest-operator", "update", "committests.committest.dev", "no"),
            ("committest-observer", "create", "jobs.batch", "no"),
            ("committest-observer", "get", "secrets", "no"),
            ("committest-observer", "create", "committests.committest.dev", "yes"),
            ("committest-runner", "get", "pods", "no")]:
        namespace = RUN if account == "committest-runner" else "committest-system"
        answer = system.cluster.kubectl(
            "auth", "can-i", verb, resource, "-n", RUN,
            f"--as=system:serviceaccount:{namespace}:{account}", check=False).strip()
        assert answer == allowed, (account, verb, resource, answer)
