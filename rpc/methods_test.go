package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// rawParams are JSON texts as parameters of a call.
func rawParams(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = json.RawMessage(text)
	}
	return list
}

func TestTable(t *testing.T) {
	r := newRig(t, 3)
	ended, end := context.WithCancel(t.Context())
	end() // so that nothing waits
	seen := map[string]bool{}
	topics := map[string]bool{chainjson.TopicBlockchain: true, chainjson.TopicControl: true, chainjson.TopicMining: true, chainjson.TopicNetwork: true, chainjson.TopicRaw: true, chainjson.TopicUtil: true}
	for _, m := range Methods() {
		if seen[m.Name] {
			t.Errorf("%s stands twice in the table", m.Name)
		}
		seen[m.Name] = true
		if !topics[m.Topic] || m.Help == "" || m.Result == "" || m.Run == nil {
			t.Errorf("%s lacks a topic, help, result or handler", m.Name)
		}
		names := map[string]bool{}
		for _, p := range m.Params {
			if p.Help == "" || p.Type == "" || p.Required && p.Default != "" {
				t.Errorf("%s: parameter %s lacks help or type, or is required and has a default", m.Name, p.Name)
			}
			for _, n := range strings.Split(p.Name, "|") {
				if names[n] {
					t.Errorf("%s: two parameters are called %s", m.Name, n)
				}
				names[n] = true
			}
		}
		least := slices.IndexFunc(m.Params, func(p jsonrpc.Param) bool { return p.Required })
		words := m.ExampleParams()
		if least >= 0 && len(words) == 0 || len(words) > len(m.Params) {
			t.Errorf("%s: its example has %d parameters", m.Name, len(words))
		}
		if raw := "[" + strings.Join(words, ",") + "]"; !json.Valid([]byte(raw)) {
			t.Errorf("%s: its example is not JSON: %s", m.Name, raw)
			continue
		}
		if _, err := r.server.Call(ended, m.Name, rawParams(words)...); err != nil && (strings.HasPrefix(err.Error(), m.Usage()+"\n") || strings.HasPrefix(err.Error(), "Wrong type")) {
			t.Errorf("%s: its own example is refused: %v", m.Name, err)
		}
	}
	// Every method that programs use most.
	for _, name := range strings.Fields(`getblockcount getbestblockhash getmempoolinfo getrawmempool getblockchaininfo getblock getblockheader getblockhash
		getnetworkinfo getpeerinfo getconnectioncount addnode disconnectnode stop uptime generatetoaddress generatetodescriptor generateblock submitblock
		submitheader getrawtransaction decoderawtransaction sendrawtransaction testmempoolaccept scantxoutset gettxout setmocktime
		syncwithvalidationinterfacequeue waitfornewblock waitforblock waitforblockheight getchaintips invalidateblock reconsiderblock preciousblock
		getblocktemplate getmininginfo getnetworkhashps prioritisetransaction getmempoolentry getmempoolancestors getmempooldescendants
		getdeploymentinfo getindexinfo gettxoutsetinfo validateaddress help getrpcinfo`) {
		if !seen[name] {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// jsonType is the JSON type that a parameter has to be, "" if the handler looks at it.
func jsonType(t jsonrpc.Type) string {
	return map[jsonrpc.Type]string{jsonrpc.TypeString: "string", jsonrpc.TypeHex: "string", jsonrpc.TypeNumber: "number", jsonrpc.TypeBool: "bool", jsonrpc.TypeObject: "object", jsonrpc.TypeArray: "array"}[t]
}

// TestParameterTypes gives every parameter of every method a value of each wrong type.
func TestParameterTypes(t *testing.T) {
	values := map[string]string{"string": `"x"`, "number": "1", "bool": "true", "object": "{}", "array": "[]", "null": "null"}
	tried := 0
	r := newRig(t, 0)
	for _, m := range Methods() {
		for i, p := range m.Params {
			want := jsonType(p.Type)
			for is, text := range values {
				if want == "" || is == want || is == "null" && !p.Required {
					continue
				}
				tried++
				args := make([]string, len(m.Params))
				for j := range args {
					args[j] = "null"
					if n := jsonType(m.Params[j].Type); n != "" {
						args[j] = values[n]
					}
				}
				args[i] = text
				_, err := r.server.Call(t.Context(), m.Name, rawParams(args)...)
				wanted := fmt.Sprintf("Wrong type passed:\n{\n    \"Position %d (%s)\": \"JSON value of type %s is not of expected type %s\"\n}", i+1, strings.Split(p.Name, "|")[0], is, want)
				var e *jsonrpc.Error
				if !errors.As(err, &e) || e.Code != jsonrpc.CodeType || e.Message != wanted {
					t.Errorf("%s: got %v\nwant %s", m.Name, err, wanted)
				}
			}
		}
	}
	if tried < 200 {
		t.Errorf("only %d cases were tried", tried)
	}
}

// TestEveryMethodSurvives calls every method with nothing, its example, nulls, and odd values: each gives a
// result or an error with a code, never a panic.
func TestEveryMethodSurvives(t *testing.T) {
	r := newRig(t, 3)
	ended, end := context.WithCancel(t.Context())
	end() // so that nothing waits
	odd := []string{`""`, `"zz"`, `"` + strings.Repeat("0", 64) + `"`, `-1`, `0`, `1e3`, `9223372036854775807`, `true`, `[]`, `[null]`, `[[]]`, `[{}]`, `["",1]`, `{}`, `{"a":null}`, `{"mode":7}`}
	for _, m := range Methods() {
		bodies := [][]string{nil, m.ExampleParams(), slices.Repeat([]string{"null"}, len(m.Params))}
		for _, v := range odd {
			bodies = append(bodies, slices.Repeat([]string{v}, len(m.Params)))
		}
		for _, v := range odd { // the first parameter right, the rest odd
			if words := m.ExampleParams(); len(words) > 0 && len(m.Params) > 1 {
				bodies = append(bodies, append(words[:1], slices.Repeat([]string{v}, len(m.Params)-1)...))
			}
		}
		for _, params := range bodies {
			_, err := r.server.Call(ended, m.Name, rawParams(params)...)
			var e *jsonrpc.Error
			if err != nil && (!errors.As(err, &e) || e.Code == jsonrpc.CodeInternal || e.Message == "") {
				t.Errorf("%s(%s): %v", m.Name, params, err)
			}
		}
	}
}

func TestHelp(t *testing.T) {
	r := newRig(t, 0)
	all := call2[string](t, r, "help")
	for _, m := range Methods() {
		text := call2[string](t, r, "help", m.Name)
		if !strings.HasPrefix(text, m.Usage()+"\n\n") || !strings.Contains(text, "\nResult:\n") || !strings.Contains(text, "\nExamples:\n> cairn rpc "+m.Name) {
			t.Errorf("help %s:\n%s", m.Name, text)
		}
		if !strings.Contains(all, m.Usage()) {
			t.Errorf("help does not list %s", m.Name)
		}
		if i := strings.Index(text, `"method"`); !json.Valid([]byte(text[strings.LastIndex(text[:i], "'")+1 : strings.LastIndex(text, "' -H")])) {
			t.Errorf("the request in help %s is not JSON", m.Name)
		}
	}
	if got := call2[string](t, r, "help", "nonsense"); got != "help: unknown command: nonsense" {
		t.Errorf("got %q", got)
	}
	if got := call2[string](t, r, "help", "getblock"); !strings.HasPrefix(got, `getblock "blockhash" ( verbosity )`) {
		t.Errorf("usage: %.60q", got)
	}
	var page bytes.Buffer
	if err := WriteReference(&page); err != nil {
		t.Fatal(err)
	}
	for _, m := range Methods() {
		if !strings.Contains(page.String(), "\n### "+m.Name+"\n") {
			t.Errorf("the reference lacks %s", m.Name)
		}
	}
}

func TestParseArgs(t *testing.T) {
	digits := strings.Repeat("1", 64)
	for _, c := range []struct {
		method string
		words  []string
		want   string
	}{
		{"getblockhash", []string{"7"}, `[7]`},
		{"decodescript", []string{"51"}, `["51"]`},
		{"decodescript", []string{`"51"`}, `["51"]`},
		{"getblock", []string{digits, "true"}, `["` + digits + `",true]`},
		{"getblockstats", []string{digits}, `["` + digits + `"]`},
		{"getblockstats", []string{"7", `["txs"]`}, `[7,["txs"]]`},
		{"sendrawtransaction", []string{"00", "0.1"}, `["00",0.1]`},
		{"gettxoutsetinfo", []string{"null"}, `[null]`},
		{"not in the table", []string{"x", "7", "{}"}, `["x",7,{}]`},
	} {
		args, err := ParseArgs(c.method, c.words)
		if err != nil {
			t.Errorf("%s %v: %v", c.method, c.words, err)
			continue
		}
		if got, err := json.Marshal(args); err != nil || string(got) != c.want {
			t.Errorf("%s %v: %s, %v, want %s", c.method, c.words, got, err, c.want)
		}
	}
	if _, err := ParseArgs("getblockhash", []string{"seven"}); err == nil || err.Error() != `getblockhash: parameter 1 (height): "seven" is not of type numeric` {
		t.Errorf("not a number: %v", err)
	}
}

func TestChainMethods(t *testing.T) {
	r := newRig(t, 5)
	tip := r.tip
	if got := call2[string](t, r, "getbestblockhash"); got != tip.Hash().String() {
		t.Errorf("best block %s", got)
	}
	if got := call2[string](t, r, "getblockhash", 5); got != tip.Hash().String() {
		t.Errorf("block at 5 %s", got)
	}
	info := call2[m](t, r, "getblockchaininfo")
	if info["chain"] != "regtest" || info["blocks"] != 5.0 || info["verificationprogress"] != 1.0 || info["bits"] != "207fffff" ||
		info["chainwork"] != "000000000000000000000000000000000000000000000000000000000000000c" || len(info["warnings"].([]any)) != 0 {
		t.Errorf("getblockchaininfo: %v", info)
	}
	if d := call2[json.Number](t, r, "getdifficulty"); d != "4.656542373906925e-10" {
		t.Errorf("difficulty %s", d)
	}
	h := call2[m](t, r, "getblockheader", tip.Parent.Hash())
	if h["confirmations"] != 2.0 || h["nextblockhash"] != tip.Hash().String() || h["previousblockhash"] != tip.Parent.Parent.Hash().String() ||
		h["nTx"] != 1.0 || h["versionHex"] != fmt.Sprintf("%08x", uint32(tip.Parent.Block.Header.Version)) {
		t.Errorf("getblockheader: %v", h)
	}
	raw := call2[string](t, r, "getblockheader", tip.Hash(), false)
	header := tip.Header()
	if raw != hex.EncodeToString(header.Append(nil)) {
		t.Errorf("raw header %s", raw)
	}
	wantError(t, r, jsonrpc.CodeNotFound, "Block not found", "getblock", types.Hash{7})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "blockhash must be hexadecimal string (not 'zz", "getblock", strings.Repeat("zz", 32))
	wantError(t, r, jsonrpc.CodeInvalidParameter, "blockhash must be of length 64 (not 3, for 'abc')", "getblock", "abc")

	fork := r.chain.Extend(tip.Parent.Parent)
	r.tips = append(r.tips, fork)
	tips := call2[[]m](t, r, "getchaintips")
	if len(tips) != 2 || tips[0]["branchlen"] != 0.0 || tips[0]["status"] != "active" || tips[1]["branchlen"] != 1.0 || tips[1]["height"] != 4.0 || tips[1]["status"] != "valid-fork" {
		t.Errorf("getchaintips: %v", tips)
	}
	if h := call2[m](t, r, "getblockheader", fork.Hash()); h["confirmations"] != -1.0 || h["nextblockhash"] != nil {
		t.Errorf("header off the best chain: %v", h)
	}
	if got := call2[m](t, r, "getindexinfo"); len(got) != 1 || got["basic block filter index"].(m)["best_block_height"] != 5.0 {
		t.Errorf("getindexinfo: %v", got)
	}
	if got := call2[m](t, r, "getdeploymentinfo"); got["deployments"].(m)["segwit"].(m)["active"] != true {
		t.Errorf("getdeploymentinfo: %v", got)
	}
	stats := call2[m](t, r, "getchaintxstats", 2)
	if stats["txcount"] != 6.0 || stats["window_block_count"] != 2.0 || stats["window_tx_count"] != 2.0 {
		t.Errorf("getchaintxstats: %v", stats)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid block count", "getchaintxstats", 5)
}

func TestInvalidateAndReconsider(t *testing.T) {
	r := newRig(t, 3)
	tip := r.tip
	call2[any](t, r, "invalidateblock", tip.Hash())
	if got := call2[int](t, r, "getblockcount"); got != 2 {
		t.Errorf("height %d after invalidateblock", got)
	}
	call2[any](t, r, "reconsiderblock", tip.Hash())
	call2[any](t, r, "preciousblock", tip.Hash())
	if got := call2[int](t, r, "getblockcount"); got != 3 {
		t.Errorf("height %d after preciousblock", got)
	}
	wantError(t, r, jsonrpc.CodeNotFound, "Block not found", "invalidateblock", types.Hash{1})
	if !call2[bool](t, r, "verifychain") {
		t.Error("verifychain says no")
	}
}

// spendBlock mines maturity and a block with one signed transaction that pays a fee of 1000.
func spendBlock(t *testing.T, r *rig) (*types.Tx, *consensustest.Node) {
	t.Helper()
	first := r.extend()
	for range 100 {
		r.extend()
	}
	tx := first.SignedSpend(t, 1000)
	return tx, r.extend(tx)
}

func TestGetBlockVerbosity(t *testing.T) {
	r := newRig(t, 0)
	tx, n := spendBlock(t, r)
	if got := call2[string](t, r, "getblock", n.Hash(), 0); got != hex.EncodeToString(n.Block.Bytes()) {
		t.Error("verbosity 0 is not the block's bytes")
	}
	if got := call2[string](t, r, "getblock", n.Hash(), false); got != hex.EncodeToString(n.Block.Bytes()) {
		t.Error("verbose false is not the block's bytes")
	}
	one := call2[m](t, r, "getblock", n.Hash())
	if ids := one["tx"].([]any); len(ids) != 2 || ids[1] != tx.ID().String() || one["weight"] != float64(n.Block.Weight()) || one["strippedsize"] != float64(n.Block.BaseSize()) {
		t.Errorf("verbosity 1: %v", one)
	}
	two := call2[m](t, r, "getblock", n.Hash(), 2)["tx"].([]any)[1].(m)
	if two["fee"] != 0.00001 || two["txid"] != tx.ID().String() || two["hash"] != tx.WitnessID().String() || two["hex"] != hex.EncodeToString(tx.Bytes()) {
		t.Errorf("verbosity 2: %v", two)
	}
	if in := two["vin"].([]any)[0].(m); in["prevout"] != nil || len(in["txinwitness"].([]any)) != 2 {
		t.Errorf("verbosity 2, input: %v", in)
	}
	in := call2[m](t, r, "getblock", n.Hash(), 3)["tx"].([]any)[1].(m)["vin"].([]any)[0].(m)
	if prev := in["prevout"].(m); prev["generated"] != true || prev["height"] != 1.0 || prev["value"] != 50.0 || prev["scriptPubKey"].(m)["type"] != "witness_v0_keyhash" {
		t.Errorf("verbosity 3, prevout: %v", prev)
	}
	coinbase := call2[m](t, r, "getblock", n.Hash(), 2)["tx"].([]any)[0].(m)
	if coinbase["vin"].([]any)[0].(m)["coinbase"] == nil || coinbase["fee"] != nil {
		t.Errorf("coinbase: %v", coinbase)
	}
	var text struct{ Tx []json.RawMessage }
	if err := r.client.Call(t.Context(), "getblock", &text, n.Hash(), 2); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`"value":50\.00001000,`).Match(text.Tx[0]) || !regexp.MustCompile(`"fee":0\.00001000,`).Match(text.Tx[1]) {
		t.Errorf("amounts do not have eight decimals: %s", text.Tx)
	}
	if text := call2[m](t, r, "getblockstats", n.Height()); text["totalfee"] != 1000.0 || text["txs"] != 2.0 || text["ins"] != 1.0 || text["subsidy"] != 5e9 ||
		text["avgfee"] != 1000.0 || text["medianfee"] != 1000.0 || len(text["feerate_percentiles"].([]any)) != 5 || text["swtxs"] != 1.0 {
		t.Errorf("getblockstats: %v", text)
	}
	if got := call2[m](t, r, "getblockstats", n.Hash(), []string{"txs", "height"}); len(got) != 2 || got["height"] != 102.0 {
		t.Errorf("chosen block stats: %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid selected statistic 'x'", "getblockstats", 1, []string{"x"})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Target block height 500 after current tip 102", "getblockstats", 500)
}

func TestRawTransactions(t *testing.T) {
	r := newRig(t, 0)
	tx, n := spendBlock(t, r)
	id := tx.ID()
	wantError(t, r, jsonrpc.CodeNotFound, "No such mempool transaction. Use -txindex", "getrawtransaction", id)
	got := call2[m](t, r, "getrawtransaction", id, 2, n.Hash())
	if got["in_active_chain"] != true || got["confirmations"] != 1.0 || got["fee"] != 0.00001 || got["blockhash"] != n.Hash().String() || got["blocktime"] != float64(n.Block.Header.Time) {
		t.Errorf("in its block: %v", got)
	}
	if got := call2[string](t, r, "getrawtransaction", id, false, n.Hash()); got != hex.EncodeToString(tx.Bytes()) {
		t.Errorf("bytes %s", got)
	}
	wantError(t, r, jsonrpc.CodeNotFound, "No such transaction found in the provided block", "getrawtransaction", id, 1, n.Parent.Hash())
	wantError(t, r, jsonrpc.CodeNotFound, "Block hash not found", "getrawtransaction", id, 1, types.Hash{3})
	wantError(t, r, jsonrpc.CodeNotFound, "genesis block coinbase", "getrawtransaction", r.params.Genesis.Txs[0].ID())
	if got := call2[m](t, r, "decoderawtransaction", hex.EncodeToString(tx.Bytes())); got["txid"] != id.String() || got["hex"] != nil || got["vsize"] != float64(tx.VSize()) {
		t.Errorf("decoded: %v", got)
	}
	for _, bad := range []string{"", "zz", "00", hex.EncodeToString(tx.Bytes()) + "00", hex.EncodeToString(tx.Bytes()[:40])} {
		wantError(t, r, jsonrpc.CodeDeserialization, "TX decode failed", "decoderawtransaction", bad)
		wantError(t, r, jsonrpc.CodeDeserialization, "TX decode failed. Make sure the tx has at least one input.", "sendrawtransaction", bad)
	}
	wantError(t, r, jsonrpc.CodeAlreadyInChain, "Transaction outputs already in utxo set", "sendrawtransaction", hex.EncodeToString(tx.Bytes()))
}

func TestSubmitErrors(t *testing.T) {
	r := newRig(t, 0)
	raw := hex.EncodeToString(consensustest.SpendTx(500, consensustest.CoinEntry(r.params.Genesis.Txs[0], 0)).Bytes())
	for _, c := range []struct {
		err    error
		code   int
		text   string
		tested string
	}{
		{backend.ErrMissingInputs, jsonrpc.CodeVerify, "bad-txns-inputs-missingorspent", "missing-inputs"},
		{backend.ErrMaxFeeRate, jsonrpc.CodeVerify, "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)", ""},
		{consensus.Reject(consensus.MaxFeeExceeded, ""), jsonrpc.CodeVerify, "Fee exceeds maximum", "max-fee-exceeded"},
		{consensus.Reject(consensus.MinRelayFeeNotMet, "10 < 110"), jsonrpc.CodeVerifyRejected, "min relay fee not met, 10 < 110", "min relay fee not met"},
		{consensus.Reject(consensus.MandatoryScriptVerify, "Signature must be zero"), jsonrpc.CodeVerifyRejected, "mandatory-script-verify-flag-failed (Signature must be zero)", "mandatory-script-verify-flag-failed (Signature must be zero)"},
		{consensus.Reject(consensus.Dust, ""), jsonrpc.CodeVerifyRejected, "dust", "dust"},
	} {
		r.submitErr = c.err
		wantError(t, r, c.code, c.text, "sendrawtransaction", raw)
		if c.tested == "" {
			continue
		}
		got := call2[[]m](t, r, "testmempoolaccept", []string{raw})
		if len(got) != 1 || got[0]["allowed"] != false || got[0]["reject-reason"] != c.tested {
			t.Errorf("testmempoolaccept for %v: %v", c.err, got)
		}
	}
	r.submitErr = nil
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Fee rates larger than", "sendrawtransaction", raw, "1.1")
	wantError(t, r, jsonrpc.CodeType, "Invalid amount", "sendrawtransaction", raw, "much")
	wantError(t, r, jsonrpc.CodeType, "Amount out of range", "sendrawtransaction", raw, -1)
	wantError(t, r, jsonrpc.CodeType, "Amount is not a number or string", "sendrawtransaction", raw, true)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Array must contain between 1 and 25 transactions.", "testmempoolaccept", []string{})
	got := call2[[]m](t, r, "testmempoolaccept", []string{raw})[0]
	if got["allowed"] != true || got["fees"].(m)["base"] != 0.000005 {
		t.Errorf("allowed: %v", got)
	}
	if got := call2[[]m](t, r, "testmempoolaccept", []string{raw}, "0.00001")[0]; got["reject-reason"] != "max-fee-exceeded" {
		t.Errorf("with a low maxfeerate: %v", got)
	}
	if got := call2[string](t, r, "sendrawtransaction", raw); len(got) != 64 {
		t.Errorf("sent: %s", got)
	}
	if got := call2[[]string](t, r, "getrawmempool"); len(got) != 1 {
		t.Errorf("pool: %v", got)
	}
}

func TestBurn(t *testing.T) {
	r := newRig(t, 0)
	tx := consensustest.SpendTx(500, consensustest.CoinEntry(r.params.Genesis.Txs[0], 0)).Clone()
	tx.Out[1].Value = 1000
	raw := hex.EncodeToString(tx.Bytes())
	wantError(t, r, jsonrpc.CodeVerify, "Unspendable output exceeds maximum configured by user (maxburnamount)", "sendrawtransaction", raw)
	if got := call2[string](t, r, "sendrawtransaction", raw, 0, "0.00001"); got != tx.ID().String() {
		t.Errorf("got %s", got)
	}
}

func TestMempoolMethods(t *testing.T) {
	r := newRig(t, 3)
	parent := r.tip.SignedSpend(t, 700)
	child := consensustest.Signed(t, 300, consensustest.CoinEntry(parent, 0))
	r.put(parent, 700)
	r.put(child, 300)
	if got := call2[m](t, r, "getmempoolinfo"); got["size"] != 2.0 || got["total_fee"] != 0.00001 || got["mempoolminfee"] != 0.00001 {
		t.Errorf("getmempoolinfo: %v", got)
	}
	if got := call2[m](t, r, "getrawmempool", false, true); got["mempool_sequence"] != 2.0 || len(got["txids"].([]any)) != 2 {
		t.Errorf("with sequence: %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Verbose results cannot contain mempool sequence values.", "getrawmempool", true, true)
	entry := call2[m](t, r, "getrawmempool", true)[child.ID().String()].(m)
	if entry["fees"].(m)["base"] != 0.000003 || entry["depends"].([]any)[0] != parent.ID().String() || entry["wtxid"] != child.WitnessID().String() {
		t.Errorf("entry: %v", entry)
	}
	if got := call2[[]string](t, r, "getmempooldescendants", parent.ID()); !slices.Equal(got, []string{child.ID().String()}) {
		t.Errorf("descendants: %v", got)
	}
	if got := call2[m](t, r, "getmempoolancestors", child.ID(), true); got[parent.ID().String()] == nil {
		t.Errorf("ancestors: %v", got)
	}
	wantError(t, r, jsonrpc.CodeNotFound, "Transaction not in mempool", "getmempoolentry", types.Hash{5})
	wantError(t, r, jsonrpc.CodeNotFound, "Transaction not in mempool", "getmempoolcluster", types.Hash{5})
	if got := call2[m](t, r, "getmempoolcluster", parent.ID()); got["txcount"] != 1.0 || len(got["chunks"].([]any)) != 1 {
		t.Errorf("getmempoolcluster: %v", got)
	}
	diagram := call2[[]m](t, r, "getmempoolfeeratediagram")
	if len(diagram) != 3 || diagram[0]["weight"] != 0.0 || diagram[2]["fee"] != 0.00001 {
		t.Errorf("getmempoolfeeratediagram: %v", diagram)
	}
	spent := call2[[]m](t, r, "gettxspendingprevout", []any{m{"txid": parent.ID(), "vout": 0}, m{"txid": parent.ID(), "vout": 1}})
	if spent[0]["spendingtxid"] != child.ID().String() || spent[1]["spendingtxid"] != nil {
		t.Errorf("gettxspendingprevout: %v", spent)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "vout cannot be negative", "gettxspendingprevout", []any{m{"txid": parent.ID(), "vout": -1}})
	if !call2[bool](t, r, "prioritisetransaction", parent.ID(), 0.0, 5000) {
		t.Error("prioritisetransaction says no")
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "dummy argument to prioritisetransaction must be 0", "prioritisetransaction", parent.ID(), 1, 5000)
	if got := call2[m](t, r, "getprioritisedtransactions"); got[parent.ID().String()].(m)["fee_delta"] != 5000.0 {
		t.Errorf("prioritised: %v", got)
	}
	if got := call2[m](t, r, "savemempool"); got["filename"] != "mempool.dat" {
		t.Errorf("savemempool: %v", got)
	}
	call2[m](t, r, "importmempool", "x", m{"use_current_time": false, "apply_unbroadcast_set": true})
	if r.imported != (backend.ImportOptions{Unbroadcast: true}) {
		t.Errorf("importmempool: %+v", r.imported)
	}
	wantError(t, r, jsonrpc.CodeMisc, "Unable to import mempool file: no such file", "importmempool", "")
	if got := call2[m](t, r, "estimaterawfee", 6); len(got) != 0 {
		t.Errorf("estimaterawfee without an estimator: %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid threshold", "estimaterawfee", 6, 2)
	if got := call2[m](t, r, "estimatesmartfee", 6); got["feerate"] != 0.00001 || got["blocks"] != 6.0 {
		t.Errorf("estimatesmartfee: %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid conf_target, must be between 1 and 1008", "estimatesmartfee", 0)
}

func TestCoinMethods(t *testing.T) {
	r := newRig(t, 4)
	coinbase := r.tip.Block.Txs[0]
	got := call2[m](t, r, "gettxout", coinbase.ID(), 0)
	if got["bestblock"] != r.tip.Hash().String() || got["confirmations"] != 1.0 || got["value"] != 50.0 || got["coinbase"] != true {
		t.Errorf("gettxout: %v", got)
	}
	if got := call2[any](t, r, "gettxout", coinbase.ID(), 9); got != nil {
		t.Errorf("an output that does not exist: %v", got)
	}
	spend := r.tip.SignedSpend(t, 100)
	r.put(spend, 100)
	if got := call2[any](t, r, "gettxout", coinbase.ID(), 0); got != nil {
		t.Errorf("spent in the mempool: %v", got)
	}
	if got := call2[m](t, r, "gettxout", coinbase.ID(), 0, false); got["value"] != 50.0 {
		t.Errorf("without the mempool: %v", got)
	}
	if got := call2[m](t, r, "gettxout", spend.ID(), 0); got["confirmations"] != 0.0 {
		t.Errorf("in the mempool: %v", got)
	}
	info := call2[m](t, r, "gettxoutsetinfo", "muhash")
	if info["total_amount"] != 200.0 || info["txouts"] != 4.0 || info["muhash"] == nil || info["hash_serialized_3"] != nil {
		t.Errorf("gettxoutsetinfo: %v", info)
	}
	if info := call2[m](t, r, "gettxoutsetinfo", "none"); info["muhash"] != nil || info["hash_serialized_3"] != nil {
		t.Errorf("no checksum asked: %v", info)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "'x' is not a valid hash_type", "gettxoutsetinfo", "x")
	lock := consensustest.KeyLock()
	address, _ := script.EncodeAddress(r.params.Addresses(), lock)
	for _, desc := range []string{"addr(" + address + ")", "raw(" + hex.EncodeToString(lock) + ")"} {
		scan := call2[m](t, r, "scantxoutset", "start", []any{m{"desc": desc}})
		if scan["success"] != true || scan["total_amount"] != 200.0 || len(scan["unspents"].([]any)) != 4 || scan["height"] != 4.0 {
			t.Errorf("scantxoutset %s: %v", desc, scan)
		}
		if first := scan["unspents"].([]any)[0].(m); first["height"] != 1.0 || first["confirmations"] != 4.0 || !strings.HasPrefix(first["desc"].(string), "addr("+address+")#") {
			t.Errorf("unspent: %v", first)
		}
	}
	if got := call2[any](t, r, "scantxoutset", "status"); got != nil {
		t.Errorf("status: %v", got)
	}
	if call2[bool](t, r, "scantxoutset", "abort") {
		t.Error("abort says that a scan ran")
	}
	wantError(t, r, jsonrpc.CodeMisc, "scanobjects argument is required", "scantxoutset", "start")
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid action 'x'", "scantxoutset", "x")
	wantError(t, r, jsonrpc.CodeNotFound, "does not match computed checksum", "scantxoutset", "start", []string{"raw(51)#aaaaaaaa"})
}

func TestProofs(t *testing.T) {
	r := newRig(t, 0)
	tx, n := spendBlock(t, r)
	for _, params := range [][]any{{[]any{tx.ID()}}, {[]any{tx.ID()}, n.Hash()}} {
		proof := call2[string](t, r, "gettxoutproof", params...)
		if got := call2[[]string](t, r, "verifytxoutproof", proof); !slices.Equal(got, []string{tx.ID().String()}) {
			t.Errorf("verified: %v", got)
		}
		raw, err := hex.DecodeString(proof)
		if err != nil {
			t.Fatal(err)
		}
		raw[types.HeaderSize+10] ^= 1 // a hash in the tree
		if got := call2[[]string](t, r, "verifytxoutproof", hex.EncodeToString(raw)); len(got) != 0 {
			t.Errorf("a forged proof commits to %v", got)
		}
	}
	wantError(t, r, jsonrpc.CodeNotFound, "Not all transactions found", "gettxoutproof", []any{tx.ID()}, n.Parent.Hash())
	wantError(t, r, jsonrpc.CodeNotFound, "Transaction not yet in block", "gettxoutproof", []any{types.Hash{1}})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "duplicated txid", "gettxoutproof", []any{tx.ID(), tx.ID()})
	wantError(t, r, jsonrpc.CodeDeserialization, "Proof decode failed", "verifytxoutproof", "00")
}

func TestWaits(t *testing.T) {
	r := newRig(t, 2)
	if got := call2[m](t, r, "waitforblockheight", 2); got["height"] != 2.0 {
		t.Errorf("a height that is there: %v", got)
	}
	if got := call2[m](t, r, "waitforblock", types.Hash{1}, 1); got["height"] != 2.0 {
		t.Errorf("at its timeout: %v", got)
	}
	if got := call2[m](t, r, "waitfornewblock", 0, types.Hash{1}); got["height"] != 2.0 {
		t.Errorf("already another tip: %v", got)
	}
	done := make(chan m, 1)
	go func() {
		var got m
		if err := r.client.Call(t.Context(), "waitforblockheight", &got, 4); err != nil {
			t.Error(err)
		}
		done <- got
	}()
	r.extend()
	r.extend()
	if got := <-done; got["height"] != 4.0 || got["hash"] != r.tip.Hash().String() {
		t.Errorf("waited for height 4: %v", got)
	}
	wantError(t, r, jsonrpc.CodeMisc, "Negative timeout", "waitfornewblock", -1)
}
