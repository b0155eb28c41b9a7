package mempool

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
	"pgregory.net/rapid"
)

// machine drives a small pool at random. After each step the incremental state is compared with one computed from scratch (Check), the
// entries with the chain's coins, and the template with consensus.
type machine struct {
	*world
	rt  *rapid.T
	txs []*types.Tx // all ever made, for replays
}

// spendable lists outputs of the key in the chain or the pool, spent by the pool or not, in a settled order.
func (m *machine) spendable() []types.OutPoint {
	var ops []types.OutPoint
	for op, c := range m.tipCoins() {
		mature := !c.Coinbase || m.chain.Tip().Height()+1-c.Height >= m.chain.Params.CoinbaseMaturity || op.TxID[0] < 20
		if bytes.Equal(c.Out.Script, m.lock) && c.Out.Value > 10_000 && mature {
			ops = append(ops, op)
		}
	}
	for _, e := range m.pool.Entries() {
		for i := range e.Tx.Out {
			if e.Tx.Out[i].Value > 10_000 {
				ops = append(ops, out(e.Tx, i))
			}
		}
	}
	slices.SortFunc(ops, types.OutPoint.Compare)
	return slices.Compact(ops)
}

func (m *machine) draw() *types.Tx {
	ops := m.spendable()
	n := min(rapid.IntRange(1, 3).Draw(m.rt, "inputs"), len(ops))
	if n == 0 {
		return nil
	}
	var ins []types.OutPoint
	for range n {
		op := rapid.SampledFrom(ops).Draw(m.rt, "input")
		if !slices.Contains(ins, op) {
			ins = append(ins, op)
		}
	}
	truc := rapid.Bool().Draw(m.rt, "truc")
	tx := m.form(truc, truc && rapid.IntRange(0, 7).Draw(m.rt, "free") == 0, rapid.Int64Range(150, 5000).Draw(m.rt, "fee"), ins)
	switch rapid.IntRange(0, 9).Draw(m.rt, "lock") {
	case 0:
		tx.LockTime = uint32(m.chain.Tip().Height() + rapid.Int32Range(-2, 1).Draw(m.rt, "height"))
		tx.In[0].Sequence = 0xfffffffe
	case 1:
		tx.In[0].Sequence = rapid.Uint32Range(0, 4).Draw(m.rt, "sequence")
	}
	return m.sign(tx)
}

// form makes a transaction with up to three outputs of ours. One without a fee may have an anchor.
func (m *machine) form(truc, free bool, fee int64, ins []types.OutPoint) *types.Tx {
	if free {
		fee = 0
	}
	tx := m.world.draft(fee, rapid.IntRange(1, 3).Draw(m.rt, "outputs"), ins...)
	if truc {
		tx.Version = trucVersion
	}
	if fee == 0 && rapid.Bool().Draw(m.rt, "anchor") {
		tx.Out = append(tx.Out, types.TxOut{Script: anchorScript})
	}
	return tx
}

// AddPackage offers parents that pay little with a child that may pay for them.
func (m *machine) AddPackage(rt *rapid.T) {
	m.rt, m.world.t = rt, rt
	var txs []*types.Tx
	var ins []types.OutPoint
	truc := rapid.IntRange(0, 2).Draw(rt, "truc") > 0
	mixed := func() bool { return truc != (rapid.IntRange(0, 11).Draw(rt, "mixed") == 0) }
	ops := m.spendable()
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(rt, "parents") {
		if len(ops) == 0 {
			return
		}
		op := rapid.SampledFrom(ops).Draw(rt, "parent's input")
		ops = slices.DeleteFunc(ops, func(o types.OutPoint) bool { return o == op || o.TxID == op.TxID })
		tx := m.sign(m.form(mixed(), truc && rapid.Bool().Draw(rt, "free"), rapid.Int64Range(100, 500).Draw(rt, "parent's fee"), []types.OutPoint{op}))
		txs = append(txs, tx)
		for i := range tx.Out {
			if i == 0 || rapid.Bool().Draw(rt, "spend more") {
				ins = append(ins, out(tx, i))
			}
		}
	}
	if len(ops) > 0 && rapid.IntRange(0, 3).Draw(rt, "with another") == 0 {
		ins = append(ins, rapid.SampledFrom(ops).Draw(rt, "child's input"))
	}
	txs = append(txs, m.sign(m.form(mixed(), false, rapid.Int64Range(100, 20_000).Draw(rt, "child's fee"), ins)))
	m.txs = append(m.txs, txs...)
	m.enterPackage(txs)
}

func (m *machine) enterPackage(txs []*types.Tx) {
	before, t := m.pool.Info(m.now), m.twinOf()
	var xs []*twinTx
	for _, tx := range txs {
		xs = append(xs, m.twinTx(tx))
	}
	whole, each := t.addPackage(xs)
	res, err := m.pool.AddPackage(txs, m.coinsFor(txs), m.chain.Tip(), m.now, AddOptions{})
	if err != nil {
		m.rt.Fatalf("our own failure: %v", err)
	}
	if t.stale {
		return
	}
	full := false
	for i, tx := range txs {
		r := res.Txs[i]
		got := kindOf(r.Err)
		full = full || got == consensus.MempoolFull
		want, judged := each[tx.ID()]
		if judged != r.Judged || got != want && got != consensus.MempoolFull {
			m.rt.Fatalf("transaction %d of %d got %q (%+v), the twin says %q", i, len(txs), got, r, want)
		}
	}
	got := consensus.KindOf(res.Err)
	if strings.HasPrefix(string(got), string(consensus.PackageRBF)) && whole == consensus.PackageRBF {
		got = whole
	}
	if got != whole && !full {
		m.rt.Fatalf("the package got %v, the twin says %q", res.Err, whole)
	}
	m.compare(t, before)
}

// compare compares the pool with the twin, which had room for everything.
func (m *machine) compare(t *twin, before Info) {
	went := make(map[types.Hash]bool)
	changes, lost := m.pool.Changes(before.Seq, maxChanges)
	for _, c := range changes {
		if !c.Added && (c.Reason == ReasonSize || c.Reason == ReasonExpiry) {
			went[c.ID] = true
		}
	}
	for _, x := range t.txs {
		if !m.pool.Have(x.tx.ID()) && !went[x.tx.ID()] {
			m.rt.Fatalf("%s should be in the pool", x.tx.ID())
		}
	}
	for _, id := range m.pool.IDs() {
		if !slices.ContainsFunc(t.txs, func(x *twinTx) bool { return x.tx.ID() == id }) || lost {
			m.rt.Fatalf("%s should not be in the pool", id)
		}
	}
}

func (m *machine) enter(tx *types.Tx) {
	before, t := m.pool.Info(m.now), m.twinOf()
	want, soft := t.add(m.twinTx(tx), alone)
	res, err := m.addOpt(tx, AddOptions{})
	switch got := kindOf(err); {
	case t.stale:
	case got == consensus.NonFinal || got == consensus.NonBIP68Final || got == consensus.MempoolFull: // the twin knows nothing of these
	case got != want:
		m.rt.Fatalf("got %v, the twin says %q", err, want)
	case err != nil && soft != (Reconsiderable(err) || got == consensus.MissingInputs):
		m.rt.Fatalf("%v may be reconsidered: %v", err, !soft)
	default:
		m.compare(t, before)
	}
	switch {
	case err == nil && !m.pool.Have(tx.ID()):
		m.rt.Fatalf("accepted but not here: %+v", res)
	case err != nil && consensus.KindOf(err) == consensus.MempoolFull:
	case err != nil && !IsPolicy(err) && consensus.KindOf(err) == "":
		m.rt.Fatalf("our own failure: %v", err)
	case err != nil && m.pool.Info(m.now) != before:
		m.rt.Fatalf("refused with %v, but the pool changed", err)
	}
}

// Add puts a new transaction in, which may conflict with others.
func (m *machine) Add(rt *rapid.T) {
	m.rt = rt
	if tx := m.draw(); tx != nil {
		m.txs = append(m.txs, tx)
		m.enter(tx)
	}
}

// Replay offers an old transaction again.
func (m *machine) Replay(rt *rapid.T) {
	m.rt = rt
	if len(m.txs) > 0 {
		m.enter(rapid.SampledFrom(m.txs).Draw(rt, "old"))
	}
}

// some draws part of a template, so that it is still valid, or transactions that the pool does not know.
func (m *machine) some() []*types.Tx {
	m.world.t = m.rt
	list := picked(m.pool.Select(rapid.IntRange(0, 10_000).Draw(m.rt, "weight"), 80_000, 0))
	if len(list) > 0 && rapid.Bool().Draw(m.rt, "with a stranger") {
		return append(list[:0:0], m.stranger(list[0])...)
	}
	return list
}

// stranger conflicts with tx, if that spends only coins of the chain.
func (m *machine) stranger(tx *types.Tx) []*types.Tx {
	for i := range tx.In {
		if _, ok := m.tipCoins()[tx.In[i].PrevOut]; !ok || tx.In[i].Sequence < 1<<31 {
			return nil
		}
	}
	s := m.world.draft(1, 1, tx.In[0].PrevOut)
	return []*types.Tx{m.sign(s)}
}

// Mine puts a block on the tip.
func (m *machine) Mine(rt *rapid.T) {
	m.rt = rt
	m.mine(m.some()...)
}

// Reorg leaves some blocks for others.
func (m *machine) Reorg(rt *rapid.T) {
	m.rt, m.world.t = rt, rt
	depth := rapid.IntRange(1, 4).Draw(rt, "depth")
	if int(m.chain.Tip().Height()) <= depth+5 {
		return
	}
	m.reorg(depth)
}

// Prioritise changes a fee.
func (m *machine) Prioritise(rt *rapid.T) {
	if ids := m.pool.IDs(); len(ids) > 0 {
		m.pool.Prioritise(rapid.SampledFrom(ids).Draw(rt, "id"), rapid.Int64Range(-3000, 3000).Draw(rt, "delta"))
	}
}

// Wait lets time pass.
func (m *machine) Wait(rt *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(rt, "seconds")) * time.Second)
}

// Reload saves the pool, loads it into a new one and goes on with that.
func (m *machine) Reload(rt *rapid.T) {
	var buf bytes.Buffer
	if err := m.pool.Save(&buf); err != nil {
		rt.Fatal(err)
	}
	list, err := Load(&buf)
	if err != nil {
		rt.Fatal(err)
	}
	old := m.pool.IDs()
	m.pool = New(m.pool.cfg)
	for _, s := range list {
		m.pool.Prioritise(s.ID, s.Delta)
		if s.Tx != nil {
			_, err := m.addOpt(s.Tx, AddOptions{Time: s.Time})
			if err != nil && !IsPolicy(err) {
				rt.Fatalf("loading %s: %v", s.ID, err)
			}
		}
	}
	for _, id := range m.pool.IDs() {
		if !slices.Contains(old, id) {
			rt.Fatalf("%s came out of nowhere", id)
		}
	}
}

// Check is called after each step.
func (m *machine) Check(rt *rapid.T) {
	m.rt, m.world.t = rt, rt
	m.check()
	info := m.pool.Info(m.now)
	if info.Usage > m.pool.cfg.MaxBytes {
		rt.Fatalf("%d bytes", info.Usage)
	}
	coins := m.tipCoins()
	made := make(map[types.OutPoint]bool)
	for _, e := range m.pool.Entries() { // parents come first
		if e.AncestorCount > int64(m.pool.cfg.MaxAncestors) {
			rt.Fatalf("%d ancestors", e.AncestorCount)
		}
		for _, in := range e.Tx.In {
			if _, ok := coins[in.PrevOut]; !ok && !made[in.PrevOut] {
				rt.Fatalf("%s spends %s, which is not there", e.Tx.ID(), in.PrevOut)
			}
		}
		for i := range e.Tx.Out {
			made[out(e.Tx, i)] = true
		}
	}
	all := m.pool.Select(4_000_000, 80_000, 0)
	if len(all) != info.Count {
		rt.Fatalf("%d of %d selected", len(all), info.Count)
	}
	m.mustConnect(all)
	part := m.pool.Select(5000, 6, 1000)
	weight, sigops := 0, 0
	for _, s := range part {
		weight += s.Tx.Weight()
		sigops += s.SigOps
	}
	if weight > 5000 || sigops > 6 {
		rt.Fatalf("weight %d, cost %d", weight, sigops)
	}
	m.mustConnect(part)
	if !slices.Equal(picked(all), dumbSelect(m.pool, 4_000_000, 80_000, 0)) {
		rt.Fatalf("picked %v, another order than the dumb twin", picked(all))
	}
	if !slices.Equal(picked(part), dumbSelect(m.pool, 5000, 6, 1000)) {
		rt.Fatalf("picked %v of a part, others than the dumb twin", picked(part))
	}
}

func TestPoolProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := unsigned()
		cfg.MaxBytes, cfg.MaxAncestors, cfg.MaxDescendants, cfg.Expiry = 16_000, 5, 5, 4*time.Hour
		m := &machine{world: newWorld(rt, cfg, 12), rt: rt}
		rt.Repeat(map[string]func(*rapid.T){
			"":           m.Check,
			"add":        m.Add,
			"add2":       m.Add,
			"add3":       m.Add,
			"package":    m.AddPackage,
			"package2":   m.AddPackage,
			"replay":     m.Replay,
			"mine":       m.Mine,
			"reorg":      m.Reorg,
			"prioritise": m.Prioritise,
			"wait":       m.Wait,
			"reload":     m.Reload,
		})
	})
}

// Readers and writers at once; the race detector is the judge.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(t, unsigned(), 20)
	var txs []*types.Tx
	for i := range 20 {
		parent := w.spend(1000, 2, w.coinbase(int32(i+1)))
		txs = append(txs, parent, w.spend(1000, 1, out(parent, 0)), w.spend(5000, 1, out(parent, 0)))
	}
	coins, tip, now := w.chain.CoinsAt(w.chain.Tip()), w.chain.Tip(), w.now
	var group sync.WaitGroup
	for g := range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range txs {
				tx := txs[(i*(2*g+1)+g)%len(txs)]
				if _, err := w.pool.Add(tx, coins, tip, now, AddOptions{}); err != nil && !IsPolicy(err) {
					t.Errorf("adding: %v", err)
				}
				w.pool.Select(100_000, 1000, 0)
				w.pool.Entries()
				w.pool.Ancestors(tx.ID())
				w.pool.Changes(0, 100)
				w.pool.Prioritise(tx.ID(), 10)
				w.pool.Needs(tx)
				w.pool.Stats()
				if err := w.pool.Check(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
	w.mustConnect(w.pool.Select(4_000_000, 80_000, 0))
}
