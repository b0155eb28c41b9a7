package chain_test

import (
	"bytes"
	"testing"

	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// newFixtureOf is newFixture with other rules.
func newFixtureOf(t *testing.T, p *consensus.Params) *fixture {
	t.Helper()
	store := memdb.New()
	f := &fixture{Maker: &storetest.Maker{T: t, Params: p}, t: t, store: store}
	f.c = storetest.Open(t, storetest.Config(p, store))
	f.root = f.Genesis()
	return f
}

// old finishes a block without commitment, with a coinbase of the caller's or that of the draft.
func (f *fixture) old(parent *consensustest.Node, coinbase *types.Tx) *consensustest.Node {
	b := f.Draft(parent)
	if coinbase != nil {
		b.Txs[0] = coinbase
	}
	consensus.SetMerkleRoot(b)
	consensustest.Solve(b)
	return consensustest.NewNode(parent, b)
}

// TestOverwritingCoinbase: without BIP34 a coinbase may repeat one whose output is spent, and no other. The coin set follows in
// both directions, also over a flush.
//
//	genesis - a1 - a2 - a3(spends a1) - a4(repeats a1) - a5
//	            \- b2(repeats a1)
func TestOverwritingCoinbase(t *testing.T) {
	p := storetest.Params()
	p.BIP34Height = 1000
	f := newFixtureOf(t, p)
	a1 := f.old(f.root, &types.Tx{
		Version: 1, In: []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: []byte{0x01, 0x07}, Sequence: 0xffffffff}},
		Out: []types.TxOut{{Value: 50 * consensus.CoinUnit, Script: storetest.Lock}},
	})
	again := a1.Block.Txs[0]
	a2 := f.old(a1, nil)
	f.add(a1, a2)
	_, err := f.c.AddBlock(f.old(a2, again).Block)
	storetest.Want(t, err, consensus.BadTxnsBIP30)
	storetest.Want(t, f.c.TestBlock(f.old(a2, again).Block), consensus.BadTxnsBIP30)

	a3 := f.Block(a2, storetest.Spend(1, coinbase(a1)))
	a4 := f.old(a3, again)
	a5 := f.old(a4, nil)
	f.add(a3)
	if err := f.c.Flush(); err != nil {
		t.Fatal(err)
	}
	f.add(a4, a5)
	storetest.Agree(t, f.c, a5)
	if err := f.c.Verify(t.Context(), 0, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.c.Invalidate(a3.Hash()); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, f.c, a2)
	if err := f.c.Reconsider(a3.Hash()); err != nil {
		t.Fatal(err)
	}
	if err := f.c.Flush(); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, f.c, a5)
}

// TestRepeatedTransaction: where BIP34 holds from block 1 a block that repeats a transaction with an unspent output breaks BIP30
// first of all, as in Core, and if all outputs are spent, spends what is not there. Neither names the other's fault.
//
//	genesis - a1 - a2 - a3(tx) - a4(spends tx)
//	                          \- b4(tx again)
func TestRepeatedTransaction(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 2)
	tx := storetest.Spend(1, coinbase(a[0]))
	a3 := f.Block(a[1], tx)
	f.add(a[0], a[1], a3)
	b4 := f.Block(a3, tx)
	storetest.Want(t, f.c.TestBlock(b4.Block), consensus.BadTxnsBIP30)
	if err := f.c.Flush(); err != nil {
		t.Fatal(err)
	}
	_, err := f.c.AddBlock(b4.Block)
	storetest.Want(t, err, consensus.BadTxnsBIP30)
	storetest.Agree(t, f.c, a3)

	spend := storetest.Spend(1, storetest.Output(tx, 0, 3, false))
	_, err = f.c.AddBlock(f.Block(a3, spend, tx).Block) // the output is there when the block begins
	storetest.Want(t, err, consensus.BadTxnsBIP30)
	a4 := f.Block(a3, spend)
	f.add(a4)
	_, err = f.c.AddBlock(f.Block(a4, tx).Block)
	storetest.Want(t, err, consensus.BadTxnsMissingOrSpent)
	storetest.Agree(t, f.c, a4)
}

// TestWitnessesComeWithSegwit: a block with a witness is refused before the height, and one without commitment is mined.
func TestWitnessesComeWithSegwit(t *testing.T) {
	p := storetest.Params()
	p.SegwitHeight = 3
	f := newFixtureOf(t, p)
	early := f.Block(f.root) // with a commitment and its witness
	_, err := f.c.AddBlock(early.Block)
	storetest.Want(t, err, consensus.UnexpectedWitness)
	a1 := f.old(f.root, nil)
	a2 := f.old(a1, nil)
	a3 := f.Block(a2)
	f.add(a1, a2, a3)
	storetest.Agree(t, f.c, a3)
}

// TestSignetBlocks: a block without its signature is refused before it is stored, and is tested as a template without one.
func TestSignetBlocks(t *testing.T) {
	p := storetest.Params()
	p.Name, p.SignetChallenge = "own-signet", consensustest.KeyLock()
	f := &fixture{Maker: &storetest.Maker{T: t, Params: p}, t: t, store: memdb.New()}
	cfg := storetest.Config(p, f.store)
	cfg.Verify = &script.Runner{Verifier: script.NewVerifier()}
	f.c, f.root = storetest.Open(t, cfg), f.Genesis()

	bare := f.Block(f.root)
	storetest.Want(t, f.c.TestBlock(bare.Block), "")
	_, err := f.c.AddBlock(bare.Block)
	storetest.Want(t, err, consensus.BadSignetBlockSig)
	if n := f.c.Lookup(bare.Hash()); n == nil || !n.Invalid() || n.HaveBlock() {
		t.Fatal("the block without a signature is not remembered as invalid")
	}
	_, err = f.c.AddBlock(f.signed(f.root, 1).Block)
	storetest.Want(t, err, consensus.BadSignetBlockSig)
	good := f.signed(f.root, 0)
	f.add(good, f.signed(good, 0))
	if err := f.c.Verify(t.Context(), 0, nil); err != nil {
		t.Fatal(err)
	}
}

// signed makes a block whose commitment carries the signature of a time that is off by late seconds.
func (f *fixture) signed(parent *consensustest.Node, late uint32) *consensustest.Node {
	f.t.Helper()
	b := f.Draft(parent)
	consensus.CommitWitness(b)
	bare := b.Txs[0].Out[consensus.CommitmentIndex(b.Txs[0])].Script
	solve := func(solution []byte) {
		coinbase := b.Txs[0].Clone()
		data := append([]byte{0xec, 0xc7, 0xda, 0xa2}, solution...)
		coinbase.Out[consensus.CommitmentIndex(coinbase)].Script = append(bytes.Clone(bare), script.PushData(data)...)
		b.Txs[0] = coinbase
		consensus.SetMerkleRoot(b)
	}
	solve([]byte{0, 0})
	draft := &types.Block{Header: b.Header, Txs: b.Txs}
	draft.Header.Time += late
	check, err := consensus.SignetCheck(f.Params, draft)
	if err != nil {
		f.t.Fatal(err)
	}
	_, witness, err := script.SignInput(check.Sums, 0, consensustest.Key, [32]byte{})
	if err != nil {
		f.t.Fatal(err)
	}
	solution := []byte{0, byte(len(witness))}
	for _, item := range witness {
		solution = types.AppendVarBytes(solution, item)
	}
	solve(solution)
	consensustest.Solve(b)
	return consensustest.NewNode(parent, b)
}
