package cluster

import (
	"bytes"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"

	"committest.dev/dev/cluster/internal/build"
)

//go:embed templates
var templateFiles embed.FS

// values are what the templates may use.
type values struct {
	NodeName, PodCIDR, ClusterCIDR, DNSIP string
	Containerd, CNIPlugins, CNISettings   string
	PauseImage, CoreDNSImage              string
	CgroupRoot, ResolvConf, Kubeconfig    string
	CA, Cert, Key                         string
	RestrictOOMScore                      bool
}

// cniFolders are where packages put the plugins: Debian's, then everybody's.
var cniFolders = []string{"/usr/lib/cni", "/opt/cni/bin"}

func findCNI() (string, error) {
	for _, dir := range cniFolders {
		if _, err := os.Stat(filepath.Join(dir, "ptp")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("the CNI plugins are missing; run: dev/deps/install cluster")
}

// writeSettings writes every file that a component reads.
func (c *cluster) writeSettings() error {
	if err := c.render("audit-policy.yaml", c.settings("audit-policy.yaml"), values{}); err != nil {
		return err
	}
	if c.APIOnly {
		return nil
	}
	if err := os.WriteFile(c.settings("resolv.conf"), nil, 0o644); err != nil {
		return err
	}
	for node := range c.Nodes {
		if err := c.writeNodeSettings(node); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) writeNodeSettings(node int) error {
	v, err := c.nodeValues(node)
	if err != nil {
		return err
	}
	return errors.Join(
		c.render("containerd.toml", c.settings(nodePart("containerd", node)+".toml"), v),
		c.render("kubelet.yaml", c.settings(nodePart("kubelet", node)+".yaml"), v),
		c.render("kube-proxy.yaml", c.settings(nodePart("kube-proxy", node)+".yaml"), v),
		c.render("cni.conflist", filepath.Join(v.CNISettings, "10-committest.conflist"), v),
	)
}

func (c *cluster) nodeValues(node int) (values, error) {
	plugins, err := findCNI()
	if err != nil {
		return values{}, err
	}
	pair := c.pair("kubelet-" + NodeName(node))
	return values{
		NodeName: NodeName(node), PodCIDR: c.Plan().PodCIDR(node), ClusterCIDR: c.Plan().ClusterCIDR(),
		DNSIP:      c.Plan().DNSIP(),
		Containerd: c.node(node, "containerd"), CNIPlugins: plugins, CNISettings: c.node(node, "cni"),
		PauseImage: build.PauseReference, RestrictOOMScore: !canLowerOOMScore(),
		CgroupRoot: c.cgroup.NodePath(NodeName(node)), ResolvConf: c.settings("resolv.conf"),
		Kubeconfig: c.kubeconfig("kube-proxy"),
		CA:         c.ca(), Cert: pair.Cert, Key: pair.Key,
	}, nil
}

func (c *cluster) render(name, path string, v values) error {
	text, err := renderTemplate(name, v)
	if err != nil {
		return err
	}
	// Unchanged files stay untouched: containerd watches its CNI settings.
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

func renderTemplate(name string, v values) ([]byte, error) {
	parsed, err := template.New(name).Option("missingkey=error").ParseFS(templateFiles, "templates/"+name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, v)
	return out.Bytes(), err
}
