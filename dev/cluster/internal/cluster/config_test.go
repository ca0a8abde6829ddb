package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	for name, fine := range map[string]bool{
		"committest": true, "a": true, "e2e-1": true, strings.Repeat("a", 30): true,
		"": false, "-a": false, "a-": false, "A": false, "a/b": false, "..": false, "a b": false,
		strings.Repeat("a", 31): false,
	} {
		if err := CheckName(name); (err == nil) != fine {
			t.Errorf("%q: %v, want fine %v", name, err, fine)
		}
	}
}

func TestOptionsCheck(t *testing.T) {
	for _, row := range []struct {
		name    string
		options Options
		fine    bool
	}{
		{"one node", Options{Name: "a", Nodes: 1}, true},
		{"two nodes", Options{Name: "a", Nodes: 2}, true},
		{"API only", Options{Name: "a", Nodes: 1, APIOnly: true}, true},
		{"flag of the API server", Options{Name: "a", Nodes: 1, APIServerArgs: []string{"watch-cache=false"}}, true},
		{"another API server", Options{Name: "a", Nodes: 1, APIOnly: true, Kubernetes: "1.31"}, true},
		{"another release of all", Options{Name: "a", Nodes: 1, Kubernetes: "1.31"}, false},
		{"a release that is not there", Options{Name: "a", Nodes: 1, APIOnly: true, Kubernetes: "1.2"}, false},
		{"no nodes", Options{Name: "a"}, false},
		{"too many nodes", Options{Name: "a", Nodes: 5}, false},
		{"nodes without anything to join", Options{Name: "a", Nodes: 2, APIOnly: true}, false},
		{"flag with dashes", Options{Name: "a", Nodes: 1, APIServerArgs: []string{"--v=2"}}, false},
		{"flag without value", Options{Name: "a", Nodes: 1, APIServerArgs: []string{"v"}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := row.options.check(); (err == nil) != row.fine {
				t.Errorf("check = %v, want fine %v", err, row.fine)
			}
		})
	}
}

func TestAClusterKeepsItsRelease(t *testing.T) {
	made := Options{Name: "a", Nodes: 1, APIOnly: true, Kubernetes: "1.31"}
	again := Options{Name: "a", Nodes: 1, APIOnly: true}
	if !again.keeping(made).equal(made) {
		t.Error("up without a release is another cluster")
	}
	again.Kubernetes = "1.36"
	if again.keeping(made).equal(made) {
		t.Error("up with another release is the same cluster")
	}
}

func TestConfigSurvivesSaving(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.json")
	want := Config{Options: Options{Name: "a", Nodes: 2, APIServerArgs: []string{"v=2"}}, Index: 7, APIPort: 6443}
	if err := want.save(path); err != nil {
		t.Fatal(err)
	}
	got, err := loadConfig(path)
	if err != nil || got.Index != want.Index || !got.equal(want.Options) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestLoadConfigTellsAbsentFromDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.json")
	if _, err := loadConfig(path); !errors.Is(err, ErrNoCluster) {
		t.Errorf("absent: %v, want ErrNoCluster", err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := loadConfig(path)
	if err == nil || errors.Is(err, ErrNoCluster) || !strings.Contains(err.Error(), "down --name") {
		t.Errorf("damaged: %v, want an error that says what to do", err)
	}
}

func TestAddressesOfAnAPIOnlyClusterAreLoopback(t *testing.T) {
	config := Config{Options: Options{Name: "a", APIOnly: true}, APIPort: 1234, EtcdPort: 2345}
	if got := config.endpoint(); got != "https://127.0.0.1:1234" {
		t.Errorf("endpoint = %s", got)
	}
	if got := config.etcdEndpoint(); got != "https://127.0.0.1:2345" {
		t.Errorf("etcdEndpoint = %s", got)
	}
	if got := config.apiServiceIP(); got != "10.96.0.1" {
		t.Errorf("apiServiceIP = %s", got)
	}
}
