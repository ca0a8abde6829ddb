package proc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestParseStat(t *testing.T) {
	numbers := strings.Repeat("1 ", 18) // fields 4 to 21
	for _, row := range []struct {
		name, line string
		start      uint64
		state      byte
		wantErr    bool
	}{
		{"plain name", "7 (etcd) S " + numbers + "4711 9", 4711, 'S', false},
		{"name with blanks and parentheses", "7 (a) b (c)) T " + numbers + "12 9", 12, 'T', false},
		{"cut off", "7 (etcd) S 1 2", 0, 0, true},
		{"empty", "", 0, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			start, state, err := parseStat(row.line)
			if (err != nil) != row.wantErr {
				t.Fatalf("error = %v, want error %v", err, row.wantErr)
			}
			if start != row.start || state != row.state {
				t.Errorf("got %d %c, want %d %c", start, state, row.start, row.state)
			}
		})
	}
}

func self(t *testing.T) Record {
	t.Helper()
	record, err := Identify(os.Getpid(), []string{"me"})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func TestAliveKnowsTheProcessItself(t *testing.T) {
	if !self(t).Alive() {
		t.Error("a running process counts as gone")
	}
}

func TestAStrangerWithARecycledPIDIsNeverSignalled(t *testing.T) {
	for name, change := range map[string]func(*Record){
		"started at another time": func(r *Record) { r.Start++ },
		"started in another boot": func(r *Record) { r.Boot = "another" },
		"pid of nobody":           func(r *Record) { r.PID = 0 },
		"pid of everybody":        func(r *Record) { r.PID = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			record := self(t)
			change(&record)
			// SIGKILL would end this test if the record were taken for ours.
			if err := record.Signal(syscall.SIGKILL); !errors.Is(err, ErrGone) {
				t.Errorf("Signal = %v, want ErrGone", err)
			}
		})
	}
}

func TestSaveAndLoadRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etcd.json")
	want := self(t)
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil || got.PID != want.PID || got.Start != want.Start || got.Boot != want.Boot {
		t.Errorf("Load = %+v, %v, want %+v", got, err, want)
	}
}

func TestLoadTakesADamagedRecordForAProcessThatIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etcd.json")
	if err := os.WriteFile(path, []byte(`{"pid": 1`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + ".absent"} {
		if _, err := Load(file); !errors.Is(err, ErrGone) {
			t.Errorf("Load(%s) = %v, want ErrGone", file, err)
		}
	}
}
