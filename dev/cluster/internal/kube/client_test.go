package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return Anonymous(server.URL)
}

func TestAnErrorCarriesTheServersMessage(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"kind":"Status","message":"nodes is forbidden"}`)
	})
	err := client.Healthy(context.Background(), "/api/v1/nodes")
	if err == nil || !strings.Contains(err.Error(), "nodes is forbidden") {
		t.Errorf("error = %v", err)
	}
}

func TestApplyIsAForcedServerSideApply(t *testing.T) {
	var got *http.Request
	var body []byte
	client := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	})
	if err := client.Apply(context.Background(), "/api/v1/x", []byte("kind: X")); err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodPatch || got.Header.Get("Content-Type") != "application/apply-patch+yaml" {
		t.Errorf("%s with %s", got.Method, got.Header.Get("Content-Type"))
	}
	if got.URL.Query().Get("force") != "true" || got.URL.Query().Get("fieldManager") == "" || string(body) != "kind: X" {
		t.Errorf("%s with body %q", got.URL, body)
	}
}

func TestGetDecodes(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"kind":"Node"}`) })
	var object struct{ Kind string }
	if err := client.Get(context.Background(), "/", &object); err != nil || object.Kind != "Node" {
		t.Errorf("got %+v, %v", object, err)
	}
}

func TestWaitRepeatsUntilSuccess(t *testing.T) {
	left := 3
	err := Wait(context.Background(), nil, func(context.Context) error {
		if left--; left > 0 {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil || left != 0 {
		t.Errorf("err = %v after %d checks too few", err, left)
	}
}

func TestWaitEndsWithTheProcess(t *testing.T) {
	ended := make(chan struct{})
	close(ended)
	err := Wait(context.Background(), ended, func(context.Context) error { return errors.New("refused") })
	if !errors.Is(err, ErrEnded) {
		t.Errorf("error = %v, want ErrEnded", err)
	}
}

func TestWaitTellsTheLastReasonWhenTimeIsUp(t *testing.T) {
	tooLate, reason := errors.New("not ready after 1 ms"), errors.New("connection refused")
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Millisecond, tooLate)
	defer cancel()
	err := Wait(ctx, nil, func(context.Context) error { return reason })
	if !errors.Is(err, tooLate) || !errors.Is(err, reason) {
		t.Errorf("error = %v, want both the deadline and the reason", err)
	}
}
