package rpc

import (
	"encoding/base64"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

func TestMiningMethods(t *testing.T) {
	r := newRig(t, 3)
	address, _ := script.EncodeAddress(r.params.Addresses(), consensustest.KeyLock())
	if got := call2[[]string](t, r, "generatetoaddress", 2, address); len(got) != 2 || got[1] != r.tip.Hash().String() {
		t.Errorf("generatetoaddress: %v", got)
	}
	if got := call2[[]string](t, r, "generatetodescriptor", 1, "raw(51)"); len(got) != 1 || string(r.tip.Block.Txs[0].Out[0].Script) != "\x51" {
		t.Errorf("generatetodescriptor: %v", got)
	}
	if got := call2[[]string](t, r, "generatetoaddress", 0, address); got == nil {
		t.Error("no blocks are null, not an empty array")
	}
	wantError(t, r, jsonrpc.CodeNotFound, "Error: Invalid address", "generatetoaddress", 1, "nonsense")
	wantError(t, r, jsonrpc.CodeNotFound, "another network", "generatetoaddress", 1, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
	if got := call2[m](t, r, "generateblock", address, []string{}, false); got["hex"] == nil || call2[int](t, r, "getblockcount") != 6 {
		t.Errorf("generateblock without submit: %v", got)
	}
	if got := call2[m](t, r, "generateblock", "raw(51)", []string{}); got["hex"] != nil || got["hash"] != r.tip.Hash().String() {
		t.Errorf("generateblock: %v", got)
	}
	wantError(t, r, jsonrpc.CodeNotFound, "not in mempool", "generateblock", address, []any{types.Hash{1}})
	wantError(t, r, jsonrpc.CodeDeserialization, "Transaction decode failed for 00", "generateblock", address, []string{"00"})
	info := call2[m](t, r, "getmininginfo")
	if info["blocks"] != 7.0 || info["next"].(m)["height"] != 8.0 || info["mining"] != false {
		t.Errorf("getmininginfo: %v", info)
	}
	if rate := call2[float64](t, r, "getnetworkhashps", 3); rate <= 0 {
		t.Errorf("hash rate %v", rate)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid nblocks", "getnetworkhashps", 0)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Block does not exist at specified height", "getnetworkhashps", 1, 100)
	if !call2[bool](t, r, "setgenerate", true) || !call2[bool](t, r, "getgenerate") {
		t.Error("mining did not start")
	}
}

func TestBlockTemplate(t *testing.T) {
	r := newRig(t, 0)
	first := r.extend()
	for range 100 {
		r.extend()
	}
	parent := first.SignedSpend(t, 700)
	child := consensustest.Signed(t, 300, consensustest.CoinEntry(parent, 0))
	r.put(parent, 700)
	r.put(child, 300)
	rules := m{"rules": []string{"segwit"}}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "must be called with the segwit rule set", "getblocktemplate", m{})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid mode", "getblocktemplate", m{"mode": "x"})
	got := call2[m](t, r, "getblocktemplate", rules)
	txs := got["transactions"].([]any)
	if got["height"] != 102.0 || got["previousblockhash"] != r.tip.Hash().String() || got["bits"] != "207fffff" || got["mintime"] != float64(r.tip.MedianTime()+1) ||
		len(got["target"].(string)) != 64 || got["coinbasevalue"] != 50e8+1000 || got["default_witness_commitment"] == nil || len(txs) != 2 {
		t.Errorf("template: %v", got)
	}
	if tx := txs[1].(m); tx["depends"].([]any)[0] != 1.0 || tx["fee"] != 300.0 || tx["weight"] != float64(child.Weight()) || tx["data"] != hex.EncodeToString(child.Bytes()) {
		t.Errorf("second transaction: %v", txs[1])
	}

	// A long poll ends with the next tip.
	done := make(chan m, 1)
	go func() {
		var next m
		if err := r.client.Call(t.Context(), "getblocktemplate", &next, m{"rules": []string{"segwit"}, "longpollid": got["longpollid"]}); err != nil {
			t.Error(err)
		}
		done <- next
	}()
	r.extend(parent, child)
	if next := <-done; next["height"] != 103.0 {
		t.Errorf("long poll: %v", next["height"])
	}
	if again := call2[m](t, r, "getblocktemplate", m{"rules": []string{"segwit"}, "longpollid": got["longpollid"]}); again["height"] != 103.0 {
		t.Error("a long poll of an old tip did not end at once")
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "longpollid", "getblocktemplate", m{"rules": []string{"segwit"}, "longpollid": "7"})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "longpollid", "getblocktemplate", m{"rules": []string{"segwit"}, "longpollid": r.tip.Hash().String() + "x"})
}

func TestProposalAndSubmit(t *testing.T) {
	r := newRig(t, 2)
	b := r.chain.Build(r.tip, consensustest.KeyLock())
	consensustest.Solve(b)
	data := hex.EncodeToString(b.Bytes())
	proposal := func(data string) any { return m{"mode": "proposal", "data": data} }
	if got := call2[any](t, r, "getblocktemplate", proposal(data)); got != nil {
		t.Errorf("proposal: %v", got)
	}
	r.testErr = consensus.Reject(consensus.BadCbAmount, "")
	if got := call2[string](t, r, "getblocktemplate", proposal(data)); got != "bad-cb-amount" {
		t.Errorf("bad proposal: %v", got)
	}
	if got := call2[string](t, r, "getblocktemplate", proposal(hex.EncodeToString(r.tip.Block.Bytes()))); got != "duplicate" {
		t.Errorf("known proposal: %v", got)
	}
	stale := r.chain.Build(r.tip.Parent, []byte{0x51})
	if got := call2[string](t, r, "getblocktemplate", proposal(hex.EncodeToString(stale.Bytes()))); got != "inconclusive-not-best-prevblk" {
		t.Errorf("stale proposal: %v", got)
	}
	wantError(t, r, jsonrpc.CodeType, "Missing data String key for proposal", "getblocktemplate", m{"mode": "proposal"})
	wantError(t, r, jsonrpc.CodeDeserialization, "Block decode failed", "getblocktemplate", proposal("00"))

	if got := call2[any](t, r, "submitblock", data); got != nil || r.tip.Hash() != b.Hash() {
		t.Errorf("submitblock: %v", got)
	}
	if got := call2[string](t, r, "submitblock", data); got != "duplicate" {
		t.Errorf("submitblock again: %v", got)
	}
	bad := r.chain.Build(r.tip, []byte{0x51})
	wrong := &types.Block{Header: bad.Header, Txs: bad.Txs}
	wrong.Header.MerkleRoot[0] ^= 1
	consensustest.Solve(wrong)
	if got := call2[string](t, r, "submitblock", hex.EncodeToString(wrong.Bytes())); got != "bad-txnmrklroot" {
		t.Errorf("wrong merkle root: %v", got)
	}
	none := &types.Block{Header: bad.Header}
	wantError(t, r, jsonrpc.CodeDeserialization, "Block does not start with a coinbase", "submitblock", hex.EncodeToString(none.Bytes()))
	wantError(t, r, jsonrpc.CodeDeserialization, "Block decode failed", "submitblock", data[:100])
	header := hex.EncodeToString(bad.Header.Append(nil))
	call2[any](t, r, "submitheader", header)
	r.submitErr = consensus.Reject(consensus.TimeTooNew, "")
	wantError(t, r, jsonrpc.CodeVerify, "time-too-new", "submitheader", header)
	lost := bad.Header
	lost.PrevHash = types.Hash{9}
	wantError(t, r, jsonrpc.CodeVerify, "Must submit previous header", "submitheader", hex.EncodeToString(lost.Append(nil)))
	wantError(t, r, jsonrpc.CodeDeserialization, "Block header decode failed", "submitheader", "00")
}

func TestNetworkMethods(t *testing.T) {
	r := newRig(t, 1)
	r.peers = []backend.PeerInfo{{ID: 7, Addr: "10.0.0.2:1", Network: "ipv4", Services: 0x409, Inbound: true, PingTime: 1500 * time.Microsecond, ConnectionType: "inbound", SentPerMsg: map[string]uint64{"version": 126, "inv": 37}, MinFeeFilter: 1000},
		{ID: 3, Addr: "10.0.0.3:1", Network: "ipv4", AddrBind: "10.0.0.9:4"}}
	info := call2[m](t, r, "getnetworkinfo")
	if info["connections"] != 2.0 || info["connections_in"] != 1.0 || info["subversion"] != "/Cairn:0.1.0/" || info["localservices"] != "0000000000000009" || info["relayfee"] != 0.00001 {
		t.Errorf("getnetworkinfo: %v", info)
	}
	peers := call2[[]m](t, r, "getpeerinfo")
	if peers[0]["id"] != 3.0 || peers[0]["addrbind"] != "10.0.0.9:4" || peers[1]["pingtime"] != 0.0015 || peers[1]["servicesnames"].([]any)[2] != "NETWORK_LIMITED" ||
		peers[1]["bytessent_per_msg"].(m)["inv"] != 37.0 || peers[1]["pingwait"] != nil || peers[0]["inflight"] == nil {
		t.Errorf("getpeerinfo: %v", peers)
	}
	if got := call2[m](t, r, "getnettotals"); got["totalbytessent"] != 200.0 || got["timemillis"] != 1.7e12 {
		t.Errorf("getnettotals: %v", got)
	}
	call2[any](t, r, "addnode", "10.0.0.5:1", "add")
	wantError(t, r, jsonrpc.CodeNodeAlreadyAdded, "Node already added", "addnode", "10.0.0.5:1", "add")
	if got := call2[[]m](t, r, "getaddednodeinfo"); len(got) != 1 || got[0]["connected"] != false {
		t.Errorf("getaddednodeinfo: %v", got)
	}
	wantError(t, r, jsonrpc.CodeNodeNotAdded, "Node has not been added", "getaddednodeinfo", "x")
	call2[any](t, r, "addnode", "10.0.0.5:1", "remove")
	wantError(t, r, jsonrpc.CodeNodeNotAdded, "Node could not be removed", "addnode", "10.0.0.5:1", "remove")
	wantError(t, r, jsonrpc.CodeMisc, "addnode \"node\" \"command\"", "addnode", "10.0.0.5:1", "dance")
	wantError(t, r, jsonrpc.CodeInvalidParams, "Only one of address and nodeid", "disconnectnode", "10.0.0.2:1", 7)
	wantError(t, r, jsonrpc.CodeInvalidParams, "Only one of address and nodeid", "disconnectnode")
	call2[any](t, r, "disconnectnode", "", 7)
	wantError(t, r, jsonrpc.CodeNotConnectedNode, "Node not found in connected nodes", "disconnectnode", "", 7)
	call2[any](t, r, "disconnectnode", "10.0.0.3:1")
	if n := call2[int](t, r, "getconnectioncount"); n != 0 {
		t.Errorf("%d connections left", n)
	}
	if got := call2[[]m](t, r, "getnodeaddresses"); len(got) != 1 {
		t.Errorf("one address: %v", got)
	}
	if got := call2[[]m](t, r, "getnodeaddresses", 0, "ipv6"); len(got) != 1 || got[0]["address"] != "fc00::1" {
		t.Errorf("IPv6 addresses: %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Address count out of range", "getnodeaddresses", -1)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Network not recognized: mars", "getnodeaddresses", 1, "mars")
	if got := call2[bool](t, r, "setnetworkactive", false); got || r.active {
		t.Error("the network is still active")
	}
}

func TestControlMethods(t *testing.T) {
	r := newRig(t, 1)
	call2[any](t, r, "setmocktime", 1_800_000_000)
	if r.now.Unix() != 1_800_000_000 || call2[int](t, r, "uptime") != 42 {
		t.Errorf("clock %v", r.now)
	}
	call2[any](t, r, "setmocktime", 0)
	if !r.now.IsZero() {
		t.Errorf("clock %v after 0", r.now)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Mocktime must be in the range", "setmocktime", -1)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Mocktime must be in the range", "setmocktime", int64(1)<<62)
	jobs := call2[m](t, r, "getrpcinfo")["active_commands"].([]any)
	if len(jobs) != 1 || jobs[0].(m)["method"] != "getrpcinfo" {
		t.Errorf("active commands: %v", jobs)
	}
	if got := call2[m](t, r, "getmemoryinfo"); got["locked"].(m)["used"].(float64) <= 0 {
		t.Errorf("getmemoryinfo: %v", got)
	}
	if got := call2[string](t, r, "stop"); got != "Cairn stopping" || !r.stopped {
		t.Errorf("stop: %s", got)
	}
}

func TestFilterMethods(t *testing.T) {
	r := newRig(t, 2)
	r.filters[r.tip.Hash()] = []byte{1, 2, 3}
	if got := call2[m](t, r, "getblockfilter", r.tip.Hash()); got["filter"] != "010203" || got["header"] != (types.Hash{9}).String() {
		t.Errorf("getblockfilter: %v", got)
	}
	wantError(t, r, jsonrpc.CodeMisc, "still in the process of being indexed", "getblockfilter", r.tip.Parent.Hash())
	wantError(t, r, jsonrpc.CodeNotFound, "Unknown filtertype", "getblockfilter", r.tip.Hash(), "fancy")
	wantError(t, r, jsonrpc.CodeNotFound, "Block not found", "getblockfilter", types.Hash{8})
	b := r.backend()
	b.Filters = nil
	r.server.Ready(b)
	wantError(t, r, jsonrpc.CodeMisc, "Index is not enabled for filtertype basic", "getblockfilter", r.tip.Hash())
}

func TestCreateRawTransaction(t *testing.T) {
	r := newRig(t, 0)
	lock := consensustest.KeyLock()
	address, _ := script.EncodeAddress(r.params.Addresses(), lock)
	in := []any{m{"txid": types.Hash{1}, "vout": 2}}
	create := func(params ...any) *types.Tx {
		raw, err := hex.DecodeString(call2[string](t, r, "createrawtransaction", params...))
		if err != nil {
			t.Fatal(err)
		}
		tx, err := types.DecodeTx(raw)
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	tx := create(in, []any{m{address: "0.5"}, m{"data": "c0ffee"}}, 99)
	if tx.Version != 2 || tx.LockTime != 99 || tx.In[0].PrevOut != (types.OutPoint{TxID: types.Hash{1}, Index: 2}) || tx.In[0].Sequence != 0xfffffffd ||
		tx.Out[0].Value != 50_000_000 || string(tx.Out[0].Script) != string(lock) || hex.EncodeToString(tx.Out[1].Script) != "6a03c0ffee" {
		t.Errorf("created %+v", tx)
	}
	if tx := create(in, m{address: 0.1}, 99, false); tx.In[0].Sequence != 0xfffffffe || tx.Out[0].Value != 10_000_000 {
		t.Errorf("not replaceable: %+v", tx)
	}
	if tx := create(in, m{address: 1}, 0, false); tx.In[0].Sequence != uint32(0xffffffff) {
		t.Errorf("final: %+v", tx)
	}
	for _, c := range []struct {
		code   int
		text   string
		params []any
	}{
		{jsonrpc.CodeInvalidParameter, "duplicated address", []any{in, []any{m{address: 1}, m{address: 2}}}},
		{jsonrpc.CodeInvalidParameter, "duplicate key: data", []any{in, []any{m{"data": "00"}, m{"data": "00"}}}},
		{jsonrpc.CodeInvalidParameter, "must contain exactly one key", []any{in, []any{m{"data": "00", address: 1}}}},
		{jsonrpc.CodeInvalidParameter, "key-value pair not an object", []any{in, []any{1}}},
		{jsonrpc.CodeInvalidParameter, "output argument must be non-null", []any{in, nil}},
		{jsonrpc.CodeInvalidParameter, "locktime out of range", []any{in, m{}, -1}},
		{jsonrpc.CodeInvalidParameter, "locktime out of range", []any{in, m{}, 4294967296}},
		{jsonrpc.CodeInvalidParameter, "Data must be hexadecimal string", []any{in, m{"data": "xyz"}}},
		{jsonrpc.CodeNotFound, "Invalid Bitcoin address: moon", []any{in, m{"moon": 1}}},
		{jsonrpc.CodeType, "Amount out of range", []any{in, m{address: 21_000_001}}},
		{jsonrpc.CodeType, "Invalid amount", []any{in, m{address: "0.000000001"}}},
		{jsonrpc.CodeInvalidParameter, "sequence number is out of range", []any{[]any{m{"txid": types.Hash{1}, "vout": 0, "sequence": -1}}, m{}}},
		{jsonrpc.CodeInvalidParameter, "missing vout key", []any{[]any{m{"txid": types.Hash{1}}}, m{}}},
		{jsonrpc.CodeInvalidParameter, "contradict replaceable option", []any{[]any{m{"txid": types.Hash{1}, "vout": 0, "sequence": uint32(0xffffffff)}}, m{address: 1}, 0, true}},
		{jsonrpc.CodeType, "JSON value of type number is not of expected type object", []any{[]any{1}, m{}}},
	} {
		wantError(t, r, c.code, c.text, "createrawtransaction", c.params...)
	}
}

// wif is the test key of consensustest in wallet import format.
func wif(p *consensus.Params, key [32]byte) string {
	return script.EncodeBase58Check(append(append([]byte{p.PrivateKeyID}, key[:]...), 1))
}

func TestSignRawTransaction(t *testing.T) {
	r := newRig(t, 3)
	coinbase := r.tip.Block.Txs[0]
	pub, err := script.PublicKey(consensustest.Key)
	if err != nil {
		t.Fatal(err)
	}
	taproot := script.PayToTaproot(script.TaprootOutputKey(script.XOnly(pub)))
	tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: coinbase.ID()}}, {PrevOut: types.OutPoint{TxID: types.Hash{7}, Index: 1}}},
		Out: []types.TxOut{{Value: 1000, Script: []byte{0x51}}}}
	raw := hex.EncodeToString(tx.Bytes())
	keys := []string{wif(r.params, consensustest.Key)}

	partly := call2[m](t, r, "signrawtransactionwithkey", raw, keys)
	problems, _ := partly["errors"].([]any)
	if partly["complete"] != false || len(problems) != 1 || problems[0].(m)["error"] != "Input not found or already spent" || problems[0].(m)["vout"] != 1.0 {
		t.Errorf("with an unknown input: %v", partly)
	}
	prev := []any{m{"txid": types.Hash{7}, "vout": 1, "scriptPubKey": hex.EncodeToString(taproot), "amount": "2.5"}}
	whole := call2[m](t, r, "signrawtransactionwithkey", raw, keys, prev)
	if whole["complete"] != true || whole["errors"] != nil {
		t.Fatalf("with all: %v", whole)
	}
	signedRaw, err := hex.DecodeString(whole["hex"].(string))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := types.DecodeTx(signedRaw)
	if err != nil || signed.ID() != tx.ID() || len(signed.In[0].Witness) != 2 || len(signed.In[1].Witness) != 1 {
		t.Fatalf("signed: %v %+v", err, signed)
	}
	other := [32]byte{31: 9}
	if got := call2[m](t, r, "signrawtransactionwithkey", raw, []string{wif(r.params, other)}, prev); got["complete"] != false || len(got["errors"].([]any)) != 2 {
		t.Errorf("with another key: %v", got)
	}
	// Both halves, joined.
	half := signed.Clone()
	half.In[0].Witness = nil
	rest := signed.Clone()
	rest.In[1].Witness = nil
	if got := call2[string](t, r, "combinerawtransaction", []string{hex.EncodeToString(half.Bytes()), hex.EncodeToString(rest.Bytes())}); got != whole["hex"] {
		t.Errorf("combined: %s", got)
	}
	wantError(t, r, jsonrpc.CodeDeserialization, "TX decode failed for tx 0", "combinerawtransaction", []string{"00"})
	wantError(t, r, jsonrpc.CodeNotFound, "Invalid private key", "signrawtransactionwithkey", raw, []string{"5Kb8kLf9zgWQnogidDA76MzPL6TsZZY36hWXMssSzNydYXYB9KF"})
	wantError(t, r, jsonrpc.CodeNotFound, "Invalid private key", "signrawtransactionwithkey", raw, []string{"nonsense"})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "'NONE' is not a sighash type that this node signs with", "signrawtransactionwithkey", raw, keys, nil, "NONE")
	wantError(t, r, jsonrpc.CodeType, "Missing amount for", "signrawtransactionwithkey", raw, keys, []any{m{"txid": types.Hash{7}, "vout": 1, "scriptPubKey": hex.EncodeToString(taproot)}})
	wantError(t, r, jsonrpc.CodeDeserialization, "Previous output scriptPubKey mismatch", "signrawtransactionwithkey", raw, keys, []any{m{"txid": coinbase.ID(), "vout": 0, "scriptPubKey": "51"}})
}

// TestMessages uses the values of Bitcoin Core's own functional test of signed messages.
func TestMessages(t *testing.T) {
	r := newRig(t, 0)
	const key, address, message = "cUeKHd5orzT3mz8P9pxyREHfsWtVfgsfDjiZZBcjUBAaGk1BTj7N", "mpLQjfK79b7CCV4VMJWEWAj5Mpx8Up5zxB", "This is just a test message"
	const want = "INbVnW4e6PeRmsv2Qgu8NuopvrVjkcxob+sX8OcZG0SALhWybUjzMLPdAsXI46YZGb0KQTRii+wWIQzRpG/U+S0="
	if got := call2[string](t, r, "signmessagewithprivkey", key, message); got != want {
		t.Errorf("signature %s", got)
	}
	if !call2[bool](t, r, "verifymessage", address, want, message) {
		t.Error("the right signature is refused")
	}
	if call2[bool](t, r, "verifymessage", address, want, message+".") {
		t.Error("a signature of another message is accepted")
	}
	raw, err := base64.StdEncoding.DecodeString(want)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] ^= 4
		if call2[bool](t, r, "verifymessage", address, base64.StdEncoding.EncodeToString(raw), message) {
			t.Errorf("accepted with byte %d changed", i)
		}
		raw[i] ^= 4
	}
	wantError(t, r, jsonrpc.CodeType, "Malformed base64 encoding", "verifymessage", address, "?", message)
	wantError(t, r, jsonrpc.CodeType, "Address does not refer to key", "verifymessage", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", want, message)
	wantError(t, r, jsonrpc.CodeNotFound, "Invalid address", "verifymessage", "x", want, message)
	wantError(t, r, jsonrpc.CodeNotFound, "Invalid private key", "signmessagewithprivkey", "x", message)
}

func TestUtilMethods(t *testing.T) {
	r := newRig(t, 0)
	got := call2[m](t, r, "validateaddress", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")
	if got["isvalid"] != true || got["scriptPubKey"] != "0014751e76e8199196d454941c45d1b3a323f1433bd6" || got["iswitness"] != true || got["witness_version"] != 0.0 || got["isscript"] != false {
		t.Errorf("validateaddress: %v", got)
	}
	got = call2[m](t, r, "validateaddress", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt081")
	if got["isvalid"] != false || got["error"] == "" || got["address"] != nil {
		t.Errorf("mistyped: %v", got)
	}
	const key = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
	info := call2[m](t, r, "getdescriptorinfo", "wpkh("+key+")")
	if info["isrange"] != false || info["issolvable"] != true || info["descriptor"] != "wpkh("+key+")#"+info["checksum"].(string) {
		t.Errorf("getdescriptorinfo: %v", info)
	}
	if got := call2[[]string](t, r, "deriveaddresses", info["descriptor"]); len(got) != 1 || got[0] != "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080" {
		t.Errorf("deriveaddresses: %v", got)
	}
	wantError(t, r, jsonrpc.CodeNotFound, "Missing checksum", "deriveaddresses", "wpkh("+key+")")
	if got := call2[[]any](t, r, "echo", 1, nil, "x", nil); len(got) != 3 || got[2] != "x" {
		t.Errorf("echo: %v", got)
	}
	script1 := call2[m](t, r, "decodescript", "21"+key+"ac")
	if script1["type"] != "pubkey" || script1["p2sh"] == nil || script1["segwit"].(m)["type"] != "witness_v0_keyhash" || !strings.HasPrefix(script1["desc"].(string), "pk("+key+")#") || script1["hex"] != nil {
		t.Errorf("decodescript: %v", script1)
	}
	before := call2[m](t, r, "decodepsbt", call2[string](t, r, "createpsbt", []any{}, []any{map[string]any{"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080": 1}}))
	call2[m](t, r, "decodescript", "0014751e76e8199196d454941c45d1b3a323f1433bd6") // that address: what is remembered of it must not change
	after := call2[m](t, r, "decodepsbt", call2[string](t, r, "createpsbt", []any{}, []any{map[string]any{"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080": 1}}))
	if !reflect.DeepEqual(before, after) {
		t.Errorf("after decodescript an output looks like %v, not %v", after, before)
	}
	if got := call2[m](t, r, "decodescript", "6a"); got["type"] != "nulldata" || got["p2sh"] != nil {
		t.Errorf("decodescript of OP_RETURN: %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "argument must be hexadecimal string (not 'x')", "decodescript", "x")
}
