package mempool

import (
	"errors"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

func TestAdd(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	bell, cancel := w.pool.Subscribe()
	defer cancel()
	tx := w.spend(1000, 2, w.coinbase(1))
	res := w.add(tx)
	if res.Fee != 1000 || res.VSize != int64(tx.VSize()) || len(res.Replaced) != 0 {
		t.Errorf("result %+v", res)
	}
	if got, rate, ok := w.pool.Get(tx.WitnessID()); !ok || got != tx || rate != 1000*1000/int64(tx.VSize()) {
		t.Errorf("Get gave %v, %d, %v", got, rate, ok)
	}
	if id, ok := w.pool.Spends(w.coinbase(1)); !ok || id != tx.ID() {
		t.Errorf("the coinbase is spent by %s, %v", id, ok)
	}
	if o, ok := w.pool.Output(out(tx, 1)); !ok || o.Value != tx.Out[1].Value {
		t.Errorf("output 1 is %+v, %v", o, ok)
	}
	if _, ok := w.pool.Output(out(tx, 2)); ok {
		t.Error("output 2 does not exist")
	}
	e, ok := w.pool.Entry(tx.ID())
	if !ok || e.AncestorCount != 1 || e.DescendantFees != 1000 || e.SigOpCost != 1 || e.Height != w.chain.Tip().Height() {
		t.Errorf("entry %+v", e)
	}
	select {
	case <-bell:
	default:
		t.Error("the bell did not ring")
	}
	changes, lost := w.pool.Changes(0, 10)
	if lost || len(changes) != 1 || !changes[0].Added || changes[0].ID != tx.ID() || changes[0].Seq != 1 {
		t.Errorf("changes %+v, %v", changes, lost)
	}
	w.refuse(tx, consensus.AlreadyInMempool)
	if s := w.pool.Stats(); s.Accepted != 1 || s.Rejected[consensus.AlreadyInMempool] != 1 {
		t.Errorf("stats %+v", s)
	}
}

// A copy whose witness somebody broke is refused and leaves no trace; the honest one is taken, and then a twin is known for what
// it is.
func TestWitnessMalleatedTwin(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	honest := w.spend(1000, 1, w.coinbase(1))
	twin := honest.Clone()
	twin.In[0].Witness[0][10] ^= 1
	if twin.ID() != honest.ID() || twin.WitnessID() == honest.WitnessID() {
		t.Fatal("that is no twin")
	}
	_, err := w.addOpt(twin, AddOptions{})
	if err == nil || w.pool.Have(twin.ID()) {
		t.Fatalf("a broken signature was taken: %v", err)
	}
	stripped := honest.Clone()
	stripped.In[0].Witness = nil
	if _, err := w.addOpt(stripped, AddOptions{}); err == nil {
		t.Fatal("a transaction without its witness was taken")
	}
	w.add(honest)
	w.refuse(twin, consensus.SameNonWitnessData)
}

func TestBadSignatureKinds(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	tx := w.spend(1000, 1, w.coinbase(1)).Clone()
	tx.Out[0].Value-- // no signature covers this
	_, err := w.addOpt(tx, AddOptions{})
	if !errors.Is(err, consensus.MandatoryScriptVerify) || IsPolicy(err) {
		t.Errorf("a signature of something else: %v", err)
	}
	// A form without a verifier is refused, and nobody is blamed.
	w2 := newWorld(t, Config{AcceptNonStandard: true}, 1)
	n := w2.chain.Extend(w2.chain.Tip())
	w2.pool.Apply(n.Update, w2.now)
	for range 3 {
		w2.mine()
	}
	anyone := consensustest.SpendTx(5000, consensustest.CoinEntry(n.Block.Txs[0], 0))
	if _, err := w2.addOpt(anyone, AddOptions{}); err != nil && !IsPolicy(err) {
		t.Errorf("a form that is not verified yet: %v", err)
	}
}

func TestMissingParents(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	parent := w.spend(1000, 2, w.coinbase(1))
	child := w.spend(1000, 1, out(parent, 0), out(parent, 1), w.coinbase(2))
	_, err := w.addOpt(child, AddOptions{})
	var missing *MissingParents
	if !errors.As(err, &missing) || len(missing.Outpoints) != 2 || !IsPolicy(err) || !errors.Is(err, consensus.BadTxnsMissingOrSpent) {
		t.Fatalf("got %v", err)
	}
	if p := missing.Parents(); len(p) != 1 || p[0] != parent.ID() {
		t.Errorf("parents %v", p)
	}
	if w.pool.Stats().Rejected[consensus.MissingInputs] != 1 {
		t.Errorf("stats %+v", w.pool.Stats())
	}
	w.add(parent)
	if needs := w.pool.Needs(child); len(needs) != 1 || needs[0] != w.coinbase(2) {
		t.Errorf("needs %v", needs)
	}
	w.add(child)
	if up, ok := w.pool.Ancestors(child.ID()); !ok || len(up) != 1 || up[0].Tx != parent {
		t.Errorf("ancestors %v, %v", up, ok)
	}
	if down, ok := w.pool.Descendants(parent.ID()); !ok || len(down) != 1 || down[0].Tx != child {
		t.Errorf("descendants %v, %v", down, ok)
	}
	if _, ok := w.pool.Descendants(types.Hash{}); ok {
		t.Error("nothing has descendants")
	}
	if want := "bad-txns-inputs-missingorspent (2: " + out(parent, 0).String() + ", " + out(parent, 1).String() + ")"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}

	bad := w.draft(1000, 1, w.coinbase(3))
	bad.In[0].PrevOut = types.OutPoint{TxID: parent.ID(), Index: 9}
	w.refuse(bad, consensus.BadTxnsMissingOrSpent)
}

func TestTipMoved(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	tx := w.spend(1000, 1, w.coinbase(1))
	coins := w.fetch(tx)
	if _, err := w.pool.Add(tx, coins, w.chain.Tip().Parent, w.now, AddOptions{}); !errors.Is(err, ErrTipMoved) || IsPolicy(err) {
		t.Errorf("judged against another tip: %v", err)
	}
	w.add(tx)
}

func TestFees(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	vsize := int64(w.spend(0, 1, w.coinbase(1)).VSize())
	w.refuse(w.spend(vsize-1, 1, w.coinbase(1)), consensus.MinRelayFeeNotMet)
	if _, err := w.addOpt(w.spend(vsize*11, 1, w.coinbase(1)), AddOptions{MaxFeeRate: 10_000}); !errors.Is(err, consensus.MaxFeeExceeded) {
		t.Errorf("fee over the sender's own limit: %v", err)
	}
	poor := w.spend(0, 1, w.coinbase(1))
	if _, err := w.addOpt(poor, AddOptions{Returned: true, TestOnly: true}); err != nil {
		t.Errorf("back from a block, without a fee: %v", err)
	}
	if !w.pool.Prioritise(poor.ID(), 10_000) {
		t.Fatal("not prioritised")
	}
	w.add(poor)
	if e, _ := w.pool.Entry(poor.ID()); e.Fee != 0 || e.Delta != 10_000 || e.AncestorFees != 10_000 {
		t.Errorf("entry %+v", e)
	}
	w.pool.Prioritise(poor.ID(), -4_000)
	w.check()
	if e, _ := w.pool.Entry(poor.ID()); e.Delta != 6_000 || e.FeeRate() != 6_000_000/e.VSize {
		t.Errorf("entry %+v", e)
	}
}

func TestPrioritiseBounds(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	tx := w.chainOf(w.coinbase(1), 1000, 3)[1]
	for _, delta := range []int64{1<<63 - 1, 1<<63 - 1, -1 << 63, -1 << 63, -1 << 63, 0} {
		w.pool.Prioritise(tx.ID(), delta)
		w.check()
		if e, _ := w.pool.Entry(tx.ID()); e.Delta > maxDelta || e.Delta < -maxDelta {
			t.Fatalf("delta %d", e.Delta)
		}
	}
	w.pool.Prioritise(tx.ID(), maxDelta)
	if d := w.pool.Deltas(); len(d) != 0 {
		t.Errorf("deltas %v after they are taken back", d)
	}
}

func TestChainLimits(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	chain := w.chainOf(w.coinbase(1), 1000, 25)
	w.refuse(w.spend(1000, 1, out(chain[24], 0)), consensus.TooLongMempoolChain)

	// 25 descendants with itself, all its own children.
	fan := w.spend(10_000, 30, w.coinbase(2))
	w.add(fan)
	for i := range 24 {
		w.add(w.spend(1000, 1, out(fan, i)))
	}
	grandchild := w.spend(1000, 1, types.OutPoint{TxID: w.pool.IDs()[len(w.pool.IDs())-1]})
	w.refuse(grandchild, consensus.TooLongMempoolChain)
	// One small child with one ancestor may be one too many (the carve-out), but not a second, and none that is large.
	large := w.draft(50_000, 330, out(fan, 24))
	for i := range large.Out {
		large.Out[i].Script = script.PayToTaproot([32]byte{1})
	}
	w.refuse(w.sign(large), consensus.TooLongMempoolChain)
	w.add(w.spend(1000, 1, out(fan, 24)))
	w.refuse(w.spend(1000, 1, out(fan, 25)), consensus.TooLongMempoolChain)
	// Replacing a child is no growth.
	w.add(w.spend(5000, 1, out(fan, 23)))

	// 25 parents are refused before anybody walks up from them.
	many := newWorld(t, unsigned(), 25)
	var ins []types.OutPoint
	for i := range 25 {
		tx := many.spend(1000, 1, many.coinbase(int32(i+1)))
		many.add(tx)
		ins = append(ins, out(tx, 0))
	}
	many.refuse(many.spend(50_000, 1, ins...), consensus.TooLongMempoolChain)
	many.add(many.spend(50_000, 1, ins[:24]...))

	small := newWorld(t, Config{MaxAncestorBytes: 250, MaxDescendantBytes: 1000}, 1)
	parent := small.spend(1000, 1, small.coinbase(1))
	small.add(parent)
	small.add(small.spend(1000, 1, out(parent, 0)))
	child, _ := small.pool.Spends(out(parent, 0))
	small.refuse(small.spend(1000, 1, types.OutPoint{TxID: child}), consensus.TooLongMempoolChain)
	desc := newWorld(t, Config{MaxAncestorBytes: 1000, MaxDescendantBytes: 250}, 1)
	parent = desc.spend(1000, 2, desc.coinbase(1))
	desc.add(parent)
	one := desc.spend(1000, 1, out(parent, 0))
	desc.add(one) // the carve-out
	desc.refuse(desc.spend(1000, 1, out(one, 0)), consensus.TooLongMempoolChain)
}

func TestExpiry(t *testing.T) {
	w := newWorld(t, Config{Expiry: time.Hour}, 3)
	old := w.chainOf(w.coinbase(1), 1000, 2)
	w.now = w.now.Add(50 * time.Minute)
	young := w.spend(1000, 1, out(old[1], 0))
	w.add(young)
	other := w.spend(1000, 1, w.coinbase(2))
	w.add(other)
	w.now = w.now.Add(20 * time.Minute)
	w.add(w.spend(1000, 1, w.coinbase(3)))
	if w.has(old[0]) || w.has(old[1]) || w.has(young) || !w.has(other) {
		t.Errorf("left are %v", w.pool.IDs())
	}
	equalReasons(t, w.pool.Stats().Removed, map[Reason]uint64{ReasonExpiry: 3})
}

func TestChangesAreBounded(t *testing.T) {
	var l changeLog
	e := &entry{}
	for range maxChanges + 10 {
		l.note(e, true, "")
	}
	p := &Pool{log: l}
	if _, lost := p.Changes(9, 5); !lost {
		t.Error("change 10 is forgotten, but nobody says so")
	}
	got, lost := p.Changes(10, maxChanges*2)
	if lost || len(got) != maxChanges || got[0].Seq != 11 || got[len(got)-1].Seq != maxChanges+10 {
		t.Errorf("%d changes, lost %v", len(got), lost)
	}
	if _, lost := p.Changes(maxChanges+11, 1); !lost {
		t.Error("a reader ahead of us is of another life")
	}
	if got, lost := p.Changes(maxChanges+10, 1); lost || len(got) != 0 {
		t.Errorf("changes %v, %v after the last", got, lost)
	}
}

func TestMarkBroadcast(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	tx := w.spend(1000, 1, w.coinbase(1))
	if _, err := w.addOpt(tx, AddOptions{Local: true}); err != nil {
		t.Fatal(err)
	}
	if e, _ := w.pool.Entry(tx.ID()); !e.Local || w.pool.Info(w.now).Local != 1 {
		t.Error("it is not marked as local")
	}
	child := w.spend(1000, 1, out(tx, 0))
	if _, err := w.addOpt(child, AddOptions{Local: true}); err != nil {
		t.Fatal(err)
	}
	w.add(w.spend(1000, 1, out(child, 0)))
	if got := w.pool.LocalTxs(); len(got) != 2 || got[0] != tx || got[1] != child {
		t.Errorf("%d transactions are local, or in a wrong order", len(got))
	}
	w.pool.MarkBroadcast(child.ID())
	w.pool.MarkBroadcast(tx.WitnessID())
	w.check()
	if e, _ := w.pool.Entry(tx.ID()); e.Local || w.pool.Info(w.now).Local != 0 {
		t.Error("it is still marked as local")
	}
	if got := w.pool.LocalTxs(); got != nil {
		t.Errorf("%d transactions are still local", len(got))
	}
}

// meanwhile takes every signature and does something else first, once: what happens while scripts run.
type meanwhile struct {
	yes
	do *func()
}

func (m meanwhile) Batch([]script.SigCheck) int {
	do := *m.do
	*m.do = func() {}
	do()
	return -1
}

func TestPoolMovesWhileScriptsRun(t *testing.T) {
	do := func() {}
	w := newWorld(t, Config{Verify: &script.Runner{Verifier: meanwhile{do: &do}}}, 2)
	tx := w.spend(1000, 1, w.coinbase(1))
	do = func() { w.mine() }
	if _, err := w.addOpt(tx, AddOptions{}); !errors.Is(err, ErrTipMoved) {
		t.Errorf("a block came: %v", err)
	}
	parent := w.spend(1000, 1, w.coinbase(2))
	w.add(parent)
	child := w.spend(1000, 1, out(parent, 0))
	do = func() { w.add(w.spend(5000, 1, w.coinbase(2))) }
	var missing *MissingParents
	if _, err := w.addOpt(child, AddOptions{}); !errors.As(err, &missing) {
		t.Errorf("the parent was replaced: %v", err)
	}
	do = func() { w.add(tx) }
	if _, err := w.addOpt(tx, AddOptions{}); !errors.Is(err, consensus.AlreadyInMempool) {
		t.Errorf("somebody else was first: %v", err)
	}
	// A parent that came from the chain is in the pool now: between blocks only a reorganization does that.
	second := w.spend(1000, 1, out(tx, 0))
	coins := consensus.Coins{out(tx, 0): {Out: tx.Out[0], Height: 1}}
	w.pool = New(w.pool.cfg)
	do = func() { w.add(tx) }
	if _, err := w.pool.Add(second, coins, w.chain.Tip(), w.now, AddOptions{}); !errors.Is(err, ErrTipMoved) {
		t.Errorf("the parent came back: %v", err)
	}
	w.check()
}
