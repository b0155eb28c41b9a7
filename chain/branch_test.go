package chain_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// badScript returns a spend whose signature is wrong.
func badScript(c consensus.CoinEntry) *types.Tx {
	tx := storetest.Spend(1, c)
	tx.In[0].Witness = storetest.Signature(false)
	return tx
}

// genesis - a1 - a2 - a3 - a4
//
//	\ b2 - b3 - b4(bad) - b5 - b6    all of b arrives before it is worth trying
func TestBranchFailsMidway(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 4)
	f.add(a...)
	pos := f.c.Tip().Position()
	b := f.Empty(a[0], 2)
	b = append(b, f.Block(b[1], badScript(coinbase(a[0]))))
	b = append(b, f.Empty(b[2], 2)...)
	f.add(b[:3]...) // b4 has equal work, so nobody looks at it
	_, err := f.c.AddBlock(b[3].Block)
	storetest.Want(t, err, consensus.BadPrevBlk)
	storetest.Agree(t, f.c, a[3])
	if u, err := f.c.UpdatesSince(pos, 10); err != nil || len(u) != 0 {
		t.Fatalf("%d updates, %v", len(u), err)
	}
	for i, want := range []string{"valid-fork", "valid-fork", "invalid", "invalid"} {
		if got := f.c.Lookup(b[i].Hash()).Status(); got != want {
			t.Fatalf("b%d is %s, want %s", i+2, got, want)
		}
	}
	_, err = f.c.AddBlock(b[4].Block)
	storetest.Want(t, err, consensus.BadPrevBlk)
	known, err := f.c.AddBlock(b[2].Block)
	storetest.Want(t, err, consensus.DuplicateInvalid)
	if !known {
		t.Fatal("forgotten")
	}
	n, err := f.c.AddHeaders([]types.Header{b[2].Header()})
	storetest.Want(t, err, consensus.DuplicateInvalid)
	if n != 0 {
		t.Fatal("accepted")
	}
	f.restart(true)
	storetest.Agree(t, f.c, a[3])
	if !f.c.Lookup(b[3].Hash()).Invalid() || f.c.BestHeader().Invalid() {
		t.Fatal("the mark was lost over a restart")
	}
	// The valid part of the branch can still win.
	c := f.Empty(b[1], 2)
	f.add(c...)
	storetest.Agree(t, f.c, c[1])
}

// A branch whose valid part alone is better than the old tip is kept up to there.
func TestBranchFailsAfterTheTip(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 3)
	f.add(a...)
	b := f.Empty(a[0], 4)
	bad := f.Block(b[3], badScript(coinbase(a[0])))
	after := f.Block(bad)
	if n, err := f.c.AddHeaders(headers(append(slices.Clone(b), bad, after))); err != nil || n != 6 {
		t.Fatal(n, err)
	}
	for _, n := range []*consensustest.Node{after, bad, b[3], b[2], b[1]} {
		if _, err := f.c.AddBlock(n.Block); err != nil {
			t.Fatal(err)
		}
		storetest.Agree(t, f.c, a[2])
	}
	f.add(b[0])
	storetest.Agree(t, f.c, b[3])
	if !f.c.Lookup(after.Hash()).Invalid() {
		t.Fatal("the child of an invalid block is not invalid")
	}
}

func headers(nodes []*consensustest.Node) (hs []types.Header) {
	for _, n := range nodes {
		hs = append(hs, n.Header())
	}
	return hs
}

// restart closes the chain, or drops it as if killed, and opens it again.
func (f *fixture) restart(clean bool) {
	f.t.Helper()
	if clean {
		if err := f.c.Close(); err != nil {
			f.t.Fatal(err)
		}
	}
	f.store = f.store.Reopen()
	f.c = storetest.Open(f.t, storetest.Config(f.Params, f.store))
}

func TestFirstSeenOverRestart(t *testing.T) {
	for _, clean := range []bool{true, false} {
		f := newFixture(t)
		var tips []*consensustest.Node
		for range 8 {
			tips = append(tips, f.Block(f.root))
		}
		f.add(tips...)
		storetest.Agree(t, f.c, tips[0])
		f.restart(clean)
		storetest.Agree(t, f.c, tips[0])
		if err := f.c.Precious(tips[5].Hash()); err != nil {
			t.Fatal(err)
		}
		storetest.Agree(t, f.c, tips[5])
		f.restart(clean)
		storetest.Agree(t, f.c, tips[5])
		if err := f.c.Precious(f.root.Hash()); err != nil { // less work: nothing
			t.Fatal(err)
		}
		storetest.Agree(t, f.c, tips[5])
		if len(f.c.Tips()) != 8 || f.c.Tips()[0].Hash() != tips[5].Hash() {
			t.Fatal("tips")
		}
	}
}

func TestOutOfOrder(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 60)
	if _, err := f.c.AddBlock(a[1].Block); consensus.KindOf(err) != consensus.PrevBlkNotFound {
		t.Fatalf("a block without a header before it: %v", err)
	}
	if n, err := f.c.AddHeaders(headers(a)); err != nil || n != 60 {
		t.Fatal(n, err)
	}
	if f.c.BestHeader().Height() != 60 || f.c.Tip().Height() != 0 || f.c.Lookup(a[9].Hash()).Status() != "headers-only" {
		t.Fatal("headers")
	}
	for i := len(a) - 1; i > 0; i-- {
		f.add(a[i])
		if f.c.Tip().Height() != 0 || !f.c.Lookup(a[i].Hash()).HaveBlock() {
			t.Fatal("connected over a gap")
		}
		if i == 30 {
			f.restart(true)
		}
		if i == 20 {
			f.restart(false)
		}
	}
	f.add(a[0])
	storetest.Agree(t, f.c, a[59])
}

// Bad input 1 and 12: a mutated copy does not spoil the block's hash.
func TestMutatedTwins(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 4)
	f.add(a...)
	x, y := storetest.Spend(2, coinbase(a[0])), storetest.Spend(2, coinbase(a[1]))
	clean := f.Block(a[3], x, y)
	copyOf := func() *types.Block {
		b := &types.Block{Header: clean.Header()}
		for _, tx := range clean.Block.Txs {
			b.Txs = append(b.Txs, tx.Clone())
		}
		return b
	}
	tail := copyOf()
	tail.Txs = append(tail.Txs, tail.Txs[2])
	otherWitness := copyOf()
	otherWitness.Txs[1].In[0].Witness = storetest.Signature(false)
	noReserved := copyOf()
	noReserved.Txs[0].In[0].Witness = nil
	fat := copyOf() // over the weight only by what nothing commits to
	fat.Txs[1].In[0].Witness = [][]byte{make([]byte, 3_999_000), make([]byte, 2000)}
	otherTx := copyOf()
	otherTx.Txs[2] = storetest.Spend(3, coinbase(a[1]))
	for i, test := range []struct {
		b    *types.Block
		want consensus.Kind
	}{
		{tail, consensus.BadTxnsDuplicate}, {otherWitness, consensus.BadWitnessMerkleMatch},
		{noReserved, consensus.BadWitnessNonceSize}, {fat, consensus.BadWitnessMerkleMatch}, {otherTx, consensus.BadMerkleRoot},
		{&types.Block{Header: clean.Header()}, consensus.BadMerkleRoot},
	} {
		_, err := f.c.AddBlock(test.b)
		storetest.Want(t, err, test.want)
		n := f.c.Lookup(clean.Hash())
		if n == nil || n.Invalid() || n.HaveBlock() {
			t.Fatalf("mutation %d was remembered", i)
		}
	}
	f.add(clean)
	storetest.Agree(t, f.c, clean)
}

// The transactions of this block are the inner nodes of another block's merkle tree (CVE-2017-12842): its hash is the other one's.
func TestTreeAsTransactions(t *testing.T) {
	f := newFixture(t)
	inner := func(seed byte) *types.Tx { // 64 bytes that are a transaction
		return &types.Tx{Version: 1, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{seed}}, ScriptSig: make([]byte, 4)}}, Out: []types.TxOut{{Value: 1}}}
	}
	b := &types.Block{Txs: []*types.Tx{inner(1), inner(2)}}
	if n := b.Txs[0].BaseSize(); n != 64 {
		t.Fatalf("%d bytes", n)
	}
	b.Header = f.Draft(f.root).Header
	consensus.SetMerkleRoot(b)
	consensustest.Solve(b)
	_, err := f.c.AddBlock(b)
	storetest.Want(t, err, consensus.BadCbMissing)
	if f.c.Lookup(b.Hash()).Invalid() {
		t.Fatal("the hash of what may be a valid block was marked")
	}
}

// Faults that the hash commits to are remembered, without connecting anything.
func TestInvalidRemembered(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 2)
	f.add(a...)
	wrongHeight := f.Draft(a[1])
	wrongHeight.Txs[0].In[0].ScriptSig = consensus.CoinbaseScript(77, []byte{1, 2})
	two := f.Draft(a[1], storetest.Spend(1, coinbase(a[0]), coinbase(a[0])))
	rich := f.Draft(a[1])
	rich.Txs[0].Out[0].Value++
	missing := f.Draft(a[1], storetest.Spend(1, consensus.CoinEntry{OutPoint: types.OutPoint{TxID: types.Hash{5}}, Coin: coinbase(a[0]).Coin}))
	young := f.Draft(a[1], storetest.Spend(1, coinbase(a[1])))
	again := f.Draft(a[1], storetest.Spend(1, coinbase(a[0])), storetest.Spend(2, coinbase(a[0])))
	script := f.Draft(a[1], badScript(coinbase(a[0])))
	for _, test := range []struct {
		b    *types.Block
		want consensus.Kind
	}{
		{wrongHeight, consensus.BadCbHeight}, {two, consensus.BadTxnsInputsDuplicate}, {rich, consensus.BadCbAmount},
		{missing, consensus.BadTxnsMissingOrSpent}, {young, consensus.BadTxnsPrematureSpend}, {again, consensus.BadTxnsMissingOrSpent},
		{script, consensus.BlockScriptVerify},
	} {
		n := f.Finish(a[1], test.b)
		_, err := f.c.AddBlock(n.Block)
		storetest.Want(t, err, test.want)
		storetest.Agree(t, f.c, a[1])
		_, err = f.c.AddBlock(n.Block)
		storetest.Want(t, err, consensus.DuplicateInvalid)
		_, err = f.c.AddBlock(f.Block(n).Block)
		storetest.Want(t, err, consensus.BadPrevBlk)
	}
	b := f.Block(a[1])
	consensustest.Unsolve(b.Block)
	_, err := f.c.AddBlock(&types.Block{Header: b.Block.Header, Txs: b.Block.Txs})
	storetest.Want(t, err, consensus.HighHash)
}

// The first failing check in block order is the one reported, whichever worker is first.
func TestScriptFailureNamesTheFirst(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 3)
	split := storetest.Spend(400, coinbase(a[0]))
	a = append(a, f.Block(a[2], split))
	f.add(a...)
	for range 5 {
		var txs []*types.Tx
		for i := range 400 {
			tx := storetest.Spend(1, storetest.Output(split, i, 4, false))
			if i == 211 || i == 377 || i == 399 {
				tx.In[0].Witness = storetest.Signature(false)
			}
			txs = append(txs, tx)
		}
		_, err := f.c.AddBlock(f.Block(a[3], txs...).Block)
		storetest.Want(t, err, consensus.BlockScriptVerify)
		if !strings.Contains(err.Error(), txs[211].ID().String()) {
			t.Fatalf("%v, want %s", err, txs[211].ID())
		}
	}
	storetest.Agree(t, f.c, a[3])
}

func TestTestBlock(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 3)
	f.add(a...)
	good := f.Draft(a[2], storetest.Spend(1, coinbase(a[0])))
	consensus.CommitWitness(good)
	good.Header.Nonce = 0
	if err := f.c.TestBlock(good); err != nil {
		t.Fatal(err)
	}
	bad := f.Draft(a[2], badScript(coinbase(a[0])))
	consensus.CommitWitness(bad)
	storetest.Want(t, f.c.TestBlock(bad), consensus.BlockScriptVerify)
	late := f.Draft(a[2])
	late.Header.Time = a[0].Block.Header.Time
	consensus.CommitWitness(late)
	storetest.Want(t, f.c.TestBlock(late), consensus.TimeTooOld)
	storetest.Want(t, f.c.TestBlock(f.Block(a[1]).Block), "inconclusive-not-best-prevblk")
	storetest.Agree(t, f.c, a[2])
	if f.c.Lookup(good.Hash()) != nil {
		t.Fatal("TestBlock added a block")
	}
}

// An operator's marks: invalidating the tip's ancestors goes back, reconsidering comes back, genesis stays.
func TestInvalidate(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 6)
	f.add(a...)
	for _, i := range []int{5, 3, 0} {
		if err := f.c.Invalidate(a[i].Hash()); err != nil {
			t.Fatal(err)
		}
		want := f.root
		if i > 0 {
			want = a[i-1]
		}
		storetest.Agree(t, f.c, want)
		f.restart(i == 3)
		storetest.Agree(t, f.c, want)
	}
	other := f.Block(f.root)
	f.add(other)
	storetest.Agree(t, f.c, other)
	if err := f.c.Reconsider(a[3].Hash()); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, f.c, a[5])
	if f.c.Invalidate(f.root.Hash()) == nil || !errors.Is(f.c.Invalidate(types.Hash{1}), chain.ErrUnknownBlock) {
		t.Fatal("genesis or nothing was invalidated")
	}
	storetest.Agree(t, f.c, a[5])
}

func TestUpdatesSince(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 2)
	a = append(a, f.Block(a[1], storetest.Spend(3, coinbase(a[0]))))
	f.add(a...)
	var pos chain.Position
	coins := consensus.Coins{}
	follow := func() {
		t.Helper()
		for {
			updates, err := f.c.UpdatesSince(pos, 2)
			if err != nil || len(updates) > 2 {
				t.Fatal(len(updates), err)
			}
			if len(updates) == 0 {
				break
			}
			for _, u := range updates {
				consensustest.ApplyUpdate(coins, &u)
				pos = chain.After(&u)
			}
		}
		if pos != f.c.Tip().Position() {
			t.Fatalf("stands at %v", pos)
		}
	}
	same := func(n *consensustest.Node) {
		t.Helper()
		follow()
		if want := storetest.Replay(n); storetest.Digest(coins) != storetest.Digest(want) || len(coins) != len(want) {
			t.Fatal("another coin set")
		}
	}
	same(a[2])
	b := f.Empty(a[0], 4)
	f.add(b...)
	same(b[3])
	f.restart(true) // nothing in memory any more
	a = append(a, f.Empty(a[2], 5)...)
	f.add(a[3:]...)
	same(a[7])
	ahead := f.Block(a[7]) // of which only the header is here
	if _, err := f.c.AddHeaders([]types.Header{ahead.Header()}); err != nil {
		t.Fatal(err)
	}
	for _, hash := range []types.Hash{{1}, ahead.Hash()} {
		if _, err := f.c.UpdatesSince(chain.Position{Hash: hash}, 5); !errors.Is(err, chain.ErrUnknownPosition) {
			t.Fatal(err)
		}
	}
}

func TestSetInfoSerialized(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 3)
	a = append(a, f.Block(a[2], storetest.Spend(3, coinbase(a[0]))))
	f.add(a...)
	flushed := func() chain.SetInfo {
		info, err := f.c.SetInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	before := flushed()
	if err := f.c.Flush(); err != nil {
		t.Fatal(err)
	}
	after := flushed()
	before.DiskSize, after.DiskSize = 0, 0
	if before != after {
		t.Fatalf("a flush changed the set: %+v %+v", before, after)
	}
	// hash_serialized_3 is the double SHA-256 over all coins in the order of their outpoints.
	coins := storetest.Replay(a[3])
	var ops []types.OutPoint
	for op := range coins {
		ops = append(ops, op)
	}
	slices.SortFunc(ops, types.OutPoint.Compare)
	var buf bytes.Buffer
	for _, op := range ops {
		buf.Write(consensus.AppendCoinForHash(nil, op, coins[op]))
	}
	if after.HashSerialized != types.DoubleSHA256(buf.Bytes()) || after.Coins != uint64(len(ops)) || after.Transactions != 4 {
		t.Fatalf("%+v", after)
	}
	if after.BogoSize != uint64(len(ops)*(50+34)) {
		t.Fatalf("bogosize %d", after.BogoSize)
	}
}

func Example() {
	c := storetest.Open(quiet{}, storetest.Config(storetest.Params(), memdb.New()))
	m := storetest.Maker{T: quiet{}, Params: c.Params()}
	b := m.Block(m.Genesis())
	bell, cancel := c.Subscribe()
	defer cancel()
	known, err := c.AddBlock(b.Block)
	fmt.Println(known, err)
	<-bell
	updates, err := c.UpdatesSince(chain.Position{}, 10)
	fmt.Println(len(updates), err, chain.After(&updates[1]).Height)
	fmt.Println(c.Close())
	// Output:
	// false <nil>
	// 2 <nil> 1
	// <nil>
}

type quiet struct{}

func (quiet) Helper()                           {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// TestOrderOfHeaderFaults: the work comes first, then the parent, then what the header's place asks for.
//
//	genesis - a1 - a2(bad) - children
func TestOrderOfHeaderFaults(t *testing.T) {
	f := newFixture(t)
	a1 := f.Block(f.root)
	a2 := f.Block(a1, badScript(coinbase(a1)))
	f.add(a1)
	if _, err := f.c.AddBlock(a2.Block); consensus.KindOf(err) == "" {
		t.Fatalf("a bad block: %v", err)
	}
	for _, c := range []struct {
		parent types.Hash
		want   consensus.Kind
		solve  func(*types.Block)
	}{
		{a2.Hash(), consensus.BadPrevBlk, consensustest.Solve},
		{types.Hash{1}, consensus.PrevBlkNotFound, consensustest.Solve},
		{a1.Hash(), consensus.BadDiffBits, consensustest.Solve},
		{a2.Hash(), consensus.HighHash, consensustest.Unsolve},
		{types.Hash{1}, consensus.HighHash, consensustest.Unsolve},
	} {
		b := f.Draft(a2)
		b.Header.PrevHash = c.parent
		b.Header.Bits-- // a fault of its own
		c.solve(b)
		_, err := f.c.AddHeaders([]types.Header{b.Header})
		storetest.Want(t, err, c.want)
	}
}
