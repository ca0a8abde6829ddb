// Package proc starts processes that outlive this program and finds them again
// later without ever mistaking a stranger for one of them.
package proc

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Record identifies one process for its whole life. A pid alone does not: the
// kernel gives it to somebody else after the process has ended. The start time
// (in clock ticks since boot) together with the boot tells the two apart.
type Record struct {
	PID     int      `json:"pid"`
	Start   uint64   `json:"startTicks"`
	Boot    string   `json:"bootID"`
	Command []string `json:"command"`
}

// ErrGone says that the recorded process does not exist any more.
var ErrGone = errors.New("process is gone")

// Identify records the running process pid.
func Identify(pid int, command []string) (Record, error) {
	start, _, err := readStat(pid)
	if err != nil {
		return Record{}, err
	}
	return Record{PID: pid, Start: start, Boot: bootID(), Command: command}, nil
}

// Alive reports whether this very process still runs. A zombie does not.
func (r Record) Alive() bool {
	if r.PID <= 0 || r.Boot != bootID() {
		return false
	}
	start, state, err := readStat(r.PID)
	if err != nil || start != r.Start || state == 'X' {
		return false
	}
	return state != 'Z' || hasOtherThreads(r.PID)
}

// hasOtherThreads tells a process whose first thread has ended from one that is
// dead: until the last thread is gone, its sockets stay open and its port taken.
func hasOtherThreads(pid int) bool {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return err == nil && len(threads) > 1
}

// Stopped reports whether the process is held by SIGSTOP.
func (r Record) Stopped() bool {
	start, state, err := readStat(r.PID)
	return err == nil && start == r.Start && state == 'T'
}

// Signal sends sig, or returns ErrGone when the process has ended.
func (r Record) Signal(sig syscall.Signal) error {
	if !r.Alive() {
		return ErrGone
	}
	if err := syscall.Kill(r.PID, sig); errors.Is(err, syscall.ESRCH) {
		return ErrGone
	} else if err != nil {
		return fmt.Errorf("signal %d to process %d: %w", sig, r.PID, err)
	}
	return nil
}

// Save writes the record so that a reader sees either all of it or nothing.
func (r Record) Save(path string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// Load reads a record; a missing or damaged file is ErrGone, because in both
// cases there is no process that could safely be signalled.
func Load(path string) (Record, error) {
	var r Record
	data, err := os.ReadFile(path)
	if err != nil {
		return r, ErrGone
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, ErrGone
	}
	return r, nil
}

func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func readStat(pid int) (start uint64, state byte, err error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0, ErrGone
	}
	return parseStat(string(data))
}

// parseStat reads field 3 (state) and 22 (start time) of /proc/PID/stat. The
// name in field 2 may itself hold spaces and parentheses, so fields are counted
// from the last closing one.
func parseStat(line string) (start uint64, state byte, err error) {
	end := strings.LastIndexByte(line, ')')
	if end < 0 {
		return 0, 0, fmt.Errorf("unreadable process state %q", line)
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 20 || len(fields[0]) != 1 {
		return 0, 0, fmt.Errorf("unreadable process state %q", line)
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	return start, fields[0][0], err
}

// Running reports whether pid is a process that has not ended: a zombie only
// waits for its parent to notice.
func Running(pid int) bool {
	_, state, err := readStat(pid)
	return err == nil && state != 'Z' && state != 'X'
}
