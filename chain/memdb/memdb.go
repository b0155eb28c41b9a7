// Package memdb is a chain.Store and a chain.KV in memory, for simulations and tests. What it holds is as durable as the
// value itself: a Store can be closed and opened again with Reopen, as if a process had ended, which is how tests restart a
// node.
//
// It does no I/O and starts no goroutines. It keeps blocks and coins encoded, as a disk would, so that nothing that it returns is
// shared with what was put.
//
// Start reading at Store.
package memdb

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Store implements chain.Store. The zero value is not usable; see New.
type Store struct {
	mu       sync.RWMutex
	closed   bool
	snapshot *chain.Snapshot
	index    map[types.Hash]chain.IndexEntry
	blocks   map[types.Hash][]byte
	undo     map[types.Hash][]byte
	sets     [2]*coinSet
	// entries and bytes are what Limits returns.
	entries, bytes int
}

// New returns an empty store.
func New() *Store { return NewLimited(100_000, 16<<20) }

// NewLimited returns an empty store whose Limits are those given, at least one coin.
func NewLimited(entries, bytes int) *Store {
	s := &Store{
		index: map[types.Hash]chain.IndexEntry{}, blocks: map[types.Hash][]byte{}, undo: map[types.Hash][]byte{},
		entries: entries, bytes: bytes,
	}
	for i := range s.sets {
		s.sets[i] = &coinSet{s: s, coins: map[types.OutPoint][]byte{}}
	}
	return s
}

// Reopen returns a store that holds what s holds, to be opened by another Chain. Without a Close after a Clean batch it
// counts as killed. s is closed by it.
func (s *Store) Reopen() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.copy()
	s.closed = true
	s.index, s.blocks, s.undo = nil, nil, nil
	for _, set := range s.sets {
		set.coins = nil
	}
	return n
}

// Clone returns a copy of what s holds now, as a copy of the disk of a running process would be.
func (s *Store) Clone() *Store {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := s.copy()
	n.index, n.blocks, n.undo = maps.Clone(n.index), maps.Clone(n.blocks), maps.Clone(n.undo)
	for _, set := range n.sets {
		set.coins = maps.Clone(set.coins)
	}
	return n
}

// copy returns a store that shares the maps of s.
func (s *Store) copy() *Store {
	n := &Store{index: s.index, blocks: s.blocks, undo: s.undo, snapshot: s.snapshot, entries: s.entries, bytes: s.bytes}
	for i, set := range s.sets {
		n.sets[i] = &coinSet{s: n, coins: set.coins, meta: set.meta}
		n.sets[i].meta.Clean = s.closed && set.clean
	}
	return n
}

// Load implements chain.Store.
func (s *Store) Load(ctx context.Context, each func(chain.IndexEntry) error) (chain.Meta, error) {
	s.mu.RLock()
	entries := slices.Collect(maps.Values(s.index))
	meta, closed := s.sets[0].state(), s.closed
	s.mu.RUnlock()
	if closed {
		return chain.Meta{}, chain.ErrClosed
	}
	slices.SortFunc(entries, func(a, b chain.IndexEntry) int {
		if a.Height != b.Height {
			return int(a.Height - b.Height)
		}
		return a.Hash.Compare(b.Hash)
	})
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return chain.Meta{}, err
		}
		if err := each(e); err != nil {
			return chain.Meta{}, err
		}
	}
	return meta, nil
}

// EachBlock implements chain.Store; the order is that of the hashes.
func (s *Store) EachBlock(ctx context.Context, each func(types.Hash, types.Header) error) error {
	s.mu.RLock()
	blocks, closed := maps.Clone(s.blocks), s.closed
	s.mu.RUnlock()
	if closed {
		return chain.ErrClosed
	}
	for _, hash := range slices.SortedFunc(maps.Keys(blocks), types.Hash.Compare) {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := types.DecodeHeader(blocks[hash][:min(types.HeaderSize, len(blocks[hash]))])
		if err != nil || h.Hash() != hash {
			continue
		}
		if err := each(hash, h); err != nil {
			return err
		}
	}
	return nil
}

// get returns what is stored under hash in one of the maps.
func (s *Store) get(from func() map[types.Hash][]byte, hash types.Hash) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, chain.ErrClosed
	}
	raw, ok := from()[hash]
	if !ok {
		return nil, chain.ErrNotStored
	}
	return raw, nil
}

func (s *Store) blockMap() map[types.Hash][]byte { return s.blocks }
func (s *Store) undoMap() map[types.Hash][]byte  { return s.undo }

// RawBlock implements chain.Store.
func (s *Store) RawBlock(hash types.Hash) ([]byte, error) {
	raw, err := s.get(s.blockMap, hash)
	if err != nil {
		return nil, err
	}
	if len(raw) < types.HeaderSize || types.DoubleSHA256(raw[:types.HeaderSize]) != hash {
		return nil, chain.ErrDamaged
	}
	return bytes.Clone(raw), nil
}

// Block implements chain.Store.
func (s *Store) Block(hash types.Hash) (*types.Block, error) {
	raw, err := s.RawBlock(hash)
	if err != nil {
		return nil, err
	}
	b, err := types.DecodeBlock(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", chain.ErrDamaged, err)
	}
	return b, nil
}

// Undo implements chain.Store.
func (s *Store) Undo(hash types.Hash) (consensus.Undo, error) {
	raw, err := s.get(s.undoMap, hash)
	if err != nil {
		return nil, err
	}
	d := types.NewDecoder(raw)
	u := consensus.DecodeUndo(d)
	if err := d.Finish(); err != nil {
		return nil, fmt.Errorf("%w: %w", chain.ErrDamaged, err)
	}
	return u, nil
}

// HasBlock implements chain.Store.
func (s *Store) HasBlock(hash types.Hash) (bool, error) { return s.hasKey(s.blockMap, hash) }

// HasUndo implements chain.Store.
func (s *Store) HasUndo(hash types.Hash) (bool, error) { return s.hasKey(s.undoMap, hash) }

func (s *Store) hasKey(from func() map[types.Hash][]byte, hash types.Hash) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return false, chain.ErrClosed
	}
	_, ok := from()[hash]
	return ok, nil
}

// BlockBytes implements chain.Store.
func (s *Store) BlockBytes(hash types.Hash) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return 0, chain.ErrClosed
	}
	return int64(len(s.blocks[hash]) + len(s.undo[hash])), nil
}

// DropBlocks implements chain.Store.
func (s *Store) DropBlocks(hashes []types.Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return chain.ErrClosed
	}
	for _, h := range hashes {
		delete(s.blocks, h)
		delete(s.undo, h)
	}
	s.unclean()
	return nil
}

// PutBlock implements chain.Store.
func (s *Store) PutBlock(hash types.Hash, raw []byte) error {
	return s.put(s.blockMap, hash, bytes.Clone(raw))
}

// PutUndo implements chain.Store.
func (s *Store) PutUndo(hash types.Hash, u consensus.Undo) error {
	return s.put(s.undoMap, hash, consensus.AppendUndo(nil, u))
}

func (s *Store) put(into func() map[types.Hash][]byte, hash types.Hash, raw []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return chain.ErrClosed
	}
	into()[hash] = raw
	s.unclean()
	return nil
}

// Size implements chain.Store with the bytes of keys and values.
func (s *Store) Size() (size chain.Size, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, set := range s.sets {
		for _, raw := range set.coins {
			size.State += int64(len(raw)) + 36
		}
	}
	for _, raw := range s.blocks {
		size.Blocks += int64(len(raw)) + 32
	}
	for _, raw := range s.undo {
		size.Blocks += int64(len(raw)) + 32
	}
	return size, nil
}

// Close implements chain.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
