package consensus_test

import (
	"bytes"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// chainWithCoins is a regtest chain of short maturity with one mature coinbase, that of the returned node.
func chainWithCoins(t consensustest.T) (*consensustest.Chain, *consensustest.Node) {
	t.Helper()
	p := consensus.Regtest()
	p.CoinbaseMaturity = 3
	c := consensustest.NewChain(t, p)
	first := c.Mine()
	c.MineEmpty(4)
	return c, first
}

// chained returns n transactions of which each spends the one before, the first a coinbase.
func chained(first *consensustest.Node, n int) []*types.Tx {
	txs := []*types.Tx{first.Spend(1000)}
	for len(txs) < n {
		txs = append(txs, consensustest.SpendTx(1000, consensustest.CoinEntry(txs[len(txs)-1], 0)))
	}
	return txs
}

func sigOps(n int) []byte { return bytes.Repeat([]byte{0xac}, n) }

// changeCoinbase replaces the coinbase by a changed copy and sets the merkle root.
func changeCoinbase(b *types.Block, change func(tx *types.Tx)) {
	coinbase := b.Txs[0].Clone()
	change(coinbase)
	b.Txs[0] = coinbase
	consensus.SetMerkleRoot(b)
}

func TestCheckBlock(t *testing.T) {
	c, first := chainWithCoins(t)
	cases := []struct {
		name   string
		change func(b *types.Block)
		want   consensus.Kind
	}{
		{"good", func(*types.Block) {}, ""},
		{"another root", func(b *types.Block) { b.Header.MerkleRoot[0]++ }, consensus.BadMerkleRoot},
		{"a transaction is missing", func(b *types.Block) { b.Txs = b.Txs[:2] }, consensus.BadMerkleRoot},
		{"transactions swapped", func(b *types.Block) { b.Txs[1], b.Txs[2] = b.Txs[2], b.Txs[1] }, consensus.BadMerkleRoot},
		{"tail repeated (2012-2459)", func(b *types.Block) { b.Txs = append(b.Txs, b.Txs[2]) }, consensus.BadTxnsDuplicate},
		{"no transactions", func(b *types.Block) { b.Txs = nil; consensus.SetMerkleRoot(b) }, consensus.BadBlkLength},
		{"no coinbase", func(b *types.Block) { b.Txs = b.Txs[1:]; consensus.SetMerkleRoot(b) }, consensus.BadCbMissing},
		{"coinbase not first", func(b *types.Block) {
			b.Txs[0], b.Txs[1] = b.Txs[1], b.Txs[0]
			consensus.SetMerkleRoot(b)
		}, consensus.BadCbMissing},
		{"two coinbases", func(b *types.Block) {
			b.Txs = append(b.Txs, coinbaseTx([]byte{1, 2, 3}))
			consensus.SetMerkleRoot(b)
		}, consensus.BadCbMultiple},
		{"coinbase script too long", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.In[0].ScriptSig = make([]byte, 101) })
		}, consensus.BadCbLength},
		{"a bad transaction", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.Out[0].Value = -1 })
		}, consensus.BadTxnsVoutNegative},
		{"one outpoint twice in a transaction", func(b *types.Block) {
			tx := b.Txs[2].Clone()
			tx.In = append(tx.In, tx.In[0])
			b.Txs[2] = tx
			consensus.SetMerkleRoot(b)
		}, consensus.BadTxnsInputsDuplicate},
		{"as many sigops as may be", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.Out[0].Script = sigOps(20_000) })
		}, ""},
		{"a sigop too many", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.Out[0].Script = sigOps(20_001) })
		}, consensus.BadBlkSigOps},
		{"too large without witnesses", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.Out[0].Script = make([]byte, 999_900) })
		}, consensus.BadBlkLength},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, chained(first, 2)...)
			tc.change(b)
			err := consensus.CheckBlock(c.Params, b)
			if got := consensus.KindOf(err); got != tc.want || (tc.want == "") != (err == nil) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestMutatedTwin is line 1 of every node's nightmares: a block whose merkle tree repeats its tail has the hash of its
// clean twin. It is refused with a kind that must not be remembered, and the clean twin is accepted afterwards.
func TestMutatedTwin(t *testing.T) {
	c, first := chainWithCoins(t)
	clean := c.Build(c.Tip(), consensustest.AnyoneCanSpend, chained(first, 2)...)
	consensustest.Solve(clean)
	mutated := &types.Block{Header: clean.Header, Txs: append(append([]*types.Tx(nil), clean.Txs...), clean.Txs[2])}
	if mutated.Hash() != clean.Hash() {
		t.Fatal("the twins have different hashes, so the test tests nothing")
	}
	_, err := c.Add(mutated)
	if consensus.KindOf(err) != consensus.BadTxnsDuplicate || !consensus.IsMutation(consensus.KindOf(err)) {
		t.Errorf("the mutated block: %v", err)
	}
	if _, err := c.Add(clean); err != nil {
		t.Errorf("the clean twin: %v", err)
	}
}

// TestInnerNodesAsTransactions: two ids, which are 64 bytes, are passed off as one transaction under their common root. Such a
// block is refused as a mutation, so that the real one is accepted afterwards.
func TestInnerNodesAsTransactions(t *testing.T) {
	p := consensus.Regtest()
	c := consensustest.NewChain(t, p)
	b := c.Build(c.Tip(), consensustest.AnyoneCanSpend)
	fake := &types.Tx{ // stands for two ids, one after the other
		Version: 1,
		In:      []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{1}}}},
		Out:     []types.TxOut{{Script: make([]byte, 4)}},
	}
	if fake.BaseSize() != 64 {
		t.Fatalf("%d bytes", fake.BaseSize())
	}
	b.Txs = []*types.Tx{fake}
	consensus.SetMerkleRoot(b)
	err := consensus.CheckBlock(p, b)
	if consensus.KindOf(err) != consensus.BadCbMissing || !consensus.IsMutation(consensus.KindOf(err)) {
		t.Errorf("got %v", err)
	}
}

// TestMutatedWitness: a changed witness leaves the hash as it is; the block is refused, its clean copy accepted.
func TestMutatedWitness(t *testing.T) {
	c, first := chainWithCoins(t)
	tx := first.Spend(1000)
	tx.In[0].Witness = [][]byte{{1, 2, 3}}
	clean := c.Build(c.Tip(), consensustest.AnyoneCanSpend, tx)
	consensustest.Solve(clean)

	other := tx.Clone()
	other.In[0].Witness = [][]byte{{1, 2, 4}}
	mutated := &types.Block{Header: clean.Header, Txs: []*types.Tx{clean.Txs[0], other}}
	_, err := c.Add(mutated)
	if consensus.KindOf(err) != consensus.BadWitnessMerkleMatch || !consensus.IsMutation(consensus.KindOf(err)) {
		t.Errorf("changed witness: %v", err)
	}
	other = tx.Clone()
	other.In[0].Witness = nil
	_, err = c.Add(&types.Block{Header: clean.Header, Txs: []*types.Tx{clean.Txs[0], other}})
	if consensus.KindOf(err) != consensus.BadWitnessMerkleMatch {
		t.Errorf("witness taken off: %v", err)
	}
	stripped := clean.Txs[0].Clone()
	stripped.In[0].Witness = nil
	_, err = c.Add(&types.Block{Header: clean.Header, Txs: []*types.Tx{stripped, tx}})
	if consensus.KindOf(err) != consensus.BadWitnessNonceSize {
		t.Errorf("reserved value taken off: %v", err)
	}
	if _, err := c.Add(clean); err != nil {
		t.Errorf("the clean copy: %v", err)
	}
}

// blockCase changes a block of a coinbase and one transaction with a witness.
type blockCase struct {
	name   string
	change func(b *types.Block)
	want   consensus.Kind
}

func TestHeightAndLocks(t *testing.T) {
	c, first := chainWithCoins(t)
	height := c.Tip().Height() + 1
	checkInPlace(t, c, first, []blockCase{
		{"good", func(*types.Block) {}, ""},
		{"height too low", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.In[0].ScriptSig = consensus.CoinbaseScript(height-1, []byte("x")) })
		}, consensus.BadCbHeight},
		{"height too high", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.In[0].ScriptSig = consensus.CoinbaseScript(height+1, []byte("x")) })
		}, consensus.BadCbHeight},
		{"height pushed as data", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.In[0].ScriptSig = []byte{1, byte(height)} })
		}, consensus.BadCbHeight},
		{"lock time is the height", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.LockTime, tx.In[0].Sequence = uint32(height), 0 })
		}, consensus.BadTxnsNonFinal},
		{"lock time is the height before", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.LockTime, tx.In[0].Sequence = uint32(height)-1, 0 })
		}, ""},
		{"lock time is the median time past", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.LockTime, tx.In[0].Sequence = uint32(c.Tip().MedianTime()), 0 })
		}, consensus.BadTxnsNonFinal},
	})
	if _, err := consensus.CheckBlockInPlace(c.Params, c.Tip(), &types.Block{}); consensus.KindOf(err) != consensus.BadCbMissing {
		t.Errorf("a block of nothing: %v", err)
	}
}

func TestWitnessCommitmentRules(t *testing.T) {
	c, first := chainWithCoins(t)
	withCommitment := func(b *types.Block, i int, change func(s []byte) []byte) {
		changeCoinbase(b, func(tx *types.Tx) { tx.Out[i].Script = change(tx.Out[i].Script) })
	}
	checkInPlace(t, c, first, []blockCase{
		{"reserved value of 31 bytes", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.In[0].Witness = [][]byte{make([]byte, 31)} })
		}, consensus.BadWitnessNonceSize},
		{"two reserved values", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.In[0].Witness = [][]byte{make([]byte, 32), make([]byte, 32)} })
		}, consensus.BadWitnessNonceSize},
		{"another reserved value", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.In[0].Witness[0][0]++ })
		}, consensus.BadWitnessMerkleMatch},
		{"another commitment", func(b *types.Block) {
			withCommitment(b, 1, func(s []byte) []byte { s[37]++; return s })
		}, consensus.BadWitnessMerkleMatch},
		{"bytes after the commitment", func(b *types.Block) {
			withCommitment(b, 1, func(s []byte) []byte { return append(s, 1, 2, 3) })
		}, ""},
		{"commitment one byte short", func(b *types.Block) {
			withCommitment(b, 1, func(s []byte) []byte { return s[:37] })
		}, consensus.UnexpectedWitness},
		{"no commitment", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) { tx.Out = tx.Out[:1] })
		}, consensus.UnexpectedWitness},
		{"the last commitment counts", func(b *types.Block) {
			changeCoinbase(b, func(tx *types.Tx) {
				wrong := append([]byte(nil), tx.Out[1].Script...)
				wrong[20]++
				tx.Out = []types.TxOut{tx.Out[0], {Script: wrong}, tx.Out[1]}
			})
		}, ""},
		{"no commitment, no witness", func(b *types.Block) {
			b.Txs = b.Txs[:1]
			changeCoinbase(b, func(tx *types.Tx) {
				tx.Out, tx.In[0].Witness = tx.Out[:1], nil
				tx.Out[0].Value = 0
			})
		}, ""},
		{"over the weight", func(b *types.Block) {
			tx := b.Txs[1].Clone()
			tx.In[0].Witness = [][]byte{make([]byte, 4_000_000-b.Weight())}
			b.Txs[1] = tx
			consensus.CommitWitness(b)
		}, consensus.BadBlkWeight},
	})
}

// checkInPlace runs cases on the tip of c. Connect says the same as CheckBlockInPlace.
func checkInPlace(t *testing.T, c *consensustest.Chain, first *consensustest.Node, cases []blockCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tx := first.Spend(1000)
			tx.In[0].Witness = [][]byte{{1}}
			b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, tx)
			tc.change(b)
			if err := consensus.CheckBlock(c.Params, b); err != nil {
				t.Fatalf("CheckBlock: %v", err)
			}
			placed, err := consensus.CheckBlockInPlace(c.Params, c.Tip(), b)
			if got := consensus.KindOf(err); got != tc.want || (tc.want == "") != (err == nil) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			_, checks, err := consensus.Connect(c.Params, c.Tip(), b, c.Supplement(c.Tip(), b))
			if got := consensus.KindOf(err); got != tc.want || err != nil && checks != nil {
				t.Errorf("Connect: got %v and %d checks, want %q", err, len(checks), tc.want)
			}
			if held := placed.Block(); (held == b) != (tc.want == "") || held != nil && held != b {
				t.Errorf("the proof holds %v", held)
			}
		})
	}
}

// TestHeaviestBlock: a block of exactly four million weight units is valid.
func TestHeaviestBlock(t *testing.T) {
	c, first := chainWithCoins(t)
	tx := first.Spend(1000)
	tx.In[0].Witness = [][]byte{make([]byte, 1_000_000)}
	b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, tx)
	rest := types.MaxBlockWeight - b.Weight()
	tx = tx.Clone()
	tx.In[0].Witness[0] = make([]byte, 1_000_000+rest)
	b = c.Build(c.Tip(), consensustest.AnyoneCanSpend, tx)
	if b.Weight() != types.MaxBlockWeight {
		t.Fatalf("weight %d", b.Weight())
	}
	consensustest.Solve(b)
	if _, err := c.Add(b); err != nil {
		t.Errorf("%v", err)
	}
}

// TestCoinbaseScript compares with the number encoding of scripts, which is what BIP34 refers to.
func TestCoinbaseScript(t *testing.T) {
	for _, h := range []int32{0, 1, 2, 15, 16, 17, 100, 127, 128, 129, 255, 256, 32767, 32768, 65535, 65536, 8388607, 8388608, 16777216, 1<<31 - 1} {
		push := script.PushInt(int64(h))
		got := consensus.CoinbaseScript(h, []byte("extra"))
		if !bytes.Equal(got, append(append([]byte(nil), push...), "extra"...)) {
			t.Errorf("height %d: %x, push %x", h, got, push)
		}
		if bare := consensus.CoinbaseScript(h, nil); len(bare) < 2 || !bytes.HasPrefix(bare, push) {
			t.Errorf("height %d without extra: %x", h, bare)
		}
	}
}

func TestCommitWitness(t *testing.T) {
	c, first := chainWithCoins(t)
	tx := first.Spend(1000)
	tx.In[0].Witness = [][]byte{{7}}
	b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, tx)
	before := b.Txs[0]
	outs := len(before.Out)
	tx = tx.Clone()
	tx.In[0].Witness = [][]byte{{8}}
	b.Txs[1] = tx
	consensus.CommitWitness(b)
	if len(b.Txs[0].Out) != outs {
		t.Errorf("committed twice: %d outputs, before %d", len(b.Txs[0].Out), outs)
	}
	if b.Txs[0] == before || bytes.Equal(b.Txs[0].Out[outs-1].Script, before.Out[outs-1].Script) {
		t.Error("the old coinbase was changed, or nothing was")
	}
	if err := consensus.CheckBlock(c.Params, b); err != nil {
		t.Error(err)
	}
	if _, err := consensus.CheckBlockInPlace(c.Params, c.Tip(), b); err != nil {
		t.Error(err)
	}
}
