package chain

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// maxRollback bounds the memory in which blocks are taken off for EachCoinAt.
const maxRollback = 1 << 30

// ErrTooDeep says that a coin set lies too far back to be made in memory.
var ErrTooDeep = errors.New("so many coins have changed since that block that they do not fit in memory")

// EachCoinAt calls each with every coin as of a block of the best chain, ordered by outpoint. The blocks above it are taken off in memory,
// with their undo data; the chain goes on meanwhile and nobody is held up. ErrNotStored tells that one of them was pruned, ErrTooDeep that
// the coins they touch take more than a gibibyte. An error of each ends it and is returned.
func (c *Chain) EachCoinAt(ctx context.Context, at *Node, each func(consensus.CoinEntry) error) error {
	r := rollback{c: c, at: at, each: each}
	_, err := c.eachCoin(ctx, func(tip *Node) { r.tip = tip }, r.coin)
	if err != nil {
		return err
	}
	return r.end()
}

// rollback merges the coins at a tip with what taking off blocks changes.
type rollback struct {
	c       *Chain
	tip, at *Node
	each    func(consensus.CoinEntry) error
	changes []change
	ready   bool
}

// prepare takes the blocks off. The store's state is fixed by then.
func (r *rollback) prepare() error {
	r.ready = true
	if r.tip.at(r.at.height) != r.at {
		return fmt.Errorf("block %s is not on the best chain", r.at.hash)
	}
	layer := newCache()
	for n := r.tip; n != r.at; n = n.parent {
		u, err := r.c.update(n, false)
		if err == nil {
			u, err = consensus.Disconnect(r.c.cfg.Params, n.parent, u.Block, u.Undo)
		}
		if err != nil {
			return fmt.Errorf("block %d: %w", n.height, err)
		}
		if layer.apply(u.Created, u.Spent); layer.bytes > maxRollback {
			return ErrTooDeep
		}
	}
	r.changes = layer.changes()
	return nil
}

func (r *rollback) coin(e consensus.CoinEntry) error {
	if !r.ready {
		if err := r.prepare(); err != nil {
			return err
		}
	}
	for len(r.changes) > 0 && r.changes[0].op.Compare(e.OutPoint) < 0 {
		if err := r.change(); err != nil {
			return err
		}
	}
	if len(r.changes) > 0 && r.changes[0].op == e.OutPoint {
		return nil
	}
	return r.each(e)
}

// change passes the first of the changes on.
func (r *rollback) change() error {
	ch := r.changes[0]
	r.changes = r.changes[1:]
	if ch.now == nil {
		return nil
	}
	return r.each(consensus.CoinEntry{OutPoint: ch.op, Coin: *ch.now})
}

func (r *rollback) end() error {
	if !r.ready {
		if err := r.prepare(); err != nil {
			return err
		}
	}
	for len(r.changes) > 0 {
		if err := r.change(); err != nil {
			return err
		}
	}
	return nil
}

// SerialHash computes hash_serialized_3 of a coin set whose coins come in the order of their outpoints.
type SerialHash struct {
	h   hash.Hash
	buf []byte
}

// NewSerialHash returns the hash of the empty set.
func NewSerialHash() *SerialHash { return &SerialHash{h: sha256.New()} }

// Add adds the next coin.
func (s *SerialHash) Add(e consensus.CoinEntry) {
	s.buf = consensus.AppendCoinForHash(s.buf[:0], e.OutPoint, e.Coin)
	s.h.Write(s.buf)
}

// Sum returns the hash of what was added.
func (s *SerialHash) Sum() types.Hash { return sha256.Sum256(s.h.Sum(nil)) }
