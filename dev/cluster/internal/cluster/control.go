package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"committest.dev/dev/cluster/internal/build"
	"committest.dev/dev/cluster/internal/kube"
	"committest.dev/dev/cluster/internal/proc"
	"committest.dev/dev/cluster/internal/progress"
)

// stopTimeout is how long a component may take to end after SIGTERM.
const stopTimeout = 10 * time.Second

// Kill sends a signal to one component.
func Kill(name, componentName string, signal syscall.Signal) error {
	c, err := open(name)
	if err != nil {
		return err
	}
	part, err := c.find(componentName)
	if err != nil {
		return err
	}
	if err := c.record(part.name).Signal(signal); err != nil {
		return fmt.Errorf("%s: %w", part.name, err)
	}
	return nil
}

// Restart ends one component, if it runs, starts it again and waits until it is
// ready.
func Restart(ctx context.Context, log *progress.Log, name, componentName string) error {
	c, err := open(name)
	if err != nil {
		return err
	}
	release, err := lockFolder(c.dir, false)
	if err != nil {
		return err
	}
	defer release()
	bin, err := c.programsOf()
	if err != nil {
		return err
	}
	c.tools = build.Toolbox{Bin: bin}
	part, err := c.find(componentName)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, upTimeout, fmt.Errorf("not ready after %s", upTimeout))
	defer cancel()
	if err := stop(ctx, c.record(part.name)); err != nil {
		return fmt.Errorf("%s: %w", part.name, err)
	}
	return c.ensure(ctx, log, part)
}

// stop asks the process to end, and makes it when it does not.
func stop(ctx context.Context, record proc.Record) error {
	gone := func(context.Context) error {
		if record.Alive() {
			return fmt.Errorf("process %d has not ended", record.PID)
		}
		return nil
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		// A process held by SIGSTOP would not notice SIGTERM.
		if err := errors.Join(record.Signal(signal), record.Signal(syscall.SIGCONT)); err != nil && !errors.Is(err, proc.ErrGone) {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, stopTimeout)
		err := kube.Wait(limited, nil, gone)
		cancel()
		if err == nil {
			return nil
		}
	}
	return gone(ctx)
}

// Load imports an image archive into every node.
func Load(ctx context.Context, name string, archives []string) error {
	c, err := open(name)
	if err != nil {
		return err
	}
	if c.APIOnly {
		return errors.New("an API-only cluster runs no images")
	}
	for node := range c.Nodes {
		if err := c.importImages(ctx, node, archives); err != nil {
			return err
		}
	}
	return nil
}

// Exec becomes the given command inside the cluster's network. It ends with the
// cluster, as everything else that runs in there.
func Exec(name string, command []string) error {
	c, err := open(name)
	if err != nil {
		return err
	}
	if c.APIOnly {
		return errors.New("an API-only cluster has no network of its own")
	}
	enter := c.enter(0)
	// The command sees the machine's files, not those of the node.
	enter.MountNS = ""
	return enter.Exec(command[0], command[1:], os.Environ())
}

// Kubeconfig is the path of the admin's kubeconfig.
func Kubeconfig(name string) (string, error) {
	c, err := open(name)
	if err != nil {
		return "", err
	}
	return c.kubeconfig("admin"), nil
}

// Compact forgets the history of the cluster's objects up to now, so that a
// watch or list from an earlier version gets 410 Gone.
func Compact(ctx context.Context, name string) (revision string, err error) {
	c, err := open(name)
	if err != nil {
		return "", err
	}
	etcd, err := c.etcdClient()
	if err != nil {
		return "", err
	}
	var now struct{ Header struct{ Revision string } }
	everything := map[string]any{"key": "AA==", "range_end": "AA==", "count_only": true}
	if err := etcd.Post(ctx, "/v3/kv/range", everything, &now); err != nil {
		return "", err
	}
	request := map[string]any{"revision": now.Header.Revision, "physical": true}
	return now.Header.Revision, etcd.Post(ctx, "/v3/kv/compaction", request, &struct{}{})
}

// Logs copies a component's log, and what is added to it until ctx ends if
// follow is set.
func Logs(ctx context.Context, out io.Writer, name, componentName string, follow bool) error {
	c, err := open(name)
	if err != nil {
		return err
	}
	part, err := c.find(componentName)
	if err != nil {
		return err
	}
	file, err := os.Open(c.log(part.name))
	if err != nil {
		return fmt.Errorf("%s has written nothing yet (%s)", part.name, filepath.Base(c.log(part.name)))
	}
	defer file.Close()
	if _, err := io.Copy(out, file); err != nil || !follow {
		return err
	}
	ticker := time.NewTicker(pollProcess)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if _, err := io.Copy(out, file); err != nil {
				return err
			}
		}
	}
}
