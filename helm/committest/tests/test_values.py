"""That values do what their comments say, and that nothing else is taken."""

import sys
import unittest

import yaml

from rendering import CHART, ROOT, SYSTEM, container, deployment, helm_template, of_kind, render

sys.path.insert(0, str(ROOT / "manifests"))

import values_docs  # noqa: E402

REFUSED = {
    "a misspelt value": {"operator": {"replica": 2}},
    "a misspelt top-level value": {"namespaces": ["ci"]},
    "no run namespace": {"runNamespaces": []},
    "a run namespace that is no name": {"runNamespaces": ["CI"]},
    "the same run namespace twice": {"runNamespaces": ["ci", "ci"]},
    "a text for a switch": {"observer": {"allowHTTP": "yes"}},
    "an address that is a name": {"observer": {"allowPrivateAddresses": ["git.svc"]}},
    "an unknown log level": {"logLevel": "verbose"},
    "no workers": {"operator": {"workers": 0}},
    "a size that is no quantity": {"observer": {"dataSizeLimit": "much"}},
    "an unknown pull policy": {"image": {"pullPolicy": "Sometimes"}},
    "an empty registry": {"image": {"registry": ""}},
    "a tag with a digest in it": {"image": {"tag": "1@sha256:0"}},
    "a digest that is none": {"operator": {"image": {"digest": "sha256:0"}}},
    "a Pod label that selects": {"observer": {"podLabels": {"app.kubernetes.io/name": "x"}}},
    "an account name that is none": {"operator": {"serviceAccount": {"name": "A_b"}}},
    "a variable without a name": {"operator": {"extraEnv": [{"value": "1"}]}},
    "an unknown effect": {"observer": {"tolerations": [{"effect": "NoRun"}]}},
    "an unknown kind of affinity": {"operator": {"affinity": {"nodes": {}}}},
    "a spread without a topology": {"operator": {"topologySpreadConstraints": [{"maxSkew": 1}]}},
    "Jobs gone before anyone looks": {"operator": {"finishedJobTTLSeconds": 0}},
    "too many operators": {"operator": {"replicas": 11}},
    "a negative request": {"observer": {"resources": {"requests": {"cpu": -1}}}},
    "test Pods without memory": {"runner": {"resources": {"memory": None}}},
    "test Pods of much memory": {"runner": {"resources": {"memory": "lots"}}},
    "a registry that is also the beginning of another": {
        "admissionPolicy": {"imagePrefixes": ["registry.example.com"]}},
    "a peer that is no object": {"networkPolicy": {"metricsFrom": ["prometheus"]}},
    "a Job controller that is nobody": {"admissionPolicy": {"jobController": "me"}},
    "an interval without a unit": {"metrics": {"serviceMonitor": {"interval": "30"}}},
}


class Values(unittest.TestCase):
    """That values do what their comments say, and nothing else is taken."""

    def test_what_is_not_a_value_is_refused(self):
        for what, values in REFUSED.items():
            with self.subTest(what):
                status, _, errors = helm_template(values)
                self.assertNotEqual(status, 0)
                self.assertIn("values don't meet the specifications of the schema", errors)

    def test_the_message_says_which_value_and_what_is_expected(self):
        _, _, errors = helm_template({"operator": {"replicas": 11, "replica": 2},
                                      "logLevel": "verbose"})
        for words in ("/operator/replicas", "maximum", "'replica'", "/logLevel",
                      "'debug', 'info', 'warning', 'error'"):
            self.assertIn(words, errors)

    def test_what_only_the_templates_can_see_is_refused_as_well(self):
        for values, words in [
                ({"runNamespaces": ["ci", SYSTEM]}, "the release's own namespace"),
                ({"operator": {"serviceAccount": {"create": False}}},
                 "operator.serviceAccount.name must be given")]:
            status, _, errors = helm_template(values)
            self.assertNotEqual(status, 0)
            self.assertIn(words, errors)

    def test_an_empty_default_may_be_removed(self):
        for component in ("operator", "observer"):
            render({component: {"affinity": None, "extraEnv": None, "priorityClassName": None,
                                "podLabels": None}})

    def test_registry_and_tag_are_those_of_all_three_images(self):
        objects = render({"image": {"registry": "registry.example.com/ci", "tag": "7"}})
        for component in ("operator", "observer"):
            self.assertEqual(container(objects, component)["image"],
                             f"registry.example.com/ci/committest-{component}:7")
        self.assertIn("--runner-image=registry.example.com/ci/committest-runner:7",
                      container(objects, "operator")["args"])

    def test_a_digest_counts_more_than_the_tag(self):
        digest = "sha256:" + "0" * 64
        objects = render({"image": {"tag": "7"}, "operator": {"image": {"digest": digest}},
                          "runner": {"image": {"digest": digest}}})
        self.assertEqual(container(objects, "operator")["image"],
                         f"localhost/committest-operator@{digest}")
        self.assertIn(f"--runner-image=localhost/committest-runner@{digest}",
                      container(objects, "operator")["args"])
        self.assertEqual(container(objects, "observer")["image"], "localhost/committest-observer:7")

    def test_the_default_tag_is_the_version_of_the_app(self):
        version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
        self.assertEqual(container(render(), "operator")["image"],
                         f"localhost/committest-operator:{version}")

    def test_both_programs_get_every_run_namespace(self):
        objects = render({"runNamespaces": ["a", "b"]})
        for component in ("operator", "observer"):
            arguments = container(objects, component)["args"]
            self.assertEqual([a for a in arguments if a.startswith("--namespace=")],
                             ["--namespace=a", "--namespace=b"])

    def test_plain_http_must_be_asked_for(self):
        self.assertNotIn("--allow-http", container(render(), "observer")["args"])
        allowed = render({"observer": {"allowHTTP": True}})
        self.assertIn("--allow-http", container(allowed, "observer")["args"])

    def test_authorities_for_git_hosts_are_mounted(self):
        plain = container(render(), "observer")
        self.assertFalse([a for a in plain["args"] if a.startswith("--ca-file")])
        self.assertNotIn("ca", [mount["name"] for mount in plain["volumeMounts"]])
        for source in ("configMap", "secret"):
            values = {f"{source}Name": "authorities", "key": "roots.pem"}
            objects = render({"observer": {"caBundle": values}})
            observer = container(objects, "observer")
            self.assertIn("--ca-file=/etc/committest/ca/ca.pem", observer["args"])
            self.assertIn({"name": "ca", "mountPath": "/etc/committest/ca", "readOnly": True},
                          observer["volumeMounts"])
            pod = deployment(objects, "observer")["spec"]["template"]["spec"]
            volume = next(v for v in pod["volumes"] if v["name"] == "ca")
            self.assertEqual(volume[source], {
                "name" if source == "configMap" else "secretName": "authorities",
                "items": [{"key": "roots.pem", "path": "ca.pem"}]})
            self.assertNotIn("ca", [mount["name"] for mount in
                                    container(objects, "operator").get("volumeMounts", [])])

    def test_proxies_are_variables_of_the_observer_alone(self):
        self.assertNotIn("env", container(render(), "observer"))
        proxy = {"httpsProxy": "http://proxy.example.com:3128", "noProxy": ".svc,10.0.0.0/8"}
        objects = render({"observer": {"proxy": {**proxy, "secretName": "proxy"},
                                       "extraEnv": [{"name": "A", "value": "b"}]}})
        self.assertEqual({entry["name"]: entry["value"]
                          for entry in container(objects, "observer")["env"]},
                         {"HTTPS_PROXY": proxy["httpsProxy"], "NO_PROXY": proxy["noProxy"],
                          "A": "b"})
        # Without the Secret the Pod does not start, so that nothing goes by another way.
        self.assertEqual(container(objects, "observer")["envFrom"],
                         [{"secretRef": {"name": "proxy"}}])
        self.assertNotIn("proxy", str(deployment(objects, "operator")).lower())

    def test_no_password_of_a_proxy_is_a_value(self):
        for value in ("http://user:password@proxy:3128", "https://proxy:3128", "proxy:3128"):
            status, _, errors = helm_template({"observer": {"proxy": {"httpsProxy": value}}})
            self.assertNotEqual(status, 0)
            self.assertIn("/observer/proxy/httpsProxy", errors)

    def test_private_addresses_must_be_asked_for(self):
        def flags(objects):
            return [a for a in container(objects, "observer")["args"] if "addresses" in a]

        self.assertEqual(flags(render()), [])
        blocks = ["private", "10.96.0.0/12", "fd00::/8"]
        self.assertEqual(flags(render({"observer": {"allowPrivateAddresses": blocks}})),
                         [f"--allow-private-addresses={block}" for block in blocks])

    def test_the_lease_is_the_one_that_the_role_names(self):
        for release in ("committest", "other"):
            objects = render(release=release)
            name = deployment(objects, "operator")["metadata"]["name"]
            self.assertIn(f"--lease-name={name}", container(objects, "operator")["args"])
            role = next(o for o in of_kind(objects, "Role")
                        if o["metadata"]["name"] == f"{name}-leader-election")
            self.assertEqual(role["rules"][1]["resourceNames"], [name])

    def test_pods_take_what_a_platform_asks_for(self):
        given = {"nodeSelector": {"pool": "ci"}, "priorityClassName": "high",
                 "tolerations": [{"key": "ci", "operator": "Exists"}],
                 "affinity": {"nodeAffinity": {"x": 1}},
                 "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone",
                                                "whenUnsatisfiable": "DoNotSchedule"}]}
        values = {**given, "extraEnv": [{"name": "A", "value": "1"}],
                  "podAnnotations": {"example.com/a": "1"}, "podLabels": {"example.com/l": "2"},
                  "resources": {"limits": {"memory": "1Gi"}}}
        for component in ("operator", "observer"):
            objects = render({component: values, "imagePullSecrets": [{"name": "registry"}]})
            template = deployment(objects, component)["spec"]["template"]
            for name, value in given.items():
                self.assertEqual(template["spec"][name], value)
            self.assertEqual(template["spec"]["imagePullSecrets"], [{"name": "registry"}])
            self.assertEqual(template["metadata"]["annotations"], {"example.com/a": "1"})
            self.assertEqual(template["metadata"]["labels"]["example.com/l"], "2")
            self.assertIn({"name": "A", "value": "1"}, template["spec"]["containers"][0]["env"])
            self.assertEqual(template["spec"]["containers"][0]["resources"]["limits"],
                             {"memory": "1Gi"})

    def test_accounts_can_be_annotated_renamed_or_made_by_somebody_else(self):
        def accounts(values):
            objects = render({"operator": {"serviceAccount": values}})
            pod = deployment(objects, "operator")["spec"]["template"]["spec"]
            subjects = {s["name"] for o in of_kind(objects, "RoleBinding") for s in o["subjects"]}
            self.assertEqual(subjects, {pod["serviceAccountName"], "committest-observer"})
            return pod["serviceAccountName"], {
                o["metadata"]["name"]: o["metadata"].get("annotations")
                for o in of_kind(objects, "ServiceAccount") if o["metadata"]["namespace"] == SYSTEM}
        self.assertEqual(accounts({"name": "robot", "annotations": {"a": "b"}}),
                         ("robot", {"robot": {"a": "b"}, "committest-observer": None}))
        self.assertEqual(accounts({"name": "robot", "create": False}),
                         ("robot", {"committest-observer": None}))

    def test_only_several_operators_have_a_disruption_budget(self):
        self.assertEqual(of_kind(render(), "PodDisruptionBudget"), [])
        objects = render({"operator": {"replicas": 2}})
        budget, = of_kind(objects, "PodDisruptionBudget")
        self.assertEqual(budget["spec"], {"maxUnavailable": 1, "selector": deployment(
            objects, "operator")["spec"]["selector"]})

    def test_every_operator_elects_a_leader(self):
        for replicas in (1, 2):
            self.assertIn("--leader-elect", container(
                render({"operator": {"replicas": replicas}}), "operator")["args"])

    def test_what_test_pods_get_can_be_set(self):
        arguments = container(render({"runner": {"resources": {
            "cpuRequest": "1", "cpuLimit": "2", "memory": "3Gi", "ephemeralStorage": "4Gi"}}}),
            "operator")["args"]
        for argument in ("--runner-cpu-request=1", "--runner-cpu-limit=2", "--runner-memory=3Gi",
                         "--runner-ephemeral-storage=4Gi"):
            self.assertIn(argument, arguments)

    def test_how_many_run_and_how_long_jobs_stay_can_be_set(self):
        arguments = container(render({"operator": {
            "maxRunning": 1_000_000, "finishedJobTTLSeconds": 31_536_000}}), "operator")["args"]
        self.assertIn("--max-running=1000000", arguments)
        self.assertIn("--finished-job-ttl-seconds=31536000", arguments)

    def test_log_level_and_format_are_those_of_both(self):
        objects = render({"logLevel": "debug", "logFormat": "text"})
        for component in ("operator", "observer"):
            arguments = container(objects, component)["args"]
            self.assertIn("--log-level=debug", arguments)
            self.assertIn("--log-format=text", arguments)

    def test_monitors_are_made_on_demand_and_select_the_services(self):
        self.assertEqual(of_kind(render(), "ServiceMonitor"), [])
        objects = render({"metrics": {"serviceMonitor": {
            "enabled": True, "interval": "30s", "labels": {"release": "prometheus"}}}})
        services = {o["metadata"]["name"]: o for o in of_kind(objects, "Service")}
        monitors = of_kind(objects, "ServiceMonitor")
        self.assertEqual(len(monitors), 2)
        for monitor in monitors:
            service = services[monitor["metadata"]["name"]]
            endpoint, = monitor["spec"]["endpoints"]
            self.assertEqual(endpoint, {"port": service["spec"]["ports"][0]["name"],
                                        "path": "/metrics", "interval": "30s"})
            self.assertLessEqual(monitor["spec"]["selector"]["matchLabels"].items(),
                                 service["metadata"]["labels"].items())
            self.assertEqual(monitor["metadata"]["labels"]["release"], "prometheus")

    def test_pull_secrets_reach_test_pods_by_their_account(self):
        objects = render({"imagePullSecrets": [{"name": "registry"}]})
        account = next(o for o in of_kind(objects, "ServiceAccount")
                       if o["metadata"]["name"] == "committest-runner")
        self.assertEqual(account["imagePullSecrets"], [{"name": "registry"}])

    def test_a_namespace_that_is_there_already_is_left_alone(self):
        objects = render({"createRunNamespaces": False})
        self.assertEqual(of_kind(objects, "Namespace"), [])
        self.assertEqual(len([o for o in of_kind(objects, "ServiceAccount")
                              if o["metadata"]["namespace"] == "ci"]), 1)


class Comments(unittest.TestCase):
    """What manifests/render makes of the comments in values.yaml."""

    TEXT = """\
# @define size {"minimum": 1,
#   "maximum": 9}
outer:
  # -- How many,
  # in words.
  # @schema size
  inner: 4
  # -- What is left out.
  # @schema {"items": {"$ref": "size", "type": "integer"}}
  rest: []
"""

    def test_type_text_and_definition_become_the_schema(self):
        outer = values_docs.schema_of(values_docs.read(self.TEXT))["properties"]["outer"]
        self.assertEqual(outer["properties"]["inner"], {
            "type": "integer", "minimum": 1, "maximum": 9, "description": "How many, in words."})
        self.assertEqual(outer["properties"]["rest"]["items"],
                         {"type": "integer", "minimum": 1, "maximum": 9})
        self.assertEqual(outer["required"], ["inner"])
        self.assertIs(outer["additionalProperties"], False)

    def test_the_table_has_a_row_for_each(self):
        self.assertEqual(values_docs.table(values_docs.read(self.TEXT)).splitlines()[2:], [
            "| `outer.inner` | integer 1..9 | `4` | How many, in words. |",
            "| `outer.rest` | array | `[]` | What is left out. |"])

    def test_a_value_without_a_comment_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "outer.inner has no comment"):
            values_docs.read("outer:\n  inner: 4\n")

    def test_an_unknown_definition_is_an_error(self):
        with self.assertRaisesRegex(KeyError, "size"):
            values_docs.read("# -- Text.\n# @schema size\nvalue: 4\n")
