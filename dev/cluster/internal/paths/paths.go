// Package paths says where the program keeps what it builds and what it runs.
package paths

import (
	"errors"
	"os"
	"path/filepath"
)

// SourceVariable names the environment variable through which the start script
// says where dev/cluster lies; the modules to build are found below it.
const SourceVariable = "COMMITTEST_CLUSTER_SOURCE"

// Cache is the folder for everything that can be built again.
func Cache() (string, error) {
	if dir := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "committest"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".cache", "committest"), nil
}

// StateRoot is the folder that holds one folder per cluster. It is not below
// /tmp on purpose: cleaners remove files there that etcd has preallocated but
// not yet written, and etcd ends itself when that happens.
func StateRoot() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/committest-dev", nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "committest-dev"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "committest-dev"), nil
}

// Source is the folder dev/cluster of the checkout.
func Source() (string, error) {
	dir := os.Getenv(SourceVariable)
	if dir == "" {
		return "", errors.New(SourceVariable + " is not set; start the program through dev/cluster/cluster")
	}
	return dir, nil
}
