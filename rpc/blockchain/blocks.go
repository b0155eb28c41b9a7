package blockchain

import (
	"context"
	"encoding/hex"

	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func blockMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "getblock", Topic: chainjson.TopicBlockchain, Help: "With verbosity 0, returns the block's bytes in hexadecimal. With 1 an object that describes the block; with 2 the same with its transactions, their fees among it; with 3 " +
			"with the outputs that the inputs spend, too.",
			Params:  []jsonrpc.Param{jsonrpc.Required("blockhash", jsonrpc.TypeHex, "The block hash"), jsonrpc.Optional("verbosity|verbose", jsonrpc.TypeAny, "1", "0 for hexadecimal data, 1, 2 or 3 for an object")},
			Result:  `"hex" or {...}    hash, confirmations, height, version, versionHex, merkleroot, time, mediantime, nonce, bits, target, difficulty, chainwork, nTx, previousblockhash, nextblockhash, strippedsize, size, weight, tx`,
			Example: `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09"`, Run: getBlock},
		{Name: "getblockheader", Topic: chainjson.TopicBlockchain, Help: "Returns a block's header: an object, or the 80 bytes in hexadecimal if verbose is false.",
			Params:  []jsonrpc.Param{jsonrpc.Required("blockhash", jsonrpc.TypeHex, "The block hash"), jsonrpc.Optional("verbose", jsonrpc.TypeBool, "true", "true for a json object, false for the hex-encoded data")},
			Result:  `"hex" or {...}    hash, confirmations, height, version, versionHex, merkleroot, time, mediantime, nonce, bits, target, difficulty, chainwork, nTx, previousblockhash, nextblockhash`,
			Example: `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09"`, Run: getBlockHeader},
	}
}

func getBlockHeader(_ context.Context, c *chainjson.Call) (any, error) {
	e, err := c.Entry(0)
	if err != nil {
		return nil, err
	}
	if !c.BoolOr(1, true) {
		h := e.Header()
		return hex.EncodeToString(h.Append(nil)), nil
	}
	return chainjson.Header(c, e), nil
}

func getBlock(_ context.Context, c *chainjson.Call) (any, error) {
	e, err := c.Entry(0)
	if err != nil {
		return nil, err
	}
	verbosity, err := c.FlagOrNum(1, 1)
	if err != nil {
		return nil, err
	}
	if verbosity <= 0 {
		raw, err := c.Blocks.RawBlock(e.Hash())
		if err != nil {
			return nil, chainjson.BlockError(err)
		}
		return jsonrpc.Hex(raw), nil
	}
	b, err := c.Block(e)
	if err != nil {
		return nil, err
	}
	return chainjson.Block(c, e, b, verbosity)
}
