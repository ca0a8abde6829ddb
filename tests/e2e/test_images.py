"""Tests in images that know nothing of committest, and the checkout that brings them the runner."""
import subprocess

import pytest

from conftest import RUN, condition
from tests.support.cluster import wait_for
from tests.support.images import program_files, write_archive

REPORT = '<testsuite><testcase name="one"/><testcase name="two"/></testsuite>'
# For an image without a shell, and without any other program.
PROGRAM = r"""
#include <stdio.h>
int main(void) {
  FILE *report = fopen("junit.xml", "w");
  return report == NULL || fputs("%s", report) < 0 || fclose(report) != 0;
}
""" % REPORT.replace('"', '\\"')


def debian_shell(folder):
    """A shell and the libraries of this Debian; its own user is not the Pods'."""
    return program_files("/bin/sh"), "1000:1000"


def musl_without_shell(folder):
    """One program that musl's loader loads: no glibc, no shell, nobody to log in."""
    (folder / "program.c").write_text(PROGRAM)
    subprocess.run(["musl-gcc", "-o", str(folder / "program"), str(folder / "program.c")], check=True)
    loader = "/lib/ld-musl-x86_64.so.1"
    assert loader.encode() in (folder / "program").read_bytes()
    return {"/program": folder / "program", loader: loader}, ""


IMAGES = {"debian-shell": (debian_shell, ["/bin/sh", "-c", f"echo '{REPORT}' > junit.xml"]),
          "musl-without-shell": (musl_without_shell, ["/program"])}


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_needs_nothing_of_committest(system, tmp_path, kind):
    make, command = IMAGES[kind]
    name = f"localhost/tests-{kind}:1"
    files, user = make(tmp_path)
    write_archive(tmp_path / "image.tar", name, files, user)
    system.cluster.component("load", str(tmp_path / "image.tar"))
    repository = system.repository({"template": {
        "tests": {"framework": "Command", "command": command},
        "execution": {"image": name}}})
    commit = repository.commit("A commit", {"README": "Nothing."})
    repository.push()
    test = system.verdict(repository, commit)
    assert test["status"]["result"] == "Passed", test["status"]
    assert test["status"]["summary"]["passed"] == 2
    [pod] = system.pods_of(test)
    assert pod["spec"]["containers"][0]["image"] == name
    assert pod["status"]["initContainerStatuses"][0]["name"] == "checkout"


def test_a_checkout_that_fails_is_told_though_no_test_container_ran(system):
    repository = system.repository()
    commit = repository.commit("A commit", {"README": "Nothing."})
    repository.push()
    wait_for("the branch to be seen", lambda: system.test_of(repository, commit), 30)
    name, gone = f"{repository.name}-gone", "f" * 40
    system.cluster.apply({
        "apiVersion": "committest.dev/v1alpha1", "kind": "CommitTest",
        "metadata": {"name": name, "namespace": RUN},
        "spec": {"source": {"url": repository.url, "commit": gone},
                 "execution": {"image": "localhost/tests-debian-shell:1"}}})
    status = wait_for("its verdict", lambda: (
        found := system.cluster.get("committest", name, RUN).get("status", {})).get("result")
        and found, 60)
    told = condition({"status": status}, "Succeeded")
    assert (status["result"], told["reason"]) == ("Error", "CommitGone"), status
    assert status["attempts"][0]["exitCode"] == 21
