package cluster

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"committest.dev/dev/cluster/internal/build"
	"committest.dev/dev/cluster/internal/cgroup"
)

func testCluster(t *testing.T, options Options) *cluster {
	t.Helper()
	groups, err := cgroup.Detect("committest-" + options.Name)
	if err != nil {
		t.Skip(err)
	}
	return &cluster{
		Config: Config{Options: options, Index: 3, APIPort: 6443, EtcdPort: 2379, PeerPort: 2380},
		layout: layout{t.TempDir()}, tools: build.Toolbox{Bin: "/bin-of-the-cache"}, cgroup: groups,
	}
}

func TestComponentsStartInTheOrderTheyNeedEachOther(t *testing.T) {
	var names []string
	for _, part := range testCluster(t, Options{Name: "a", Nodes: 2}).components() {
		names = append(names, part.name)
	}
	want := "etcd kube-apiserver kube-controller-manager kube-scheduler " +
		"containerd-node0 kubelet-node0 kube-proxy-node0 containerd-node1 kubelet-node1 kube-proxy-node1"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("components:\n%s, want\n%s", got, want)
	}
}

func TestFind(t *testing.T) {
	one, two := testCluster(t, Options{Name: "a", Nodes: 1}), testCluster(t, Options{Name: "a", Nodes: 2})
	for _, row := range []struct {
		name    string
		cluster *cluster
		asked   string
		want    string
	}{
		{"by its name", one, "etcd", "etcd"},
		{"the only node's without the node", one, "kubelet", "kubelet-node0"},
		{"the second node's", two, "kubelet-node1", "kubelet-node1"},
		{"one of several nodes' without the node", two, "kubelet", ""},
		{"something else", one, "dockerd", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			part, err := row.cluster.find(row.asked)
			if part.name != row.want || (err == nil) != (row.want != "") {
				t.Errorf("find = %q, %v, want %q", part.name, err, row.want)
			}
		})
	}
}

func TestExtraFlagsOfTheAPIServerComeLast(t *testing.T) {
	c := testCluster(t, Options{Name: "a", APIOnly: true, APIServerArgs: []string{"watch-cache=false"}})
	args := c.apiServer().args
	if got := args[len(args)-1]; got != "--watch-cache=false" {
		t.Errorf("last flag = %s", got)
	}
}

func TestAPIOnlyClusterListensOnLoopbackOnly(t *testing.T) {
	c := testCluster(t, Options{Name: "a", APIOnly: true})
	for _, part := range c.components() {
		for _, argument := range part.args {
			if strings.Contains(argument, "0.0.0.0") || strings.Contains(argument, "10.89.") {
				t.Errorf("%s: %s", part.name, argument)
			}
		}
	}
}

func TestNoTemplateLeavesAGap(t *testing.T) {
	c := testCluster(t, Options{Name: "a", Nodes: 1})
	v := values{
		NodeName: "n", PodCIDR: "n", ClusterCIDR: "n", DNSIP: "n", Containerd: "n", CNIPlugins: "n",
		CNISettings: "n", PauseImage: "n", CoreDNSImage: "n", CgroupRoot: c.cgroup.NodePath("node0"),
		ResolvConf: "n", Kubeconfig: "n", CA: "n", Cert: "n", Key: "n",
	}
	entries, err := templateFiles.ReadDir("templates")
	if err != nil || len(entries) == 0 {
		t.Fatalf("templates: %v, %v", entries, err)
	}
	for _, entry := range entries {
		text, err := renderTemplate(entry.Name(), v)
		if err != nil || strings.Contains(string(text), "no value") || strings.Contains(string(text), "{{") {
			t.Errorf("%s: %v\n%s", entry.Name(), err, text)
		}
	}
}

func TestUnchangedSettingsAreNotWrittenAgain(t *testing.T) {
	c := testCluster(t, Options{Name: "a", Nodes: 1})
	path := filepath.Join(c.dir, "policy.yaml")
	var before os.FileInfo
	for range 2 {
		if err := c.render("audit-policy.yaml", path, values{}); err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !after.ModTime().Equal(before.ModTime()) {
			t.Error("written again")
		}
		before = after
	}
}

func TestCredentialsAreMadeOnce(t *testing.T) {
	c := testCluster(t, Options{Name: "a", APIOnly: true, Nodes: 1})
	if err := c.folders(c.Config); err != nil {
		t.Fatal(err)
	}
	var first []byte
	for range 2 {
		if err := ensureCredentials(c.layout, c.Config); err != nil {
			t.Fatal(err)
		}
		config, err := os.ReadFile(c.kubeconfig("admin"))
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && string(config) != string(first) {
			t.Error("the second call made other credentials")
		}
		first = config
	}
	for _, identity := range identities(c.Config) {
		pair := c.pair(identity.file)
		if _, err := tls.LoadX509KeyPair(pair.Cert, pair.Key); err != nil {
			t.Errorf("%s: %v", identity.file, err)
		}
	}
	if !strings.Contains(string(first), "server: "+c.endpoint()) {
		t.Error("the kubeconfig does not name the server")
	}
}

func TestHasCapability(t *testing.T) {
	const status = "Name:\tx\nCapEff:\t000001fffeffffff\n"
	if hasCapability(status, 24) {
		t.Error("CAP_SYS_RESOURCE found although its bit is clear")
	}
	if !hasCapability(status, 21) {
		t.Error("CAP_SYS_ADMIN not found although its bit is set")
	}
	if hasCapability("", 21) {
		t.Error("found in nothing")
	}
}
