package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"committest.dev/dev/cluster/internal/build"
	"committest.dev/dev/cluster/internal/kube"
	"committest.dev/dev/cluster/internal/progress"
)

// dnsObjects are the API paths of the documents in templates/coredns.yaml, in
// their order.
var dnsObjects = []string{
	"/api/v1/namespaces/kube-system/serviceaccounts/coredns",
	"/apis/rbac.authorization.k8s.io/v1/clusterroles/system:coredns",
	"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:coredns",
	"/api/v1/namespaces/kube-system/configmaps/coredns",
	"/api/v1/namespaces/kube-system/services/kube-dns",
	deploymentPath,
}

const deploymentPath = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"

// ensureDNS applies CoreDNS and waits until it answers.
func (c *cluster) ensureDNS(ctx context.Context, log *progress.Log) error {
	admin, err := c.admin()
	if err != nil {
		return err
	}
	text, err := renderTemplate("coredns.yaml", values{
		DNSIP: c.Plan().DNSIP(), CoreDNSImage: build.CoreDNSReference})
	if err != nil {
		return err
	}
	documents := bytes.Split(text, []byte("\n---\n"))
	if len(documents) != len(dnsObjects) {
		return fmt.Errorf("templates/coredns.yaml has %d documents, not %d", len(documents), len(dnsObjects))
	}
	for i, path := range dnsObjects {
		// The namespace and the built-in roles appear a moment after readiness.
		apply := func(ctx context.Context) error { return admin.Apply(ctx, path, documents[i]) }
		if err := kube.Wait(ctx, nil, apply); err != nil {
			return fmt.Errorf("apply %s: %w", path, err)
		}
	}
	if err := kube.Wait(ctx, nil, available(admin)); err != nil {
		return fmt.Errorf("cluster DNS did not become ready: %w", err)
	}
	log.Step("cluster DNS ready at %s", c.Plan().DNSIP())
	return nil
}

func available(admin *kube.Client) func(context.Context) error {
	return func(ctx context.Context) error {
		var deployment struct {
			Metadata struct{ Generation int64 }
			Status   struct {
				ObservedGeneration int64
				AvailableReplicas  int
			}
		}
		if err := admin.Get(ctx, deploymentPath, &deployment); err != nil {
			return err
		}
		if deployment.Status.ObservedGeneration < deployment.Metadata.Generation ||
			deployment.Status.AvailableReplicas < 1 {
			return errors.New("no replica of coredns is available")
		}
		return nil
	}
}
