"""The definitions in the chart, and the names of everything."""

import unittest

import yaml

from rendering import ROOT, of_kind, render


class Definitions(unittest.TestCase):
    """The CRDs in the chart."""

    def test_they_are_the_source_of_truth_and_stay(self):
        rendered = {o["metadata"]["name"]: o
                    for o in of_kind(render(), "CustomResourceDefinition")}
        folder = ROOT / "manifests/crds"
        sources = [yaml.safe_load(path.read_text()) for path in folder.glob("*.yaml")]
        self.assertEqual(set(rendered), {source["metadata"]["name"] for source in sources})
        for source in sources:
            crd = rendered[source["metadata"]["name"]]
            self.assertEqual(crd["spec"], source["spec"])
            self.assertEqual(crd["metadata"]["annotations"], {"helm.sh/resource-policy": "keep"})

    def test_they_can_be_left_out_or_given_up(self):
        self.assertEqual(of_kind(render({"crds": {"enabled": False}}),
                                 "CustomResourceDefinition"), [])
        for crd in of_kind(render({"crds": {"keep": False}}), "CustomResourceDefinition"):
            self.assertNotIn("annotations", crd["metadata"])


class Names(unittest.TestCase):
    """Two releases beside each other."""

    def test_names_of_another_release_differ(self):
        def names(release):
            return {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"])
                    for o in of_kind(render(release=release), "Deployment", "Service", "Role",
                                     "RoleBinding", "NetworkPolicy")}
        self.assertEqual(names("committest") & names("other"), set())

    def test_a_long_release_name_gives_valid_names(self):
        for o in render(release="r" * 53):
            self.assertLessEqual(len(o["metadata"]["name"]), 63, o["kind"])

    def test_every_object_is_labelled(self):
        for o in render():
            self.assertIn("app.kubernetes.io/name", o["metadata"]["labels"], o["kind"])
