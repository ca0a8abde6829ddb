package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"committest.dev/dev/cluster/internal/kube"
	"committest.dev/dev/cluster/internal/network"
	"committest.dev/dev/cluster/internal/nsfile"
	"committest.dev/dev/cluster/internal/paths"
	"committest.dev/dev/cluster/internal/proc"
	"committest.dev/dev/cluster/internal/progress"
)

// downTimeout bounds how long the kernel may take to bury everything.
const downTimeout = 60 * time.Second

// Down removes the cluster whatever state it is in: up, half up, or with any
// of its processes killed. It succeeds when there was nothing to remove.
func Down(ctx context.Context, log *progress.Log, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	dir, err := stateFolder(name)
	if err != nil {
		return err
	}
	release, err := lockFolder(dir, false)
	if err == nil {
		defer release()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	config, err := loadConfig(layout{dir}.config())
	if err != nil {
		// Without its record the cluster is still found by its name.
		config = Config{Options: Options{Name: name}}
	}
	c, err := newCluster(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, downTimeout, fmt.Errorf("not gone after %s", downTimeout))
	defer cancel()
	return c.down(ctx, log)
}

func (c *cluster) down(ctx context.Context, log *progress.Log) error {
	steps := []struct {
		done string
		do   func() error
	}{
		{"processes ended", func() error { return c.endProcesses(ctx) }},
		{"mounts and namespaces removed", func() error { return nsfile.UnmountBelow(c.dir) }},
		{"network removed", func() error { return network.Remove(c.Name, c.Plan()) }},
		{"cgroups removed", func() error { return c.removeGroups(ctx) }},
		{"files removed", c.removeFiles},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return fmt.Errorf("cluster %s: %w", c.Name, err)
		}
		log.Step("%s: %s", c.Name, step.done)
	}
	return nil
}

// endProcesses kills everything at once. There is nothing to save: the data
// goes with the cluster, and a component that were asked to end could hang.
func (c *cluster) endProcesses(ctx context.Context) error {
	return kube.Wait(ctx, nil, func(context.Context) error {
		if c.cgroup != nil {
			c.cgroup.Thaw()
		}
		pids := c.processes()
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
		if len(pids) > 0 {
			return fmt.Errorf("processes %v have not ended yet", pids)
		}
		return nil
	})
}

// processes finds the cluster's processes in three independent ways: by its
// cgroups, by its network, and by what was recorded.
func (c *cluster) processes() []int {
	var pids []int
	if c.cgroup != nil {
		pids = c.cgroup.PIDs()
	}
	namespaces, _ := filepath.Glob(filepath.Join(c.namespaces(), "*-net"))
	for _, file := range namespaces {
		pids = append(pids, network.PIDs(file)...)
	}
	records, _ := filepath.Glob(c.pid("*"))
	for _, file := range records {
		if record, err := proc.Load(file); err == nil && record.Alive() {
			pids = append(pids, record.PID)
		}
	}
	slices.Sort(pids)
	pids = slices.Compact(pids)
	return slices.DeleteFunc(pids, func(pid int) bool { return pid == os.Getpid() || !proc.Running(pid) })
}

func (c *cluster) removeGroups(ctx context.Context) error {
	if c.cgroup == nil {
		return nil
	}
	// A group stays busy for a moment after its last process has ended.
	return kube.Wait(ctx, nil, func(context.Context) error { return c.cgroup.Remove() })
}

func (c *cluster) removeFiles() error {
	if left := nsfile.MountsBelow(c.dir); len(left) > 0 {
		return fmt.Errorf("refusing to remove files below mounts that are still there: %v", left)
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return err
	}
	return c.removeSharedFolders()
}

// removeSharedFolders removes, with the last cluster, the empty folders under
// which the nodes' own were shown. Not earlier: the kernel takes a mount away
// from under another namespace when its mount point is removed.
func (c *cluster) removeSharedFolders() error {
	root, err := paths.StateRoot()
	if err != nil {
		return err
	}
	release, err := lockFolder(root, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	if names, err := Names(); err != nil || len(names) > 0 {
		return err
	}
	for _, bind := range c.binds(0) {
		_ = os.Remove(bind.Target) // one that is not empty belongs to somebody else
	}
	if err := os.Remove(root); err != nil && !errors.Is(err, syscall.ENOTEMPTY) {
		return err // not empty: a cluster is about to start
	}
	return nil
}
