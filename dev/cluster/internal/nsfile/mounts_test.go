package nsfile

import (
	"slices"
	"testing"
)

const mountinfo = `27 1 254:0 / / rw - ext4 /dev/vda rw
40 27 254:0 /x /state/a/ns rw - ext4 /dev/vda rw
41 40 0:4 net:[1] /state/a/ns/net rw - nsfs nsfs rw
42 27 0:4 net:[2] /state/ab/ns/net rw - nsfs nsfs rw
43 27 0:9 / /state/a/with\040blank rw - tmpfs tmpfs rw
`

func TestPointsBelowTakesNoNeighbour(t *testing.T) {
	got := pointsBelow(mountinfo, "/state/a")
	want := []string{"/state/a/ns", "/state/a/ns/net", "/state/a/with blank"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnOrdinaryFileKeepsNoNamespace(t *testing.T) {
	if Exists("/proc/self/mountinfo") || Exists("/absent") {
		t.Error("taken for a namespace")
	}
	if !Exists("/proc/self/ns/net") {
		t.Error("a namespace is not recognised")
	}
}
