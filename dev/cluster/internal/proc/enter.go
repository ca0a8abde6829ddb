package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// EnterCommand is the hidden first argument that makes this program a
// trampoline into a cgroup and a network namespace.
const EnterCommand = "internal-enter"

// openFiles is what containerd and etcd ask for; a login shell's 1024 is too few.
const openFiles = 65536

// Enter says where a process runs. Empty fields mean: where the caller runs.
type Enter struct {
	NetNS   string // file of a network namespace
	MountNS string // file of a mount namespace
	Cgroup  string // cgroup.procs file of a cgroup
}

// Arguments are those with which this program becomes the given one there.
func (e Enter) Arguments(program string, args ...string) []string {
	return append([]string{EnterCommand, e.NetNS, e.MountNS, e.Cgroup, program}, args...)
}

// RunEnter is the trampoline: args are what Arguments made, without
// the command. It returns only when it failed.
func RunEnter(args []string) error {
	if len(args) < 4 {
		return errors.New("internal-enter: too few arguments")
	}
	return Enter{NetNS: args[0], MountNS: args[1], Cgroup: args[2]}.Exec(args[3], args[4:], os.Environ())
}

// Exec joins and replaces this process by the program. It returns only when it
// failed.
func (e Enter) Exec(program string, args, env []string) error {
	// A network namespace belongs to a thread; exec must happen on that thread.
	runtime.LockOSThread()
	path, err := exec.LookPath(program)
	if err != nil {
		return err
	}
	if err := e.join(); err != nil {
		return err
	}
	raiseOpenFiles()
	if err := syscall.Exec(path, append([]string{program}, args...), env); err != nil {
		return fmt.Errorf("exec %s: %w", path, err)
	}
	return nil
}

func (e Enter) join() error {
	if e.Cgroup != "" {
		if err := os.WriteFile(e.Cgroup, []byte("0"), 0); err != nil {
			return fmt.Errorf("join cgroup: %w", err)
		}
	}
	if err := joinNamespace(e.NetNS, unix.CLONE_NEWNET); err != nil {
		return err
	}
	return joinNamespace(e.MountNS, unix.CLONE_NEWNS)
}

func joinNamespace(file string, kind int) error {
	if file == "" {
		return nil
	}
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", file, err)
	}
	defer unix.Close(fd)
	if kind == unix.CLONE_NEWNS {
		// The kernel moves only a thread whose root folder is its own.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("part from the other threads: %w", err)
		}
	}
	if err := unix.Setns(fd, kind); err != nil {
		return fmt.Errorf("join namespace %s: %w", file, err)
	}
	return nil
}

// Run executes a short command there and returns its output within the error.
func (e Enter) Run(stdin, program string, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(self, e.Arguments(program, args...)...)
	command.Stdin = strings.NewReader(stdin)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func raiseOpenFiles() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Cur >= openFiles {
		return
	}
	limit.Cur = min(openFiles, limit.Max)
	// Best effort: a lower limit only matters under load.
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}
