// Package consensustest builds small chains of real blocks in memory for tests: it mines them at the
// network's own target, tracks the coins of every block, and lets a test fork anywhere.
//
// It is for tests only: it keeps everything, and it fails the test rather than return an error. It runs no
// scripts; set PayTo to KeyLock and spend with Signed if they are to be run elsewhere, since a bare
// OP_TRUE is not a form that every script runner knows.
//
// Start reading at NewChain.
package consensustest

import (
	"maps"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// T is what this package needs of a *testing.T, *testing.B or *rapid.T.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
}

// AnyoneCanSpend is a script that any input satisfies (OP_TRUE). It is valid and not standard.
var AnyoneCanSpend = []byte{0x51}

// Node is one block of a Chain and its place in the tree. It implements consensus.Ancestry.
type Node struct {
	Block  *types.Block
	Parent *Node // nil for genesis
	// Update is what connecting the block did; Checks are the scripts that it left to run.
	Update consensus.Update
	Checks []script.Check

	height     int32
	work       consensus.Work
	medianTime int64
	skip       *Node
}

// NewNode hangs a block under parent without judging it. A nil parent makes it a root of height 0.
func NewNode(parent *Node, b *types.Block) *Node {
	n := &Node{Block: b, Parent: parent, work: consensus.WorkFromBits(b.Header.Bits)}
	if parent == nil {
		n.medianTime = consensus.MedianTimeAfter(nil, &b.Header)
		return n
	}
	n.height = parent.height + 1
	n.work = parent.work.Add(n.work)
	n.medianTime = consensus.MedianTimeAfter(parent, &b.Header)
	n.skip = parent.ancestor(consensus.SkipHeight(n.height))
	return n
}

// Height returns the number of blocks before this one.
func (n *Node) Height() int32 { return n.height }

// Hash returns the block's hash.
func (n *Node) Hash() types.Hash { return n.Block.Hash() }

// Header returns a copy of the block's header.
func (n *Node) Header() types.Header { return n.Block.Header }

// Work returns the sum of all work up to this block.
func (n *Node) Work() consensus.Work { return n.work }

// MedianTime returns the median time past.
func (n *Node) MedianTime() int64 { return n.medianTime }

// Ancestor returns the block at height h on the way back, or nil.
func (n *Node) Ancestor(h int32) consensus.Ancestry {
	if a := n.ancestor(h); a != nil {
		return a
	}
	return nil
}

func (n *Node) ancestor(h int32) *Node {
	if h < 0 || h > n.height {
		return nil
	}
	for n.height > h {
		if n.skip != nil && consensus.UseSkip(n.height, h) {
			n = n.skip
		} else {
			n = n.Parent
		}
	}
	return n
}

// Chain is a tree of blocks with the coins at each. Its zero value is not usable; see NewChain.
type Chain struct {
	Params *consensus.Params
	// PayTo locks the coinbases of Mine and Extend: AnyoneCanSpend unless it is changed.
	PayTo []byte

	t     T
	tip   *Node
	nodes map[types.Hash]*Node
	coins map[types.Hash]consensus.Coins // the whole coin set after each block
}

// NewChain starts at the genesis of params.
func NewChain(t T, params *consensus.Params) *Chain {
	t.Helper()
	u, _, err := consensus.Connect(params, nil, params.Genesis, nil)
	if err != nil {
		t.Fatalf("connect genesis: %v", err)
	}
	root := NewNode(nil, params.Genesis)
	root.Update = u
	return &Chain{
		Params: params, PayTo: AnyoneCanSpend, t: t, tip: root,
		nodes: map[types.Hash]*Node{root.Hash(): root},
		coins: map[types.Hash]consensus.Coins{root.Hash(): {}},
	}
}

// Tip returns the block that Mine builds on: the last one that was added.
func (c *Chain) Tip() *Node { return c.tip }

// SetTip makes Mine build on n, for forks.
func (c *Chain) SetTip(n *Node) { c.tip = n }

// Lookup returns the block with that hash, or nil.
func (c *Chain) Lookup(h types.Hash) *Node { return c.nodes[h] }

// CoinsAt returns a copy of all coins after block n.
func (c *Chain) CoinsAt(n *Node) consensus.Coins { return maps.Clone(c.coins[n.Hash()]) }

// Supplement returns what Connect needs of the coins after block parent to judge b.
func (c *Chain) Supplement(parent *Node, b *types.Block) consensus.Coins {
	have, need := c.coins[parent.Hash()], consensus.Coins{}
	for _, op := range consensus.NeededOutpoints(c.Params, parent, b) {
		if coin, ok := have[op]; ok {
			need[op] = coin
		}
	}
	return need
}

// Mine extends the tip with a block of those transactions, whose fees go to the coinbase, and returns it.
func (c *Chain) Mine(txs ...*types.Tx) *Node {
	c.t.Helper()
	return c.Extend(c.tip, txs...)
}

// MineEmpty extends the tip with n blocks without transactions and returns the last.
func (c *Chain) MineEmpty(n int) *Node {
	c.t.Helper()
	for range n {
		c.Mine()
	}
	return c.tip
}

// Extend builds, mines and adds a valid block on parent and makes it the tip.
func (c *Chain) Extend(parent *Node, txs ...*types.Tx) *Node {
	c.t.Helper()
	b := c.Build(parent, c.PayTo, txs...)
	Solve(b)
	n, err := c.Add(b)
	if err != nil {
		c.t.Fatalf("block %d: %v", parent.height+1, err)
	}
	return n
}

// Build returns an unsolved block on parent that pays subsidy and fees to lock. Its time is the parent's plus the
// target spacing, or the median time plus one if that is later. Blocks of siblings differ, since the coinbase
// counts the blocks of the chain.
func (c *Chain) Build(parent *Node, lock []byte, txs ...*types.Tx) *types.Block {
	c.t.Helper()
	height := parent.height + 1
	b := &types.Block{Header: types.Header{
		Version:  0x20000000,
		PrevHash: parent.Hash(),
		Time:     uint32(max(int64(parent.Block.Header.Time)+c.Params.TargetSpacing, parent.medianTime+1)),
		Bits:     consensus.NextBits(c.Params, parent),
	}}
	extra := script.PushInt(int64(len(c.nodes)))
	coinbase := &types.Tx{
		Version: 2,
		In:      []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: consensus.CoinbaseScript(height, extra), Sequence: 0xffffffff}},
		Out:     []types.TxOut{{Value: c.Params.SubsidyAt(height) + c.fees(parent, txs), Script: lock}},
	}
	b.Txs = append([]*types.Tx{coinbase}, txs...)
	if height >= c.Params.SegwitHeight {
		consensus.CommitWitness(b)
	} else {
		consensus.SetMerkleRoot(b)
	}
	return b
}

// fees sums what txs leave over; inputs that do not exist count as nothing.
func (c *Chain) fees(parent *Node, txs []*types.Tx) (sum int64) {
	made := map[types.OutPoint]int64{}
	for _, tx := range txs {
		for _, in := range tx.In {
			if v, ok := made[in.PrevOut]; ok {
				sum += v
			} else {
				sum += c.coins[parent.Hash()][in.PrevOut].Out.Value
			}
		}
		for i, out := range tx.Out {
			sum -= out.Value
			made[types.OutPoint{TxID: tx.ID(), Index: uint32(i)}] = out.Value
		}
	}
	return max(sum, 0)
}

// Add judges a block with all the rules but scripts and, if it is valid, adds it and makes it the tip. A block whose
// parent is unknown is refused with prev-blk-not-found.
func (c *Chain) Add(b *types.Block) (*Node, error) {
	parent := c.nodes[b.Header.PrevHash]
	if parent == nil {
		return nil, consensus.Reject(consensus.PrevBlkNotFound, "")
	}
	now := time.Unix(int64(b.Header.Time), 0)
	if err := consensus.CheckHeader(c.Params, parent, &b.Header, now); err != nil {
		return nil, err
	}
	if err := consensus.CheckBlock(c.Params, b); err != nil {
		return nil, err
	}
	u, checks, err := consensus.Connect(c.Params, parent, b, c.Supplement(parent, b))
	if err != nil {
		return nil, err
	}
	n := NewNode(parent, b)
	n.Update, n.Checks = u, checks
	after := maps.Clone(c.coins[parent.Hash()])
	ApplyUpdate(after, &u)
	c.nodes[n.Hash()], c.coins[n.Hash()] = n, after
	c.tip = n
	return n, nil
}

// ApplyUpdate follows an update in its direction on a whole coin set.
func ApplyUpdate(coins consensus.Coins, u *consensus.Update) {
	in, out := u.Created, u.Spent
	if !u.Connected {
		in, out = out, in
	}
	for _, e := range out {
		delete(coins, e.OutPoint)
	}
	for _, e := range in {
		coins[e.OutPoint] = e.Coin
	}
}

// Spend returns a transaction that spends the first output of n's coinbase, to an AnyoneCanSpend output and, if it is
// not zero, a fee.
func (n *Node) Spend(fee int64) *types.Tx {
	coinbase := n.Block.Txs[0]
	return SpendTx(fee, CoinEntry(coinbase, 0))
}

// CoinEntry names output i of tx, with its value and lock; height and coinbase flag are left zero.
func CoinEntry(tx *types.Tx, i int) consensus.CoinEntry {
	return consensus.CoinEntry{
		OutPoint: types.OutPoint{TxID: tx.ID(), Index: uint32(i)},
		Coin:     consensus.Coin{Out: tx.Out[i]},
	}
}

// SpendTx returns a transaction that spends all coins into one AnyoneCanSpend output, less the fee. It carries a
// second output of OP_RETURN that keeps it over 64 bytes.
func SpendTx(fee int64, coins ...consensus.CoinEntry) *types.Tx {
	tx := &types.Tx{Version: 2}
	var sum int64
	for _, c := range coins {
		tx.In = append(tx.In, types.TxIn{PrevOut: c.OutPoint, Sequence: 0xfffffffd})
		sum += c.Coin.Out.Value
	}
	tx.Out = []types.TxOut{{Value: sum - fee, Script: AnyoneCanSpend}, {Script: []byte{0x6a, 0x02, 'o', 'k'}}}
	return tx
}

// Solve counts the nonce up until the hash meets the header's own target. The hash must not have been asked for
// before. It tries all nonces, then moves the time on.
func Solve(b *types.Block) {
	target, ok := consensus.TargetFromBits(b.Header.Bits)
	if !ok {
		panic("consensustest: a block whose bits are no target cannot be solved")
	}
	for !consensus.MeetsTarget(b.Header.Hash(), target) {
		if b.Header.Nonce++; b.Header.Nonce == 0 {
			b.Header.Time++
		}
	}
}

// Unsolve counts the nonce up until the hash does not meet the target.
func Unsolve(b *types.Block) {
	target, _ := consensus.TargetFromBits(b.Header.Bits)
	for consensus.MeetsTarget(b.Header.Hash(), target) {
		b.Header.Nonce++
	}
}
