package clients

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcjson"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/rpcclient"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

const fee = 10_000

// purse is a key, and the address and output script that it spends.
type purse struct {
	key  *btcec.PrivateKey
	addr address.Address
	lock []byte
}

func newPurse(t *testing.T) *purse {
	t.Helper()
	p := &purse{}
	var pub *btcec.PublicKey
	p.key, pub = btcec.PrivKeyFromBytes(bytes.Repeat([]byte{3}, 32))
	addr, err := address.NewAddressWitnessPubKeyHash(address.Hash160(pub.SerializeCompressed()), &chaincfg.RegressionNetParams)
	must(t, err)
	p.addr = addr
	p.lock, err = txscript.PayToAddrScript(addr)
	must(t, err)
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// spend signs, by btcd's code, a transaction of the first output of a block's coinbase.
func (p *purse) spend(t *testing.T, b *wire.MsgBlock) (*wire.MsgTx, wire.OutPoint) {
	t.Helper()
	from := b.Transactions[0]
	op := wire.OutPoint{Hash: from.TxHash()}
	value := from.TxOut[0].Value
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&op, nil, nil))
	tx.AddTxOut(wire.NewTxOut(value-fee, p.lock))
	hashes := txscript.NewTxSigHashes(tx, txscript.NewCannedPrevOutputFetcher(p.lock, value))
	witness, err := txscript.WitnessSignature(tx, hashes, 0, value, p.lock, txscript.SigHashAll, p.key, true)
	must(t, err)
	tx.TxIn[0].Witness = witness
	return tx, op
}

// wantCode wants an RPC error of a code that says something.
func wantCode(t *testing.T, err error, code btcjson.RPCErrorCode, text string) {
	t.Helper()
	var e *btcjson.RPCError
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("got %v, want code %d with %q", err, code, text)
	}
}

// raw calls a method that rpcclient has no function for, or one whose answer it does not read.
func raw[T any](t *testing.T, c *rpcclient.Client, method string, params ...any) (result T) {
	t.Helper()
	list := make([]json.RawMessage, len(params))
	for i, p := range params {
		text, err := json.Marshal(p)
		must(t, err)
		list[i] = text
	}
	text, err := c.RawRequest(method, list)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	must(t, json.Unmarshal(text, &result))
	return result
}

// TestRPCClient drives a node by btcd's rpcclient in HTTP POST mode, with the cookie.
func TestRPCClient(t *testing.T) {
	n, p := start(t), newPurse(t)
	c, err := rpcclient.New(&rpcclient.ConnConfig{Host: n.host, CookiePath: n.cookie, HTTPPostMode: true, DisableTLS: true, Params: "regtest"}, nil)
	must(t, err)
	defer c.WaitForShutdown()
	defer c.Shutdown()
	if v, err := c.BackendVersion(); err != nil || v.String() != rpcclient.BitcoindPost25.String() {
		t.Errorf("rpcclient takes the node for %v, %v", v, err)
	}
	info, err := c.GetBlockChainInfo()
	must(t, err)
	if info.Chain != "regtest" {
		t.Errorf("chain %s", info.Chain)
	}
	genesis, err := c.GetBlockHash(0)
	must(t, err)
	if *genesis != *chaincfg.RegressionNetParams.GenesisHash {
		t.Errorf("genesis %s", genesis)
	}
	hashes, err := c.GenerateToAddress(103, p.addr, nil)
	must(t, err)
	first, err := c.GetBlock(hashes[0])
	must(t, err)
	tx, coin := p.spend(t, first)
	id := tx.TxHash()
	t.Run("send", func(t *testing.T) { sendByRPCClient(t, c, tx) })
	tip, err := c.GenerateToAddress(1, p.addr, nil)
	must(t, err)
	t.Run("confirmation", func(t *testing.T) { confirmByRPCClient(t, c, tip[0], tx, coin) })
	t.Run("indexes", func(t *testing.T) { indexesByRPCClient(t, c, p, tip[0], id, coin) })
	t.Run("reorganization", func(t *testing.T) {
		must(t, c.InvalidateBlock(tip[0]))
		if pool, err := c.GetRawMempool(); err != nil || len(pool) != 1 || *pool[0] != id {
			t.Errorf("the mempool has %v, %v", pool, err)
		}
		again, err := c.GenerateToAddress(2, p.addr, nil)
		must(t, err)
		must(t, c.ReconsiderBlock(tip[0]))
		if best, err := c.GetBestBlockHash(); err != nil || *best != *again[1] {
			t.Errorf("best %v, %v", best, err)
		}
		tips, err := c.GetChainTips()
		must(t, err)
		if !slices.ContainsFunc(tips, func(x *btcjson.GetChainTipsResult) bool { return x.Hash == tip[0].String() && x.Status == "valid-fork" }) {
			t.Errorf("the other branch is not in %+v", tips)
		}
	})
	t.Run("template", func(t *testing.T) { templateByRPCClient(t, c, p, hashes[1]) })
	t.Run("errors", func(t *testing.T) {
		_, err := c.GetBlockHash(9999)
		wantCode(t, err, -8, "Block height out of range")
		_, err = c.GetBlock(&chainhash.Hash{})
		wantCode(t, err, -5, "Block not found")
		_, err = c.GetRawTransaction(&chainhash.Hash{7})
		wantCode(t, err, -5, "No such mempool or blockchain transaction")
		_, err = c.RawRequest("nonsense", nil)
		wantCode(t, err, -32601, "Method not found")
		lost := tx.Copy()
		lost.TxIn[0].PreviousOutPoint.Hash = chainhash.Hash{9}
		if _, err = c.SendRawTransaction(lost, false); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("a transaction of nothing: %v", err)
		}
	})
}

func sendByRPCClient(t *testing.T, c *rpcclient.Client, tx *wire.MsgTx) {
	verdicts, err := c.TestMempoolAccept([]*wire.MsgTx{tx}, 0.1)
	must(t, err)
	if len(verdicts) != 1 || !verdicts[0].Allowed || verdicts[0].Txid != tx.TxHash().String() || verdicts[0].Wtxid != tx.WitnessHash().String() {
		t.Errorf("verdict %+v", verdicts[0])
	}
	unsigned := tx.Copy()
	unsigned.TxIn[0].Witness = nil
	verdicts, err = c.TestMempoolAccept([]*wire.MsgTx{unsigned}, 0.1)
	must(t, err)
	if verdicts[0].Allowed || !strings.Contains(verdicts[0].RejectReason, "script-verify-flag-failed") {
		t.Errorf("unsigned: %+v", verdicts[0])
	}
	id, err := c.SendRawTransaction(tx, false)
	must(t, err)
	if *id != tx.TxHash() {
		t.Errorf("sent %s", id)
	}
	entry, err := c.GetMempoolEntry(id.String())
	must(t, err)
	if entry.Fees.Base != fee/1e8 || entry.Weight != int64(btcWeight(tx)) {
		t.Errorf("entry %+v", entry)
	}
	pool, err := c.GetRawMempoolVerbose()
	must(t, err)
	if _, ok := pool[id.String()]; !ok || len(pool) != 1 {
		t.Errorf("mempool %v", pool)
	}
	decoded, err := c.DecodeRawTransaction(encode(t, tx))
	must(t, err)
	if decoded.Txid != id.String() || decoded.Vout[0].ScriptPubKey.Type != "witness_v0_keyhash" {
		t.Errorf("decoded %+v", decoded)
	}
}

func btcWeight(tx *wire.MsgTx) int { return 3*tx.SerializeSizeStripped() + tx.SerializeSize() }

// encode returns the bytes of a transaction or block.
func encode(t *testing.T, m interface{ Serialize(io.Writer) error }) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, m.Serialize(&b))
	return b.Bytes()
}

func confirmByRPCClient(t *testing.T, c *rpcclient.Client, block *chainhash.Hash, tx *wire.MsgTx, coin wire.OutPoint) {
	waited := raw[struct{ Hash string }](t, c, "waitforblockheight", 104, 20_000)
	if waited.Hash != block.String() {
		t.Errorf("waited for %s", waited.Hash)
	}
	id := tx.TxHash()
	shown, err := c.GetRawTransactionVerbose(&id)
	must(t, err)
	if shown.Confirmations != 1 || shown.BlockHash != block.String() {
		t.Errorf("transaction %+v", shown)
	}
	got, err := c.GetRawTransaction(&id)
	must(t, err)
	if got.MsgTx().WitnessHash() != tx.WitnessHash() {
		t.Error("the transaction came back another")
	}
	out, err := c.GetTxOut(&id, 0, true)
	must(t, err)
	if out == nil || out.Confirmations != 1 || out.Coinbase {
		t.Errorf("output %+v", out)
	}
	if spent, err := c.GetTxOut(&coin.Hash, 0, true); err != nil || spent != nil {
		t.Errorf("a spent output: %+v, %v", spent, err)
	}
	b, err := c.GetBlock(block)
	must(t, err)
	if b.BlockHash() != *block || len(b.Transactions) != 2 {
		t.Errorf("block %s with %d transactions", b.BlockHash(), len(b.Transactions))
	}
	plain, err := c.GetBlockVerbose(block)
	must(t, err)
	full, err := c.GetBlockVerboseTx(block)
	must(t, err)
	if plain.Tx[1] != id.String() || full.Tx[1].Txid != id.String() || plain.Height != 104 || int(full.Weight) != 3*b.SerializeSizeStripped()+b.SerializeSize() {
		t.Errorf("blocks %+v and %+v", plain, full)
	}
	header, err := c.GetBlockHeaderVerbose(block)
	must(t, err)
	if h, err := c.GetBlockHeader(block); err != nil || h.BlockHash() != *block || header.Height != 104 {
		t.Errorf("header %v, %+v, %v", h, header, err)
	}
}

func indexesByRPCClient(t *testing.T, c *rpcclient.Client, p *purse, block *chainhash.Hash, id chainhash.Hash, coin wire.OutPoint) {
	raw[any](t, c, "syncwithvalidationinterfacequeue")
	for name, index := range raw[map[string]struct{ Synced bool }](t, c, "getindexinfo") {
		if !index.Synced {
			t.Errorf("%s is behind", name)
		}
	}
	spenders, err := c.GetTxSpendingPrevOut([]wire.OutPoint{coin})
	must(t, err)
	if len(spenders) != 1 || spenders[0].SpendingTxid != id.String() {
		t.Errorf("spent by %+v", spenders)
	}
	filter, err := c.GetBlockFilter(*block, nil)
	must(t, err)
	if filter.Filter == "" || len(filter.Header) != 64 {
		t.Errorf("filter %+v", filter)
	}
	history := raw[struct {
		History []struct{ TxID string }
	}](t, c, "getaddresshistory", p.addr.EncodeAddress(), 500)
	if !slices.ContainsFunc(history.History, func(e struct{ TxID string }) bool { return e.TxID == id.String() }) {
		t.Errorf("history %+v", history)
	}
	stats, err := c.GetBlockStats(block.String(), nil)
	must(t, err)
	if stats.MaxFee != fee || stats.Txs != 2 {
		t.Errorf("stats %+v", stats)
	}
	set, err := c.GetTxOutSetInfo()
	must(t, err)
	if set.Height != 104 || set.TxOuts != 104 {
		t.Errorf("coin set %+v", set)
	}
	if good, err := c.VerifyChain(); err != nil || !good {
		t.Errorf("verifychain %v, %v", good, err)
	}
}

func templateByRPCClient(t *testing.T, c *rpcclient.Client, p *purse, from *chainhash.Hash) {
	b, err := c.GetBlock(from)
	must(t, err)
	tx, _ := p.spend(t, b)
	_, err = c.SendRawTransaction(tx, false)
	must(t, err)
	got, err := c.GetBlockTemplate(&btcjson.TemplateRequest{Mode: "template", Rules: []string{"segwit"}})
	must(t, err)
	text, err := json.Marshal(got)
	must(t, err)
	var tpl template
	must(t, json.Unmarshal(text, &tpl))
	mined := tpl.block(t, p.lock)
	solve(mined)
	if len(mined.Transactions) != 2 || mined.Transactions[1].TxHash() != tx.TxHash() {
		t.Fatalf("the template has %d transactions", len(mined.Transactions))
	}
	must(t, c.SubmitBlock(btcutil.NewBlock(mined), nil))
	if best, err := c.GetBestBlockHash(); err != nil || *best != mined.BlockHash() {
		t.Errorf("best %v, %v", best, err)
	}
	if err := c.SubmitBlock(btcutil.NewBlock(mined), nil); err == nil || !strings.Contains(err.Error(), "duplicate") {
		t.Errorf("the same again: %v", err)
	}
	mining, err := c.GetMiningInfo()
	must(t, err)
	if mining.Blocks != 106 {
		t.Errorf("mining info %+v", mining)
	}
	if _, err := hex.DecodeString(got.Bits); err != nil {
		t.Error(err)
	}
}
