package mempool

import (
	"fmt"

	"github.com/cairn-chain/cairn/types"
)

// Check recomputes everything that is kept incrementally, from the transactions alone and without any cleverness, and returns the first
// difference. It takes time quadratic in the length of chains; tests call it.
func (p *Pool) Check() error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if err := p.checkMaps(); err != nil {
		return err
	}
	var all sums
	var fees, usage int64
	locals := 0
	for i, e := range p.order {
		if e.pos != i || i > 0 && evictBefore(e, p.order[(i-1)/2]) {
			return fmt.Errorf("%s stands at %d of the eviction order, wrongly", e.id, i)
		}
		if err := p.checkEntry(e); err != nil {
			return fmt.Errorf("%s: %w", e.id, err)
		}
		all.add(sums{count: 1, size: e.vsize, fees: e.fee + e.delta})
		fees += e.fee
		usage += e.usage
		if e.local {
			locals++
		}
	}
	if all != p.total || fees != p.fees || usage != p.usage || locals != p.locals {
		return fmt.Errorf("totals are %+v, %d, %d, %d, kept as %+v, %d, %d, %d", all, fees, usage, locals, p.total, p.fees, p.usage, p.locals)
	}
	return nil
}

func (p *Pool) checkMaps() error {
	if len(p.byID) != len(p.order) {
		return fmt.Errorf("%d entries by id, %d in the eviction order", len(p.byID), len(p.order))
	}
	if len(p.roster.by) != len(p.order) || len(p.roster.wids) != len(p.order) {
		return fmt.Errorf("%d entries and %d witness ids in the roster, %d entries in all", len(p.roster.by), len(p.roster.wids), len(p.order))
	}
	inputs, wids := 0, 0
	for _, e := range p.order {
		if p.byID[e.tx.ID()] != e || p.find(e.tx.WitnessID()) != e {
			return fmt.Errorf("%s is not found by its ids", e.id)
		}
		if e.tx.ID() != e.tx.WitnessID() {
			wids++
		}
		if p.roster.by[e.seat] != e || p.roster.wids[e.seat] != e.wid {
			return fmt.Errorf("%s is not in its seat of the roster", e.id)
		}
		for i := range e.tx.In {
			if p.spends[e.tx.In[i].PrevOut] != (spend{e, i}) {
				return fmt.Errorf("input %d of %s is spent by another entry too", i, e.id)
			}
			inputs++
		}
	}
	if inputs != len(p.spends) || wids != len(p.byWID) {
		return fmt.Errorf("%d inputs and %d witness ids, kept are %d and %d", inputs, wids, len(p.spends), len(p.byWID))
	}
	return nil
}

// checkEntry compares one entry with what its transaction and the map of ids say.
func (p *Pool) checkEntry(e *entry) error {
	if err := p.checkOrigins(e); err != nil {
		return err
	}
	anc, desc := make(map[types.Hash]*entry), make(map[types.Hash]*entry)
	p.walkUp(e, anc)
	p.walkDown(e, desc)
	if got := sumOf(anc); got != e.anc {
		return fmt.Errorf("with ancestors %+v, kept as %+v", got, e.anc)
	}
	if got := sumOf(desc); got != e.desc {
		return fmt.Errorf("with descendants %+v, kept as %+v", got, e.desc)
	}
	if e.delta != p.deltas[e.id] {
		return fmt.Errorf("delta %d, kept as %d", p.deltas[e.id], e.delta)
	}
	if e.time < p.oldest {
		return fmt.Errorf("entered at %d, before the oldest at %d", e.time, p.oldest)
	}
	if e.vsize != VSize(e.tx.Weight(), e.sigops) || e.weight != e.tx.Weight() {
		return fmt.Errorf("sizes are wrong")
	}
	return nil
}

func (p *Pool) checkOrigins(e *entry) error {
	parents := make(map[*entry]bool)
	missing := 0
	for i := range e.tx.In {
		parent := p.byID[e.tx.In[i].PrevOut.TxID]
		if parent != nil {
			parents[parent] = true
		}
		if (parent != nil) != (e.origins[i].height == inPool) {
			return fmt.Errorf("origin of input %d is at height %d", i, e.origins[i].height)
		}
		if e.origins[i].height == gone {
			missing++
		}
	}
	if missing != e.missing || missing > 0 && !p.unsettled {
		return fmt.Errorf("%d coins are gone, kept as %d", missing, e.missing)
	}
	return p.checkLinks(e, parents)
}

// checkLinks compares the links of e with the parents that its inputs name.
func (p *Pool) checkLinks(e *entry, parents map[*entry]bool) error {
	if len(parents) != len(e.parents) {
		return fmt.Errorf("%d parents, kept are %d", len(parents), len(e.parents))
	}
	for _, parent := range e.parents {
		links := 0
		for _, child := range parent.children {
			if child == e {
				links++
			}
		}
		if !parents[parent] || links != 1 {
			return fmt.Errorf("the link to parent %s is wrong", parent.id)
		}
	}
	for _, child := range e.children {
		if p.byID[child.id] != child {
			return fmt.Errorf("child %s is not here", child.id)
		}
	}
	return nil
}

func (p *Pool) walkUp(e *entry, seen map[types.Hash]*entry) {
	seen[e.id] = e
	for i := range e.tx.In {
		if parent := p.byID[e.tx.In[i].PrevOut.TxID]; parent != nil && seen[parent.id] == nil {
			p.walkUp(parent, seen)
		}
	}
}

func (p *Pool) walkDown(e *entry, seen map[types.Hash]*entry) {
	seen[e.id] = e
	for i := range e.tx.Out {
		if child := p.spends[types.OutPoint{TxID: e.id, Index: uint32(i)}].by; child != nil && seen[child.id] == nil {
			p.walkDown(child, seen)
		}
	}
}

func sumOf(set map[types.Hash]*entry) (s sums) {
	for _, e := range set {
		s.add(sums{count: 1, size: e.vsize, fees: e.fee + e.delta})
	}
	return s
}
