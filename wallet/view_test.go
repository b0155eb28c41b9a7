package wallet

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// sane checks the invariants of a view.
func (v *view) sane() error {
	claimed := map[types.OutPoint]types.Hash{}
	for _, r := range v.records {
		id := r.tx.ID()
		if !v.status[id].alive() {
			continue
		}
		if r.confirmed() != (v.status[id] == Confirmed) {
			return fmt.Errorf("%s at height %d is %s", id, r.height, v.status[id])
		}
		for _, in := range r.tx.In {
			if other, ok := claimed[in.PrevOut]; ok && !r.tx.IsCoinbase() {
				return fmt.Errorf("%s and %s both claim %s", other, id, in.PrevOut)
			}
			claimed[in.PrevOut] = id
			if s, known := v.status[in.PrevOut.TxID]; known && !s.alive() {
				return fmt.Errorf("%s lives on the dead %s", id, in.PrevOut.TxID)
			}
		}
	}
	for _, c := range v.coins {
		if _, ok := claimed[c.OutPoint]; ok {
			return fmt.Errorf("the coin %s is spent", c.OutPoint)
		}
	}
	return nil
}

// confirmedOnly describes the part of a wallet that follows from the chain alone.
func confirmedOnly(w *Wallet) string {
	var b strings.Builder
	spent := map[types.OutPoint]bool{}
	for _, r := range w.view.records {
		if r.confirmed() {
			for _, in := range r.tx.In {
				spent[in.PrevOut] = true
			}
		}
	}
	var lines []string
	for op := range w.view.outs {
		if r := w.view.byID[op.TxID]; r.confirmed() && !spent[op] {
			lines = append(lines, fmt.Sprintf("%s %d %d", op, r.height, r.tx.Out[op.Index].Value))
		}
	}
	slices.Sort(lines)
	fmt.Fprintf(&b, "%d %s\n%s", w.Height(), w.TipHash(), strings.Join(lines, "\n"))
	return b.String()
}

// TestFollowingEqualsRestoring lets a wallet follow a random history of blocks, payments and reorgs, and
// compares it with its dumb twin: a new wallet of the same mnemonic that looks at the final chain only.
func TestFollowingEqualsRestoring(t *testing.T) {
	fewerChecks(t, "20")
	rapid.Check(t, func(rt *rapid.T) {
		n, w := newFakeNodeOn(t, quickParams()), testWalletOn(t, quickParams())
		n.fund(freshLock(t, w, Taproot), freshLock(t, w, Segwit), freshLock(t, w, Taproot))
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"mine", "own", "pay", "pay", "reorg", "sync", "drop"}).Draw(rt, "step") {
			case "mine":
				n.mineEmpty(1)
			case "own":
				n.mine(freshLock(t, w, ""))
			case "pay":
				mustSync(t, w, n)
				plan, err := w.Plan(Payment{To: consensustest.AnyoneCanSpend, Amount: rapid.Int64Range(1000, 60*coin).Draw(rt, "amount"), FeeRate: 1000})
				if err != nil {
					continue
				}
				if _, err := w.Send(t.Context(), n, plan); err != nil {
					rt.Fatalf("%v", err)
				}
			case "reorg":
				depth := rapid.Int32Range(1, 5).Draw(rt, "depth")
				n.chain.SetTip(n.at(n.chain.Tip().Height() - depth))
				n.pool = nil
				n.mineEmpty(int(depth) + 1)
			case "drop":
				n.pool = nil
			case "sync":
				mustSync(t, w, n)
			}
			if err := w.view.sane(); err != nil {
				rt.Fatalf("%v", err)
			}
		}
		mustSync(t, w, n)
		if err := w.view.sane(); err != nil {
			rt.Fatalf("%v", err)
		}
		twin := testWalletOn(t, quickParams())
		n.pool = nil
		mustSync(t, twin, n)
		if a, b := confirmedOnly(w), confirmedOnly(twin); a != b {
			rt.Fatalf("followed:\n%s\nrestored:\n%s", a, b)
		}
	})
}

// fewerChecks lowers rapid's number of checks for one test whose checks are long, unless the user asked for
// another number than the usual.
func fewerChecks(t *testing.T, n string) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f == nil || f.Value.String() != f.DefValue {
		return
	}
	if err := f.Value.Set(n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Value.Set(f.DefValue); err != nil {
			t.Error(err)
		}
	})
}
