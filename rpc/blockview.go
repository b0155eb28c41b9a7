package rpc

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// bitsHex, workHex and targetHex print as Core does: 8, 64 and 64 digits.
func bitsHex(bits uint32) string       { return fmt.Sprintf("%08x", bits) }
func workHex(w consensus.Work) string  { return fmt.Sprintf("%064x", w.Big()) }
func versionHex(version int32) string  { return fmt.Sprintf("%08x", uint32(version)) }
func targetHex(bits uint32) string     { return fmt.Sprintf("%064x", targetOf(bits)) }
func unixSeconds(unix uint32) int64    { return int64(unix) }
func perKVByte(rate int64) Amount      { return Amount(rate) }
func feeRateOf(fee, vsize int64) int64 { return fee * 1000 / max(vsize, 1) }

func targetOf(bits uint32) *big.Int {
	target, ok := consensus.TargetFromBits(bits)
	if !ok {
		return new(big.Int)
	}
	return target
}

func warnings(c *call) []string {
	if w := c.Node.Warnings(); w != nil {
		return w
	}
	return []string{}
}

// onBest tells whether a block is on the best chain.
func onBest(c *call, e consensus.Ancestry) bool {
	at, ok := c.Chain.AtHeight(e.Height())
	return ok && at.Hash() == e.Hash()
}

// entry finds the block whose hash parameter i is.
func (c *call) entry(i int) (Entry, error) {
	h, err := c.hash(i)
	if err != nil {
		return Entry{}, err
	}
	e, ok := c.Chain.Lookup(h)
	if !ok {
		return Entry{}, fail(CodeNotFound, "Block not found")
	}
	return e, nil
}

// confirmations is how many blocks stand on the best chain from e up, itself counted; −1 off it.
func confirmations(c *call, e consensus.Ancestry) int32 {
	if !onBest(c, e) {
		return -1
	}
	return max(c.Chain.Tip().Height()-e.Height(), 0) + 1
}

func headerFields(c *call, e Entry) fields {
	h := e.Header()
	f := obj(
		"hash", e.Hash(),
		"confirmations", confirmations(c, e),
		"height", e.Height(),
		"version", h.Version,
		"versionHex", versionHex(h.Version),
		"merkleroot", h.MerkleRoot,
		"time", unixSeconds(h.Time),
		"mediantime", e.MedianTime(),
		"nonce", h.Nonce,
		"bits", bitsHex(h.Bits),
		"target", targetHex(h.Bits),
		"difficulty", consensus.Difficulty(h.Bits),
		"chainwork", workHex(e.Work()),
		"nTx", e.TxCount,
	)
	if e.Height() > 0 {
		f.add("previousblockhash", h.PrevHash)
	}
	if next, ok := c.Chain.AtHeight(e.Height() + 1); ok {
		if nh := next.Header(); nh.PrevHash == e.Hash() {
			f.add("nextblockhash", next.Hash())
		}
	}
	return f
}

// blockError gives Core's words to why a block's bytes could not be had.
func blockError(err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return fail(CodeNotFound, "Block not found")
	case errors.Is(err, ErrNotDownloaded):
		return fail(CodeMisc, "Block not available (not fully downloaded)")
	case errors.Is(err, ErrPruned):
		return fail(CodeMisc, "Block not available (pruned data)")
	}
	return err
}

// block reads the block of e.
func (c *call) block(e Entry) (*types.Block, error) {
	if !e.HaveBlock && !e.Pruned {
		return nil, blockError(ErrNotDownloaded)
	}
	b, err := c.Blocks.Block(e.Hash())
	if err != nil {
		return nil, blockError(err)
	}
	return b, nil
}

// undo reads the coins that the block's transactions spent, nil if they are not there.
func (c *call) undo(e Entry) (consensus.Undo, error) {
	if e.Height() == 0 {
		return nil, nil
	}
	u, err := c.Blocks.Undo(e.Hash())
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrPruned) {
		return nil, nil
	}
	return u, err
}

// describeBlock is what getblock says of a block, verbosity 1 to 3.
func describeBlock(c *call, e Entry, b *types.Block, verbosity int64) (any, error) {
	e.TxCount = len(b.Txs)
	f := headerFields(c, e)
	f.add("strippedsize", b.BaseSize())
	f.add("size", b.Size())
	f.add("weight", b.Weight())
	txs, err := blockTxs(c, e, b, verbosity)
	f.add("tx", txs)
	return f, err
}

func blockTxs(c *call, e Entry, b *types.Block, verbosity int64) (any, error) {
	if verbosity == 1 {
		ids := make([]types.Hash, len(b.Txs))
		for i, tx := range b.Txs {
			ids[i] = tx.ID()
		}
		return hashes(ids), nil
	}
	undo, err := c.undo(e)
	if err != nil {
		return nil, err
	}
	list := make([]fields, len(b.Txs))
	for i, tx := range b.Txs {
		view := txView{tx: tx, hex: true, prevouts: verbosity >= 3}
		if i > 0 && i-1 < len(undo) {
			view.spent = undo[i-1]
		}
		list[i] = view.fields(c)
	}
	return list, nil
}
