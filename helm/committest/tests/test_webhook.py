"""What takes webhooks: nothing, unless it is asked for."""

import unittest

from rendering import container, helm_template, of_kind, render

ON = {"enabled": True}


def webhook(**values):
    return {"observer": {"webhook": {**ON, **values}}}


def named(objects, kind):
    return [o for o in of_kind(objects, kind) if o["metadata"]["name"] == "committest-webhook"]


class Webhook(unittest.TestCase):
    def test_nothing_is_there_by_default(self):
        objects = render()
        self.assertEqual(named(objects, "Service") + of_kind(objects, "Ingress"), [])
        self.assertEqual(named(objects, "NetworkPolicy"), [])
        self.assertNotIn("--webhook-address", " ".join(container(objects, "observer")["args"]))

    def test_the_service_leads_to_the_observer_alone(self):
        objects = render(webhook(service={"port": 8080, "annotations": {"a": "b"}}))
        self.assertIn("--webhook-address=:8090", container(objects, "observer")["args"])
        self.assertNotIn("--webhook-address=:8090", container(objects, "operator")["args"])
        service, = named(objects, "Service")
        self.assertEqual(service["spec"]["ports"],
                         [{"name": "webhook", "port": 8080, "targetPort": 8090}])
        self.assertEqual(service["spec"]["type"], "ClusterIP")
        self.assertNotIn("externalTrafficPolicy", service["spec"])
        self.assertEqual(service["spec"]["selector"]["app.kubernetes.io/component"], "observer")
        self.assertEqual(service["metadata"]["annotations"], {"a": "b"})
        self.assertEqual(of_kind(objects, "Ingress"), [])

    def test_a_service_that_is_open_to_the_outside_shows_the_real_source(self):
        for kind in ("NodePort", "LoadBalancer"):
            service, = named(render(webhook(service={"type": kind})), "Service")
            self.assertEqual(service["spec"]["type"], kind)
            self.assertEqual(service["spec"]["externalTrafficPolicy"], "Local")

    def test_the_network_policy_opens_the_port_of_the_observer_only(self):
        policy, = named(render(webhook()), "NetworkPolicy")
        self.assertEqual(policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"],
                         "observer")
        self.assertEqual(policy["spec"]["ingress"], [{"ports": [{"protocol": "TCP", "port": 8090}]}])
        sources = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
        limited = webhook()
        limited["observer"]["webhook"]["from"] = sources
        policy, = named(render(limited), "NetworkPolicy")
        self.assertEqual(policy["spec"]["ingress"][0]["from"], sources)
        without = {**webhook(), "networkPolicy": {"enabled": False}}
        self.assertEqual(of_kind(render(without), "NetworkPolicy"), [])

    def test_the_ingress_leads_to_the_path_of_webhooks_only(self):
        tls = [{"secretName": "cert", "hosts": ["ci.example.org"]}]
        ingress, = of_kind(render(webhook(ingress={
            "enabled": True, "host": "ci.example.org", "className": "nginx", "tls": tls,
            "annotations": {"a": "b"}})), "Ingress")
        self.assertEqual(ingress["spec"]["ingressClassName"], "nginx")
        self.assertEqual(ingress["spec"]["tls"], tls)
        self.assertEqual(ingress["metadata"]["annotations"], {"a": "b"})
        rule, = ingress["spec"]["rules"]
        self.assertEqual(rule["host"], "ci.example.org")
        path, = rule["http"]["paths"]
        self.assertEqual((path["path"], path["pathType"]), ("/webhooks/", "Prefix"))
        self.assertEqual(path["backend"]["service"],
                         {"name": "committest-webhook", "port": {"name": "webhook"}})

    def test_an_ingress_needs_a_host(self):
        status, _, errors = helm_template(webhook(ingress={"enabled": True}))
        self.assertNotEqual(status, 0)
        self.assertIn("observer.webhook.ingress.host must be given", errors)

    def test_an_unknown_value_is_refused(self):
        for values in ({"port": 1}, {"service": {"type": "ExternalName"}}, {"service": {"port": 0}},
                       {"ingress": {"tls": [{"secret": "x"}]}}):
            status, _, errors = helm_template(webhook(**values))
            self.assertNotEqual(status, 0, values)
            self.assertIn("webhook", errors)


if __name__ == "__main__":
    unittest.main()
