package cluster

import (
	"context"
	"fmt"
	"os"

	"committest.dev/dev/cluster/internal/kube"
	"committest.dev/dev/cluster/internal/nsfile"
	"committest.dev/dev/cluster/internal/paths"
)

// prepareNetwork makes the nodes' namespaces and connects them. The folders
// under which a node's own are shown belong to all clusters, so this happens
// under the common lock; see removeSharedFolders.
func (c *cluster) prepareNetwork() error {
	root, err := paths.StateRoot()
	if err != nil {
		return err
	}
	release, err := lockFolder(root, true)
	if err != nil {
		return err
	}
	defer release()
	if err := c.Plan().EnsureBridge(c.Name); err != nil {
		return err
	}
	for node := range c.Nodes {
		if err := c.Plan().EnsureNode(c.Name, node, c.netns(node)); err != nil {
			return err
		}
	}
	if err := c.Plan().ConnectNodes(c.Nodes, c.netns); err != nil {
		return err
	}
	for node := range c.Nodes {
		if err := c.ensureMounts(node); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) ensureMounts(node int) error {
	binds := c.binds(node)
	for _, bind := range binds {
		if err := os.MkdirAll(bind.Target, 0o755); err != nil {
			return err
		}
	}
	return nsfile.EnsureMount(c.mountns(node), binds)
}

// waitRuntime waits until the node's containerd answers.
func (c *cluster) waitRuntime(ctx context.Context, node int) error {
	part := c.containerd(node)
	if err := kube.Wait(ctx, nil, part.ready); err != nil {
		return fmt.Errorf("%s does not answer: %w", part.name, err)
	}
	return nil
}
