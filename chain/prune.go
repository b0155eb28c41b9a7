package chain

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cairn-chain/cairn/types"
)

// Pruning removes blocks and undo data that nobody needs any more, so that a node of a long chain fits on a small disk. Headers and coins
// stay; nothing of what is valid changes.
//
// The rules:
//   - The last KeepBlocks blocks of the best chain stay, whatever the target, because a reorganization has to take them off, and
//     because peers may ask for them (BIP159).
//   - A block stays as long as somebody who follows the chain still needs it: an index that lags says so with KeepFrom.
//   - A block stays until the coins after it are in the store: a start after a crash connects the blocks above the last record again.
//   - Blocks go in the order of their height, those of side branches with those of the best chain. One of the best chain is marked
//     StatusPruned and counts as known for ever. One of a side branch counts as never had, so that it can be fetched again should
//     its branch grow.
//   - The mark is durable before the block goes. A process that is killed in between leaves blocks behind; the start after it
//     removes them. The other order would leave an index that promises blocks which are not there.
//
// What cannot be done any more afterwards: the coins cannot be made anew from what is stored. If that becomes necessary, all blocks are
// fetched again, as by a new node. A branch that leaves the best chain below the pruned height stops the chain; the next start begins anew,
// too. It would have to have more work than the last KeepBlocks blocks.
//
// Complexity: a run looks at the blocks that it removes and at the ends of side branches.

// KeepBlocks is how many blocks below the tip are never pruned, unless Config says otherwise.
const KeepBlocks = 288

const (
	pruneStep  = 64  // pruning to a target waits until so many blocks may go, since each run costs a flush
	pruneBatch = 256 // blocks that are marked and removed at once
)

// pruning is the owner's, but for height.
type pruning struct {
	height atomic.Int32 // of the highest block of the best chain that was pruned; 0: none
	bytes  int64        // of blocks and undo data that are stored; only counted with a PruneTarget

	mu   sync.Mutex
	keep []func() int32
}

// PruneHeight is the height of the last block of the best chain that was pruned, 0 if none was.
func (c *Chain) PruneHeight() int32 { return c.pruning.height.Load() }

// KeepFrom registers somebody who follows the chain at his own pace: lowest returns the height of the lowest block that he still needs. It
// is called by the owner goroutine, again and again, and must return at once. To be registered before the first block is added.
func (c *Chain) KeepFrom(lowest func() int32) {
	c.pruning.mu.Lock()
	defer c.pruning.mu.Unlock()
	c.pruning.keep = append(c.pruning.keep, lowest)
}

// Prune removes all blocks up to a height, as far as the rules above allow, and returns the new PruneHeight. It is for the owner.
func (c *Chain) Prune(upTo int32) (int32, error) {
	if err := c.begin(); err != nil {
		return 0, err
	}
	if upTo = min(upTo, c.pruneLimit()); upTo > c.PruneHeight() {
		if err := c.prune(upTo, func() bool { return false }); err != nil {
			return 0, err
		}
	}
	return c.PruneHeight(), nil
}

// pruneLimit is the height up to which blocks may go.
func (c *Chain) pruneLimit() int32 {
	limit := c.Tip().height - c.cfg.KeepBlocks
	c.pruning.mu.Lock()
	keep := c.pruning.keep
	c.pruning.mu.Unlock()
	if h := c.history.Load(); h != nil {
		limit = min(limit, h.chain.flushed.Height)
	}
	for _, lowest := range keep {
		limit = min(limit, lowest()-1)
	}
	return limit
}

// pruneToTarget prunes if more is stored than wanted, down to nine tenths of it.
func (c *Chain) pruneToTarget() error {
	target := c.cfg.PruneTarget
	if c.starting || target <= 0 || c.pruning.bytes <= target {
		return nil
	}
	limit := c.pruneLimit()
	if limit < c.PruneHeight()+pruneStep {
		return nil
	}
	return c.prune(limit, func() bool { return c.pruning.bytes <= target/10*9 })
}

// prune removes blocks up to a height, lowest first, until it is enough.
func (c *Chain) prune(upTo int32, enough func() bool) error {
	defer c.phase("prune")()
	if err := c.flush(); err != nil {
		return err
	}
	from := c.PruneHeight()
	side := c.sideBlocks(upTo)
	for h := from + 1; h <= upTo && !enough(); {
		batch := c.pruneBatch(&h, upTo, &side)
		if err := c.dropBlocks(batch); err != nil {
			return c.fail(fmt.Errorf("pruning blocks: %w", err))
		}
	}
	c.log.Info("blocks pruned", "from", from+1, "to", c.PruneHeight(), "bytes", c.pruning.bytes)
	return nil
}

// pruneBatch gathers the next blocks from height h on, and moves h past them.
func (c *Chain) pruneBatch(h *int32, upTo int32, side *[]*Node) (batch []*Node) {
	for ; *h <= upTo && len(batch) < pruneBatch; *h++ {
		if n := c.AtHeight(*h); n.has(StatusBlock | StatusUndo) {
			batch = append(batch, n)
		}
		for len(*side) > 0 && (*side)[0].height <= *h {
			batch = append(batch, (*side)[0])
			*side = (*side)[1:]
		}
	}
	return batch
}

// sideBlocks returns what is stored off the best chain up to a height, lower ones first.
func (c *Chain) sideBlocks(upTo int32) (side []*Node) {
	seen := map[*Node]bool{}
	for _, leaf := range c.tree.leafList() {
		for n := leaf.at(min(leaf.height, upTo)); !n.Active() && !seen[n]; n = n.parent {
			seen[n] = true
			if n.has(StatusBlock | StatusUndo) {
				side = append(side, n)
			}
		}
	}
	sortNodes(side)
	return side
}

// dropBlocks marks blocks, makes that durable and removes them.
func (c *Chain) dropBlocks(nodes []*Node) error {
	hashes := make([]types.Hash, len(nodes))
	var bytes int64
	for i, n := range nodes {
		size, err := c.store.BlockBytes(n.hash)
		if err != nil {
			return err
		}
		bytes += size
		hashes[i] = n.hash
		c.markPruned(n)
	}
	if err := c.writeIndex(); err != nil {
		return err
	}
	record := c.flushed // writing it again syncs
	if err := c.set().Commit(&Batch{Record: &record}); err != nil {
		return err
	}
	c.pruning.bytes -= bytes
	return c.store.DropBlocks(hashes)
}

func (c *Chain) markPruned(n *Node) {
	c.touch(n)
	if !n.Active() {
		n.clear(StatusBlock | StatusUndo)
		c.tree.unlink(n)
		return
	}
	n.set(StatusPruned)
	n.clear(StatusBlock | StatusUndo)
	c.pruning.height.Store(max(c.pruning.height.Load(), n.height))
}

// dropLeftover removes what a killed process has left of a pruned block.
func (c *Chain) dropLeftover(n *Node) error {
	size, err := c.store.BlockBytes(n.hash)
	if err != nil || size == 0 {
		return err
	}
	return c.store.DropBlocks([]types.Hash{n.hash})
}

// forgetPruned makes pruned blocks count as never had, for a chain that has to begin anew.
func (c *Chain) forgetPruned() {
	var lowest *Node
	count := 0
	for _, n := range c.tree.all() {
		if n.parent == nil || !n.Pruned() {
			continue
		}
		n.clear(StatusPruned)
		c.touch(n)
		if count++; lowest == nil {
			lowest = n
		}
	}
	c.pruning.height.Store(0)
	if lowest != nil {
		c.log.Warn("blocks that are needed were pruned: they are fetched again from peers, and the chain is validated anew", "blocks", count, "from height", lowest.height)
		c.tree.unlink(lowest)
	}
}

// beyondPruned is the answer to a branch that leaves the best chain below what is stored.
func (c *Chain) beyondPruned(n *Node) error {
	n.clear(StatusPruned)
	c.touch(n)
	return fmt.Errorf("a branch with more work leaves the best chain below block %d, and the blocks up to it were pruned; start again, and all blocks will be fetched anew: %w", n.height, ErrNotStored)
}

// weighBlocks counts the bytes that are stored, if there is a target for them.
func (c *Chain) weighBlocks(ctx context.Context) error {
	if c.cfg.PruneTarget <= 0 {
		return nil
	}
	c.pruning.bytes = 0
	for _, n := range c.tree.all() {
		if !n.has(StatusBlock | StatusUndo) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		size, err := c.store.BlockBytes(n.hash)
		if err != nil {
			return err
		}
		c.pruning.bytes += size
	}
	return nil
}

// weighUndo counts the undo data that was just stored for n.
func (c *Chain) weighUndo(n *Node, b *types.Block) error {
	if c.cfg.PruneTarget <= 0 {
		return nil
	}
	size, err := c.store.BlockBytes(n.hash)
	c.pruning.bytes += max(size-int64(b.Size()), 0)
	return err
}
