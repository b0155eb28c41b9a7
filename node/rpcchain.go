package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/types"
)

// chainRPC shows the chain to the RPC's handlers: backend.Chain, backend.Blocks, backend.Ledger and backend.Steer.
type chainRPC struct{ n *Node }

func entryOf(c *chain.Node) backend.Entry {
	return backend.Entry{Ancestry: c, HaveBlock: c.HaveBlock(), Pruned: c.Pruned(), Status: c.Status(), TxCount: c.TxCount(), ChainTxCount: int64(c.ChainTxCount())}
}

func (r chainRPC) Tip() backend.Entry        { return entryOf(r.n.chain.Tip()) }
func (r chainRPC) BestHeader() backend.Entry { return entryOf(r.n.chain.BestHeader()) }

func (r chainRPC) Lookup(h types.Hash) (backend.Entry, bool) { return found(r.n.chain.Lookup(h)) }

func (r chainRPC) AtHeight(height int32) (backend.Entry, bool) {
	return found(r.n.chain.AtHeight(height))
}

func found(c *chain.Node) (backend.Entry, bool) {
	if c == nil {
		return backend.Entry{}, false
	}
	return entryOf(c), true
}

func (r chainRPC) Tips() []backend.Entry {
	var entries []backend.Entry
	for _, c := range r.n.chain.Tips() {
		entries = append(entries, entryOf(c))
	}
	return entries
}

func (r chainRPC) Subscribe() (<-chan struct{}, func()) { return r.n.chain.Subscribe() }

func (r chainRPC) Syncing() bool { return !r.n.synced() }

func (r chainRPC) Block(h types.Hash) (*types.Block, error) {
	b, err := r.n.chain.Block(h)
	return b, r.stored(h, err)
}

func (r chainRPC) RawBlock(h types.Hash) ([]byte, error) {
	b, err := r.n.chain.RawBlock(h)
	return b, r.stored(h, err)
}

func (r chainRPC) Undo(h types.Hash) (consensus.Undo, error) {
	u, err := r.n.chain.Undo(h)
	return u, r.stored(h, err)
}

// stored gives the RPC's error for a block that is not there.
func (r chainRPC) stored(h types.Hash, err error) error {
	if !errors.Is(err, chain.ErrNotStored) {
		return err
	}
	switch n := r.n.chain.Lookup(h); {
	case n == nil:
		return backend.ErrNotFound
	case n.Pruned():
		return backend.ErrPruned
	}
	return backend.ErrNotDownloaded
}

func (r chainRPC) DiskSize() int64 {
	size, err := r.n.store.Size()
	if err != nil {
		return 0
	}
	return size.Blocks
}

func (r chainRPC) Coins(ops []types.OutPoint) (consensus.Coins, error) { return r.n.chain.Coins(ops) }

// SetInfo reads the whole set; it waits for the ledger, so that set and tip belong together.
func (r chainRPC) SetInfo(ctx context.Context, kind backend.SetKind) (backend.SetInfo, error) {
	info, err := r.n.chain.SetInfo(ctx)
	if err != nil {
		return backend.SetInfo{}, err
	}
	out := backend.SetInfo{Height: info.Height, Best: info.Hash, Coins: int64(info.Coins), Txs: int64(info.Transactions),
		Amount: info.Amount, Bogo: int64(info.BogoSize), Disk: info.DiskSize}
	switch kind {
	case backend.SetMuHash:
		out.Hash, out.HasHash = info.MuHash, true
	case backend.SetSerialized:
		out.Hash, out.HasHash = info.HashSerialized, true
	}
	return out, nil
}

func (r chainRPC) Scan(ctx context.Context, each func(consensus.CoinEntry) error) (backend.Entry, error) {
	at, err := r.n.chain.EachCoin(ctx, each)
	if err != nil {
		return backend.Entry{}, err
	}
	return entryOf(at), nil
}

func (r chainRPC) Verify(ctx context.Context, _, depth int) (bool, error) {
	if depth <= 0 {
		depth = int(r.n.chain.Tip().Height())
	}
	err := r.n.chain.Verify(ctx, depth, nil)
	if consensus.KindOf(err) != "" || errors.Is(err, chain.ErrDamaged) || errors.Is(err, chain.ErrNotStored) {
		r.n.cfg.Log.Error("verifychain found a fault", "err", err)
		return false, nil
	}
	return err == nil, err
}

// Invalidate refuses genesis here, where it is the caller's fault: from the chain it would pass for a failure of our own,
// which ends the node.
func (r chainRPC) Invalidate(ctx context.Context, h types.Hash) error {
	if h == r.n.cfg.Params.Genesis.Hash() {
		return errors.New("genesis cannot be invalidated")
	}
	if b := r.n.chain.Lookup(h); b != nil && b.Assumed() {
		return fmt.Errorf("block %d lies below the snapshot that this node began with, whose history is not validated yet: the chain cannot go back behind it", b.Height())
	}
	if b := r.n.chain.Lookup(h); b != nil && b.Pruned() {
		return fmt.Errorf("block %d was pruned, and those up to block %d with it: the chain cannot go back behind them", b.Height(), r.n.chain.PruneHeight())
	}
	return r.steer(ctx, h, r.n.chain.Invalidate)
}

func (r chainRPC) Reconsider(ctx context.Context, h types.Hash) error {
	return r.steer(ctx, h, r.n.chain.Reconsider)
}

func (r chainRPC) Precious(ctx context.Context, h types.Hash) error {
	return r.steer(ctx, h, r.n.chain.Precious)
}

func (r chainRPC) steer(ctx context.Context, h types.Hash, f func(types.Hash) error) error {
	if r.n.chain.Lookup(h) == nil {
		return backend.ErrNotFound
	}
	return r.n.doFirst(ctx, func() error {
		before := r.n.chain.Tip()
		err := f(h)
		r.n.ledger.check(err)
		r.n.ledger.steered(before)
		return err
	})
}

func (r chainRPC) TestBlock(ctx context.Context, b *types.Block) error {
	return r.n.doFirst(ctx, func() error { return r.n.chain.TestBlock(b) })
}

// submitRPC is backend.Submit.
type submitRPC struct{ n *Node }

func (r submitRPC) Block(ctx context.Context, b *types.Block) (known bool, err error) {
	err = r.n.doFirst(ctx, func() (err error) {
		known, err = r.n.ledger.addBlock(0, b)
		return err
	})
	return known, err
}

func (r submitRPC) Header(ctx context.Context, h types.Header) error {
	return r.n.doFirst(ctx, func() error { return r.n.ledger.addHeaders(0, []types.Header{h}) })
}
