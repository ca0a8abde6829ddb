package network

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"committest.dev/dev/cluster/internal/nsfile"
	"committest.dev/dev/cluster/internal/proc"
)

// AliasPrefix marks the host's interfaces with the cluster they belong to, so
// that they are found even when the cluster's own record is lost.
const AliasPrefix = "committest-dev:"

// EnsureBridge makes the host's end: a bridge that carries no traffic of
// anybody else, and that the host refuses to forward from.
func (p Plan) EnsureBridge(cluster string) error {
	if !hostHas(p.Bridge()) {
		if err := ip("link add " + p.Bridge() + " type bridge"); err != nil {
			return err
		}
	}
	err := ip(
		"link set "+p.Bridge()+" alias "+AliasPrefix+cluster+" up",
		"address replace "+p.HostIP()+"/24 dev "+p.Bridge(),
		"route replace "+p.ServiceCIDR()+" via "+p.NodeIP(0),
	)
	if err != nil {
		return err
	}
	// Even where the host is a router for others, nothing leads out of a cluster.
	forwarding := filepath.Join("/proc/sys/net/ipv4/conf", p.Bridge(), "forwarding")
	return os.WriteFile(forwarding, []byte("0"), 0)
}

// EnsureNode makes the namespace of one node and its cable to the bridge.
func (p Plan) EnsureNode(cluster string, node int, netns string) error {
	if err := nsfile.EnsureNet(netns); err != nil {
		return err
	}
	inside := proc.Enter{NetNS: netns}
	if inside.Run("", "ip", "link", "show", "eth0") != nil {
		if err := p.plugCable(cluster, node, netns); err != nil {
			return err
		}
	}
	batch := []string{
		"link set lo up",
		"link set eth0 up",
		"address replace " + p.NodeIP(node) + "/24 dev eth0",
		// Service addresses must have a route before kube-proxy translates them.
		"route replace default via " + p.HostIP(),
	}
	if err := inside.Run(strings.Join(batch, "\n"), "ip", "-batch", "-"); err != nil {
		return err
	}
	if err := inside.Run("1", "tee", "/proc/sys/net/ipv4/ip_forward"); err != nil {
		return err
	}
	return ip("route replace " + p.PodCIDR(node) + " via " + p.NodeIP(node))
}

func (p Plan) plugCable(cluster string, node int, netns string) error {
	port := p.Port(node)
	if hostHas(port) { // a cable whose other end is in no namespace we know
		if err := ip("link delete " + port); err != nil {
			return err
		}
	}
	// The peer's name must be free on the host for the moment until it moves.
	peer := port + "p"
	if err := ip("link add " + port + " type veth peer name " + peer); err != nil {
		return err
	}
	if err := moveLink(peer, netns); err != nil {
		return err
	}
	return ip(
		"link set "+port+" alias "+AliasPrefix+cluster,
		"link set "+port+" master "+p.Bridge()+" up",
	)
}

// moveLink hands an interface to the namespace as its eth0. The namespace has
// no name that ip knows, so a process inside stands for it.
func moveLink(link, netns string) error {
	holder, err := namespaceHolder(netns)
	if err != nil {
		return err
	}
	defer holder.release()
	if err := ip(fmt.Sprintf("link set %s netns %d", link, holder.pid)); err != nil {
		return err
	}
	return proc.Enter{NetNS: netns}.Run("", "ip", "link", "set", link, "name", "eth0")
}

type holder struct {
	pid     int
	release func()
}

func namespaceHolder(netns string) (*holder, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, proc.Enter{NetNS: netns}.Arguments("cat")...)
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	release := func() {
		stdin.Close()
		_ = command.Wait() // it only waited for its input to end
	}
	// The echo proves that the process is inside by now.
	if _, err = stdin.Write([]byte("x")); err == nil {
		_, err = stdout.Read(make([]byte, 1))
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("enter network namespace: %w", err)
	}
	return &holder{pid: command.Process.Pid, release: release}, nil
}

func hostHas(link string) bool {
	_, err := os.Stat(filepath.Join("/sys/class/net", link))
	return err == nil
}

func ip(lines ...string) error {
	command := exec.Command("ip", "-batch", "-")
	command.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	if out, err := command.CombinedOutput(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return errors.New("ip is missing; run: dev/deps/install cluster")
		}
		return fmt.Errorf("ip %s: %w: %s", strings.Join(lines, "; "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// ConnectNodes gives each node a route to the Pods of every other.
func (p Plan) ConnectNodes(nodes int, netns func(node int) string) error {
	for from := range nodes {
		for to := range nodes {
			if from == to {
				continue
			}
			inside := proc.Enter{NetNS: netns(from)}
			if err := inside.Run("", "ip", "route", "replace", p.PodCIDR(to), "via", p.NodeIP(to)); err != nil {
				return err
			}
		}
	}
	return nil
}
