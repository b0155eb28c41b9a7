package memdb

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// coinSet is one of a store's two. It implements chain.CoinSet.
type coinSet struct {
	s     *Store
	coins map[types.OutPoint][]byte
	meta  chain.Meta
	clean bool // the last batch was Clean
}

// state returns what is known of the set.
func (c *coinSet) state() chain.Meta {
	meta := c.meta
	meta.Snapshot = c.s.snapshot
	return meta
}

// unclean says that something was written.
func (s *Store) unclean() {
	for _, set := range s.sets {
		set.meta.Clean, set.clean = false, false
	}
}

func decodeCoin(raw []byte) (consensus.Coin, error) {
	d := types.NewDecoder(raw)
	coin := consensus.DecodeCoin(d)
	return coin, d.Finish()
}

// Meta implements chain.CoinSet.
func (c *coinSet) Meta() (chain.Meta, error) {
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	if c.s.closed {
		return chain.Meta{}, chain.ErrClosed
	}
	return c.state(), nil
}

// Coins implements chain.CoinSet.
func (c *coinSet) Coins(ops []types.OutPoint) (consensus.Coins, error) {
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	if c.s.closed {
		return nil, chain.ErrClosed
	}
	coins := make(consensus.Coins, len(ops))
	for _, op := range ops {
		if raw, ok := c.coins[op]; ok {
			coin, err := decodeCoin(raw)
			if err != nil {
				return nil, fmt.Errorf("coin %s: %w: %w", op, chain.ErrDamaged, err)
			}
			coins[op] = coin
		}
	}
	return coins, nil
}

// Commit implements chain.CoinSet.
func (c *coinSet) Commit(b *chain.Batch) error {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return chain.ErrClosed
	}
	if n := len(b.Index) + len(b.Coins); n > s.entries {
		return fmt.Errorf("a batch of %d entries, the limit is %d", n, s.entries)
	}
	for _, e := range b.Index {
		s.index[e.Hash] = e
	}
	for _, ch := range b.Coins {
		if ch.Coin == nil {
			delete(c.coins, ch.OutPoint)
			continue
		}
		c.coins[ch.OutPoint] = consensus.AppendCoin(nil, *ch.Coin)
	}
	c.note(b)
	return nil
}

// note takes what a batch says of the set as a whole.
func (c *coinSet) note(b *chain.Batch) {
	if b.Flushing != nil {
		f := *b.Flushing
		c.meta.Flushing = &f
	}
	if b.Record != nil {
		r := *b.Record
		c.meta.Record, c.meta.Flushing = &r, nil
	}
	if b.Forget {
		c.meta.Record, c.meta.Flushing = nil, nil
	}
	if b.Snapshot != nil {
		n := *b.Snapshot
		c.s.snapshot = &n
	}
	c.meta.Clean, c.clean = false, b.Clean
}

// Limits implements chain.CoinSet.
func (c *coinSet) Limits() (entries, bytes int) { return c.s.entries, c.s.bytes }

// EachCoin implements chain.CoinSet.
func (c *coinSet) EachCoin(ctx context.Context, ready func(), each func(consensus.CoinEntry) error) error {
	c.s.mu.RLock()
	coins, closed := maps.Clone(c.coins), c.s.closed
	c.s.mu.RUnlock()
	if closed {
		return chain.ErrClosed
	}
	if ready != nil {
		ready()
	}
	for _, op := range slices.SortedFunc(maps.Keys(coins), types.OutPoint.Compare) {
		if err := ctx.Err(); err != nil {
			return err
		}
		coin, err := decodeCoin(coins[op])
		if err != nil {
			return fmt.Errorf("coin %s: %w: %w", op, chain.ErrDamaged, err)
		}
		if err := each(consensus.CoinEntry{OutPoint: op, Coin: coin}); err != nil {
			return err
		}
	}
	return nil
}

// Second implements chain.Store.
func (s *Store) Second() chain.CoinSet { return s.sets[1] }

// Meta implements chain.Store.
func (s *Store) Meta() (chain.Meta, error) { return s.sets[0].Meta() }

// Coins implements chain.Store.
func (s *Store) Coins(ops []types.OutPoint) (consensus.Coins, error) { return s.sets[0].Coins(ops) }

// Commit implements chain.Store.
func (s *Store) Commit(b *chain.Batch) error { return s.sets[0].Commit(b) }

// Limits implements chain.Store.
func (s *Store) Limits() (entries, bytes int) { return s.entries, s.bytes }

// EachCoin implements chain.Store.
func (s *Store) EachCoin(ctx context.Context, ready func(), each func(consensus.CoinEntry) error) error {
	return s.sets[0].EachCoin(ctx, ready, each)
}
