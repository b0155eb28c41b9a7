package chain

import (
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
)

// Flush writes the coins of the tip to the store and makes everything durable; see the package comment.
func (c *Chain) Flush() error {
	if err := c.begin(); err != nil {
		return err
	}
	if h := c.history.Load(); h != nil {
		if err := h.chain.Flush(); err != nil {
			return c.fail(err)
		}
	}
	return c.flush()
}

// Close flushes, marks the store as cleanly stopped and closes it. After a failure of ours it only closes. It is called once, when no other
// call is going on.
func (c *Chain) Close() error {
	if c.failed != nil {
		return c.store.Close()
	}
	err := c.begin()
	if h := c.history.Load(); h != nil && err == nil {
		err = h.chain.Close()
	}
	if err == nil {
		err = c.flush()
	}
	if err == nil {
		err = c.set().Commit(&Batch{Clean: !c.scarred})
	}
	c.failed = ErrClosed
	return errors.Join(err, c.store.Close())
}

// commitIndex writes the entries of all nodes that were touched.
func (c *Chain) commitIndex() error {
	if err := c.writeIndex(); err != nil {
		return c.fail(err)
	}
	return nil
}

func (c *Chain) writeIndex() error {
	if len(c.dirty) == 0 {
		return nil
	}
	defer c.phase("commit")()
	nodes := make([]*Node, 0, len(c.dirty))
	for n := range c.dirty {
		nodes = append(nodes, n)
	}
	sortNodes(nodes) // a piece never holds a child whose parent is in a later one
	limit, _ := c.store.Limits()
	for len(nodes) > 0 {
		piece := nodes[:min(limit, len(nodes))]
		nodes = nodes[len(piece):]
		var b Batch
		for _, n := range piece {
			b.Index = append(b.Index, n.entry())
		}
		if err := c.store.Commit(&b); err != nil {
			return fmt.Errorf("writing the block index: %w", err)
		}
	}
	clear(c.dirty)
	return nil
}

// flush writes the coins at the published tip. Meanwhile readers use the cache as it was; what it holds is true whatever part of it
// the store has already.
func (c *Chain) flush() error {
	tip := c.Tip()
	if tip.hash == c.flushed.Block {
		return c.commitIndex()
	}
	if err := c.commitIndex(); err != nil {
		return err
	}
	defer c.phase("flush")()
	list := c.cache.changes()
	next := Record{Height: tip.height, Block: tip.hash, Prev: c.flushed.Hash(), Coins: c.flushed.Coins, Set: c.flushed.Set}
	sum, added, removed := c.hashChanges(list)
	next.Set.Merge(&sum)
	next.Coins = next.Coins + uint64(added) - uint64(removed)
	if err := c.writeCoins(list, next); err != nil {
		return c.fail(fmt.Errorf("writing coins: %w", err))
	}
	c.mu.Lock()
	c.cache.settle(list, c.cfg.CacheBytes/2)
	c.flushed = next
	c.gen++
	c.mu.Unlock()
	c.moved = 0
	c.log.Debug("coins flushed", "height", tip.height, "block", tip.hash, "changes", len(list), "coins", next.Coins)
	return nil
}

// hashChanges returns what changes do to the checksum and the number of coins. Numbers of 3072 bits are multiplied for each coin, so
// the workers share the list.
func (c *Chain) hashChanges(list []change) (sum consensus.CoinSetHash, added, removed int) {
	const chunk = 512
	parts := make([]consensus.CoinSetHash, (len(list)+chunk-1)/chunk)
	parallel(c.cfg.Workers, len(parts), func(i int) bool {
		for _, ch := range list[i*chunk : min((i+1)*chunk, len(list))] {
			if ch.base != nil {
				parts[i].Remove(ch.op, *ch.base)
			}
			if ch.now != nil {
				parts[i].Add(ch.op, *ch.now)
			}
		}
		return true
	})
	for i := range parts {
		sum.Merge(&parts[i])
	}
	for _, ch := range list {
		if ch.base != nil {
			removed++
		}
		if ch.now != nil {
			added++
		}
	}
	return sum, added, removed
}

// writeCoins writes changes and the record that describes the set after them, in one batch if it fits, else in pieces
// between a marker and the record.
func (c *Chain) writeCoins(list []change, next Record) error {
	changes := make([]CoinChange, len(list))
	for i, ch := range list {
		changes[i] = CoinChange{ch.op, ch.now}
	}
	pieces := c.pieces(changes)
	if len(pieces) > 1 {
		if err := c.set().Commit(&Batch{Flushing: &Flushing{From: c.flushed, To: next}}); err != nil {
			return err
		}
	}
	for _, piece := range pieces[:len(pieces)-1] {
		if err := c.set().Commit(&Batch{Coins: piece}); err != nil {
			return err
		}
	}
	return c.set().Commit(&Batch{Coins: pieces[len(pieces)-1], Record: &next})
}

// pieces splits changes into what the store can take at once, at least one piece.
func (c *Chain) pieces(changes []CoinChange) (pieces [][]CoinChange) {
	entries, bytes := c.set().Limits()
	start, size := 0, 0
	for i := range changes {
		n := coinChangeBytes(&changes[i])
		if i > start && (i-start >= entries || size+n > bytes) {
			pieces = append(pieces, changes[start:i])
			start, size = i, 0
		}
		size += n
	}
	return append(pieces, changes[start:])
}

// coinChangeBytes is what a store has to write for a change, estimated from above.
func coinChangeBytes(ch *CoinChange) int {
	n := 64
	if ch.Coin != nil {
		n += 24 + len(ch.Coin.Out.Script)
	}
	return n
}
