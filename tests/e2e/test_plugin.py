"""kubectl-committest on the whole cluster: what people do from their terminals."""
import os
import subprocess

from conftest import RUN
from tests.support.cluster import ROOT, Repository, run, unittest_file

PROGRAMS = ROOT / "build" / "release" / "bin"


def start(cluster, *arguments):
    kubeconfig = run("dev/cluster/cluster", "kubeconfig", "--name", cluster.name).strip()
    return subprocess.Popen([PROGRAMS / "kubectl-committest", *arguments, "-n", RUN],
                            env={"KUBECONFIG": kubeconfig, "PATH": os.defpath},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def plugin(cluster, *arguments):
    """The exit status, and what it printed."""
    process = start(cluster, *arguments)
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    return process.returncode, out, err


def test_a_commit_is_run_read_explained_repeated_and_cancelled(system):
    cluster, name = system.cluster, system.new_name()
    repository = Repository(system.folder / name, cluster.create_repository(name))
    failing = repository.commit("Colours", {"tests/test_app.py": unittest_file(
        "print('\\x1b[2Jfirst\\x1b[0m'); self.assertEqual(1, 2)")})
    slow = repository.commit("Slow", {"tests/test_app.py": unittest_file(
        "import time; print('ticking', flush=True); time.sleep(600)")})
    repository.push()

    code, out, err = plugin(cluster, "run", repository.push_url, failing, "--wait",
                            "--ref=refs/heads/main")
    assert code == 3 and "TestsFailed" in out, (code, out, err)
    test = out.split()[0]
    code, out, err = plugin(cluster, "logs", test)
    assert code == 0 and " first\nFAIL" in out and "\x1b" not in out, (out, err)
    code, out, err = plugin(cluster, "why", test)
    assert code == 0 and "test_app" in out and "1 != 2" in out, (out, err)
    code, out, err = plugin(cluster, "rerun", test, "--wait")
    assert code == 3 and out.startswith(f"{test}-r1  created\n"), (code, out, err)

    line = plugin(cluster, "reproduce", test, "--local")[1]
    done = subprocess.run(["/bin/sh", "-c", line], env={"PATH": f"{PROGRAMS}:{os.defpath}"},
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 10 and "test_app" in done.stdout, (line, done)

    code, out, err = plugin(cluster, "run", repository.push_url, slow, "--ref=refs/heads/main")
    assert code == 0, err
    test = out.split()[0]
    logs = start(cluster, "logs", "-f", test)
    try:
        assert any("ticking" in line for line in logs.stdout), logs.stderr.read()
        code, out, err = plugin(cluster, "cancel", test, "--wait")
        assert code == 5 and "Cancelled" in out, (code, out, err)
        _, err = logs.communicate(timeout=60)
        assert logs.returncode == 0, err
    finally:
        logs.kill()
