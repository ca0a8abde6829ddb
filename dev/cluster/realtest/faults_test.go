package realtest

import (
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestUpMayBeRepeated(t *testing.T) {
	c := newCluster(t, "rt-again")
	c.run("up")
	before := c.pids()
	c.run("up")
	if after := c.pids(); !maps.Equal(before, after) {
		t.Errorf("processes before %v, after %v", before, after)
	}
}

func TestUpFailsWithTheLogOfTheComponentThatFailed(t *testing.T) {
	c := newCluster(t, "rt-bad")
	out, err := c.command("up", "--api-only", "--apiserver-arg", "no-such-flag=1").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "unknown flag: --no-such-flag") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAComponentCanBeHeldAndReleased(t *testing.T) {
	c := newCluster(t, "rt-hold")
	c.run("up", "--api-only")
	c.run("kill", "etcd", "--signal", "STOP")
	if c.status().Ready {
		t.Error("ready although etcd is held")
	}
	if out, err := c.command("up", "--api-only").CombinedOutput(); err == nil || !strings.Contains(string(out), "--signal CONT") {
		t.Errorf("up with etcd held: %v\n%s", err, out)
	}
	c.run("kill", "etcd", "--signal", "CONT")
	c.eventually("ready again", func() bool { return c.status().Ready })
}

func TestARestartedComponentIsANewProcess(t *testing.T) {
	c := newCluster(t, "rt-new")
	c.run("up", "--api-only")
	before := c.pids()
	c.run("restart", "kube-apiserver")
	after := c.pids()
	if before["kube-apiserver"] == after["kube-apiserver"] || before["etcd"] != after["etcd"] {
		t.Errorf("processes before %v, after %v", before, after)
	}
}

func TestHistoryCanBeForgotten(t *testing.T) {
	c := newCluster(t, "rt-past")
	c.run("up", "--api-only", "--apiserver-arg", "watch-cache=false")
	c.run("compact")
	s := c.status()
	command := c.command("kubeconfig")
	if got := strings.TrimSpace(c.output(command)); got != s.Kubeconfig {
		t.Errorf("kubeconfig = %s, want %s", got, s.Kubeconfig)
	}
	// An exact version before the compaction is gone for ever.
	path := "/api/v1/namespaces?resourceVersion=2&resourceVersionMatch=Exact"
	if out := c.kubectlFails("get", "--raw", path); !strings.Contains(out, "too old") {
		t.Errorf("list from the past: %s", out)
	}
}

func TestClustersLiveSideBySide(t *testing.T) {
	one, two := newCluster(t, "rt-one"), newCluster(t, "rt-two")
	one.run("up")
	two.run("up")
	two.loadProbe()
	two.serve("node0")
	one.run("down")
	if !two.status().Ready {
		t.Error("the second cluster suffered when the first went down")
	}
	two.kubectl("", "delete", "pod", "greeter", "--timeout=30s")
	two.serve("node0")
}

func TestDownLeavesNothing(t *testing.T) {
	parts := []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler",
		"containerd", "kubelet", "kube-proxy"}
	cases := map[string]func(*testCluster){
		"whole":                   func(*testCluster) {},
		"all parts killed":        func(c *testCluster) { c.kill(parts...) },
		"all parts held":          func(c *testCluster) { c.hold(parts...) },
		"killed, record lost":     func(c *testCluster) { c.kill(parts...); c.loseRecord() },
		"killed and started anew": func(c *testCluster) { c.kill(parts...); c.run("up") },
	}
	for _, part := range parts {
		cases[part+" killed"] = func(c *testCluster) { c.kill(part) }
	}
	for name, damage := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, "rt-fault")
			c.run("up")
			c.loadProbe()
			c.serve("node0")
			trace := c.trace()
			damage(c)
			c.run("down")
			trace.expectNothing(c, t)
		})
	}
}

func TestDownAfterAKilledUpLeavesNothing(t *testing.T) {
	c := newCluster(t, "rt-half")
	up := c.command("up")
	up.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	c.eventually("API server started", func() bool {
		_, err := os.Stat("/var/lib/committest-dev/rt-half/pids/kube-apiserver.json")
		return err == nil
	})
	trace := c.trace()
	if err := syscall.Kill(-up.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = up.Wait() // it was killed
	c.run("down")
	trace.expectNothing(c, t)
}

func (c *testCluster) kill(parts ...string) {
	for _, part := range parts {
		c.run("kill", part)
	}
}

func (c *testCluster) hold(parts ...string) {
	for _, part := range parts {
		c.run("kill", part, "--signal", "STOP")
	}
}

func (c *testCluster) loseRecord() {
	dir := c.status().StateDir
	for _, name := range []string{"/cluster.json", "/pids"} {
		if err := os.RemoveAll(dir + name); err != nil {
			c.t.Fatal(err)
		}
	}
}
