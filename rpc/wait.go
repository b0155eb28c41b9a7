package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/cairn-chain/cairn/types"
)

func waitMethods() []apiMethod {
	timeout := optional("timeout", TypeNumber, "0", "Time in milliseconds to wait for a response. 0 indicates no timeout.")
	const result = "{...}    (json object) hash and height of the tip, when the call returns"
	return []apiMethod{
		{Name: "waitfornewblock", Topic: topicBlockchain, Help: "Waits for any new tip and returns it. Returns the current tip on timeout or exit.",
			Params: []Param{timeout, optional("current_tip", TypeHex, "the tip at the time of the call", "Wait for the tip to differ from this")},
			Result: result, Example: "1000", Run: waitForNewBlock},
		{Name: "waitforblock", Topic: topicBlockchain, Help: "Waits for a specific block to be the tip and returns it. Returns the current tip on timeout or exit.",
			Params: []Param{required("blockhash", TypeHex, "Block hash to wait for"), timeout},
			Result: result, Example: `"0000000000079f8ef3d2c688c244eb7a4570b24c9ed7b4a8c619eb02596f8862" 1000`, Run: waitForBlock},
		{Name: "waitforblockheight", Topic: topicBlockchain, Help: "Waits for the tip to have at least the given height and returns it. Returns the current tip on timeout or exit.",
			Params: []Param{required("height", TypeNumber, "Block height to wait for"), timeout},
			Result: result, Example: "100 1000", Run: waitForBlockHeight},
		{Name: "syncwithvalidationinterfacequeue", Topic: topicBlockchain, Help: "Waits until the mempool and all indexes have followed what the chain did before this call.",
			Result: "null", Run: syncWithQueue},
	}
}

// waitTip returns the first tip that is good, or the tip as it is when ms milliseconds (0: any
// time) or ctx end.
func waitTip(ctx context.Context, c *call, ms int64, good func(Entry) bool) (any, error) {
	if ms < 0 {
		return nil, fail(CodeMisc, "Negative timeout")
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
			return obj("hash", tip.Hash(), "height", tip.Height()), nil
		}
		select {
		case <-bell:
		case <-ctx.Done():
		}
	}
}

func waitForNewBlock(ctx context.Context, c *call) (any, error) {
	ms, err := c.num(0, 0)
	if err != nil {
		return nil, err
	}
	from := c.Chain.Tip().Hash()
	if c.given(1) {
		if from, err = c.hash(1); err != nil {
			return nil, err
		}
	}
	return waitTip(ctx, c, ms, func(tip Entry) bool { return tip.Hash() != from })
}

func waitForBlock(ctx context.Context, c *call) (any, error) {
	hash, err := c.hash(0)
	if err != nil {
		return nil, err
	}
	ms, err := c.num(1, 0)
	if err != nil {
		return nil, err
	}
	return waitTip(ctx, c, ms, func(tip Entry) bool { return tip.Hash() == hash })
}

func waitForBlockHeight(ctx context.Context, c *call) (any, error) {
	height, err := c.num32(0, 0)
	if err != nil {
		return nil, err
	}
	ms, err := c.num(1, 0)
	if err != nil {
		return nil, err
	}
	return waitTip(ctx, c, ms, func(tip Entry) bool { return tip.Height() >= height })
}

func syncWithQueue(ctx context.Context, c *call) (any, error) { return nil, c.Node.Settle(ctx) }

func steerMethods() []apiMethod {
	hash := required("blockhash", TypeHex, "The hash of the block")
	const example = `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09"`
	return []apiMethod{
		{Name: "invalidateblock", Topic: topicBlockchain, Help: "Permanently marks a block as invalid, as if it violated a consensus rule.",
			Params: []Param{hash}, Result: "null", Example: example, Run: steerBy(Steer.Invalidate)},
		{Name: "reconsiderblock", Topic: topicBlockchain, Help: "Removes invalidity status of a block, its ancestors and its descendants, and reconsiders them for activation. This undoes the effects of invalidateblock.",
			Params: []Param{hash}, Result: "null", Example: example, Run: steerBy(Steer.Reconsider)},
		{Name: "preciousblock", Topic: topicBlockchain, Help: "Treats a block as if it were received before others with the same work. A later preciousblock call can override the effect of an earlier one.",
			Params: []Param{hash}, Result: "null", Example: example, Run: steerBy(Steer.Precious)},
		{Name: "verifychain", Topic: topicBlockchain, Help: "Verifies the last blocks of the chain again.",
			Params: []Param{optional("checklevel", TypeNumber, "3", "How thorough the verification is, 0 to 4; this node checks blocks, undo data and connection whatever the level"),
				optional("nblocks", TypeNumber, "6", "The number of blocks, 0 for all")},
			Result: "true|false    (boolean) Verification finished successfully. If false, check the log for the reason.", Example: "3 100", Run: verifyChain},
	}
}

func steerBy(do func(Steer, context.Context, types.Hash) error) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		e, err := c.entry(0)
		if err != nil {
			return nil, err
		}
		err = do(c.Steer, ctx, e.Hash())
		if errors.Is(err, ErrNotFound) {
			return nil, fail(CodeNotFound, "Block not found")
		}
		return nil, err
	}
}

func verifyChain(ctx context.Context, c *call) (any, error) {
	level, err := c.num32(0, 3)
	if err != nil {
		return nil, err
	}
	depth, err := c.num32(1, 6)
	if err != nil {
		return nil, err
	}
	return c.Ledger.Verify(ctx, int(max(0, min(level, 4))), int(max(depth, 0)))
}
