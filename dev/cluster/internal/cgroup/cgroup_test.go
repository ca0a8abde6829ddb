package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const hybrid = `27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 25 0:26 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
31 25 0:27 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
33 25 0:28 / /elsewhere rw - cgroup2 cgroup2 rw
`

func TestParseMountsTellsVersionsApart(t *testing.T) {
	v1, v2 := parseMounts(hybrid)
	if want := []string{"/sys/fs/cgroup/cpuset", "/sys/fs/cgroup/freezer"}; !slices.Equal(v1, want) {
		t.Errorf("v1 = %v, want %v", v1, want)
	}
	if want := []string{"/sys/fs/cgroup/unified"}; !slices.Equal(v2, want) {
		t.Errorf("v2 = %v, want %v", v2, want)
	}
}

func TestTrackerPrefersAHierarchyThatLimitsNothing(t *testing.T) {
	for _, row := range []struct {
		name  string
		roots []string
		want  string
	}{
		{"freezer is there", []string{"/c/memory", "/c/pids", "/c/freezer"}, "/c/freezer"},
		{"only pids is there", []string{"/c/memory", "/c/pids"}, "/c/pids"},
		{"none of them is there", []string{"/c/memory", "/c/cpu"}, "/c/memory"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := tracker(row.roots); got != row.want {
				t.Errorf("tracker = %s, want %s", got, row.want)
			}
		})
	}
}

// fakeV1 is a tree on ordinary folders with two v1 hierarchies.
func fakeV1(t *testing.T) *Tree {
	t.Helper()
	base := t.TempDir()
	for _, name := range []string{"cpuset", "freezer"} {
		makeFolder(t, filepath.Join(base, name))
	}
	writeFile(t, filepath.Join(base, "cpuset", "cpuset.cpus"), "0-1\n")
	writeFile(t, filepath.Join(base, "cpuset", "cpuset.mems"), "0\n")
	cpuset, freezer := filepath.Join(base, "cpuset"), filepath.Join(base, "freezer")
	return &Tree{name: "committest-t", roots: []string{cpuset, freezer}, home: freezer}
}

func TestCreateFillsEveryCPUSet(t *testing.T) {
	tree := fakeV1(t)
	if err := tree.Create("node0"); err != nil {
		t.Fatal(err)
	}
	for _, group := range []string{"committest-t", "committest-t/node0"} {
		got, err := os.ReadFile(filepath.Join(tree.roots[0], group, "cpuset.cpus"))
		if err != nil || string(got) != "0-1\n" {
			t.Errorf("%s: cpuset.cpus = %q, %v", group, got, err)
		}
	}
	if _, err := os.Stat(filepath.Dir(tree.ProcsFile())); err != nil {
		t.Errorf("no group for the components: %v", err)
	}
}

func TestCreateHandsControllersDownOnV2(t *testing.T) {
	root := t.TempDir()
	tree := &Tree{name: "committest-t", roots: []string{root}, home: root}
	for _, dir := range []string{root, filepath.Join(root, "committest-t")} {
		makeFolder(t, dir)
		writeFile(t, filepath.Join(dir, "cgroup.controllers"), "memory\n")
		writeFile(t, filepath.Join(dir, "cgroup.subtree_control"), "")
	}
	if err := tree.Create("node0"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{root, filepath.Join(root, "committest-t")} {
		got, _ := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
		if string(got) != "+memory" {
			t.Errorf("%s: subtree_control = %q, want +memory", dir, got)
		}
	}
}

func TestPIDsFindsProcessesOfAllHierarchiesOnce(t *testing.T) {
	tree := fakeV1(t)
	if err := tree.Create("node0"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, tree.ProcsFile(), "12\n7\n0\n")
	writeFile(t, filepath.Join(tree.roots[0], "committest-t", "node0", "cgroup.procs"), "7\n31\n")
	if got, want := tree.PIDs(), []int{7, 12, 31}; !slices.Equal(got, want) {
		t.Errorf("PIDs = %v, want %v", got, want)
	}
}

func TestRemoveTakesGroupsFromTheInside(t *testing.T) {
	root := t.TempDir()
	tree := &Tree{name: "committest-t", roots: []string{root}, home: root}
	if err := tree.Create("node0"); err != nil {
		t.Fatal(err)
	}
	if err := tree.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "committest-t")); !os.IsNotExist(err) {
		t.Errorf("the group is there after Remove: %v", err)
	}
	if err := tree.Remove(); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

func makeFolder(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
