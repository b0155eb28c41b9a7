package pool

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

func feeMethods() []chainjson.Method {
	target := jsonrpc.Required("conf_target", jsonrpc.TypeNumber, "Confirmation target in blocks (1 - 1008)")
	return []chainjson.Method{
		{Name: "estimatesmartfee", Topic: chainjson.TopicUtil, Help: "Estimates the feerate at which a transaction is confirmed within conf_target blocks, from what became of earlier transactions, as Bitcoin Core does. While too little is known of the past, the estimate is the feerate " +
			"that the mempool, as it is now, leaves room for within the space of so many blocks.",
			Params: []jsonrpc.Param{target, jsonrpc.Optional("estimate_mode", jsonrpc.TypeString, "economical", "unset, economical or conservative")},
			Result: "{...}    (json object) feerate in coins per 1000 virtual bytes, or errors; and blocks", Example: "6", Run: estimateSmartFee},
		{Name: "estimaterawfee", Topic: chainjson.TopicUtil, Help: "Shows what each horizon of the estimator says, and of which groups of feerates.",
			Params: []jsonrpc.Param{target, jsonrpc.Optional("threshold", jsonrpc.TypeNumber, "0.95", "The proportion of transactions in a given feerate range that must have been confirmed within conf_target")},
			Result: "{...}    (json object) short, medium, long {feerate, decay, scale, pass and fail {startrange, endrange, withintarget, totalconfirmed, inmempool, leftmempool}, errors}", Example: "6 0.9", Run: estimateRawFee},
	}
}

// maxConfTarget is the longest wait, in blocks, for which a fee is estimated.
const maxConfTarget = 1008

func confTarget(c *chainjson.Call) (int64, error) {
	target, err := c.Num(0, 0)
	if err != nil {
		return 0, err
	}
	if target < 1 || target > maxConfTarget {
		return 0, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid conf_target, must be between 1 and %d", maxConfTarget)
	}
	return target, nil
}

func estimateSmartFee(_ context.Context, c *chainjson.Call) (any, error) {
	target, err := confTarget(c)
	if err != nil {
		return nil, err
	}
	conservative := false
	switch c.StrOr(1, "unset") {
	case "unset", "economical", "UNSET", "ECONOMICAL":
	case "conservative", "CONSERVATIVE":
		conservative = true
	default:
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, `Invalid estimate_mode parameter, must be one of: "unset", "economical", "conservative"`)
	}
	info := c.Mempool.Info()
	floor := max(info.FeeFloor, info.MinRelay)
	if c.Fees != nil {
		if rate, blocks, ok := c.Fees.Smart(int(target), conservative); ok {
			return jsonrpc.Obj("feerate", chainjson.PerKVByte(max(rate, floor)), "blocks", blocks), nil
		}
	}
	if !info.Loaded || c.Chain.Syncing() {
		return jsonrpc.Obj("errors", []string{"Insufficient data or no feerate found"}, "blocks", target), nil
	}
	rate := floor
	if full := roomFor(c, target); full > 0 {
		rate = max(full+info.IncrementalRelay, floor)
	}
	return jsonrpc.Obj("feerate", chainjson.PerKVByte(rate), "blocks", target), nil
}

// roomFor is the highest feerate at which the pool does not fit into so many blocks, 0 if all of it fits.
func roomFor(c *chainjson.Call, target int64) int64 {
	var pool []poolOffer
	for _, id := range c.Mempool.IDs() {
		if e, ok := c.Mempool.Entry(id); ok {
			pool = append(pool, poolOffer{packageRate(e), int64(e.Tx.Weight())})
		}
	}
	return roomAt(pool, target*types.MaxBlockWeight)
}

// packageRate is at what rate a miner takes an entry: its own, or with its parents if that is less.
func packageRate(e backend.MempoolEntry) int64 {
	return min(chainjson.FeeRate(e.ModifiedFee, e.VSize), chainjson.FeeRate(e.Ancestors.Fees, e.Ancestors.VSize))
}

// poolOffer is what a transaction of the pool offers: a feerate, for so much weight.
type poolOffer struct{ rate, weight int64 }

// roomAt is the highest rate at which the pool does not fit into weight units any more, 0 if all fits.
func roomAt(pool []poolOffer, weight int64) int64 {
	slices.SortFunc(pool, func(a, b poolOffer) int { return cmp.Compare(b.rate, a.rate) })
	for _, e := range pool {
		if weight -= e.weight; weight < 0 {
			return e.rate
		}
	}
	return 0
}

func estimateRawFee(_ context.Context, c *chainjson.Call) (any, error) {
	target, err := confTarget(c)
	if err != nil {
		return nil, err
	}
	share := 0.95
	if c.Given(1) {
		if share, err = jsonrpc.AsFloat(c.Args[1]); err != nil {
			return nil, err
		}
	}
	if share < 0 || share > 1 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid threshold")
	}
	f := jsonrpc.Fields{}
	if c.Fees == nil {
		return f, nil
	}
	for _, horizon := range []string{"short", "medium", "long"} {
		if raw, ok := c.Fees.Raw(horizon, int(target), share); ok {
			f.Add(horizon, rawFeeFields(raw))
		}
	}
	return f, nil
}

func rawFeeFields(raw backend.RawFee) jsonrpc.Fields {
	if raw.FeeRate < 0 {
		return jsonrpc.Obj("decay", raw.Decay, "scale", raw.Scale, "fail", bucketFields(raw.Fail),
			"errors", []string{"Insufficient data or no feerate found which meets threshold"})
	}
	f := jsonrpc.Obj("feerate", chainjson.PerKVByte(int64(math.Round(raw.FeeRate))), "decay", raw.Decay, "scale", raw.Scale, "pass", bucketFields(raw.Pass))
	if raw.Fail.End > 0 {
		f.Add("fail", bucketFields(raw.Fail))
	}
	return f
}

// bucketFields rounds as Core does: feerates to whole numbers, counts to two digits.
func bucketFields(b backend.FeeBucket) jsonrpc.Fields {
	two := func(v float64) float64 { return math.Round(v*100) / 100 }
	return jsonrpc.Obj("startrange", math.Round(b.Start), "endrange", math.Round(min(b.End, 1e15)), "withintarget", two(b.WithinTarget),
		"totalconfirmed", two(b.TotalConfirmed), "inmempool", two(b.InMempool), "leftmempool", two(b.LeftMempool))
}
