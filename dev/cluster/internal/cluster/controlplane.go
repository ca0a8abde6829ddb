package cluster

import (
	"fmt"
	"strings"
)

func (c *cluster) etcdServer() component {
	peer := fmt.Sprintf("http://127.0.0.1:%d", c.PeerPort)
	pair := c.pair("etcd")
	return component{
		name: "etcd", path: c.tools.Path("etcd"),
		args: []string{
			"--name=etcd",
			"--data-dir=" + c.etcd(),
			"--listen-client-urls=" + c.etcdEndpoint(),
			"--advertise-client-urls=" + c.etcdEndpoint(),
			"--listen-peer-urls=" + peer,
			"--initial-advertise-peer-urls=" + peer,
			"--initial-cluster=etcd=" + peer,
			"--client-cert-auth", "--trusted-ca-file=" + c.ca(),
			"--cert-file=" + pair.Cert, "--key-file=" + pair.Key,
			"--log-level=warn",
		},
		ready: whenReady(c.etcdClient, "/health"),
	}
}

func (c *cluster) apiServer() component {
	args := append(c.apiServerIdentity(), c.apiServerStorage()...)
	args = append(args,
		fmt.Sprintf("--secure-port=%d", c.APIPort),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--audit-policy-file="+c.settings("audit-policy.yaml"),
		"--audit-log-path="+c.audit(),
		"--audit-log-maxsize=500", "--audit-log-maxbackup=1",
	)
	if c.APIOnly {
		args = append(args,
			"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
			// A loopback address is no valid endpoint, and nobody here would use it.
			"--endpoint-reconciler-type=none",
			// Nobody makes the default ServiceAccounts that it would wait for.
			"--disable-admission-plugins=ServiceAccount",
		)
	} else {
		args = append(args, "--bind-address=0.0.0.0", "--advertise-address="+c.apiHost())
	}
	for _, extra := range c.APIServerArgs {
		args = append(args, "--"+extra)
	}
	return component{
		name: "kube-apiserver", path: c.tools.Path("kube-apiserver"), args: args,
		ready: whenReady(c.admin, "/readyz"),
	}
}

func (c *cluster) apiServerStorage() []string {
	pair := c.pair("etcd-client")
	return []string{
		"--etcd-servers=" + c.etcdEndpoint(), "--etcd-cafile=" + c.ca(),
		"--etcd-certfile=" + pair.Cert, "--etcd-keyfile=" + pair.Key,
		"--service-cluster-ip-range=" + c.serviceCIDR(),
	}
}

func (c *cluster) apiServerIdentity() []string {
	server, kubelet := c.pair("apiserver"), c.pair("apiserver-kubelet-client")
	proxy := c.pair("front-proxy-client")
	return []string{
		"--client-ca-file=" + c.ca(),
		"--tls-cert-file=" + server.Cert, "--tls-private-key-file=" + server.Key,
		"--kubelet-certificate-authority=" + c.ca(),
		"--kubelet-client-certificate=" + kubelet.Cert, "--kubelet-client-key=" + kubelet.Key,
		"--kubelet-preferred-address-types=InternalIP",
		// Without the next ones the controller-manager repeats an error about them.
		"--requestheader-client-ca-file=" + c.pair("front-proxy-ca").Cert,
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + proxy.Cert, "--proxy-client-key-file=" + proxy.Key,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + c.serviceAccountPub(),
		"--service-account-signing-key-file=" + c.serviceAccountKey(),
	}
}

// busyClient are the request limits of the controllers. The default of 20
// requests a second makes the Job controller the first ceiling of any
// measurement, at 5.6 Pods a second; installations that run many Jobs raise it.
func busyClient() []string {
	return []string{"--kube-api-qps=100", "--kube-api-burst=200"}
}

// alone are the flags of a controller that runs once: there is nobody to elect
// a leader against, and waiting for a dead predecessor's lease would only make
// a restart 15 s longer.
func (c *cluster) alone(name string) []string {
	config := c.kubeconfig(name)
	return append([]string{
		"--kubeconfig=" + config, "--authentication-kubeconfig=" + config,
		"--authorization-kubeconfig=" + config,
		"--leader-elect=false", "--bind-address=0.0.0.0",
	}, busyClient()...)
}

func (c *cluster) controllerManager() component {
	authority := c.pair("ca")
	return component{
		name: "kube-controller-manager", path: c.tools.Path("kube-controller-manager"),
		args: append(c.alone("kube-controller-manager"),
			"--cluster-name="+c.Name,
			"--use-service-account-credentials=true",
			"--service-account-private-key-file="+c.serviceAccountKey(),
			"--root-ca-file="+authority.Cert,
			"--cluster-signing-cert-file="+authority.Cert, "--cluster-signing-key-file="+authority.Key,
			"--service-cluster-ip-range="+c.serviceCIDR(),
			// Each node's Pod addresses are written into its CNI settings.
			"--allocate-node-cidrs=false",
		),
		ready: c.health(0, "https", 10257, "/healthz"),
	}
}

func (c *cluster) scheduler() component {
	return component{
		name: "kube-scheduler", path: c.tools.Path("kube-scheduler"),
		args:  c.alone("kube-scheduler"),
		ready: c.health(0, "https", 10259, "/healthz"),
	}
}

// nodePart is the name of a component of one node.
func nodePart(kind string, node int) string {
	return strings.Join([]string{kind, NodeName(node)}, "-")
}
