package blockchain

import (
	"cmp"
	"context"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

func statsMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "getchaintxstats", Topic: chainjson.TopicBlockchain, Help: "Computes statistics about the total number and rate of transactions in the chain.",
			Params: []jsonrpc.Param{jsonrpc.Optional("nblocks", jsonrpc.TypeNumber, "one month", "Size of the window in number of blocks"), jsonrpc.Optional("blockhash", jsonrpc.TypeHex, "chain tip", "The hash of the block that ends the window.")},
			Result: "{...}    (json object) time, txcount, window_final_block_hash, window_final_block_height, window_block_count, window_tx_count, window_interval, txrate", Example: "2016", Run: getChainTxStats},
		{Name: "getblockstats", Topic: chainjson.TopicBlockchain, Help: "Computes per block statistics for a given window. All amounts are in satoshis. Blocks off the best chain have none.",
			Params: []jsonrpc.Param{jsonrpc.Required("hash_or_height", jsonrpc.TypeAny, "The block hash or height of the target block"), jsonrpc.Optional("stats", jsonrpc.TypeArray, "all values", "Values to plot")},
			Result: "{...}    (json object) avgfee, avgfeerate, avgtxsize, blockhash, feerate_percentiles, height, ins, maxfee, maxfeerate, maxtxsize, medianfee, mediantime, mediantxsize, minfee, minfeerate, mintxsize, " +
				"outs, subsidy, swtotal_size, swtotal_weight, swtxs, time, total_out, total_size, total_weight, totalfee, txs, utxo_increase, utxo_size_inc, utxo_increase_actual, utxo_size_inc_actual",
			Example: `1000 '["minfeerate","avgfeerate"]'`, Run: getBlockStats},
	}
}

func getChainTxStats(_ context.Context, c *chainjson.Call) (any, error) {
	end := c.Chain.Tip()
	if c.Given(1) {
		var err error
		if end, err = c.Entry(1); err != nil {
			return nil, err
		}
		if !chainjson.OnBest(c, end) {
			return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Block is not in main chain")
		}
	}
	month := 30 * 24 * 60 * 60 / max(c.Node.Params().TargetSpacing, 1)
	count, err := c.Num(0, max(0, min(month, int64(end.Height())-1)))
	if err != nil {
		return nil, err
	}
	if count < 0 || count > 0 && count >= int64(end.Height()) {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid block count: should be between 0 and the block's height - 1")
	}
	h := end.Header()
	f := jsonrpc.Obj("time", chainjson.UnixSeconds(h.Time))
	if end.ChainTxCount > 0 {
		f.Add("txcount", end.ChainTxCount)
	}
	f = append(f, jsonrpc.Obj("window_final_block_hash", end.Hash(), "window_final_block_height", end.Height(), "window_block_count", count)...)
	start, ok := c.Chain.AtHeight(end.Height() - int32(count))
	if count == 0 || !ok {
		return f, nil
	}
	interval := end.MedianTime() - start.MedianTime()
	f.Add("window_interval", interval)
	if txs := end.ChainTxCount - start.ChainTxCount; start.ChainTxCount > 0 && end.ChainTxCount > 0 {
		f.Add("window_tx_count", txs)
		if interval > 0 {
			f.Add("txrate", float64(txs)/float64(interval))
		}
	}
	return f, nil
}

// coinOverhead is what Core counts for a coin in utxo_size_inc beside the output: outpoint, height, flag.
const coinOverhead = 36 + 4 + 1

// rateWeight is a transaction's feerate (smallest unit per vbyte) and its weight.
type rateWeight struct{ rate, weight int64 }

// blockStats sums up one block. Coinbases count only where it says so.
type blockStats struct {
	ins, outs, txOut, totalFee   int64 // outs with the coinbase's
	size, weight                 int64
	swTxs, swSize, swWeight      int64
	sizeInc, sizeIncReal, coins  int64 // with the coinbase
	fees, rates, sizes           []int64
	weighted                     []rateWeight
	minFee, minRate, minSize     int64
	maxFee, maxRate, maxSize     int64
	subsidy, medianFee, medianSz int64
}

func getBlockStats(_ context.Context, c *chainjson.Call) (any, error) {
	e, err := hashOrHeight(c, 0)
	if err != nil {
		return nil, err
	}
	if !chainjson.OnBest(c, e) {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Block is not in chain %s", chainjson.ChainName(c.Node.Params()))
	}
	b, err := c.Block(e)
	if err != nil {
		return nil, err
	}
	undo, err := c.Undo(e)
	if err != nil {
		return nil, err
	}
	s := blockStats{subsidy: c.Node.Params().SubsidyAt(e.Height())}
	for i, tx := range b.Txs {
		var spent []consensus.Coin
		if i > 0 {
			if i > len(undo) || len(undo[i-1]) != len(tx.In) {
				return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Undo data for the block is not available")
			}
			spent = undo[i-1]
		}
		s.add(tx, spent, e.Height() == 0)
	}
	s.finish()
	return s.choose(e, len(b.Txs), c.List(1))
}

func (s *blockStats) add(tx *types.Tx, spent []consensus.Coin, genesis bool) {
	var out int64
	for i := range tx.Out {
		o := &tx.Out[i]
		out += o.Value
		size := int64(8+types.VarIntSize(uint64(len(o.Script)))+len(o.Script)) + coinOverhead
		s.outs++
		s.sizeInc += size
		if !genesis && !chainjson.Unspendable(o) {
			s.coins++
			s.sizeIncReal += size
		}
	}
	if tx.IsCoinbase() {
		return
	}
	s.ins += int64(len(tx.In))
	s.txOut += out
	size, weight := int64(tx.Size()), int64(tx.Weight())
	s.size, s.weight = s.size+size, s.weight+weight
	s.sizes = append(s.sizes, size)
	if tx.HasWitness() {
		s.swTxs, s.swSize, s.swWeight = s.swTxs+1, s.swSize+size, s.swWeight+weight
	}
	for i := range spent {
		n := int64(8+types.VarIntSize(uint64(len(spent[i].Out.Script)))+len(spent[i].Out.Script)) + coinOverhead
		s.sizeInc, s.sizeIncReal = s.sizeInc-n, s.sizeIncReal-n
	}
	fee := chainjson.SumCoins(spent) - out
	rate := fee * types.WitnessScale / max(weight, 1)
	s.totalFee += fee
	s.fees, s.rates = append(s.fees, fee), append(s.rates, rate)
	s.weighted = append(s.weighted, rateWeight{rate, weight})
}

func (s *blockStats) finish() {
	for _, list := range []*[]int64{&s.fees, &s.rates, &s.sizes} {
		slices.Sort(*list)
	}
	if n := len(s.fees); n > 0 {
		s.minFee, s.maxFee = s.fees[0], s.fees[n-1]
		s.minRate, s.maxRate = s.rates[0], s.rates[n-1]
		s.minSize, s.maxSize = s.sizes[0], s.sizes[n-1]
	}
	s.medianFee, s.medianSz = median(s.fees), median(s.sizes)
}

// median is the truncated median of sorted numbers.
func median(sorted []int64) int64 {
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 0:
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[n/2]
}

// percentiles are the feerates at 10, 25, 50, 75 and 90 % of the weight.
func (s *blockStats) percentiles() []any {
	slices.SortFunc(s.weighted, func(a, b rateWeight) int { return cmp.Compare(a.rate, b.rate) })
	result := make([]any, 0, 5)
	var seen, last int64
	at := []float64{0.1, 0.25, 0.5, 0.75, 0.9}
	for _, w := range s.weighted {
		seen, last = seen+w.weight, w.rate
		for len(result) < len(at) && float64(seen) >= at[len(result)]*float64(s.weight) {
			result = append(result, w.rate)
		}
	}
	for len(result) < len(at) {
		result = append(result, last)
	}
	return result
}

// choose makes the result; wanted restricts it to some keys.
func (s *blockStats) choose(e backend.Entry, txs int, wanted []any) (any, error) {
	n := max(int64(txs-1), 1)
	h := e.Header()
	all := jsonrpc.Obj(
		"avgfee", s.totalFee/n, "avgfeerate", s.totalFee*types.WitnessScale/max(s.weight, 1), "avgtxsize", s.size/n,
		"blockhash", e.Hash(), "feerate_percentiles", s.percentiles(), "height", e.Height(), "ins", s.ins,
		"maxfee", s.maxFee, "maxfeerate", s.maxRate, "maxtxsize", s.maxSize,
		"medianfee", s.medianFee, "mediantime", e.MedianTime(), "mediantxsize", s.medianSz,
		"minfee", s.minFee, "minfeerate", s.minRate, "mintxsize", s.minSize,
		"outs", s.outs, "subsidy", s.subsidy, "swtotal_size", s.swSize, "swtotal_weight", s.swWeight, "swtxs", s.swTxs,
		"time", chainjson.UnixSeconds(h.Time), "total_out", s.txOut, "total_size", s.size, "total_weight", s.weight, "totalfee", s.totalFee, "txs", txs,
		"utxo_increase", s.outs-s.ins, "utxo_size_inc", s.sizeInc, "utxo_increase_actual", s.coins-s.ins, "utxo_size_inc_actual", s.sizeIncReal)
	if len(wanted) == 0 {
		return all, nil
	}
	var chosen jsonrpc.Fields
	for _, v := range wanted {
		name, err := jsonrpc.AsString(v)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(f jsonrpc.Field) bool { return f.Key == name })
		if i < 0 {
			return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid selected statistic '%s'", jsonrpc.Clip(name))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
