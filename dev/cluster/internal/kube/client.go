// Package kube is the little of a Kubernetes client that bringing a cluster up
// needs: asking for readiness and applying a few objects.
package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"committest.dev/dev/cluster/internal/pki"
)

// requestTimeout bounds one request; callers repeat within their own deadline.
const requestTimeout = 5 * time.Second

// Client talks to one HTTPS endpoint of the cluster.
type Client struct {
	base string
	http *http.Client
}

// New makes a client that trusts the authority in caFile and shows pair.
func New(base, caFile string, pair pki.Pair) (*Client, error) {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("no certificate in %s", caFile)
	}
	cert, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		return nil, err
	}
	return newClient(base, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}), nil
}

// Anonymous makes a client for the health page of a component that serves it
// with a certificate of its own making. It is shown no secret, hence unchecked.
func Anonymous(base string) *Client {
	return newClient(base, &tls.Config{InsecureSkipVerify: true})
}

func newClient(base string, config *tls.Config) *Client {
	// No proxy of the environment may stand between us and our own machine.
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	return &Client{base: base, http: &http.Client{Transport: transport, Timeout: requestTimeout}}
}

// Healthy returns nil when path answers 200.
func (c *Client) Healthy(ctx context.Context, path string) error {
	_, err := c.do(ctx, http.MethodGet, path, "", nil)
	return err
}

// Get decodes the object at path.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	body, err := c.do(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// Post sends a JSON object to path and decodes the answer.
func (c *Client) Post(ctx context.Context, path string, object, into any) error {
	data, err := json.Marshal(object)
	if err != nil {
		return err
	}
	body, err := c.do(ctx, http.MethodPost, path, "application/json", data)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// Apply makes the object at path equal to manifest (YAML), created or not.
func (c *Client) Apply(ctx context.Context, path string, manifest []byte) error {
	_, err := c.do(ctx, http.MethodPatch, path+"?fieldManager=dev-cluster&force=true",
		"application/apply-patch+yaml", manifest)
	return err
}

func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "committest-dev-cluster")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, firstLine(data))
	}
	return data, nil
}

func firstLine(data []byte) string {
	var status struct{ Message string }
	if json.Unmarshal(data, &status) == nil && status.Message != "" {
		return status.Message
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	return line
}

// ErrEnded says that waiting is useless because the process has ended.
var ErrEnded = errors.New("the process ended")

// Wait repeats check until it succeeds, ctx ends, or ended is closed. The error
// carries the last reason, which is what a reader needs.
func Wait(ctx context.Context, ended <-chan struct{}, check func(context.Context) error) error {
	const interval = 50 * time.Millisecond
	timer := time.NewTicker(interval)
	defer timer.Stop()
	last := errors.New("not asked yet")
	for {
		if err := check(ctx); err == nil {
			return nil
		} else if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), last)
		case <-ended:
			return ErrEnded
		case <-timer.C:
		}
	}
}
