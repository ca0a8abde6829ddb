// Package cgroup gives each cluster a place of its own in the cgroup
// hierarchies. Whatever a cluster starts, and whatever those processes start,
// stays below it, so that everything can be found and ended by the cluster's
// name even when the record of what was started is lost.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// leaf holds the components. They must not sit in the cluster's own group:
// cgroup v2 forbids processes in a group that hands out controllers to children.
const leaf = "components"

// Tree is one cluster's group in every hierarchy of the machine.
type Tree struct {
	name  string
	roots []string // mount points of the hierarchies the group is made in
	home  string   // the one of roots in which components are tracked
	extra []string // hierarchies that are only searched and cleaned
}

// Detect finds the machine's hierarchies. On cgroup v1 components are tracked
// in a hierarchy that limits nothing, so their memory stays accounted where the
// caller's is; only Pods get the groups that kubelet makes for them.
func Detect(name string) (*Tree, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	v1, v2 := parseMounts(string(mounts))
	tree := &Tree{name: name}
	switch {
	case len(v1) > 0:
		tree.roots, tree.extra, tree.home = v1, v2, tracker(v1)
	case len(v2) > 0:
		tree.roots, tree.home = v2[:1], v2[0]
	default:
		return nil, errors.New("no cgroup hierarchy is mounted below /sys/fs/cgroup")
	}
	return tree, nil
}

func parseMounts(mountinfo string) (v1, v2 []string) {
	for _, line := range strings.Split(mountinfo, "\n") {
		before, after, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) < 1 || !strings.HasPrefix(fields[4], "/sys/fs/cgroup") {
			continue
		}
		switch kind[0] {
		case "cgroup":
			v1 = append(v1, fields[4])
		case "cgroup2":
			v2 = append(v2, fields[4])
		}
	}
	return v1, v2
}

func tracker(roots []string) string {
	for _, wanted := range []string{"freezer", "systemd", "pids"} {
		for _, root := range roots {
			if filepath.Base(root) == wanted {
				return root
			}
		}
	}
	return roots[0]
}

// NodePath is the path of a node's group within a hierarchy, for kubelet's
// cgroupRoot.
func (t *Tree) NodePath(node string) string { return "/" + t.name + "/" + node }

// ProcsFile is the file to write a pid into to make it a component.
func (t *Tree) ProcsFile() string {
	return filepath.Join(t.home, t.name, leaf, "cgroup.procs")
}

// Create makes the group and one for each node in every hierarchy, as kubelet
// expects its root to exist. It may be called again.
func (t *Tree) Create(nodes ...string) error {
	for _, root := range t.roots {
		group := filepath.Join(root, t.name)
		if err := makeGroup(root, group); err != nil {
			return err
		}
		for _, node := range nodes {
			if err := makeGroup(root, filepath.Join(group, node)); err != nil {
				return err
			}
		}
	}
	return makeGroup(t.home, filepath.Join(t.home, t.name, leaf))
}

func makeGroup(root, dir string) error {
	if err := handOut(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create cgroup: %w", err)
	}
	return fillCPUSet(root, dir)
}

// handOut lets the groups below parent use all controllers that parent has. On
// cgroup v2 none is handed out unasked; v1 has no such file.
func handOut(parent string) error {
	available, err := os.ReadFile(filepath.Join(parent, "cgroup.controllers"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(available)) {
		err := os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+"+controller), 0)
		if err != nil {
			return fmt.Errorf("hand the %s controller to groups below %s (are there processes in it?): %w",
				controller, parent, err)
		}
	}
	return nil
}

// fillCPUSet copies the parent's processors and memory nodes: a v1 cpuset
// starts empty, and no process may join an empty one.
func fillCPUSet(root, dir string) error {
	if filepath.Base(root) != "cpuset" {
		return nil
	}
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), value, 0o644); err != nil {
			return fmt.Errorf("fill %s: %w", file, err)
		}
	}
	return nil
}

// PIDs lists every process of the cluster, components and Pods alike.
func (t *Tree) PIDs() []int {
	found := map[int]bool{}
	t.walk(func(dir string) {
		data, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		for _, field := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				found[pid] = true
			}
		}
	})
	pids := make([]int, 0, len(found))
	for pid := range found {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}

// Thaw lets frozen processes run, since a frozen one does not die.
func (t *Tree) Thaw() {
	t.walk(func(dir string) {
		for file, value := range map[string]string{"freezer.state": "THAWED", "cgroup.freeze": "0"} {
			path := filepath.Join(dir, file)
			if _, err := os.Stat(path); err == nil {
				_ = os.WriteFile(path, []byte(value), 0) // the group may just have gone
			}
		}
	})
}

// Remove removes the group with all groups below it. It fails while processes
// remain, and for a moment after the last one has ended: callers try again.
func (t *Tree) Remove() error {
	var dirs []string
	t.walk(func(dir string) { dirs = append(dirs, dir) })
	var failures []error
	for _, dir := range slices.Backward(dirs) {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func (t *Tree) walk(visit func(dir string)) {
	for _, root := range slices.Concat(t.roots, t.extra) {
		// Groups come and go while we look; those that have gone are no error.
		_ = filepath.WalkDir(filepath.Join(root, t.name), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return fs.SkipDir
			}
			if entry.IsDir() {
				visit(path)
			}
			return nil
		})
	}
}
