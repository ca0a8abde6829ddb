package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"committest.dev/dev/cluster/internal/cgroup"
	"committest.dev/dev/cluster/internal/network"
	"committest.dev/dev/cluster/internal/paths"
)

// lockFolder takes the lock of a folder, making the folder when create is set.
// A folder that was removed while we waited is not the one we asked for.
func lockFolder(dir string, create bool) (release func(), err error) {
	for {
		if create {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return nil, fmt.Errorf("%w; a whole cluster needs root", err)
			}
		}
		folder, err := os.Open(dir)
		if err != nil {
			if create && errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return nil, err
		}
		if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
			folder.Close()
			return nil, err
		}
		held, heldErr := folder.Stat()
		current, currentErr := os.Stat(dir)
		if heldErr == nil && currentErr == nil && os.SameFile(held, current) {
			return func() { folder.Close() }, nil
		}
		folder.Close()
		if !create {
			return nil, fs.ErrNotExist
		}
	}
}

func stateFolder(name string) (string, error) {
	root, err := paths.StateRoot()
	return filepath.Join(root, name), err
}

// newCluster puts together what acting on a cluster needs.
func newCluster(config Config) (*cluster, error) {
	dir, err := stateFolder(config.Name)
	if err != nil {
		return nil, err
	}
	c := &cluster{Config: config, layout: layout{dir}}
	if os.Geteuid() == 0 {
		c.cgroup, err = cgroup.Detect("committest-" + config.Name)
	}
	return c, err
}

// Names lists the clusters that have a state folder, whole or not.
func Names() ([]string, error) {
	root, err := paths.StateRoot()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && CheckName(entry.Name()) == nil {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

// open returns a recorded cluster.
func open(name string) (*cluster, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	dir, err := stateFolder(name)
	if err != nil {
		return nil, err
	}
	config, err := loadConfig(layout{dir}.config())
	if err != nil {
		return nil, err
	}
	return newCluster(config)
}

// configure returns the recorded cluster if there is one and it was made with
// the same options, else records a new one. The caller holds the cluster's lock.
func configure(options Options) (Config, error) {
	dir, err := stateFolder(options.Name)
	if err != nil {
		return Config{}, err
	}
	path := layout{dir}.config()
	config, err := loadConfig(path)
	if err == nil {
		if !config.Options.equal(options) {
			return config, fmt.Errorf("cluster %s is there with other options; run: dev/cluster/cluster down --name %s",
				options.Name, options.Name)
		}
		return config, nil
	}
	if !errors.Is(err, ErrNoCluster) {
		return config, err
	}
	return choose(options, path)
}

// choose picks addresses or ports that nobody uses. Two clusters that start at
// the same time must not pick the same, hence the lock on the common folder.
func choose(options Options, path string) (Config, error) {
	release, err := lockFolder(filepath.Dir(filepath.Dir(path)), true)
	if err != nil {
		return Config{}, err
	}
	defer release()
	config := Config{Options: options, APIPort: 6443, EtcdPort: 2379, PeerPort: 2380}
	if options.APIOnly {
		ports, err := network.FreePorts(3)
		if err != nil {
			return config, err
		}
		config.APIPort, config.EtcdPort, config.PeerPort = ports[0], ports[1], ports[2]
		return config, config.save(path)
	}
	inUse, err := network.HostPrefixes()
	if err != nil {
		return config, err
	}
	config.Index, err = network.ChooseIndex(takenIndexes(), inUse)
	if err != nil {
		return config, err
	}
	return config, config.save(path)
}

func takenIndexes() map[int]bool {
	taken := network.PresentIndexes()
	names, _ := Names() // an unreadable folder shows again when it is written to
	for _, name := range names {
		if c, err := open(name); err == nil {
			taken[c.Index] = true
		}
	}
	return taken
}
