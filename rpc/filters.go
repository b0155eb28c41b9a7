package rpc

import (
	"context"
	"encoding/hex"
	"errors"
)

func filterMethods() []apiMethod {
	return []apiMethod{
		{Name: "getblockfilter", Topic: topicBlockchain, Help: "Returns a BIP157 content filter for a particular block, if the node keeps an index of them.",
			Params: []Param{required("blockhash", TypeHex, "The hash of the block"), optional("filtertype", TypeString, "basic", "The type name of the filter")},
			Result: "{...}    (json object) filter and header, in hexadecimal", Example: `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09" "basic"`, Run: getBlockFilter},
	}
}

func getBlockFilter(_ context.Context, c *call) (any, error) {
	hash, err := c.hash(0)
	if err != nil {
		return nil, err
	}
	if kind := c.strOr(1, "basic"); kind != "basic" {
		return nil, fail(CodeNotFound, "Unknown filtertype")
	}
	if c.Filters == nil {
		return nil, fail(CodeMisc, "Index is not enabled for filtertype basic")
	}
	e, ok := c.Chain.Lookup(hash)
	if !ok {
		return nil, fail(CodeNotFound, "Block not found")
	}
	filter, header, err := c.Filters.Filter(hash)
	switch {
	case errors.Is(err, ErrNotSynced) || errors.Is(err, ErrNotFound) && onBest(c, e):
		return nil, fail(CodeMisc, "Filter not found. Block filters are still in the process of being indexed.")
	case errors.Is(err, ErrNotFound) && !e.HaveBlock:
		return nil, fail(CodeMisc, "Filter not found. Block was not connected to active chain.")
	case errors.Is(err, ErrNotFound):
		return nil, fail(CodeMisc, "Filter not found. This error is unexpected and indicates index corruption or a block that never was on the active chain.")
	case err != nil:
		return nil, err
	}
	return obj("filter", hex.EncodeToString(filter), "header", header), nil
}
