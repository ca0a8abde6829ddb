// Package realtest tests the program on real clusters. It needs root and about
// three minutes, so it runs only when asked: COMMITTEST_REAL_CLUSTER=1.
package realtest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	switchVariable = "COMMITTEST_REAL_CLUSTER"
	program        = "../cluster"
	// patience bounds anything that a healthy cluster does within seconds.
	patience = 60 * time.Second
)

// status is the part of `status -o json` that the tests look at.
type status struct {
	Ready       bool
	Kubeconfig  string
	Binaries    string
	HostAddress string
	AuditLog    string
	StateDir    string
	Nodes       []struct{ Name, Address string }
	Components  []struct {
		Name, State string
		PID         int
	}
}

// testCluster is one cluster that is down again when the test ends.
type testCluster struct {
	t    *testing.T
	name string
}

func newCluster(t *testing.T, name string) *testCluster {
	t.Helper()
	if os.Getenv(switchVariable) == "" {
		t.Skip("set " + switchVariable + "=1 to test on real clusters")
	}
	c := &testCluster{t: t, name: name}
	c.run("down")
	t.Cleanup(func() { c.run("down") })
	return c
}

// command makes a call of the program for this cluster.
func (c *testCluster) command(args ...string) *exec.Cmd {
	command := exec.Command(program, args...)
	command.Env = append(os.Environ(), "COMMITTEST_CLUSTER="+c.name)
	return command
}

// run expects the call to succeed and returns its output.
func (c *testCluster) run(args ...string) string {
	c.t.Helper()
	return c.output(c.command(args...))
}

func (c *testCluster) output(command *exec.Cmd) string {
	c.t.Helper()
	var out, notes bytes.Buffer
	command.Stdout, command.Stderr = &out, &notes
	if err := command.Run(); err != nil {
		c.t.Fatalf("%s: %v\n%s%s", strings.Join(command.Args, " "), err, out.String(), notes.String())
	}
	return out.String()
}

// kubectl expects kubectl to succeed.
func (c *testCluster) kubectl(stdin string, args ...string) string {
	c.t.Helper()
	s := c.status()
	command := exec.Command(filepath.Join(s.Binaries, "kubectl"), append([]string{"--kubeconfig", s.Kubeconfig}, args...)...)
	command.Stdin = strings.NewReader(stdin)
	return c.output(command)
}

func (c *testCluster) status() status {
	c.t.Helper()
	var s status
	if err := json.Unmarshal([]byte(c.run("status", "-o", "json")), &s); err != nil {
		c.t.Fatal(err)
	}
	return s
}

// pids maps each component to its process.
func (c *testCluster) pids() map[string]int {
	pids := map[string]int{}
	for _, part := range c.status().Components {
		pids[part.Name] = part.PID
	}
	return pids
}

// eventually repeats condition until it holds.
func (c *testCluster) eventually(what string, condition func() bool) {
	c.t.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-deadline:
			c.t.Fatalf("%s: not in %s", what, patience)
		case <-ticker.C:
		}
	}
}
