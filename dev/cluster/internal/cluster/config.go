// Package cluster brings one cluster up, keeps account of it and takes it down.
package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"committest.dev/dev/cluster/internal/build"
	"committest.dev/dev/cluster/internal/network"
)

// DefaultName is the cluster that commands mean when none is named.
const DefaultName = "committest"

var (
	validName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?$`)
	// ErrNoCluster says that there is no cluster of the given name.
	ErrNoCluster = errors.New("no such cluster")
)

// Options are what the user chooses when a cluster is made.
type Options struct {
	Name          string   `json:"name"`
	APIOnly       bool     `json:"apiOnly"`
	Nodes         int      `json:"nodes"`
	APIServerArgs []string `json:"apiserverArgs,omitempty"`
	Kubernetes    string   `json:"kubernetes,omitempty"` // of the API server; empty: the usual release
}

// Config is what is recorded of a cluster: the options and what was chosen.
type Config struct {
	Options
	Index    int `json:"index,omitempty"` // of the address plan; 0 when API-only
	APIPort  int `json:"apiPort"`
	EtcdPort int `json:"etcdPort"`
	PeerPort int `json:"etcdPeerPort"`
}

// CheckName tells whether name may name a cluster: it becomes part of paths,
// cgroups and interface aliases.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("name %q: use up to 30 lower-case letters, digits and dashes", name)
	}
	return nil
}

// check reports options that make no cluster.
func (o Options) check() error {
	if err := CheckName(o.Name); err != nil {
		return err
	}
	if o.Nodes < 1 || o.Nodes > network.MaxNodes {
		return fmt.Errorf("--nodes %d: must be 1 to %d", o.Nodes, network.MaxNodes)
	}
	if o.APIOnly && o.Nodes > 1 {
		return errors.New("--nodes: an API-only cluster has no nodes")
	}
	if o.Kubernetes != "" && !o.APIOnly {
		return errors.New("--kubernetes: only an API-only cluster may have another release")
	}
	if o.Kubernetes != "" && !slices.Contains(build.APIServers(), o.Kubernetes) {
		return fmt.Errorf("--kubernetes %q: must be one of %s", o.Kubernetes, strings.Join(build.APIServers(), ", "))
	}
	for _, argument := range o.APIServerArgs {
		if !strings.Contains(argument, "=") || strings.HasPrefix(argument, "-") {
			return fmt.Errorf("--apiserver-arg %q: must look like watch-cache=false", argument)
		}
	}
	return nil
}

// keeping is o for a cluster that was made as recorded: it keeps its release
// unless another one is asked for.
func (o Options) keeping(recorded Options) Options {
	if o.Kubernetes == "" && o.APIOnly {
		o.Kubernetes = recorded.Kubernetes
	}
	return o
}

func (o Options) equal(other Options) bool {
	return o.APIOnly == other.APIOnly && o.Nodes == other.Nodes &&
		o.Kubernetes == other.Kubernetes &&
		slices.Equal(o.APIServerArgs, other.APIServerArgs)
}

// Plan is the cluster's address plan.
func (c Config) Plan() network.Plan { return network.Plan{Index: c.Index} }

// apiHost is the address at which the host reaches etcd and the API server.
func (c Config) apiHost() string {
	if c.APIOnly {
		return "127.0.0.1"
	}
	return c.Plan().NodeIP(0)
}

// serviceCIDR holds the Service addresses.
func (c Config) serviceCIDR() string {
	if c.APIOnly {
		return "10.96.0.0/24"
	}
	return c.Plan().ServiceCIDR()
}

func (c Config) apiServiceIP() string {
	return strings.Replace(c.serviceCIDR(), ".0/24", ".1", 1)
}

func (c Config) endpoint() string { return fmt.Sprintf("https://%s:%d", c.apiHost(), c.APIPort) }

func (c Config) etcdEndpoint() string { return fmt.Sprintf("https://%s:%d", c.apiHost(), c.EtcdPort) }

// NodeName is the name of a node.
func NodeName(node int) string { return fmt.Sprintf("node%d", node) }

func (c Config) save(path string) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func loadConfig(path string) (Config, error) {
	var c Config
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		name := filepath.Base(filepath.Dir(path))
		return c, fmt.Errorf("%w: %s; start it with: dev/cluster/cluster up --name %s", ErrNoCluster, name, name)
	}
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("%s is damaged (%w); run: dev/cluster/cluster down --name %s",
			path, err, filepath.Base(filepath.Dir(path)))
	}
	return c, nil
}
