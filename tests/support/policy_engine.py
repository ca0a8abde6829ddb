"""Enforces the egress of NetworkPolicies on the first node of a cluster of dev/cluster, whose own
network enforces none: each Pod has an interface of its own there, so that all it sends passes the
node's nftables.

A small part of what Kubernetes promises, and an error for the rest: policies for all Pods of a
namespace; peers by ipBlock, or by labels of namespaces and Pods; numbered ports. What a policy engine
of a real cluster makes of the same policy is that engine's to prove."""
import ipaddress
import json
import subprocess
import threading

from tests.support.cluster import ROOT

TABLE = "inet policy_engine"
PERIOD_SECONDS = 0.2


class PolicyEngine:
    """Keeps the rules of one namespace up to date, until it is closed."""

    def __init__(self, cluster, namespace):
        self._cluster = cluster
        self._namespace = namespace
        self._loaded = ""
        self._error = None
        self._stop = threading.Event()
        self._update()
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join()
        self._load(f"table {TABLE}\ndelete table {TABLE}\n")
        if self._error:
            raise self._error

    def _follow(self):
        while not self._stop.wait(PERIOD_SECONDS):
            try:
                self._update()
            except Exception as error:  # pylint: disable=broad-exception-caught
                self._error = error
                return

    def _update(self):
        rules = self._rules()
        if rules != self._loaded:
            self._load(rules)
            self._loaded = rules

    def _load(self, rules):
        subprocess.run(["dev/cluster/cluster", "exec-netns", "--name", self._cluster.name, "--",
                        "nft", "-f", "-"], cwd=ROOT, input=rules, text=True, check=True)

    def _get(self, path):
        connection = self._cluster.connect()
        connection.request("GET", path)
        items = json.loads(connection.getresponse().read())["items"]
        connection.close()
        return items

    def _rules(self):
        policies = [p["spec"] for p in self._get(
            f"/apis/networking.k8s.io/v1/namespaces/{self._namespace}/networkpolicies")]
        pods = self._get("/api/v1/pods")
        egress = [p for p in policies if "Egress" in p["policyTypes"]]
        assert all(not p["podSelector"] for p in policies), "policies of some Pods alone"
        own = [a for p in pods if p["metadata"]["namespace"] == self._namespace
               for a in addresses_of(p)]
        allowed = []
        if egress and own:
            namespaces = {n["metadata"]["name"]: n["metadata"].get("labels", {})
                          for n in self._get("/api/v1/namespaces")}
            for rule in (rule for policy in egress for rule in policy.get("egress", [])):
                allowed += rule_lines(rule, pods, namespaces)
        verdicts = "\n    ".join(["ct state established,related accept", *allowed, "drop"])
        sources = f"ip saddr {{ {', '.join(sorted(own))} }} jump egress" if egress and own else ""
        hooks = "\n".join(
            f"  chain {hook} {{\n    type filter hook {hook} priority 10;\n    {sources}\n  }}"
            for hook in ("forward", "input"))
        return (f"table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n"
                f"  chain egress {{\n    {verdicts}\n  }}\n{hooks}\n}}\n")


def addresses_of(pod):
    """The addresses that a Pod has to itself."""
    if pod["spec"].get("hostNetwork") or pod["status"].get("phase") in ("Succeeded", "Failed"):
        return []
    return [entry["ip"] for entry in pod["status"].get("podIPs", [])]


def matches(selector, labels):
    assert not selector.get("matchExpressions"), "labels by expressions"
    return selector.get("matchLabels", {}).items() <= labels.items()


def peers(rule, pods, namespaces):
    """What nftables compares the destination with, one text for each kind of peer."""
    for peer in rule.get("to", []):
        if block := peer.get("ipBlock"):
            if ipaddress.ip_network(block["cidr"]).version == 4:
                closed = ", ".join(block.get("except", []))
                yield f"ip daddr {block['cidr']}" + (f" ip daddr != {{ {closed} }}" if closed else "")
            continue
        assert "namespaceSelector" in peer, "peers in the policy's own namespace"
        found = [a for p in pods
                 if matches(peer["namespaceSelector"], namespaces[p["metadata"]["namespace"]])
                 and matches(peer.get("podSelector", {}), p["metadata"].get("labels", {}))
                 for a in addresses_of(p)]
        if found:
            yield f"ip daddr {{ {', '.join(sorted(found))} }}"


def rule_lines(rule, pods, namespaces):
    """An egress rule in nftables' words. No `to` is everywhere, no `ports` is every port."""
    places = list(peers(rule, pods, namespaces)) if rule.get("to") else [""]
    ports = [f"{p.get('protocol', 'TCP').lower()} dport {p['port']}"
             for p in rule.get("ports", [])] or [""]
    return [f"{place} {port} accept" for place in places for port in ports]
