package badgerdb_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/badgerdb"
	"github.com/cairn-chain/cairn/chain/storetest"
)

func open(t *testing.T, dir string) *badgerdb.Store {
	t.Helper()
	s, err := badgerdb.Open(dir, badgerdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	dirs := map[chain.Store]string{}
	storetest.Run(t,
		func(t *testing.T) chain.Store {
			dir := t.TempDir()
			s := open(t, dir)
			dirs[s] = dir
			return s
		},
		func(t *testing.T, s chain.Store, kill bool) chain.Store {
			dir := dirs[s]
			if kill { // what a killed process leaves: the files as they are, and no lock
				copied := t.TempDir()
				copyDir(t, copied, dir)
				dir = copied
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			n := open(t, dir)
			dirs[n] = dir
			return n
		})
}

func TestKV(t *testing.T) {
	dir := t.TempDir()
	openKV := func() chain.KV {
		kv, err := badgerdb.OpenKV(dir, badgerdb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return kv
	}
	storetest.RunKV(t, openKV(), func(kv chain.KV) chain.KV {
		if err := kv.Close(); err != nil {
			t.Fatal(err)
		}
		return openKV()
	})
}

func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := badgerdb.Open(dir, badgerdb.Options{})
	if err == nil || !strings.Contains(err.Error(), "in use by another process") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("the second one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOtherFormat(t *testing.T) {
	for _, found := range []string{"7", "0"} {
		dir := t.TempDir()
		if err := open(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "format"), []byte(found+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := badgerdb.Open(dir, badgerdb.Options{})
		var f *chain.FormatError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), "format "+found) || !strings.Contains(err.Error(), "format 1") {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "chainstate"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := badgerdb.Open(dir, badgerdb.Options{}); err == nil {
		t.Fatal("a chain without a format was opened")
	}
}

func TestOtherNetwork(t *testing.T) {
	dir := t.TempDir()
	p := storetest.Params()
	if err := storetest.Open(t, storetest.Config(p, open(t, dir))).Close(); err != nil {
		t.Fatal(err)
	}
	m := storetest.Maker{T: t, Params: p}
	other := *p
	other.Name = "other"
	other.Genesis = m.Block(m.Genesis()).Block
	_, err := chain.Open(t.Context(), storetest.Config(&other, open(t, dir)))
	if err == nil || !strings.Contains(err.Error(), "another network") {
		t.Fatal(err)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "cairn")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	s, err := badgerdb.Open(dir, badgerdb.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Close())
	// Output: <nil>
}
