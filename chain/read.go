package chain

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Params returns the rules of the network.
func (c *Chain) Params() *consensus.Params { return c.cfg.Params }

// Tip returns the best fully validated block.
func (c *Chain) Tip() *Node { return c.tip.Load() }

// BestHeader returns the header with the most work that is not known to be invalid.
func (c *Chain) BestHeader() *Node { return c.tree.bestHeader.Load() }

// Genesis returns the first block.
func (c *Chain) Genesis() *Node { return c.tree.genesis }

// Lookup finds a header by its hash, nil if it is not in the tree.
func (c *Chain) Lookup(h types.Hash) *Node { return c.tree.lookup(h) }

// AtHeight returns the block of the best chain at height h, nil if there is none. O(log n).
func (c *Chain) AtHeight(h int32) *Node { return c.Tip().at(h) }

// Tips returns the tip of the best chain first, then the ends of all other branches, heaviest first.
func (c *Chain) Tips() []*Node {
	tip := c.Tip()
	tips := []*Node{tip}
	for _, n := range c.tree.leafList() {
		if n != tip {
			tips = append(tips, n)
		}
	}
	return tips
}

// RawBlock returns the encoded block, ErrNotStored if only its header or nothing is known, ErrDamaged if it does not read back.
func (c *Chain) RawBlock(h types.Hash) ([]byte, error) {
	raw, err := c.store.RawBlock(h)
	c.damage.note(c.Lookup(h), StatusBlock, err)
	return raw, describe(err, "block", h)
}

// Block returns a stored block; errors as RawBlock's.
func (c *Chain) Block(h types.Hash) (*types.Block, error) {
	if h == c.cfg.Params.Genesis.Hash() {
		return c.cfg.Params.Genesis, nil
	}
	b, err := c.store.Block(h)
	c.damage.note(c.Lookup(h), StatusBlock, err)
	return b, describe(err, "block", h)
}

// Undo returns the undo data of a block that was connected once; errors as RawBlock's. Genesis has none: it is empty.
func (c *Chain) Undo(h types.Hash) (consensus.Undo, error) {
	if h == c.cfg.Params.Genesis.Hash() {
		return consensus.Undo{}, nil
	}
	u, err := c.store.Undo(h)
	c.damage.note(c.Lookup(h), StatusUndo, err)
	return u, describe(err, "undo data of block", h)
}

func describe(err error, what string, h types.Hash) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, h, err)
}

// unreadable tells whether the store is alive but does not have what was asked for.
func unreadable(err error) bool { return errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotStored) }

// damage collects what readers found unreadable, until the owner looks at it.
type damage struct {
	mu    sync.Mutex
	found map[*Node]Status
	gone  []*Node // of the best chain, without their blocks until these are fetched again
}

// lose notes a block of the best chain that is gone, comeBack that it was stored again.
func (d *damage) lose(n *Node) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.gone, n) {
		d.gone = append(d.gone, n)
	}
}

func (d *damage) comeBack(n *Node) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = slices.DeleteFunc(d.gone, func(g *Node) bool { return g == n })
}

// lost returns up to n of the blocks that are gone.
func (d *damage) lost(n int) []*Node {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.gone[:min(n, len(d.gone))])
}

// note remembers that a part of n should be stored and does not read back.
func (d *damage) note(n *Node, what Status, err error) {
	if n == nil || !unreadable(err) || !n.has(what) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.found == nil {
		d.found = map[*Node]Status{}
	}
	d.found[n] |= what
}

// take returns what was found, in the order of heights, and forgets it.
func (d *damage) take() (nodes []*Node, what []Status) {
	d.mu.Lock()
	found := d.found
	d.found = nil
	d.mu.Unlock()
	for n := range found {
		nodes = append(nodes, n)
	}
	sortNodes(nodes)
	for _, n := range nodes {
		what = append(what, found[n])
	}
	return nodes, what
}

// sortNodes orders by height, then hash.
func sortNodes(nodes []*Node) {
	slices.SortFunc(nodes, func(a, b *Node) int {
		if a.height != b.height {
			return int(a.height - b.height)
		}
		return a.hash.Compare(b.hash)
	})
}

// Coins returns the coins of those outpoints that have one at the tip.
func (c *Chain) Coins(ops []types.OutPoint) (consensus.Coins, error) {
	coins, _, err := c.CoinsAt(ops)
	return coins, err
}

// CoinsAt is Coins together with the tip at which they were read.
func (c *Chain) CoinsAt(ops []types.OutPoint) (consensus.Coins, *Node, error) {
	for range 8 {
		coins, missing, tip, gen := c.lookInCache(ops)
		if len(missing) > 0 {
			if err := c.readCoins(missing, coins); err != nil {
				return nil, nil, err
			}
		}
		c.mu.RLock()
		same := gen == c.gen
		c.mu.RUnlock()
		if same {
			return coins, tip, nil
		}
	}
	// The tip moves faster than the store reads: hold it for once.
	c.mu.RLock()
	defer c.mu.RUnlock()
	coins, missing := c.cache.get(ops)
	err := c.readCoins(missing, coins)
	return coins, c.Tip(), err
}

func (c *Chain) lookInCache(ops []types.OutPoint) (coins consensus.Coins, missing []types.OutPoint, tip *Node, gen uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	coins, missing = c.cache.get(ops)
	return coins, missing, c.Tip(), c.gen
}

// readCoins adds what the store has of ops to coins.
func (c *Chain) readCoins(ops []types.OutPoint, coins consensus.Coins) error {
	if len(ops) == 0 {
		return nil
	}
	stored, err := c.set().Coins(ops)
	if err != nil {
		return fmt.Errorf("reading coins: %w", err)
	}
	for op, coin := range stored {
		coins[op] = coin
	}
	return nil
}

// LastReorg returns the last reorganization since the start, if there was one.
func (c *Chain) LastReorg() (Reorg, bool) {
	if r := c.lastReorg.Load(); r != nil {
		return *r, true
	}
	return Reorg{}, false
}

// CacheStats returns the state of the coin cache.
func (c *Chain) CacheStats() CacheStats {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return CacheStats{
		Entries: len(c.cache.entries), Dirty: c.cache.dirty, Bytes: c.cache.bytes, Limit: c.cfg.CacheBytes,
		Hits: c.cache.hits.Load(), Misses: c.cache.misses.Load(), FlushedHeight: c.flushed.Height, FlushedCoins: c.flushed.Coins,
	}
}
