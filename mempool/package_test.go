package mempool

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/quick"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

func (w *world) coinsFor(txs []*types.Tx) consensus.Coins {
	have, got := w.tipCoins(), consensus.Coins{}
	for _, op := range w.pool.Needs(txs...) {
		if c, ok := have[op]; ok {
			got[op] = c
		}
	}
	return got
}

func (w *world) addPackage(txs ...*types.Tx) PackageResult {
	w.t.Helper()
	res, err := w.pool.AddPackage(txs, w.coinsFor(txs), w.chain.Tip(), w.now, AddOptions{})
	if err != nil {
		w.t.Fatalf("adding a package: %v", err)
	}
	w.check()
	for i, tx := range txs {
		if in := res.Txs[i].Judged && res.Txs[i].Err == nil; in != w.has(tx) {
			w.t.Fatalf("transaction %d is in the pool: %v; the result says %+v", i, !in, res.Txs[i])
		}
	}
	return res
}

// packageEnters expects that all are in.
func (w *world) packageEnters(txs ...*types.Tx) PackageResult {
	w.t.Helper()
	res := w.addPackage(txs...)
	if res.Err != nil {
		w.t.Fatalf("the package was refused: %+v", res)
	}
	return res
}

// packageFails expects kinds for the package and for its transactions, "" for those that get in or of which nothing is said.
func (w *world) packageFails(txs []*types.Tx, whole consensus.Kind, each ...consensus.Kind) PackageResult {
	w.t.Helper()
	before := w.pool.Info(w.now)
	res := w.addPackage(txs...)
	if consensus.KindOf(res.Err) != whole || !IsPolicy(res.Err) {
		w.t.Fatalf("the package got %v, want %q", res.Err, whole)
	}
	in := false
	for i := range res.Txs {
		want := consensus.Kind("")
		if i < len(each) {
			want = each[i]
		}
		if got := kindOf(res.Txs[i].Err); got != want {
			w.t.Fatalf("transaction %d got %v, want %q", i, res.Txs[i].Err, want)
		}
		in = in || res.Txs[i].Judged && res.Txs[i].Err == nil
	}
	if after := w.pool.Info(w.now); !in && after != before {
		w.t.Fatalf("a refusal changed the pool from %+v to %+v", before, after)
	}
	return res
}

func kindOf(err error) consensus.Kind {
	var missing *MissingParents
	if asMissing(err, &missing) {
		return consensus.MissingInputs
	}
	return consensus.KindOf(err)
}

func TestPackageForm(t *testing.T) {
	w := newWorld(t, Config{}, 27)
	parent := w.spend(1000, 2, w.coinbase(1))
	child := w.spend(1000, 1, out(parent, 0))
	var many []*types.Tx
	for i := range 26 {
		many = append(many, w.spend(1000, 1, w.coinbase(int32(i+1))))
	}
	heavy := w.padded(2, 60_000, 100_000, w.coinbase(2))
	heavier := w.padded(2, 41_003, 100_000, out(heavy, 0))
	twin := child.Clone()
	twin.In[0].Witness = nil
	for name, c := range map[string]struct {
		txs  []*types.Tx
		want consensus.Kind
	}{
		"nothing":      {nil, consensus.PackageTooMany},
		"26":           {many, consensus.PackageTooMany},
		"too heavy":    {[]*types.Tx{heavy, heavier}, consensus.PackageTooLarge},
		"twice":        {[]*types.Tx{parent, parent}, consensus.PackageDuplicates},
		"two copies":   {[]*types.Tx{parent, child, twin.Clone()}, consensus.PackageDuplicates},
		"child first":  {[]*types.Tx{child, parent}, consensus.PackageNotSorted},
		"conflict":     {[]*types.Tx{many[0], parent}, consensus.PackageConflict},
		"no inputs":    {[]*types.Tx{{Version: 2}, parent}, consensus.PackageConflict},
		"strangers":    {[]*types.Tx{parent, many[1]}, consensus.PackageNotChild},
		"grandparents": {[]*types.Tx{parent, child, w.spend(1000, 1, out(child, 0))}, consensus.PackageNotChild},
		"a parent is missing": {[]*types.Tx{parent, w.spend(1000, 1, out(parent, 0), out(many[2], 0))},
			consensus.PackageNotUnconfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.packageFails(c.txs, c.want)
		})
	}
	w.t = t
	// An unconfirmed parent that is in the pool is missing from the package all the same, as in Core 28.
	w.add(many[2])
	w.packageFails([]*types.Tx{parent, w.spend(1000, 1, out(parent, 0), out(many[2], 0))}, consensus.PackageNotUnconfirmed)
	// One transaction spends a coin twice: that is its own fault, not the package's.
	double := w.draft(1000, 1, w.coinbase(4))
	double.In = append(double.In, double.In[0])
	res := w.addPackage(double)
	if consensus.KindOf(res.Err) != consensus.PackageTxFailed || IsPolicy(res.Txs[0].Err) || consensus.KindOf(res.Txs[0].Err) != consensus.BadTxnsInputsDuplicate {
		t.Errorf("%+v", res)
	}
}

// What needs no help gets in by itself, and its fee does not help others.
func TestPackageEachAlone(t *testing.T) {
	w := newWorld(t, Config{}, 3)
	rich, plain := w.spend(90_000, 1, w.coinbase(1)), w.spend(1000, 1, w.coinbase(2))
	child := w.spend(2000, 1, out(rich, 0), out(plain, 0))
	res := w.packageEnters(rich, plain, child)
	for i, tx := range []*types.Tx{rich, plain, child} {
		r := res.Txs[i]
		if !slices.Equal(r.Includes, []types.Hash{tx.WitnessID()}) || r.FeeRate != rateOf(r.Fee, r.VSize) || r.Known {
			t.Errorf("%+v", r)
		}
	}
	// All are known now, one under another witness.
	twin := plain.Clone()
	twin.In[0].Witness[0][5] ^= 1
	twin = twin.Clone()
	before := w.pool.Stats()
	res = w.addPackage(rich, twin, child)
	if res.Err != nil || !res.Txs[0].Known || res.Txs[1].OtherWitness != plain.WitnessID() || res.Txs[2].Fee != 2000 || res.Txs[2].Includes != nil {
		t.Errorf("%+v", res)
	}
	if after := w.pool.Stats(); after.Accepted != before.Accepted {
		t.Errorf("known transactions were counted")
	}

	// A rich parent does not carry a poor sibling.
	w = newWorld(t, Config{}, 3)
	w.pool.floor.raise(5000)
	rich, poor := w.spend(90_000, 1, w.coinbase(1)), w.spend(200, 1, w.coinbase(2))
	w.packageFails([]*types.Tx{rich, poor, w.spend(800, 1, out(rich, 0), out(poor, 0))}, consensus.PackageTxFailed,
		"", consensus.MempoolMinFeeNotMet, consensus.MempoolMinFeeNotMet)
}

func TestPackageFees(t *testing.T) {
	w := newWorld(t, Config{}, 3)
	parent := w.truc(0, 2, w.coinbase(1))
	size := int64(parent.VSize())
	probe := w.truc(0, 1, out(parent, 0))
	least := size + int64(probe.VSize())
	w.packageFails([]*types.Tx{parent, w.truc(least-1, 1, out(parent, 0))}, consensus.PackageTxFailed,
		consensus.MinRelayFeeNotMet, consensus.MinRelayFeeNotMet)
	child := w.truc(least, 1, out(parent, 0))
	res := w.packageEnters(parent, child)
	both := []types.Hash{parent.WitnessID(), child.WitnessID()}
	for i := range res.Txs {
		if r := res.Txs[i]; r.FeeRate != 1000 || !slices.Equal(r.Includes, both) {
			t.Errorf("%+v", r)
		}
	}
	// A plain parent has to pay the minimum in any case, and the floor together.
	low := w.spend(0, 1, w.coinbase(2))
	w.packageFails([]*types.Tx{low, w.spend(90_000, 1, out(low, 0))}, consensus.PackageTxFailed,
		consensus.MinRelayFeeNotMet, consensus.MissingInputs)
	w.pool.floor.raise(5000)
	low = w.spend(200, 1, w.coinbase(2))
	w.packageFails([]*types.Tx{low, w.spend(200, 1, out(low, 0))}, consensus.PackageTxFailed,
		consensus.MempoolMinFeeNotMet, consensus.MempoolMinFeeNotMet)
	w.packageEnters(low, w.spend(3000, 1, out(low, 0)))
	if w.pool.Stats().Accepted != 4 {
		t.Errorf("%+v", w.pool.Stats())
	}
}

// One that is invalid ends the package; those that got in stay.
func TestPackageWithABadOne(t *testing.T) {
	w := newWorld(t, Config{}, 3)
	good, bad := w.spend(1000, 1, w.coinbase(1)), w.spend(1000, 1, w.coinbase(2)).Clone()
	bad.In[0].Witness[0][9] ^= 1
	bad = bad.Clone()
	child := w.spend(1000, 1, out(good, 0), out(bad, 0))
	w.packageFails([]*types.Tx{good, bad, child}, consensus.PackageTxFailed, "", consensus.MandatoryScriptVerify, consensus.MissingInputs)

	// A signature of the child that is wrong is found after all that is cheap, and the parent stays outside.
	parent := w.truc(0, 1, w.coinbase(2))
	spoiled := w.truc(5000, 1, out(parent, 0)).Clone()
	spoiled.In[0].Witness[0][9] ^= 1
	w.packageFails([]*types.Tx{parent, spoiled.Clone()}, consensus.PackageTxFailed, consensus.MinRelayFeeNotMet, consensus.MandatoryScriptVerify)

	opt := AddOptions{MaxFeeRate: 20_000}
	dear := w.truc(90_000, 1, out(parent, 0))
	res, err := w.pool.AddPackage([]*types.Tx{parent, dear}, w.coinsFor([]*types.Tx{parent, dear}), w.chain.Tip(), w.now, opt)
	if err != nil || consensus.KindOf(res.Err) != consensus.PackageTxFailed || consensus.KindOf(res.Txs[1].Err) != consensus.MaxFeeRateExceeded {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestPackageTRUC(t *testing.T) {
	w := newWorld(t, Config{}, 4)
	poor := w.truc(0, 3, w.coinbase(1))
	other := w.truc(0, 1, w.coinbase(2))
	w.packageFails([]*types.Tx{poor, other, w.truc(5000, 1, out(poor, 0), out(other, 0))}, consensus.TRUCViolation,
		consensus.MinRelayFeeNotMet, consensus.MinRelayFeeNotMet, consensus.MissingInputs)
	w.packageFails([]*types.Tx{poor, w.spend(5000, 1, out(poor, 0))}, consensus.TRUCViolation,
		consensus.MinRelayFeeNotMet, consensus.MissingInputs)
	w.packageFails([]*types.Tx{poor, w.padded(3, 1001, 50_000, out(poor, 0))}, consensus.TRUCViolation,
		consensus.MinRelayFeeNotMet, consensus.MissingInputs)
	res := w.packageFails([]*types.Tx{poor, w.padded(3, 10_001, 50_000, out(poor, 0))}, consensus.PackageTxFailed,
		consensus.MinRelayFeeNotMet, consensus.TRUCViolation)
	if text := res.Txs[1].Err.Error(); !strings.Contains(text, "is too big: 10001 > 10000 virtual bytes") {
		t.Error(text)
	}
	w.packageEnters(poor, w.truc(5000, 1, out(poor, 0)))
}

// A test of several: each may spend what comes before, none helps another, nothing is replaced, nothing changes.
func TestTestPackage(t *testing.T) {
	w := newWorld(t, Config{}, 30)
	a := w.spend(1000, 2, w.coinbase(1))
	b := w.spend(1000, 1, out(a, 0))
	c := w.spend(1000, 1, out(b, 0), w.coinbase(2))
	stranger := w.spend(1000, 1, w.coinbase(3))
	low := w.truc(0, 1, w.coinbase(4))
	pooled := w.spend(1000, 3, w.coinbase(5))
	w.add(pooled)
	trucs := w.truc(1000, 3, w.coinbase(6))
	spoiled := w.spend(1000, 1, out(a, 1)).Clone()
	spoiled.In[0].Witness[0][9] ^= 1
	var fan, line []*types.Tx
	from := out(pooled, 0)
	for i := range 25 {
		fan = append(fan, w.spend(1000, 1, w.coinbase(int32(i+6))))
		line = append(line, w.spend(1000, 1, from))
		from = out(line[i], 0)
	}
	for name, x := range map[string]struct {
		txs   []*types.Tx
		whole consensus.Kind
		bad   int // the one refused; -1: none
		kind  consensus.Kind
		good  int // as many of the first were judged and found good
	}{
		"a line":             {[]*types.Tx{a, b, c, stranger}, "", -1, "", 4},
		"25 strangers":       {fan, "", -1, "", 25},
		"unsorted":           {[]*types.Tx{b, a}, consensus.PackageNotSorted, -1, "", 0},
		"a poor parent":      {[]*types.Tx{low, w.truc(90_000, 1, out(low, 0))}, consensus.PackageTxFailed, 0, consensus.MinRelayFeeNotMet, 0},
		"a missing one":      {[]*types.Tx{a, c}, consensus.PackageTxFailed, 1, consensus.MissingInputs, 0},
		"a conflict":         {[]*types.Tx{a, w.spend(90_000, 1, w.coinbase(5))}, consensus.PackageTxFailed, 1, consensus.ReplacementDisallowed, 0},
		"known":              {[]*types.Tx{pooled, a}, consensus.PackageTxFailed, 0, consensus.AlreadyInMempool, 0},
		"two TRUC children":  {[]*types.Tx{trucs, w.truc(1000, 1, out(trucs, 0)), w.truc(1000, 1, out(trucs, 1))}, consensus.TRUCViolation, -1, "", 0},
		"TRUC grandchildren": {[]*types.Tx{trucs, w.truc(1000, 1, out(trucs, 0))}, "", -1, "", 2},
		"a bad signature":    {[]*types.Tx{a, b, spoiled.Clone()}, consensus.PackageTxFailed, 2, consensus.MandatoryScriptVerify, 2},
		"26 in a line":       {line, consensus.PackageMempoolLimits, -1, "", 0},
	} {
		before := w.pool.Info(w.now)
		res, err := w.pool.TestPackage(x.txs, w.coinsFor(x.txs), w.chain.Tip(), w.now)
		if err != nil || consensus.KindOf(res.Err) != x.whole {
			t.Errorf("%s: %v, %v", name, res.Err, err)
		}
		for i, r := range res.Txs {
			switch {
			case i == x.bad:
				if kindOf(r.Err) != x.kind || !r.Judged {
					t.Errorf("%s: %+v", name, r)
				}
			case r.Judged != (i < x.good) || r.Err != nil || r.Judged && (r.Fee != 1000 || len(r.Includes) != 1):
				t.Errorf("%s: result %d is %+v", name, i, r)
			}
		}
		if after := w.pool.Info(w.now); after != before {
			t.Errorf("%s: a test changed the pool", name)
		}
		w.check()
	}
}

func TestPackageReplacement(t *testing.T) {
	w := newWorld(t, Config{}, 8)
	old := w.spend(3000, 1, w.coinbase(1))
	w.add(old)
	parent := w.truc(0, 2, w.coinbase(1))
	size := int64(parent.VSize() + w.truc(0, 1, out(parent, 0)).VSize())
	pair := func(fee int64) []*types.Tx { return []*types.Tx{parent, w.truc(fee, 1, out(parent, 0))} }
	alone := []consensus.Kind{consensus.MinRelayFeeNotMet, consensus.MissingInputs}
	w.packageFails(pair(2999), consensus.PackageRBFFees, alone...)
	w.packageFails(pair(3000+size-1), consensus.PackageRBFFees, alone...)
	// It pays enough, but a miner with room for the old one only would lose.
	w.packageFails(pair(3000+size), consensus.PackageRBFDiagram, alone...)
	res := w.packageEnters(pair(9000)...)
	if !slices.Equal(res.Replaced, []types.Hash{old.ID()}) || w.has(old) {
		t.Errorf("replaced %v", res.Replaced)
	}

	// The old ones may be a pair, or a child whose parent stays.
	a := w.spend(500, 2, w.coinbase(2))
	b := w.spend(1500, 1, out(a, 0))
	w.add(a)
	w.add(b)
	next := w.truc(0, 1, w.coinbase(2))
	w.packageEnters(next, w.truc(9000, 1, out(next, 0)))
	if w.has(a) || w.has(b) {
		t.Error("the old pair is still there")
	}

	// With relatives in the pool it is not tried.
	up := w.truc(1000, 1, w.coinbase(3))
	w.add(up)
	mixed := w.truc(0, 1, w.coinbase(4))
	w.add(w.spend(1000, 1, w.coinbase(4)))
	w.packageFails([]*types.Tx{mixed, w.truc(9000, 1, out(mixed, 0), out(up, 0))}, consensus.PackageNotUnconfirmed)

	// Three transactions, or a line of three to be replaced, are too much.
	chain := w.chainOf(w.coinbase(5), 1000, 3)
	third := w.truc(0, 1, w.coinbase(5))
	res = w.packageFails([]*types.Tx{third, w.truc(90_000, 1, out(third, 0))}, consensus.PackageRBFTopology(res.topology(chain)), alone...)
	if !strings.Contains(res.Err.Error(), "max 1 allowed") && !strings.Contains(res.Err.Error(), "exceeding cluster limit of 2") {
		t.Error(res.Err)
	}
}

// topology is the text for the transaction of a line of three that is named: the one with the least id.
func (PackageResult) topology(line []*types.Tx) string {
	text := map[types.Hash]string{
		line[0].ID(): line[0].ID().String() + " has 2 descendants, max 1 allowed",
		line[1].ID(): line[1].ID().String() + " has both ancestor and descendant, exceeding cluster limit of 2",
		line[2].ID(): line[2].ID().String() + " has 2 ancestors, max 1 allowed",
	}
	least := slices.MinFunc(line, func(a, b *types.Tx) int { return a.ID().Compare(b.ID()) })
	return text[least.ID()]
}

// The parent pays more than the two together: the child is only there for the fee of the replacement.
func TestPackageReplacementNeedsTheParent(t *testing.T) {
	w := newWorld(t, Config{}, 3)
	old := w.spend(2000, 1, w.coinbase(1))
	w.add(old)
	parent := w.truc(2000, 1, w.coinbase(1)) // not enough by itself
	w.packageFails([]*types.Tx{parent, w.truc(1000, 1, out(parent, 0))}, consensus.PackageRBFParent,
		consensus.InsufficientFee, consensus.MissingInputs)
	w.packageEnters(parent, w.truc(8000, 1, out(parent, 0)))
}

// The package evicts itself from a full pool: nothing of it stays, and the result says so.
func TestPackageDoesNotFit(t *testing.T) {
	cfg := unsigned()
	w := newWorld(t, cfg, 6)
	parent := w.truc(0, 1, w.coinbase(1))
	child := w.truc(5000, 1, out(parent, 0))
	w.add(w.spend(90_000, 1, w.coinbase(2)))
	w.add(w.spend(90_000, 1, w.coinbase(3)))
	w.pool.cfg.MaxBytes = w.pool.Info(w.now).Usage + 500
	res := w.addPackage(parent, child)
	if consensus.KindOf(res.Err) != consensus.PackageTxFailed || kindOf(res.Txs[0].Err) != consensus.MempoolFull || kindOf(res.Txs[1].Err) != consensus.MempoolFull {
		t.Errorf("%+v", res)
	}
	if w.pool.Info(w.now).Count != 2 || Reconsiderable(res.Txs[0].Err) {
		t.Errorf("%+v", w.pool.Info(w.now))
	}
}

// Diagrams against a twin that looks at every byte.
func TestBetterDiagram(t *testing.T) {
	read := func(raw []byte) (chunks []score) {
		for i := 0; i+1 < len(raw) && i < 12; i += 2 {
			chunks = append(chunks, score{int64(raw[i] % 32), int64(raw[i+1]%8) + 1})
		}
		return chunks
	}
	err := quick.Check(func(x, y []byte) bool {
		before, after := read(x), read(y)
		return better(slices.Clone(before), slices.Clone(after)) == betterAtEveryByte(before, after)
	}, &quick.Config{MaxCount: 5000})
	if err != nil {
		t.Error(err)
	}
}

func TestMoneyText(t *testing.T) {
	for v, want := range map[int64]string{0: "0.00", 1: "0.00000001", 100_000_000: "1.00", 150_000_000: "1.50", 2990: "0.0000299", -5: "-0.00000005",
		math.MaxInt64: "92233720368.54775807"} {
		if got := money(v); got != want {
			t.Errorf("%d prints %s, want %s", v, got, want)
		}
	}
	if got := rateText(12_345); got != "0.00012345 BTC/kvB" {
		t.Error(got)
	}
}
