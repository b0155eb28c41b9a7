package rpc

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

func utilMethods() []Method {
	var echoParams []Param
	for i := range 10 {
		echoParams = append(echoParams, optional(fmt.Sprintf("arg%d", i), TypeAny, "", "any JSON value"))
	}
	return []Method{
		{Name: "validateaddress", Topic: topicUtil, Help: "Return information about the given address.",
			Params: []Param{required("address", TypeString, "The address to validate")},
			Result: "{...}    (json object) isvalid, address, scriptPubKey, isscript, iswitness, witness_version, witness_program; error_locations and error if it is not valid", Example: `"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"`, run: validateAddress},
		{Name: "estimatesmartfee", Topic: topicUtil, Help: "Estimates the feerate at which a transaction enters one of the next conf_target blocks. The estimate is simple: the feerate that the mempool, as it is now, leaves room for within the space of so " +
			"many blocks, one step above what just fails to fit, and never below the mempool's floor. It knows nothing of transactions still to come.",
			Params: []Param{required("conf_target", TypeNumber, "Confirmation target in blocks (1 - 1008)"), optional("estimate_mode", TypeString, "economical", "unset, economical or conservative; without effect")},
			Result: "{...}    (json object) feerate in coins per 1000 virtual bytes, or errors; and blocks", Example: "6", run: estimateSmartFee},
		{Name: "echo", Topic: topicUtil, Help: "Simply echo back the input arguments. For testing.", Params: echoParams, Result: "[...]    the parameters", Example: "1 true", run: echo},
		{Name: "echojson", Topic: topicUtil, Help: "Simply echo back the input arguments. For testing.", Params: echoParams, Result: "[...]    the parameters", Example: "1 true", run: echo},
	}
}

func validateAddress(_ context.Context, c *call) (any, error) {
	params := c.Node.Params().Addresses()
	lock, err := script.DecodeAddress(params, c.str(0))
	if err != nil {
		return obj("isvalid", false, "error_locations", []any{}, "error", err.Error()), nil
	}
	address, ok := script.EncodeAddress(params, lock)
	if !ok {
		address = c.str(0)
	}
	class, _ := script.Classify(lock)
	version, program, witness := script.WitnessProgram(lock)
	f := obj("isvalid", true, "address", address, "scriptPubKey", hex.EncodeToString(lock),
		"isscript", class == script.ScriptHash || class == script.WitnessScriptHash || class == script.Taproot, "iswitness", witness)
	if witness {
		f.add("witness_version", version)
		f.add("witness_program", hex.EncodeToString(program))
	}
	return f, nil
}

// maxConfTarget is the longest wait, in blocks, for which a fee is estimated.
const maxConfTarget = 1008

func estimateSmartFee(_ context.Context, c *call) (any, error) {
	target, err := c.num(0, 0)
	if err != nil {
		return nil, err
	}
	if target < 1 || target > maxConfTarget {
		return nil, fail(CodeInvalidParameter, "Invalid conf_target, must be between 1 and %d", maxConfTarget)
	}
	switch c.strOr(1, "unset") {
	case "unset", "economical", "conservative", "UNSET", "ECONOMICAL", "CONSERVATIVE":
	default:
		return nil, fail(CodeInvalidParameter, `Invalid estimate_mode parameter, must be one of: "unset", "economical", "conservative"`)
	}
	info := c.Mempool.Info()
	if !info.Loaded || c.Chain.Syncing() {
		return obj("errors", []string{"Insufficient data or no feerate found"}, "blocks", target), nil
	}
	var pool []rateWeight
	for _, id := range c.Mempool.IDs() {
		if e, ok := c.Mempool.Entry(id); ok {
			pool = append(pool, rateWeight{packageRate(e), int64(e.Tx.Weight())})
		}
	}
	floor := max(info.FeeFloor, info.MinRelay)
	rate := floor
	if full := roomAt(pool, target*types.MaxBlockWeight); full > 0 {
		rate = max(full+info.IncrementalRelay, floor)
	}
	return obj("feerate", perKVByte(rate), "blocks", target), nil
}

// packageRate is at what rate a miner takes an entry: its own, or with its parents if that is less.
func packageRate(e MempoolEntry) int64 {
	return min(feeRateOf(e.ModifiedFee, e.VSize), feeRateOf(e.Ancestors.Fees, e.Ancestors.VSize))
}

// roomAt is the highest rate at which the pool does not fit into weight units any more, 0 if all fits.
func roomAt(pool []rateWeight, weight int64) int64 {
	slices.SortFunc(pool, func(a, b rateWeight) int { return cmp.Compare(b.rate, a.rate) })
	for _, e := range pool {
		if weight -= e.weight; weight < 0 {
			return e.rate
		}
	}
	return 0
}

func echo(_ context.Context, c *call) (any, error) {
	list := slices.Clone(c.args)
	for len(list) > 0 && list[len(list)-1] == nil {
		list = list[:len(list)-1]
	}
	return list, nil
}

func splitHostPort(hostport string) (host string, port int) {
	host, text, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport, 0
	}
	port, err = strconv.Atoi(text)
	if err != nil {
		return host, 0
	}
	return host, port
}
