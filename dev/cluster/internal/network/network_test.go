package network

import (
	"net/netip"
	"testing"
)

func TestChooseIndex(t *testing.T) {
	for _, row := range []struct {
		name  string
		taken map[int]bool
		inUse []string
		want  int
	}{
		{"nothing is taken", nil, nil, 1},
		{"the first is recorded", map[int]bool{1: true}, nil, 2},
		{"a gap is filled", map[int]bool{1: true, 3: true}, nil, 2},
		{"an interface of the host has the first", nil, []string{"10.89.1.0/24"}, 2},
		{"an interface of the host has several", map[int]bool{4: true}, []string{"10.89.0.0/22"}, 5},
		{"a wide network of the host is no conflict", nil, []string{"10.0.0.0/8"}, 1},
		{"other networks are no conflict", nil, []string{"127.0.0.0/8", "fe80::/64"}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			var inUse []netip.Prefix
			for _, text := range row.inUse {
				inUse = append(inUse, netip.MustParsePrefix(text))
			}
			got, err := ChooseIndex(row.taken, inUse)
			if err != nil || got != row.want {
				t.Errorf("ChooseIndex = %d, %v, want %d", got, err, row.want)
			}
		})
	}
}

func TestChooseIndexSaysWhenNoneIsFree(t *testing.T) {
	if _, err := ChooseIndex(nil, []netip.Prefix{netip.MustParsePrefix("10.89.0.0/16")}); err == nil {
		t.Error("an index was chosen although all are taken")
	}
}

func TestPlansDoNotOverlap(t *testing.T) {
	var all []netip.Prefix
	for _, index := range []int{1, 2, MaxIndex} {
		plan := Plan{index}
		all = append(all, netip.MustParsePrefix(plan.NodeCIDR()), netip.MustParsePrefix(plan.ServiceCIDR()))
		for node := range MaxNodes {
			all = append(all, netip.MustParsePrefix(plan.PodCIDR(node)))
		}
	}
	for i, one := range all {
		for _, other := range all[i+1:] {
			if one.Overlaps(other) {
				t.Errorf("%s overlaps %s", one, other)
			}
		}
	}
}

func TestPlanKeepsAddressesInTheirNetworks(t *testing.T) {
	plan := Plan{MaxIndex}
	for address, network := range map[string]string{
		plan.HostIP(): plan.NodeCIDR(), plan.NodeIP(MaxNodes - 1): plan.NodeCIDR(),
		plan.APIServiceIP(): plan.ServiceCIDR(), plan.DNSIP(): plan.ServiceCIDR(),
	} {
		if !netip.MustParsePrefix(network).Contains(netip.MustParseAddr(address)) {
			t.Errorf("%s is not in %s", address, network)
		}
	}
	for node := range MaxNodes {
		if !netip.MustParsePrefix(plan.ClusterCIDR()).Overlaps(netip.MustParsePrefix(plan.PodCIDR(node))) {
			t.Errorf("Pods of node %d are outside of %s", node, plan.ClusterCIDR())
		}
	}
}

func TestInterfaceNamesFitTheKernel(t *testing.T) {
	const longest = 15
	plan := Plan{MaxIndex}
	for _, name := range []string{plan.Bridge(), plan.Port(MaxNodes-1) + "p"} {
		if len(name) > longest {
			t.Errorf("%s is longer than %d characters", name, longest)
		}
	}
}

func TestFreePortsAreDifferent(t *testing.T) {
	ports, err := FreePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if port <= 0 || seen[port] {
			t.Errorf("port %d is invalid or was chosen twice", port)
		}
		seen[port] = true
	}
}
