package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"committest.dev/dev/cluster/internal/build"
	"committest.dev/dev/cluster/internal/progress"
)

// upTimeout bounds a start after everything is built. It is generous, because
// on a machine that compiles at the same time all of this takes several times
// longer; a component that ends is reported at once all the same.
const upTimeout = 4 * time.Minute

// Up brings the cluster to life: a new one, one whose components have died, or
// one that is up already. It returns when all of it is ready.
func Up(ctx context.Context, log *progress.Log, options Options) (Status, error) {
	if err := options.check(); err != nil {
		return Status{}, err
	}
	if err := checkMachine(options); err != nil {
		return Status{}, err
	}
	if recorded, err := open(options.Name); err == nil {
		options = options.keeping(recorded.Options)
	}
	tools, err := build.All(log, options.Kubernetes)
	if err != nil {
		return Status{}, err
	}
	dir, err := stateFolder(options.Name)
	if err != nil {
		return Status{}, err
	}
	release, err := lockFolder(dir, true)
	if err != nil {
		return Status{}, err
	}
	defer release()
	config, err := configure(options)
	if err != nil {
		return Status{}, err
	}
	c, err := newCluster(config)
	if err != nil {
		return Status{}, err
	}
	c.tools = tools
	ctx, cancel := context.WithTimeoutCause(ctx, upTimeout, fmt.Errorf("not ready after %s", upTimeout))
	defer cancel()
	if err := c.up(ctx, log); err != nil {
		return Status{}, err
	}
	return c.status(), nil
}

// checkMachine reports what a whole cluster lacks before anything is begun.
func checkMachine(options Options) error {
	if options.APIOnly {
		return nil
	}
	if os.Geteuid() != 0 {
		return errors.New("a whole cluster needs root (an API-only one does not: --api-only)")
	}
	for _, program := range []string{"containerd", "ctr", "runc", "ip", "nft", "tee", "cat"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is missing; run: dev/deps/install cluster", program)
		}
	}
	_, err := findCNI()
	return err
}

func (c *cluster) up(ctx context.Context, log *progress.Log) error {
	if err := c.prepare(); err != nil {
		return err
	}
	log.Step("cluster %s prepared in %s", c.Name, c.dir)
	if c.APIOnly {
		return c.startControlPlane(ctx, log)
	}
	tasks := []task{inOrder(
		func(ctx context.Context) error { return c.startControlPlane(ctx, log) },
		func(ctx context.Context) error { return c.startOnAPI(ctx, log) },
	)}
	for node := range c.Nodes {
		tasks = append(tasks, func(ctx context.Context) error { return c.startRuntime(ctx, log, node) })
	}
	return together(ctx, tasks...)
}

// prepare makes everything that is not a process.
func (c *cluster) prepare() error {
	if err := c.folders(c.Config); err != nil {
		return err
	}
	if err := ensureCredentials(c.layout, c.Config); err != nil {
		return fmt.Errorf("make certificates: %w", err)
	}
	if err := c.createGroups(); err != nil {
		return err
	}
	if err := c.writeSettings(); err != nil {
		return err
	}
	if c.APIOnly {
		return nil
	}
	return c.prepareNetwork()
}

func (c *cluster) createGroups() error {
	if c.cgroup == nil {
		return nil
	}
	var nodes []string
	if !c.APIOnly {
		for node := range c.Nodes {
			nodes = append(nodes, NodeName(node))
		}
	}
	return c.cgroup.Create(nodes...)
}

func (c *cluster) startControlPlane(ctx context.Context, log *progress.Log) error {
	for _, part := range c.controlPlane() {
		if err := c.ensure(ctx, log, part); err != nil {
			return err
		}
	}
	return nil
}

// startOnAPI starts everything that talks to the API server, and the cluster's
// own workload; all of it settles by itself, in whatever order.
func (c *cluster) startOnAPI(ctx context.Context, log *progress.Log) error {
	var tasks []task
	for _, part := range c.controllers() {
		tasks = append(tasks, c.started(log, part))
	}
	for node := range c.Nodes {
		// Kubelet gives up at once when containerd does not answer.
		runtime := func(ctx context.Context) error { return c.waitRuntime(ctx, node) }
		tasks = append(tasks, c.started(log, c.proxy(node)), inOrder(runtime, c.started(log, c.kubelet(node))))
	}
	tasks = append(tasks, func(ctx context.Context) error { return c.ensureDNS(ctx, log) })
	return together(ctx, tasks...)
}

// startRuntime starts a node's containerd and gives it the cluster's images.
func (c *cluster) startRuntime(ctx context.Context, log *progress.Log, node int) error {
	if err := c.ensure(ctx, log, c.containerd(node)); err != nil {
		return err
	}
	if err := c.importImages(ctx, node, c.tools.Images); err != nil {
		return err
	}
	log.Step("images of the cluster imported into %s", NodeName(node))
	return nil
}

// programsOf is the folder with the programs that a running cluster was started
// from; it outlives a change of the checkout.
func (c *cluster) programsOf() (string, error) {
	record := c.record("kube-apiserver")
	if len(record.Command) == 0 {
		return "", fmt.Errorf("%w: %s has never been started", ErrNoCluster, c.Name)
	}
	return filepath.Dir(record.Command[0]), nil
}
