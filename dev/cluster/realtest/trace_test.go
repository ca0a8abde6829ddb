package realtest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// trace is everything by which a cluster that has gone could still be seen.
type trace struct {
	name       string
	stateDir   string
	namespaces map[string]bool // their identities, as in /proc/PID/ns
}

// sharedFolders are those that all clusters show their own under.
var sharedFolders = []string{"/var/lib/kubelet", "/var/lib/cni", "/run/containerd", "/run/netns",
	"/var/log/pods", "/var/log/containers"}

// trace notes what must have gone later. It is taken while the cluster is up.
func (c *testCluster) trace() trace {
	s := c.status()
	found := trace{name: c.name, stateDir: s.StateDir, namespaces: map[string]bool{}}
	for _, part := range s.Components {
		for _, kind := range []string{"net", "mnt"} {
			if id := namespaceOf(part.PID, kind); part.PID > 0 && id != namespaceOf(os.Getpid(), kind) {
				found.namespaces[id] = true
			}
		}
	}
	return found
}

func namespaceOf(pid int, kind string) string {
	id, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "ns", kind))
	if err != nil {
		return ""
	}
	return id
}

func (tr trace) expectNothing(c *testCluster, t *testing.T) {
	t.Helper()
	for what, left := range map[string][]string{
		"mounts": tr.mounts(), "interfaces": tr.interfaces(), "cgroups": tr.groups(), "files": tr.files(),
	} {
		if len(left) > 0 {
			t.Errorf("%s are left: %s", what, strings.Join(left, ", "))
		}
	}
	// The dead are buried by the machine's first process, in its own time.
	c.eventually("no process is left", func() bool { return len(tr.processes()) == 0 })
}

// processes lists those that are in a namespace or a cgroup of the cluster, or
// name its folder.
func (tr trace) processes() []string {
	var left []string
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, entry := range entries {
		command, _ := os.ReadFile(filepath.Join(entry, "cmdline"))
		group, _ := os.ReadFile(filepath.Join(entry, "cgroup"))
		network, _ := os.Readlink(filepath.Join(entry, "ns", "net"))
		mounts, _ := os.Readlink(filepath.Join(entry, "ns", "mnt"))
		if strings.Contains(string(command), tr.stateDir+"/") || strings.Contains(string(group), "/committest-"+tr.name) ||
			tr.namespaces[network] || tr.namespaces[mounts] {
			left = append(left, entry+" "+strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return left
}

func (tr trace) mounts() []string {
	data, _ := os.ReadFile("/proc/mounts")
	return slices.DeleteFunc(strings.Split(string(data), "\n"), func(line string) bool {
		return !strings.Contains(line, tr.stateDir+"/") && !strings.Contains(line, " /run/netns")
	})
}

func (tr trace) interfaces() []string {
	var left []string
	aliases, _ := filepath.Glob("/sys/class/net/*/ifalias")
	for _, file := range aliases {
		if alias, _ := os.ReadFile(file); strings.TrimSpace(string(alias)) == "committest-dev:"+tr.name {
			left = append(left, file)
		}
	}
	return left
}

func (tr trace) groups() []string {
	var left []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == "committest-"+tr.name {
			left = append(left, path)
		}
		return nil
	})
	return left
}

// files lists the cluster's folder, and what it put into those of all clusters.
func (tr trace) files() []string {
	var left []string
	if _, err := os.Stat(tr.stateDir); err == nil {
		left = append(left, tr.stateDir)
	}
	others, _ := filepath.Glob(filepath.Join(filepath.Dir(tr.stateDir), "*"))
	for _, folder := range sharedFolders {
		entries, err := os.ReadDir(folder)
		if len(entries) > 0 || err == nil && len(others) == 0 {
			left = append(left, folder)
		}
	}
	return left
}

// kubectlFails expects kubectl to fail and returns what it said.
func (c *testCluster) kubectlFails(args ...string) string {
	c.t.Helper()
	s := c.status()
	command := exec.Command(filepath.Join(s.Binaries, "kubectl"), append([]string{"--kubeconfig", s.Kubeconfig}, args...)...)
	out, err := command.CombinedOutput()
	if err == nil {
		c.t.Fatalf("kubectl %s succeeded: %s", strings.Join(args, " "), out)
	}
	return string(out)
}
