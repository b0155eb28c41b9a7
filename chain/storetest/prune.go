package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// testDrop sees that dropped blocks are gone, that others are not, and that one can be put again.
func testDrop(t *testing.T, s chain.Store, reopen Reopen) {
	m := Maker{T: t, Params: Params()}
	nodes := m.Empty(m.Genesis(), 6)
	undo := consensus.Undo{{{Out: types.TxOut{Value: 5, Script: make([]byte, 3000)}, Height: 9}}}
	var hashes []types.Hash
	for _, n := range nodes {
		must(t, s.PutBlock(n.Hash(), n.Block.Bytes()))
		before, err := s.BlockBytes(n.Hash())
		must(t, err)
		must(t, s.PutUndo(n.Hash(), undo))
		after, err := s.BlockBytes(n.Hash())
		must(t, err)
		if size := int64(n.Block.Size()); before < size || before > size+64 || after < before+3000 || after > before+3100 {
			t.Fatalf("a block of %d bytes weighs %d, with undo %d", size, before, after)
		}
		hashes = append(hashes, n.Hash())
	}
	must(t, s.DropBlocks(nil))
	must(t, s.DropBlocks([]types.Hash{hashes[1], {7}, hashes[3]}))
	must(t, s.DropBlocks(hashes[3:4]))
	must(t, s.PutBlock(hashes[3], nodes[3].Block.Bytes()))
	for _, kill := range []bool{true, false} {
		for i, h := range hashes {
			_, err := s.Block(h)
			wantStored(t, err, i != 1)
			_, err = s.Undo(h)
			wantStored(t, err, i != 1 && i != 3)
		}
		if size, err := s.BlockBytes(hashes[1]); size != 0 || err != nil {
			t.Fatal(size, err)
		}
		s = reopen(t, s, kill)
	}
	must(t, s.Close())
}

// wantStored judges the error of a read.
func wantStored(t *testing.T, err error, stored bool) {
	t.Helper()
	if stored {
		must(t, err)
	} else if !errors.Is(err, chain.ErrNotStored) {
		t.Fatalf("it is still there: %v", err)
	}
}

// PruneStory returns blocks in the order of their arrival for a chain that PlayPruning prunes, and the block at which it ends.
//
//	genesis - a1 … a9 - a10(spends) - a11 … a14
//	                  \ b10 … b13 - b14 … b22(spends) …
func PruneStory(m *Maker) (steps []*consensustest.Node, final *consensustest.Node) {
	a := m.Empty(m.Genesis(), 9)
	coin := func(n *consensustest.Node) consensus.CoinEntry { return Output(n.Block.Txs[0], 0, n.Height(), true) }
	b := m.Empty(a[8], 12)
	b = append(b, m.Block(b[11], Spend(9, coin(a[0]), coin(a[4]))))
	b = append(b, m.Empty(b[12], 4)...)
	a = append(a, m.Block(a[8], Spend(5, coin(a[0]), coin(a[1]))))
	a = append(a, m.Empty(a[9], 4)...)
	steps = append(append(steps, a...), b...)
	return steps, b[len(b)-1]
}

// PruneConfig is Config for a chain that keeps six blocks.
func PruneConfig(p *consensus.Params, s chain.Store) chain.Config {
	cfg := Config(p, s)
	cfg.KeepBlocks = 6
	return cfg
}

// PlayPruning opens a chain on s, adds the steps and prunes all that it may after each third, until something fails.
func PlayPruning(s chain.Store, p *consensus.Params, steps []*consensustest.Node) error {
	cfg := PruneConfig(p, s)
	cfg.FlushBlocks = 4
	c, err := chain.Open(context.Background(), cfg)
	if err != nil {
		return err
	}
	for i, n := range steps {
		if _, err := c.AddBlock(n.Block); err != nil {
			return err
		}
		if i%3 == 2 {
			if _, err := c.Prune(n.Height()); err != nil {
				return err
			}
		}
	}
	return c.Close()
}

// testPruneCrash stops at every fifth write of a run that prunes.
func testPruneCrash(t *testing.T, open func(t *testing.T) chain.Store, reopen Reopen) {
	m := Maker{T: t, Params: Params()}
	steps, final := PruneStory(&m)
	for n := 0; ; n += 5 {
		s := open(t)
		err := PlayPruning(NewFaulty(s, n), m.Params, steps)
		if err != nil && !errors.Is(err, ErrKilled) {
			t.Fatal(err)
		}
		s = reopen(t, s, true)
		c := Open(t, PruneConfig(m.Params, s))
		Add(t, c, steps...)
		AgreePruned(t, c, s, final)
		must(t, c.Close())
		if err == nil {
			if n < 80 {
				t.Fatalf("the story has only %d writes", n)
			}
			return
		}
	}
}

// AgreePruned fails the test unless c, which has pruned, is at the block with the right coins, and the store holds exactly the blocks that it
// should.
func AgreePruned(t consensustest.T, c *chain.Chain, s chain.Store, want *consensustest.Node) {
	t.Helper()
	info, err := c.SetInfo(context.Background())
	if err != nil || info.Hash != want.Hash() || info.MuHash != Digest(Replay(want)) {
		t.Fatalf("tip %s at %d, coins %s, %v", info.Hash, info.Height, info.MuHash, err)
	}
	for h := int32(1); h <= want.Height(); h++ {
		n := c.AtHeight(h)
		block, berr := s.HasBlock(n.Hash())
		undo, uerr := s.HasUndo(n.Hash())
		if berr != nil || uerr != nil || block != undo || block != n.HaveBlock() || block == n.Pruned() || n.Pruned() != (h <= c.PruneHeight()) || !n.Linked() {
			t.Fatalf("height %d: stored %v %v, %v %v, pruned up to %d", h, block, undo, n.HaveBlock(), n.Pruned(), c.PruneHeight())
		}
	}
	if err := c.Verify(context.Background(), 0, nil); err != nil {
		t.Fatalf("verify: %v", err)
	}
}
