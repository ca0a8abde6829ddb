package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func writeImage(t *testing.T) (archive string, program []byte) {
	t.Helper()
	dir := t.TempDir()
	program = []byte("#!static program\n")
	spec := Spec{Reference: "committest.dev/pause:1", Program: filepath.Join(dir, "pause"), User: "65535:65535"}
	if err := os.WriteFile(spec.Program, program, 0o755); err != nil {
		t.Fatal(err)
	}
	archive = filepath.Join(dir, "pause.tar")
	if err := Write(spec, archive); err != nil {
		t.Fatal(err)
	}
	return archive, program
}

func readTar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for reader := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := reader.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
}

func TestArchiveLinksManifestConfigAndLayer(t *testing.T) {
	path, program := writeImage(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := readTar(t, data)
	var manifest []manifestEntry
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil || len(manifest) != 1 {
		t.Fatalf("manifest.json = %s, %v", files["manifest.json"], err)
	}
	if got := manifest[0].RepoTags; len(got) != 1 || got[0] != "committest.dev/pause:1" {
		t.Errorf("RepoTags = %v", got)
	}
	var settings config
	if err := json.Unmarshal(files[manifest[0].Config], &settings); err != nil {
		t.Fatalf("config: %v", err)
	}
	layer := files[manifest[0].Layers[0]]
	if got, want := settings.RootFS.DiffIDs[0], "sha256:"+digest(layer); got != want {
		t.Errorf("DiffIDs = %s, want %s", got, want)
	}
	if settings.Config.Entrypoint[0] != "/pause" || settings.Config.User != "65535:65535" {
		t.Errorf("config = %+v", settings.Config)
	}
	if got := readTar(t, layer)["pause"]; !bytes.Equal(got, program) {
		t.Errorf("program in the layer = %q", got)
	}
}

func TestTheSameProgramGivesTheSameBytes(t *testing.T) {
	one, _ := writeImage(t)
	two, _ := writeImage(t)
	first, _ := os.ReadFile(one)
	second, _ := os.ReadFile(two)
	if len(first) == 0 || !bytes.Equal(first, second) {
		t.Error("two archives of one program differ")
	}
}

func TestAMissingProgramIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := Write(Spec{Program: filepath.Join(dir, "absent")}, filepath.Join(dir, "x.tar")); err == nil {
		t.Error("an image of nothing was written")
	}
}
