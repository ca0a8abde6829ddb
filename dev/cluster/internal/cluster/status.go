package cluster

import (
	"context"
	"time"

	"committest.dev/dev/cluster/internal/network"
)

// Status is what `status -o json` prints. Tests and scripts rely on its shape.
type Status struct {
	Name        string            `json:"name"`
	APIOnly     bool              `json:"apiOnly"`
	Ready       bool              `json:"ready"` // every component runs and answers
	StateDir    string            `json:"stateDir"`
	Kubeconfig  string            `json:"kubeconfig"`
	APIServer   string            `json:"apiServer"`
	Etcd        string            `json:"etcd"`
	CACert      string            `json:"caCert"`
	EtcdCert    string            `json:"etcdCert"`
	EtcdKey     string            `json:"etcdKey"`
	AuditLog    string            `json:"auditLog"`
	Binaries    string            `json:"binaries"`
	ServiceCIDR string            `json:"serviceCIDR"`
	HostAddress string            `json:"hostAddress,omitempty"` // how Pods reach this machine
	DNSAddress  string            `json:"dnsAddress,omitempty"`
	Nodes       []NodeStatus      `json:"nodes,omitempty"`
	Components  []ComponentStatus `json:"components"`
}

// NodeStatus describes one node.
type NodeStatus struct {
	Name       string `json:"name"`
	Address    string `json:"address"`
	PodCIDR    string `json:"podCIDR"`
	NetNS      string `json:"netns"`
	Containerd string `json:"containerd"` // socket
}

// ComponentStatus describes one process. Its state is "running" (answers its
// probe), "unready" (runs, does not answer), "stopped" (held by SIGSTOP) or
// "dead".
type ComponentStatus struct {
	Name  string `json:"name"`
	State string `json:"state"`
	PID   int    `json:"pid,omitempty"`
	Log   string `json:"log"`
	Why   string `json:"why,omitempty"`
}

// probeTimeout bounds one component's answer.
const probeTimeout = 2 * time.Second

// StatusOf describes one recorded cluster.
func StatusOf(name string) (Status, error) {
	c, err := open(name)
	if err != nil {
		return Status{}, err
	}
	return c.status(), nil
}

func (c *cluster) status() Status {
	status := Status{
		Name: c.Name, APIOnly: c.APIOnly, Ready: true, StateDir: c.dir,
		Kubeconfig: c.kubeconfig("admin"), APIServer: c.endpoint(), Etcd: c.etcdEndpoint(),
		CACert: c.ca(), EtcdCert: c.pair("etcd-client").Cert, EtcdKey: c.pair("etcd-client").Key,
		AuditLog: c.audit(), ServiceCIDR: c.serviceCIDR(),
	}
	status.Binaries, _ = c.programsOf() // empty before the first start
	if !c.APIOnly {
		status.HostAddress, status.DNSAddress = c.Plan().HostIP(), c.Plan().DNSIP()
		status.Nodes = c.nodeStatus(c.Plan())
	}
	status.Components = c.componentStatus()
	for _, part := range status.Components {
		status.Ready = status.Ready && part.State == "running"
	}
	return status
}

func (c *cluster) nodeStatus(plan network.Plan) []NodeStatus {
	var nodes []NodeStatus
	for node := range c.Nodes {
		nodes = append(nodes, NodeStatus{
			Name: NodeName(node), Address: plan.NodeIP(node), PodCIDR: plan.PodCIDR(node),
			NetNS: c.netns(node), Containerd: c.containerdSocket(node),
		})
	}
	return nodes
}

// componentStatus asks all components at once, so that one that hangs costs its
// own time only.
func (c *cluster) componentStatus() []ComponentStatus {
	parts := c.components()
	list := make([]ComponentStatus, len(parts))
	var tasks []task
	for i, part := range parts {
		tasks = append(tasks, func(ctx context.Context) error {
			list[i] = c.probe(ctx, part)
			return nil
		})
	}
	_ = together(context.Background(), tasks...) // none of them fails
	return list
}

func (c *cluster) probe(ctx context.Context, part component) ComponentStatus {
	record := c.record(part.name)
	status := ComponentStatus{Name: part.name, Log: c.log(part.name)}
	if !record.Alive() {
		status.State = "dead"
		return status
	}
	status.PID = record.PID
	if record.Stopped() {
		status.State = "stopped"
		return status
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := part.ready(ctx); err != nil {
		status.State, status.Why = "unready", err.Error()
		return status
	}
	status.State = "running"
	return status
}
