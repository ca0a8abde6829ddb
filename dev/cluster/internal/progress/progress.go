// Package progress prints what the program is doing and how long it took.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Log prints one line per step, each with the seconds since the log began.
// It may be used from several goroutines.
type Log struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

// New begins a log now.
func New(out io.Writer) *Log {
	return &Log{out: out, start: time.Now()}
}

// Step prints one line.
func (l *Log) Step(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "[%5.1fs] %s\n", time.Since(l.start).Seconds(), fmt.Sprintf(format, args...))
}

// Elapsed is the time since the log began.
func (l *Log) Elapsed() time.Duration {
	return time.Since(l.start)
}

// While runs work and prints "<what> … 15s" at every interval until it ends,
// so that a build of several minutes never looks like a hang.
func (l *Log) While(what string, interval time.Duration, work func() error) error {
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- work() }()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			l.Step("%s … %ds", what, int(time.Since(began).Seconds()))
		}
	}
}
