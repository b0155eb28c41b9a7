package rpc

import (
	"context"
	"encoding/hex"
	"math/big"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// miningTable returns the methods of this package, in no order.
func miningTable() []apiMethod {
	return slices.Concat(miningMethods(), templateMethods())
}

func miningMethods() []apiMethod {
	tries := optional("maxtries", TypeNumber, "1000000 where work is trivial, else no limit", "How many nonces to try, in all")
	return []apiMethod{
		{Name: "generatetoaddress", Topic: topicMining, Help: "Mine to a specified address and return the block hashes. Where proof of work is real, so is the work: the call answers when it is done.",
			Params: []Param{required("nblocks", TypeNumber, "How many blocks are generated."), required("address", TypeString, "The address to send the newly generated coins to."), tries},
			Result: `["hex",...]    (json array) hashes of blocks generated`, Example: `11 "myaddress"`, Run: generateToAddress},
		{Name: "generatetodescriptor", Topic: topicMining, Help: "Mine to a specified descriptor and return the block hashes.",
			Params: []Param{required("num_blocks", TypeNumber, "How many blocks are generated."), required("descriptor", TypeString, "The descriptor to send the newly generated coins to."), tries},
			Result: `["hex",...]    (json array) hashes of blocks generated`, Example: `11 "mydesc"`, Run: generateToDescriptor},
		{Name: "generateblock", Topic: topicMining, Help: "Mine a set of ordered transactions to a specified address or descriptor and return the block hash.",
			Params: []Param{required("output", TypeString, "The address or descriptor to send the newly generated coins to."), required("transactions", TypeArray, "Ordered transactions: ids of those in the mempool, or raw transactions in hexadecimal."),
				optional("submit", TypeBool, "true", "Whether to submit the block before the RPC call returns or to return it as hex.")},
			Result: "{...}    (json object) hash and, if it was not submitted, hex", Example: `"myaddress" '["rawtx", "mempool_txid"]'`, Run: generateBlock},
		{Name: "getmininginfo", Topic: topicMining, Help: "Returns a json object containing mining-related information.",
			Result: "{...}    (json object) blocks, bits, difficulty, target, networkhashps, pooledtx, chain, next {height, bits, difficulty, target}, warnings; and of the node's own miner: mining, threads, hashespersec", Run: getMiningInfo},
		{Name: "getnetworkhashps", Topic: topicMining, Help: "Returns the estimated network hashes per second based on the last n blocks.",
			Params: []Param{optional("nblocks", TypeNumber, "120", "The number of previous blocks to calculate estimate from, or -1 for the last 2016."), optional("height", TypeNumber, "-1", "To estimate at the time of the given height.")},
			Result: "n    (numeric) Hashes per second estimated", Example: "120 1000", Run: getNetworkHashPS},
		{Name: "setgenerate", Topic: topicMining, Help: "Switches the node's own miner on or off.",
			Params: []Param{required("generate", TypeBool, "true to mine, false to stop")}, Result: "true|false    (boolean) Whether the node mines now", Example: "true", Run: setGenerate},
		{Name: "getgenerate", Topic: topicMining, Help: "Returns whether the node's own miner is on.", Result: "true|false    (boolean)", Run: getGenerate},
	}
}

// maxTries reads parameter i: nonces, 0 for no limit.
func (c *call) maxTries(i int) (uint64, error) {
	def := int64(0)
	if c.Node.Params().Retarget == consensus.RetargetNone {
		def = 1_000_000
	}
	n, err := c.num(i, def)
	if err == nil && n < 0 {
		err = errIntRange
	}
	return uint64(n), err
}

func generateToAddress(ctx context.Context, c *call) (any, error) {
	lock, err := c.script(c.str(1))
	if err != nil {
		return nil, fail(CodeNotFound, "Error: %s", err.(*Error).Message)
	}
	return c.generate(ctx, lock)
}

func generateToDescriptor(ctx context.Context, c *call) (any, error) {
	lock, err := c.mainScript(c.str(1))
	if err != nil {
		return nil, err
	}
	return c.generate(ctx, lock)
}

func (c *call) generate(ctx context.Context, lock []byte) (any, error) {
	n, err := c.num32(0, 0)
	if err != nil {
		return nil, err
	}
	tries, err := c.maxTries(2)
	if err != nil {
		return nil, err
	}
	found, err := c.Mining.Generate(ctx, int(max(n, 0)), lock, tries)
	if err != nil {
		return nil, err
	}
	return hashes(found), nil
}

func generateBlock(ctx context.Context, c *call) (any, error) {
	lock, err := c.script(c.str(0))
	if err != nil {
		if lock, err = c.mainScript(c.str(0)); err != nil {
			return nil, fail(CodeNotFound, "Error: Invalid address or descriptor")
		}
	}
	txs := make([]*types.Tx, 0, len(c.list(1)))
	for _, v := range c.list(1) {
		tx, err := c.txOrID(v)
		if err != nil {
			return nil, err
		}
		txs = append(txs, tx)
	}
	submit := c.boolOr(2, true)
	b, err := c.Mining.GenerateBlock(ctx, lock, txs, submit)
	if err != nil {
		if consensus.KindOf(err) != "" {
			return nil, fail(CodeVerify, "TestBlockValidity failed: %s", rejectText(err))
		}
		return nil, err
	}
	f := obj("hash", b.Hash())
	if !submit {
		f.add("hex", hex.EncodeToString(b.Bytes()))
	}
	return f, nil
}

// txOrID reads a transaction: the id of one in the pool, or the transaction itself.
func (c *call) txOrID(v any) (*types.Tx, error) {
	s, err := asString(v)
	if err != nil {
		return nil, err
	}
	if id, err := types.ParseHash(s); err == nil {
		e, ok := c.Mempool.Entry(id)
		if !ok {
			return nil, fail(CodeNotFound, "Transaction %s not in mempool.", s)
		}
		return e.Tx, nil
	}
	return asTx(v, "Transaction decode failed for "+clip(s)+". Make sure the tx has at least one input.")
}

func getMiningInfo(_ context.Context, c *call) (any, error) {
	tip, p := c.Chain.Tip(), c.Node.Params()
	h, state := tip.Header(), c.Mining.State()
	next := consensus.NextBitsAt(p, tip, uint32(max(c.Node.Now().Unix(), tip.MedianTime()+1)))
	return obj("blocks", tip.Height(), "bits", bitsHex(h.Bits), "difficulty", consensus.Difficulty(h.Bits), "target", targetHex(h.Bits),
		"networkhashps", hashRate(c, tip, 120), "pooledtx", c.Mempool.Info().Count, "chain", ChainName(p),
		"next", obj("height", tip.Height()+1, "bits", bitsHex(next), "difficulty", consensus.Difficulty(next), "target", targetHex(next)),
		"warnings", warnings(c), "mining", state.On, "threads", state.Threads, "hashespersec", state.HashRate), nil
}

func getNetworkHashPS(_ context.Context, c *call) (any, error) {
	blocks, err := c.num32(0, 120)
	if err != nil {
		return nil, err
	}
	height, err := c.num32(1, -1)
	if err != nil {
		return nil, err
	}
	if blocks < -1 || blocks == 0 {
		return nil, fail(CodeInvalidParameter, "Invalid nblocks. Must be a positive number or -1.")
	}
	if blocks == -1 {
		blocks = 2016
	}
	end := c.Chain.Tip()
	if height != -1 {
		var ok bool
		if end, ok = c.Chain.AtHeight(height); !ok {
			return nil, fail(CodeInvalidParameter, "Block does not exist at specified height")
		}
	}
	return hashRate(c, end, blocks), nil
}

// hashRate is the work of up to n blocks that end with end, over the time from the earliest to the latest
// of them.
func hashRate(c *call, end Entry, n int32) float64 {
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

func setGenerate(_ context.Context, c *call) (any, error) {
	if err := c.Mining.SetMining(c.boolOr(0, false)); err != nil {
		return nil, err
	}
	return c.Mining.State().On, nil
}

func getGenerate(_ context.Context, c *call) (any, error) { return c.Mining.State().On, nil }
