package storetest

import (
	"errors"
	"sync/atomic"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// ErrKilled is what a Faulty store answers to every write from the chosen one on.
var ErrKilled = errors.New("killed by the test")

// Faulty is a store of a process that dies at a chosen write: this write and all later ones fail and change nothing. Closing it
// leaves the store below open.
type Faulty struct {
	chain.Store
	left atomic.Int64
}

// NewFaulty returns a store that fails from write number n on; the first has number 0.
func NewFaulty(below chain.Store, n int) *Faulty {
	f := &Faulty{Store: below}
	f.left.Store(int64(n))
	return f
}

// Writes returns how many writes are left.
func (f *Faulty) Writes() int { return int(f.left.Load()) }

func (f *Faulty) spend() error {
	if f.left.Add(-1) < 0 {
		return ErrKilled
	}
	return nil
}

// PutBlock implements chain.Store.
func (f *Faulty) PutBlock(h types.Hash, raw []byte) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.Store.PutBlock(h, raw)
}

// PutUndo implements chain.Store.
func (f *Faulty) PutUndo(h types.Hash, u consensus.Undo) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.Store.PutUndo(h, u)
}

// DropBlocks implements chain.Store.
func (f *Faulty) DropBlocks(hashes []types.Hash) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.Store.DropBlocks(hashes)
}

// Commit implements chain.Store.
func (f *Faulty) Commit(b *chain.Batch) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.Store.Commit(b)
}

// Second implements chain.Store; its writes count with the others.
func (f *Faulty) Second() chain.CoinSet { return faultySet{f.Store.Second(), f} }

type faultySet struct {
	chain.CoinSet
	f *Faulty
}

// Commit implements chain.CoinSet.
func (s faultySet) Commit(b *chain.Batch) error {
	if err := s.f.spend(); err != nil {
		return err
	}
	return s.CoinSet.Commit(b)
}

// Close implements chain.Store.
func (f *Faulty) Close() error { return nil }
