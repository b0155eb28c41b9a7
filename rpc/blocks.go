package rpc

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

func blockMethods() []Method {
	return []Method{
		{Name: "getblock", Topic: topicBlockchain, Help: "With verbosity 0, returns the block's bytes in hexadecimal. With 1 an object that describes the block; with 2 the same with its transactions, their fees among it; with 3 " +
			"with the outputs that the inputs spend, too.",
			Params:  []Param{required("blockhash", TypeHex, "The block hash"), optional("verbosity|verbose", TypeAny, "1", "0 for hexadecimal data, 1, 2 or 3 for an object")},
			Result:  `"hex" or {...}    hash, confirmations, height, version, versionHex, merkleroot, time, mediantime, nonce, bits, target, difficulty, chainwork, nTx, previousblockhash, nextblockhash, strippedsize, size, weight, tx`,
			Example: `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09"`, run: getBlock},
		{Name: "getblockheader", Topic: topicBlockchain, Help: "Returns a block's header: an object, or the 80 bytes in hexadecimal if verbose is false.",
			Params:  []Param{required("blockhash", TypeHex, "The block hash"), optional("verbose", TypeBool, "true", "true for a json object, false for the hex-encoded data")},
			Result:  `"hex" or {...}    hash, confirmations, height, version, versionHex, merkleroot, time, mediantime, nonce, bits, target, difficulty, chainwork, nTx, previousblockhash, nextblockhash`,
			Example: `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09"`, run: getBlockHeader},
	}
}

func getBlockHeader(_ context.Context, c *call) (any, error) {
	e, err := c.entry(0)
	if err != nil {
		return nil, err
	}
	if !c.boolOr(1, true) {
		h := e.Header()
		return hex.EncodeToString(h.Append(nil)), nil
	}
	return headerFields(c, e), nil
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

func getBlock(_ context.Context, c *call) (any, error) {
	e, err := c.entry(0)
	if err != nil {
		return nil, err
	}
	verbosity, err := c.flagOrNum(1, 1)
	if err != nil {
		return nil, err
	}
	if verbosity <= 0 {
		raw, err := c.Blocks.RawBlock(e.Hash())
		if err != nil {
			return nil, blockError(err)
		}
		return hexBytes(raw), nil
	}
	b, err := c.block(e)
	if err != nil {
		return nil, err
	}
	return describeBlock(c, e, b, verbosity)
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
		return ids, nil
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
