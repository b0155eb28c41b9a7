package badgerdb_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/badgerdb"
	"github.com/cairn-chain/cairn/chain/storetest"
)

// A store is copied while it is open, right after so many writes that Badger makes and merges tables; each copy opens as if the store had been
// stopped there, and the store goes on.
func TestCopyWhileOpen(t *testing.T) {
	dir, copies := t.TempDir(), t.TempDir()
	kv, err := badgerdb.OpenKV(dir, badgerdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kv.Close()
	value := make([]byte, 700)
	for round := range 12 {
		for piece := range 8 {
			var pairs []chain.Pair
			for i := range 60 {
				pairs = append(pairs, chain.Pair{Key: fmt.Appendf(nil, "k%d-%d", piece, i), Value: append(fmt.Appendf(nil, "%d-", round), value[:round*60]...)},
					chain.Pair{Key: fmt.Appendf(nil, "large%d-%d", round, i), Value: append(value, value...)})
			}
			for _, p := range pairs {
				if err := kv.Write([]chain.Pair{p}); err != nil {
					t.Fatal(err)
				}
			}
		}
		to := filepath.Join(copies, fmt.Sprint(round))
		if err := kv.CopyTo(to); err != nil {
			t.Fatal(err)
		}
		again, err := badgerdb.OpenKV(to, badgerdb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := pairsIn(t, again), pairsIn(t, kv); got != want || want.count != 480+60*(round+1) {
			t.Fatalf("round %d: the copy has %+v, the original %+v", round, got, want)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

type sum struct{ count, bytes, digest int }

func pairsIn(t *testing.T, kv *badgerdb.KV) (s sum) {
	t.Helper()
	err := kv.Iterate(nil, nil, func(key, value []byte) error {
		s.count, s.bytes = s.count+1, s.bytes+len(key)+len(value)
		for i, b := range append(key, value...) {
			s.digest = s.digest*31 + int(b)*(i+1)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A chain's copy has been stopped cleanly; the chain it was taken from has not, and goes on.
func TestCopyIsClean(t *testing.T) {
	live, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	m := &storetest.Maker{T: t, Params: storetest.Params()}
	steps, _ := storetest.Story(m)
	c := storetest.Open(t, storetest.Config(m.Params, open(t, live)))
	half := len(steps) / 2
	storetest.Add(t, c, steps[:half]...)
	tip := c.Tip().Hash()
	if err := c.CopyTo(to); err != nil {
		t.Fatal(err)
	}
	if err := c.CopyTo(to); !errors.Is(err, os.ErrExist) {
		t.Errorf("onto a copy: %v", err)
	}
	storetest.Add(t, c, steps[half:]...)
	if err := c.Abandon(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(live, "clean")); err == nil {
		t.Error("a killed store looks stopped cleanly")
	}
	s := open(t, to)
	meta, err := s.Load(t.Context(), func(chain.IndexEntry) error { return nil })
	if err != nil || !meta.Clean || meta.Record.Block != tip {
		t.Errorf("the copy: %+v, %v", meta, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := storetest.Open(t, storetest.Config(m.Params, open(t, to)))
	if again.Tip().Hash() != tip {
		t.Errorf("the copy is at %s, not %s", again.Tip().Hash(), tip)
	}
	storetest.Add(t, again, steps[half:]...)
	if again.Tip().Hash() != c.Tip().Hash() {
		t.Error("the copy goes another way")
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// Only names that Badger gives lead to files, and none of them leads elsewhere.
func TestIsFile(t *testing.T) {
	for name, want := range map[string]bool{
		"000001.sst": true, "00001.mem": true, "000012.vlog": true, "MANIFEST": true, "KEYREGISTRY": true, "DISCARD": true,
		"LOCK": false, "": false, ".": false, "..": false, "../00001.mem": false, "0001.mem": false, "00001.mem/x": false, "0000a.sst": false,
		"000001.sst.sst": false, "MANIFEST-REWRITE": false, "00001.": false, "../MANIFEST": false, "000001.txt": false,
	} {
		if badgerdb.IsFile(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
