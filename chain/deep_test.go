package chain_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

const deep = 1088

// branch makes n blocks that each spend the coinbase two before, into several outputs.
func branch(m *storetest.Maker, from *consensustest.Node, n int) (nodes []*consensustest.Node) {
	for range n {
		var txs []*types.Tx
		if p := from.Parent; p != nil && p.Parent != nil {
			txs = append(txs, storetest.Spend(10, coinbase(p)))
		}
		from = m.Block(from, txs...)
		nodes = append(nodes, from)
	}
	return nodes
}

// Bad input 15: 1,088 blocks off and 1,089 on, and back, gives the same coin set; each block is read once a move, and the
// cache stays within its bound.
func TestDeepReorg(t *testing.T) {
	f := newFixture(t)
	a := branch(f.Maker, f.root, deep)
	b := branch(f.Maker, f.root, deep+1)
	f.add(a...)
	before, err := f.c.SetInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.add(b...)
	storetest.Agree(t, f.c, last(b))
	if r, ok := f.c.LastReorg(); !ok || len(r.Off) != deep || len(r.On) != deep+1 {
		t.Fatalf("off %d, on %d", len(r.Off), len(r.On))
	}
	if err := f.c.Invalidate(b[0].Hash()); err != nil {
		t.Fatal(err)
	}
	after, err := f.c.SetInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if before.MuHash != after.MuHash || before.HashSerialized != after.HashSerialized || before.Hash != after.Hash {
		t.Fatal("there and back is not the identity")
	}
	if s := f.c.CacheStats(); s.Bytes > s.Limit {
		t.Fatalf("the cache has %d bytes of %d", s.Bytes, s.Limit)
	}
}

// counting counts reads of blocks and undo data.
type counting struct {
	chain.Store
	reads int
	cache func() int
	most  int
}

func (s *counting) Block(h types.Hash) (*types.Block, error) {
	s.reads++
	s.most = max(s.most, s.cache())
	return s.Store.Block(h)
}

func (s *counting) Undo(h types.Hash) (consensus.Undo, error) {
	s.reads++
	return s.Store.Undo(h)
}

// A reorganization reads what it takes off and what it puts on, once. One that outgrows the cache is published in parts
// and still ends where it should, or where it began.
func TestReorgReadsDepth(t *testing.T) {
	m := storetest.Maker{T: t, Params: storetest.Params()}
	trunk := branch(&m, m.Genesis(), 300)
	fork := trunk[199]
	b := branch(&m, fork, 101)
	wide := func(from *consensustest.Node, n int) (nodes []*consensustest.Node) { // 700 coins a block: more than 1 MiB in all
		for range n {
			nodes = append(nodes, m.Block(from, storetest.Spend(700, coinbase(from.Parent))))
			from = last(nodes)
		}
		return nodes
	}
	w := wide(trunk[299], 40)
	s := &counting{Store: memdb.New(), cache: func() int { return 0 }}
	cfg := storetest.Config(m.Params, s)
	cfg.CacheBytes = chain.MinCacheBytes
	c := storetest.Open(t, cfg)
	s.cache = func() int { return c.CacheStats().Bytes }
	storetest.Add(t, c, trunk...)
	storetest.Add(t, c, b[:100]...)
	s.reads = 0
	storetest.Add(t, c, b[100])
	storetest.Agree(t, c, b[100])
	if s.reads > 100*2+101 {
		t.Fatalf("%d reads for 100 blocks off and 101 on", s.reads)
	}
	storetest.Add(t, c, w...)
	storetest.Agree(t, c, last(w))
	bad := branch(&m, b[100], 36)
	bad = append(bad, m.Block(last(bad), badScript(coinbase(fork))))
	bad = append(bad, m.Empty(last(bad), 10)...)
	for _, n := range bad {
		_, err := c.AddBlock(n.Block)
		if k := consensus.KindOf(err); err != nil && k != consensus.BadPrevBlk && k != consensus.PrevBlkNotFound {
			t.Fatal(err)
		}
	}
	storetest.Agree(t, c, last(w))
	if err := c.Invalidate(w[0].Hash()); err != nil {
		t.Fatal(err)
	}
	if err := c.Reconsider(w[0].Hash()); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, c, last(w))
	if limit := cfg.CacheBytes * 2; s.most > limit {
		t.Fatalf("the cache grew to %d bytes", s.most)
	}
}

// Readers on other goroutines see only published tips, whole, while the owner reorganizes.
func TestReadersDuringReorgs(t *testing.T) {
	f := newFixture(t)
	a, b := branch(f.Maker, f.root, 60), branch(f.Maker, f.root, 61)
	sets := map[types.Hash]types.Hash{f.root.Hash(): storetest.Digest(storetest.Replay(f.root))}
	for _, n := range append(append([]*consensustest.Node(nil), a...), b...) {
		sets[n.Hash()] = storetest.Digest(storetest.Replay(n))
	}
	stop := make(chan struct{})
	errs := make(chan error, 2)
	again(stop, errs, func() error {
		info, err := f.c.SetInfo(t.Context())
		if err == nil && sets[info.Hash] != info.MuHash {
			err = errors.New("a coin set that belongs to no tip")
		}
		return err
	})
	op := coinbase(a[58]).OutPoint // never spent; there exactly while a59 is on the best chain
	again(stop, errs, func() error {
		coins, tip, err := f.c.CoinsAt([]types.OutPoint{op})
		if _, ok := coins[op]; err == nil && ok != (tip.At(59) != nil && tip.At(59).Hash() == a[58].Hash()) {
			err = errors.New("coins that do not belong to the tip")
		}
		runtime.Gosched()
		return err
	})
	f.add(a...)
	f.add(b...)
	for range 5 {
		if err := errors.Join(f.c.Invalidate(b[0].Hash()), f.c.Flush(), f.c.Reconsider(b[0].Hash()), f.c.Flush()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	storetest.Agree(t, f.c, last(b))
}

// again starts a goroutine that does something until stop is closed or it fails, and reports how it ended.
func again(stop chan struct{}, errs chan error, do func() error) {
	go func() {
		for {
			select {
			case <-stop:
				errs <- nil
				return
			default:
			}
			if err := do(); err != nil {
				errs <- err
				return
			}
		}
	}()
}

// The tree finds ancestors and forks as a walk along parents does.
func TestAncestors(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 400)
	b := f.Empty(a[122], 300)
	if _, err := f.c.AddHeaders(append(headers(a), headers(b)...)); err != nil {
		t.Fatal(err)
	}
	tip := f.c.Lookup(b[299].Hash())
	n := tip
	for h := tip.Height(); h >= 0; h-- {
		if tip.At(h) != n || tip.Ancestor(h).Hash() != n.Hash() {
			t.Fatalf("ancestor at %d", h)
		}
		n = n.Parent()
	}
	if tip.Ancestor(-1) != nil || tip.Ancestor(tip.Height()+1) != nil || n != nil {
		t.Fatal("ancestors outside of the chain")
	}
	if len(f.c.Tips()) != 3 { // genesis is the active tip, with no block above it connected
		t.Fatalf("%d tips", len(f.c.Tips()))
	}
}
