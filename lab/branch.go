package lab

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

// hidden is a block that no node knows of yet, as a place to build on.
type hidden struct {
	parent consensus.Ancestry
	block  *types.Block
	hash   types.Hash
	work   consensus.Work
	median int64
}

func hide(parent consensus.Ancestry, b *types.Block) *hidden {
	return &hidden{parent: parent, block: b, hash: b.Hash(), work: parent.Work().Add(consensus.WorkFromBits(b.Header.Bits)),
		median: consensus.MedianTimeAfter(parent, &b.Header)}
}

func (h *hidden) Height() int32        { return h.parent.Height() + 1 }
func (h *hidden) Hash() types.Hash     { return h.hash }
func (h *hidden) Header() types.Header { return h.block.Header }
func (h *hidden) Work() consensus.Work { return h.work }
func (h *hidden) MedianTime() int64    { return h.median }

func (h *hidden) Ancestor(height int32) consensus.Ancestry {
	switch own := h.Height(); {
	case height > own:
		return nil
	case height == own:
		return h
	}
	return h.parent.Ancestor(height)
}

// branch is a chain of blocks that is mined in secret, with all its work, and given to nodes when the one who mines it wants.
type branch struct {
	net    *Net
	tip    consensus.Ancestry
	blocks []*types.Block
	extra  uint64
}

// newBranch begins a branch after a block.
func (n *Net) newBranch(after consensus.Ancestry) *branch {
	return &branch{net: n, tip: after, extra: n.branches.Add(1) << 32}
}

// mine adds a block of transactions that pay fees, with a time of at least at.
func (b *branch) mine(ctx context.Context, txs []*types.Tx, fees int64, payTo []byte, at time.Time) error {
	b.extra++
	// A first part of its own keeps the branch's blocks different from those that the nodes mine with the same time.
	extra := append([]byte("lab"), binary.LittleEndian.AppendUint64(nil, b.extra)...)
	block := miner.BuildBlock(b.net.params, b.tip, txs, fees, payTo, extra, at)
	block, err := miner.Solve(ctx, block, miner.Options{Threads: 1, Share: 1, Clock: node.WallClock{}})
	if err != nil {
		return err
	}
	b.blocks = append(b.blocks, block)
	b.tip = hide(b.tip, block)
	return nil
}

// give hands the blocks from the i-th on to a node, as a peer would.
func (b *branch) give(ctx context.Context, nd *node.Node, from, to int) error {
	for _, block := range b.blocks[from:to] {
		b.net.watch.mined(block.Hash(), b.net.Now())
		if err := nd.SubmitBlock(ctx, block); err != nil {
			return err
		}
	}
	return nil
}

// offTx is a transaction in blocks that are taken off.
type offTx struct {
	tx    *types.Tx
	block int // which of the blocks, from the fork on
	fee   int64
	spent []consensus.Coin
}

// offBlocks reads the blocks of nd's chain above a height, and the transactions in them without coinbases.
func offBlocks(nd *node.Node, above int32) (blocks []*types.Block, txs []offTx, err error) {
	c := nd.Chain()
	tip := c.Tip()
	for h := above + 1; h <= tip.Height(); h++ {
		hash := tip.At(h).Hash()
		b, err := c.Block(hash)
		if err != nil {
			return nil, nil, err
		}
		undo, err := c.Undo(hash)
		if err != nil {
			return nil, nil, err
		}
		for i, tx := range b.Txs[1:] {
			t := offTx{tx: tx, block: len(blocks), spent: undo[i]}
			for _, coin := range undo[i] {
				t.fee += coin.Out.Value
			}
			for _, out := range tx.Out {
				t.fee -= out.Value
			}
			txs = append(txs, t)
		}
		blocks = append(blocks, b)
	}
	return blocks, slices.Clip(txs), nil
}
