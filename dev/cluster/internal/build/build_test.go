package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// source is dev/cluster of this checkout, seen from this package.
const source = "../.."

func TestVersionsAreThoseOfTheModuleFiles(t *testing.T) {
	for _, row := range []struct{ module, requirement string }{
		{"kubernetes", "k8s.io/kubernetes " + KubernetesVersion},
		{"helm", "helm.sh/helm/v3 " + HelmVersion},
		{"coredns", "github.com/coredns/coredns " + CoreDNSVersion},
		{"gitea", "code.gitea.io/gitea " + GiteaVersion},
		{"apiserver/1.31", "k8s.io/kubernetes " + apiServerVersions[0]},
		{"apiserver/1.36", "k8s.io/kubernetes " + apiServerVersions[1]},
	} {
		t.Run(row.module, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(source, row.module, "go.mod"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.ReplaceAll(string(text), "\n", " "), row.requirement+" ") {
				t.Errorf("go.mod does not require %s", row.requirement)
			}
		})
	}
}

func copyModule(t *testing.T, files map[string]string) (source string) {
	t.Helper()
	source = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return source
}

func keyOf(t *testing.T, module Module, files map[string]string) string {
	t.Helper()
	key, err := module.key(copyModule(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyFollowsWhatDeterminesTheProgram(t *testing.T) {
	module := Module{Name: "m", Version: "v1", Folder: "."}
	files := map[string]string{"go.mod": "module m", "go.sum": "a", "main.go": "package main"}
	key := keyOf(t, module, files)
	if again := keyOf(t, module, files); again != key {
		t.Errorf("the same module in another folder has key %s, not %s", again, key)
	}
	for _, changed := range []string{"go.mod", "go.sum", "main.go"} {
		altered := map[string]string{"go.mod": "module m", "go.sum": "a", "main.go": "package main"}
		altered[changed] += " "
		if keyOf(t, module, altered) == key {
			t.Errorf("a change of %s does not change the key", changed)
		}
	}
	module.LDFlags = []string{"-X version=2"}
	if keyOf(t, module, files) == key {
		t.Error("a change of the linker's flags does not change the key")
	}
	module.LDFlags, module.CGO, module.Tags = nil, true, "sqlite"
	withTags := keyOf(t, module, files)
	if module.Tags = "sqlite netgo"; keyOf(t, module, files) == withTags || withTags == key {
		t.Error("a change of the tags does not change the key")
	}
	module.CGO, module.Tags = false, ""
	files["README.md"], files["main_test.go"] = "text", "package main"
	if keyOf(t, module, files) != key {
		t.Error("files that are not compiled change the key")
	}
}

func TestKeyNeedsSources(t *testing.T) {
	if _, err := (Module{Name: "m", Folder: "."}).key(t.TempDir()); err == nil {
		t.Error("an empty folder has a key")
	}
}

func TestCheckGoVersion(t *testing.T) {
	for version, fine := range map[string]bool{
		"go1.24": true, "go1.24.1": true, "go1.26.8": true, "devel go1.27-abc": true,
		"go1.23.9": false, "go1.9": false,
	} {
		if err := checkGoVersion(version); (err == nil) != fine {
			t.Errorf("%s: %v, want fine %v", version, err, fine)
		}
	}
}

// linked is what lies under the names of the programs of modules once linked.
func linked(t *testing.T, modules []Module) func(name string) string {
	t.Helper()
	b := builder{cache: t.TempDir()}
	var dirs []string
	for _, module := range modules {
		dir := filepath.Join(b.cache, module.Name+"-x")
		dirs = append(dirs, dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, module.Name), []byte(module.Version), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var bin string
	for range 2 { // it may be repeated
		var err error
		if bin, err = b.linkAll(modules, dirs, "key"); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string {
		data, err := os.ReadFile(filepath.Join(bin, name))
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
}

func TestLinkAllGivesEveryProgramItsUsualName(t *testing.T) {
	program := linked(t, Modules())
	for name, version := range map[string]string{
		"kubelet": KubernetesVersion, "etcd": KubernetesVersion, "kube-apiserver": KubernetesVersion,
		"helm": HelmVersion,
	} {
		if got := program(name); got != version {
			t.Errorf("%s is of %q, want %s", name, got, version)
		}
	}
}

func TestAnotherAPIServerTakesThePlaceOfTheUsualOne(t *testing.T) {
	modules, err := modulesWith("1.31")
	if err != nil {
		t.Fatal(err)
	}
	program := linked(t, modules)
	for name, version := range map[string]string{
		"kube-apiserver": apiServerVersions[0], "etcd": KubernetesVersion, "kubectl": KubernetesVersion,
	} {
		if got := program(name); got != version {
			t.Errorf("%s is of %q, want %s", name, got, version)
		}
	}
	if _, err := modulesWith("1.2"); err == nil {
		t.Error("there is an API server of 1.2")
	}
}

func TestLastLines(t *testing.T) {
	if got := lastLines("a\nb\nc\n", 2); got != "b\nc" {
		t.Errorf("got %q", got)
	}
	if got := lastLines("a", 2); got != "a" {
		t.Errorf("got %q", got)
	}
}
