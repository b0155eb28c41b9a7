package mining

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

func templateMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "getblocktemplate", Topic: chainjson.TopicMining, Help: "Returns what is needed to build a block to work on (BIP22, BIP23, BIP145). With longpollid of an earlier template it answers when there is something better to work on. " +
			"With mode proposal it judges a block as if it had its proof of work.",
			Params:  []jsonrpc.Param{jsonrpc.Required("template_request", jsonrpc.TypeObject, "mode, capabilities, rules (must hold segwit), longpollid, data")},
			Result:  "{...}    (json object) capabilities, version, rules, vbavailable, vbrequired, previousblockhash, transactions, coinbaseaux, coinbasevalue, longpollid, target, mintime, mutable, noncerange, sigoplimit, sizelimit, weightlimit, curtime, bits, height, default_witness_commitment; null or the reject reason for a proposal",
			Example: `'{"rules": ["segwit"]}'`, Run: getBlockTemplate},
		{Name: "submitblock", Topic: chainjson.TopicMining, Help: "Attempts to submit a new block to the network (BIP22).",
			Params: []jsonrpc.Param{jsonrpc.Required("hexdata", jsonrpc.TypeHex, "the hex-encoded block data to submit"), jsonrpc.Optional("dummy", jsonrpc.TypeAny, "", "dummy value, for compatibility with BIP22. This value is ignored.")},
			Result: `null or "str"    null if it was accepted, else the reject reason: duplicate, duplicate-invalid, duplicate-inconclusive, inconclusive, high-hash, ...`, Example: `"mydata"`, Run: submitBlock},
		{Name: "submitheader", Topic: chainjson.TopicMining, Help: "Decode the given hexdata as a header and submit it as a candidate chain tip if valid. Throws when the header is invalid.",
			Params: []jsonrpc.Param{jsonrpc.Required("hexdata", jsonrpc.TypeHex, "the hex-encoded block header data")}, Result: "null", Example: `"aabbcc"`, Run: submitHeader},
	}
}

// How long a long poll waits before news in the mempool alone end it, and how often it looks then.
const (
	longPollQuiet = time.Minute
	longPollEvery = 10 * time.Second
)

func getBlockTemplate(ctx context.Context, c *chainjson.Call) (any, error) {
	req, err := jsonrpc.AsObject(c.Args[0])
	if err != nil {
		return nil, err
	}
	switch mode := req.Get("mode"); mode {
	case nil, "template":
	case "proposal":
		return proposal(ctx, c, req)
	default:
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid mode")
	}
	rules, _ := req.Get("rules").([]any)
	if !slices.Contains(rules, any("segwit")) {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, `getblocktemplate must be called with the segwit rule set (call with {"rules": ["segwit"]})`)
	}
	if id := req.Get("longpollid"); id != nil {
		if err := longPoll(ctx, c, id); err != nil {
			return nil, err
		}
	}
	t, err := c.Mining.Template(ctx, []byte{0x51})
	if err != nil {
		return nil, err
	}
	return templateFields(c, t)
}

// longPoll returns when the tip is not that of the template with this id any more, or after a while when
// the mempool is not.
func longPoll(ctx context.Context, c *chainjson.Call, id any) error {
	tip, sequence := c.Chain.Tip().Hash(), c.Mempool.Sequence()
	if s, ok := id.(string); ok {
		if len(s) < 2*types.HashSize {
			return jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "longpollid must begin with a block hash")
		}
		h, err := chainjson.AsHash(s[:2*types.HashSize], "longpollid")
		if err != nil {
			return err
		}
		tip = h
		if sequence, err = strconv.ParseUint(s[2*types.HashSize:], 10, 64); err != nil {
			return jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "longpollid must end with a number")
		}
	}
	bell, cancel := c.Chain.Subscribe()
	defer cancel()
	timer := time.NewTimer(longPollQuiet)
	defer timer.Stop()
	for c.Chain.Tip().Hash() == tip {
		select {
		case <-bell:
		case <-timer.C:
			if c.Mempool.Sequence() != sequence {
				return nil
			}
			timer.Reset(longPollEvery)
		case <-ctx.Done():
			return jsonrpc.Fail(-9, "Shutting down")
		}
	}
	return nil
}

func templateFields(c *chainjson.Call, t backend.Template) (any, error) {
	b := t.Block
	parent, ok := c.Chain.Lookup(b.Header.PrevHash)
	if !ok || len(b.Txs) == 0 || len(t.Fees) != len(b.Txs) || len(t.SigOps) != len(b.Txs) {
		return nil, jsonrpc.Fail(jsonrpc.CodeInternal, "the node made a template that does not fit together")
	}
	index := map[types.Hash]int{}
	txs := make([]jsonrpc.Fields, 0, len(b.Txs)-1)
	for i, tx := range b.Txs[1:] {
		depends := []any{}
		for j := range tx.In {
			if n, ok := index[tx.In[j].PrevOut.TxID]; ok && !slices.Contains(depends, any(n)) {
				depends = append(depends, n)
			}
		}
		index[tx.ID()] = i + 1
		txs = append(txs, jsonrpc.Obj("data", hex.EncodeToString(tx.Bytes()), "txid", tx.ID(), "hash", tx.WitnessID(), "depends", depends,
			"fee", t.Fees[i+1], "sigops", t.SigOps[i+1], "weight", tx.Weight()))
	}
	coinbase := b.Txs[0]
	var value int64
	for i := range coinbase.Out {
		value += coinbase.Out[i].Value
	}
	p := c.Node.Params()
	rules, available := templateRules(p, parent)
	scale := 1
	if parent.Height()+1 < p.SegwitHeight {
		scale = types.WitnessScale
	}
	f := jsonrpc.Obj("capabilities", []string{"proposal"}, "version", b.Header.Version, "rules", rules,
		"vbavailable", available, "vbrequired", 0, "previousblockhash", b.Header.PrevHash, "transactions", txs, "coinbaseaux", jsonrpc.Fields{},
		"coinbasevalue", value, "longpollid", b.Header.PrevHash.String()+strconv.FormatUint(t.MempoolSequence, 10),
		"target", chainjson.TargetHex(b.Header.Bits), "mintime", parent.MedianTime()+1, "mutable", []string{"time", "transactions", "prevblock"},
		"noncerange", "00000000ffffffff", "sigoplimit", consensus.MaxBlockSigOpCost/scale, "sizelimit", types.MaxBlockBytes/scale)
	if scale == 1 {
		f.Add("weightlimit", types.MaxBlockWeight)
	}
	f = append(f, jsonrpc.Obj("curtime", chainjson.UnixSeconds(b.Header.Time), "bits", chainjson.BitsHex(b.Header.Bits), "height", parent.Height()+1)...)
	if i := consensus.CommitmentIndex(coinbase); i >= 0 {
		f.Add("default_witness_commitment", hex.EncodeToString(coinbase.Out[i].Script))
	}
	return f, nil
}

// proposal judges a block without its proof of work (BIP23).
func proposal(ctx context.Context, c *chainjson.Call, req *jsonrpc.Object) (any, error) {
	data, ok := req.Get("data").(string)
	if !ok {
		return nil, jsonrpc.Fail(jsonrpc.CodeType, "Missing data String key for proposal")
	}
	b, err := asBlock(data)
	if err != nil {
		return nil, err
	}
	if e, ok := c.Chain.Lookup(b.Hash()); ok {
		return duplicate(e), nil
	}
	if b.Header.PrevHash != c.Chain.Tip().Hash() {
		return "inconclusive-not-best-prevblk", nil
	}
	err = c.Steer.TestBlock(ctx, b)
	if consensus.KindOf(err) != "" {
		return chainjson.RejectReason(err), nil
	}
	return nil, err
}

// duplicate is BIP22's word for a block that is known already.
func duplicate(e backend.Entry) string {
	switch e.Status {
	case "active", "valid-fork":
		return string(consensus.Duplicate)
	case "invalid":
		return string(consensus.DuplicateInvalid)
	}
	return "duplicate-inconclusive"
}

func asBlock(text string) (*types.Block, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "Block decode failed")
	}
	b, err := types.DecodeBlock(raw)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "Block decode failed")
	}
	return b, nil
}

func submitBlock(ctx context.Context, c *chainjson.Call) (any, error) {
	b, err := asBlock(c.Str(0))
	if err != nil {
		return nil, err
	}
	if len(b.Txs) == 0 || !b.Txs[0].IsCoinbase() {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "Block does not start with a coinbase")
	}
	known, err := c.Submit.Block(ctx, b)
	e, found := c.Chain.Lookup(b.Hash())
	switch {
	case consensus.KindOf(err) != "":
		return chainjson.RejectReason(err), nil
	case err != nil:
		return nil, jsonrpc.Fail(jsonrpc.CodeVerify, "%s", err)
	case known && found:
		return duplicate(e), nil
	case !found || !chainjson.OnBest(c, e):
		return string(consensus.Inconclusive), nil
	}
	return nil, nil
}

func submitHeader(ctx context.Context, c *chainjson.Call) (any, error) {
	raw, err := hex.DecodeString(c.Str(0))
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "Block header decode failed")
	}
	h, err := types.DecodeHeader(raw)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "Block header decode failed")
	}
	if _, ok := c.Chain.Lookup(h.PrevHash); !ok {
		return nil, jsonrpc.Fail(jsonrpc.CodeVerify, "Must submit previous header (%s) first", h.PrevHash)
	}
	err = c.Submit.Header(ctx, h)
	if consensus.KindOf(err) != "" {
		return nil, jsonrpc.Fail(jsonrpc.CodeVerify, "%s", chainjson.RejectReason(err))
	}
	return nil, err
}

// templateRules are what getblocktemplate says of deployments for the block after parent (BIP9): the rules that hold, and
// the bits that may be set in its version. A rule that a miner has to know begins with !.
func templateRules(p *consensus.Params, parent consensus.Ancestry) (rules []string, available jsonrpc.Fields) {
	rules, available = []string{"csv"}, jsonrpc.Fields{}
	if parent.Height()+1 >= p.SegwitHeight {
		rules = append(rules, "!segwit")
	}
	for i := range p.Deployments {
		d := &p.Deployments[i]
		switch state, _ := consensus.StateAfter(p, d, parent); state {
		case consensus.StateActive:
			rules = append(rules, d.Name)
		case consensus.StateStarted, consensus.StateLockedIn:
			available.Add(d.Name, d.Bit)
		}
	}
	return slices.Clip(rules), available
}
