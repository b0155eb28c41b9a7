package badgerdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/badgerdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// The environment that makes the test binary play the story on a directory and kill itself at a write.
const (
	victimDir   = "CAIRN_TEST_VICTIM_DIR"
	victimWrite = "CAIRN_TEST_VICTIM_WRITE"
	// victimPrunes, if set, makes it the story that prunes.
	victimPrunes = "CAIRN_TEST_VICTIM_PRUNES"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		fmt.Println(victim(dir, os.Getenv(victimWrite)))
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// killer is a store whose process dies at a write, after it was handed to the database or before.
type killer struct {
	chain.Store
	left int
}

func (k *killer) step(write func() error) error {
	if k.left--; k.left == 0 {
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	err := write()
	if k.left == 1 && err == nil { // odd numbers die right after a write, even ones right before the next
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return err
}

func (k *killer) PutBlock(h types.Hash, raw []byte) error {
	return k.step(func() error { return k.Store.PutBlock(h, raw) })
}

func (k *killer) PutUndo(h types.Hash, u consensus.Undo) error {
	return k.step(func() error { return k.Store.PutUndo(h, u) })
}

func (k *killer) DropBlocks(hashes []types.Hash) error {
	return k.step(func() error { return k.Store.DropBlocks(hashes) })
}

func (k *killer) Commit(b *chain.Batch) error {
	return k.step(func() error { return k.Store.Commit(b) })
}

func (k *killer) Second() chain.CoinSet { return killerSet{k.Store.Second(), k} }

type killerSet struct {
	chain.CoinSet
	k *killer
}

func (s killerSet) Commit(b *chain.Batch) error {
	return s.k.step(func() error { return s.CoinSet.Commit(b) })
}

func (killerSet) Limits() (int, int) { return 6, 100_000 }

// Limits makes every flush go in pieces.
func (k *killer) Limits() (int, int) { return 6, 100_000 }

func victim(dir, write string) error {
	n, err := strconv.Atoi(write)
	if err != nil {
		return err
	}
	s, err := badgerdb.Open(dir, badgerdb.Options{})
	if err != nil {
		return err
	}
	m := storetest.Maker{T: quiet{}, Params: storetest.Params()}
	if os.Getenv(victimPrunes) != "" {
		steps, _ := storetest.PruneStory(&m)
		return storetest.PlayPruning(&killer{s, n}, m.Params, steps)
	}
	steps, _ := storetest.Story(&m)
	return storetest.Play(&killer{s, n}, m.Params, steps)
}

type quiet struct{}

func (quiet) Helper()                           {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Bad input 27, with a real process and a real SIGKILL: the directory opens again and everything is as if it had lived.
func TestKill9(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := storetest.Maker{T: t, Params: storetest.Params()}
	steps, final := storetest.Story(&m)
	for n := 2; n < 90; n += 8 {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^$")
		cmd.Env = append(os.Environ(), victimDir+"="+dir, victimWrite+"="+strconv.Itoa(n))
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("write %d: the process ended by itself: %v\n%s", n, err, out)
		}
		c := storetest.Open(t, storetest.Config(m.Params, open(t, dir)))
		storetest.Add(t, c, steps...)
		storetest.Agree(t, c, final)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// played is a directory after the story, killed or stopped cleanly.
func played(t *testing.T, clean bool) (dir string, m *storetest.Maker, steps []*consensustest.Node, final *consensustest.Node) {
	t.Helper()
	live := t.TempDir()
	m = &storetest.Maker{T: t, Params: storetest.Params()}
	steps, final = storetest.Story(m)
	cfg := storetest.Config(m.Params, open(t, live))
	cfg.FlushBlocks = 5
	c := storetest.Open(t, cfg)
	storetest.Add(t, c, steps...)
	dir = t.TempDir()
	if !clean {
		copyDir(t, dir, live)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if clean {
		dir = live
	}
	return dir, m, steps, final
}

// files lists what is in a data directory, with the bytes that are used of each.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			name, rerr := filepath.Rel(dir, path)
			names = append(names, name)
			return rerr
		}
		return err
	})
	if err != nil || len(names) < 8 {
		t.Fatalf("%q %v", names, err)
	}
	return names
}

// head returns the bytes of a file up to where it is only zeros, and its size. Log files are mostly holes of many megabytes.
func head(t *testing.T, name string) (raw []byte, size int64) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	raw = make([]byte, min(info.Size(), 4<<20)) // what the tests write is shorter
	if _, err := io.ReadFull(f, raw); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimRight(raw, "\x00"), info.Size()
}

// copyDir copies a data directory, holes as holes.
func copyDir(t *testing.T, to, from string) {
	t.Helper()
	for _, name := range files(t, from) {
		raw, size := head(t, filepath.Join(from, name))
		target := filepath.Join(to, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o700), os.WriteFile(target, raw, 0o600), os.Truncate(target, size)); err != nil {
			t.Fatal(err)
		}
	}
}

// Bad input 28: whatever byte is flipped and wherever a file is cut, the directory is refused with one line that names it, or
// it opens and, once what is missing was fetched again, has the right coins. It never has wrong ones.
func TestDamagedFiles(t *testing.T) {
	for _, clean := range []bool{false, true} {
		dir, m, steps, final := played(t, clean)
		refused, mended := 0, 0
		for _, name := range files(t, dir) {
			whole, _ := head(t, filepath.Join(dir, name))
			n := len(whole)
			damages := [][]byte{whole[:n/2]}
			for _, at := range []int{n / 3, n - 30, n - 1} {
				if at >= 0 && at < n {
					raw := slices.Clone(whole)
					raw[at] ^= 0x10
					damages = append(damages, raw)
				}
			}
			for i, raw := range damages {
				if survive(t, dir, name, raw, m, steps, final, fmt.Sprintf("clean %v, %s, damage %d", clean, name, i)) {
					mended++
				} else {
					refused++
				}
			}
		}
		t.Logf("clean %v: %d refused, %d mended", clean, refused, mended)
		if refused == 0 || mended == 0 {
			t.Fatal("the test does not damage anything")
		}
	}
}

// survive opens a copy of dir in which one file is replaced. It returns false if that was refused.
func survive(t *testing.T, dir, name string, raw []byte, m *storetest.Maker, steps []*consensustest.Node, final *consensustest.Node, what string) bool {
	t.Helper()
	broken := filepath.Join(t.TempDir(), "data")
	copyDir(t, broken, dir)
	if err := os.WriteFile(filepath.Join(broken, name), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	refuse := func(err error) bool {
		if strings.Contains(err.Error(), "\n") || consensus.KindOf(err) != "" || !strings.Contains(err.Error(), broken) {
			t.Errorf("%s: an unclear message: %v", what, err)
		}
		return false
	}
	s, err := badgerdb.Open(broken, badgerdb.Options{})
	if err != nil {
		return refuse(err)
	}
	c, err := chain.Open(t.Context(), storetest.Config(m.Params, s))
	if err != nil {
		return refuse(err)
	}
	for _, n := range steps {
		if _, err := c.AddBlock(n.Block); err != nil {
			t.Errorf("%s: block %d: %v", what, n.Height(), err)
		}
	}
	info, err := c.SetInfo(t.Context())
	if err != nil || info.Hash != final.Hash() || info.MuHash != storetest.Digest(storetest.Replay(final)) {
		t.Errorf("%s: tip %s, coins %s, %v", what, info.Hash, info.MuHash, err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("%s: close: %v", what, err)
	}
	return true
}

// The state can be made anew from the blocks alone: its folder may be moved away.
func TestWithoutState(t *testing.T) {
	dir, m, _, final := played(t, true)
	if err := os.RemoveAll(filepath.Join(dir, "chainstate")); err != nil {
		t.Fatal(err)
	}
	c := storetest.Open(t, storetest.Config(m.Params, open(t, dir)))
	storetest.Agree(t, c, final)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// A data directory has no absolute path in it.
func TestMoved(t *testing.T) {
	dir, m, _, final := played(t, true)
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	c := storetest.Open(t, storetest.Config(m.Params, open(t, moved)))
	storetest.Agree(t, c, final)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
