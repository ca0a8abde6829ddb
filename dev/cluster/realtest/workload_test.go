package realtest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"committest.dev/dev/cluster/internal/image"
)

const probeImage = "committest.dev/probe:1"

// loadProbe builds the probe and loads it as an image.
func (c *testCluster) loadProbe() {
	c.t.Helper()
	dir := c.t.TempDir()
	binary, archive := filepath.Join(dir, "probe"), filepath.Join(dir, "probe.tar")
	build := exec.Command("go", "build", "-o", binary, "./probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	c.output(build)
	if err := image.Write(image.Spec{Reference: probeImage, Program: binary, User: "65532:65532"}, archive); err != nil {
		c.t.Fatal(err)
	}
	c.run("load", archive)
}

// serve starts a Pod that serves a page, with a Service, on the given node.
func (c *testCluster) serve(node string) {
	c.t.Helper()
	c.kubectl(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: greeter, labels: {app: greeter}}
spec:
  nodeName: %s
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: %s
    args: [serve]
    imagePullPolicy: IfNotPresent
    ports: [{containerPort: 8080, hostPort: 18080}]
---
apiVersion: v1
kind: Service
metadata: {name: greeter}
spec:
  selector: {app: greeter}
  ports: [{port: 80, targetPort: 8080}]
`, node, probeImage), "apply", "-f", "-")
	c.kubectl("", "wait", "--for=condition=Ready", "pod/greeter", "--timeout=60s")
}

// get runs a Job on the node that gets url, and returns what it got.
func (c *testCluster) get(job, node, url string) string {
	c.t.Helper()
	c.kubectl(fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata: {name: %s}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      nodeName: %s
      containers:
      - {name: c, image: %s, args: [get, "%s"], imagePullPolicy: IfNotPresent}
`, job, node, probeImage, url), "apply", "-f", "-")
	c.kubectl("", "wait", "--for=condition=Complete", "job/"+job, "--timeout=60s")
	return c.kubectl("", "logs", "job/"+job)
}

func TestJobsRunAndReachEachOther(t *testing.T) {
	c := newCluster(t, "rt-work")
	c.run("up", "--nodes", "2")
	c.loadProbe()
	c.serve("node0")
	const service = "http://greeter.default.svc.cluster.local/"
	for _, node := range []string{"node0", "node1"} {
		if got := c.get("get-from-"+node, node, service); got != "greetings from greeter\n" {
			t.Errorf("from %s: %q", node, got)
		}
	}
	t.Run("kubectl exec", func(t *testing.T) {
		got := c.kubectl("", "exec", "greeter", "--", "/probe", "get", "http://localhost:8080/")
		if got != "greetings from greeter\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a Pod reaches its own Service", func(t *testing.T) {
		if got := c.kubectl("", "exec", "greeter", "--", "/probe", "get", service); got != "greetings from greeter\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a Pod reaches this machine", func(t *testing.T) { c.testPodReachesHost() })
	t.Run("this machine reaches a Service", func(t *testing.T) {
		c.expectGreeting(t, c.kubectl("", "get", "service", "greeter", "-o", "jsonpath={.spec.clusterIP}"))
	})
	t.Run("this machine reaches a Pod", func(t *testing.T) {
		c.expectGreeting(t, c.kubectl("", "get", "pod", "greeter", "-o", "jsonpath={.status.podIP}")+":8080")
	})
	t.Run("this machine reaches a host port", func(t *testing.T) {
		c.expectGreeting(t, c.status().Nodes[0].Address+":18080")
	})
	t.Run("kubectl port-forward", c.testPortForward)
	t.Run("requests are in the audit log", func(t *testing.T) {
		log, err := os.ReadFile(c.status().AuditLog)
		if err != nil || !strings.Contains(string(log), `"userAgent":"kubectl/`) {
			t.Errorf("no request of kubectl in the audit log (%v)", err)
		}
	})
}

func (c *testCluster) testPodReachesHost() {
	listener, err := net.Listen("tcp", net.JoinHostPort(c.status().HostAddress, "0"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "host\n") })
		_ = http.Serve(listener, handler) // ends with the listener
	}()
	if got := c.get("get-from-host", "node1", "http://"+listener.Addr().String()+"/"); got != "host\n" {
		c.t.Errorf("got %q", got)
	}
}

// expectGreeting gets the greeter's page from this machine.
func (c *testCluster) expectGreeting(t *testing.T, address string) {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "greetings from greeter\n" {
		t.Errorf("from %s: %q", address, body)
	}
}

func (c *testCluster) testPortForward(t *testing.T) {
	s := c.status()
	forward := exec.Command(filepath.Join(s.Binaries, "kubectl"), "--kubeconfig", s.Kubeconfig,
		"port-forward", "pod/greeter", ":8080")
	out, err := forward.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = forward.Process.Kill()
		_ = forward.Wait() // it was killed
	}()
	var port int
	if _, err := fmt.Fscanf(out, "Forwarding from 127.0.0.1:%d", &port); err != nil {
		t.Fatalf("kubectl does not name its port: %v", err)
	}
	c.expectGreeting(t, fmt.Sprintf("127.0.0.1:%d", port))
}
