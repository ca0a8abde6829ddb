#!/usr/bin/env python3
"""Pushes many commits to a real Gitea while observer and operator are killed, and counts.

    tests/bench/nothing_lost.py [--commits 1000] [--repositories 50] [--observers 1]
                                [--kill-seconds 5] [--seed 1] [--limit-seconds 3600]

Needs the product (dev/images/install) and Gitea (dev/gitea/install) in the cluster that
$COMMITTEST_CLUSTER names. Each commit has one test that reports to a ledger outside the cluster and
then passes, or fails for every third commit. A push has one to eight commits and now and then moves a
second branch too. All the while one observer is killed with -9 in each period, and the operator as
soon as it leads. Every run is a real Pod.
Prints JSON: commits that have no CommitTest, two, or a wrong verdict (all must be empty); how many
CommitTests and Jobs the API server made; how often each commit's tests ran, by the ledger. Exits with
1 if anything was lost, doubled or judged wrongly.
"""
import argparse
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import Cluster  # noqa: E402
from tests.support.gitea import Gitea  # noqa: E402
from tests.support.storm import Storm, is_sound, scale_observers  # noqa: E402


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
    options = parser.parse_args()
    cluster = Cluster()
    scale_observers(cluster, options.observers)
    with tempfile.TemporaryDirectory() as folder:
        storm = Storm(cluster, Gitea(cluster), folder, options.commits, options.repositories,
                      options.seed)
        try:
            report = storm.run(options.kill_seconds, options.limit_seconds)
        finally:
            storm.close()
            scale_observers(cluster, 1)
    print(json.dumps({"observers": options.observers, "killSeconds": options.kill_seconds,
                      **report}, indent=2))
    return 0 if is_sound(report) else 1


if __name__ == "__main__":
    sys.exit(main())
