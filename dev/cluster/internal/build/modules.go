// Package build makes the cluster's programs from their Go modules, once per
// version, and keeps them in the user's cache.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
)

// Versions of what runs in a cluster. The module files pin the same ones; a
// test compares the two.
const (
	KubernetesVersion = "v1.34.4"
	HelmVersion       = "v3.19.0"
	CoreDNSVersion    = "v1.12.4"
	GiteaVersion      = "v1.26.0"
)

// Module is one program to build.
type Module struct {
	Name     string   // also the program's file name
	Version  string   // shown, and part of the cache key
	Folder   string   // below dev/cluster
	Package  string   // what to build there
	LDFlags  []string // in addition to stripping
	Links    []string // further names under which the program is run
	Estimate string   // how long a first build takes on two processors

	// For a program with parts in C; it is linked statically all the same, so that it runs in any image.
	CGO  bool
	Tags string
	// Folders of the package's own module that the program needs beside it when it runs.
	Data []string
}

// apiServerVersions are the other releases of which there is the API server.
var apiServerVersions = []string{"v1.31.4", "v1.36.3"}

// APIServers names the releases that an API-only cluster may have besides
// KubernetesVersion: "1.31".
func APIServers() []string {
	var releases []string
	for _, version := range apiServerVersions {
		releases = append(releases, release(version))
	}
	return releases
}

// release is "1.31" of "v1.31.4".
func release(version string) string {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	return parts[0] + "." + parts[1]
}

// Modules lists everything a cluster needs, in the order it is built: the long
// one first, so that a failure for lack of network or disk shows early.
func Modules() []Module {
	return []Module{kubernetes(), coredns(), helm(), pause()}
}

// modulesWith is Modules with the API server of another release. It stands
// first: of two programs of one name the first gets it.
func modulesWith(apiServer string) ([]Module, error) {
	if apiServer == "" {
		return Modules(), nil
	}
	at := slices.Index(APIServers(), apiServer)
	if at < 0 {
		return nil, fmt.Errorf("no API server of Kubernetes %s; there are: %s",
			apiServer, strings.Join(APIServers(), ", "))
	}
	return append([]Module{apiServerModule(apiServerVersions[at])}, Modules()...), nil
}

// versionFlags tell the program its version; without them it calls itself v0.0.0
// and clients complain.
func versionFlags(version string) []string {
	parts := strings.Split(release(version), ".")
	var flags []string
	for _, where := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags,
			"-X "+where+".gitVersion="+version,
			"-X "+where+".gitMajor="+parts[0],
			"-X "+where+".gitMinor="+parts[1],
			"-X "+where+".gitCommit=", "-X "+where+".gitTreeState=clean")
	}
	return flags
}

func apiServerModule(version string) Module {
	return Module{
		Name: "kube-apiserver", Version: version, Folder: filepath.Join("apiserver", release(version)),
		Package: "k8s.io/kubernetes/cmd/kube-apiserver",
		LDFlags: versionFlags(version), Estimate: "about 3 min",
	}
}

func kubernetes() Module {
	return Module{
		Name: "kubernetes", Version: KubernetesVersion, Folder: "kubernetes", Package: ".",
		LDFlags: versionFlags(KubernetesVersion), Estimate: "about 5 min",
		Links: []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler",
			"kubelet", "kube-proxy", "kubectl"},
	}
}

func helm() Module {
	return Module{Name: "helm", Version: HelmVersion, Folder: "helm", Package: "helm.sh/helm/v3/cmd/helm",
		LDFlags:  []string{"-X helm.sh/helm/v3/internal/version.version=" + HelmVersion},
		Estimate: "about 1 min"}
}

func coredns() Module {
	return Module{Name: "coredns", Version: CoreDNSVersion, Folder: "coredns", Package: ".",
		Estimate: "about 1 min"}
}

// gitea is the Git host of the end-to-end tests. A cluster does not need it, so it is not of Modules.
func gitea() Module {
	return Module{Name: "gitea", Version: GiteaVersion, Folder: "gitea", Package: "code.gitea.io/gitea",
		LDFlags: []string{"-linkmode external", "-extldflags -static",
			"-X main.Version=" + strings.TrimPrefix(GiteaVersion, "v")},
		Estimate: "about 4 min",
		CGO:      true,
		Tags:     "sqlite sqlite_unlock_notify sqlite_omit_load_extension osusergo netgo",
		Data:     []string{"templates", "options", "public"}}
}

func pause() Module {
	return Module{Name: "pause", Version: "v1", Folder: "pause", Package: ".", Estimate: "a few seconds"}
}

// key identifies the outcome of a build: same key, same program.
func (m Module) key(source string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, m.Name, m.Version, m.Package, m.LDFlags, runtime.GOARCH)
	if m.CGO {
		fmt.Fprintln(sum, "cgo", m.Tags, m.Data)
	}
	files, err := sourceFiles(filepath.Join(source, m.Folder))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, filepath.Base(file), len(data))
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

func sourceFiles(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if name == "go.mod" || name == "go.sum" ||
			strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			files = append(files, path)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no source files in %s", dir)
	}
	sort.Strings(files)
	return files, err
}
