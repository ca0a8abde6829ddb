package network

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"committest.dev/dev/cluster/internal/nsfile"
)

// Links lists the host's interfaces that belong to the cluster.
func Links(cluster string) []string {
	files, _ := filepath.Glob("/sys/class/net/*/ifalias")
	var links []string
	for _, file := range files {
		alias, err := os.ReadFile(file)
		if err == nil && strings.TrimSpace(string(alias)) == AliasPrefix+cluster {
			links = append(links, filepath.Base(filepath.Dir(file)))
		}
	}
	return links
}

// Remove deletes the host's interfaces of the cluster; addresses and routes go
// with them.
func Remove(cluster string) error {
	var failures []error
	for _, link := range Links(cluster) {
		// It may go by itself: with the other end of its cable.
		if err := ip("link delete " + link); err != nil && hostHas(link) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// PIDs lists the processes inside the namespace kept by file.
func PIDs(file string) []int {
	if !nsfile.Exists(file) {
		return nil
	}
	wanted, err := os.Stat(file)
	if err != nil {
		return nil
	}
	entries, _ := filepath.Glob("/proc/[0-9]*/ns/net")
	var pids []int
	for _, entry := range entries {
		found, err := os.Stat(entry)
		if err != nil || !os.SameFile(wanted, found) {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(entry, "/")[2]); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
