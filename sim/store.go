package sim

import (
	"cmp"
	"context"
	"slices"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// commons is what the nodes of a network hold together: every block and its undo data, decoded, once; and the
// block index and the coins from which they all begin. What a block's undo data is follows from the block and its branch, so it is the
// same for all. Nothing in it is ever changed, only added to.
type commons struct {
	blocks map[types.Hash]*types.Block
	undo   map[types.Hash]consensus.Undo

	// The beginning, set by freeze.
	index  []chain.IndexEntry
	coins  map[types.OutPoint]consensus.Coin
	record *chain.Record
}

func newCommons() *commons {
	return &commons{
		blocks: map[types.Hash]*types.Block{}, undo: map[types.Hash]consensus.Undo{}, coins: map[types.OutPoint]consensus.Coin{},
	}
}

// store is one node's chain.Store: a layer of its own coins over the commons. The chain's own cache is large enough that
// this layer stays empty but for the network's beginning. A store is never opened twice, so the index is not kept.
type store struct {
	*commons
	own    map[types.OutPoint]*consensus.Coin // nil: spent
	record *chain.Record
	index  map[types.Hash]chain.IndexEntry // nil: not kept
}

func newStore(c *commons) *store {
	return &store{commons: c, own: map[types.OutPoint]*consensus.Coin{}}
}

// freeze makes what a closed store holds the beginning of all that are made from now on.
func (c *commons) freeze(s *store) {
	for op, coin := range s.own {
		if coin != nil {
			c.coins[op] = *coin
		}
	}
	for _, e := range s.index {
		c.index = append(c.index, e)
	}
	sortIndex(c.index)
	c.record = s.record
}

// Load implements chain.Store.
func (s *store) Load(_ context.Context, each func(chain.IndexEntry) error) (chain.Meta, error) {
	for _, e := range s.commons.index {
		if err := each(e); err != nil {
			return chain.Meta{}, err
		}
	}
	return chain.Meta{Record: s.commons.record, Clean: s.commons.record != nil}, nil
}

// EachBlock implements chain.Store: there is never a block without its entry in the index.
func (s *store) EachBlock(context.Context, func(types.Hash, types.Header) error) error { return nil }

// Coins implements chain.Store.
func (s *store) Coins(ops []types.OutPoint) (consensus.Coins, error) {
	found := consensus.Coins{}
	for _, op := range ops {
		if coin, mine := s.own[op]; mine {
			if coin != nil {
				found[op] = *coin
			}
			continue
		}
		if coin, ok := s.coins[op]; ok {
			found[op] = coin
		}
	}
	return found, nil
}

// Block implements chain.Store.
func (s *store) Block(h types.Hash) (*types.Block, error) {
	if b, ok := s.blocks[h]; ok {
		return b, nil
	}
	return nil, chain.ErrNotStored
}

// RawBlock implements chain.Store.
func (s *store) RawBlock(h types.Hash) ([]byte, error) {
	b, err := s.Block(h)
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Undo implements chain.Store.
func (s *store) Undo(h types.Hash) (consensus.Undo, error) {
	if u, ok := s.undo[h]; ok {
		return u, nil
	}
	return nil, chain.ErrNotStored
}

// HasBlock implements chain.Store.
func (s *store) HasBlock(h types.Hash) (bool, error) { return s.blocks[h] != nil, nil }

// HasUndo implements chain.Store.
func (s *store) HasUndo(h types.Hash) (bool, error) {
	_, ok := s.undo[h]
	return ok, nil
}

// PutBlock implements chain.Store; a block that some node has stored is there already.
func (s *store) PutBlock(h types.Hash, raw []byte) error {
	if s.blocks[h] != nil {
		return nil
	}
	b, err := types.DecodeBlock(raw)
	if err == nil {
		s.blocks[h] = b
	}
	return err
}

// HoldBlock implements chain.BlockHolder.
func (s *store) HoldBlock(h types.Hash, b *types.Block) error {
	if s.blocks[h] == nil {
		s.blocks[h] = b
	}
	return nil
}

// PutUndo implements chain.Store.
func (s *store) PutUndo(h types.Hash, u consensus.Undo) error {
	if _, ok := s.undo[h]; !ok {
		s.undo[h] = u
	}
	return nil
}

// BlockBytes implements chain.Store.
func (s *store) BlockBytes(types.Hash) (int64, error) { return 0, nil }

// DropBlocks implements chain.Store: nothing is pruned.
func (s *store) DropBlocks([]types.Hash) error { return nil }

// Commit implements chain.Store.
func (s *store) Commit(b *chain.Batch) error {
	if s.index != nil {
		for _, e := range b.Index {
			s.index[e.Hash] = e
		}
	}
	for _, ch := range b.Coins {
		s.own[ch.OutPoint] = ch.Coin
	}
	if b.Record != nil {
		r := *b.Record
		s.record = &r
	}
	return nil
}

// Limits implements chain.Store.
func (s *store) Limits() (entries, bytes int) { return 1 << 30, 1 << 30 }

// EachCoin implements chain.Store: nobody asks for all coins.
func (s *store) EachCoin(context.Context, func(), func(consensus.CoinEntry) error) error {
	return chain.ErrNotStored
}

// Meta implements chain.Store.
func (s *store) Meta() (chain.Meta, error) { return chain.Meta{Record: s.record}, nil }

// Second implements chain.Store: no node of a simulation begins with a snapshot.
func (s *store) Second() chain.CoinSet { return nil }

// Size implements chain.Store.
func (s *store) Size() (chain.Size, error) { return chain.Size{}, nil }

// Close implements chain.Store.
func (s *store) Close() error { return nil }

// sortIndex puts lower blocks first, as a Store's Load must.
func sortIndex(entries []chain.IndexEntry) {
	slices.SortFunc(entries, func(a, b chain.IndexEntry) int {
		return cmp.Or(cmp.Compare(a.Height, b.Height), a.Hash.Compare(b.Hash))
	})
}
