package cluster

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"

	"committest.dev/dev/cluster/internal/pki"
)

// identity is a certificate of the cluster's authority.
type identity struct {
	file    string
	request pki.Request
}

// identities lists every certificate: server ones first, then the clients that
// get a kubeconfig.
func identities(c Config) []identity {
	list := []identity{
		{"apiserver", pki.Request{CommonName: "kube-apiserver", IPs: serverIPs(c), DNSNames: []string{
			"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local",
		}}},
		{"etcd", pki.Request{CommonName: "etcd", IPs: serverIPs(c), DNSNames: []string{"localhost"}}},
		{"etcd-client", pki.Request{CommonName: "etcd-client"}},
		{"apiserver-kubelet-client", pki.Request{
			CommonName: "kube-apiserver-kubelet-client", Organizations: []string{"system:masters"}}},
	}
	return append(list, clients(c)...)
}

// clients are the identities that get a kubeconfig.
func clients(c Config) []identity {
	list := []identity{
		{"admin", pki.Request{CommonName: "admin", Organizations: []string{"system:masters"}}},
	}
	if c.APIOnly {
		return list
	}
	list = append(list,
		identity{"kube-controller-manager", pki.Request{CommonName: "system:kube-controller-manager"}},
		identity{"kube-scheduler", pki.Request{CommonName: "system:kube-scheduler"}},
		identity{"kube-proxy", pki.Request{CommonName: "system:kube-proxy"}},
	)
	for node := range c.Nodes {
		name := NodeName(node)
		list = append(list, identity{"kubelet-" + name, pki.Request{
			CommonName: "system:node:" + name, Organizations: []string{"system:nodes"},
			DNSNames: []string{name}, IPs: []net.IP{net.ParseIP(c.Plan().NodeIP(node))},
		}})
	}
	return list
}

func serverIPs(c Config) []net.IP {
	return []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP(c.apiHost()), net.ParseIP(c.apiServiceIP())}
}

// ensureCredentials makes the keys of the cluster on its first start. The
// admin's kubeconfig is written last: its presence means all are there.
func ensureCredentials(l layout, c Config) error {
	if _, err := os.Stat(l.kubeconfig("admin")); err == nil {
		return nil
	}
	authority, err := pki.NewAuthority("committest-dev-"+c.Name, l.pair("ca"))
	if err != nil {
		return err
	}
	for _, identity := range identities(c) {
		if err := authority.Issue(identity.request, l.pair(identity.file)); err != nil {
			return err
		}
	}
	// Of an authority of its own, so that no other certificate of the cluster can
	// pass for the API server's front proxy.
	front, err := pki.NewAuthority("committest-dev-front-proxy-"+c.Name, l.pair("front-proxy-ca"))
	if err != nil {
		return err
	}
	err = errors.Join(
		front.Issue(pki.Request{CommonName: "front-proxy-client"}, l.pair("front-proxy-client")),
		pki.NewKeyPair(l.serviceAccountKey(), l.serviceAccountPub()),
	)
	if err != nil {
		return err
	}
	return writeKubeconfigs(l, c)
}

func writeKubeconfigs(l layout, c Config) error {
	list := clients(c)
	for i := len(list) - 1; i >= 0; i-- { // admin, the first, is written last
		if err := writeKubeconfig(l, c, list[i].file); err != nil {
			return err
		}
	}
	return nil
}

func writeKubeconfig(l layout, c Config, user string) error {
	var encoded [3]string
	pair := l.pair(user)
	for i, file := range []string{l.ca(), pair.Cert, pair.Key} {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		encoded[i] = base64.StdEncoding.EncodeToString(data)
	}
	text := fmt.Sprintf(kubeconfigTemplate, encoded[0], c.endpoint(), c.Name, user, encoded[1], encoded[2])
	return os.WriteFile(l.kubeconfig(user), []byte(text), 0o600)
}

const kubeconfigTemplate = `apiVersion: v1
kind: Config
clusters:
- name: %[3]s
  cluster:
    certificate-authority-data: %[1]s
    server: %[2]s
users:
- name: %[4]s
  user:
    client-certificate-data: %[5]s
    client-key-data: %[6]s
contexts:
- name: %[3]s
  context:
    cluster: %[3]s
    user: %[4]s
current-context: %[3]s
`
