package chain

import (
	"context"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// history is the validation of what lies below a snapshot: a Chain of its own, whose tree ends at the base and whose coins are the store's
// other set. Blocks and undo data are the store's, and what it finds out about a block is written to the entry of the first chain's tree.
type history struct {
	chain *Chain
	base  *Node // in the first chain's tree
}

// historyStore is the Store of such a chain.
type historyStore struct {
	c    *Chain
	set  CoinSet
	base *Node
}

// mirrored is what is known of a block in both trees.
const mirrored = StatusBlock | StatusUndo | StatusValid | StatusPruned

// openHistory opens the chain of the history, or ends it if it has arrived.
func (c *Chain) openHistory(ctx context.Context) error {
	base := c.tree.base
	cfg := c.cfg
	cfg.Store = &historyStore{c: c, set: c.setOf(1 - c.snap.Active), base: base}
	cfg.Observe, cfg.PruneTarget, cfg.CacheBytes = nil, 0, c.cfg.CacheBytes/2
	cfg.Log = c.log.With("chain", "history")
	chain, err := Open(ctx, cfg)
	if err != nil {
		return fmt.Errorf("the history of the snapshot: %w", err)
	}
	h := &history{chain: chain, base: base}
	c.history.Store(h)
	return c.afterHistory(h)
}

// addHistory takes a block below the base.
func (c *Chain) addHistory(h *history, b *types.Block) (known bool, err error) {
	known, err = h.chain.AddBlock(b)
	if err != nil && consensus.KindOf(err) == "" {
		return known, c.fail(err)
	}
	if cerr := c.commitIndex(); cerr != nil {
		return known, cerr
	}
	c.bells.ring()
	if ferr := c.afterHistory(h); ferr != nil {
		return known, ferr
	}
	if aerr := c.activate(context.Background(), consensus.Placed{}); aerr != nil {
		return known, aerr
	}
	return known, err
}

// afterHistory ends the history if it has arrived at the base, or cannot.
func (c *Chain) afterHistory(h *history) error {
	if n := h.chain.Lookup(h.base.hash); n == nil || n.Invalid() {
		return c.refute("a block before it breaks the rules")
	}
	if h.chain.Tip().hash != h.base.hash {
		return nil
	}
	if err := h.chain.Flush(); err != nil {
		return c.fail(err)
	}
	got, want := h.chain.flushed, c.snap.Coins
	if got.Coins != want.Coins || got.Set.Digest() != want.Set.Digest() {
		return c.refute(fmt.Sprintf("the blocks up to it make %d coins with muhash %s, it has %d with %s", got.Coins, got.Set.Digest(), want.Coins, want.Set.Digest()))
	}
	return c.confirm(h)
}

// confirm makes a snapshot that was found to be right a chain like any other.
func (c *Chain) confirm(h *history) error {
	s := c.snap
	s.Phase = SnapshotValid
	if err := c.writeSnapshot(c.set(), s, nil); err != nil {
		return err
	}
	h.chain.failed = ErrClosed
	c.tree.base = nil
	for n := h.base; n.parent != nil; n = n.parent {
		n.clear(StatusAssumed)
	}
	c.recount()
	c.history.Store(nil)
	c.bells.ring()
	c.log.Info("the snapshot is validated: the blocks up to it make the same coins", "height", h.base.height, "block", h.base.hash, "coins", s.Coins.Coins)
	return nil
}

// recount counts the transactions from genesis on, where all blocks are known.
func (c *Chain) recount() {
	for _, n := range c.tree.all() {
		if n.parent == nil || n.chainTx.Load() == 0 && !n.HaveBlock() && !n.Pruned() {
			continue
		}
		if before := n.parent.chainTx.Load(); before != 0 {
			n.chainTx.Store(before + uint64(n.txCount.Load()))
		}
	}
}

// Wanted returns up to n blocks that are needed beside those between the tip and the best header: of the history of a snapshot, in their order, and
// those of the best chain that do not read back. It may be called from any goroutine.
func (c *Chain) Wanted(n int) (wanted []*Node) {
	wanted = c.damage.lost(n)
	h := c.history.Load()
	if h == nil {
		return wanted
	}
	tip := h.chain.Tip()
	at := h.chain.Lookup(h.base.hash)
	for height := forkOf(tip, at).height + 1; height <= h.base.height && len(wanted) < n; height++ {
		if b := h.base.at(height); !b.HaveBlock() && !b.Pruned() {
			wanted = append(wanted, b)
		}
	}
	return wanted
}

// countHistory counts the transactions up to n and what follows it below the base, as far as all are known.
func (c *Chain) countHistory(n *Node) {
	for base := c.tree.base; n != nil && base != nil && n != base && n.has(StatusAssumed); n = base.at(n.height + 1) {
		before, txs := n.parent.chainTx.Load(), n.txCount.Load()
		if before == 0 || txs == 0 || n.chainTx.Load() != 0 {
			return
		}
		n.chainTx.Store(before + uint64(txs))
		waiting := c.tree.waiting[n]
		delete(c.tree.waiting, n)
		for _, w := range waiting {
			for _, l := range c.tree.link(w) {
				c.touch(l)
			}
		}
	}
}

// note writes what the history found out about a block to the entry of the first tree.
func (s *historyStore) note(e *IndexEntry) {
	n := s.c.tree.lookup(e.Hash)
	if n == nil {
		return
	}
	if n.HaveBlock() && e.Status&StatusBlock == 0 && !n.has(StatusActive|StatusAssumed) {
		s.c.lose(n, StatusBlock)
	}
	n.clear(mirrored &^ e.Status)
	n.set(e.Status & mirrored)
	if e.TxCount > 0 {
		n.txCount.Store(e.TxCount)
	}
	s.c.touch(n)
	s.c.countHistory(n)
}

// Load implements Store: the way to the base, and the branch on which the coins are.
func (s *historyStore) Load(_ context.Context, each func(IndexEntry) error) (Meta, error) {
	meta, err := s.Meta()
	if err != nil {
		return Meta{}, err
	}
	nodes := path(s.c.tree.genesis, s.base)
	if meta.Record != nil {
		if at := s.c.tree.lookup(meta.Record.Block); at != nil {
			nodes = append(nodes, path(forkOf(at, s.base), at)...)
		}
	}
	sortNodes(nodes)
	for _, n := range append([]*Node{s.c.tree.genesis}, nodes...) {
		e := n.entry()
		e.Status &= mirrored
		if err := each(e); err != nil {
			return Meta{}, err
		}
	}
	return meta, nil
}

// EachBlock implements Store: the first chain's index names all blocks.
func (s *historyStore) EachBlock(context.Context, func(types.Hash, types.Header) error) error {
	return nil
}

// Commit implements Store.
func (s *historyStore) Commit(b *Batch) error {
	for i := range b.Index {
		s.note(&b.Index[i])
	}
	if b.Record != nil {
		if err := s.c.writeIndex(); err != nil {
			return err
		}
	}
	rest := *b
	rest.Index = nil
	if len(rest.Coins) == 0 && rest.Flushing == nil && rest.Record == nil && !rest.Clean {
		return nil
	}
	return s.set.Commit(&rest)
}

// PutBlock implements Store.
func (s *historyStore) PutBlock(hash types.Hash, raw []byte) error {
	s.c.pruning.bytes += int64(len(raw))
	return s.c.store.PutBlock(hash, raw)
}

// PutUndo implements Store.
func (s *historyStore) PutUndo(hash types.Hash, u consensus.Undo) error {
	if s.c.cfg.PruneTarget <= 0 {
		return s.c.store.PutUndo(hash, u)
	}
	before, err := s.c.store.BlockBytes(hash)
	if err == nil {
		err = s.c.store.PutUndo(hash, u)
	}
	if err != nil {
		return err
	}
	after, err := s.c.store.BlockBytes(hash)
	s.c.pruning.bytes += after - before
	return err
}

// Check implements Checker.
func (s *historyStore) Check() error {
	if k, ok := s.c.store.(Checker); ok {
		return k.Check()
	}
	return nil
}

// Close implements Store: the store is the first chain's.
func (s *historyStore) Close() error { return nil }

// Coins implements Store.
func (s *historyStore) Coins(ops []types.OutPoint) (consensus.Coins, error) { return s.set.Coins(ops) }

// EachCoin implements Store.
func (s *historyStore) EachCoin(ctx context.Context, ready func(), each func(consensus.CoinEntry) error) error {
	return s.set.EachCoin(ctx, ready, each)
}

// Limits implements Store.
func (s *historyStore) Limits() (entries, bytes int) { return s.set.Limits() }

// Meta implements Store. Of the snapshot the history knows nothing.
func (s *historyStore) Meta() (Meta, error) {
	meta, err := s.set.Meta()
	meta.Snapshot = nil
	return meta, err
}

// Second implements Store: there is no snapshot within a history.
func (s *historyStore) Second() CoinSet { return s.set }

// Block implements Store.
func (s *historyStore) Block(h types.Hash) (*types.Block, error) { return s.c.store.Block(h) }

// RawBlock implements Store.
func (s *historyStore) RawBlock(h types.Hash) ([]byte, error) { return s.c.store.RawBlock(h) }

// Undo implements Store.
func (s *historyStore) Undo(h types.Hash) (consensus.Undo, error) { return s.c.store.Undo(h) }

// HasBlock implements Store.
func (s *historyStore) HasBlock(h types.Hash) (bool, error) { return s.c.store.HasBlock(h) }

// HasUndo implements Store.
func (s *historyStore) HasUndo(h types.Hash) (bool, error) { return s.c.store.HasUndo(h) }

// BlockBytes implements Store.
func (s *historyStore) BlockBytes(h types.Hash) (int64, error) { return s.c.store.BlockBytes(h) }

// DropBlocks implements Store.
func (s *historyStore) DropBlocks(hs []types.Hash) error { return s.c.store.DropBlocks(hs) }

// Size implements Store.
func (s *historyStore) Size() (Size, error) { return s.c.store.Size() }
