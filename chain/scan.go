package chain

import (
	"context"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
)

// EachCoin calls each with every coin at the published tip, ordered by outpoint, and returns that tip. It holds up
// nobody. An error of each ends it and is returned.
func (c *Chain) EachCoin(ctx context.Context, each func(consensus.CoinEntry) error) (*Node, error) {
	return c.eachCoin(ctx, func(*Node) {}, each)
}

// eachCoin is EachCoin; at is told of the tip before the first coin.
func (c *Chain) eachCoin(ctx context.Context, at func(*Node), each func(consensus.CoinEntry) error) (*Node, error) {
	var tip *Node
	var overlay []change
	c.mu.RLock()
	locked := true
	ready := func() {
		tip, overlay = c.Tip(), c.cache.changes()
		c.mu.RUnlock()
		locked = false
		at(tip)
	}
	cached := func() error {
		ch := overlay[0]
		overlay = overlay[1:]
		if ch.now == nil {
			return nil
		}
		return each(consensus.CoinEntry{OutPoint: ch.op, Coin: *ch.now})
	}
	err := c.set().EachCoin(ctx, ready, func(e consensus.CoinEntry) error {
		for len(overlay) > 0 && overlay[0].op.Compare(e.OutPoint) < 0 {
			if err := cached(); err != nil {
				return err
			}
		}
		if len(overlay) > 0 && overlay[0].op == e.OutPoint {
			return nil // the cache has another one, or says that it is spent; its turn comes with the next
		}
		return each(e)
	})
	if locked {
		c.mu.RUnlock()
	}
	for err == nil && len(overlay) > 0 {
		err = cached()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the coin set: %w", err)
	}
	return tip, nil
}

// Abandon closes the store without writing what is still in memory, as a crash would. The next Open has to make up for it.
func (c *Chain) Abandon() error {
	c.failed = ErrClosed
	return c.store.Close()
}
