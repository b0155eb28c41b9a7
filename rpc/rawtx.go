package rpc

import (
	"context"
	"errors"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

const (
	defaultMaxFeeRate = Amount(consensus.CoinUnit / 10) // coins per 1000 vbytes
	errTxDecode       = "TX decode failed. Make sure the tx has at least one input."
)

func rawTxMethods() []apiMethod {
	maxRate := optional("maxfeerate", TypeAmount, "0.10", "Reject transactions whose fee rate is higher than the specified value, in coins per 1000 virtual bytes. Rates larger than 1 are refused. 0 accepts any rate.")
	burn := optional("maxburnamount", TypeAmount, "0.00", "Reject transactions with provably unspendable outputs greater than the specified value, in coins.")
	return []apiMethod{
		{Name: "getrawtransaction", Topic: topicRaw, Help: "Returns a transaction that is in the mempool, or in the given block, or in any block if the node keeps a transaction index. With verbosity 0 it is in hexadecimal, with 1 an object, with 2 an object with fee and spent outputs.",
			Params: []Param{required("txid", TypeHex, "The transaction id"), optional("verbosity|verbose", TypeAny, "0", "0 for hex-encoded data, 1 for a JSON object, and 2 for JSON object with fee and prevout"),
				optional("blockhash", TypeHex, "", "The block in which to look for the transaction")},
			Result: `"hex" or {...}    in_active_chain, txid, hash, version, size, vsize, weight, locktime, vin, vout, fee, blockhash, hex, confirmations, time, blocktime`, Example: `"mytxid" 1`, Run: getRawTransaction},
		{Name: "decoderawtransaction", Topic: topicRaw, Help: "Returns a JSON object representing the serialized, hex-encoded transaction.",
			Params: []Param{required("hexstring", TypeHex, "The transaction hex string"), optional("iswitness", TypeBool, "depends on heuristic tests", "Accepted and of no effect: the encoding tells")},
			Result: "{...}    (json object) txid, hash, version, size, vsize, weight, locktime, vin, vout", Example: `"hexstring"`, Run: decodeRawTransaction},
		{Name: "sendrawtransaction", Topic: topicRaw, Help: "Submits a raw transaction to the mempool and announces it to all peers. One that is there already is announced again.",
			Params: []Param{required("hexstring", TypeHex, "The hex string of the raw transaction"), maxRate, burn},
			Result: `"hex"    (string) The transaction hash in hex`, Example: `"signedhex"`, Run: sendRawTransaction},
		{Name: "testmempoolaccept", Topic: topicRaw, Help: "Returns whether transactions would be accepted by the mempool, which does not change. Of several, at most 25, parents come before children; they may not conflict with each other or the mempool, and none pays for another. If one fails, of others nothing may be known: they are without 'allowed'.",
			Params: []Param{required("rawtxs", TypeArray, "An array of hex strings of raw transactions."), maxRate},
			Result: "[{...}]    (json array) txid, wtxid, package-error, allowed, vsize, fees {base, effective-feerate, effective-includes}, reject-reason, reject-details", Example: `'["signedhex"]'`, Run: testMempoolAccept},
		{Name: "submitpackage", Topic: topicRaw, Help: "Submits a child with its unconfirmed parents, or a single transaction. What can enter the mempool by itself does; the rest is judged together, so that the child may pay for its parents.",
			Params: []Param{required("package", TypeArray, "An array of raw transactions in hex, the child last."), maxRate, burn},
			Result: "{...}    (json object) package_msg, tx-results by witness id {txid, other-wtxid, vsize, fees {base, effective-feerate, effective-includes}, error}, replaced-transactions", Example: `'["rawtx1", "rawtx2"]'`, Run: submitPackage},
	}
}

func getRawTransaction(ctx context.Context, c *call) (any, error) {
	id, err := c.hash(0)
	if err != nil {
		return nil, err
	}
	verbosity, err := c.flagOrNum(1, 0)
	if err != nil {
		return nil, err
	}
	if id == c.Node.Params().Genesis.Header.MerkleRoot {
		return nil, fail(CodeNotFound, "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved")
	}
	at, err := c.whereIs(ctx, id)
	if err != nil {
		return nil, err
	}
	if verbosity <= 0 {
		return hexBytes(at.tx.Bytes()), nil
	}
	return at.fields(c, verbosity)
}

// place is a transaction and the block that holds it, if any.
type place struct {
	tx    *types.Tx
	entry Entry // of the block; its Ancestry is nil in the mempool
	index int   // in the block
}

// whereIs finds a transaction as getrawtransaction does: in the block of parameter 2, else the mempool, else
// the index.
func (c *call) whereIs(ctx context.Context, id types.Hash) (place, error) {
	if c.given(2) {
		e, err := c.entry(2)
		if err != nil {
			return place{}, fail(CodeNotFound, "Block hash not found")
		}
		at, ok, err := findInBlock(c, e, id)
		if err == nil && !ok {
			err = fail(CodeNotFound, "No such transaction found in the provided block. Use gettransaction for wallet transactions.")
		}
		return at, err
	}
	if e, ok := c.Mempool.Entry(id); ok {
		return place{tx: e.Tx}, nil
	}
	if c.TxIndex == nil {
		return place{}, fail(CodeNotFound, "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries. Use gettransaction for wallet transactions.")
	}
	found, err := c.TxIndex.Find(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return place{}, fail(CodeNotFound, "No such mempool or blockchain transaction. Use gettransaction for wallet transactions.")
	case errors.Is(err, ErrNotSynced):
		return place{}, fail(CodeNotFound, "No such mempool transaction. Blockchain transactions are still in the process of being indexed. Use gettransaction for wallet transactions.")
	case err != nil:
		return place{}, blockError(err)
	}
	e, ok := c.Chain.Lookup(found.Block)
	if !ok {
		return place{}, fail(CodeNotFound, "Block not found")
	}
	return place{tx: found.Tx, entry: e, index: found.Index}, nil
}

func findInBlock(c *call, e Entry, id types.Hash) (place, bool, error) {
	b, err := c.block(e)
	if err != nil {
		return place{}, false, err
	}
	i := slices.IndexFunc(b.Txs, func(tx *types.Tx) bool { return tx.ID() == id })
	if i < 0 {
		return place{}, false, nil
	}
	return place{tx: b.Txs[i], entry: e, index: i}, true, nil
}

func (p place) fields(c *call, verbosity int64) (any, error) {
	view := txView{tx: p.tx, hex: true, prevouts: true}
	var f fields
	if p.entry.Ancestry == nil {
		return append(f, view.fields(c)...), nil
	}
	if c.given(2) {
		f.add("in_active_chain", onBest(c, p.entry))
	}
	hash := p.entry.Hash()
	view.block = &hash
	if verbosity >= 2 && p.index > 0 {
		undo, err := c.undo(p.entry)
		if err != nil {
			return nil, err
		}
		if p.index-1 < len(undo) {
			view.spent = undo[p.index-1]
		}
	}
	f = append(f, view.fields(c)...)
	if n := confirmations(c, p.entry); n > 0 {
		h := p.entry.Header()
		f.add("confirmations", n)
		f.add("time", unixSeconds(h.Time))
		f.add("blocktime", unixSeconds(h.Time))
	} else {
		f.add("confirmations", 0)
	}
	return f, nil
}

func decodeRawTransaction(_ context.Context, c *call) (any, error) {
	tx, err := asTx(c.args[0], "TX decode failed")
	if err != nil {
		return nil, err
	}
	return txView{tx: tx}.fields(c), nil
}

// maxFeeRate reads parameter i: smallest units per 1000 vbytes, 0 for no limit.
func (c *call) maxFeeRate(i int) (int64, error) {
	rate, err := c.amount(i, defaultMaxFeeRate)
	if err == nil && rate > consensus.CoinUnit {
		err = fail(CodeInvalidParameter, "Fee rates larger than or equal to 1BTC/kvB are not accepted")
	}
	return int64(rate), err
}

// checkBurn refuses outputs that can never be spent and are worth more than parameter i.
func (c *call) checkBurn(i int, tx *types.Tx) error {
	limit, err := c.amount(i, 0)
	if err != nil {
		return err
	}
	for j := range tx.Out {
		if unspendable(&tx.Out[j]) && tx.Out[j].Value > int64(limit) {
			return fail(CodeVerify, "Unspendable output exceeds maximum configured by user (maxburnamount)")
		}
	}
	return nil
}

func sendRawTransaction(ctx context.Context, c *call) (any, error) {
	tx, err := asTx(c.args[0], errTxDecode)
	if err != nil {
		return nil, err
	}
	rate, err := c.maxFeeRate(1)
	if err != nil {
		return nil, err
	}
	if err := c.checkBurn(2, tx); err != nil {
		return nil, err
	}
	if err := c.notInChain(tx); err != nil {
		return nil, err
	}
	if err := c.Submit.Tx(ctx, tx, rate); err != nil {
		return nil, submitError(err)
	}
	return tx.ID(), nil
}

// notInChain refuses a transaction of which an output is in the coin set.
func (c *call) notInChain(tx *types.Tx) error {
	ops := make([]types.OutPoint, len(tx.Out))
	for i := range ops {
		ops[i] = types.OutPoint{TxID: tx.ID(), Index: uint32(i)}
	}
	coins, err := c.Ledger.Coins(ops)
	if err == nil && len(coins) > 0 {
		return fail(CodeAlreadyInChain, "Transaction outputs already in utxo set")
	}
	return err
}

// submitError gives Core's codes to why a transaction was not taken.
func submitError(err error) error {
	switch {
	case isMissing(err):
		return fail(CodeVerify, "bad-txns-inputs-missingorspent")
	case errors.Is(err, ErrMaxFeeRate) || errors.Is(err, consensus.MaxFeeExceeded):
		return fail(CodeVerify, "%s", ErrMaxFeeRate)
	case consensus.KindOf(err) != "":
		return fail(CodeVerifyRejected, "%s", rejectText(err))
	}
	return err
}

// isMissing tells whether an error says that inputs are missing or spent.
func isMissing(err error) bool {
	return errors.Is(err, ErrMissingInputs) || errors.Is(err, consensus.BadTxnsMissingOrSpent)
}
