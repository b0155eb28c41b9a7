package consensus_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// goodTx spends two made-up outpoints.
func goodTx() *types.Tx {
	return &types.Tx{
		Version: 2,
		In: []types.TxIn{
			{PrevOut: types.OutPoint{TxID: types.Hash{1}}, Sequence: 0xffffffff},
			{PrevOut: types.OutPoint{TxID: types.Hash{1}, Index: 1}, Sequence: 0xffffffff},
		},
		Out: []types.TxOut{{Value: 1, Script: []byte{0x51}}, {Value: 2, Script: []byte{0x51}}},
	}
}

func coinbaseTx(sig []byte) *types.Tx {
	return &types.Tx{
		Version: 1,
		In:      []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: sig, Sequence: 0xffffffff}},
		Out:     []types.TxOut{{Value: 1, Script: []byte{0x51}}},
	}
}

func TestCheckTx(t *testing.T) {
	big := bytes.Repeat([]byte{0x51}, types.MaxBlockWeight/4)
	cases := []struct {
		name   string
		change func(tx *types.Tx)
		want   consensus.Kind
	}{
		{"good", func(*types.Tx) {}, ""},
		{"no inputs", func(tx *types.Tx) { tx.In = nil }, consensus.BadTxnsVinEmpty},
		{"no outputs", func(tx *types.Tx) { tx.Out = nil }, consensus.BadTxnsVoutEmpty},
		{"too large", func(tx *types.Tx) { tx.Out[0].Script = big }, consensus.BadTxnsOversize},
		{"large witness only", func(tx *types.Tx) { tx.In[0].Witness = [][]byte{big} }, ""},
		{"value -1", func(tx *types.Tx) { tx.Out[0].Value = -1 }, consensus.BadTxnsVoutNegative},
		{"least value", func(tx *types.Tx) { tx.Out[0].Value = math.MinInt64 }, consensus.BadTxnsVoutNegative},
		{"value 0", func(tx *types.Tx) { tx.Out[0].Value = 0 }, ""},
		{"all the money", func(tx *types.Tx) { tx.Out[0].Value, tx.Out[1].Value = consensus.MaxMoney, 0 }, ""},
		{"more than all", func(tx *types.Tx) { tx.Out[0].Value = consensus.MaxMoney + 1 }, consensus.BadTxnsVoutTooLarge},
		{"largest value", func(tx *types.Tx) { tx.Out[1].Value = math.MaxInt64 }, consensus.BadTxnsVoutTooLarge},
		{"sum over all", func(tx *types.Tx) { tx.Out[0].Value, tx.Out[1].Value = consensus.MaxMoney, 1 }, consensus.BadTxnsTxOutTotalTooLarge},
		{"sum wraps around (2010-5139)", func(tx *types.Tx) {
			tx.Out[0].Value, tx.Out[1].Value = 9223372036854277039, 9223372036854277039
		}, consensus.BadTxnsVoutTooLarge},
		{"one outpoint twice (2018-17144)", func(tx *types.Tx) { tx.In[1].PrevOut = tx.In[0].PrevOut }, consensus.BadTxnsInputsDuplicate},
		{"a null input among others", func(tx *types.Tx) { tx.In[1].PrevOut = types.NullOutPoint }, consensus.BadTxnsPrevoutNull},
		{"two null inputs", func(tx *types.Tx) {
			tx.In[0].PrevOut, tx.In[1].PrevOut = types.NullOutPoint, types.NullOutPoint
		}, consensus.BadTxnsInputsDuplicate},
		{"zero id with a real index", func(tx *types.Tx) { tx.In[1].PrevOut = types.OutPoint{} }, ""},
		{"version 0", func(tx *types.Tx) { tx.Version = 0 }, ""},
		{"version 2^31", func(tx *types.Tx) { tx.Version = 1 << 31 }, ""},
		{"version -1", func(tx *types.Tx) { tx.Version = math.MaxUint32 }, ""},
		{"largest lock time", func(tx *types.Tx) { tx.LockTime = math.MaxUint32 }, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tx := goodTx()
			tc.change(tx)
			err := consensus.CheckTx(consensus.Regtest(), tx)
			if got := consensus.KindOf(err); got != tc.want || (tc.want == "") != (err == nil) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestCheckTxOfCoinbase(t *testing.T) {
	for n, want := range map[int]consensus.Kind{0: consensus.BadCbLength, 1: consensus.BadCbLength, 2: "", 100: "", 101: consensus.BadCbLength} {
		err := consensus.CheckTx(consensus.Regtest(), coinbaseTx(make([]byte, n)))
		if consensus.KindOf(err) != want {
			t.Errorf("scriptSig of %d bytes: %v, want %q", n, err, want)
		}
	}
}

// TestSize64 is CVE-2017-12842: on cairn no transaction may look like an inner node of a merkle tree.
func TestSize64(t *testing.T) {
	for _, extra := range []int{-1, 0, 1} {
		tx := &types.Tx{
			Version: 2,
			In:      []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{1}}, Sequence: 0xffffffff}},
			Out:     []types.TxOut{{Script: make([]byte, 4+extra)}},
		}
		tx.In[0].Witness = [][]byte{{1, 2, 3}} // witnesses do not count
		if tx.BaseSize() != 64+extra {
			t.Fatalf("the test's transaction has %d bytes", tx.BaseSize())
		}
		want := consensus.Kind("")
		if extra == 0 {
			want = consensus.BadTxns64Byte
		}
		if err := consensus.CheckTx(consensus.Cairn(), tx); consensus.KindOf(err) != want {
			t.Errorf("%d bytes on cairn: %v", 64+extra, err)
		}
		if err := consensus.CheckTx(consensus.Regtest(), tx); err != nil {
			t.Errorf("%d bytes on regtest: %v", 64+extra, err)
		}
	}
}

func TestIsFinal(t *testing.T) {
	const height, median = 100, 1_600_000_000
	cases := []struct {
		lock, sequence uint32
		want           bool
	}{
		{0, 0, true},
		{99, 0, true},
		{100, 0, false},
		{100, 0xffffffff, true},
		{100, 0xfffffffe, false},
		{499_999_999, 0, false},
		{500_000_000, 0, true},
		{median - 1, 0, true},
		{median, 0, false},
		{median, 0xffffffff, true},
		{math.MaxUint32, 0, false},
		{math.MaxUint32, 0xffffffff, true},
	}
	for _, c := range cases {
		tx := goodTx()
		tx.LockTime, tx.In[1].Sequence = c.lock, c.sequence
		if got := consensus.IsFinal(tx, height, median); got != c.want {
			t.Errorf("lock %d, sequence %08x: %v", c.lock, c.sequence, got)
		}
	}
}

// TestSequenceLocks walks the edges of BIP68. The chain has a block every 600 seconds, so the median time past of a
// block is five blocks behind.
func TestSequenceLocks(t *testing.T) {
	c := consensustest.NewChain(t, consensus.Regtest())
	tip := c.MineEmpty(40)
	const byTime, off = 1 << 22, 1 << 31
	cases := []struct {
		name     string
		version  uint32
		sequence uint32
		height   int32 // of the coin
		want     bool
	}{
		{"no lock", 2, 0, 40, true},
		{"no lock, same block", 2, 0, 41, true},
		{"one block, met", 2, 1, 40, true},
		{"one block, coin of the same block", 2, 1, 41, false},
		{"11 blocks, met", 2, 11, 30, true},
		{"11 blocks, one short", 2, 11, 31, false},
		{"most blocks", 2, 0xffff, 1, false},
		{"most blocks, switched off", 2, off | 0xffff, 1, true},
		{"version 1", 1, 0xffff, 40, true},
		{"version 0", 0, 0xffff, 40, true},
		{"version 2^31 is not negative", 1 << 31, 0xffff, 40, false},
		{"version -1 is not negative", math.MaxUint32, 0xffff, 40, false},
		{"bits that mean nothing", 2, 0x7fbf0000, 41, true},
		{"time 0", 2, byTime, 40, true},
		{"time 0, same block", 2, byTime, 41, true},
		{"512 seconds, one block", 2, byTime | 1, 40, true},
		{"512 seconds, same block", 2, byTime | 1, 41, false},
		{"1024 seconds, one block", 2, byTime | 2, 40, false},
		{"1024 seconds, two blocks", 2, byTime | 2, 39, true},
		{"most seconds", 2, byTime | 0xffff, 1, false},
		{"coin of genesis", 2, byTime | 1, 0, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tx := goodTx()
			tx.Version, tx.In[0].Sequence = tc.version, tc.sequence
			tx.In[1].Sequence = 0 // met by any coin
			spent := []consensus.Coin{{Height: tc.height}, {Height: 0}}
			if got := consensus.SequenceLocksMet(tx, spent, tip); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
	if consensus.SequenceLocksMet(goodTx(), nil, tip) {
		t.Error("met without knowing the coins")
	}
	if !consensus.SequenceLocksMet(coinbaseTx([]byte{1, 2}), nil, tip) {
		t.Error("a coinbase has relative locks")
	}
}

func TestSigOpCost(t *testing.T) {
	const checkSig, checkMultiSig = 0xac, 0xae
	p2wpkh := append([]byte{0, 20}, make([]byte, 20)...)
	p2wsh := append([]byte{0, 32}, make([]byte, 32)...)
	p2sh := append(append([]byte{0xa9, 20}, make([]byte, 20)...), 0x87)
	twoOfThree := []byte{0x52, 0x53, checkMultiSig} // keys left out: only the 3 counts
	cases := []struct {
		name    string
		lock    []byte
		sig     []byte
		witness [][]byte
		want    int
	}{
		{"nothing", []byte{0x51}, nil, nil, 0},
		{"legacy in the spent script counts where it was made", []byte{checkSig}, nil, nil, 0},
		{"legacy in scriptSig", []byte{0x51}, []byte{checkSig}, nil, 4},
		{"P2WPKH", p2wpkh, nil, [][]byte{make([]byte, 71), make([]byte, 33)}, 1},
		{"P2WPKH without witness", p2wpkh, nil, nil, 1},
		{"P2WSH", p2wsh, nil, [][]byte{{}, twoOfThree}, 3},
		{"P2SH", p2sh, script.PushData(twoOfThree), nil, 12},
		{"P2SH-P2WPKH", p2sh, script.PushData(p2wpkh), [][]byte{{}, {}}, 1},
		{"P2SH-P2WSH", p2sh, script.PushData(p2wsh), [][]byte{twoOfThree}, 3},
		{"P2SH, scriptSig not only pushes", p2sh, append([]byte{0x61}, script.PushData(twoOfThree)...), nil, 0},
		{"taproot", append([]byte{0x51, 32}, make([]byte, 32)...), nil, [][]byte{make([]byte, 64)}, 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tx := &types.Tx{
				Version: 2,
				In:      []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{1}}, ScriptSig: tc.sig, Witness: tc.witness}},
				Out:     []types.TxOut{{Script: []byte{0x51}}},
			}
			spent := []consensus.Coin{{Out: types.TxOut{Script: tc.lock}}}
			if got := consensus.SigOpCost(tx, spent); got != tc.want {
				t.Errorf("cost %d, want %d", got, tc.want)
			}
		})
	}
	coinbase := coinbaseTx([]byte{checkSig, 0})
	coinbase.Out[0].Script = []byte{checkMultiSig}
	if got := consensus.SigOpCost(coinbase, nil); got != 84 {
		t.Errorf("coinbase with a CHECKSIG and a bare multisig costs %d, want 84", got)
	}
}
