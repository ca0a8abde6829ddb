package build

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"

	"committest.dev/dev/cluster/internal/image"
)

// PauseReference and CoreDNSReference name the images that a cluster itself
// needs. They are imported, never pulled.
const (
	PauseReference   = "committest.dev/pause:1"
	CoreDNSReference = "committest.dev/coredns:" + CoreDNSVersion
)

// Images are the archives to import into every node.
type Images []string

func (b builder) images(bin string) (Images, error) {
	var archives Images
	for _, spec := range []image.Spec{
		{Reference: PauseReference, Program: filepath.Join(bin, "pause"), User: "65535:65535"},
		{Reference: CoreDNSReference, Program: filepath.Join(bin, "coredns"), User: "65532:65532"},
	} {
		archive := spec.Program + ".tar"
		archives = append(archives, archive)
		if isFile(archive) {
			continue
		}
		temporary := archive + ".new"
		if err := image.Write(spec, temporary); err != nil {
			return nil, err
		}
		if err := os.Rename(temporary, archive); err != nil {
			return nil, err
		}
	}
	return archives, nil
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:12]
}
