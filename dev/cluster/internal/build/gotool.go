package build

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// minimumGo is the release whose language and toolchain the modules need.
const minimumGo = 24

var goRelease = regexp.MustCompile(`^go1\.(\d+)`)

func checkGo() error {
	out, err := exec.Command("go", "env", "GOVERSION").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("go is missing; install Go 1.%d or newer and put it on PATH", minimumGo)
	}
	if err != nil {
		return fmt.Errorf("go env GOVERSION: %w", err)
	}
	return checkGoVersion(strings.TrimSpace(string(out)))
}

func checkGoVersion(version string) error {
	match := goRelease.FindStringSubmatch(version)
	if match == nil {
		return nil // a development build; the compiler itself will say what it lacks
	}
	if minor, err := strconv.Atoi(match[1]); err != nil || minor < minimumGo {
		return fmt.Errorf("%s is too old; install Go 1.%d or newer", version, minimumGo)
	}
	return nil
}
