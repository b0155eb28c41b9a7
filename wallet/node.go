package wallet

import (
	"context"
	"errors"

	"github.com/cairn-chain/cairn/types"
)

// Node is what a wallet needs of a node. Nothing that it returns is believed unless it can be
// checked. Errors are passed to the user with a word on what was asked; a *Rejected from Broadcast
// is the node's verdict, every other error means that the question could not be asked.
type Node interface {
	// Tip returns the height and hash of the best block.
	Tip(ctx context.Context) (height int32, hash types.Hash, err error)
	// Hashes returns the hashes of the best chain at the heights from, from+1, …, from+n−1.
	Hashes(ctx context.Context, from int32, n int) ([]types.Hash, error)
	// Headers returns the header of each of the blocks, in order.
	Headers(ctx context.Context, blocks []types.Hash) ([]types.Header, error)
	// Filters returns the basic compact filter of each of the blocks, in order, or ErrNoFilters if the
	// node keeps none; the wallet then reads every block.
	Filters(ctx context.Context, blocks []types.Hash) ([]Filter, error)
	// Block returns one block with its witnesses.
	Block(ctx context.Context, hash types.Hash) (*types.Block, error)
	// Broadcast hands a transaction to the node's mempool. It returns nil if the node has it
	// already.
	Broadcast(ctx context.Context, tx *types.Tx) error
	// FeeRate returns the feerate in the smallest unit per 1,000 virtual bytes at which the node
	// expects a transaction to confirm soon, and never less than it relays.
	FeeRate(ctx context.Context) (int64, error)
	// Mempool returns the ids of all transactions in the node's mempool.
	Mempool(ctx context.Context) ([]types.Hash, error)
	// MempoolTxs returns the transactions that are still in the mempool; others are left out.
	MempoolTxs(ctx context.Context, ids []types.Hash) ([]*types.Tx, error)
}

// ErrNoFilters is returned by a Node that has no index of compact block filters.
var ErrNoFilters = errors.New("the node keeps no compact block filters")

// Filter is a basic compact block filter (BIP158) and its header (BIP157) as a node states them.
type Filter struct {
	Data   []byte
	Header types.Hash
}

// Rejected says that a node refused a transaction, with its reason.
type Rejected struct{ Reason string }

// Error names the reason.
func (e *Rejected) Error() string { return "the node refused the transaction: " + e.Reason }
