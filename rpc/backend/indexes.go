package backend

import (
	"context"
	"fmt"

	"github.com/cairn-chain/cairn/types"
)

// What the handlers need of the optional indexes. Their answers are of the best chain, up to where the index has come. Every method may
// wait until an index that was complete has followed the tip of the moment of the call.

// ErrTooMany: the answer would be too long to be put together.
var ErrTooMany = fmt.Errorf("too many unspent outputs to sum up; read them page by page")

// FoundTx is a transaction in a block.
type FoundTx struct {
	Tx    *types.Tx
	Block types.Hash
	Index int // in the block
}

// TxIndex finds the block of a transaction. Errors of Find: ErrNotFound, ErrNotSynced if it may be above the height that the index has
// reached, ErrPruned.
type TxIndex interface {
	Find(ctx context.Context, id types.Hash) (FoundTx, error)
	// Synced returns the height that the index has reached, and whether that is the tip's.
	Synced() (height int32, synced bool)
}

// SpentIndex finds what spent an output in a block. Errors of Find are TxIndex's; ErrNotFound means that nothing did.
type SpentIndex interface {
	Find(ctx context.Context, op types.OutPoint) (FoundTx, error)
	Synced() (height int32, synced bool)
}

// At is the block to which an answer belongs.
type At struct {
	Hash   types.Hash
	Height int32
}

// ScriptEvent is a transaction in the history of a script. Amounts are in the smallest unit.
type ScriptEvent struct {
	Height int32
	Index  int // of the transaction in its block
	TxID   types.Hash
	// Funding and Spending tell whether outputs pay the script, and whether inputs spend from it.
	Funding, Spending bool
	Received, Sent    int64
}

// ScriptCoin is an unspent output of a script.
type ScriptCoin struct {
	types.OutPoint
	Height   int32
	Value    int64
	Coinbase bool
}

// ScriptBalance sums up the unspent outputs of a script.
type ScriptBalance struct {
	Coins    int64
	Value    int64
	Coinbase int64 // the part of Value from coinbases
}

// ScriptIndex knows history and unspent outputs of every output script. Errors: ErrNotSynced while it is checked or repaired, ErrTooMany.
type ScriptIndex interface {
	// History returns up to most events in the order of the chain, from a height and a number in that block on.
	History(ctx context.Context, lock []byte, height int32, number, most int) ([]ScriptEvent, At, error)
	// Coins returns up to most unspent outputs behind after, nil for the first; in the order of height, id and output.
	Coins(ctx context.Context, lock []byte, after *ScriptCoin, most int) ([]ScriptCoin, At, error)
	Balance(ctx context.Context, lock []byte) (ScriptBalance, At, error)
	Synced() (height int32, synced bool)
}
