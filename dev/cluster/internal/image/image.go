// Package image writes container images of one static program straight into an
// archive that containerd imports; no image builder is needed for that.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Spec describes an image whose only file is a static program.
type Spec struct {
	Reference string // full name with tag
	Program   string // file on this machine
	User      string // "uid:gid"
}

type config struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		User       string   `json:"User"`
		Entrypoint []string `json:"Entrypoint"`
		WorkingDir string   `json:"WorkingDir"`
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

type manifestEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Write makes the archive at path. The same program gives the same bytes.
func Write(spec Spec, path string) error {
	layer, err := layerOf(spec.Program)
	if err != nil {
		return err
	}
	settings := configOf(spec, digest(layer))
	settingsName := digest(settings) + ".json"
	manifest, err := json.Marshal([]manifestEntry{{
		Config: settingsName, RepoTags: []string{spec.Reference}, Layers: []string{"layer.tar"},
	}})
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	for _, file := range []struct {
		name string
		data []byte
	}{{"layer.tar", layer}, {settingsName, settings}, {"manifest.json", manifest}} {
		if err := addFile(writer, file.name, file.data, 0o644); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, archive.Bytes(), 0o644)
}

func configOf(spec Spec, layerDigest string) []byte {
	settings := config{Architecture: runtime.GOARCH, OS: "linux"}
	settings.Config.User = spec.User
	settings.Config.Entrypoint = []string{"/" + filepath.Base(spec.Program)}
	settings.Config.WorkingDir = "/"
	settings.RootFS.Type = "layers"
	settings.RootFS.DiffIDs = []string{"sha256:" + layerDigest}
	data, err := json.Marshal(settings)
	if err != nil {
		panic(fmt.Sprintf("a struct of strings always marshals: %v", err))
	}
	return data
}

func layerOf(program string) ([]byte, error) {
	data, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var layer bytes.Buffer
	writer := tar.NewWriter(&layer)
	if err := addFile(writer, filepath.Base(program), data, 0o755); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return layer.Bytes(), nil
}

func addFile(writer *tar.Writer, name string, data []byte, mode int64) error {
	header := &tar.Header{Name: name, Mode: mode, Size: int64(len(data)), ModTime: time.Unix(0, 0)}
	if err := writer.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(writer, bytes.NewReader(data))
	return err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
