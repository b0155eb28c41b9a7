package orphanage

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// dumb is the specification with no thought for speed: one list of orphans, oldest first, and one of who announced what, in order.
type dumb struct {
	orphans []*types.Tx
	shares  []dumbShare
	queue   []*types.Tx
	wids    map[*types.Tx]types.Hash // of all transactions of the test, so that they are hashed once
	weights map[*types.Tx]int
}

type dumbShare struct {
	wid    types.Hash
	peer   peer
	weight int
}

func (d *dumb) find(wid types.Hash) *types.Tx {
	for _, x := range d.orphans {
		if d.wids[x] == wid {
			return x
		}
	}
	return nil
}

// drop takes shares away, and the orphans that are nobody's then.
func (d *dumb) drop(which func(dumbShare) bool) {
	d.shares = slices.DeleteFunc(d.shares, which)
	owned := map[types.Hash]bool{}
	for _, s := range d.shares {
		owned[s.wid] = true
	}
	gone := func(x *types.Tx) bool { return !owned[d.wids[x]] }
	d.orphans, d.queue = slices.DeleteFunc(d.orphans, gone), slices.DeleteFunc(d.queue, gone)
}

func (d *dumb) dropOldestOf(id peer) {
	i := slices.IndexFunc(d.shares, func(s dumbShare) bool { return s.peer == id })
	oldest := d.shares[i]
	d.drop(func(s dumbShare) bool { return s == oldest })
}

func (d *dumb) share(id peer) (n, weight int) {
	for _, s := range d.shares {
		if s.peer == id {
			n++
			weight += s.weight
		}
	}
	return n, weight
}

func (d *dumb) weight() (sum int) {
	for _, x := range d.orphans {
		sum += d.weights[x]
	}
	return sum
}

func (d *dumb) add(x *types.Tx, id peer) {
	if d.find(d.wids[x]) == nil {
		d.orphans = append(d.orphans, x)
	}
	d.announce(d.wids[x], id)
	for len(d.orphans) > MaxOrphans || d.weight() > MaxWeight {
		var worst peer
		most := -1
		for id := range peer(peers + 1) {
			if _, w := d.share(id); w > most {
				worst, most = id, w
			}
		}
		d.dropOldestOf(worst)
	}
}

func (d *dumb) announce(wid types.Hash, id peer) {
	x := d.find(wid)
	if x == nil || slices.ContainsFunc(d.shares, func(s dumbShare) bool { return s.wid == wid && s.peer == id }) {
		return
	}
	d.shares = append(d.shares, dumbShare{wid, id, d.weights[x]})
	for {
		if n, weight := d.share(id); n <= MaxOfPeer && weight <= MaxPeerWeight {
			return
		}
		d.dropOldestOf(id)
	}
}

// spenders are the orphans that spend one of the outpoints, oldest first.
func (d *dumb) spenders(of func(types.OutPoint) bool) (out []*types.Tx) {
	for _, x := range d.orphans {
		if slices.ContainsFunc(x.In, func(in types.TxIn) bool { return of(in.PrevOut) }) {
			out = append(out, x)
		}
	}
	return out
}

func (d *dumb) wake(parent *types.Tx) {
	for _, x := range d.spenders(childOf(parent)) {
		if !slices.Contains(d.queue, x) {
			d.queue = append(d.queue, x)
		}
	}
}

func childOf(parent *types.Tx) func(types.OutPoint) bool {
	id := parent.ID()
	return func(op types.OutPoint) bool { return op.TxID == id && int(op.Index) < len(parent.Out) }
}

func (d *dumb) next() *types.Tx {
	if len(d.queue) == 0 {
		return nil
	}
	x := d.queue[0]
	d.queue = d.queue[1:]
	return x
}

func (d *dumb) confirmed(x *types.Tx) {
	for _, y := range d.spenders(func(op types.OutPoint) bool {
		return slices.ContainsFunc(x.In, func(in types.TxIn) bool { return in.PrevOut == op })
	}) {
		d.drop(func(s dumbShare) bool { return s.wid == d.wids[y] })
	}
}

const peers = 16

// pair runs the same calls on both.
type pair struct {
	t    *testing.T
	fast *Orphanage[peer]
	dumb dumb
}

// do makes one call. all[:parents] have no parents among all; the others spend what these make.
func (p *pair) do(rng *rand.Rand, all []*types.Tx, parents int) {
	x, id := all[parents+rng.IntN(len(all)-parents)], peer(rng.IntN(peers)+1)
	switch n := rng.IntN(1000); {
	case n < 880:
		p.fast.Add(x, id)
		p.dumb.add(x, id)
	case n < 920:
		p.fast.Announce(x.WitnessID(), id)
		p.dumb.announce(p.dumb.wids[x], id)
	case n < 940:
		p.fast.Erase(x.WitnessID())
		p.dumb.drop(func(s dumbShare) bool { return s.wid == p.dumb.wids[x] })
	case n < 965:
		parent := all[rng.IntN(parents)]
		p.fast.Wake(parent)
		p.dumb.wake(parent)
	case n < 995:
		var got *types.Tx
		if next := p.fast.Next(); next != nil {
			got = next.Tx
		}
		if want := p.dumb.next(); got != want {
			p.t.Fatalf("%v is next, in the dumb twin %v", got, want)
		}
	case n < 999:
		p.fast.Confirmed(x)
		p.dumb.confirmed(x)
	default:
		p.fast.Gone(id)
		p.dumb.drop(func(s dumbShare) bool { return s.peer == id })
	}
}

func (p *pair) compare() {
	p.t.Helper()
	all := p.fast.All()
	same := slices.EqualFunc(all, p.dumb.orphans, func(n *Orphan[peer], x *types.Tx) bool { return n.Tx == x })
	n, weight := p.fast.Size()
	if !same || n != len(p.dumb.orphans) || weight != p.dumb.weight() {
		p.t.Fatalf("%d orphans of weight %d, in the dumb twin %d of %d", n, weight, len(p.dumb.orphans), p.dumb.weight())
	}
	for id := range peer(peers + 1) {
		n, weight := p.fast.Share(id)
		if wantN, wantWeight := p.dumb.share(id); n != wantN || weight != wantWeight {
			p.t.Fatalf("peer %d has %d of weight %d, in the dumb twin %d of %d", id, n, weight, wantN, wantWeight)
		}
	}
	if err := p.fast.Check(); err != nil {
		p.t.Fatal(err)
	}
}

// Small orphans come to the bounds in number, large ones to those in weight.
func TestOrphanageAgainstTwin(t *testing.T) {
	for name, size := range map[string]int{"small": 0, "large": 8000} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, uint64(size)))
			const parents = 400
			var all []*types.Tx
			for i := range uint32(2400) {
				x := tx(i)
				if i >= parents {
					x = tx(i, all[rng.IntN(parents)].ID(), all[rng.IntN(parents)].ID())
				}
				x.Out[0].Script = make([]byte, rng.IntN(size+1))
				all = append(all, x)
			}
			p, most := pair{t: t, fast: New[peer](), dumb: dumb{wids: map[*types.Tx]types.Hash{}, weights: map[*types.Tx]int{}}}, 0
			for _, x := range all {
				p.dumb.wids[x], p.dumb.weights[x] = x.WitnessID(), x.Weight()
			}
			for i := range 3000 {
				p.do(rng, all, parents)
				if i%50 == 0 {
					p.compare()
				}
				n, weight := p.fast.Size()
				most = max(most, n*1000/MaxOrphans, weight/(MaxWeight/1000))
			}
			if most < 990 {
				t.Errorf("the bounds were never near: %d ‰", most)
			}
		})
	}
}
