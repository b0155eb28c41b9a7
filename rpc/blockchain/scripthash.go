package blockchain

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// The methods over the script-hash index are Cairn's own: Bitcoin Core has no such index. Their answers are confirmed facts of the best
// chain, each with the block to which it belongs.

// Bounds of one answer.
const (
	defaultPage = 100
	maxPage     = 1000
)

func scriptHashMethods() []chainjson.Method {
	address := jsonrpc.Required("address", jsonrpc.TypeString, "An address, or a descriptor of one script, such as raw(51)")
	count := jsonrpc.Optional("count", jsonrpc.TypeNumber, "100", "How many entries to return, at most 1000")
	after := jsonrpc.Optional("after", jsonrpc.TypeString, "", "The field next of the answer before, to go on behind it")
	return []chainjson.Method{
		{Name: "getaddresshistory", Topic: chainjson.TopicBlockchain, Help: "Returns the confirmed transactions that pay an address or spend from it, oldest first. Needs --scripthashindex. Not in Bitcoin Core.",
			Params: []jsonrpc.Param{address, count, after},
			Result: "{...}    height, bestblock, synced, history [txid, height, blockhash, blockindex, confirmations, received, sent], next if there is more", Example: `"bcrt1..." 10`, Run: getAddressHistory},
		{Name: "getaddressbalance", Topic: chainjson.TopicBlockchain, Help: "Returns the sum of the confirmed unspent outputs of an address. Needs --scripthashindex. Not in Bitcoin Core.",
			Params: []jsonrpc.Param{address},
			Result: "{...}    height, bestblock, synced, balance, coinbase (the part of it from coinbases, mature or not), txouts", Example: `"bcrt1..."`, Run: getAddressBalance},
		{Name: "getaddressutxos", Topic: chainjson.TopicBlockchain, Help: "Returns the confirmed unspent outputs of an address, oldest first. Needs --scripthashindex. Not in Bitcoin Core.",
			Params: []jsonrpc.Param{address, count, after},
			Result: "{...}    height, bestblock, synced, scriptPubKey, utxos [txid, vout, amount, height, blockhash, confirmations, coinbase], next if there is more", Example: `"bcrt1..." 10`, Run: getAddressUTXOs},
	}
}

// lock reads parameter i as an address or a descriptor of one script.
func lock(c *chainjson.Call, i int) ([]byte, error) {
	text := c.Str(i)
	if !strings.Contains(text, "(") {
		lock, err := script.DecodeAddress(c.Node.Params().Addresses(), text)
		if err != nil {
			return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Invalid address or descriptor: %s", err)
		}
		return lock, nil
	}
	outs, err := c.Outputs(text)
	if err != nil {
		return nil, err
	}
	if len(outs) != 1 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "The descriptor stands for %d scripts, one is needed", len(outs))
	}
	return outs[0].Script, nil
}

// page reads count and after, parameters i and i+1: the numbers of after, and the text between the first and the last if there are three.
func page(c *chainjson.Call, i, parts int) (count int, after []string, err error) {
	n, err := c.Num(i, defaultPage)
	if err != nil {
		return 0, nil, err
	}
	if n < 1 || n > maxPage {
		return 0, nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid count: it must be between 1 and %d", maxPage)
	}
	if text := c.Str(i + 1); text != "" {
		if after = strings.Split(text, ":"); len(after) != parts {
			return 0, nil, errAfter
		}
	}
	return int(n), after, nil
}

var errAfter = jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid after: it must be the field next of an answer to the same question")

func scripts(c *chainjson.Call) (backend.ScriptIndex, error) {
	if c.ScriptIndex == nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "This node keeps no index of scripts. Start it with --scripthashindex.")
	}
	return c.ScriptIndex, nil
}

// scriptError gives sentences to errors of the index.
func scriptError(err error) error {
	switch {
	case errors.Is(err, backend.ErrNotSynced):
		return jsonrpc.Fail(jsonrpc.CodeMisc, "The index of scripts is being checked or repaired. Try again later.")
	case errors.Is(err, backend.ErrTooMany):
		return jsonrpc.Fail(jsonrpc.CodeMisc, "%s", err)
	}
	return err
}

// header begins an answer with the block to which it belongs, and returns that block.
func answerAt(c *chainjson.Call, at backend.At) (jsonrpc.Fields, backend.Entry) {
	f := jsonrpc.Obj("height", at.Height, "bestblock", at.Hash)
	e, ok := c.Chain.Lookup(at.Hash)
	if !ok { // the index has not begun
		e = c.Chain.Tip()
	}
	f.Add("synced", at.Hash == c.Chain.Tip().Hash())
	return f, e
}

// addPlace adds blockhash and confirmations.
func addPlace(f *jsonrpc.Fields, at backend.Entry, height int32) {
	if a := at.Ancestor(height); height <= at.Height() && a != nil {
		f.Add("blockhash", a.Hash())
	}
	f.Add("confirmations", at.Height()-height+1)
}

func getAddressHistory(ctx context.Context, c *chainjson.Call) (any, error) {
	lock, err := lock(c, 0)
	if err != nil {
		return nil, err
	}
	count, after, err := page(c, 1, 2)
	if err != nil {
		return nil, err
	}
	var height, index uint64
	if after != nil {
		var herr, ierr error
		height, herr = strconv.ParseUint(after[0], 10, 31)
		index, ierr = strconv.ParseUint(after[1], 10, 31)
		if herr != nil || ierr != nil {
			return nil, errAfter
		}
		index++
	}
	x, err := scripts(c)
	if err != nil {
		return nil, err
	}
	events, at, err := x.History(ctx, lock, int32(height), int(index), count)
	if err != nil {
		return nil, scriptError(err)
	}
	f, tip := answerAt(c, at)
	list := make([]jsonrpc.Fields, len(events))
	for i, e := range events {
		list[i] = jsonrpc.Obj("txid", e.TxID, "height", e.Height)
		addPlace(&list[i], tip, e.Height)
		list[i] = append(list[i], jsonrpc.Obj("blockindex", e.Index, "received", chainjson.Amount(e.Received), "sent", chainjson.Amount(e.Sent))...)
	}
	f.Add("history", list)
	if len(events) == count {
		last := events[count-1]
		f.Add("next", fmt.Sprintf("%d:%d", last.Height, last.Index))
	}
	return f, nil
}

func getAddressBalance(ctx context.Context, c *chainjson.Call) (any, error) {
	lock, err := lock(c, 0)
	if err != nil {
		return nil, err
	}
	x, err := scripts(c)
	if err != nil {
		return nil, err
	}
	b, at, err := x.Balance(ctx, lock)
	if err != nil {
		return nil, scriptError(err)
	}
	f, _ := answerAt(c, at)
	return append(f, jsonrpc.Obj("balance", chainjson.Amount(b.Value), "coinbase", chainjson.Amount(b.Coinbase), "txouts", b.Coins)...), nil
}

// coinAfter reads what getaddressutxos gave as next.
func coinAfter(after []string) (*backend.ScriptCoin, error) {
	if after == nil {
		return nil, nil
	}
	height, herr := strconv.ParseUint(after[0], 10, 31)
	id, terr := types.ParseHash(after[1])
	index, ierr := strconv.ParseUint(after[2], 10, 32)
	if herr != nil || terr != nil || ierr != nil {
		return nil, errAfter
	}
	return &backend.ScriptCoin{OutPoint: types.OutPoint{TxID: id, Index: uint32(index)}, Height: int32(height)}, nil
}

func getAddressUTXOs(ctx context.Context, c *chainjson.Call) (any, error) {
	lock, err := lock(c, 0)
	if err != nil {
		return nil, err
	}
	count, parts, err := page(c, 1, 3)
	if err != nil {
		return nil, err
	}
	after, err := coinAfter(parts)
	if err != nil {
		return nil, err
	}
	x, err := scripts(c)
	if err != nil {
		return nil, err
	}
	coins, at, err := x.Coins(ctx, lock, after, count)
	if err != nil {
		return nil, scriptError(err)
	}
	f, tip := answerAt(c, at)
	list := make([]jsonrpc.Fields, len(coins))
	for i := range coins {
		coin := &coins[i]
		list[i] = jsonrpc.Obj("txid", coin.TxID, "vout", coin.OutPoint.Index, "amount", chainjson.Amount(coin.Value), "height", coin.Height)
		addPlace(&list[i], tip, coin.Height)
		list[i].Add("coinbase", coin.Coinbase)
	}
	f.Add("scriptPubKey", hex.EncodeToString(lock))
	f.Add("utxos", list)
	if len(coins) == count {
		last := &coins[count-1]
		f.Add("next", fmt.Sprintf("%d:%s:%d", last.Height, last.TxID, last.OutPoint.Index))
	}
	return f, nil
}
