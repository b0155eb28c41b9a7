package chainjson

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// bitsHex, workHex and targetHex print as Core does: 8, 64 and 64 digits.
func BitsHex(bits uint32) string      { return fmt.Sprintf("%08x", bits) }
func WorkHex(w consensus.Work) string { return fmt.Sprintf("%064x", w.Big()) }
func versionHex(version int32) string { return fmt.Sprintf("%08x", uint32(version)) }
func TargetHex(bits uint32) string    { return fmt.Sprintf("%064x", targetOf(bits)) }
func UnixSeconds(unix uint32) int64   { return int64(unix) }
func PerKVByte(rate int64) Amount     { return Amount(rate) }
func FeeRate(fee, vsize int64) int64  { return fee * 1000 / max(vsize, 1) }

func targetOf(bits uint32) *big.Int {
	target, ok := consensus.TargetFromBits(bits)
	if !ok {
		return new(big.Int)
	}
	return target
}

func Warnings(c *Call) []string {
	if w := c.Node.Warnings(); w != nil {
		return w
	}
	return []string{}
}

// OnBest tells whether a block is on the best chain.
func OnBest(c *Call, e consensus.Ancestry) bool {
	at, ok := c.Chain.AtHeight(e.Height())
	return ok && at.Hash() == e.Hash()
}

// Entry finds the block whose hash parameter i is.
func (c *Call) Entry(i int) (backend.Entry, error) {
	h, err := c.Hash(i)
	if err != nil {
		return backend.Entry{}, err
	}
	e, ok := c.Chain.Lookup(h)
	if !ok {
		return backend.Entry{}, jsonrpc.Fail(jsonrpc.CodeNotFound, "Block not found")
	}
	return e, nil
}

// Confirmations is how many blocks stand on the best chain from e up, itself counted; −1 off it.
func Confirmations(c *Call, e consensus.Ancestry) int32 {
	if !OnBest(c, e) {
		return -1
	}
	return max(c.Chain.Tip().Height()-e.Height(), 0) + 1
}

func Header(c *Call, e backend.Entry) jsonrpc.Fields {
	h := e.Header()
	f := jsonrpc.Obj(
		"hash", e.Hash(),
		"confirmations", Confirmations(c, e),
		"height", e.Height(),
		"version", h.Version,
		"versionHex", versionHex(h.Version),
		"merkleroot", h.MerkleRoot,
		"time", UnixSeconds(h.Time),
		"mediantime", e.MedianTime(),
		"nonce", h.Nonce,
		"bits", BitsHex(h.Bits),
		"target", TargetHex(h.Bits),
		"difficulty", consensus.Difficulty(h.Bits),
		"chainwork", WorkHex(e.Work()),
		"nTx", e.TxCount,
	)
	if e.Height() > 0 {
		f.Add("previousblockhash", h.PrevHash)
	}
	if next, ok := c.Chain.AtHeight(e.Height() + 1); ok {
		if nh := next.Header(); nh.PrevHash == e.Hash() {
			f.Add("nextblockhash", next.Hash())
		}
	}
	return f
}

// BlockError gives Core's words to why a block's bytes could not be had.
func BlockError(err error) error {
	switch {
	case errors.Is(err, backend.ErrNotFound):
		return jsonrpc.Fail(jsonrpc.CodeNotFound, "Block not found")
	case errors.Is(err, backend.ErrNotDownloaded):
		return jsonrpc.Fail(jsonrpc.CodeMisc, "Block not available (not fully downloaded)")
	case errors.Is(err, backend.ErrPruned):
		return jsonrpc.Fail(jsonrpc.CodeMisc, "Block not available (pruned data)")
	}
	return err
}

// Block reads the block of e.
func (c *Call) Block(e backend.Entry) (*types.Block, error) {
	if !e.HaveBlock && !e.Pruned {
		return nil, BlockError(backend.ErrNotDownloaded)
	}
	b, err := c.Blocks.Block(e.Hash())
	if err != nil {
		return nil, BlockError(err)
	}
	return b, nil
}

// Undo reads the coins that the block's transactions spent, nil if they are not there.
func (c *Call) Undo(e backend.Entry) (consensus.Undo, error) {
	if e.Height() == 0 {
		return nil, nil
	}
	u, err := c.Blocks.Undo(e.Hash())
	if errors.Is(err, backend.ErrNotFound) || errors.Is(err, backend.ErrPruned) {
		return nil, nil
	}
	return u, err
}

// Block is what getblock says of a block, verbosity 1 to 3.
func Block(c *Call, e backend.Entry, b *types.Block, verbosity int64) (any, error) {
	e.TxCount = len(b.Txs)
	f := Header(c, e)
	f.Add("strippedsize", b.BaseSize())
	f.Add("size", b.Size())
	f.Add("weight", b.Weight())
	txs, err := blockTxs(c, e, b, verbosity)
	f.Add("tx", txs)
	return f, err
}

func blockTxs(c *Call, e backend.Entry, b *types.Block, verbosity int64) (any, error) {
	if verbosity == 1 {
		ids := make([]types.Hash, len(b.Txs))
		for i, tx := range b.Txs {
			ids[i] = tx.ID()
		}
		return Hashes(ids), nil
	}
	undo, err := c.Undo(e)
	if err != nil {
		return nil, err
	}
	views := make([]TxView, len(b.Txs))
	for i, tx := range b.Txs {
		views[i] = TxView{Tx: tx, Hex: true, Prevouts: verbosity >= 3}
		if i > 0 && i-1 < len(undo) {
			views[i].Spent = undo[i-1]
		}
	}
	return txJSON{c, views, true}, nil
}
