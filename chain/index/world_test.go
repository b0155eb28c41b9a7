package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// kinds are the indexes under test, by the function that opens them.
var kinds = []func(chain.KV) (*Follower, error){
	func(kv chain.KV) (*Follower, error) {
		x, err := OpenTx(kv)
		if err != nil {
			return nil, err
		}
		return x.Follower, nil
	},
	func(kv chain.KV) (*Follower, error) {
		x, err := OpenSpent(kv)
		if err != nil {
			return nil, err
		}
		return x.Follower, nil
	},
	func(kv chain.KV) (*Follower, error) {
		x, err := OpenScript(kv)
		if err != nil {
			return nil, err
		}
		return x.Follower, nil
	},
}

// world is a chain and the blocks that were made for it.
type world struct {
	storetest.Maker
	t     consensustest.T
	store *memdb.Store
	c     *chain.Chain
	nodes []*consensustest.Node
}

func newWorld(t consensustest.T) *world {
	w := &world{Maker: storetest.Maker{T: t, Params: storetest.Params()}, t: t, store: memdb.New()}
	w.c = storetest.Open(t, storetest.Config(w.Params, w.store))
	w.nodes = []*consensustest.Node{w.Genesis()}
	return w
}

func (w *world) add(nodes ...*consensustest.Node) {
	storetest.Add(w.t, w.c, nodes...)
	w.nodes = append(w.nodes, nodes...)
}

// tip returns the node that the chain stands at.
func (w *world) tip() *consensustest.Node {
	i := slices.IndexFunc(w.nodes, func(n *consensustest.Node) bool { return n.Hash() == w.c.Tip().Hash() })
	return w.nodes[i]
}

// blocks is Blocks of the world's chain.
func (w *world) blocks(tip chain.Position, height int32) (types.Hash, []byte, error) {
	n := w.c.Lookup(tip.Hash)
	if n == nil || n.Ancestor(height) == nil {
		return types.Hash{}, nil, errors.New("no such block")
	}
	hash := n.Ancestor(height).Hash()
	raw, err := w.c.RawBlock(hash)
	return hash, raw, err
}

// dump returns all pairs under a prefix.
func dump(t consensustest.T, kv chain.KV, prefix string) map[string]string {
	t.Helper()
	all := map[string]string{}
	if err := kv.Iterate([]byte(prefix), nil, func(k, v []byte) error { all[string(k)] = string(v); return nil }); err != nil {
		t.Fatalf("%v", err)
	}
	return all
}

// agree fails unless f holds what an index that was just built from the chain holds.
func (w *world) agree(f *Follower, open func(chain.KV) (*Follower, error)) {
	w.t.Helper()
	if f.Position() != w.c.Tip().Position() || !f.CaughtUp() {
		w.t.Fatalf("%s stands at %v", f.Name(), f.Position())
	}
	kv := memdb.NewKV()
	fresh, err := open(kv)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	if err := fresh.Sync(context.Background(), w.c, nil); err != nil {
		w.t.Fatalf("%v", err)
	}
	got, want := dump(w.t, f.kv, f.kind.Prefix), dump(w.t, kv, f.kind.Prefix)
	for k, v := range want {
		if g, ok := got[k]; !ok || g != v {
			w.t.Fatalf("%s: entry %x is %x, want %x", f.Name(), k, g, v)
		}
	}
	if len(got) != len(want) || f.Entries() != uint64(len(want)) || f.st.sum != fresh.st.sum {
		w.t.Fatalf("%s has %d entries and counts %d, want %d", f.Name(), len(got), f.Entries(), len(want))
	}
}

// branch returns the blocks from genesis to n.
func branch(n *consensustest.Node) (list []*consensustest.Node) {
	for ; n != nil; n = n.Parent {
		list = append(list, n)
	}
	slices.Reverse(list)
	return list
}

// checkTx compares the transaction index with the blocks.
func (w *world) checkTx(x *Tx) {
	w.t.Helper()
	on := map[types.Hash]bool{}
	for _, n := range branch(w.tip())[1:] {
		for i, tx := range n.Block.Txs {
			on[tx.ID()] = true
			p, err := x.Find(tx.ID(), w.blocks)
			if err != nil || p.Block != n.Hash() || p.Height != n.Height() || p.Index != i || p.Tx.WitnessID() != tx.WitnessID() {
				w.t.Fatalf("transaction %d of block %d: %+v, %v", i, n.Height(), p, err)
			}
		}
	}
	for _, n := range w.nodes {
		for _, tx := range n.Block.Txs {
			if _, err := x.Find(tx.ID(), w.blocks); !on[tx.ID()] && !errors.Is(err, ErrNotFound) {
				w.t.Fatalf("a transaction that is not on the chain: %v", err)
			}
		}
	}
}

// checkSpent compares the spent-output index with the blocks.
func (w *world) checkSpent(x *Spent) {
	w.t.Helper()
	for _, n := range branch(w.tip())[1:] {
		for j, tx := range n.Block.Txs[1:] {
			for i := range tx.In {
				s, err := x.Find(tx.In[i].PrevOut, w.blocks)
				if err != nil || s.Block != n.Hash() || s.Index != j+1 || s.Input != i || s.Tx.ID() != tx.ID() {
					w.t.Fatalf("input %d of %s: %+v, %v", i, tx.ID(), s, err)
				}
			}
		}
	}
	for op := range storetest.Replay(w.tip()) {
		if _, err := x.Find(op, w.blocks); !errors.Is(err, ErrNotFound) {
			w.t.Fatalf("unspent %s: %v", op, err)
		}
	}
}

// history is the dumb twin: a walk over all blocks.
func history(tip *consensustest.Node, lock []byte) (events []Event) {
	coins := consensus.Coins{}
	for _, n := range branch(tip)[1:] {
		for i, tx := range n.Block.Txs {
			e := Event{Height: n.Height(), Index: i, TxID: tx.ID()}
			for _, in := range tx.In {
				if c, ok := coins[in.PrevOut]; ok && bytes.Equal(c.Out.Script, lock) {
					e.Spending, e.Sent = true, e.Sent+c.Out.Value
				}
			}
			for k, out := range tx.Out {
				coins[types.OutPoint{TxID: tx.ID(), Index: uint32(k)}] = consensus.Coin{Out: out}
				if bytes.Equal(out.Script, lock) {
					e.Funding, e.Received = true, e.Received+out.Value
				}
			}
			if e.Funding || e.Spending {
				events = append(events, e)
			}
		}
	}
	return events
}

// checkScript compares the script-hash index with the blocks, in pages of three.
func (w *world) checkScript(x *Script, locks ...[]byte) {
	w.t.Helper()
	all := storetest.Replay(w.tip())
	for _, lock := range locks {
		var events []Event
		for height, index := int32(0), 0; ; {
			page, at, err := x.History(lock, height, index, 3)
			if err != nil || at != w.c.Tip().Position() {
				w.t.Fatalf("%v at %v", err, at)
			}
			if events = append(events, page...); len(page) < 3 {
				break
			}
			height, index = page[2].Height, page[2].Index+1
		}
		if want := history(w.tip(), lock); !slices.Equal(events, want) {
			w.t.Fatalf("history of %x:\n%+v\nwant\n%+v", lock, events, want)
		}
		var sum Balance
		var after *Coin
		for {
			page, _, err := x.Coins(lock, after, 3)
			if err != nil {
				w.t.Fatalf("%v", err)
			}
			for _, c := range page {
				if have, ok := all[c.OutPoint]; !ok || !bytes.Equal(have.Out.Script, lock) || have.Out.Value != c.Value || have.Height != c.Height || have.Coinbase != c.Coinbase {
					w.t.Fatalf("coin %+v", c)
				}
				sum.Coins++
				sum.Value += c.Value
				if c.Coinbase {
					sum.Coinbase += c.Value
				}
			}
			if len(page) < 3 {
				break
			}
			after = &page[2]
		}
		var want Balance
		for _, c := range all {
			if bytes.Equal(c.Out.Script, lock) {
				want.Coins++
				want.Value += c.Out.Value
				if c.Coinbase {
					want.Coinbase += c.Out.Value
				}
			}
		}
		got, _, err := x.Balance(lock)
		if err != nil || got != want || sum != want {
			w.t.Fatalf("balance of %x: %+v, from coins %+v, want %+v, %v", lock, got, sum, want, err)
		}
	}
}

// killed is a KV of a process that dies at a chosen write: this and all later ones fail.
type killed struct {
	chain.KV
	left int
}

func (k *killed) Write(pairs []chain.Pair) error {
	if k.left--; k.left < 0 {
		return storetest.ErrKilled
	}
	return k.KV.Write(pairs)
}

// payTo returns a transaction that spends coins into one output a lock.
func payTo(value int64, locks [][]byte, coins ...consensus.CoinEntry) *types.Tx {
	tx := storetest.Spend(1, coins...)
	for i := range tx.In {
		if !bytes.Equal(coins[i].Coin.Out.Script, storetest.Lock) {
			tx.In[i].Witness = nil // a bare number: true by itself
		}
	}
	tx.Out = nil
	for _, l := range locks {
		tx.Out = append(tx.Out, types.TxOut{Value: value, Script: l})
	}
	return tx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatal(fmt.Errorf("got %w, want %w", err, target))
	}
}
