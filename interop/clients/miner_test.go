package clients

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// template is what a miner reads of getblocktemplate (BIP22, 23, 145).
type template struct {
	Version      int32    `json:"version"`
	Previous     string   `json:"previousblockhash"`
	Rules        []string `json:"rules"`
	Transactions []struct {
		Data    string `json:"data"`
		TxID    string `json:"txid"`
		Hash    string `json:"hash"`
		Depends []int  `json:"depends"`
		Fee     int64  `json:"fee"`
	} `json:"transactions"`
	Value      int64  `json:"coinbasevalue"`
	LongPollID string `json:"longpollid"`
	Target     string `json:"target"`
	MinTime    int64  `json:"mintime"`
	CurTime    int64  `json:"curtime"`
	Bits       string `json:"bits"`
	Height     int64  `json:"height"`
	Commitment string `json:"default_witness_commitment"`
}

// block builds the template's block, which pays to lock; its nonce is still to be found.
func (tpl *template) block(t *testing.T, lock []byte) *wire.MsgBlock {
	t.Helper()
	height, err := txscript.NewScriptBuilder().AddInt64(tpl.Height).AddInt64(0).Script()
	must(t, err)
	coinbase := wire.NewMsgTx(2)
	coinbase.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{}, wire.MaxPrevOutIndex), height, [][]byte{make([]byte, 32)}))
	coinbase.AddTxOut(wire.NewTxOut(tpl.Value, lock))
	commitment, err := hex.DecodeString(tpl.Commitment)
	must(t, err)
	coinbase.AddTxOut(wire.NewTxOut(0, commitment))
	prev, err := chainhash.NewHashFromStr(tpl.Previous)
	must(t, err)
	var bits uint32
	_, err = fmt.Sscanf(tpl.Bits, "%08x", &bits)
	must(t, err)
	b := wire.NewMsgBlock(wire.NewBlockHeader(tpl.Version, prev, &chainhash.Hash{}, bits, 0))
	must(t, b.AddTransaction(coinbase))
	for i, given := range tpl.Transactions {
		data, err := hex.DecodeString(given.Data)
		must(t, err)
		tx := wire.NewMsgTx(0)
		must(t, tx.Deserialize(bytes.NewReader(data)))
		if tx.TxHash().String() != given.TxID || tx.WitnessHash().String() != given.Hash {
			t.Errorf("transaction %d of the template is %s and %s, not as it says", i, tx.TxHash(), tx.WitnessHash())
		}
		must(t, b.AddTransaction(tx))
	}
	b.Header.Timestamp = time.Unix(tpl.CurTime, 0)
	b.Header.MerkleRoot = merkleRoot(b)
	return b
}

func merkleRoot(b *wire.MsgBlock) chainhash.Hash {
	row := make([]chainhash.Hash, len(b.Transactions))
	for i, tx := range b.Transactions {
		row[i] = tx.TxHash()
	}
	for len(row) > 1 {
		var next []chainhash.Hash
		for i := 0; i < len(row); i += 2 {
			right := row[min(i+1, len(row)-1)]
			next = append(next, chainhash.DoubleHashH(append(row[i][:], right[:]...)))
		}
		row = next
	}
	return row[0]
}

// target is what the bits of a header mean.
func target(bits uint32) *big.Int {
	n := big.NewInt(int64(bits & 0x7fffff))
	return n.Lsh(n, uint(8*(bits>>24-3)))
}

func good(h *wire.BlockHeader) bool {
	hash := h.BlockHash()
	n, ok := new(big.Int).SetString(hash.String(), 16)
	return ok && n.Cmp(target(h.Bits)) <= 0
}

// solve finds a nonce; on regtest every second is one.
func solve(b *wire.MsgBlock) {
	for !good(&b.Header) {
		b.Header.Nonce++
	}
}

// spoil finds a nonce that does not do.
func spoil(b *wire.MsgBlock) {
	for good(&b.Header) {
		b.Header.Nonce++
	}
}

// miner knows a URL and a password, and two methods.
type miner struct {
	t             *testing.T
	url, user, pw string
}

func newMiner(t *testing.T, n *node) *miner {
	t.Helper()
	cookie, err := os.ReadFile(n.cookie)
	must(t, err)
	user, pw, _ := strings.Cut(strings.TrimSpace(string(cookie)), ":")
	return &miner{t, n.url, user, pw}
}

// call does what curl would do.
func (m *miner) call(ctx context.Context, result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": "miner", "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth(m.user, m.pw)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	var reply struct {
		Result json.RawMessage
		Error  *struct {
			Code    int
			Message string
		}
	}
	if err := json.Unmarshal(text, &reply); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	if reply.Error != nil {
		return fmt.Errorf("%d: %s", reply.Error.Code, reply.Error.Message)
	}
	return json.Unmarshal(reply.Result, result)
}

func (m *miner) template(request map[string]any) *template {
	m.t.Helper()
	request["rules"] = []string{"segwit"}
	var tpl template
	if err := m.call(m.t.Context(), &tpl, "getblocktemplate", request); err != nil {
		m.t.Fatal(err)
	}
	return &tpl
}

// poll asks for the template that follows one; it comes on the channel when there is a reason for it.
func (m *miner) poll(after *template) <-chan *template {
	next := make(chan *template, 1)
	go func() {
		var tpl template
		request := map[string]any{"rules": []string{"segwit"}, "longpollid": after.LongPollID}
		if err := m.call(m.t.Context(), &tpl, "getblocktemplate", request); err == nil {
			next <- &tpl
		}
		close(next)
	}()
	return next
}

// submit returns null as "".
func (m *miner) submit(b *wire.MsgBlock) string {
	m.t.Helper()
	var verdict *string
	if err := m.call(m.t.Context(), &verdict, "submitblock", hex.EncodeToString(encode(m.t, b))); err != nil {
		m.t.Fatal(err)
	}
	if verdict == nil {
		return ""
	}
	return *verdict
}

// TestMiner is a miner without stratum, written only on getblocktemplate and submitblock.
func TestMiner(t *testing.T) {
	n, p := start(t), newPurse(t)
	m := newMiner(t, n)
	var blocks []*wire.MsgBlock
	tpl := m.template(map[string]any{})
	for range 103 {
		b := tpl.block(t, p.lock)
		solve(b)
		if v := m.submit(b); v != "" {
			t.Fatalf("block %d: %s", tpl.Height, v)
		}
		blocks = append(blocks, b)
		// The poll ends at once, since the tip is another already.
		if tpl = <-m.poll(tpl); tpl == nil || tpl.Previous != b.BlockHash().String() {
			t.Fatalf("the template after %s is %+v", b.BlockHash(), tpl)
		}
	}
	t.Run("rejections", func(t *testing.T) { minerIsRefused(t, m, tpl, p) })
	t.Run("transactions", func(t *testing.T) { minerTakesTransactions(t, m, blocks, p) })
	t.Run("longpoll", func(t *testing.T) { minerWaits(t, m, p) })
}

func minerIsRefused(t *testing.T, m *miner, tpl *template, p *purse) {
	for _, c := range []struct {
		verdict string
		harm    func(*wire.MsgBlock)
	}{
		{"bad-txnmrklroot", func(b *wire.MsgBlock) { b.Header.MerkleRoot[0]++ }},
		{"bad-cb-amount", func(b *wire.MsgBlock) {
			b.Transactions[0].TxOut[0].Value++
			b.Header.MerkleRoot = merkleRoot(b)
		}},
		{"bad-cb-height", func(b *wire.MsgBlock) {
			b.Transactions[0].TxIn[0].SignatureScript = []byte{1, 1, 0}
			b.Header.MerkleRoot = merkleRoot(b)
		}},
		{"time-too-old", func(b *wire.MsgBlock) { b.Header.Timestamp = time.Unix(tpl.MinTime-1, 0) }},
		{"time-too-new", func(b *wire.MsgBlock) { b.Header.Timestamp = time.Unix(tpl.CurTime+3*60*60, 0) }},
		{"bad-diffbits", func(b *wire.MsgBlock) { b.Header.Bits = 0x207ffffe }},
		{"prev-blk-not-found", func(b *wire.MsgBlock) { b.Header.PrevBlock[0]++ }},
		{"bad-version(0x00000001)", func(b *wire.MsgBlock) { b.Header.Version = 1 }},
	} {
		b := tpl.block(t, p.lock)
		c.harm(b)
		solve(b)
		if got := m.submit(b); got != c.verdict {
			t.Errorf("%s: the verdict is %q", c.verdict, got)
		}
	}
	b := tpl.block(t, p.lock)
	spoil(b)
	if got := m.submit(b); got != "high-hash" {
		t.Errorf("without work: %q", got)
	}
	var verdict string
	if err := m.call(t.Context(), &verdict, "submitblock", "00"); err == nil || !strings.Contains(err.Error(), "-22: Block decode failed") {
		t.Errorf("no block: %v", err)
	}
	proposal := map[string]any{"mode": "proposal", "rules": []string{"segwit"}}
	b = tpl.block(t, p.lock)
	proposal["data"] = hex.EncodeToString(encode(t, b))
	var accepted *string
	if err := m.call(t.Context(), &accepted, "getblocktemplate", proposal); err != nil || accepted != nil {
		t.Errorf("a proposal needs no work: %v, %v", accepted, err)
	}
	if err := m.call(t.Context(), &verdict, "getblocktemplate", map[string]any{"rules": []string{}}); err == nil || !strings.Contains(err.Error(), "segwit rule set") {
		t.Errorf("without segwit among the rules: %v", err)
	}
}

func minerTakesTransactions(t *testing.T, m *miner, blocks []*wire.MsgBlock, p *purse) {
	tx, _ := p.spend(t, blocks[0])
	var id string
	must(t, m.call(t.Context(), &id, "sendrawtransaction", hex.EncodeToString(encode(t, tx))))
	tpl := m.template(map[string]any{})
	if len(tpl.Transactions) != 1 || tpl.Transactions[0].TxID != id || tpl.Transactions[0].Fee != fee || tpl.Value != 50e8+fee {
		t.Fatalf("the template is %+v", tpl)
	}
	b := tpl.block(t, p.lock)
	// A block without the commitment that its witnesses need.
	bare := b.Copy()
	bare.Transactions[0].TxOut = bare.Transactions[0].TxOut[:1]
	bare.Header.MerkleRoot = merkleRoot(bare)
	solve(bare)
	if got := m.submit(bare); got != "unexpected-witness" {
		t.Errorf("without commitment: %q", got)
	}
	solve(b)
	if got := m.submit(b); got != "" {
		t.Fatalf("the block: %s", got)
	}
	if got := m.submit(b); got != "duplicate" {
		t.Errorf("again: %q", got)
	}
	var shown struct{ Confirmations int }
	must(t, m.call(t.Context(), &shown, "getrawtransaction", id, 1))
	if shown.Confirmations != 1 {
		t.Errorf("%d confirmations", shown.Confirmations)
	}
	// A block beside it is stored, and not the tip.
	beside := tpl.block(t, p.lock)
	beside.Transactions[0].TxOut[0].Value--
	beside.Header.MerkleRoot = merkleRoot(beside)
	solve(beside)
	if got := m.submit(beside); got != "inconclusive" {
		t.Errorf("beside the tip: %q", got)
	}
}

// minerWaits: a poll is open until the tip changes.
func minerWaits(t *testing.T, m *miner, p *purse) {
	tpl := m.template(map[string]any{})
	next := m.poll(tpl)
	waits := func() bool {
		var info struct {
			Commands []struct{ Method string } `json:"active_commands"`
		}
		must(t, m.call(t.Context(), &info, "getrpcinfo"))
		for _, c := range info.Commands {
			if c.Method == "getblocktemplate" {
				return true
			}
		}
		return false
	}
	for !waits() {
		select {
		case tpl := <-next:
			t.Fatalf("the poll ended for nothing: %+v", tpl)
		case <-t.Context().Done():
			t.Fatal("the poll is not seen")
		default:
		}
	}
	b := tpl.block(t, p.lock)
	solve(b)
	if got := m.submit(b); got != "" {
		t.Fatal(got)
	}
	if after := <-next; after == nil || after.Previous != b.BlockHash().String() || after.Height != tpl.Height+1 {
		t.Errorf("the poll ended with %+v", after)
	}
}
