package peers

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// quarry makes blocks on the tip that both nodes share.
type quarry struct {
	t      *testing.T
	params *consensus.Params
	tip    *types.Block
	height int32 // of the block to be made
	median uint32
	purse  *purse
	fresh  *types.Tx // the tip's coinbase, immature
	coin   consensus.CoinEntry
}

// block returns an unsolved block without a commitment that would be valid with one.
func (q *quarry) block(txs ...*types.Tx) *types.Block {
	coinbase := &types.Tx{
		Version: 2,
		In:      []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: consensus.CoinbaseScript(q.height, []byte("interop")), Sequence: 0xffffffff}},
		Out:     []types.TxOut{{Value: q.params.SubsidyAt(q.height), Script: q.purse.locks[0]}},
	}
	return &types.Block{
		Header: types.Header{Version: 0x20000000, PrevHash: q.tip.Hash(), Time: max(q.tip.Header.Time, q.median) + 1, Bits: q.params.PowLimitBits},
		Txs:    append([]*types.Tx{coinbase}, txs...),
	}
}

// seal commits to what is in a block and solves it.
func seal(b *types.Block) *types.Block {
	consensus.CommitWitness(b)
	consensustest.Solve(b)
	return b
}

// spend is a payment of q's mature coin, changed before it is signed.
func (q *quarry) spend(change func(*types.Tx)) *types.Tx {
	q.t.Helper()
	return q.spendOf(q.coin, change)
}

func (q *quarry) spendOf(coin consensus.CoinEntry, change func(*types.Tx)) *types.Tx {
	q.t.Helper()
	tx := consensustest.SpendTx(fee, coin)
	tx.Out[0].Script = q.purse.locks[1]
	if change != nil {
		change(tx)
	}
	return consensustest.Sign(q.t, tx, coin)
}

// header is an else valid block whose header was changed.
func (q *quarry) header(change func(*types.Header)) *types.Block {
	b := q.block()
	consensus.CommitWitness(b)
	change(&b.Header)
	consensustest.Solve(b)
	return b
}

// coinbase is an else valid block whose coinbase was changed before it was committed to.
func (q *quarry) coinbase(change func(*types.Tx)) *types.Block {
	b := q.block()
	change(b.Txs[0])
	return seal(b)
}

// flaw is one way to be invalid. want begins what Cairn says.
type flaw struct {
	name, want string
	block      func(*quarry) *types.Block
}

var flawedHeaders = []flaw{
	{"work missing", "high-hash", func(q *quarry) *types.Block {
		b := q.block()
		consensus.CommitWitness(b)
		consensustest.Unsolve(b)
		return b
	}},
	{"merkle root of something else", "bad-txnmrklroot", func(q *quarry) *types.Block {
		return q.header(func(h *types.Header) { h.MerkleRoot[7] ^= 1 })
	}},
	{"time not after the median", "time-too-old", func(q *quarry) *types.Block {
		return q.header(func(h *types.Header) { h.Time = q.median })
	}},
	{"time three hours ahead", "time-too-new", func(q *quarry) *types.Block {
		return q.header(func(h *types.Header) { h.Time = uint32(time.Now().Unix()) + 3*3600 })
	}},
	{"target harder than it must be", "bad-diffbits", func(q *quarry) *types.Block {
		return q.header(func(h *types.Header) { h.Bits-- })
	}},
	{"version 1", "bad-version(0x00000001)", func(q *quarry) *types.Block {
		return q.header(func(h *types.Header) { h.Version = 1 })
	}},
	{"version 3", "bad-version(0x00000003)", func(q *quarry) *types.Block {
		return q.header(func(h *types.Header) { h.Version = 3 })
	}},
}

var flawedCoinbases = []flaw{
	{"coinbase creates too much", "bad-cb-amount", func(q *quarry) *types.Block {
		return q.coinbase(func(tx *types.Tx) { tx.Out[0].Value++ })
	}},
	{"coinbase of another height", "bad-cb-height", func(q *quarry) *types.Block {
		return q.coinbase(func(tx *types.Tx) { tx.In[0].ScriptSig = consensus.CoinbaseScript(q.height+1, []byte("interop")) })
	}},
	{"coinbase script too long", "bad-cb-length", func(q *quarry) *types.Block {
		return q.coinbase(func(tx *types.Tx) {
			tx.In[0].ScriptSig = append(tx.In[0].ScriptSig, bytes.Repeat([]byte{0}, 101-len(tx.In[0].ScriptSig))...)
		})
	}},
	{"two coinbases", "bad-cb-multiple", func(q *quarry) *types.Block {
		b := q.block()
		second := b.Txs[0].Clone()
		second.Out[0].Value = 0
		b.Txs = append(b.Txs, second)
		return seal(b)
	}},
	{"no coinbase", "error: Block does not start with a coinbase", func(q *quarry) *types.Block {
		b := q.block(q.spend(nil))
		b.Txs = b.Txs[1:]
		consensus.SetMerkleRoot(b)
		consensustest.Solve(b)
		return b
	}},
	{"commitment to other witnesses", "bad-witness-merkle-match", func(q *quarry) *types.Block {
		b := q.block(q.spend(nil))
		consensus.CommitWitness(b)
		out := b.Txs[0].Clone()
		out.Out[1].Script[20] ^= 1
		b.Txs[0] = out
		consensus.SetMerkleRoot(b)
		consensustest.Solve(b)
		return b
	}},
	{"reserved value of 31 bytes", "bad-witness-nonce-size", func(q *quarry) *types.Block {
		b := q.block(q.spend(nil))
		consensus.CommitWitness(b)
		in := b.Txs[0].Clone()
		in.In[0].Witness = [][]byte{make([]byte, 31)}
		b.Txs[0] = in
		consensustest.Solve(b)
		return b
	}},
	{"witness without a commitment", "unexpected-witness", func(q *quarry) *types.Block {
		b := q.block(q.spendOf(q.native(), nil))
		consensus.SetMerkleRoot(b)
		consensustest.Solve(b)
		return b
	}},
}

var flawedTransactions = []flaw{
	{"spends what never was", "bad-txns-inputs-missingorspent", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(func(tx *types.Tx) { tx.In[0].PrevOut.TxID[3] ^= 1 })))
	}},
	{"spends a coin twice", "bad-txns-inputs-missingorspent", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(nil), q.spend(func(tx *types.Tx) { tx.Out[0].Value-- })))
	}},
	{"spends a later transaction of the block", "bad-txns-inputs-missingorspent", func(q *quarry) *types.Block {
		first := q.spend(nil)
		return seal(q.block(q.spendOf(consensustest.CoinEntry(first, 0), nil), first))
	}},
	{"spends an immature coinbase", "bad-txns-premature-spend-of-coinbase", func(q *quarry) *types.Block {
		return seal(q.block(q.spendOf(consensustest.CoinEntry(q.fresh, 0), nil)))
	}},
	{"names an input twice", "bad-txns-inputs-duplicate", func(q *quarry) *types.Block {
		tx := q.spend(nil).Clone()
		tx.In = append(tx.In, tx.In[0])
		return seal(q.block(tx))
	}},
	{"pays more than it spends", "bad-txns-in-belowout", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(func(tx *types.Tx) { tx.Out[0].Value += fee + 1 })))
	}},
	{"pays a negative amount", "bad-txns-vout-negative", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(func(tx *types.Tx) { tx.Out[0].Value = -1 })))
	}},
	{"pays more than there can be", "bad-txns-vout-toolarge", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(func(tx *types.Tx) { tx.Out[0].Value = consensus.MaxMoney + 1 })))
	}},
	{"not final at this height", "bad-txns-nonfinal", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(func(tx *types.Tx) { tx.LockTime, tx.In[0].Sequence = uint32(q.height), 0 })))
	}},
	{"not final at this time", "bad-txns-nonfinal", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(func(tx *types.Tx) { tx.LockTime, tx.In[0].Sequence = q.median, 0 })))
	}},
	{"relative lock by height not met", "bad-txns-nonfinal", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(func(tx *types.Tx) { tx.Version, tx.In[0].Sequence = 2, uint32(q.height-q.coin.Coin.Height)+1 })))
	}},
	{"relative lock by time not met", "bad-txns-nonfinal", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(func(tx *types.Tx) { tx.Version, tx.In[0].Sequence = 2, 1<<22|1000 })))
	}},
	{"signature of something else", "block-script-verify-flag-failed", func(q *quarry) *types.Block {
		tx := q.spend(nil).Clone()
		tx.Out[0].Value--
		return seal(q.block(tx))
	}},
	{"witness signature of something else", "block-script-verify-flag-failed", func(q *quarry) *types.Block {
		tx := q.spendOf(q.native(), nil).Clone()
		tx.Out[0].Value--
		return seal(q.block(tx))
	}},
	{"too many signature operations", "bad-blk-sigops", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(func(tx *types.Tx) { tx.Out[1].Script = bytes.Repeat([]byte{0xac}, 20_000) })))
	}},
	{"too large", "bad-blk-length", func(q *quarry) *types.Block {
		return seal(q.block(q.spend(func(tx *types.Tx) { tx.Out[1].Script = bytes.Repeat([]byte{0x6a}, 1_000_000) })))
	}},
}

// native returns a coin with a witness lock.
func (q *quarry) native() consensus.CoinEntry {
	q.t.Helper()
	for _, c := range q.purse.coins {
		if class, _ := script.Classify(c.Coin.Out.Script); class == script.WitnessPubKeyHash {
			return c
		}
	}
	q.t.Fatal("no coin with a witness lock")
	return consensus.CoinEntry{}
}

// newQuarry prepares coins on a connected pair of nodes.
func newQuarry(n *network) *quarry {
	n.t.Helper()
	n.c.generate(maturity + 5)
	n.connect(true)
	n.agree(tip(n.t, n.c))
	n.follow(n.c)
	for range 2 {
		tx := n.purse.pay(1)
		send(n.t, n.c, tx)
		pooled(n.t, n.c, tx)
	}
	hash := n.c.generate(1)
	n.agree(hash)
	n.follow(n.c)
	q := &quarry{t: n.t, params: consensus.Regtest(), tip: block(n.t, n.c, hash), height: n.purse.height + 1, purse: n.purse}
	q.fresh, q.coin = q.tip.Txs[0], n.purse.take()
	var header struct {
		MedianTime uint32 `json:"mediantime"`
	}
	call(n.t, n.c, &header, "getblockheader", hash)
	q.median = header.MedianTime
	return q
}

// submit gives a block to a node and returns what it says; nothing if it accepts the block.
func submit(t *testing.T, x node, b *types.Block) string {
	t.Helper()
	var answer *string
	if err := x.try(&answer, "submitblock", hex.EncodeToString(b.Bytes())); err != nil {
		return "error: " + err.Error()
	}
	if answer == nil {
		return ""
	}
	return *answer
}

// TestInvalidBlocks gives blocks that are invalid in one way each to both nodes: both refuse each and go on.
func TestInvalidBlocks(t *testing.T) {
	n := &network{t: t, c: startCairn(t, t.TempDir()), b: startBtcd(t, t.TempDir()), purse: newPurse(t)}
	q := newQuarry(n)
	count := 0
	for _, group := range [][]flaw{flawedHeaders, flawedCoinbases, flawedTransactions} {
		for _, f := range group {
			b := f.block(q)
			cairns, btcds := submit(t, n.c, b), submit(t, n.b, b)
			t.Logf("%-40s %-45s %s", f.name, cairns, btcds)
			if !strings.HasPrefix(cairns, f.want) {
				t.Errorf("%s: cairn says %q, want %q", f.name, cairns, f.want)
			}
			if btcds == "" {
				t.Errorf("%s: btcd accepts it", f.name)
			}
			n.agree(q.tip.Hash().String())
			count++
		}
	}
	t.Logf("%d blocks invalid in one way each: refused by both", count)
	mutated(n, q)
}

// mutated: a block whose last transaction is named twice has the hash of the valid one. To refuse it must not spoil that one.
func mutated(n *network, q *quarry) {
	t := n.t
	t.Helper()
	valid := seal(q.block(q.spend(nil), q.spendOf(q.native(), nil)))
	double := &types.Block{Header: valid.Header, Txs: append(append([]*types.Tx(nil), valid.Txs...), valid.Txs[len(valid.Txs)-1])}
	if double.Hash() != valid.Hash() {
		t.Fatal("not the mutation that was meant")
	}
	for _, x := range []node{n.c, n.b} {
		if said := submit(t, x, double); said == "" {
			t.Errorf("%v accepts a block with a transaction twice", x)
		}
	}
	n.agree(q.tip.Hash().String())
	if said := submit(t, n.c, valid); said != "" {
		t.Errorf("cairn: a valid block: %s", said)
	}
	n.agree(valid.Hash().String())
	n.agree(n.b.generate(1))
	if n.restarts > 0 {
		t.Logf("btcd was restarted %d times", n.restarts)
	}
}
