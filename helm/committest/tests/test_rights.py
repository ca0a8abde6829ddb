"""Who may do what: RBAC, Pod Security, the admission policy, networks."""

import ipaddress
import json
import unittest

from rendering import SYSTEM, container, deployment, of_kind, render, rules

# Who may do what where, in full. A change here is a change of what an intruder gets.
OPERATOR_RULES = {
    ("committest.dev", "committests"): ["get", "list", "watch", "delete"],
    ("committest.dev", "committests/status"): ["patch"],
    ("committest.dev", "committests/finalizers"): ["update"],
    ("committest.dev", "observedrepositories"): ["get", "list", "watch"],
    ("committest.dev", "observedrepositories/status"): ["patch"],
    ("batch", "jobs"): ["create", "get", "list", "watch", "delete"],
    ("", "pods"): ["get", "list", "watch"],
    ("", "events"): ["list", "watch"],
    ("events.k8s.io", "events"): ["create"],
}
OBSERVER_RULES = {
    ("committest.dev", "observedrepositories"): ["get", "list", "watch"],
    ("committest.dev", "observedrepositories/status"): ["patch"],
    ("committest.dev", "committests"): ["create", "get"],
}


class Rights(unittest.TestCase):
    """RBAC and Pod Security."""

    def roles_in(self, objects, namespace):
        return {o["metadata"]["name"]: o for o in of_kind(objects, "Role")
                if o["metadata"]["namespace"] == namespace}

    def test_each_component_has_exactly_its_rights_in_each_run_namespace(self):
        objects = render({"runNamespaces": ["a", "b"]})
        for namespace in ("a", "b"):
            roles = self.roles_in(objects, namespace)
            self.assertEqual(set(roles), {"committest-operator", "committest-observer"})
            self.assertEqual(rules(roles["committest-operator"]), OPERATOR_RULES)
            self.assertEqual(rules(roles["committest-observer"]), OBSERVER_RULES)

    def test_in_its_own_namespace_the_operator_may_touch_its_lease_alone(self):
        roles = self.roles_in(render(), SYSTEM)
        self.assertEqual(list(roles), ["committest-operator-leader-election"])
        create, hold = roles["committest-operator-leader-election"]["rules"]
        self.assertEqual((create["resources"], create["verbs"]), (["leases"], ["create"]))
        self.assertEqual((hold["resources"], hold["verbs"], hold["resourceNames"]),
                         (["leases"], ["get", "update"], ["committest-operator"]))

    def test_nobody_has_rights_in_the_whole_cluster(self):
        self.assertEqual(of_kind(render(), "ClusterRoleBinding"), [])
        self.assertEqual(of_kind(render({"aggregateRoles": False}), "ClusterRole"), [])

    def test_people_get_our_kinds_with_the_roles_that_they_have(self):
        both = ("committests", "observedrepositories")
        read, write = ["get", "list", "watch"], ["create", "update", "patch", "delete",
                                                 "deletecollection"]
        added = {}
        for role in of_kind(render(), "ClusterRole"):
            for label in role["metadata"]["labels"]:
                if label.startswith("rbac.authorization.k8s.io/aggregate-to-"):
                    added.setdefault(label.partition("-to-")[2], []).append(rules(role))
        reading = {("committest.dev", kind): read for kind in both}
        writing = {("committest.dev", kind): write for kind in both}
        self.assertEqual(added, {"view": [reading], "edit": [reading, writing],
                                 "admin": [reading, writing]})

    def test_every_binding_is_of_its_own_role_to_its_own_account(self):
        for binding in of_kind(render(), "RoleBinding"):
            name = binding["metadata"]["name"]
            self.assertEqual(binding["roleRef"]["name"], name)
            account = name.removesuffix("-leader-election")
            self.assertEqual(binding["subjects"], [
                {"kind": "ServiceAccount", "name": account, "namespace": SYSTEM}])

    def test_the_account_of_test_pods_is_bound_to_nothing_and_mounts_no_token(self):
        objects = render()
        account = next(o for o in of_kind(objects, "ServiceAccount")
                       if o["metadata"]["name"] == "committest-runner")
        self.assertEqual(account["metadata"]["namespace"], "ci")
        self.assertIs(account["automountServiceAccountToken"], False)
        self.assertNotIn("committest-runner", json.dumps(of_kind(objects, "RoleBinding")))

    def test_run_namespaces_are_restricted_and_stay(self):
        namespace, = of_kind(render(), "Namespace")
        labels = namespace["metadata"]["labels"]
        self.assertEqual(labels["pod-security.kubernetes.io/enforce"], "restricted")
        self.assertRegex(labels["pod-security.kubernetes.io/enforce-version"], r"^v1\.\d+$")
        self.assertEqual(namespace["metadata"]["annotations"]["helm.sh/resource-policy"], "keep")

    def test_every_pod_is_restricted(self):
        pods = [o["spec"]["template"]["spec"] for o in of_kind(render(), "Deployment")]
        pods += [o["spec"] for o in of_kind(render(), "Pod")]
        self.assertEqual(len(pods), 3)
        for pod in pods:
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            self.assertEqual(pod["securityContext"]["runAsUser"], 10001)
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            for each in pod["containers"]:
                self.assertEqual(each["securityContext"], {
                    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]}})


class Admission(unittest.TestCase):
    """The policy of the run namespaces. What it refuses is tested on a cluster."""

    KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")

    def test_it_holds_the_run_namespaces_and_no_others(self):
        policy, binding = of_kind(render({"runNamespaces": ["a", "b"]}), *self.KINDS)
        self.assertEqual(binding["spec"]["policyName"], policy["metadata"]["name"])
        self.assertEqual(binding["spec"]["validationActions"], ["Deny"])
        self.assertEqual(policy["spec"]["failurePolicy"], "Fail")
        self.assertEqual(binding["spec"]["matchResources"]["namespaceSelector"], {
            "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In",
                                  "values": ["a", "b"]}]})

    def test_it_knows_the_operators_account_and_the_job_controller(self):
        policy, _ = of_kind(render({
            "operator": {"serviceAccount": {"name": "robot"}},
            "admissionPolicy": {"jobController": "system:kube-controller-manager"}}), *self.KINDS)
        text = json.dumps(policy["spec"]["validations"])
        self.assertIn(f"system:serviceaccount:{SYSTEM}:robot", text)
        self.assertIn("system:kube-controller-manager", text)
        self.assertNotIn("job-controller", text)

    def test_every_refusal_is_forbidden_and_says_why(self):
        policy, _ = of_kind(render(), *self.KINDS)
        for validation in policy["spec"]["validations"]:
            # Another reason would end a CommitTest instead of letting it wait for a repair.
            self.assertEqual(validation["reason"], "Forbidden")
            self.assertTrue("message" in validation or "messageExpression" in validation)

    def test_images_can_be_limited(self):
        def about_images(values):
            policy, _ = of_kind(render(values), *self.KINDS)
            return [v for v in policy["spec"]["validations"] if "exists(p, variables.container.image" in v["expression"]]
        self.assertEqual(about_images({}), [])
        rule, = about_images({"admissionPolicy": {"imagePrefixes": ["a.example.com/", "b/"]}})
        self.assertIn('["a.example.com/","b/"].exists', rule["expression"])
        self.assertIn('"localhost/committest-runner:', rule["expression"])

    def test_releases_in_two_namespaces_do_not_share_it(self):
        policy, binding = of_kind(render(), *self.KINDS)
        self.assertEqual(policy["metadata"]["name"], f"committest.{SYSTEM}")
        self.assertEqual(binding["metadata"]["name"], f"committest.{SYSTEM}")

    def test_it_can_be_left_out(self):
        objects = render({"admissionPolicy": {"enabled": False}})
        self.assertEqual(of_kind(objects, *self.KINDS), [])


class Network(unittest.TestCase):
    """NetworkPolicies."""

    def policies(self, values=None):
        return {o["metadata"]["namespace"]: o["spec"] for o in of_kind(
            render({"runNamespaces": ["a", "b"], **(values or {})}), "NetworkPolicy")}

    def test_nobody_connects_to_test_pods(self):
        policies = self.policies()
        self.assertEqual(set(policies), {SYSTEM, "a", "b"})
        for namespace in ("a", "b"):
            self.assertEqual(policies[namespace]["podSelector"], {})
            self.assertIn("Ingress", policies[namespace]["policyTypes"])
            self.assertNotIn("ingress", policies[namespace])

    def test_only_the_port_of_metrics_is_open(self):
        objects = render()
        policy = self.policies()[SYSTEM]
        self.assertEqual(policy["policyTypes"], ["Ingress"])
        self.assertEqual(policy["ingress"], [{"ports": [{"protocol": "TCP", "port": "http"}]}])
        for component in ("operator", "observer"):
            self.assertLessEqual(policy["podSelector"]["matchLabels"].items(), deployment(
                objects, component)["spec"]["template"]["metadata"]["labels"].items())
            self.assertEqual(container(objects, component)["ports"][0]["name"], "http")

    def test_who_collects_metrics_can_be_said(self):
        peer = {"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}
        rule, = self.policies({"networkPolicy": {"metricsFrom": [peer]}})[SYSTEM]["ingress"]
        test, given = rule["from"]
        self.assertEqual(given, peer)
        self.assertEqual(test["podSelector"]["matchLabels"]["app.kubernetes.io/component"], "test")

    def egress(self, **values):
        """The egress rules of test Pods: of DNS, and the others."""
        policy = self.policies({"networkPolicy": values})["a"]
        self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])
        return policy["egress"][0], policy["egress"][1:]

    def internet(self, **values):
        """The addresses that the rule for the Internet opens, as a predicate."""
        rule = self.egress(**values)[1][0]
        self.assertEqual(set(rule), {"to"})
        blocks = [(ipaddress.ip_network(b["cidr"]), [ipaddress.ip_network(e) for e in b["except"]])
                  for b in (to["ipBlock"] for to in rule["to"])]
        return lambda text: any(
            (a := ipaddress.ip_address(text)) in open_ and not any(a in e for e in closed)
            for open_, closed in blocks)

    def test_test_pods_reach_the_cluster_for_names_alone(self):
        dns, others = self.egress()
        peer, = dns["to"]
        self.assertEqual(set(peer), {"namespaceSelector", "podSelector"})
        self.assertEqual({port["port"] for port in dns["ports"]}, {53, 5353, 8053})
        self.assertEqual(len(others), 1)

    def test_the_internet_is_open_and_nothing_else(self):
        is_open = self.internet(runDeniedCIDRs=["203.0.113.0/24", "2a00:1::/32"])
        for address in ("1.1.1.1", "140.82.121.4", "172.32.0.1", "2606:4700::1111"):
            self.assertTrue(is_open(address), address)
        for address in ("10.96.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
                        "100.64.0.1", "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
                        "203.0.113.7", "fd00::1", "fe80::1", "::1", "fd00:ec2::254", "ff02::1",
                        "64:ff9b::a00:1", "2002:a00:1::", "::ffff:10.0.0.1", "2a00:1::1"):
            self.assertFalse(is_open(address), address)

    def test_what_test_pods_need_besides_can_be_said(self):
        rule = {"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}
        self.assertEqual(self.egress(runEgress=[rule])[1][1:], [rule])
        self.assertEqual(self.egress(runEgress=[rule], runInternet=False)[1], [rule])
        self.assertEqual(self.egress(runInternet=False)[1], [])

    def test_the_egress_of_test_pods_can_be_left_alone(self):
        policy = self.policies({"networkPolicy": {"isolateRuns": False}})["a"]
        self.assertEqual(policy, {"podSelector": {}, "policyTypes": ["Ingress"]})

    def test_they_can_be_left_out(self):
        self.assertEqual(self.policies({"networkPolicy": {"enabled": False}}), {})
