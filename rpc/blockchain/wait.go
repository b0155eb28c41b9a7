package blockchain

import (
	"context"
	"errors"
	"time"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

func waitMethods() []chainjson.Method {
	timeout := jsonrpc.Optional("timeout", jsonrpc.TypeNumber, "0", "Time in milliseconds to wait for a response. 0 indicates no timeout.")
	const result = "{...}    (json object) hash and height of the tip, when the call returns"
	return []chainjson.Method{
		{Name: "waitfornewblock", Topic: chainjson.TopicBlockchain, Help: "Waits for any new tip and returns it. Returns the current tip on timeout or exit.",
			Params: []jsonrpc.Param{timeout, jsonrpc.Optional("current_tip", jsonrpc.TypeHex, "the tip at the time of the call", "Wait for the tip to differ from this")},
			Result: result, Example: "1000", Run: waitForNewBlock},
		{Name: "waitforblock", Topic: chainjson.TopicBlockchain, Help: "Waits for a specific block to be the tip and returns it. Returns the current tip on timeout or exit.",
			Params: []jsonrpc.Param{jsonrpc.Required("blockhash", jsonrpc.TypeHex, "Block hash to wait for"), timeout},
			Result: result, Example: `"0000000000079f8ef3d2c688c244eb7a4570b24c9ed7b4a8c619eb02596f8862" 1000`, Run: waitForBlock},
		{Name: "waitforblockheight", Topic: chainjson.TopicBlockchain, Help: "Waits for the tip to have at least the given height and returns it. Returns the current tip on timeout or exit.",
			Params: []jsonrpc.Param{jsonrpc.Required("height", jsonrpc.TypeNumber, "Block height to wait for"), timeout},
			Result: result, Example: "100 1000", Run: waitForBlockHeight},
		{Name: "syncwithvalidationinterfacequeue", Topic: chainjson.TopicBlockchain, Help: "Waits until the mempool and all indexes have followed what the chain did before this call.",
			Result: "null", Run: syncWithQueue},
	}
}

// waitTip returns the first tip that is good, or the tip as it is when ms milliseconds (0: any
// time) or ctx end.
func waitTip(ctx context.Context, c *chainjson.Call, ms int64, good func(backend.Entry) bool) (any, error) {
	if ms < 0 {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Negative timeout")
	}
	if ms > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(min(ms, int64(100*365*24*time.Hour/time.Millisecond)))*time.Millisecond)
		defer cancel()
	}
	bell, stop := c.Chain.Subscribe()
	defer stop()
	for {
		tip := c.Chain.Tip()
		if good(tip) || ctx.Err() != nil {
			return jsonrpc.Obj("hash", tip.Hash(), "height", tip.Height()), nil
		}
		select {
		case <-bell:
		case <-ctx.Done():
		}
	}
}

func waitForNewBlock(ctx context.Context, c *chainjson.Call) (any, error) {
	ms, err := c.Num(0, 0)
	if err != nil {
		return nil, err
	}
	from := c.Chain.Tip().Hash()
	if c.Given(1) {
		if from, err = c.Hash(1); err != nil {
			return nil, err
		}
	}
	return waitTip(ctx, c, ms, func(tip backend.Entry) bool { return tip.Hash() != from })
}

func waitForBlock(ctx context.Context, c *chainjson.Call) (any, error) {
	hash, err := c.Hash(0)
	if err != nil {
		return nil, err
	}
	ms, err := c.Num(1, 0)
	if err != nil {
		return nil, err
	}
	return waitTip(ctx, c, ms, func(tip backend.Entry) bool { return tip.Hash() == hash })
}

func waitForBlockHeight(ctx context.Context, c *chainjson.Call) (any, error) {
	height, err := c.Num32(0, 0)
	if err != nil {
		return nil, err
	}
	ms, err := c.Num(1, 0)
	if err != nil {
		return nil, err
	}
	return waitTip(ctx, c, ms, func(tip backend.Entry) bool { return tip.Height() >= height })
}

func syncWithQueue(ctx context.Context, c *chainjson.Call) (any, error) {
	return nil, c.Node.Settle(ctx)
}

func steerMethods() []chainjson.Method {
	hash := jsonrpc.Required("blockhash", jsonrpc.TypeHex, "The hash of the block")
	const example = `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09"`
	return []chainjson.Method{
		{Name: "invalidateblock", Topic: chainjson.TopicBlockchain, Help: "Permanently marks a block as invalid, as if it violated a consensus rule.",
			Params: []jsonrpc.Param{hash}, Result: "null", Example: example, Run: steerBy(backend.Steer.Invalidate)},
		{Name: "reconsiderblock", Topic: chainjson.TopicBlockchain, Help: "Removes invalidity status of a block, its ancestors and its descendants, and reconsiders them for activation. This undoes the effects of invalidateblock.",
			Params: []jsonrpc.Param{hash}, Result: "null", Example: example, Run: steerBy(backend.Steer.Reconsider)},
		{Name: "preciousblock", Topic: chainjson.TopicBlockchain, Help: "Treats a block as if it were received before others with the same work. A later preciousblock call can override the effect of an earlier one.",
			Params: []jsonrpc.Param{hash}, Result: "null", Example: example, Run: steerBy(backend.Steer.Precious)},
		{Name: "verifychain", Topic: chainjson.TopicBlockchain, Help: "Verifies the last blocks of the chain again.",
			Params: []jsonrpc.Param{jsonrpc.Optional("checklevel", jsonrpc.TypeNumber, "3", "How thorough the verification is, 0 to 4; this node checks blocks, undo data and connection whatever the level"),
				jsonrpc.Optional("nblocks", jsonrpc.TypeNumber, "6", "The number of blocks, 0 for all")},
			Result: "true|false    (boolean) Verification finished successfully. If false, check the log for the reason.", Example: "3 100", Run: verifyChain},
	}
}

func steerBy(do func(backend.Steer, context.Context, types.Hash) error) func(context.Context, *chainjson.Call) (any, error) {
	return func(ctx context.Context, c *chainjson.Call) (any, error) {
		e, err := c.Entry(0)
		if err != nil {
			return nil, err
		}
		err = do(c.Steer, ctx, e.Hash())
		if errors.Is(err, backend.ErrNotFound) {
			return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Block not found")
		}
		return nil, err
	}
}

func verifyChain(ctx context.Context, c *chainjson.Call) (any, error) {
	level, err := c.Num32(0, 3)
	if err != nil {
		return nil, err
	}
	depth, err := c.Num32(1, 6)
	if err != nil {
		return nil, err
	}
	return c.Ledger.Verify(ctx, int(max(0, min(level, 4))), int(max(depth, 0)))
}
