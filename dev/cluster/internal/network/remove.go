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

// Remove deletes the host's interfaces of the cluster, by its name and by its
// plan, since one that has just been made does not bear the name yet. Addresses
// and routes go with them.
func Remove(cluster string, plan Plan) error {
	links := Links(cluster)
	if plan.Index > 0 {
		links = append(links, plan.Bridge())
		for node := range MaxNodes {
			links = append(links, plan.Port(node))
		}
	}
	var failures []error
	for _, link := range links {
		if !hostHas(link) {
			continue
		}
		// It may go by itself: with the other end of its cable.
		if err := ip("link delete " + link); err != nil && hostHas(link) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// PresentIndexes are those whose bridge is on this machine, whoever made it.
func PresentIndexes() map[int]bool {
	present := map[int]bool{}
	for index := 1; index <= MaxIndex; index++ {
		if hostHas(Plan{index}.Bridge()) {
			present[index] = true
		}
	}
	return present
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
