package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTogetherReturnsTheCauseAndEndsTheOthers(t *testing.T) {
	cause := errors.New("etcd ended")
	err := together(context.Background(),
		func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
		func(context.Context) error { return cause },
	)
	if !errors.Is(err, cause) {
		t.Errorf("error = %v, want %v", err, cause)
	}
}

func TestTogetherWaitsForAll(t *testing.T) {
	done := make(chan struct{}, 2)
	work := func(context.Context) error {
		done <- struct{}{}
		return nil
	}
	if err := together(context.Background(), work, work); err != nil || len(done) != 2 {
		t.Errorf("err = %v, %d done", err, len(done))
	}
}

func TestInOrderStopsAtTheFirstFailure(t *testing.T) {
	failure := errors.New("no")
	reached := false
	err := inOrder(
		func(context.Context) error { return failure },
		func(context.Context) error {
			reached = true
			return nil
		},
	)(context.Background())
	if !errors.Is(err, failure) || reached {
		t.Errorf("err = %v, second reached %v", err, reached)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if got := tail(path, 3); got != "" {
		t.Errorf("of an absent file: %q", got)
	}
	long := strings.Repeat(strings.Repeat("x", 99)+"\n", 2000) + "one\ntwo\n\n"
	for text, want := range map[string]string{"": "", "a\nb\nc\nd\n": "b\nc\nd", long: strings.Repeat("x", 99) + "\none\ntwo"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := tail(path, 3); got != want {
			t.Errorf("tail = %q, want %q", got, want)
		}
	}
}
