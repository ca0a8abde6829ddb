package progress

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestStepShowsTheTime(t *testing.T) {
	var out strings.Builder
	New(&out).Step("%s ready", "etcd")
	if !regexp.MustCompile(`^\[ +\d+\.\ds\] etcd ready\n$`).MatchString(out.String()) {
		t.Errorf("line = %q", out.String())
	}
}

func TestWhileSpeaksUntilTheWorkEnds(t *testing.T) {
	var out strings.Builder
	log := New(&out)
	failure := errors.New("no disk")
	release := make(chan struct{})
	timer := time.AfterFunc(50*time.Millisecond, func() { close(release) })
	defer timer.Stop()
	err := log.While("building", time.Millisecond, func() error {
		<-release
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("error = %v, want the work's own", err)
	}
	if !strings.Contains(out.String(), "building … 0s") {
		t.Errorf("output = %q", out.String())
	}
}
