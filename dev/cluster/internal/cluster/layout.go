package cluster

import (
	"os"
	"path/filepath"

	"committest.dev/dev/cluster/internal/nsfile"
	"committest.dev/dev/cluster/internal/pki"
)

// layout says where the files of one cluster lie below its state folder.
type layout struct{ dir string }

func (l layout) path(parts ...string) string {
	return filepath.Join(append([]string{l.dir}, parts...)...)
}

func (l layout) config() string             { return l.path("cluster.json") }
func (l layout) pki() string                { return l.path("pki") }
func (l layout) pair(name string) pki.Pair  { return pki.In(l.pki(), name) }
func (l layout) ca() string                 { return l.pair("ca").Cert }
func (l layout) kubeconfig(n string) string { return l.path("kubeconfig", n+".conf") }
func (l layout) settings(n string) string   { return l.path("settings", n) }
func (l layout) log(component string) string {
	return l.path("logs", component+".log")
}
func (l layout) pid(component string) string { return l.path("pids", component+".json") }
func (l layout) audit() string               { return l.path("audit.log") }
func (l layout) etcd() string                { return l.path("etcd") }
func (l layout) serviceAccountKey() string   { return l.path("pki", "service-account.key") }
func (l layout) serviceAccountPub() string   { return l.path("pki", "service-account.pub") }
func (l layout) namespaces() string          { return l.path("namespaces") }
func (l layout) netns(node int) string       { return l.path("namespaces", NodeName(node)+"-net") }
func (l layout) mountns(node int) string     { return l.path("namespaces", NodeName(node)+"-mnt") }
func (l layout) node(node int, parts ...string) string {
	return l.path(append([]string{"nodes", NodeName(node)}, parts...)...)
}

// containerdSocket is where the host reaches the node's containerd.
func (l layout) containerdSocket(node int) string {
	return l.node(node, "run-containerd", "containerd.sock")
}

// binds shows the node's own folders at the places that kubelet, containerd and
// the CNI plugins have fixed in their programs.
func (l layout) binds(node int) []nsfile.Bind {
	return []nsfile.Bind{
		{Source: l.node(node, "kubelet"), Target: "/var/lib/kubelet"},
		{Source: l.node(node, "cni-state"), Target: "/var/lib/cni"},
		{Source: l.node(node, "run-containerd"), Target: "/run/containerd"},
		{Source: l.node(node, "log-pods"), Target: "/var/log/pods"},
		{Source: l.node(node, "log-containers"), Target: "/var/log/containers"},
	}
}

// folders makes every folder a cluster needs before anything starts.
func (l layout) folders(c Config) error {
	dirs := []string{"pki", "kubeconfig", "settings", "logs", "pids"}
	for i := range dirs {
		dirs[i] = l.path(dirs[i])
	}
	if !c.APIOnly {
		for node := range c.Nodes {
			dirs = append(dirs, l.node(node, "containerd"), l.node(node, "cni"))
			for _, bind := range l.binds(node) {
				dirs = append(dirs, bind.Source)
			}
		}
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	// etcd insists on a folder that nobody else can read.
	return os.MkdirAll(l.etcd(), 0o700)
}
