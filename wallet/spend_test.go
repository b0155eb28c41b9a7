package wallet

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet/hd"
)

// bestSubset is the dumb twin of selectExact: all subsets.
func bestSubset(values []int64, target, slack int64) (best int64, found bool) {
	for set := range 1 << len(values) {
		var sum int64
		for i, v := range values {
			if set>>i&1 == 1 {
				sum += v
			}
		}
		if sum >= target && sum <= target+slack && (!found || sum < best) {
			best, found = sum, true
		}
	}
	return best, found
}

func candidatesOf(values []int64) (out []candidate) {
	for i, v := range values {
		out = append(out, candidate{coin: Coin{OutPoint: types.OutPoint{Index: uint32(i)}}, value: v})
	}
	return out
}

func sumOf(t rapid.TB, chosen []candidate) (sum int64) {
	seen := map[types.OutPoint]bool{}
	for _, c := range chosen {
		if seen[c.coin.OutPoint] {
			t.Fatal("a coin was taken twice")
		}
		seen[c.coin.OutPoint] = true
		sum += c.value
	}
	return sum
}

func TestSelectExactFindsWhatAllSubsetsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(1, 60), 1, 12).Draw(t, "values")
		target := rapid.Int64Range(1, 200).Draw(t, "target")
		slack := rapid.Int64Range(0, 5).Draw(t, "slack")
		chosen := selectExact(candidatesOf(values), target, slack)
		best, found := bestSubset(values, target, slack)
		if found != (chosen != nil) {
			t.Fatalf("found %v, want %v", chosen, found)
		}
		if found && sumOf(t, chosen) != best {
			t.Fatalf("sum %d, best is %d", sumOf(t, chosen), best)
		}
	})
}

func TestSelectRandomReachesTheTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(1, 1000), 1, 40).Draw(t, "values")
		target := rapid.Int64Range(1, 25_000).Draw(t, "target")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var total int64
		for _, v := range values {
			total += v
		}
		for _, chosen := range [][]candidate{selectRandom(rng, candidatesOf(values), target), selectLargest(candidatesOf(values), target)} {
			if (chosen != nil) != (total >= target) {
				t.Fatalf("%d of %d: %v", target, total, chosen)
			}
			if chosen == nil {
				continue
			}
			sum := sumOf(t, chosen)
			if sum < target || sum-chosen[len(chosen)-1].value >= target {
				t.Fatalf("sum %d for %d, the last one of %d", sum, target, chosen[len(chosen)-1].value)
			}
		}
	})
}

func TestSelectExactEndsOnManyCoins(t *testing.T) {
	values := make([]int64, 2000)
	for i := range values {
		values[i] = 2 // no odd sum
	}
	if selectExact(candidatesOf(values), 2001, 0) != nil {
		t.Fatal("an impossible sum")
	}
	for i := range values {
		values[i] = int64(2*i + 2)
	}
	if selectExact(candidatesOf(values), 99_999, 0) != nil {
		t.Fatal("an impossible sum")
	}
}

// coinsFor gives a wallet confirmed coins of any types and values without a chain.
func coinsFor(t testing.TB, w *Wallet, coins map[AddressType][]int64) {
	t.Helper()
	pub, err := script.PublicKey([32]byte{31: 5})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.keys.addImported([32]byte{31: 5}); err != nil {
		t.Fatal(err)
	}
	tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{7}, Index: uint32(len(w.view.records))}}}}
	for _, kind := range []AddressType{Taproot, Segwit, Nested, Legacy} {
		for _, v := range coins[kind] {
			tx.Out = append(tx.Out, types.TxOut{Value: v, Script: scriptFor(kind, pub)})
		}
	}
	w.seq++
	if _, err := w.view.add(&record{tx: tx, height: 0, seq: w.seq}); err != nil {
		t.Fatal(err)
	}
	w.view.settle(w.Height())
}

// TestPlansAreSoundWhateverTheCoins plans and signs payments from random coins: the books balance, the
// fee is what the size asks for and no more than a change output too much, no output is dust.
func TestPlansAreSoundWhateverTheCoins(t *testing.T) {
	w := testWallet(t)
	rapid.Check(t, func(rt *rapid.T) {
		w.view = newView(w.keys, w.params.CoinbaseMaturity)
		coins := map[AddressType][]int64{}
		var total int64
		for _, kind := range []AddressType{Taproot, Segwit, Nested, Legacy} {
			coins[kind] = rapid.SliceOfN(rapid.Int64Range(1, 2_000_000), 0, 5).Draw(rt, string(kind))
			for _, v := range coins[kind] {
				total += v
			}
		}
		coinsFor(t, w, coins)
		to := scriptFor(rapid.SampledFrom([]AddressType{Taproot, Segwit, Nested, Legacy}).Draw(rt, "to"), [33]byte{2, 9})
		p := Payment{
			To: to, Amount: rapid.Int64Range(1, max(total, 1)).Draw(rt, "amount"), All: rapid.Bool().Draw(rt, "all"),
			SubtractFee: rapid.Bool().Draw(rt, "subtract"), FeeRate: rapid.Int64Range(1000, 100_000).Draw(rt, "rate"),
		}
		plan, err := w.Plan(p)
		if err != nil {
			for _, known := range []error{ErrNoCoins, ErrNotEnough, ErrDust, ErrFeeOverAll} {
				if errors.Is(err, known) {
					return
				}
			}
			rt.Fatalf("%v", err)
		}
		checkPlan(rt, w, p, plan)
	})
}

func checkPlan(t *rapid.T, w *Wallet, p Payment, plan *Plan) {
	tx, err := w.Sign(plan) // checks signatures, size and fee
	if err != nil {
		t.Fatal(err)
	}
	var in, out int64
	for _, c := range plan.Coins {
		in += c.Out.Value
	}
	for _, o := range tx.Out {
		out += o.Value
		if o.Value < Dust(o.Script) {
			t.Fatal("an output is dust")
		}
	}
	if in-out != plan.Fee || plan.Amount+plan.Change != out {
		t.Fatalf("in %d out %d, %+v", in, out, plan)
	}
	need := feeFor(4*plan.VSize, p.FeeRate)
	most := need + feeFor(changeWeight+inputWeight(Taproot), p.FeeRate) + 700
	if least := feeFor(tx.Weight(), p.FeeRate); plan.Fee < least || plan.Fee > most {
		t.Fatalf("fee %d, need %d to %d", plan.Fee, least, most)
	}
	switch {
	case p.All && plan.Change != 0:
		t.Fatal("sending all left change")
	case !p.All && p.SubtractFee && plan.Amount > p.Amount:
		t.Fatal("the receiver gets more than was said")
	case !p.All && !p.SubtractFee && plan.Amount != p.Amount:
		t.Fatal("the receiver gets another amount")
	}
}

// TestErrorsOfSend has each way in which a payment can fail, with its sentence; none sends anything.
func TestErrorsOfSend(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	to := scriptFor(Taproot, [33]byte{2, 0x79, 0xbe, 0x66, 0x7e})
	plan := func(p Payment) error {
		t.Helper()
		if p.To == nil {
			p.To = to
		}
		if p.FeeRate == 0 {
			p.FeeRate = 1000
		}
		_, err := w.Plan(p)
		return err
	}
	want := func(name string, err, kind error, words ...string) {
		t.Helper()
		if !errors.Is(err, kind) {
			t.Errorf("%s: %v", name, err)
			return
		}
		for _, s := range words {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %q", name, err, s)
			}
		}
	}
	want("an empty wallet", plan(Payment{Amount: coin}), ErrNoCoins, "empty")
	want("all of an empty wallet", plan(Payment{All: true}), ErrNoCoins)
	n.mine(freshLock(t, w, ""))
	mustSync(t, w, n)
	want("immature coins", plan(Payment{Amount: coin}), ErrImmature, "50.00000000", "at height 100, the chain is at 1")
	want("all immature", plan(Payment{All: true}), ErrImmature)
	n.mineEmpty(99)
	n.mine(freshLock(t, w, ""))
	mustSync(t, w, n)
	want("more than the balance", plan(Payment{Amount: 51 * coin}), ErrNotEnough, "50.00000000 can be spent", "50.00000000 are freshly mined")
	want("no room for the fee", plan(Payment{Amount: 50 * coin}), ErrNotEnough, "--subtract-fee", "missing")
	want("dust", plan(Payment{Amount: 329}), ErrDust, "0.00000329", "0.00000330")
	want("dust to a legacy address", plan(Payment{To: scriptFor(Legacy, [33]byte{2}), Amount: 545}), ErrDust, "0.00000546")
	want("nothing left after the fee", plan(Payment{Amount: 400, SubtractFee: true}), ErrFeeOverAll)
	want("no feerate", plan(Payment{Amount: coin, FeeRate: 999}), ErrFeeRate)
	for address, kind := range map[string]error{
		"": script.ErrAddressEmpty,
		"bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr": script.ErrAddressNetwork,
		"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2":                             script.ErrAddressNetwork,
	} {
		_, err := w.ParseAddress(address)
		want("address "+address, err, kind)
	}
	a := w.Addresses()[0].Address
	_, err := w.ParseAddress(a[:len(a)-1] + string(a[len(a)-1]^1))
	want("a mistyped address", err, script.ErrAddressChecksum)
	future, _ := script.EncodeAddress(w.params.Addresses(), script.PayToWitness(2, make([]byte, 32)))
	_, err = w.ParseAddress(future)
	want("a witness version without rules", err, ErrAddressFuture)
	if len(n.pool) != 0 {
		t.Fatal("something was sent")
	}
	if err := plan(Payment{Amount: 50 * coin, SubtractFee: true}); err != nil {
		t.Fatal(err)
	}
	if err := plan(Payment{All: true}); err != nil {
		t.Fatal(err)
	}
}

func TestTooManyCoinsForOneTransaction(t *testing.T) {
	w := testWallet(t)
	values := make([]int64, 3000)
	for i := range values {
		values[i] = 10_000
	}
	coinsFor(t, w, map[AddressType][]int64{Segwit: values})
	if _, err := w.Plan(Payment{To: scriptFor(Segwit, [33]byte{2}), Amount: 29_000_000, FeeRate: 1000, SubtractFee: true}); !errors.Is(err, ErrTooManyIn) {
		t.Fatalf("%v", err)
	}
	if _, err := w.Plan(Payment{To: scriptFor(Segwit, [33]byte{2}), Amount: 9_000_000, FeeRate: 1000}); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedTransactionIsForgotten(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, ""))
	mustSync(t, w, n)
	before := w.Balance()
	n.reject = "min relay fee not met"
	plan, err := w.Plan(Payment{To: consensustest.AnyoneCanSpend, Amount: coin, FeeRate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var refused *Rejected
	if _, err := w.Send(t.Context(), n, plan); !errors.As(err, &refused) || !strings.Contains(err.Error(), "min relay fee not met") {
		t.Fatalf("%v", err)
	}
	wantBalance(t, w, before)
	if len(w.History()) != 1 {
		t.Fatalf("%v", w.History())
	}
}

func TestUnansweredTransactionIsKeptAndSentAgain(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, ""))
	mustSync(t, w, n)
	plan, err := w.Plan(Payment{To: consensustest.AnyoneCanSpend, Amount: coin, FeeRate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	n.fail = errors.New("connection reset")
	var lost *NotSent
	if _, err := w.Send(t.Context(), n, plan); !errors.As(err, &lost) {
		t.Fatalf("%v", err)
	}
	n.fail = nil
	mustSync(t, w, n)
	if len(n.pool) != 1 || n.pool[0].ID() != lost.TxID {
		t.Fatal("it was not sent again")
	}
	// One that the node refuses for good can be abandoned, unless a mempool has it.
	if err := w.Abandon(lost.TxID); !errors.Is(err, ErrAbandon) {
		t.Fatalf("%v", err)
	}
	n.pool, n.reject = nil, "bad-something"
	r := mustSync(t, w, n)
	if len(r.Refused) != 1 || r.Refused[0].Reason != "bad-something" {
		t.Fatalf("%+v", r)
	}
	if err := w.Abandon(lost.TxID); err != nil {
		t.Fatal(err)
	}
	wantBalance(t, w, Balance{Confirmed: 50 * coin})
	if err := w.Abandon(lost.TxID); !errors.Is(err, ErrUnknownTx) {
		t.Fatalf("%v", err)
	}
}

func TestImportedKeysOfAllTypesAreSpent(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	secret := [32]byte{31: 77}
	pub, err := script.PublicKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	kinds := []AddressType{Taproot, Segwit, Nested, Legacy}
	var locks [][]byte
	for _, kind := range kinds {
		locks = append(locks, scriptFor(kind, pub))
	}
	n.fund(locks...)
	mustSync(t, w, n)
	wantBalance(t, w, Balance{})
	wif := hd.EncodeWIF(w.params, secret)
	if added, err := w.Import(wif, wif); err != nil || added != 1 {
		t.Fatal(added, err)
	}
	if added, err := w.Import(wif); err != nil || added != 0 {
		t.Fatal(added, err)
	}
	mustSync(t, w, n)
	wantBalance(t, w, Balance{Confirmed: 200 * coin})
	plan, err := w.Plan(Payment{To: freshLock(t, w, Taproot), All: true, FeeRate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Coins) != len(kinds) {
		t.Fatalf("%d coins", len(plan.Coins))
	}
	tx, err := w.Send(t.Context(), n, plan)
	if err != nil {
		t.Fatal(err)
	}
	if slack := plan.VSize - tx.VSize(); slack < 0 || slack > 3 {
		t.Fatalf("planned %d virtual bytes, it has %d", plan.VSize, tx.VSize())
	}
	n.mineEmpty(1)
	mustSync(t, w, n)
	wantBalance(t, w, Balance{Confirmed: 200*coin - plan.Fee})
	keys, err := w.Keys()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(keys, func(k ExportedKey) bool { return k.WIF == wif && k.Type == Legacy && k.Used }) {
		t.Fatalf("%v", keys)
	}
}

func TestChangeIsFreshAndOfTheSameType(t *testing.T) {
	for _, kind := range []AddressType{Taproot, Segwit} {
		n, w := newFakeNode(t), testWallet(t)
		n.fund(freshLock(t, w, kind))
		mustSync(t, w, n)
		var seen []uint32
		for range 3 {
			plan, err := w.Plan(Payment{To: consensustest.AnyoneCanSpend, Amount: coin, FeeRate: 1000})
			if err != nil {
				t.Fatal(err)
			}
			if plan.change.kind != kind || !plan.change.isChange() || slices.Contains(seen, plan.change.index) {
				t.Fatalf("change to %s %d after %v", plan.change.kind, plan.change.index, seen)
			}
			seen = append(seen, plan.change.index)
			if _, err := w.Send(t.Context(), n, plan); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAddressesStopAtTheGap(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	seen := map[string]bool{}
	var first string
	for i := range GapLimit {
		a, fresh, err := w.NewAddress("")
		if err != nil || !fresh || seen[a.Address] {
			t.Fatal(i, fresh, err)
		}
		if i == 0 {
			first = a.Address
		}
		seen[a.Address] = true
	}
	a, fresh, err := w.NewAddress("")
	if err != nil || fresh || a.Address != first {
		t.Fatal(a, fresh, err)
	}
	n.mine(freshLock(t, w, "")) // the first again
	mustSync(t, w, n)
	if a, fresh, err = w.NewAddress(""); err != nil || !fresh || seen[a.Address] {
		t.Fatal(a, fresh, err)
	}
}

func TestBump(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, ""), freshLock(t, w, ""))
	mustSync(t, w, n)
	to := scriptFor(Segwit, [33]byte{2, 4})
	plan, err := w.Plan(Payment{To: to, Amount: coin, FeeRate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	old, err := w.Send(t.Context(), n, plan)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.PlanBump(old.ID(), 1000, 0, false); !errors.Is(err, ErrBumpTooLow) {
		t.Fatalf("%v", err)
	}
	if _, err := w.PlanBump(types.Hash{1}, 0, 0, false); !errors.Is(err, ErrUnknownTx) {
		t.Fatalf("%v", err)
	}
	bump, err := w.PlanBump(old.ID(), 0, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if bump.Amount != coin || bump.Fee < plan.Fee+feeFor(4*bump.VSize, incrementalFeeRate) || bump.Change != plan.Change-(bump.Fee-plan.Fee) {
		t.Fatalf("%+v after %+v", bump, plan)
	}
	tx, err := w.Send(t.Context(), n, bump)
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := w.Lookup(old.ID()); e.Status != Replaced {
		t.Fatalf("%+v", e)
	}
	if h := w.History(); h[0].Replaces != old.ID() || h[1].ReplacedBy != tx.ID() {
		t.Fatalf("%+v", h)
	}
	if _, err := w.PlanBump(old.ID(), 0, 0, false); !errors.Is(err, ErrBumpDead) {
		t.Fatalf("%v", err)
	}
	// 30 coins of a fee need the second coin too; a child makes its parent unbumpable.
	huge, err := w.PlanBump(tx.ID(), 100_000_000, 0, false)
	if err != nil || !huge.HighFee() {
		t.Fatalf("%+v %v", huge, err)
	}
	all, err := w.Plan(Payment{To: to, All: true, FeeRate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	last, err := w.Send(t.Context(), n, all)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.PlanBump(tx.ID(), 0, 0, false); !errors.Is(err, ErrBumpSpent) {
		t.Fatalf("%v", err)
	}
	if _, err := w.PlanBump(last.ID(), 5000, 0, false); !errors.Is(err, ErrBumpNoChange) {
		t.Fatalf("%v", err)
	}
	less, err := w.PlanBump(last.ID(), 5000, 0, true)
	if err != nil || less.Amount != all.Amount-(less.Fee-all.Fee) {
		t.Fatalf("%+v %v", less, err)
	}
	if _, err := w.Send(t.Context(), n, less); err != nil {
		t.Fatal(err)
	}
	n.mineEmpty(1)
	mustSync(t, w, n)
	if _, err := w.PlanBump(tx.ID(), 0, 0, false); !errors.Is(err, ErrBumpMined) {
		t.Fatalf("%v", err)
	}
	if e, _ := w.Lookup(old.ID()); e.Status != Replaced {
		t.Fatalf("%+v", e)
	}
	wantBalance(t, w, Balance{})
}

func TestBumpAddsCoinsWhenTheChangeIsTooSmall(t *testing.T) {
	w := testWallet(t)
	coinsFor(t, w, map[AddressType][]int64{Taproot: {100_000, 70_000}})
	n := &fakeNode{t: t, chain: consensustest.NewChain(t, consensus.Regtest())}
	plan, err := w.Plan(Payment{To: scriptFor(Segwit, [33]byte{2, 4}), Amount: 99_000, FeeRate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := w.Sign(plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.keep(tx, plan); err != nil {
		t.Fatal(err)
	}
	bump, err := w.PlanBump(tx.ID(), 0, 30_000, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(bump.Coins) != 2 || bump.Amount != 99_000 || bump.FeeRate < 30_000 {
		t.Fatalf("%+v", bump)
	}
	for _, in := range tx.In {
		if !slices.ContainsFunc(bump.Tx.In, func(x types.TxIn) bool { return x.PrevOut == in.PrevOut }) {
			t.Fatal("the replacement does not conflict with the original")
		}
	}
	if _, err := w.Sign(bump); err != nil {
		t.Fatal(err)
	}
	if len(n.pool) != 0 {
		t.Fatal("planning sent something")
	}
}

func TestSignatureCoversAllOutputs(t *testing.T) {
	w := testWallet(t)
	coinsFor(t, w, map[AddressType][]int64{Taproot: {coin}, Segwit: {coin}, Nested: {coin}, Legacy: {coin}})
	plan, err := w.Plan(Payment{To: scriptFor(Segwit, [33]byte{2, 4}), All: true, FeeRate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := w.Sign(plan)
	if err != nil {
		t.Fatal(err)
	}
	spent := make([]types.TxOut, len(plan.Coins))
	for i := range spent {
		spent[i] = plan.Coins[i].Out
	}
	if err := w.verify(tx, spent, plan); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(tx *types.Tx){
		"amount":    func(tx *types.Tx) { tx.Out[0].Value-- },
		"receiver":  func(tx *types.Tx) { tx.Out[0].Script[5] ^= 1 },
		"sequence":  func(tx *types.Tx) { tx.In[0].Sequence-- },
		"lock time": func(tx *types.Tx) { tx.LockTime++ },
	} {
		bad := tx.Clone()
		edit(bad)
		if err := w.verify(bad, spent, plan); !errors.Is(err, errUnsound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	spent[0].Value++
	if err := w.verify(tx, spent, plan); !errors.Is(err, errUnsound) {
		t.Errorf("another amount of a coin: %v", err)
	}
}

func TestDust(t *testing.T) {
	for kind, want := range map[AddressType]int64{Taproot: 330, Segwit: 294, Nested: 540, Legacy: 546} {
		if got := Dust(scriptFor(kind, [33]byte{2})); got != want {
			t.Errorf("%s: %d, want %d", kind, got, want)
		}
	}
}
