package cluster

import (
	"context"
	"fmt"
	"os"
	"strings"

	"committest.dev/dev/cluster/internal/build"
	"committest.dev/dev/cluster/internal/cgroup"
	"committest.dev/dev/cluster/internal/kube"
	"committest.dev/dev/cluster/internal/proc"
)

// component is one long-running process of a cluster.
type component struct {
	name  string
	node  int // the node it runs on
	path  string
	args  []string
	ready func(context.Context) error
}

// cluster is a recorded cluster together with what is needed to act on it.
type cluster struct {
	Config
	layout
	tools  build.Toolbox
	cgroup *cgroup.Tree // nil where the caller may not make any
}

// enter is where a component of the given node runs.
func (c *cluster) enter(node int) proc.Enter {
	var enter proc.Enter
	if c.cgroup != nil {
		enter.Cgroup = c.cgroup.ProcsFile()
	}
	if !c.APIOnly {
		enter.NetNS, enter.MountNS = c.netns(node), c.mountns(node)
	}
	return enter
}

func (c *cluster) spec(part component) proc.Spec {
	return proc.Spec{
		Path: part.path, Args: part.args, Dir: "/",
		Env:     environment(),
		LogFile: c.log(part.name), PIDFile: c.pid(part.name),
		Enter: c.enter(part.node),
	}
}

// environment is the same whoever starts the cluster; a proxy or a kubeconfig
// of the user's must not reach the components.
func environment() []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/", "LANG=C.UTF-8",
	}
}

// controlPlane lists etcd and the API server: all of an API-only cluster.
func (c *cluster) controlPlane() []component {
	return []component{c.etcdServer(), c.apiServer()}
}

// controllers lists what acts on the API from beside it.
func (c *cluster) controllers() []component {
	return []component{c.controllerManager(), c.scheduler()}
}

// components lists all in the order they start.
func (c *cluster) components() []component {
	list := c.controlPlane()
	if c.APIOnly {
		return list
	}
	list = append(list, c.controllers()...)
	for node := range c.Nodes {
		list = append(list, c.containerd(node), c.kubelet(node), c.proxy(node))
	}
	return list
}

// find returns the component of that name. A node's component may be named
// without its node when there is only one.
func (c *cluster) find(name string) (component, error) {
	var names []string
	for _, part := range c.components() {
		if part.name == name || c.Nodes == 1 && part.name == name+"-"+NodeName(0) {
			return part, nil
		}
		names = append(names, part.name)
	}
	return component{}, fmt.Errorf("no component %q; there are: %s", name, strings.Join(names, ", "))
}

// record returns what is known of a component's process.
func (c *cluster) record(name string) proc.Record {
	record, err := proc.Load(c.pid(name))
	if err != nil {
		return proc.Record{}
	}
	return record
}

// health is a probe of the page path of a component on the given node.
func (c *cluster) health(node int, scheme string, port int, path string) func(context.Context) error {
	client := kube.Anonymous(fmt.Sprintf("%s://%s:%d", scheme, c.Plan().NodeIP(node), port))
	return func(ctx context.Context) error { return client.Healthy(ctx, path) }
}

// admin is a client of the API server with all rights.
func (c *cluster) admin() (*kube.Client, error) {
	return kube.New(c.endpoint(), c.ca(), c.pair("admin"))
}

// etcdClient is a client of etcd's HTTP gateway.
func (c *cluster) etcdClient() (*kube.Client, error) {
	return kube.New(c.etcdEndpoint(), c.ca(), c.pair("etcd-client"))
}

// whenReady adapts a client that cannot be made before the keys exist.
func whenReady(make func() (*kube.Client, error), path string) func(context.Context) error {
	return func(ctx context.Context) error {
		client, err := make()
		if err != nil {
			return err
		}
		return client.Healthy(ctx, path)
	}
}

// canLowerOOMScore reports whether this process may lower the score by which the
// kernel chooses a victim; containers' machinery wants to, and fails if it may
// not.
func canLowerOOMScore() bool {
	const capSysResource = 24
	status, err := os.ReadFile("/proc/self/status")
	return err == nil && hasCapability(string(status), capSysResource)
}

func hasCapability(status string, number uint) bool {
	for _, line := range strings.Split(status, "\n") {
		var mask uint64
		if _, err := fmt.Sscanf(line, "CapEff: %x", &mask); err == nil {
			return mask&(1<<number) != 0
		}
	}
	return false
}
