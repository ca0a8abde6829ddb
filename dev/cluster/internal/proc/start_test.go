package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes the test program its own trampoline, as the real one is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == EnterCommand {
		fmt.Fprintln(os.Stderr, RunEnter(os.Args[2:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func startIn(t *testing.T, script string) (*Process, Spec) {
	t.Helper()
	dir := t.TempDir()
	spec := Spec{
		Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: dir,
		LogFile: filepath.Join(dir, "log"), PIDFile: filepath.Join(dir, "pid"),
	}
	process, err := Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Signal(syscall.SIGKILL) // it may have ended
		<-process.Done
	})
	return process, spec
}

func TestStartedProcessKeepsItsRecordedIdentity(t *testing.T) {
	process, spec := startIn(t, "echo up; read x < /dev/zero")
	recorded, err := Load(spec.PIDFile)
	if err != nil {
		t.Fatal(err)
	}
	if !recorded.Alive() || recorded.PID != process.PID {
		t.Errorf("recorded %+v, started %+v", recorded, process.Record)
	}
	if group, err := syscall.Getpgid(process.PID); err != nil || group != process.PID {
		t.Errorf("process group %d, want its own (%d)", group, process.PID)
	}
	if err := recorded.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-process.Done
	if recorded.Alive() {
		t.Error("counts as alive after it was killed")
	}
}

func TestOutputIsAppendedToTheLog(t *testing.T) {
	process, spec := startIn(t, "echo out; echo err >&2")
	<-process.Done
	if _, err := Start(spec); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		data, _ := os.ReadFile(spec.LogFile)
		return strings.Count(string(data), "out\nerr\n") == 2
	})
}

func TestAMissingProgramIsNamedInTheLog(t *testing.T) {
	dir := t.TempDir()
	spec := Spec{Path: filepath.Join(dir, "absent"), Dir: dir,
		LogFile: filepath.Join(dir, "log"), PIDFile: filepath.Join(dir, "pid")}
	process, err := Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	<-process.Done
	if data, _ := os.ReadFile(spec.LogFile); !strings.Contains(string(data), "absent") {
		t.Errorf("log = %q, want the program's name", data)
	}
}

func TestEnterNamesTheNamespaceThatIsMissing(t *testing.T) {
	err := Enter{NetNS: "/nowhere/net"}.Run("", "true")
	if err == nil || !strings.Contains(err.Error(), "/nowhere/net") {
		t.Errorf("error = %v, want one that names the file", err)
	}
}

// waitFor repeats condition until it holds.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatal("did not come about in 10 s")
		case <-ticker.C:
		}
	}
}
