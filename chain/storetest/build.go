// Package storetest holds what the tests of the chain and of its stores share: blocks made without a coin set, a coin set made without
// the chain, a store that fails at a chosen write, and the conformance test that every chain.Store and chain.KV must pass.
//
// It is for tests only.
//
// Start reading at Run.
package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Lock is the output script of the tests, a taproot output whose key nobody needs: the signatures are judged by Toy.
var Lock = append([]byte{0x51, 0x20}, bytes.Repeat([]byte{0x11}, 32)...)

// Toy is a script.Verifier for which a signature is good if it begins with 1.
type Toy struct{}

// ECDSA implements script.Verifier.
func (Toy) ECDSA(_ *[32]byte, sig, _ []byte) bool { return len(sig) > 0 && sig[0] == 1 }

// Schnorr implements script.Verifier.
func (Toy) Schnorr(_ *[32]byte, sig *[64]byte, _ *[32]byte) bool { return sig[0] == 1 }

// Batch implements script.Verifier.
func (Toy) Batch(checks []script.SigCheck) int {
	return slices.IndexFunc(checks, func(c script.SigCheck) bool { return len(c.Sig) == 0 || c.Sig[0] != 1 })
}

// Signature returns a witness whose signature Toy finds good or bad.
func Signature(good bool) [][]byte {
	sig := make([]byte, 64)
	if good {
		sig[0] = 1
	}
	return [][]byte{sig}
}

// Params returns regtest's rules with a coinbase maturity of 2, so that tests can spend soon.
func Params() *consensus.Params {
	p := consensus.Regtest()
	p.CoinbaseMaturity = 2
	return p
}

// Now is the clock of the tests: a fixed moment, years after regtest's genesis.
func Now() time.Time { return time.Unix(1_735_689_600, 0) }

// Config returns a Config for store with two workers.
func Config(p *consensus.Params, store chain.Store) chain.Config {
	return chain.Config{
		Params: p, Store: store, Now: Now, Workers: 2, CacheBytes: 4 << 20,
		Verify: &script.Runner{Verifier: Toy{}},
	}
}

// Open opens a chain on store or fails the test.
func Open(t consensustest.T, cfg chain.Config) *chain.Chain {
	t.Helper()
	c, err := chain.Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return c
}

// Maker makes blocks anywhere in a tree. It knows no coins: whether transactions spend what exists is the caller's business, and fees are left
// unclaimed.
type Maker struct {
	T      consensustest.T
	Params *consensus.Params
	made   int64
}

// Genesis returns the root.
func (m *Maker) Genesis() *consensustest.Node { return consensustest.NewNode(nil, m.Params.Genesis) }

// Block returns a solved block on parent; no two are the same.
func (m *Maker) Block(parent *consensustest.Node, txs ...*types.Tx) *consensustest.Node {
	return m.Finish(parent, m.Draft(parent, txs...))
}

// Draft returns a block on parent that is complete but for its commitment, merkle root and nonce.
func (m *Maker) Draft(parent *consensustest.Node, txs ...*types.Tx) *types.Block {
	m.made++
	height := parent.Height() + 1
	head := parent.Header()
	coinbase := &types.Tx{
		Version: 2,
		In:      []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: consensus.CoinbaseScript(height, script.PushInt(m.made+1000)), Sequence: 0xffffffff}},
		Out:     []types.TxOut{{Value: m.Params.SubsidyAt(height), Script: Lock}},
	}
	return &types.Block{
		Header: types.Header{
			Version: 0x20000000, PrevHash: parent.Hash(), Bits: consensus.NextBits(m.Params, parent),
			Time: uint32(max(int64(head.Time)+1, parent.MedianTime()+1)),
		},
		Txs: append([]*types.Tx{coinbase}, txs...),
	}
}

// Finish commits to the witnesses and solves a draft.
func (m *Maker) Finish(parent *consensustest.Node, b *types.Block) *consensustest.Node {
	consensus.CommitWitness(b)
	consensustest.Solve(b)
	return consensustest.NewNode(parent, b)
}

// Empty returns n blocks one on the other, the first on parent.
func (m *Maker) Empty(parent *consensustest.Node, n int) []*consensustest.Node {
	var nodes []*consensustest.Node
	for range n {
		parent = m.Block(parent)
		nodes = append(nodes, parent)
	}
	return nodes
}

// Spend returns a transaction that spends coins into outs equal outputs, with good signatures. Their value must be enough
// for one unit each.
func Spend(outs int, coins ...consensus.CoinEntry) *types.Tx {
	tx := &types.Tx{Version: 2}
	var sum int64
	for _, c := range coins {
		tx.In = append(tx.In, types.TxIn{PrevOut: c.OutPoint, Sequence: 0xfffffffd, Witness: Signature(true)})
		sum += c.Coin.Out.Value
	}
	for range outs {
		tx.Out = append(tx.Out, types.TxOut{Value: sum / int64(outs), Script: Lock})
	}
	return tx
}

// Output names output i of tx as a coin made at that height.
func Output(tx *types.Tx, i int, height int32, coinbase bool) consensus.CoinEntry {
	return consensus.CoinEntry{
		OutPoint: types.OutPoint{TxID: tx.ID(), Index: uint32(i)},
		Coin:     consensus.Coin{Out: tx.Out[i], Height: height, Coinbase: coinbase},
	}
}

// Replay is the dumb twin of a coin set: the blocks from genesis to n, applied one by one to a map.
func Replay(n *consensustest.Node) consensus.Coins {
	var branch []*consensustest.Node
	for ; n.Parent != nil; n = n.Parent {
		branch = append(branch, n)
	}
	coins := consensus.Coins{}
	for i := len(branch) - 1; i >= 0; i-- {
		for j, tx := range branch[i].Block.Txs {
			if j > 0 {
				for _, in := range tx.In {
					if _, ok := coins[in.PrevOut]; !ok {
						panic("the twin does not have " + in.PrevOut.String())
					}
					delete(coins, in.PrevOut)
				}
			}
			for k, out := range tx.Out {
				if len(out.Script) > 0 && out.Script[0] == 0x6a {
					continue
				}
				e := Output(tx, k, branch[i].Height(), j == 0)
				coins[e.OutPoint] = e.Coin
			}
		}
	}
	return coins
}

// Digest returns the MuHash of a coin set.
func Digest(coins consensus.Coins) types.Hash {
	var h consensus.CoinSetHash
	for op, coin := range coins {
		h.Add(op, coin)
	}
	return h.Digest()
}

// Agree fails unless the chain's tip is n and its coin set is the twin's.
func Agree(t consensustest.T, c *chain.Chain, n *consensustest.Node) {
	t.Helper()
	if c.Tip().Hash() != n.Hash() {
		t.Fatalf("the tip is %d %s, want %d %s", c.Tip().Height(), c.Tip().Hash(), n.Height(), n.Hash())
	}
	info, err := c.SetInfo(context.Background())
	if err != nil {
		t.Fatalf("set info: %v", err)
	}
	want := Replay(n)
	if info.Coins != uint64(len(want)) || info.MuHash != Digest(want) || info.Hash != n.Hash() {
		t.Fatalf("the coin set at %d has %d coins and hash %s, want %d and %s", n.Height(), info.Coins, info.MuHash, len(want), Digest(want))
	}
}

// Add adds blocks that must be accepted.
func Add(t consensustest.T, c *chain.Chain, nodes ...*consensustest.Node) {
	t.Helper()
	for _, n := range nodes {
		if _, err := c.AddBlock(n.Block); err != nil {
			t.Fatalf("block %d: %v", n.Height(), err)
		}
	}
}

// Want fails unless err is a RuleError of that kind.
func Want(t consensustest.T, err error, kind consensus.Kind) {
	t.Helper()
	if consensus.KindOf(err) != kind {
		t.Fatalf("got %s, want %s", describe(err), kind)
	}
}

func describe(err error) string {
	if err == nil {
		return "no error"
	}
	return fmt.Sprintf("%q", err.Error())
}
