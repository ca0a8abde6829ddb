#!/usr/bin/env python3
"""Runs real projects' own suites in the product and by hand, in the same image, and compares them.

    tests/bench/real_projects.py [--rounds 5] [--json FILE] [PROJECT ...]

Needs, in the cluster that $COMMITTEST_CLUSTER names: the product (dev/images/install), Gitea
(dev/gitea/install), and for uuid, cjson and heck the image with their tools
(dev/images/load toolchains; with the same $TAG and $REGISTRY as here). Needs pip, go, apt-get on
Debian, cargo and git on this machine, and a way to their registries: they fetch the projects.

Three Python projects (source distributions of PyPI), one of Go (the module proxy), one with CMake (a
Debian source package), one of Rust (crates.io), and "trivial", which has one test. Each becomes one
commit on Gitea, and is run
  - by the product: a CommitTest, its verdict, counts and stages as its status has them;
  - in a Pod that is a copy of that CommitTest's, with the same image, user and limits: by hand
    (git at depth 1 and the suite's own commands) and by committest-runner, in turns. The first round
    is thrown away.
Of idna one module needs hypothesis, which the image does not have: all call that suite failed.
Prints a table of medians, and JSON: verdicts, counts, and milliseconds of each stage as minimum,
median and maximum. "overhead" is the runner's whole run over that by hand, round by round. Exits
with 1 if verdicts or counts differ.
"""
import argparse
import copy
import json
import os
import pathlib
import statistics
import sys
import tempfile
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.projects import PROJECTS, counts  # noqa: E402
from tests.support.cluster import Cluster, run, wait_for  # noqa: E402
from tests.support.gitea import Gitea  # noqa: E402

RUN = "ci"
BARE = "bench"  # the run namespaces are for CommitTests alone
STAGES = ("checkout", "discovery", "setup", "tests", "report")
# PYTHONPATH is for projects that keep their packages in src.
VARIABLES = {"PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
TIME_LIMIT = 1200
IN_CONTAINER = (ROOT / "tests/bench/in_container.py").read_text()


def toolchains_image():
    registry, tag = os.environ.get("REGISTRY", "localhost"), os.environ.get("TAG")
    if not tag:
        chart = (ROOT / "helm/committest/Chart.yaml").read_text()
        tag = next(line.split()[1] for line in chart.splitlines() if line.startswith("appVersion:"))
    return f"{registry}/committest-toolchains:{tag}"


def figures(values):
    return {"min": round(min(values)), "median": round(statistics.median(values)),
            "max": round(max(values))}


class Bench:
    """Everything that it makes in the cluster has one name at the beginning, and goes with `close`."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.folder = pathlib.Path(folder)
        self.gitea = Gitea.of_cluster(cluster)
        self.user = self.gitea.create_user()
        self.name = f"bench-{uuid.uuid4().hex[:8]}"
        cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": BARE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
            {"apiVersion": "v1", "kind": "ServiceAccount",
             "metadata": {"name": "committest-runner", "namespace": BARE}})

    def close(self):
        self.cluster.kubectl("delete", "committests", "-n", RUN, "--wait=false", "-l",
                             f"bench={self.name}")
        self.cluster.kubectl("delete", "pods", "-n", BARE, "--wait=false", "-l",
                             f"bench={self.name}")

    def commit(self, name, project):
        """The project as one commit on Gitea: its URL and the commit."""
        fetched = self.folder / name / "source"
        fetched.parent.mkdir()
        project.fetch(fetched)
        repository = self.gitea.create_repository(self.user, name, self.folder / name / "tree")
        repository.git("--work-tree", str(fetched), "add", "--all", "--force")
        repository.git("--work-tree", str(fetched), "commit", "--quiet", "--message", name)
        repository.push()
        return repository.url, repository.git("rev-parse", "HEAD")

    def product(self, name, project, url, commit):
        """The CommitTest's status, and the specification of its Pod."""
        execution = {"timeoutSeconds": TIME_LIMIT,
                     "env": [{"name": key, "value": value} for key, value in VARIABLES.items()]}
        if project.toolchains:
            execution |= {"image": toolchains_image(), "resources": {"cpu": "1", "memory": "2Gi"}}
        test = f"{self.name}-{name}"
        self.cluster.apply({
            "apiVersion": "committest.dev/v1alpha1", "kind": "CommitTest",
            "metadata": {"name": test, "namespace": RUN, "labels": {"bench": self.name}},
            "spec": {"source": {"url": url, "commit": commit, "ref": "refs/heads/main"},
                     "execution": execution}})
        status = wait_for(f"{test} to have a verdict", lambda: (
            found := self.cluster.get("committest", test, RUN).get("status", {})).get("result")
            and found, TIME_LIMIT, 0.5)
        job = self.cluster.get("job", status["attempts"][-1]["jobName"], RUN)
        return status, job["spec"]["template"]["spec"]

    def container(self, name, pod):
        """A Pod like that of the CommitTest, whose container waits for what it is told; its name
        and its runner."""
        pod = copy.deepcopy(pod)
        container, = pod["containers"]
        runner = container.get("command", ["/usr/bin/committest-runner"])[0]
        container["command"] = ["sleep", str(6 * TIME_LIMIT)]
        container.pop("args", None)
        container["env"] = [one for one in container["env"] if one["name"] != "COMMITTEST_RUN"]
        pod_name = f"{self.name}-{name}"
        self.cluster.apply({"apiVersion": "v1", "kind": "Pod", "spec": pod, "metadata": {
            "name": pod_name, "namespace": BARE, "labels": {"bench": self.name}}})
        self.cluster.kubectl("wait", "--for=condition=Ready", "--timeout=120s", "-n", BARE,
                             f"pod/{pod_name}")
        return pod_name, runner

    def rounds(self, name, project, pod, request, count):
        """What in_container.py says of `count` rounds."""
        pod_name, runner = self.container(name, pod)
        asked = {"request": request, "commands": project.commands, "runner": runner,
                 "rounds": count}
        said = self.cluster.kubectl("exec", "-i", "-n", BARE, pod_name, "-c", "runner", "--",
                                    "python3", "-c", IN_CONTAINER, stdin=json.dumps(asked))
        self.cluster.kubectl("delete", "pod", pod_name, "-n", BARE, "--grace-period=0", "--force")
        return json.loads(said)


def outcomes(project, rounds, status):
    """The different verdicts and counts of all runs, and who had which; one, if all is well."""
    seen = {}

    def see(who, passed, its_counts):
        outcome = json.dumps({"passed": passed, "counts": its_counts}, sort_keys=True)
        seen.setdefault(outcome, set()).add(who)
    for one in rounds:
        see("hand", one["hand"]["passed"], project.counts(one["hand"]["output"]))
        see("runner", one["runner"]["passed"],
            {key: one["runner"]["summary"][key] for key in counts(0)})
    see("product", status["result"] == "Passed",
        {key: status.get("summary", {}).get(key) for key in counts(0)})
    return [json.loads(outcome) | {"of": sorted(who)} for outcome, who in seen.items()]


def compare(bench, name, count):
    project = PROJECTS[name]
    url, commit = bench.commit(name, project)
    status, pod = bench.product(name, project, url, commit)
    request = {"url": url, "commit": commit, "ref": "refs/heads/main",
               "timeoutSeconds": TIME_LIMIT}
    rounds = bench.rounds(name, project, pod, request, count)
    seen = outcomes(project, rounds, status)
    for one in rounds:
        if one["runner"]["output"]:
            print(one["runner"]["output"], file=sys.stderr)
    stages = status.get("stages", {})

    def times(who):
        return {stage: figures([one[who]["milliseconds"][stage] for one in rounds])
                for stage in (*STAGES, "all") if stage in rounds[0][who]["milliseconds"]}
    return {
        "same": len(seen) == 1, "outcomes": seen, "reason": status["display"]["reason"],
        "framework": rounds[0]["runner"]["summary"]["framework"],
        "image": pod["containers"][0]["image"], "rounds": count,
        "overheadMilliseconds": figures([one["runner"]["milliseconds"]["all"] -
                                         one["hand"]["milliseconds"]["all"] for one in rounds]),
        "hand": times("hand"), "runner": times("runner"),
        "product": {stage: stages.get(f"{stage}Milliseconds", 0) for stage in STAGES} | {
            "tests": status.get("summary", {}).get("durationMilliseconds", 0)}}


def table(results):
    """A line for each project and who ran it, in Markdown; medians in milliseconds."""
    lines = ["| project | by | verdict, tests | " + " | ".join(STAGES) + " | all |",
             "|---|---|---|" + "---|" * (len(STAGES) + 1)]
    for name, result in results.items():
        for who in ("hand", "runner", "product"):
            found, = (one for one in result["outcomes"] if who in one["of"])
            verdict = ("passed" if found["passed"] else "failed") + \
                f", {found['counts']['passed']}/{found['counts']['total']}"
            row = [result[who].get(stage, "") for stage in (*STAGES, "all")]
            row = [cell["median"] if isinstance(cell, dict) else cell for cell in row]
            lines.append(f"| {name} | {who} | {verdict} | " + " | ".join(map(str, row)) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="*", metavar="PROJECT", help=", ".join(PROJECTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the JSON there and print the table")
    options = parser.parse_args()
    unknown = set(options.projects) - set(PROJECTS)
    if unknown:
        parser.error(f"unknown project {', '.join(unknown)}")
    results = {"load": {"before": os.getloadavg()}, "projects": {}}
    with tempfile.TemporaryDirectory(prefix="real-projects-") as folder:
        bench = Bench(Cluster(), folder)
        try:
            for name in options.projects or PROJECTS:
                results["projects"][name] = compare(bench, name, options.rounds)
                results["load"]["after"] = os.getloadavg()
                if options.json:  # What was measured is kept when a later project ends it all.
                    pathlib.Path(options.json).write_text(json.dumps(results, indent=2) + "\n")
                print(f"{name}: {'same' if results['projects'][name]['same'] else 'DIFFERENT'}",
                      file=sys.stderr)
        finally:
            bench.close()
            # Go makes its module cache read-only.
            run("chmod", "-R", "u+w", folder)
    print(table(results["projects"]), file=sys.stdout if options.json else sys.stderr)
    if not options.json:
        print(json.dumps(results, indent=2))
    return 0 if all(result["same"] for result in results["projects"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
