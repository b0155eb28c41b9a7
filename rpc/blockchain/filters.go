package blockchain

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func filterMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "getblockfilter", Topic: chainjson.TopicBlockchain, Help: "Returns a BIP157 content filter for a particular block, if the node keeps an index of them.",
			Params: []jsonrpc.Param{jsonrpc.Required("blockhash", jsonrpc.TypeHex, "The hash of the block"), jsonrpc.Optional("filtertype", jsonrpc.TypeString, "basic", "The type name of the filter")},
			Result: "{...}    (json object) filter and header, in hexadecimal", Example: `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09" "basic"`, Run: getBlockFilter},
	}
}

func getBlockFilter(_ context.Context, c *chainjson.Call) (any, error) {
	hash, err := c.Hash(0)
	if err != nil {
		return nil, err
	}
	if kind := c.StrOr(1, "basic"); kind != "basic" {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Unknown filtertype")
	}
	if c.Filters == nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Index is not enabled for filtertype basic")
	}
	e, ok := c.Chain.Lookup(hash)
	if !ok {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Block not found")
	}
	filter, header, err := c.Filters.Filter(hash)
	switch {
	case errors.Is(err, backend.ErrNotSynced) || errors.Is(err, backend.ErrNotFound) && chainjson.OnBest(c, e):
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Filter not found. Block filters are still in the process of being indexed.")
	case errors.Is(err, backend.ErrNotFound) && !e.HaveBlock:
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Filter not found. Block was not connected to active chain.")
	case errors.Is(err, backend.ErrNotFound):
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Filter not found. This error is unexpected and indicates index corruption or a block that never was on the active chain.")
	case err != nil:
		return nil, err
	}
	return jsonrpc.Obj("filter", hex.EncodeToString(filter), "header", header), nil
}
