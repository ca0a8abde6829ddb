// Package network gives each cluster node a network namespace that only this
// machine can reach and that leads nowhere else.
package network

import (
	"fmt"
	"net"
	"net/netip"
)

// MaxNodes bounds how many nodes one cluster can have: as many as ClusterCIDR
// has second octets.
const MaxNodes = 4

// MaxIndex bounds how many clusters can be up side by side.
const MaxIndex = 250

// Plan is everything about addresses that follows from a cluster's index.
type Plan struct{ Index int }

// Bridge is the host's interface to the cluster.
func (p Plan) Bridge() string { return fmt.Sprintf("ct%d", p.Index) }

// Port is the host's end of a node's cable, a port of the bridge.
func (p Plan) Port(node int) string { return fmt.Sprintf("ct%dn%d", p.Index, node) }

// NodeCIDR is the network between host and nodes.
func (p Plan) NodeCIDR() string { return fmt.Sprintf("10.89.%d.0/24", p.Index) }

// HostIP is the host's address in the node network.
func (p Plan) HostIP() string { return fmt.Sprintf("10.89.%d.1", p.Index) }

// NodeIP is a node's address.
func (p Plan) NodeIP(node int) string { return fmt.Sprintf("10.89.%d.%d", p.Index, node+2) }

// ServiceCIDR holds the cluster's Service addresses.
func (p Plan) ServiceCIDR() string { return fmt.Sprintf("10.96.%d.0/24", p.Index) }

// APIServiceIP is the address of the Service "kubernetes": the first one.
func (p Plan) APIServiceIP() string { return fmt.Sprintf("10.96.%d.1", p.Index) }

// DNSIP is the address of the Service "kube-dns".
func (p Plan) DNSIP() string { return fmt.Sprintf("10.96.%d.10", p.Index) }

// PodCIDR holds the addresses of a node's Pods, a few more than maxPods.
func (p Plan) PodCIDR(node int) string { return fmt.Sprintf("10.%d.%d.0/24", 128+node, p.Index) }

// ClusterCIDR spans the Pods of all nodes; it may span other clusters' Pods as
// well, which are unreachable and so do no harm.
func (p Plan) ClusterCIDR() string { return "10.128.0.0/14" }

// ChooseIndex picks the first index whose addresses nobody uses: neither a
// recorded cluster (taken) nor any interface of the host.
func ChooseIndex(taken map[int]bool, inUse []netip.Prefix) (int, error) {
	for index := 1; index <= MaxIndex; index++ {
		if !taken[index] && !overlaps(Plan{index}, inUse) {
			return index, nil
		}
	}
	return 0, fmt.Errorf("all %d cluster networks are taken; run: dev/cluster/cluster down --all", MaxIndex)
}

func overlaps(plan Plan, inUse []netip.Prefix) bool {
	nodes := netip.MustParsePrefix(plan.NodeCIDR())
	for _, prefix := range inUse {
		// A wide route such as 10.0.0.0/8 is no conflict: the narrower one wins.
		if prefix.Bits() >= 16 && prefix.Overlaps(nodes) {
			return true
		}
	}
	return false
}

// HostPrefixes lists the networks of the host's own interfaces.
func HostPrefixes() ([]netip.Prefix, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var prefixes []netip.Prefix
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil {
			prefixes = append(prefixes, prefix.Masked())
		}
	}
	return prefixes, nil
}
