package build

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"committest.dev/dev/cluster/internal/paths"
	"committest.dev/dev/cluster/internal/progress"
)

// progressInterval is how often a long build says that it is still at it.
const progressInterval = 15 * time.Second

// Toolbox is the outcome: where the built programs and images lie.
type Toolbox struct {
	Bin    string // folder with every program under its usual name
	Images Images
}

// Path is the file of the program called name.
func (t Toolbox) Path(name string) string { return filepath.Join(t.Bin, name) }

type builder struct {
	source string
	cache  string
	log    *progress.Log
}

// All builds what the cache lacks and returns where everything lies. It is
// quick when nothing is lacking, and safe to run several times at once. The
// API server is that of the release apiServer, one of APIServers, if given.
func All(log *progress.Log, apiServer string) (Toolbox, error) {
	modules, err := modulesWith(apiServer)
	if err != nil {
		return Toolbox{}, err
	}
	b, err := newBuilder(log)
	if err != nil {
		return Toolbox{}, err
	}
	return b.all(modules)
}

// Gitea builds the Git host of the end-to-end tests if the cache lacks it, and
// returns the folder with the program and the folders that it needs beside it.
func Gitea(log *progress.Log) (string, error) {
	b, err := newBuilder(log)
	if err != nil {
		return "", err
	}
	dir, err := b.ensure(gitea())
	if err != nil {
		return "", fmt.Errorf("build gitea: %w", err)
	}
	return dir, nil
}

func newBuilder(log *progress.Log) (builder, error) {
	source, err := paths.Source()
	if err != nil {
		return builder{}, err
	}
	cache, err := paths.Cache()
	return builder{source: source, cache: filepath.Join(cache, "cluster"), log: log}, err
}

func (b builder) all(modules []Module) (Toolbox, error) {
	var programs, keys []string
	for _, module := range modules {
		dir, err := b.ensure(module)
		if err != nil {
			return Toolbox{}, fmt.Errorf("build %s: %w", module.Name, err)
		}
		programs = append(programs, dir)
		keys = append(keys, filepath.Base(dir))
	}
	bin, err := b.linkAll(modules, programs, shortHash(strings.Join(keys, " ")))
	if err != nil {
		return Toolbox{}, err
	}
	images, err := b.images(bin)
	return Toolbox{Bin: bin, Images: images}, err
}

// ensure returns the folder with the module's program, building it if needed.
func (b builder) ensure(module Module) (string, error) {
	key, err := module.key(b.source)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(b.cache, fmt.Sprintf("%s-%s-%s", module.Name, module.Version, key))
	program := filepath.Join(dir, module.Name)
	if isFile(program) {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, withLock(dir, func() error {
		if isFile(program) { // somebody else built it while we waited
			return nil
		}
		what := fmt.Sprintf("building %s %s", module.Name, strings.TrimPrefix(module.Version, "v"))
		b.log.Step("%s (first time, %s) …", what, module.Estimate)
		return b.log.While(what, progressInterval, func() error { return b.compile(module, program) })
	})
}

func (b builder) compile(module Module, program string) error {
	if err := checkGo(); err != nil {
		return err
	}
	temporary := program + ".new"
	arguments := []string{"build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags", strings.Join(append([]string{"-s", "-w"}, module.LDFlags...), " ")}
	if module.Tags != "" {
		arguments = append(arguments, "-tags", module.Tags)
	}
	if _, err := b.runGo(module, append(arguments, "-o", temporary, module.Package)...); err != nil {
		return err
	}
	if err := b.copyData(module, filepath.Dir(program)); err != nil {
		return err
	}
	return os.Rename(temporary, program)
}

// copyData puts the folders that the module's program needs beside it.
func (b builder) copyData(module Module, dir string) error {
	if len(module.Data) == 0 {
		return nil
	}
	found, err := b.runGo(module, "list", "-mod=readonly", "-f", "{{.Module.Dir}}", module.Package)
	if err != nil {
		return err
	}
	for _, name := range module.Data {
		target := filepath.Join(dir, name)
		// What a build left that was ended here.
		if err := os.RemoveAll(target); err != nil {
			return err
		}
		if err := os.CopyFS(target, os.DirFS(filepath.Join(strings.TrimSpace(found), name))); err != nil {
			return err
		}
	}
	return nil
}

// runGo runs the go command in the module's folder and returns what it printed.
func (b builder) runGo(module Module, arguments ...string) (string, error) {
	command := exec.Command("go", arguments...)
	command.Dir = filepath.Join(b.source, module.Folder)
	cgo := "CGO_ENABLED=0"
	if module.CGO {
		cgo = "CGO_ENABLED=1"
	}
	// GOWORK and GOFLAGS of the user's own projects must not leak in.
	command.Env = append(os.Environ(), cgo, "GOWORK=off", "GOFLAGS=")
	var output, problems bytes.Buffer
	command.Stdout, command.Stderr = &output, &problems
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("go %s in %s: %w\n%s", arguments[0], command.Dir, err,
			lastLines(output.String()+problems.String(), 20))
	}
	return output.String(), nil
}

// linkAll makes one folder in which every program has its usual name.
func (b builder) linkAll(modules []Module, dirs []string, key string) (string, error) {
	bin := filepath.Join(b.cache, "bin-"+key)
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	for i, module := range modules {
		target, err := filepath.Rel(bin, filepath.Join(dirs[i], module.Name))
		if err != nil {
			return "", err
		}
		for _, name := range append([]string{module.Name}, module.Links...) {
			err := os.Symlink(target, filepath.Join(bin, name))
			if err != nil && !errors.Is(err, os.ErrExist) {
				return "", err
			}
		}
	}
	return bin, nil
}

// withLock runs work while no other process does so for the same folder.
func withLock(dir string, work func() error) error {
	lock, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	return work()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func lastLines(text string, count int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
