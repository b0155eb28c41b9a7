package badgerdb_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/cairn-chain/cairn/chain/badgerdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// heavy returns n blocks of a bit over size bytes each, on parent.
func heavy(m *storetest.Maker, parent *consensustest.Node, n, size int) (blocks []*consensustest.Node) {
	for range n {
		b := m.Draft(parent)
		data := append([]byte{0x6a}, bytes.Repeat([]byte{byte(n)}, size)...)
		b.Txs[0].Out = append(b.Txs[0].Out, types.TxOut{Script: data})
		parent = m.Finish(parent, b)
		blocks = append(blocks, parent)
	}
	return blocks
}

// The disk really shrinks: 60 MB of blocks are written, and after the target is passed no more than that and two log files are in use, also
// after a restart.
func TestPruneShrinksTheDisk(t *testing.T) {
	const target, file, size = 16 << 20, 2 << 20, 400_000
	dir := t.TempDir()
	opt := badgerdb.Options{BlockFileBytes: file}
	s, err := badgerdb.Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	m := &storetest.Maker{T: t, Params: storetest.Params()}
	cfg := storetest.PruneConfig(m.Params, s)
	cfg.PruneTarget = target
	c := storetest.Open(t, cfg)
	tip, most, sum := m.Genesis(), int64(0), 0
	for range 15 {
		blocks := heavy(m, tip, 10, size)
		tip = blocks[9]
		storetest.Add(t, c, blocks...)
		used, err := s.Size()
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, used.Blocks)
		sum += 10 * size
	}
	// Pruning goes in steps of 64 blocks.
	if limit := int64(target + 64*size + 2*file); most > limit || c.PruneHeight() < 60 {
		t.Fatalf("%d bytes of blocks take %d on disk, more than %d; pruned up to %d", sum, most, limit, c.PruneHeight())
	}
	if last, err := c.Prune(tip.Height()); err != nil || last != tip.Height()-6 {
		t.Fatal(last, err)
	}
	for _, when := range []string{"at once", "after a restart"} {
		used, err := s.Size()
		if limit := int64(6*size + 3*file); err != nil || used.Blocks > limit {
			t.Fatalf("%s: six blocks take %d bytes on disk, more than %d, %v", when, used.Blocks, limit, err)
		}
		t.Logf("%s: %d bytes of blocks were written, at most %d were on disk, %d are", when, sum, most, used.Blocks)
		storetest.AgreePruned(t, c, s, tip)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = badgerdb.Open(dir, opt); err != nil {
			t.Fatal(err)
		}
		cfg.Store = s
		c = storetest.Open(t, cfg)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// Bad input 27, while blocks are pruned, with a real process and a real SIGKILL before and after writes, the dropping of blocks among them.
func TestKill9WhilePruning(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := storetest.Maker{T: t, Params: storetest.Params()}
	steps, final := storetest.PruneStory(&m)
	for n := 2; n < 120; n += 9 {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^$")
		cmd.Env = append(os.Environ(), victimDir+"="+dir, victimWrite+"="+strconv.Itoa(n), victimPrunes+"=1")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("write %d: the process ended by itself: %v\n%s", n, err, out)
		}
		s := open(t, dir)
		c := storetest.Open(t, storetest.PruneConfig(m.Params, s))
		storetest.Add(t, c, steps...)
		storetest.AgreePruned(t, c, s, final)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
