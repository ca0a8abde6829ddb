package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
)

func (c *cluster) containerd(node int) component {
	path, err := exec.LookPath("containerd")
	if err != nil {
		path = "containerd" // starting it will say that it is missing
	}
	return component{
		name: nodePart("containerd", node), node: node, path: path,
		args: []string{"--config", c.settings(nodePart("containerd", node) + ".toml"), "--log-level", "warn"},
		ready: func(context.Context) error {
			connection, err := net.Dial("unix", c.containerdSocket(node))
			if err != nil {
				return err
			}
			return connection.Close()
		},
	}
}

func (c *cluster) kubelet(node int) component {
	name := NodeName(node)
	return component{
		name: nodePart("kubelet", node), node: node, path: c.tools.Path("kubelet"),
		args: []string{
			"--config=" + c.settings(nodePart("kubelet", node)+".yaml"),
			"--kubeconfig=" + c.kubeconfig("kubelet-"+name),
			"--hostname-override=" + name,
			"--node-ip=" + c.Plan().NodeIP(node),
		},
		ready: both(c.health(node, "http", 10248, "/healthz"), c.nodeReady(node)),
	}
}

func (c *cluster) proxy(node int) component {
	return component{
		name: nodePart("kube-proxy", node), node: node, path: c.tools.Path("kube-proxy"),
		args:  []string{"--config=" + c.settings(nodePart("kube-proxy", node)+".yaml")},
		ready: c.health(node, "http", 10256, "/healthz"),
	}
}

// both is a probe that wants two others to succeed. What the API says of a node
// is old news after the kubelet has died, hence its own word is asked for too.
func both(first, second func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := first(ctx); err != nil {
			return err
		}
		return second(ctx)
	}
}

type nodeObject struct {
	Status struct {
		Conditions []struct{ Type, Status, Message string }
	}
}

// nodeReady is what the cluster itself says of the node, not the kubelet.
func (c *cluster) nodeReady(node int) func(context.Context) error {
	return func(ctx context.Context) error {
		admin, err := c.admin()
		if err != nil {
			return err
		}
		var object nodeObject
		if err := admin.Get(ctx, "/api/v1/nodes/"+NodeName(node), &object); err != nil {
			return err
		}
		for _, condition := range object.Status.Conditions {
			if condition.Type != "Ready" {
				continue
			}
			if condition.Status == "True" {
				return nil
			}
			return fmt.Errorf("%s is not ready: %s", NodeName(node), condition.Message)
		}
		return fmt.Errorf("%s has not reported yet", NodeName(node))
	}
}

// importImages puts image archives into the node's containerd.
func (c *cluster) importImages(ctx context.Context, node int, archives []string) error {
	for _, archive := range archives {
		if _, err := os.Stat(archive); err != nil {
			return err
		}
		command := exec.CommandContext(ctx, "ctr", "--address", c.containerdSocket(node),
			"--namespace", "k8s.io", "images", "import", archive)
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("import %s into %s: %w: %s", archive, NodeName(node), err, out)
		}
	}
	return nil
}
