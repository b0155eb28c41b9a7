package consensus_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// spendCase is a block of those transactions.
type spendCase struct {
	name string
	txs  func() []*types.Tx
	want consensus.Kind
}

func TestConnectRefusesMissingCoins(t *testing.T) {
	c, first := chainWithCoins(t)
	second := c.Tip().Ancestor(2).(*consensustest.Node)
	connectAll(t, c, []spendCase{
		{"nothing", func() []*types.Tx { return nil }, ""},
		{"a chain of transactions", func() []*types.Tx { return chained(first, 5) }, ""},
		{"child before its parent", func() []*types.Tx {
			txs := chained(first, 2)
			return []*types.Tx{txs[1], txs[0]}
		}, consensus.BadTxnsMissingOrSpent},
		{"a coin that is not there", func() []*types.Tx {
			tx := first.Spend(0)
			tx.In[0].PrevOut.TxID[3]++
			return []*types.Tx{tx}
		}, consensus.BadTxnsMissingOrSpent},
		{"an output that is not there", func() []*types.Tx {
			tx := first.Spend(0)
			tx.In[0].PrevOut.Index = 7
			return []*types.Tx{tx}
		}, consensus.BadTxnsMissingOrSpent},
		{"an OP_RETURN output", func() []*types.Tx {
			txs := chained(first, 2)
			txs[1].In[0].PrevOut.Index = 1
			txs[1].Out[0].Value = 0
			return txs
		}, consensus.BadTxnsMissingOrSpent},
		{"one coin in two transactions", func() []*types.Tx {
			return []*types.Tx{first.Spend(0), first.Spend(1)}
		}, consensus.BadTxnsMissingOrSpent},
		{"one new coin in two transactions", func() []*types.Tx {
			txs := chained(first, 2)
			return append(txs, consensustest.SpendTx(5, consensustest.CoinEntry(txs[0], 0)))
		}, consensus.BadTxnsMissingOrSpent},
		{"a transaction twice", func() []*types.Tx {
			tx := first.Spend(0)
			return []*types.Tx{tx, second.Spend(0), tx}
		}, consensus.BadTxnsMissingOrSpent},
	})
}

func TestConnectRefusesAmountsAndLocks(t *testing.T) {
	c, first := chainWithCoins(t)
	young := c.Tip()
	reward := c.Params.Subsidy
	connectAll(t, c, []spendCase{
		{"a young coinbase", func() []*types.Tx { return []*types.Tx{young.Spend(0)} }, consensus.BadTxnsPrematureSpend},
		{"pays more than it has", func() []*types.Tx {
			tx := first.Spend(0)
			tx.Out[0].Value++
			return []*types.Tx{tx}
		}, consensus.BadTxnsInBelowOut},
		{"pays all", func() []*types.Tx { return []*types.Tx{first.Spend(0)} }, ""},
		{"pays all as fee", func() []*types.Tx { return []*types.Tx{first.Spend(reward)} }, ""},
		{"relative lock not over", func() []*types.Tx {
			txs := chained(first, 2)
			txs[1].In[0].Sequence = 1
			return txs
		}, consensus.BadTxnsNonFinal},
		{"sigops in a P2SH script", func() []*types.Tx {
			txs := []*types.Tx{first.Spend(0)}
			redeem := sigOps(500)
			txs[0].Out = nil
			for range 41 {
				txs[0].Out = append(txs[0].Out, types.TxOut{Value: reward / 41, Script: script.PayToScriptHash(script.Hash160(redeem))})
			}
			for i := range txs[0].Out {
				tx := consensustest.SpendTx(0, consensustest.CoinEntry(txs[0], i))
				tx.In[0].ScriptSig = script.PushData(redeem)
				txs = append(txs, tx)
			}
			return txs
		}, consensus.BadBlkSigOps},
	})
}

// connectAll connects each case's block to the tip of c.
func connectAll(t *testing.T, c *consensustest.Chain, cases []spendCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, tc.txs()...)
			coins := c.Supplement(c.Tip(), b)
			before := maps.Clone(coins)
			_, _, err := consensus.Connect(c.Params, c.Tip(), b, coins)
			if got := consensus.KindOf(err); got != tc.want || (tc.want == "") != (err == nil) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if !reflect.DeepEqual(coins, before) {
				t.Error("Connect changed the coins that it was given")
			}
		})
	}
}

// TestMaturity: the first height at which a coinbase may be spent is its own plus the maturity.
func TestMaturity(t *testing.T) {
	for _, maturity := range []int32{1, 2, 10, 100} {
		p := consensus.Regtest()
		p.CoinbaseMaturity = maturity
		c := consensustest.NewChain(t, p)
		first := c.Mine()
		c.MineEmpty(int(maturity) - 2)
		if maturity > 1 {
			b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, first.Spend(0))
			_, _, err := consensus.Connect(p, c.Tip(), b, c.Supplement(c.Tip(), b))
			if consensus.KindOf(err) != consensus.BadTxnsPrematureSpend {
				t.Errorf("maturity %d, at height %d: %v", maturity, c.Tip().Height()+1, err)
			}
			c.Mine()
		}
		if n := c.Mine(first.Spend(0)); n.Height() != first.Height()+maturity {
			t.Errorf("spent at height %d", n.Height())
		}
	}
}

func TestCoinbaseAmount(t *testing.T) {
	c, first := chainWithCoins(t)
	for extra, want := range map[int64]consensus.Kind{-1: "", 0: "", 1: consensus.BadCbAmount} {
		b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, first.Spend(777))
		changeCoinbase(b, func(tx *types.Tx) { tx.Out[0].Value += extra })
		u, _, err := consensus.Connect(c.Params, c.Tip(), b, c.Supplement(c.Tip(), b))
		if consensus.KindOf(err) != want {
			t.Errorf("%+d: %v, want %q", extra, err, want)
		}
		if err == nil && u.Fees != 777 {
			t.Errorf("fees %d", u.Fees)
		}
	}
}

// TestBIP30: an output that would overwrite a coin is refused, though BIP34 should never let it come to this.
func TestBIP30(t *testing.T) {
	c, first := chainWithCoins(t)
	b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, first.Spend(0))
	for i := range b.Txs {
		coins := c.Supplement(c.Tip(), b)
		coins[types.OutPoint{TxID: b.Txs[i].ID()}] = consensus.Coin{Out: types.TxOut{Value: 1}, Height: 1}
		_, _, err := consensus.Connect(c.Params, c.Tip(), b, coins)
		if consensus.KindOf(err) != consensus.BadTxnsBIP30 {
			t.Errorf("transaction %d: %v", i, err)
		}
	}
	// What makes it follow: coinbases of different heights differ, whatever else is equal.
	one := coinbaseTx(consensus.CoinbaseScript(17, nil))
	two := coinbaseTx(consensus.CoinbaseScript(18, nil))
	if one.ID() == two.ID() {
		t.Error("coinbases of two heights have one id")
	}
}

// TestMoneyRanges feeds coins that no chain can have.
func TestMoneyRanges(t *testing.T) {
	c, first := chainWithCoins(t)
	tx := first.Spend(0)
	op := tx.In[0].PrevOut
	connect := func(txs []*types.Tx, coins consensus.Coins) consensus.Kind {
		b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, txs...)
		_, _, err := consensus.Connect(c.Params, c.Tip(), b, coins)
		return consensus.KindOf(err)
	}
	for _, v := range []int64{-1, consensus.MaxMoney + 1, 1<<63 - 1, -1 << 63} {
		got := connect([]*types.Tx{tx}, consensus.Coins{op: {Out: types.TxOut{Value: v}, Height: 1}})
		if got != consensus.BadTxnsInputValuesRange {
			t.Errorf("a coin of %d: %q", v, got)
		}
	}
	two := tx.Clone()
	other := types.OutPoint{TxID: types.Hash{9}}
	two.In = append(two.In, types.TxIn{PrevOut: other})
	rich := consensus.Coin{Out: types.TxOut{Value: consensus.MaxMoney}, Height: 1}
	if got := connect([]*types.Tx{two}, consensus.Coins{op: rich, other: rich}); got != consensus.BadTxnsInputValuesRange {
		t.Errorf("a sum over all money: %q", got)
	}
	three := consensustest.SpendTx(0, consensus.CoinEntry{OutPoint: other, Coin: consensus.Coin{Out: types.TxOut{Value: 0}}})
	if got := connect([]*types.Tx{tx, three}, consensus.Coins{op: rich, other: rich}); got != consensus.BadTxnsAccumulatedFeeRange {
		t.Errorf("fees over all money: %q", got)
	}
}

func TestConnectGenesis(t *testing.T) {
	p := consensus.Cairn()
	u, checks, err := consensus.Connect(p, nil, p.Genesis, nil)
	if err != nil || len(checks) != 0 || len(u.Created) != 0 || len(u.Spent) != 0 || u.Height != 0 || !u.Connected {
		t.Errorf("genesis: %+v, %v", u, err)
	}
	if u.Hash != p.Genesis.Hash() || u.MedianTime != int64(p.Genesis.Header.Time) {
		t.Errorf("genesis: hash %s, median time %d", u.Hash, u.MedianTime)
	}
	if _, _, err := consensus.Connect(p, nil, consensus.Regtest().Genesis, nil); consensus.KindOf(err) != consensus.PrevBlkNotFound {
		t.Errorf("another genesis: %v", err)
	}
	if _, err := consensus.Disconnect(p, nil, p.Genesis, nil); !errors.Is(err, consensus.ErrUndo) {
		t.Errorf("disconnecting genesis: %v", err)
	}
}

func TestConnectReturnsTheChecks(t *testing.T) {
	c, first := chainWithCoins(t)
	txs := chained(first, 3)
	second := c.Tip().Ancestor(2).(*consensustest.Node)
	txs = append(txs, consensustest.SpendTx(0,
		consensustest.CoinEntry(second.Block.Txs[0], 0), consensustest.CoinEntry(txs[2], 0)))
	n := c.Mine(txs...)
	if len(n.Checks) != 5 {
		t.Fatalf("%d checks for 5 inputs", len(n.Checks))
	}
	last := n.Checks[3:]
	if last[0].Tx != txs[3] || last[0].Input != 0 || last[1].Input != 1 || last[0].Sums == nil || last[0].Sums != last[1].Sums {
		t.Errorf("the checks of the last transaction: %+v", last)
	}
	want := []types.TxOut{second.Block.Txs[0].Out[0], txs[2].Out[0]}
	if !reflect.DeepEqual(last[1].Spent, want) || last[0].Flags != script.ConsensusFlags {
		t.Errorf("spent %v, flags %x", last[1].Spent, last[0].Flags)
	}
	// What was made and spent within the block is in the undo and nowhere else.
	if len(n.Update.Undo) != 4 || len(n.Update.Spent) != 2 || len(n.Update.Created) != 2 {
		t.Errorf("undo of %d, spent %d, created %d", len(n.Update.Undo), len(n.Update.Spent), len(n.Update.Created))
	}
	if coin := n.Update.Undo[1][0]; coin.Height != n.Height() || coin.Coinbase {
		t.Errorf("a coin of the block itself: %+v", coin)
	}
}

// TestChecksRun: the checks of a signed transaction succeed, and fail once any bit of an output is flipped, since
// signatures cover all outputs.
func TestChecksRun(t *testing.T) {
	p := consensus.Regtest()
	p.CoinbaseMaturity = 1
	c := consensustest.NewChain(t, p)
	c.PayTo = consensustest.KeyLock()
	first := c.Mine()
	tx := first.SignedSpend(t, 1000)
	runner := script.Runner{Verifier: script.NewVerifier()}
	if n := c.Extend(first, tx); runner.Run(n.Checks) != nil {
		t.Fatalf("the scripts do not run: %v", runner.Run(n.Checks))
	}
	for bit := range 8 * (8 + len(tx.Out[0].Script)) {
		forged := tx.Clone()
		if bit < 64 {
			forged.Out[0].Value ^= 1 << bit
		} else {
			forged.Out[0].Script[bit/8-8] ^= 1 << (bit % 8)
		}
		b := c.Build(first, c.PayTo, forged)
		_, checks, err := consensus.Connect(p, first, b, c.Supplement(first, b))
		if err == nil && runner.Run(checks) == nil {
			t.Errorf("with bit %d of the output flipped it is still valid", bit)
		}
	}
}

func TestSpentOutpoints(t *testing.T) {
	c, first := chainWithCoins(t)
	second := c.Tip().Ancestor(2).(*consensustest.Node)
	txs := append(chained(first, 3), second.Spend(0), second.Spend(1)) // one coin twice
	stray := types.OutPoint{TxID: txs[0].ID(), Index: 99}              // of an earlier transaction, but no output of it
	odd := txs[4].Clone()
	odd.In = append(odd.In, types.TxIn{PrevOut: stray})
	later := txs[0].Clone() // spends an output of a later transaction
	later.In = append(later.In, types.TxIn{PrevOut: types.OutPoint{TxID: odd.ID()}})
	b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, later, txs[0], txs[1], txs[2], txs[3], odd)
	want := []types.OutPoint{
		{TxID: first.Block.Txs[0].ID()}, {TxID: second.Block.Txs[0].ID()}, stray, {TxID: odd.ID()},
	}
	slices.SortFunc(want, types.OutPoint.Compare)
	if got := consensus.SpentOutpoints(b); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := consensus.SpentOutpoints(c.Tip().Block); len(got) != 0 {
		t.Errorf("an empty block spends %v", got)
	}
}

func TestCheckSpend(t *testing.T) {
	c, first := chainWithCoins(t)
	coin := consensus.Coin{Out: first.Block.Txs[0].Out[0], Height: 1, Coinbase: true}
	fee, checks, err := consensus.CheckSpend(c.Params, first.Spend(321), []consensus.Coin{coin}, c.Tip(), script.StandardFlags)
	if err != nil || fee != 321 || len(checks) != 1 || checks[0].Flags != script.StandardFlags {
		t.Errorf("fee %d, %d checks, %v", fee, len(checks), err)
	}
	refused := func(name string, want consensus.Kind, tx *types.Tx, spent ...consensus.Coin) {
		t.Helper()
		_, _, err := consensus.CheckSpend(c.Params, tx, spent, c.Tip(), script.StandardFlags)
		if consensus.KindOf(err) != want || err == nil {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	young := coin
	young.Height = c.Tip().Height()
	refused("young coinbase", consensus.BadTxnsPrematureSpend, first.Spend(0), young)
	locked := first.Spend(0)
	locked.In[0].Sequence = 100
	refused("relative lock", consensus.NonBIP68Final, locked, coin)
	greedy := first.Spend(-1)
	refused("more out than in", consensus.BadTxnsInBelowOut, greedy, coin)
	rich := coin
	rich.Out.Value = consensus.MaxMoney
	unchecked := first.Spend(0)
	unchecked.Out = []types.TxOut{{Value: -1}} // CheckTx would have said so
	refused("a fee over all money", consensus.BadTxnsFeeRange, unchecked, rich)
	refused("coinbase", consensus.CoinbaseAlone, first.Block.Txs[0], coin)
	refused("too few coins: our own fault", "", first.Spend(0))
}

func TestDisconnectRefusesAnUndoThatDoesNotFit(t *testing.T) {
	c, first := chainWithCoins(t)
	n := c.Mine(chained(first, 2)...)
	for name, undo := range map[string]consensus.Undo{
		"none":          nil,
		"one too few":   n.Update.Undo[:1],
		"one too many":  append(slices.Clone(n.Update.Undo), []consensus.Coin{{}}),
		"a coin short":  {n.Update.Undo[0], {}},
		"a coin beyond": {n.Update.Undo[0], {{}, {}}},
	} {
		_, err := consensus.Disconnect(c.Params, n.Parent, n.Block, undo)
		if !errors.Is(err, consensus.ErrUndo) || consensus.KindOf(err) != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// randomTxs draws transactions over the coins that are mature, and over their own outputs.
func randomTxs(t *rapid.T, c *consensustest.Chain, rng *rand.Rand) []*types.Tx {
	height := c.Tip().Height() + 1
	var free []consensus.CoinEntry
	for op, coin := range c.CoinsAt(c.Tip()) {
		if !coin.Coinbase || height-coin.Height >= c.Params.CoinbaseMaturity {
			free = append(free, consensus.CoinEntry{OutPoint: op, Coin: coin})
		}
	}
	slices.SortFunc(free, func(a, b consensus.CoinEntry) int { return a.OutPoint.Compare(b.OutPoint) })
	var txs []*types.Tx
	for range rapid.IntRange(0, 6).Draw(t, "txs") {
		if len(free) == 0 {
			break
		}
		rng.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
		n := rng.IntN(min(3, len(free))) + 1
		tx := consensustest.SpendTx(rng.Int64N(100), free[:n]...)
		free = free[n:]
		if tx.Out[0].Value < 10 {
			tx.Out[0].Value = 0
		} else if rng.IntN(2) == 0 {
			half := tx.Out[0].Value / 2
			tx.Out[0].Value -= half
			tx.Out = append(tx.Out, types.TxOut{Value: half, Script: consensustest.AnyoneCanSpend})
		}
		for i := range tx.Out {
			if !script.Unspendable(tx.Out[i].Script) {
				free = append(free, consensustest.CoinEntry(tx, i))
			}
		}
		txs = append(txs, tx)
	}
	return txs
}

// dumbConnect is the ledger as a child would write it: one transaction after the other.
func dumbConnect(coins consensus.Coins, b *types.Block, height int32) consensus.Coins {
	after := maps.Clone(coins)
	for i, tx := range b.Txs {
		if i > 0 {
			for _, in := range tx.In {
				delete(after, in.PrevOut)
			}
		}
		for j, out := range tx.Out {
			if len(out.Script) > 0 && out.Script[0] == 0x6a {
				continue
			}
			after[types.OutPoint{TxID: tx.ID(), Index: uint32(j)}] = consensus.Coin{Out: out, Height: height, Coinbase: i == 0}
		}
	}
	return after
}

// TestConnectAndDisconnectAreInverse: over random branches, connecting N blocks and disconnecting them is the identity,
// on the coins and on their hash; each step agrees with a dumb twin; money is neither made nor lost; and updates rebuilt
// from stored blocks and undo are the same.
func TestConnectAndDisconnectAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := consensus.Regtest()
		p.CoinbaseMaturity, p.HalvingInterval = 2, 7
		c := consensustest.NewChain(t, p)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var hash consensus.CoinSetHash
		hashes := []types.Hash{hash.Digest()}
		var nodes []*consensustest.Node
		var supply int64
		for range rapid.IntRange(1, 12).Draw(t, "blocks") {
			before := c.CoinsAt(c.Tip())
			n := c.Mine(randomTxs(t, c, rng)...)
			if !reflect.DeepEqual(c.CoinsAt(n), dumbConnect(before, n.Block, n.Height())) {
				t.Fatalf("block %d: the coins differ from the dumb twin's", n.Height())
			}
			supply += p.SubsidyAt(n.Height())
			var sum int64
			for _, coin := range c.CoinsAt(n) {
				sum += coin.Out.Value
			}
			if sum != supply {
				t.Fatalf("block %d: the coins sum to %d, issued %d", n.Height(), sum, supply)
			}
			hash.Apply(&n.Update)
			hashes, nodes = append(hashes, hash.Digest()), append(nodes, n)
		}
		coins := c.CoinsAt(c.Tip())
		for i := len(nodes) - 1; i >= 0; i-- {
			undoOneBlock(t, c, nodes[i], coins, &hash)
			if !reflect.DeepEqual(coins, c.CoinsAt(nodes[i].Parent)) || hash.Digest() != hashes[i] {
				t.Fatalf("block %d taken off: not as before", nodes[i].Height())
			}
		}
	})
}

// undoOneBlock disconnects n from coins and hash, by way of the stored forms of block and undo.
func undoOneBlock(t *rapid.T, c *consensustest.Chain, n *consensustest.Node, coins consensus.Coins, hash *consensus.CoinSetHash) {
	raw, err := types.DecodeBlock(n.Block.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	d := types.NewDecoder(consensus.AppendUndo(nil, n.Update.Undo))
	undo := consensus.DecodeUndo(d)
	if err := d.Finish(); err != nil {
		t.Fatal(err)
	}
	again, err := consensus.UpdateFrom(n.Parent, raw, undo, true)
	if err != nil {
		t.Fatal(err)
	}
	if again.Hash != n.Update.Hash || again.Fees != n.Update.Fees || again.MedianTime != n.MedianTime() ||
		!reflect.DeepEqual(again.Created, n.Update.Created) || !reflect.DeepEqual(again.Spent, n.Update.Spent) {
		t.Fatalf("block %d: rebuilt from disk, its update differs", n.Height())
	}
	off, err := consensus.Disconnect(c.Params, n.Parent, raw, undo)
	if err != nil {
		t.Fatal(err)
	}
	if off.Connected || off.Height != n.Height() || off.MedianTime != n.Parent.MedianTime() || len(off.Undo) != len(undo) {
		t.Fatalf("block %d: %+v", n.Height(), off)
	}
	consensustest.ApplyUpdate(coins, &off)
	hash.Apply(&off)
}

// TestSupplementIsEnough: Connect reads no coin that SpentOutpoints does not name, and needs each that it does.
func TestSupplementIsEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := consensus.Regtest()
		p.CoinbaseMaturity = 1
		c := consensustest.NewChain(t, p)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		c.MineEmpty(5)
		b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, randomTxs(t, c, rng)...)
		full := c.Supplement(c.Tip(), b)
		if len(full) != len(consensus.SpentOutpoints(b)) {
			t.Fatal("the chain lacks coins of a valid block")
		}
		if _, _, err := consensus.Connect(p, c.Tip(), b, full); err != nil {
			t.Fatal(err)
		}
		for op := range full {
			less := maps.Clone(full)
			delete(less, op)
			if _, _, err := consensus.Connect(p, c.Tip(), b, less); consensus.KindOf(err) != consensus.BadTxnsMissingOrSpent {
				t.Fatalf("without %v: %v", op, err)
			}
		}
	})
}

func BenchmarkConnect(b *testing.B) {
	p := consensus.Regtest()
	p.CoinbaseMaturity = 1
	c := consensustest.NewChain(b, p)
	first := c.Mine()
	wide := first.Spend(0)
	value := wide.Out[0].Value / 2000
	wide.Out = nil
	for range 2000 {
		wide.Out = append(wide.Out, types.TxOut{Value: value, Script: consensustest.AnyoneCanSpend})
	}
	c.Mine(wide)
	var txs []*types.Tx
	for i := range wide.Out {
		txs = append(txs, consensustest.SpendTx(10, consensustest.CoinEntry(wide, i)))
	}
	block := c.Build(c.Tip(), consensustest.AnyoneCanSpend, txs...)
	coins := c.Supplement(c.Tip(), block)
	b.Run("unchecked", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := consensus.Connect(p, c.Tip(), block, coins); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("checked", func(b *testing.B) {
		placed, err := consensus.CheckBlockInPlace(p, c.Tip(), block)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, _, err := placed.Connect(coins); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Without a block that was checked nothing is connected, and that is nobody's fault but the caller's. A checked block is connected as
// the child of the parent for which it was checked, whatever else is known meanwhile.
func TestPlaced(t *testing.T) {
	u, checks, err := consensus.Placed{}.Connect(nil)
	if err == nil || consensus.KindOf(err) != "" || u.Block != nil || checks != nil {
		t.Errorf("a block that is none: %v, %v", u.Block, err)
	}
	c, first := chainWithCoins(t)
	parent := c.Tip()
	b := c.Build(parent, consensustest.AnyoneCanSpend, first.Spend(5))
	placed, err := consensus.CheckBlockInPlace(c.Params, parent, b)
	if err != nil {
		t.Fatal(err)
	}
	coins := c.Supplement(parent, b)
	c.Mine()
	u, checks, err = placed.Connect(coins)
	if err != nil || u.Block != b || len(checks) != 1 || u.Height != parent.Height()+1 {
		t.Errorf("height %d, %d checks, %v", u.Height, len(checks), err)
	}
}

// FuzzJudgeBlock gives the rules whatever decodes: nothing panics, and what is accepted keeps the books.
func FuzzJudgeBlock(f *testing.F) {
	c, first := chainWithCoins(f)
	tip := c.Tip()
	for _, txs := range [][]*types.Tx{nil, {first.Spend(5)}, chained(first, 3)} {
		f.Add(c.Build(tip, consensustest.AnyoneCanSpend, txs...).Bytes())
	}
	f.Add(c.Params.Genesis.Bytes())
	f.Add((&types.Block{}).Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := types.DecodeBlock(raw)
		if err != nil {
			return
		}
		consensus.SetMerkleRoot(b) // or no change would get past the root
		placed, placeErr := consensus.CheckBlockInPlace(c.Params, tip, b)
		if err := consensus.CheckBlock(c.Params, b); err != nil {
			if consensus.KindOf(err) == "" {
				t.Fatalf("no rule: %v", err)
			}
			return
		}
		u, checks, err := consensus.Connect(c.Params, tip, b, c.Supplement(tip, b))
		if placeErr != nil && consensus.KindOf(err) != consensus.KindOf(placeErr) {
			t.Fatalf("in place %v, connected %v", placeErr, err)
		}
		if placeErr == nil {
			u2, checks2, err2 := placed.Connect(c.Supplement(tip, b))
			if consensus.KindOf(err2) != consensus.KindOf(err) || len(checks2) != len(checks) || len(u2.Created) != len(u.Created) || len(u2.Spent) != len(u.Spent) {
				t.Fatalf("connected %v, with the proof %v", err, err2)
			}
		}
		if err != nil {
			if consensus.KindOf(err) == "" || checks != nil {
				t.Fatalf("%d checks and %v", len(checks), err)
			}
			return
		}
		after := c.CoinsAt(tip)
		consensustest.ApplyUpdate(after, &u)
		off, err := consensus.Disconnect(c.Params, tip, b, u.Undo)
		if err != nil {
			t.Fatal(err)
		}
		if consensustest.ApplyUpdate(after, &off); !reflect.DeepEqual(after, c.CoinsAt(tip)) {
			t.Fatal("connecting and disconnecting is not the identity")
		}
	})
}
