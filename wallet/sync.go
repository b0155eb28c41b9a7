package wallet

import (
	"context"
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

const (
	// syncBatch is how many headers and filters are asked for at once.
	syncBatch = 500
	// saveEvery is after how many blocks a long sync is written to disk.
	saveEvery = 20 * syncBatch
	// syncRetries is how often a sync starts over because the node's chain changed under it.
	syncRetries = 5
	// maxPoolLook bounds the mempool that is searched for incoming payments, in transactions.
	maxPoolLook = 2000
)

// Errors of Sync that say that a node is not what it should be. The wallet believes nothing of
// what came with them.
var (
	ErrOtherChain = errors.New("the node is on another network than the wallet")
	ErrNodeLies   = errors.New("the node sent data that contradict themselves; nothing of them was believed")

	errMoved = errors.New("the node's chain kept changing; try again")
)

// SyncResult says what a Sync did.
type SyncResult struct {
	Height  int32 // of the tip now
	Scanned int   // blocks whose filter was looked at
	Fetched int   // blocks that were read whole
	// Undone is how many blocks left the chain since the last sync; Rescanned that the fork was too
	// deep and all was looked at again.
	Undone    int
	Rescanned bool
	// LessWork says that the node's chain has less work than the one that the wallet followed before:
	// the node may be behind, or cut off.
	LessWork bool
	// Refused are own unconfirmed transactions that the node would not take back.
	Refused []Refusal
}

// Refusal is a transaction that a node did not take, and why.
type Refusal struct {
	TxID   types.Hash
	Reason string
}

// Sync follows the node's best chain: it takes back the blocks that left it, checks each new
// header (links, work, all rules of headers) and filter (against the chain of filter headers),
// and reads the blocks whose filter matches an own script, which must hash to their header. Then it looks
// for pending payments in the mempool and sends own transactions again that the node does not
// have. progress, which may be nil, is told the height reached and that of the node's tip. What was found is saved,
// also if ctx ends or the node fails half-way.
func (w *Wallet) Sync(ctx context.Context, node Node, progress func(height, tip int32)) (SyncResult, error) {
	s := &syncer{w: w, node: node, progress: progress, before: w.chain.tip().work}
	err := s.run(ctx)
	w.view.settle(w.chain.height())
	if err == nil {
		err = s.pending(ctx)
		w.view.settle(w.chain.height())
	}
	s.result.Height = w.chain.height()
	s.result.LessWork = err == nil && w.chain.tip().work.Cmp(s.before) < 0
	return s.result, errors.Join(err, w.save())
}

// syncer is one Sync at work.
type syncer struct {
	w        *Wallet
	node     Node
	progress func(height, tip int32)
	before   consensus.Work
	unsaved  int
	// noFilters is set when the node says that it keeps none.
	noFilters bool
	result    SyncResult
}

func (s *syncer) run(ctx context.Context) error {
	if err := s.checkGenesis(ctx); err != nil {
		return err
	}
	for range syncRetries {
		err := s.follow(ctx)
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return errMoved
}

// checkGenesis compares the first block of both chains and, at the first sync, takes the first
// filter.
func (s *syncer) checkGenesis(ctx context.Context) error {
	hashes, err := s.node.Hashes(ctx, 0, 1)
	if err != nil {
		return fmt.Errorf("ask the node for its first block: %w", err)
	}
	if len(hashes) != 1 || hashes[0] != s.w.params.Genesis.Hash() {
		return ErrOtherChain
	}
	c := s.w.chain
	if c.height() > 0 {
		return nil
	}
	filters, err := s.filters(ctx, hashes)
	if err != nil || s.noFilters {
		return err
	}
	if err := c.setGenesisFilter(filters[0]); err != nil {
		return fmt.Errorf("%w: %w", ErrNodeLies, err)
	}
	return nil
}

// follow brings the wallet to the node's tip.
func (s *syncer) follow(ctx context.Context) error {
	height, hash, err := s.node.Tip(ctx)
	if err != nil {
		return fmt.Errorf("ask the node for its tip: %w", err)
	}
	if hash == s.w.chain.tip().hash {
		return nil
	}
	if err := s.backToFork(ctx, height); err != nil {
		return err
	}
	for s.w.chain.height() < height {
		n := min(syncBatch, int(height-s.w.chain.height()))
		if err := s.batch(ctx, n); err != nil {
			return err
		}
		if s.progress != nil {
			s.progress(s.w.chain.height(), height)
		}
		if s.unsaved += n; s.unsaved >= saveEvery {
			s.unsaved = 0
			if err := s.w.save(); err != nil {
				return err
			}
		}
	}
	return nil
}

// backToFork takes back all blocks that are not on the node's chain, whose tip is at height.
func (s *syncer) backToFork(ctx context.Context, height int32) error {
	fork, err := s.findFork(ctx, height)
	if err != nil {
		return err
	}
	c := s.w.chain
	if fork < 0 {
		s.result.Rescanned = true
		if err := s.w.rescan(); err != nil {
			return err
		}
		return s.checkGenesis(ctx)
	}
	if fork < c.height() {
		s.result.Undone += int(c.height() - fork)
		c.rollback(fork)
		s.w.unplaceAbove(fork)
	}
	return nil
}

// findFork returns the height of the last block that both chains have, −1 if it lies below what
// the wallet remembers. It asks for ever more hashes, from the top.
func (s *syncer) findFork(ctx context.Context, height int32) (int32, error) {
	c := s.w.chain
	high, low := min(height, c.height()), c.lowestFork()
	for n := int32(4); high >= low; n *= 4 {
		from := max(high-n+1, low)
		hashes, err := s.node.Hashes(ctx, from, int(high-from+1))
		if err != nil {
			return 0, fmt.Errorf("ask the node for block hashes: %w", err)
		}
		if len(hashes) != int(high-from+1) {
			return 0, ErrNodeLies
		}
		for i := len(hashes) - 1; i >= 0; i-- {
			if h := from + int32(i); c.at(h).hash == hashes[i] {
				return h, nil
			}
		}
		high = from - 1
	}
	if low == 0 {
		return 0, ErrOtherChain
	}
	return -1, nil
}

// unplaceAbove takes the transactions of blocks above height out of the chain.
func (w *Wallet) unplaceAbove(height int32) {
	for _, r := range w.view.records {
		if r.height > height {
			r.height, r.block, r.pooled = unplaced, types.Hash{}, false
		}
	}
}

// batch looks at the next n blocks.
func (s *syncer) batch(ctx context.Context, n int) error {
	hashes, err := s.node.Hashes(ctx, s.w.chain.height()+1, n)
	if err != nil {
		return fmt.Errorf("ask the node for block hashes: %w", err)
	}
	headers, err := s.node.Headers(ctx, hashes)
	if err != nil {
		return fmt.Errorf("ask the node for headers: %w", err)
	}
	filters, err := s.filters(ctx, hashes)
	if err != nil {
		return err
	}
	if len(hashes) != n || len(headers) != n {
		return ErrNodeLies
	}
	for i := range headers {
		if headers[i].Hash() != hashes[i] {
			return fmt.Errorf("%w: a header does not have the hash that was asked for", ErrNodeLies)
		}
		if err := s.step(ctx, &headers[i], filters[i]); err != nil {
			return err
		}
	}
	return nil
}

// filters asks for filters; all are nil if the node keeps none.
func (s *syncer) filters(ctx context.Context, hashes []types.Hash) ([]*Filter, error) {
	out := make([]*Filter, len(hashes))
	if s.noFilters {
		return out, nil
	}
	filters, err := s.node.Filters(ctx, hashes)
	switch {
	case errors.Is(err, ErrNoFilters):
		s.noFilters = true
		return out, nil
	case err != nil:
		return nil, fmt.Errorf("ask the node for compact block filters: %w", err)
	case len(filters) != len(hashes):
		return nil, ErrNodeLies
	}
	for i := range filters {
		out[i] = &filters[i]
	}
	return out, nil
}

// step takes one block onto the chain. If it fails the wallet stands at the block before.
func (s *syncer) step(ctx context.Context, h *types.Header, f *Filter) error {
	c := s.w.chain
	if h.PrevHash != c.tip().hash {
		return errMoved
	}
	if err := c.extend(h, f, s.w.now()); err != nil {
		return fmt.Errorf("%w: %w", ErrNodeLies, err)
	}
	if err := s.look(ctx, f); err != nil {
		c.rollback(c.height() - 1)
		s.w.unplaceAbove(c.height())
		return err
	}
	s.result.Scanned++
	return nil
}

// look matches the filter of the chain's tip against the own scripts and scans the block if it
// matches, or if there is no filter.
func (s *syncer) look(ctx context.Context, f *Filter) error {
	hash := s.w.chain.tip().hash
	var decoded *filter
	if f != nil {
		var err error
		if decoded, err = decodeFilter(hash, f.Data); err != nil {
			return fmt.Errorf("%w: %w", ErrNodeLies, err)
		}
		if !decoded.hasAny(s.w.keys.scripts) {
			return nil
		}
	}
	b, err := s.node.Block(ctx, hash)
	if err != nil {
		return fmt.Errorf("ask the node for a block: %w", err)
	}
	s.result.Fetched++
	if err := s.checkBlock(b, hash, decoded); err != nil {
		return fmt.Errorf("%w: block %s: %w", ErrNodeLies, hash, err)
	}
	return s.scan(b)
}

// checkBlock makes sure that a block is the one that was asked for, down to the last output, and that
// its filter does not leave out any output. (That it has all spent scripts cannot be known without
// the coins.)
func (s *syncer) checkBlock(b *types.Block, hash types.Hash, f *filter) error {
	if b == nil || b.Header.Hash() != hash {
		return errors.New("another block was sent")
	}
	if err := consensus.CheckBlock(s.w.params, b); err != nil {
		return err
	}
	if f == nil {
		return nil
	}
	for _, tx := range b.Txs {
		for i := range tx.Out {
			pkScript := tx.Out[i].Script
			if len(pkScript) > 0 && pkScript[0] != opReturn && !f.has(pkScript) {
				return errors.New("its filter leaves out an output")
			}
		}
	}
	return nil
}

// opReturn begins the outputs that BIP158 leaves out of filters.
const opReturn = 0x6a

// scan places the block's own transactions. A payment may make new scripts own ones, whose payments
// can stand earlier in the block, so it looks again until nothing new is found.
func (s *syncer) scan(b *types.Block) error {
	for again := true; again; {
		again = false
		for _, tx := range b.Txs {
			if !s.w.view.touches(tx) {
				continue
			}
			grew, err := s.w.place(tx, s.w.chain.height(), b)
			if err != nil {
				return err
			}
			again = again || grew
		}
	}
	return nil
}

// place notes that a transaction is in block b at height.
func (w *Wallet) place(tx *types.Tx, height int32, b *types.Block) (grew bool, err error) {
	r := w.view.byID[tx.ID()]
	if r == nil {
		w.seq++
		r = &record{tx: tx, seq: w.seq}
		if grew, err = w.view.add(r); err != nil {
			return false, err
		}
	}
	r.tx = tx // the witness may differ from the one that was seen before
	r.height, r.block, r.time = height, b.Hash(), int64(b.Header.Time)
	return grew, nil
}

// pending looks at the mempool: which unconfirmed transactions does it have, which ones pay to the
// wallet, and which own ones does it lack.
func (s *syncer) pending(ctx context.Context) error {
	ids, err := s.node.Mempool(ctx)
	if err != nil {
		return fmt.Errorf("ask the node for its mempool: %w", err)
	}
	pooled := make(map[types.Hash]bool, len(ids))
	for _, id := range ids {
		pooled[id] = true
	}
	for _, r := range s.w.view.records {
		r.pooled = !r.confirmed() && pooled[r.tx.ID()]
	}
	if len(ids) <= maxPoolLook {
		if err := s.incoming(ctx, ids, pooled); err != nil {
			return err
		}
	}
	s.w.view.settle(s.w.chain.height())
	return s.rebroadcast(ctx)
}

// incoming reads the transactions of the mempool that the wallet does not know.
func (s *syncer) incoming(ctx context.Context, ids []types.Hash, pooled map[types.Hash]bool) error {
	var unknown []types.Hash
	for _, id := range ids {
		if s.w.view.byID[id] == nil {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	txs, err := s.node.MempoolTxs(ctx, unknown)
	if err != nil {
		return fmt.Errorf("ask the node for transactions of its mempool: %w", err)
	}
	for again := true; again; {
		again = false
		for _, tx := range txs {
			if tx == nil || !pooled[tx.ID()] || s.w.view.byID[tx.ID()] != nil || !s.w.view.touches(tx) {
				continue
			}
			if tx.IsCoinbase() || consensus.CheckTx(s.w.params, tx) != nil {
				continue
			}
			s.w.seq++
			r := &record{tx: tx, height: unplaced, time: s.w.now().Unix(), pooled: true, seq: s.w.seq}
			if _, err := s.w.view.add(r); err != nil {
				return err
			}
			again = true
		}
	}
	return nil
}

// rebroadcast sends pending own transactions that the mempool lacks, parents first.
func (s *syncer) rebroadcast(ctx context.Context) error {
	for _, r := range s.w.view.records {
		id := r.tx.ID()
		if !r.own || r.pooled || s.w.view.status[id] != Pending {
			continue
		}
		err := s.node.Broadcast(ctx, r.tx)
		var refused *Rejected
		switch {
		case errors.As(err, &refused):
			s.result.Refused = append(s.result.Refused, Refusal{TxID: id, Reason: refused.Reason})
		case err != nil:
			return fmt.Errorf("send a transaction again: %w", err)
		default:
			r.pooled = true
		}
	}
	return nil
}
