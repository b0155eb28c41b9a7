package rpc

import (
	"context"
	"encoding/hex"
)

func blockMethods() []apiMethod {
	return []apiMethod{
		{Name: "getblock", Topic: topicBlockchain, Help: "With verbosity 0, returns the block's bytes in hexadecimal. With 1 an object that describes the block; with 2 the same with its transactions, their fees among it; with 3 " +
			"with the outputs that the inputs spend, too.",
			Params:  []Param{required("blockhash", TypeHex, "The block hash"), optional("verbosity|verbose", TypeAny, "1", "0 for hexadecimal data, 1, 2 or 3 for an object")},
			Result:  `"hex" or {...}    hash, confirmations, height, version, versionHex, merkleroot, time, mediantime, nonce, bits, target, difficulty, chainwork, nTx, previousblockhash, nextblockhash, strippedsize, size, weight, tx`,
			Example: `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09"`, Run: getBlock},
		{Name: "getblockheader", Topic: topicBlockchain, Help: "Returns a block's header: an object, or the 80 bytes in hexadecimal if verbose is false.",
			Params:  []Param{required("blockhash", TypeHex, "The block hash"), optional("verbose", TypeBool, "true", "true for a json object, false for the hex-encoded data")},
			Result:  `"hex" or {...}    hash, confirmations, height, version, versionHex, merkleroot, time, mediantime, nonce, bits, target, difficulty, chainwork, nTx, previousblockhash, nextblockhash`,
			Example: `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09"`, Run: getBlockHeader},
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
