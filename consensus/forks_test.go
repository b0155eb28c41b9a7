package consensus_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// moved is regtest with forks at other heights, written as the option of the command line has it.
func moved(t *testing.T, options ...string) *consensus.Params {
	t.Helper()
	p := consensus.Regtest()
	for _, o := range options {
		var height int32
		name, number, _ := strings.Cut(o, "@")
		if _, err := fmt.Sscan(number, &height); err != nil {
			t.Fatal(err)
		}
		if err := p.SetActivation(name, height); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestSetActivation(t *testing.T) {
	p := moved(t, "bip34@10", "dersig@11", "cltv@12", "csv@13", "segwit@14")
	want := []consensus.Fork{{"bip34", "bip34", 10}, {"bip66", "dersig", 11}, {"bip65", "cltv", 12}, {"csv", "csv", 13}, {"segwit", "segwit", 14}}
	if !slices.Equal(p.Forks(), want) {
		t.Errorf("%v", p.Forks())
	}
	for _, f := range consensus.Regtest().Forks() {
		if f.Height > 1 {
			t.Errorf("%s begins at %d", f.Name, f.Height)
		}
	}
	if err := p.SetActivation("taproot", 5); err == nil || !strings.Contains(err.Error(), "taproot") {
		t.Errorf("taproot: %v", err)
	}
	if err := p.SetActivation("csv", -1); err == nil || !strings.Contains(err.Error(), "-1") {
		t.Errorf("a height below 0: %v", err)
	}
	for _, p := range []*consensus.Params{consensus.Cairn(), consensus.Mainnet()} {
		if err := p.SetActivation("csv", 5); err == nil {
			t.Errorf("%s can be moved", p.Name)
		}
	}
}

// TestVersionsGoOneByOne: each fork takes a version away at its own height.
func TestVersionsGoOneByOne(t *testing.T) {
	p := moved(t, "bip34@3", "dersig@5", "cltv@7")
	c := consensustest.NewChain(t, p)
	for height := int32(1); height <= 9; height++ {
		least := map[bool]int32{true: 2}[height >= 3]
		if height >= 5 {
			least = 3
		}
		if height >= 7 {
			least = 4
		}
		for _, version := range []int32{-1 << 31, -1, 0, 1, 2, 3, 4, 5, 1<<31 - 1} {
			b := c.Build(c.Tip(), consensustest.AnyoneCanSpend)
			b.Header.Version = version
			consensustest.Solve(b)
			err := consensus.CheckHeader(p, c.Tip(), &b.Header, time.Unix(int64(b.Header.Time), 0))
			if good := height < 3 || version >= least; good != (err == nil) || !good && !errors.Is(err, consensus.BadVersion) {
				t.Errorf("height %d, version %d: %v", height, version, err)
			}
		}
		c.Mine()
	}
}

// TestHeightInCoinbaseFromItsHeight: before BIP34 the coinbase may begin with anything.
func TestHeightInCoinbaseFromItsHeight(t *testing.T) {
	c := consensustest.NewChain(t, moved(t, "bip34@4"))
	for height := int32(1); height <= 5; height++ {
		b := c.Build(c.Tip(), consensustest.AnyoneCanSpend)
		changeCoinbase(b, func(tx *types.Tx) { tx.In[0].ScriptSig = []byte{0x04, 0xff, 0xff, 0x00, 0x1d} })
		consensus.CommitWitness(b)
		want := consensus.Kind("")
		if height >= 4 {
			want = consensus.BadCbHeight
		}
		if _, err := consensus.CheckBlockInPlace(c.Params, c.Tip(), b); consensus.KindOf(err) != want {
			t.Errorf("height %d: %v", height, err)
		}
		c.Mine()
	}
}

// TestLocksBeforeCSV: lock times are measured against the block's own time, and sequences mean nothing.
func TestLocksBeforeCSV(t *testing.T) {
	p := moved(t, "csv@104")
	p.CoinbaseMaturity = 1
	c := consensustest.NewChain(t, p)
	first := c.Mine()
	c.MineEmpty(101)
	for _, active := range []bool{false, true} { // blocks 103 and 104
		locked := first.Spend(0)
		b := c.Build(c.Tip(), consensustest.AnyoneCanSpend)
		locked.LockTime = b.Header.Time - 1 // over, but not by the median
		locked.In[0].Sequence = 0xfffffffe
		relative := c.Tip().Spend(0)
		relative.In[0].Sequence = 10
		for name, tx := range map[string]*types.Tx{"absolute": locked, "relative": relative} {
			b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, tx)
			want := consensus.Kind("")
			if active {
				want = consensus.BadTxnsNonFinal
			}
			if _, _, err := consensus.Connect(p, c.Tip(), b, c.Supplement(c.Tip(), b)); consensus.KindOf(err) != want {
				t.Errorf("%s, active %t: %v", name, active, err)
			}
		}
		locked.LockTime++
		b = c.Build(c.Tip(), consensustest.AnyoneCanSpend, locked)
		if _, err := consensus.CheckBlockInPlace(p, c.Tip(), b); consensus.KindOf(err) != consensus.BadTxnsNonFinal {
			t.Errorf("a lock at the block's own time, active %t: %v", active, err)
		}
		c.Mine()
	}
}

// TestWitnessesBeforeSegwit: there may be none, and a commitment means nothing.
func TestWitnessesBeforeSegwit(t *testing.T) {
	p := moved(t, "segwit@3")
	c := consensustest.NewChain(t, p)
	for height := int32(1); height <= 4; height++ {
		active := height >= 3
		with := c.Build(c.Tip(), consensustest.AnyoneCanSpend)
		if got := with.Txs[0].HasWitness(); got != active {
			t.Errorf("height %d is built with a witness: %t", height, got)
		}
		consensus.CommitWitness(with)
		wrong := c.Build(c.Tip(), consensustest.AnyoneCanSpend)
		consensus.CommitWitness(wrong)
		changeCoinbase(wrong, func(tx *types.Tx) {
			tx.Out[len(tx.Out)-1].Script[10]++
			tx.In[0].Witness = nil
		})
		cases := map[*types.Block]consensus.Kind{with: consensus.UnexpectedWitness, wrong: ""}
		if active {
			cases = map[*types.Block]consensus.Kind{with: "", wrong: consensus.BadWitnessNonceSize}
		}
		for b, want := range cases {
			if _, err := consensus.CheckBlockInPlace(p, c.Tip(), b); consensus.KindOf(err) != want {
				t.Errorf("height %d: %v, want %q", height, err, want)
			}
		}
		c.Mine()
	}
}

// TestFlagsReachTheChecks: the scripts of a block are run with the rules of its height and hash.
func TestFlagsReachTheChecks(t *testing.T) {
	p := moved(t, "dersig@104", "segwit@105")
	p.CoinbaseMaturity = 1
	c := consensustest.NewChain(t, p)
	c.MineEmpty(102)
	for range 3 {
		b := c.Build(c.Tip(), consensustest.AnyoneCanSpend, c.Tip().Spend(0))
		_, checks, err := consensus.Connect(p, c.Tip(), b, c.Supplement(c.Tip(), b))
		if err != nil || len(checks) != 1 {
			t.Fatal(err)
		}
		if want := consensus.ScriptFlags(p, c.Tip().Height()+1, types.Hash{}); checks[0].Flags != want {
			t.Errorf("height %d: flags %b, want %b", c.Tip().Height()+1, checks[0].Flags, want)
		}
		except := *p
		except.FlagExceptions = []consensus.FlagException{{Block: b.Hash()}}
		_, checks, err = consensus.Connect(&except, c.Tip(), b, c.Supplement(c.Tip(), b))
		if err != nil || checks[0].Flags != consensus.ScriptFlags(&except, c.Tip().Height()+1, b.Hash()) {
			t.Errorf("the exception: %v", err)
		}
		c.Mine()
	}
}

// withCoinbase builds a block on parent whose coinbase is tx.
func withCoinbase(c *consensustest.Chain, parent *consensustest.Node, tx *types.Tx, txs ...*types.Tx) *types.Block {
	b := c.Build(parent, consensustest.AnyoneCanSpend, txs...)
	b.Txs[0] = tx
	consensus.SetMerkleRoot(b)
	consensustest.Solve(b)
	return b
}

// TestRepeatedCoinbases draws the history that made BIP30 necessary: the same coinbase again while its output is
// unspent, when it is spent, and in a block that is an exception.
func TestRepeatedCoinbases(t *testing.T) {
	p := moved(t, "bip34@100", "segwit@100")
	p.CoinbaseMaturity = 1
	c := consensustest.NewChain(t, p)
	first := c.Mine()
	again := first.Block.Txs[0]
	op := types.OutPoint{TxID: again.ID()}

	b := withCoinbase(c, first, again)
	if needed := consensus.NeededOutpoints(p, first, b); !slices.Contains(needed, op) {
		t.Errorf("needed are %v", needed)
	}
	if _, err := c.Add(b); consensus.KindOf(err) != consensus.BadTxnsBIP30 {
		t.Errorf("the coinbase again: %v", err)
	}

	// Spent first, it may come again, even if it was spent by the very block before.
	spender, err := c.Add(copyOf(solved(c.Build(first, consensustest.AnyoneCanSpend, first.Spend(0)))))
	if err != nil {
		t.Fatal(err)
	}
	repeated, err := c.Add(withCoinbase(c, spender, again))
	if err != nil {
		t.Fatalf("the coinbase again after it was spent: %v", err)
	}
	if coin := c.CoinsAt(repeated)[op]; coin.Height != 3 {
		t.Errorf("the coin is of height %d", coin.Height)
	}

	// The exception overwrites the coin; taken off, it brings it back.
	b = withCoinbase(c, first, again)
	defer consensus.RepeatCoinbase(b.Hash(), 1)()
	before := c.CoinsAt(first)
	n, err := c.Add(b)
	if err != nil {
		t.Fatalf("the exception: %v", err)
	}
	after := c.CoinsAt(n)
	if len(after) != 1 || after[op].Height != 2 || !after[op].Coinbase {
		t.Errorf("after the exception: %v", after)
	}
	if needed := consensus.NeededOutpoints(p, first, b); slices.Contains(needed, op) {
		t.Error("the exception is looked up")
	}
	undone, err := consensus.Disconnect(p, first, b, n.Update.Undo)
	if err != nil {
		t.Fatal(err)
	}
	consensustest.ApplyUpdate(after, &undone)
	if !maps.EqualFunc(after, before, func(a, b consensus.Coin) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("after taking it off: %v, want %v", after, before)
	}
}

func solved(b *types.Block) *types.Block {
	consensustest.Solve(b)
	return b
}

// highUp is a place high up, of which only what BIP30 asks for is known.
type highUp struct {
	consensus.Ancestry
	height int32
	bip34  types.Hash
}

func (a highUp) Height() int32 { return a.height }
func (a highUp) Ancestor(h int32) consensus.Ancestry {
	if h > a.height {
		return nil
	}
	return ancestor{hash: a.bip34}
}

type ancestor struct {
	consensus.Ancestry
	hash types.Hash
}

func (a ancestor) Hash() types.Hash { return a.hash }

// TestWhereBIP30IsChecked: up to BIP34, not above it on the chain that is known, again from 1,983,702 on.
func TestWhereBIP30IsChecked(t *testing.T) {
	mainnet := consensus.Mainnet()
	b := consensustest.NewChain(t, consensus.Regtest()).Mine().Block
	for _, v := range []struct {
		p      *consensus.Params
		parent highUp
		want   bool
	}{
		{mainnet, highUp{height: 91_841, bip34: mainnet.BIP34Hash}, true},
		{mainnet, highUp{height: 227_930, bip34: mainnet.BIP34Hash}, true},
		{mainnet, highUp{height: 227_931, bip34: mainnet.BIP34Hash}, false},
		{mainnet, highUp{height: 1_983_700, bip34: mainnet.BIP34Hash}, false},
		{mainnet, highUp{height: 1_983_701, bip34: mainnet.BIP34Hash}, true},
		{mainnet, highUp{height: 300_000, bip34: types.Hash{1}}, true},
		{consensus.Testnet4(), highUp{height: 50, bip34: types.Hash{1}}, false},
		{consensus.Signet(), highUp{height: 50, bip34: types.Hash{1}}, false},
		{consensus.Regtest(), highUp{height: 50, bip34: types.Hash{1}}, false},
		{consensus.Cairn(), highUp{height: 50, bip34: types.Hash{1}}, false},
		{moved(t, "bip34@20"), highUp{height: 50, bip34: types.Hash{1}}, true},
	} {
		own := types.OutPoint{TxID: b.Txs[0].ID()}
		if got := slices.Contains(consensus.NeededOutpoints(v.p, v.parent, b), own); got != v.want {
			t.Errorf("%s, after %d: %t", v.p.Name, v.parent.height, got)
		}
		if got := slices.Contains(consensus.OwnOutpoints(v.p, v.parent, b), own); got != (v.p.BIP34Height <= 1) {
			t.Errorf("%s, after %d, of a refused block: %t", v.p.Name, v.parent.height, got)
		}
	}
}
