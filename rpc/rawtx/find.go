package rawtx

import (
	"context"
	"errors"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

const (
	defaultMaxFeeRate = chainjson.Amount(consensus.CoinUnit / 10) // coins per 1000 vbytes
	errTxDecode       = "TX decode failed. Make sure the tx has at least one input."
)

func rawTxMethods() []chainjson.Method {
	maxRate := jsonrpc.Optional("maxfeerate", jsonrpc.TypeAmount, "0.10", "Reject transactions whose fee rate is higher than the specified value, in coins per 1000 virtual bytes. Rates larger than 1 are refused. 0 accepts any rate.")
	burn := jsonrpc.Optional("maxburnamount", jsonrpc.TypeAmount, "0.00", "Reject transactions with provably unspendable outputs greater than the specified value, in coins.")
	return []chainjson.Method{
		{Name: "getrawtransaction", Topic: chainjson.TopicRaw, Help: "Returns a transaction that is in the mempool, or in the given block, or in any block if the node keeps a transaction index. With verbosity 0 it is in hexadecimal, with 1 an object, with 2 an object with fee and spent outputs.",
			Params: []jsonrpc.Param{jsonrpc.Required("txid", jsonrpc.TypeHex, "The transaction id"), jsonrpc.Optional("verbosity|verbose", jsonrpc.TypeAny, "0", "0 for hex-encoded data, 1 for a JSON object, and 2 for JSON object with fee and prevout"),
				jsonrpc.Optional("blockhash", jsonrpc.TypeHex, "", "The block in which to look for the transaction")},
			Result: `"hex" or {...}    in_active_chain, txid, hash, version, size, vsize, weight, locktime, vin, vout, fee, blockhash, hex, confirmations, time, blocktime`, Example: `"mytxid" 1`, Run: getRawTransaction},
		{Name: "decoderawtransaction", Topic: chainjson.TopicRaw, Help: "Returns a JSON object representing the serialized, hex-encoded transaction.",
			Params: []jsonrpc.Param{jsonrpc.Required("hexstring", jsonrpc.TypeHex, "The transaction hex string"), jsonrpc.Optional("iswitness", jsonrpc.TypeBool, "depends on heuristic tests", "Accepted and of no effect: the encoding tells")},
			Result: "{...}    (json object) txid, hash, version, size, vsize, weight, locktime, vin, vout", Example: `"hexstring"`, Run: decodeRawTransaction},
		{Name: "sendrawtransaction", Topic: chainjson.TopicRaw, Help: "Submits a raw transaction to the mempool and announces it to all peers. One that is there already is announced again.",
			Params: []jsonrpc.Param{jsonrpc.Required("hexstring", jsonrpc.TypeHex, "The hex string of the raw transaction"), maxRate, burn},
			Result: `"hex"    (string) The transaction hash in hex`, Example: `"signedhex"`, Run: sendRawTransaction},
		{Name: "testmempoolaccept", Topic: chainjson.TopicRaw, Help: "Returns whether transactions would be accepted by the mempool, which does not change. Of several, at most 25, parents come before children; they may not conflict with each other or the mempool, and none pays for another. If one fails, of others nothing may be known: they are without 'allowed'.",
			Params: []jsonrpc.Param{jsonrpc.Required("rawtxs", jsonrpc.TypeArray, "An array of hex strings of raw transactions."), maxRate},
			Result: "[{...}]    (json array) txid, wtxid, package-error, allowed, vsize, fees {base, effective-feerate, effective-includes}, reject-reason, reject-details", Example: `'["signedhex"]'`, Run: testMempoolAccept},
		{Name: "submitpackage", Topic: chainjson.TopicRaw, Help: "Submits a child with its unconfirmed parents, or a single transaction. What can enter the mempool by itself does; the rest is judged together, so that the child may pay for its parents.",
			Params: []jsonrpc.Param{jsonrpc.Required("package", jsonrpc.TypeArray, "An array of raw transactions in hex, the child last."), maxRate, burn},
			Result: "{...}    (json object) package_msg, tx-results by witness id {txid, other-wtxid, vsize, fees {base, effective-feerate, effective-includes}, error}, replaced-transactions", Example: `'["rawtx1", "rawtx2"]'`, Run: submitPackage},
	}
}

func getRawTransaction(ctx context.Context, c *chainjson.Call) (any, error) {
	id, err := c.Hash(0)
	if err != nil {
		return nil, err
	}
	verbosity, err := c.FlagOrNum(1, 0)
	if err != nil {
		return nil, err
	}
	if id == c.Node.Params().Genesis.Header.MerkleRoot {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved")
	}
	at, err := whereIs(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if verbosity <= 0 {
		return jsonrpc.Hex(at.tx.Bytes()), nil
	}
	return at.fields(c, verbosity)
}

// place is a transaction and the block that holds it, if any.
type place struct {
	tx    *types.Tx
	entry backend.Entry // of the block; its Ancestry is nil in the mempool
	index int           // in the block
}

// whereIs finds a transaction as getrawtransaction does: in the block of parameter 2, else the mempool, else
// the index.
func whereIs(ctx context.Context, c *chainjson.Call, id types.Hash) (place, error) {
	if c.Given(2) {
		e, err := c.Entry(2)
		if err != nil {
			return place{}, jsonrpc.Fail(jsonrpc.CodeNotFound, "Block hash not found")
		}
		at, ok, err := findInBlock(c, e, id)
		if err == nil && !ok {
			err = jsonrpc.Fail(jsonrpc.CodeNotFound, "No such transaction found in the provided block. Use gettransaction for wallet transactions.")
		}
		return at, err
	}
	if e, ok := c.Mempool.Entry(id); ok {
		return place{tx: e.Tx}, nil
	}
	if c.TxIndex == nil {
		return place{}, jsonrpc.Fail(jsonrpc.CodeNotFound, "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries. Use gettransaction for wallet transactions.")
	}
	found, err := c.TxIndex.Find(ctx, id)
	switch {
	case errors.Is(err, backend.ErrNotFound):
		return place{}, jsonrpc.Fail(jsonrpc.CodeNotFound, "No such mempool or blockchain transaction. Use gettransaction for wallet transactions.")
	case errors.Is(err, backend.ErrNotSynced):
		return place{}, jsonrpc.Fail(jsonrpc.CodeNotFound, "No such mempool transaction. Blockchain transactions are still in the process of being indexed. Use gettransaction for wallet transactions.")
	case err != nil:
		return place{}, chainjson.BlockError(err)
	}
	e, ok := c.Chain.Lookup(found.Block)
	if !ok {
		return place{}, jsonrpc.Fail(jsonrpc.CodeNotFound, "Block not found")
	}
	return place{tx: found.Tx, entry: e, index: found.Index}, nil
}

func findInBlock(c *chainjson.Call, e backend.Entry, id types.Hash) (place, bool, error) {
	b, err := c.Block(e)
	if err != nil {
		return place{}, false, err
	}
	i := slices.IndexFunc(b.Txs, func(tx *types.Tx) bool { return tx.ID() == id })
	if i < 0 {
		return place{}, false, nil
	}
	return place{tx: b.Txs[i], entry: e, index: i}, true, nil
}

func (p place) fields(c *chainjson.Call, verbosity int64) (any, error) {
	view := chainjson.TxView{Tx: p.tx, Hex: true, Prevouts: true}
	if p.entry.Ancestry == nil {
		return view.JSON(c), nil
	}
	if c.Given(2) {
		on := chainjson.OnBest(c, p.entry)
		view.OnBest = &on
	}
	hash := p.entry.Hash()
	view.Block = &hash
	if verbosity >= 2 && p.index > 0 {
		undo, err := c.Undo(p.entry)
		if err != nil {
			return nil, err
		}
		if p.index-1 < len(undo) {
			view.Spent = undo[p.index-1]
		}
	}
	h := p.entry.Header()
	view.Buried = &chainjson.Buried{Confirmations: chainjson.Confirmations(c, p.entry), Time: h.Time}
	return view.JSON(c), nil
}

func decodeRawTransaction(_ context.Context, c *chainjson.Call) (any, error) {
	tx, err := chainjson.AsTx(c.Args[0], "TX decode failed")
	if err != nil {
		return nil, err
	}
	return chainjson.TxView{Tx: tx}.JSON(c), nil
}

// maxFeeRate reads parameter i: smallest units per 1000 vbytes, 0 for no limit.
func maxFeeRate(c *chainjson.Call, i int) (int64, error) {
	rate, err := c.Amount(i, defaultMaxFeeRate)
	if err == nil && rate > consensus.CoinUnit {
		err = jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Fee rates larger than or equal to 1BTC/kvB are not accepted")
	}
	return int64(rate), err
}

// checkBurn refuses outputs that can never be spent and are worth more than parameter i.
func checkBurn(c *chainjson.Call, i int, tx *types.Tx) error {
	limit, err := c.Amount(i, 0)
	if err != nil {
		return err
	}
	for j := range tx.Out {
		if chainjson.Unspendable(&tx.Out[j]) && tx.Out[j].Value > int64(limit) {
			return jsonrpc.Fail(jsonrpc.CodeVerify, "Unspendable output exceeds maximum configured by user (maxburnamount)")
		}
	}
	return nil
}

func sendRawTransaction(ctx context.Context, c *chainjson.Call) (any, error) {
	tx, err := chainjson.AsTx(c.Args[0], errTxDecode)
	if err != nil {
		return nil, err
	}
	rate, err := maxFeeRate(c, 1)
	if err != nil {
		return nil, err
	}
	if err := checkBurn(c, 2, tx); err != nil {
		return nil, err
	}
	if err := notInChain(c, tx); err != nil {
		return nil, err
	}
	if err := c.Submit.Tx(ctx, tx, rate); err != nil {
		return nil, submitError(err)
	}
	return tx.ID(), nil
}

// notInChain refuses a transaction of which an output is in the coin set.
func notInChain(c *chainjson.Call, tx *types.Tx) error {
	ops := make([]types.OutPoint, len(tx.Out))
	for i := range ops {
		ops[i] = types.OutPoint{TxID: tx.ID(), Index: uint32(i)}
	}
	coins, err := c.Ledger.Coins(ops)
	if err == nil && len(coins) > 0 {
		return jsonrpc.Fail(jsonrpc.CodeAlreadyInChain, "Transaction outputs already in utxo set")
	}
	return err
}

// submitError gives Core's codes to why a transaction was not taken.
func submitError(err error) error {
	switch {
	case isMissing(err):
		return jsonrpc.Fail(jsonrpc.CodeVerify, "bad-txns-inputs-missingorspent")
	case errors.Is(err, backend.ErrMaxFeeRate) || errors.Is(err, consensus.MaxFeeExceeded):
		return jsonrpc.Fail(jsonrpc.CodeVerify, "%s", backend.ErrMaxFeeRate)
	case consensus.KindOf(err) != "":
		return jsonrpc.Fail(jsonrpc.CodeVerifyRejected, "%s", chainjson.RejectText(err))
	}
	return err
}

// isMissing tells whether an error says that inputs are missing or spent.
func isMissing(err error) bool {
	return errors.Is(err, backend.ErrMissingInputs) || errors.Is(err, consensus.BadTxnsMissingOrSpent)
}
