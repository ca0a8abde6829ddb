#!/usr/bin/env python3
"""Pushes many commits to a real Gitea while observer and operator are killed, and counts.

    tests/bench/nothing_lost.py [--commits 1000] [--repositories 50] [--observers 1]
                                [--kill-seconds 5] [--seed 1] [--limit-seconds 3600] [--scripted]

Needs the product (dev/images/install) and Gitea (dev/gitea/install) in the cluster that
$COMMITTEST_CLUSTER names. Each commit has one test that reports to a ledger outside the cluster and
then passes, or fails for every third commit. A push has one to eight commits and now and then moves
a second branch too. All the while one observer is killed with -9 in each period, and the operator
once it has led for a period. Every run is a real Pod.
With --scripted the cluster is an API-only one: observers, operator and Gitea are child processes,
each killed one is started again at once, and a scripted kubelet plays the runs and is the ledger.
Needs the programs in build/release/bin and root.
Prints JSON: commits that have no CommitTest, two, or a wrong verdict (all must be empty); how many
CommitTests were there at any time; for how many of them, and of the Jobs, the API server's answer was
heard; how often each commit's tests ran, by the ledger. Exits with
1 if anything was lost, doubled or judged wrongly.
"""
import argparse
import json
import pathlib
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import Cluster  # noqa: E402
from tests.support.gitea import Gitea  # noqa: E402
from tests.support.operator_world import install_crds  # noqa: E402
from tests.support.scripted_storm import LocalGitea, ScriptedStorm  # noqa: E402
from tests.support.storm import Storm, is_sound, scale_observers  # noqa: E402


def run(options, storm):
    try:
        return storm.run(options.kill_seconds, options.limit_seconds)
    finally:
        storm.close()


def real(options, cluster):
    scale_observers(cluster, options.observers)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return run(options, Storm(cluster, Gitea.of_cluster(cluster), folder, options.commits,
                                      options.repositories, options.seed))
    finally:
        scale_observers(cluster, 1)


def scripted(options, cluster):
    install_crds(cluster)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as reserved:
        # Gitea is another user.
        pathlib.Path(folder).chmod(0o755)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        reserved.close()
        home = pathlib.Path(folder, "gitea")
        home.mkdir()
        gitea = LocalGitea(home, port)
        try:
            return run(options, ScriptedStorm(cluster, gitea, f"{folder}/storm", options.commits,
                                              options.repositories, options.seed,
                                              observers=options.observers))
        finally:
            gitea.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--repositories", type=int, default=50)
    parser.add_argument("--observers", type=int, default=1)
    parser.add_argument("--kill-seconds", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit-seconds", type=float, default=3600,
                        help="how long to wait for verdicts after the last push")
    parser.add_argument("--scripted", action="store_true")
    options = parser.parse_args()
    report = (scripted if options.scripted else real)(options, Cluster())
    print(json.dumps({"pods": not options.scripted, "observers": options.observers,
                      "killSeconds": options.kill_seconds, **report}, indent=2))
    return 0 if is_sound(report) else 1


if __name__ == "__main__":
    sys.exit(main())
