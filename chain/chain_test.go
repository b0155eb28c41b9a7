package chain_test

import (
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// fixture is a chain in memory and a maker of blocks for it.
type fixture struct {
	*storetest.Maker
	t     *testing.T
	store *memdb.Store
	c     *chain.Chain
	root  *consensustest.Node
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	p := storetest.Params()
	store := memdb.New()
	f := &fixture{Maker: &storetest.Maker{T: t, Params: p}, t: t, store: store}
	f.c = storetest.Open(t, storetest.Config(p, store))
	f.root = f.Genesis()
	return f
}

func (f *fixture) add(nodes ...*consensustest.Node) { storetest.Add(f.t, f.c, nodes...) }

func last(nodes []*consensustest.Node) *consensustest.Node { return nodes[len(nodes)-1] }

func TestGenesis(t *testing.T) {
	f := newFixture(t)
	storetest.Agree(t, f.c, f.root)
	if f.c.Genesis() != f.c.Tip() || f.c.BestHeader() != f.c.Tip() || f.c.AtHeight(0) != f.c.Tip() || f.c.AtHeight(1) != nil {
		t.Fatal("genesis is not the whole chain")
	}
	b, err := f.c.Block(f.root.Hash())
	if err != nil || b.Hash() != f.root.Hash() {
		t.Fatalf("genesis: %v", err)
	}
	if raw, err := f.c.RawBlock(f.root.Hash()); err != nil || len(raw) != b.Size() {
		t.Fatalf("raw genesis: %d bytes, %v", len(raw), err)
	}
}

// coinbase returns the coin that a block's coinbase made.
func coinbase(n *consensustest.Node) consensus.CoinEntry {
	return storetest.Output(n.Block.Txs[0], 0, n.Height(), true)
}

// genesis - a1 - a2 - a3 - a4(spends a1, a2; one spent again within the block)
func TestConnect(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 3)
	f.add(a...)
	split := storetest.Spend(3, coinbase(a[0]))
	again := storetest.Spend(1, storetest.Output(split, 0, 4, false))
	a4 := f.Block(a[2], split, again)
	f.add(a4)
	storetest.Agree(t, f.c, a4)
	if known, err := f.c.AddBlock(a4.Block); !known || err != nil {
		t.Fatalf("again: %v %v", known, err)
	}
	coins, err := f.c.Coins([]types.OutPoint{coinbase(a[0]).OutPoint, coinbase(a[1]).OutPoint, storetest.Output(split, 1, 0, false).OutPoint})
	if err != nil || len(coins) != 2 {
		t.Fatalf("%d coins, %v", len(coins), err)
	}
	if err := f.c.Verify(t.Context(), 0, nil); err != nil {
		t.Fatal(err)
	}
}

// genesis - a1 - a2 - a3
//
//	\ b1 - b2 - b3 - b4      equal work keeps a3; b4 wins; invalidating b2 brings a3 back
func TestReorg(t *testing.T) {
	f := newFixture(t)
	a, b := f.Empty(f.root, 3), f.Empty(f.root, 4)
	f.add(a...)
	f.add(b[:3]...)
	storetest.Agree(t, f.c, a[2])
	if got := f.c.Lookup(b[2].Hash()).Status(); got != "valid-headers" {
		t.Fatalf("status %s", got)
	}
	bell, cancel := f.c.Subscribe()
	defer cancel()
	pos := f.c.Tip().Position()
	f.add(b[3])
	storetest.Agree(t, f.c, b[3])
	rang(t, bell)
	updates, err := f.c.UpdatesSince(pos, 100)
	if err != nil || len(updates) != 7 {
		t.Fatalf("%d updates, %v", len(updates), err)
	}
	for i, u := range updates {
		if u.Connected != (i >= 3) {
			t.Fatalf("update %d connects: %v", i, u.Connected)
		}
	}
	wantReorg(t, f.c, a[2], b[0])
	if err := f.c.Invalidate(b[1].Hash()); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, f.c, a[2])
	if got := f.c.Lookup(b[3].Hash()).Status(); got != "invalid" {
		t.Fatalf("status %s", got)
	}
	if f.c.BestHeader().Hash() != a[2].Hash() {
		t.Fatal("the best header is invalid")
	}
	if err := f.c.Reconsider(b[1].Hash()); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, f.c, b[3])
}

func rang(t *testing.T, bell <-chan struct{}) {
	t.Helper()
	select {
	case <-bell:
	default:
		t.Fatal("the bell did not ring")
	}
}

// wantReorg fails unless the last reorganization took off three blocks from off on and put on four from on on, at genesis.
func wantReorg(t *testing.T, c *chain.Chain, off, on *consensustest.Node) {
	t.Helper()
	r, ok := c.LastReorg()
	if !ok || r.ForkHeight != 0 || len(r.Off) != 3 || len(r.On) != 4 || r.Off[0] != off.Hash() || r.On[0] != on.Hash() {
		t.Fatalf("reorg %+v", r)
	}
}
