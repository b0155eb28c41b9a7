package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/index"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/types"
)

// indexes are the optional indexes beside the filter index; nil is one that is not kept.
type indexes struct {
	tx      *index.Tx
	spent   *index.Spent
	scripts *index.Script
}

// list returns those that are kept.
func (x *indexes) list() (kept []*index.Follower) {
	if x.tx != nil {
		kept = append(kept, x.tx.Follower)
	}
	if x.spent != nil {
		kept = append(kept, x.spent.Follower)
	}
	if x.scripts != nil {
		kept = append(kept, x.scripts.Follower)
	}
	return kept
}

func (n *Node) keepsIndexes() bool {
	return n.keepsFilters() || n.cfg.TxIndex || n.cfg.SpentIndex || n.cfg.ScriptHashIndex
}

// openIndexes opens what the configuration asks for. What it does not ask for stays on disk, and goes on from there when it is asked
// for again.
func (n *Node) openIndexes() (err error) {
	if err := n.openFilters(); err != nil {
		return err
	}
	if n.cfg.TxIndex {
		if n.indexes.tx, err = index.OpenTx(n.indexKV); err != nil {
			return err
		}
	}
	if n.cfg.SpentIndex {
		if n.indexes.spent, err = index.OpenSpent(n.indexKV); err != nil {
			return err
		}
	}
	if n.cfg.ScriptHashIndex {
		if n.indexes.scripts, err = index.OpenScript(n.indexKV); err != nil {
			return err
		}
	}
	for _, x := range n.indexes.list() {
		if err := n.keepFor(x.Name(), x.Position); err != nil {
			return err
		}
	}
	return nil
}

// closeIndexes notes that they were left in order, unless the node is killed, and closes the database.
func (n *Node) closeIndexes() error {
	if n.indexKV == nil {
		return nil
	}
	var errs []error
	for _, x := range n.indexes.list() {
		if !n.abandon {
			errs = append(errs, x.Close())
		}
	}
	return errors.Join(append(errs, n.indexKV.Close())...)
}

// followAll starts a loop for each index that is kept.
func (n *Node) followAll(ctx context.Context) {
	if n.filters != nil {
		n.spawn(func() { n.follow(ctx, func() error { return n.filters.Sync(ctx, n.chain) }) })
	}
	for _, x := range n.indexes.list() {
		n.spawn(func() { n.follow(ctx, func() error { return n.catchUp(ctx, x) }) })
	}
}

// follow calls sync whenever the chain's bell rings.
func (n *Node) follow(ctx context.Context, sync func() error) {
	bell, cancel := n.chain.Subscribe()
	defer cancel()
	for {
		if err := sync(); err != nil && !errors.Is(err, chain.ErrHistory) && ctx.Err() == nil {
			n.fail(err)
			return
		}
		n.indexed.fire()
		select {
		case <-ctx.Done():
			return
		case <-bell:
		}
	}
}

// indexNews is after how many blocks the log tells how far an index is.
const indexNews = 2000

// catchUp brings an index to the tip. A long way is told of in the log.
func (n *Node) catchUp(ctx context.Context, x *index.Follower) error {
	blocks := 0
	err := x.Sync(ctx, n.chain, func() {
		if blocks++; blocks%indexNews == 0 {
			n.logOf(logIndex).Info("an index is being built", "index", x.Name(), "height", x.Position().Height, "tip", n.chain.Tip().Height())
		}
	})
	if err == nil && blocks >= indexNews {
		n.logOf(logIndex).Info("an index has caught up", "index", x.Name(), "height", x.Position().Height, "entries", x.Entries())
	}
	if errors.Is(err, chain.ErrNotStored) {
		return fmt.Errorf("%w; an index needs all blocks from where it stands: switch it off, or fetch the blocks again", err)
	}
	return err
}

// past tells whether a position is at a block or above it. One on blocks that the chain has left, above it or not, has still to come back.
func (n *Node) past(pos chain.Position, b *chain.Node) bool {
	at := n.chain.Lookup(pos.Hash)
	return at != nil && at.Active() && at.Height() >= b.Height() && at.Ancestor(b.Height()).Hash() == b.Hash()
}

// reaches waits until an index stands on the best chain at a block or above it, or the chain has left the block behind.
func (n *Node) reaches(ctx context.Context, position func() chain.Position, tip *chain.Node) error {
	for {
		moved := n.indexed.next()
		if _, assumed := n.chain.Assumed(); assumed {
			return nil // it waits for the history
		}
		if n.past(position(), tip) || !tip.Active() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.halted:
			return errStopped
		case <-moved:
		}
	}
}

// An index that has not stood at the tip since the start is being built or checked, which may take hours, and is not waited for. Yet one
// that is nearLag blocks behind or less, as that of a node which has just begun, is mostly there in a moment; it is waited for, nearWait
// at most.
const (
	nearLag  = 288
	nearWait = 30 * time.Second
)

// settled waits until an index that was complete, or nearly is, has followed the chain to where it stands now.
func (n *Node) settled(ctx context.Context, x *index.Follower) error {
	tip := n.chain.Tip()
	if !x.CaughtUp() {
		if tip.Height()-x.Position().Height > nearLag {
			return nil
		}
		if caught, err := n.catches(ctx, x); !caught {
			return err
		}
	}
	return n.reaches(ctx, x.Position, tip)
}

// catches waits until an index has stood at the tip, nearWait at most, and tells whether it has.
func (n *Node) catches(ctx context.Context, x *index.Follower) (bool, error) {
	late := time.NewTimer(nearWait)
	defer late.Stop()
	for {
		moved := n.indexed.next()
		if _, assumed := n.chain.Assumed(); assumed || x.CaughtUp() {
			return !assumed, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-n.halted:
			return false, errStopped
		case <-late.C:
			return false, nil
		case <-moved:
		}
	}
}

// indexRPC is what rpc's three index interfaces share.
type indexRPC struct {
	n *Node
	*index.Follower
}

func (r indexRPC) Synced() (height int32, synced bool) {
	pos := r.Position()
	return pos.Height, pos.Hash == r.n.chain.Tip().Hash()
}

// verdict gives the RPC's error for one of an index: what is not found may only not have been reached.
func (r indexRPC) verdict(err error) error {
	switch {
	case errors.Is(err, index.ErrNotReady):
		return backend.ErrNotSynced
	case errors.Is(err, index.ErrNotFound):
		if _, synced := r.Synced(); !synced && !r.CaughtUp() {
			return backend.ErrNotSynced
		}
		return backend.ErrNotFound
	}
	return err
}

// blocks is index.Blocks.
func (r indexRPC) blocks(tip chain.Position, height int32) (types.Hash, []byte, error) {
	at := r.n.chain.Lookup(tip.Hash)
	if at == nil || height > at.Height() {
		return types.Hash{}, nil, fmt.Errorf("%s: no block at height %d: %w", r.Name(), height, chain.ErrDamaged)
	}
	hash := at.Ancestor(height).Hash()
	raw, err := chainRPC{r.n}.RawBlock(hash)
	return hash, raw, err
}

// txIndexRPC is backend.TxIndex.
type txIndexRPC struct {
	indexRPC
	x *index.Tx
}

func (r txIndexRPC) Find(ctx context.Context, id types.Hash) (backend.FoundTx, error) {
	if err := r.n.settled(ctx, r.Follower); err != nil {
		return backend.FoundTx{}, err
	}
	p, err := r.x.Find(id, r.blocks)
	return backend.FoundTx{Tx: p.Tx, Block: p.Block, Index: p.Index}, r.verdict(err)
}

// spentIndexRPC is backend.SpentIndex.
type spentIndexRPC struct {
	indexRPC
	x *index.Spent
}

func (r spentIndexRPC) Find(ctx context.Context, op types.OutPoint) (backend.FoundTx, error) {
	if err := r.n.settled(ctx, r.Follower); err != nil {
		return backend.FoundTx{}, err
	}
	p, err := r.x.Find(op, r.blocks)
	return backend.FoundTx{Tx: p.Tx, Block: p.Block, Index: p.Index}, r.verdict(err)
}

// scriptIndexRPC is backend.ScriptIndex.
type scriptIndexRPC struct {
	indexRPC
	x *index.Script
}

func (r scriptIndexRPC) History(ctx context.Context, lock []byte, height int32, number, most int) ([]backend.ScriptEvent, backend.At, error) {
	if err := r.n.settled(ctx, r.Follower); err != nil {
		return nil, backend.At{}, err
	}
	events, at, err := r.x.History(lock, height, number, most)
	list := make([]backend.ScriptEvent, len(events))
	for i, e := range events {
		list[i] = backend.ScriptEvent(e)
	}
	return list, backend.At(at), r.verdict(err)
}

func (r scriptIndexRPC) Coins(ctx context.Context, lock []byte, after *backend.ScriptCoin, most int) ([]backend.ScriptCoin, backend.At, error) {
	if err := r.n.settled(ctx, r.Follower); err != nil {
		return nil, backend.At{}, err
	}
	coins, at, err := r.x.Coins(lock, (*index.Coin)(after), most)
	list := make([]backend.ScriptCoin, len(coins))
	for i, c := range coins {
		list[i] = backend.ScriptCoin(c)
	}
	return list, backend.At(at), r.verdict(err)
}

func (r scriptIndexRPC) Balance(ctx context.Context, lock []byte) (backend.ScriptBalance, backend.At, error) {
	if err := r.n.settled(ctx, r.Follower); err != nil {
		return backend.ScriptBalance{}, backend.At{}, err
	}
	b, at, err := r.x.Balance(lock)
	if errors.Is(err, index.ErrTooMany) {
		err = backend.ErrTooMany
	}
	return backend.ScriptBalance(b), backend.At(at), r.verdict(err)
}

// addIndexes fills in what the RPC may ask of the indexes.
func (n *Node) addIndexes(b *backend.Parts) {
	if n.filters != nil {
		b.Filters = filtersRPC{n}
	}
	if x := n.indexes.tx; x != nil {
		b.TxIndex = txIndexRPC{indexRPC{n, x.Follower}, x}
	}
	if x := n.indexes.spent; x != nil {
		b.SpentIndex = spentIndexRPC{indexRPC{n, x.Follower}, x}
	}
	if x := n.indexes.scripts; x != nil {
		b.ScriptIndex = scriptIndexRPC{indexRPC{n, x.Follower}, x}
	}
}
