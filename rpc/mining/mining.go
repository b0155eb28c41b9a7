package mining

import (
	"context"
	"encoding/hex"
	"math/big"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// Methods returns the methods of this package, in no order.
func Methods() []chainjson.Method {
	return slices.Concat(miningMethods(), templateMethods())
}

func miningMethods() []chainjson.Method {
	tries := jsonrpc.Optional("maxtries", jsonrpc.TypeNumber, "1000000 where work is trivial, else no limit", "How many nonces to try, in all")
	return []chainjson.Method{
		{Name: "generatetoaddress", Topic: chainjson.TopicMining, Help: "Mine to a specified address and return the block hashes. Where proof of work is real, so is the work: the call answers when it is done.",
			Params: []jsonrpc.Param{jsonrpc.Required("nblocks", jsonrpc.TypeNumber, "How many blocks are generated."), jsonrpc.Required("address", jsonrpc.TypeString, "The address to send the newly generated coins to."), tries},
			Result: `["hex",...]    (json array) hashes of blocks generated`, Example: `11 "myaddress"`, Run: generateToAddress},
		{Name: "generatetodescriptor", Topic: chainjson.TopicMining, Help: "Mine to a specified descriptor and return the block hashes.",
			Params: []jsonrpc.Param{jsonrpc.Required("num_blocks", jsonrpc.TypeNumber, "How many blocks are generated."), jsonrpc.Required("descriptor", jsonrpc.TypeString, "The descriptor to send the newly generated coins to."), tries},
			Result: `["hex",...]    (json array) hashes of blocks generated`, Example: `11 "mydesc"`, Run: generateToDescriptor},
		{Name: "generateblock", Topic: chainjson.TopicMining, Help: "Mine a set of ordered transactions to a specified address or descriptor and return the block hash.",
			Params: []jsonrpc.Param{jsonrpc.Required("output", jsonrpc.TypeString, "The address or descriptor to send the newly generated coins to."), jsonrpc.Required("transactions", jsonrpc.TypeArray, "Ordered transactions: ids of those in the mempool, or raw transactions in hexadecimal."),
				jsonrpc.Optional("submit", jsonrpc.TypeBool, "true", "Whether to submit the block before the RPC call returns or to return it as hex.")},
			Result: "{...}    (json object) hash and, if it was not submitted, hex", Example: `"myaddress" '["rawtx", "mempool_txid"]'`, Run: generateBlock},
		{Name: "getmininginfo", Topic: chainjson.TopicMining, Help: "Returns a json object containing mining-related information.",
			Result: "{...}    (json object) blocks, bits, difficulty, target, networkhashps, pooledtx, chain, next {height, bits, difficulty, target}, warnings; and of the node's own miner: mining, threads, hashespersec", Run: getMiningInfo},
		{Name: "getnetworkhashps", Topic: chainjson.TopicMining, Help: "Returns the estimated network hashes per second based on the last n blocks.",
			Params: []jsonrpc.Param{jsonrpc.Optional("nblocks", jsonrpc.TypeNumber, "120", "The number of previous blocks to calculate estimate from, or -1 for the last 2016."), jsonrpc.Optional("height", jsonrpc.TypeNumber, "-1", "To estimate at the time of the given height.")},
			Result: "n    (numeric) Hashes per second estimated", Example: "120 1000", Run: getNetworkHashPS},
		{Name: "setgenerate", Topic: chainjson.TopicMining, Help: "Switches the node's own miner on or off.",
			Params: []jsonrpc.Param{jsonrpc.Required("generate", jsonrpc.TypeBool, "true to mine, false to stop")}, Result: "true|false    (boolean) Whether the node mines now", Example: "true", Run: setGenerate},
		{Name: "getgenerate", Topic: chainjson.TopicMining, Help: "Returns whether the node's own miner is on.", Result: "true|false    (boolean)", Run: getGenerate},
	}
}

// maxTries reads parameter i: nonces, 0 for no limit.
func maxTries(c *chainjson.Call, i int) (uint64, error) {
	def := int64(0)
	if c.Node.Params().Retarget == consensus.RetargetNone {
		def = 1_000_000
	}
	n, err := c.Num(i, def)
	if err == nil && n < 0 {
		err = jsonrpc.ErrIntRange
	}
	return uint64(n), err
}

func generateToAddress(ctx context.Context, c *chainjson.Call) (any, error) {
	lock, err := c.Script(c.Str(1))
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Error: %s", err.(*jsonrpc.Error).Message)
	}
	return generate(ctx, c, lock)
}

func generateToDescriptor(ctx context.Context, c *chainjson.Call) (any, error) {
	lock, err := c.MainScript(c.Str(1))
	if err != nil {
		return nil, err
	}
	return generate(ctx, c, lock)
}

func generate(ctx context.Context, c *chainjson.Call, lock []byte) (any, error) {
	n, err := c.Num32(0, 0)
	if err != nil {
		return nil, err
	}
	tries, err := maxTries(c, 2)
	if err != nil {
		return nil, err
	}
	found, err := c.Mining.Generate(ctx, int(max(n, 0)), lock, tries)
	if err != nil {
		return nil, err
	}
	return chainjson.Hashes(found), nil
}

func generateBlock(ctx context.Context, c *chainjson.Call) (any, error) {
	lock, err := c.Script(c.Str(0))
	if err != nil {
		if lock, err = c.MainScript(c.Str(0)); err != nil {
			return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Error: Invalid address or descriptor")
		}
	}
	txs := make([]*types.Tx, 0, len(c.List(1)))
	for _, v := range c.List(1) {
		tx, err := txOrID(c, v)
		if err != nil {
			return nil, err
		}
		txs = append(txs, tx)
	}
	submit := c.BoolOr(2, true)
	b, err := c.Mining.GenerateBlock(ctx, lock, txs, submit)
	if err != nil {
		if consensus.KindOf(err) != "" {
			return nil, jsonrpc.Fail(jsonrpc.CodeVerify, "TestBlockValidity failed: %s", chainjson.RejectText(err))
		}
		return nil, err
	}
	f := jsonrpc.Obj("hash", b.Hash())
	if !submit {
		f.Add("hex", hex.EncodeToString(b.Bytes()))
	}
	return f, nil
}

// txOrID reads a transaction: the id of one in the pool, or the transaction itself.
func txOrID(c *chainjson.Call, v any) (*types.Tx, error) {
	s, err := jsonrpc.AsString(v)
	if err != nil {
		return nil, err
	}
	if id, err := types.ParseHash(s); err == nil {
		e, ok := c.Mempool.Entry(id)
		if !ok {
			return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Transaction %s not in mempool.", s)
		}
		return e.Tx, nil
	}
	return chainjson.AsTx(v, "Transaction decode failed for "+jsonrpc.Clip(s)+". Make sure the tx has at least one input.")
}

func getMiningInfo(_ context.Context, c *chainjson.Call) (any, error) {
	tip, p := c.Chain.Tip(), c.Node.Params()
	h, state := tip.Header(), c.Mining.State()
	next := consensus.NextBitsAt(p, tip, uint32(max(c.Node.Now().Unix(), tip.MedianTime()+1)))
	return jsonrpc.Obj("blocks", tip.Height(), "bits", chainjson.BitsHex(h.Bits), "difficulty", consensus.Difficulty(h.Bits), "target", chainjson.TargetHex(h.Bits),
		"networkhashps", hashRate(c, tip, 120), "pooledtx", c.Mempool.Info().Count, "chain", chainjson.ChainName(p),
		"next", jsonrpc.Obj("height", tip.Height()+1, "bits", chainjson.BitsHex(next), "difficulty", consensus.Difficulty(next), "target", chainjson.TargetHex(next)),
		"warnings", chainjson.Warnings(c), "mining", state.On, "threads", state.Threads, "hashespersec", state.HashRate), nil
}

func getNetworkHashPS(_ context.Context, c *chainjson.Call) (any, error) {
	blocks, err := c.Num32(0, 120)
	if err != nil {
		return nil, err
	}
	height, err := c.Num32(1, -1)
	if err != nil {
		return nil, err
	}
	if blocks < -1 || blocks == 0 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid nblocks. Must be a positive number or -1.")
	}
	if blocks == -1 {
		blocks = 2016
	}
	end := c.Chain.Tip()
	if height != -1 {
		var ok bool
		if end, ok = c.Chain.AtHeight(height); !ok {
			return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Block does not exist at specified height")
		}
	}
	return hashRate(c, end, blocks), nil
}

// hashRate is the work of up to n blocks that end with end, over the time from the earliest to the latest
// of them.
func hashRate(c *chainjson.Call, end backend.Entry, n int32) float64 {
	start, ok := c.Chain.AtHeight(end.Height() - min(n, end.Height()))
	if !ok || start.Height() >= end.Height() {
		return 0
	}
	first, last := uint32(1<<32-1), uint32(0)
	for h := start.Height(); h <= end.Height(); h++ {
		if e := end.Ancestor(h); e != nil {
			header := e.Header()
			first, last = min(first, header.Time), max(last, header.Time)
		}
	}
	if first >= last {
		return 0
	}
	work, _ := new(big.Float).SetInt(end.Work().Sub(start.Work()).Big()).Float64()
	return work / float64(last-first)
}

func setGenerate(_ context.Context, c *chainjson.Call) (any, error) {
	if err := c.Mining.SetMining(c.BoolOr(0, false)); err != nil {
		return nil, err
	}
	return c.Mining.State().On, nil
}

func getGenerate(_ context.Context, c *chainjson.Call) (any, error) { return c.Mining.State().On, nil }
