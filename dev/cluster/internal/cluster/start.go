package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"committest.dev/dev/cluster/internal/kube"
	"committest.dev/dev/cluster/internal/proc"
	"committest.dev/dev/cluster/internal/progress"
)

// lastLogLines is how much of a failing component's log an error shows.
const lastLogLines = 20

// pollProcess is how often a process that we did not start is looked at.
const pollProcess = 100 * time.Millisecond

// started is the task of having the component run and answer.
func (c *cluster) started(log *progress.Log, part component) task {
	return func(ctx context.Context) error { return c.ensure(ctx, log, part) }
}

// ensure starts the component unless it runs, and waits until it is ready.
func (c *cluster) ensure(ctx context.Context, log *progress.Log, part component) error {
	ended, err := c.ensureStarted(ctx, part)
	if err != nil {
		return c.explain(part, err)
	}
	if err := kube.Wait(ctx, ended, part.ready); err != nil {
		return c.explain(part, err)
	}
	log.Step("%s ready", part.name)
	return nil
}

// ensureStarted returns a channel that is closed when the component ends.
func (c *cluster) ensureStarted(ctx context.Context, part component) (<-chan struct{}, error) {
	record := c.record(part.name)
	if record.Alive() {
		if record.Stopped() {
			return nil, fmt.Errorf("process %d is held by SIGSTOP; run: dev/cluster/cluster kill --name %s %s --signal CONT",
				record.PID, c.Name, part.name)
		}
		return watch(ctx, record), nil
	}
	process, err := proc.Start(c.spec(part))
	if err != nil {
		return nil, err
	}
	return process.Done, nil
}

// watch closes the channel it returns when the process ends.
func watch(ctx context.Context, record proc.Record) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		ticker := time.NewTicker(pollProcess)
		defer ticker.Stop()
		for record.Alive() {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
		close(ended)
	}()
	return ended
}

// explain adds the end of the component's log to an error.
func (c *cluster) explain(part component, err error) error {
	text := fmt.Sprintf("%s did not become ready", part.name)
	if lines := tail(c.log(part.name), lastLogLines); lines != "" {
		return fmt.Errorf("%s: %w\nlast lines of %s:\n%s", text, err, c.log(part.name), lines)
	}
	return fmt.Errorf("%s: %w", text, err)
}

// tail returns the last lines of a file, or nothing when there is none.
func tail(path string, count int) string {
	const enough = 64 << 10
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	data := make([]byte, min(info.Size(), enough))
	if _, err := file.ReadAt(data, info.Size()-int64(len(data))); err != nil {
		return ""
	}
	lines := strings.Split(string(bytes.TrimSpace(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
