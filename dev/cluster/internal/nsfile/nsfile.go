// Package nsfile makes kernel namespaces that live as long as a file does.
//
// A node of a cluster has two: a network namespace, and a mount namespace in
// which the fixed folders of kubelet, containerd and CNI (/var/lib/kubelet and
// so on) are the node's own. So several nodes and whatever else runs on the
// machine do not meet there, and every mount of a node goes when the node goes.
package nsfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Bind shows the folder Source at Target, inside a mount namespace only.
type Bind struct{ Source, Target string }

// EnsureNet makes a network namespace kept by file, unless there is one. It is
// not made by "ip netns add", which leaves a mount of /run/netns behind.
func EnsureNet(file string) error {
	return ensure(file, unix.CLONE_NEWNET, "net", func() error { return nil })
}

// EnsureMount makes a mount namespace kept by file, unless there is one. The
// targets must exist.
func EnsureMount(file string, binds []Bind) error {
	return ensure(file, unix.CLONE_NEWNS, "mnt", func() error { return furnish(binds) })
}

// furnish runs inside the new mount namespace. Mounts of the host still arrive,
// none goes back; below, mounts are shared as kubelet expects of a node.
func furnish(binds []Bind) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("part mounts from the host's: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts within the node: %w", err)
	}
	for _, bind := range binds {
		if err := unix.Mount(bind.Source, bind.Target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("show %s at %s: %w", bind.Source, bind.Target, err)
		}
	}
	return nil
}

func ensure(file string, kind int, entry string, furnish func() error) error {
	if Exists(file) {
		return nil
	}
	if err := privateFolder(filepath.Dir(file)); err != nil {
		return err
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	return keep(file, kind, entry, furnish)
}

// keep makes the namespace and binds it to file. Linux 6.18 numbers namespaces
// per CPU and refuses to keep a mount namespace whose number is below that of
// the one in which it is kept; the first of the system is below all, but one of
// a container may not be. So each CPU is tried in turn.
func keep(file string, kind int, entry string, furnish func() error) error {
	var err error
	for cpu := range runtime.NumCPU() {
		if err = keepFrom(cpu, file, kind, entry, furnish); !errors.Is(err, unix.EINVAL) {
			break
		}
	}
	return err
}

func keepFrom(cpu int, file string, kind int, entry string, furnish func() error) error {
	ready, done := make(chan result), make(chan struct{})
	defer close(done)
	go create(cpu, kind, furnish, ready, done)
	created := <-ready
	if created.err != nil {
		return created.err
	}
	source := fmt.Sprintf("/proc/self/task/%d/ns/%s", created.thread, entry)
	if err := unix.Mount(source, file, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("keep namespace by %s: %w", file, err)
	}
	return nil
}

type result struct {
	thread int
	err    error
}

// create makes the namespace on a thread that is never unlocked, so that the
// thread ends with the goroutine and no other goroutine can run in there.
func create(cpu, kind int, furnish func() error, ready chan<- result, done <-chan struct{}) {
	runtime.LockOSThread()
	var cpus unix.CPUSet
	cpus.Set(cpu)
	// Refused for a CPU that is not ours to use: then the kernel chooses.
	_ = unix.SchedSetaffinity(0, &cpus)
	if err := unix.Unshare(kind); err != nil {
		ready <- result{err: fmt.Errorf("create namespace: %w", err)}
		return
	}
	if err := furnish(); err != nil {
		ready <- result{err: err}
		return
	}
	ready <- result{thread: unix.Gettid()}
	<-done
}

// privateFolder makes dir a mount of its own that is not copied elsewhere: the
// kernel refuses to keep a mount namespace by a file that is.
func privateFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	err := unix.Mount("", dir, "", unix.MS_PRIVATE, "")
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EINVAL) { // EINVAL: not a mount yet
		return err
	}
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on itself: %w", dir, err)
	}
	return unix.Mount("", dir, "", unix.MS_PRIVATE, "")
}

// Exists reports whether a namespace is kept by file.
func Exists(file string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(file, &stat) == nil && stat.Type == unix.NSFS_MAGIC
}
