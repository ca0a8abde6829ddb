package proc

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Spec says how to start one long-running process.
type Spec struct {
	Path    string   // program
	Args    []string // arguments after the program's name
	Env     []string
	Dir     string
	LogFile string // receives output, appended
	PIDFile string // receives the Record
	Enter   Enter  // where it runs
}

// Process is a child of this program that will outlive it.
type Process struct {
	Record
	// Done is closed when the process ends while this program still runs.
	Done <-chan struct{}
}

// Start runs the process in a session of its own, records it and returns at
// once. It starts as this very program with the hidden command EnterCommand,
// which joins the cgroup and the network namespace and then becomes the wanted
// program: pid and start time stay, and no child can escape in between.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, spec.Enter.Arguments(spec.Path, spec.Args...)...)
	command.Stdout, command.Stderr = log, log
	command.Env, command.Dir = spec.Env, spec.Dir
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	return recordChild(command, spec)
}

func recordChild(command *exec.Cmd, spec Spec) (*Process, error) {
	record, err := Identify(command.Process.Pid, append([]string{spec.Path}, spec.Args...))
	if err == nil {
		err = record.Save(spec.PIDFile)
	}
	done := make(chan struct{})
	go func() {
		// The outcome is judged by readiness probes and the log, not by the code.
		_ = command.Wait()
		close(done)
	}()
	if err != nil {
		_ = command.Process.Kill()
		return nil, fmt.Errorf("record %s: %w", spec.Path, err)
	}
	return &Process{Record: record, Done: done}, nil
}
