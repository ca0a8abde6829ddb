package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func runWith(args ...string) (string, error) {
	var out strings.Builder
	err := run(context.Background(), args, &out, io.Discard)
	return out.String(), err
}

func TestHelpIsAnAnswer(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"--help"}, {"-h"}} {
		if out, err := runWith(args...); err != nil || !strings.Contains(out, "cluster up") {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
}

func TestUsageNamesEveryCommand(t *testing.T) {
	for name := range commands {
		if !strings.Contains(usage, name) {
			t.Errorf("%s is not in the usage text", name)
		}
	}
}

func TestWrongCalls(t *testing.T) {
	for _, args := range [][]string{
		{"fly"}, {"up", "now"}, {"up", "--fast"}, {"load"}, {"logs"}, {"logs", "etcd", "kubelet"},
		{"kill", "etcd", "--signal", "HUP"}, {"exec-netns"}, {"status", "-o", "xml"},
	} {
		if _, err := runWith(args...); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v, want a usage error", args, err)
		}
	}
}

func TestFlagsMayFollowArguments(t *testing.T) {
	// The cluster does not exist, which is found out only after parsing.
	_, err := runWith("kill", "etcd", "--signal", "SIGSTOP", "--name", "no-such-cluster")
	if err == nil || errors.Is(err, errUsage) || !strings.Contains(err.Error(), "no-such-cluster") {
		t.Errorf("error = %v", err)
	}
}

func TestFlagsOfAnExecutedCommandAreItsOwn(t *testing.T) {
	for _, args := range [][]string{
		{"exec-netns", "--name", "no-such-cluster", "--", "ip", "-br", "a"},
		{"exec-netns", "--name", "no-such-cluster", "ip", "-br", "a"},
	} {
		if _, err := runWith(args...); err == nil || errors.Is(err, errUsage) {
			t.Errorf("%v: %v, want an error about the cluster", args, err)
		}
	}
}

func TestTheEnvironmentNamesTheCluster(t *testing.T) {
	t.Setenv("COMMITTEST_CLUSTER", "")
	if got := defaultName(); got != "committest" {
		t.Errorf("name = %s", got)
	}
	t.Setenv("COMMITTEST_CLUSTER", "mine")
	if got := defaultName(); got != "mine" {
		t.Errorf("name = %s", got)
	}
}
