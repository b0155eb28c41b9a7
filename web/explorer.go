package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of one answer of the explorer.
const (
	blockPage   = 25   // transactions of a block
	wholeBlocks = 2000 // transactions up to which a block's are read with what they spend
	maxSides    = 100  // inputs, and outputs, of a transaction that are described
	historyPage = 50
	coinPage    = 50
	poolPage    = 100
	maxRawHex   = 20_000 // digits of a transaction's bytes that are shown
	maxLockText = 2_000  // characters of a script
	maxQuery    = 200
)

// header is what the page shows of getblockheader.
type header struct {
	Hash          string      `json:"hash"`
	Confirmations int32       `json:"confirmations"` // −1: not on this node's best branch
	Height        int32       `json:"height"`
	Version       string      `json:"versionHex"`
	MerkleRoot    string      `json:"merkleroot"`
	Time          int64       `json:"time"`
	Nonce         uint32      `json:"nonce"`
	Bits          string      `json:"bits"`
	Difficulty    json.Number `json:"difficulty"`
	Work          string      `json:"chainwork"`
	Txs           int         `json:"nTx"`
	Prev          string      `json:"previousblockhash,omitempty"`
	Next          string      `json:"nextblockhash,omitempty"`
}

// tx is what is read of a transaction; amounts are in coins, as the RPC writes them.
type tx struct {
	ID            string      `json:"txid"`
	WitnessID     string      `json:"hash"`
	Version       json.Number `json:"version"`
	Size          int         `json:"size"`
	VSize         int         `json:"vsize"`
	Weight        int         `json:"weight"`
	LockTime      uint32      `json:"locktime"`
	Fee           json.Number `json:"fee"`
	In            []input     `json:"vin"`
	Out           []output    `json:"vout"`
	Hex           string      `json:"hex"`
	Block         string      `json:"blockhash"`
	Confirmations int32       `json:"confirmations"`
	Time          int64       `json:"blocktime"`
}

type input struct {
	Coinbase string  `json:"coinbase,omitempty"`
	TxID     string  `json:"txid,omitempty"`
	Index    uint32  `json:"vout"`
	Sequence uint32  `json:"sequence"`
	Spent    *output `json:"prevout,omitempty"`
}

type output struct {
	Value json.Number `json:"value"`
	Index uint32      `json:"n"`
	Lock  struct {
		Address string `json:"address,omitempty"`
		Type    string `json:"type"`
		Asm     string `json:"asm"`
		Hex     string `json:"hex,omitempty"` // of data that is carried only
	} `json:"scriptPubKey"`
	State   string `json:"state,omitempty"` // "unspent", "spent"; empty: not known
	Spender string `json:"spender,omitempty"`
}

// line is a transaction in a list.
type line struct {
	ID    string      `json:"txid"`
	VSize int         `json:"vsize,omitempty"`
	Fee   json.Number `json:"fee,omitempty"`
	In    int         `json:"in,omitempty"`
	Out   int         `json:"out,omitempty"`
	Mined bool        `json:"coinbase,omitempty"`
}

// block describes a block, by hash or height, and a page of its transactions from the number "from" on.
func block(ctx context.Context, a asked) (map[string]any, error) {
	hash := a.id()
	if height, err := strconv.ParseInt(hash, 10, 32); err == nil && len(hash) < 20 {
		if err := a.ask(ctx, &hash, "getblockhash", height); err != nil {
			return nil, err
		}
	}
	var h header
	if err := a.ask(ctx, &h, "getblockheader", hash); err != nil {
		return nil, err
	}
	v := map[string]any{"header": &h, "txs": []line{}}
	var b struct {
		Txs    int               `json:"nTx"`
		Size   int               `json:"size"`
		Weight int               `json:"weight"`
		Tx     []json.RawMessage `json:"tx"`
	}
	verbosity := 2
	if h.Txs > wholeBlocks {
		verbosity = 1
	}
	if err := a.ask(ctx, &b, "getblock", hash, verbosity); err != nil {
		v["missing"] = sentence(err) // the header is known, the bytes are not there
		return v, nil
	}
	h.Txs = b.Txs
	from := min(a.number("from"), len(b.Tx))
	lines, err := linesOf(b.Tx[from:min(from+blockPage, len(b.Tx))])
	v["txs"], v["from"], v["page"], v["size"], v["weight"] = lines, from, blockPage, b.Size, b.Weight
	return v, err
}

// linesOf reads transactions as getblock lists them: objects, or ids only.
func linesOf(raw []json.RawMessage) ([]line, error) {
	lines := make([]line, len(raw))
	for i := range raw {
		if strings.HasPrefix(string(raw[i]), `"`) {
			if err := json.Unmarshal(raw[i], &lines[i].ID); err != nil {
				return nil, err
			}
			continue
		}
		var t tx
		if err := json.Unmarshal(raw[i], &t); err != nil {
			return nil, err
		}
		lines[i] = line{ID: t.ID, VSize: t.VSize, Fee: t.Fee, In: len(t.In), Out: len(t.Out), Mined: len(t.In) == 1 && t.In[0].Coinbase != ""}
	}
	return lines, nil
}

// transaction describes a transaction and its neighbours: what it spends, and what spends it.
func transaction(ctx context.Context, a asked) (map[string]any, error) {
	params := []any{a.id(), 2}
	if hash := a.r.URL.Query().Get("block"); hash != "" {
		params = append(params, hash)
	}
	var t tx
	if err := a.ask(ctx, &t, "getrawtransaction", params...); err != nil {
		return nil, err
	}
	v := map[string]any{"inputs": len(t.In), "outputs": len(t.Out), "tx": &t}
	t.In, t.Out = t.In[:min(len(t.In), maxSides)], t.Out[:min(len(t.Out), maxSides)]
	if len(t.Hex) > maxRawHex {
		t.Hex = ""
	}
	for i := range t.Out {
		t.Out[i].shorten()
	}
	if t.Block == "" {
		a.unconfirmed(ctx, &t, v)
	} else {
		var h header
		if err := a.ask(ctx, &h, "getblockheader", t.Block); err == nil {
			v["height"], v["confirmations"] = h.Height, h.Confirmations
		}
	}
	return v, a.spenders(ctx, &t)
}

// shorten bounds what is told of a script.
func (o *output) shorten() {
	o.Lock.Asm = o.Lock.Asm[:min(len(o.Lock.Asm), maxLockText)]
	if o.Lock.Type != "nulldata" || len(o.Lock.Hex) > maxLockText {
		o.Lock.Hex = ""
	}
}

// unconfirmed adds what the mempool knows of a transaction, and the outputs that it spends where they can be found.
func (a asked) unconfirmed(ctx context.Context, t *tx, v map[string]any) {
	var e struct {
		Time int64 `json:"time"`
		Fees struct {
			Base json.Number `json:"base"`
		} `json:"fees"`
	}
	if err := a.ask(ctx, &e, "getmempoolentry", t.ID); err == nil {
		t.Fee, v["since"] = e.Fees.Base, e.Time
	}
	for i := range t.In {
		in := &t.In[i]
		var parent tx
		if err := a.ask(ctx, &parent, "getrawtransaction", in.TxID, 1); err == nil && int(in.Index) < len(parent.Out) {
			in.Spent = &parent.Out[in.Index]
		}
	}
}

// spenders tells of each output whether it is spent, and by what.
func (a asked) spenders(ctx context.Context, t *tx) error {
	outpoints := make([]map[string]any, len(t.Out))
	for i := range t.Out {
		outpoints[i] = map[string]any{"txid": t.ID, "vout": t.Out[i].Index}
	}
	var spent []struct {
		By string `json:"spendingtxid"`
	}
	// A node without the index of spent outputs knows only its mempool; that is no error.
	if err := a.ask(ctx, &spent, "gettxspendingprevout", outpoints); err != nil {
		spent = nil
	}
	for i := range t.Out {
		if i < len(spent) && spent[i].By != "" {
			t.Out[i].State, t.Out[i].Spender = "spent", spent[i].By
			continue
		}
		var coin *struct{}
		if err := a.ask(ctx, &coin, "gettxout", t.ID, t.Out[i].Index, true); err != nil {
			return err
		}
		if coin != nil {
			t.Out[i].State = "unspent"
		}
	}
	return nil
}

// address sums up an address: its balance, a page of its history from "after" on, and its first unspent outputs.
func address(ctx context.Context, a asked) (map[string]any, error) {
	var valid struct {
		IsValid bool   `json:"isvalid"`
		Error   string `json:"error"`
	}
	if err := a.ask(ctx, &valid, "validateaddress", a.id()); err != nil {
		return nil, err
	}
	if !valid.IsValid {
		return nil, fmt.Errorf("this is not an address of this network: %s", valid.Error)
	}
	var balance, history, coins json.RawMessage
	if err := a.ask(ctx, &balance, "getaddressbalance", a.id()); err != nil {
		return nil, err
	}
	if err := a.ask(ctx, &history, "getaddresshistory", a.id(), historyPage, a.r.URL.Query().Get("after")); err != nil {
		return nil, err
	}
	if err := a.ask(ctx, &coins, "getaddressutxos", a.id(), coinPage); err != nil {
		return nil, err
	}
	return map[string]any{"address": a.id(), "balance": balance, "history": history, "coins": coins}, nil
}

// mempool lists what a miner would take first.
func mempool(_ context.Context, a asked) (map[string]any, error) {
	type waiting struct {
		ID    string  `json:"txid"`
		VSize int64   `json:"vsize"`
		Fee   int64   `json:"fee"` // smallest unit
		Rate  float64 `json:"rate"`
		Since int64   `json:"since"`
	}
	list := []waiting{}
	info := a.Mempool.Info()
	for _, c := range a.Mempool.Chunks() {
		for _, id := range c.Txs {
			if e, ok := a.Mempool.Entry(id); ok && len(list) < poolPage {
				list = append(list, waiting{ID: id.String(), VSize: e.VSize, Fee: e.Fee, Rate: float64(c.Fee) / (float64(c.Weight) / 4), Since: e.Time.Unix()})
			}
		}
		if len(list) == poolPage {
			break
		}
	}
	return map[string]any{"count": info.Count, "vbytes": info.Bytes, "fees": info.TotalFee, "txs": list}, nil
}

var errNothing = errors.New("no block, transaction or address of this network is called so")

// find tells what a word of the user names: a block's height or hash, a transaction or one of its outputs, an address.
func find(ctx context.Context, a asked) (map[string]any, error) {
	q := strings.TrimSpace(a.r.URL.Query().Get("q"))
	if q == "" || len(q) > maxQuery {
		return nil, errNothing
	}
	is := func(kind, id string) (map[string]any, error) { return map[string]any{"kind": kind, "id": id}, nil }
	if height, err := strconv.ParseInt(q, 10, 32); err == nil {
		var hash string
		if err := a.ask(ctx, &hash, "getblockhash", height); err != nil {
			return nil, fmt.Errorf("the best branch has no block %d", height)
		}
		return is("block", hash)
	}
	if len(q) == 64 {
		q = strings.ToLower(q)
		var h header
		if a.ask(ctx, &h, "getblockheader", q) == nil {
			return is("block", q)
		}
		var hex string
		if a.ask(ctx, &hex, "getrawtransaction", q) == nil {
			return is("tx", q)
		}
		return nil, errNothing
	}
	if id, index, ok := strings.Cut(q, ":"); ok && len(id) == 64 { // an output: its transaction
		var hex string
		if _, err := strconv.ParseUint(index, 10, 32); err == nil && a.ask(ctx, &hex, "getrawtransaction", strings.ToLower(id)) == nil {
			return is("tx", strings.ToLower(id))
		}
		return nil, errNothing
	}
	var valid struct {
		IsValid bool   `json:"isvalid"`
		Address string `json:"address"`
	}
	if err := a.ask(ctx, &valid, "validateaddress", q); err == nil && valid.IsValid {
		return is("address", valid.Address)
	}
	return nil, errNothing
}
