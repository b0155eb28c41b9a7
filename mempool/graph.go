package mempool

import (
	"time"

	"github.com/cairn-chain/cairn/types"
)

// This file keeps the graph of entries and the sums along it. Invariants, which Check proves from scratch:
//
//	parent and child links are mutual, and exist exactly where an input spends an entry's output;
//	e.anc is the total over e and all its ancestors, e.desc over e and all its descendants;
//	order is a heap by descendants' feerate, and each entry knows its place in it.
//
// One sum is changed at a time and the heap put right at once, since a heap can be repaired from one wrong place only.

// link finds the parents and children of a new entry and makes the links mutual.
func (p *Pool) link(e *entry) {
	var parents, children set
	for i := range e.tx.In {
		if parent := p.byID[e.tx.In[i].PrevOut.TxID]; parent != nil && parents.add(parent) {
			parent.children = append(parent.children, e)
		}
	}
	for i := range e.tx.Out {
		op := types.OutPoint{TxID: e.id, Index: uint32(i)}
		s := p.spends[op]
		child := s.by
		if child == nil {
			continue
		}
		child.setOrigin(s.input, origin{height: inPool})
		if children.add(child) {
			child.parents = append(child.parents, e)
		}
	}
	e.parents, e.children = parents.list, children.list
}

// insert puts an entry in whose inputs no other entry spends.
func (p *Pool) insert(e *entry) {
	p.entry++
	e.seq = p.entry
	p.link(e)
	p.byID[e.id] = e
	if e.wid != e.id {
		p.byWID[e.wid] = e
	}
	for i := range e.tx.In {
		p.spends[e.tx.In[i].PrevOut] = spend{e, i}
	}
	ancestors := ancestorsOf(e)
	e.anc, e.desc = total(ancestors), e.own()
	e.anc.add(e.own())
	p.order.push(e)
	p.roster.add(e)
	if len(e.children) == 0 {
		for _, a := range ancestors {
			a.desc.add(e.own())
			p.order.fix(a)
		}
	} else {
		p.rebuild(e, ancestors)
	}
	p.total.add(e.own())
	p.fees += e.fee
	p.usage += e.usage
	if e.local {
		p.locals++
	}
	if len(p.order) == 1 || e.time < p.oldest {
		p.oldest = e.time
	}
	p.log.note(e, true, "")
}

// rebuild computes afresh all sums that a new entry between existing ones can change. Such an entry comes from a block that
// was disconnected while its children stayed here.
func (p *Pool) rebuild(e *entry, ancestors []*entry) {
	for _, d := range descendantsOf(e) {
		d.anc = total(ancestorsOf(d))
		d.anc.add(d.own())
	}
	for _, a := range append([]*entry{e}, ancestors...) {
		a.desc = total(descendantsOf(a))
		a.desc.add(a.own())
		p.order.fix(a)
	}
}

// remove takes out a set of entries that holds all descendants of each.
func (p *Pool) remove(s *set, why Reason) {
	for _, e := range s.list {
		for _, a := range ancestorsOf(e) {
			if !s.has(a) {
				a.desc.sub(e.own())
				p.order.fix(a)
			}
		}
	}
	for _, e := range s.list {
		for _, parent := range e.parents {
			parent.children = without(parent.children, e)
		}
		p.drop(e, why)
	}
}

// confirm takes out an entry that a block holds, and before it any parents left: then they are in the chain too.
func (p *Pool) confirm(e *entry) {
	for len(e.parents) > 0 {
		p.confirm(e.parents[0])
	}
	for _, d := range descendantsOf(e) {
		d.anc.sub(e.own())
	}
	for _, child := range e.children {
		child.parents = without(child.parents, e)
	}
	p.drop(e, ReasonBlock)
}

// drop takes an entry out of everything but its relatives' sums and links.
func (p *Pool) drop(e *entry, why Reason) {
	delete(p.byID, e.id)
	delete(p.byWID, e.wid)
	for i := range e.tx.In {
		delete(p.spends, e.tx.In[i].PrevOut)
	}
	p.order.remove(e)
	p.roster.remove(e)
	if why != ReasonBlock {
		p.removed.add(e.tx)
	}
	p.total.sub(e.own())
	p.fees -= e.fee
	p.usage -= e.usage
	if e.local {
		p.locals--
	}
	e.parents, e.children = nil, nil
	p.stats.Removed[why]++
	p.log.note(e, false, why)
}

func without(list []*entry, e *entry) []*entry {
	for i, x := range list {
		if x == e {
			copy(list[i:], list[i+1:])
			list[len(list)-1] = nil
			return list[:len(list)-1]
		}
	}
	return list
}

func withDescendants(e *entry) *set { return closure(childrenOf, e) }

// trim evicts packages of the lowest feerate until the pool is within its bound, and raises the floor above each.
func (p *Pool) trim(now time.Time) {
	if p.usage <= p.cfg.MaxBytes {
		return
	}
	p.floor = p.floor.decayed(now, p.usage, p.cfg.MaxBytes, p.cfg.IncrementalFeeRate)
	for p.usage > p.cfg.MaxBytes && len(p.order) > 0 {
		e := p.order[0]
		p.floor.raise(rateOf(e.desc.fees, e.desc.size) + p.cfg.IncrementalFeeRate)
		p.remove(withDescendants(e), ReasonSize)
	}
}

// expire drops entries older than the limit, with their descendants. It looks at all entries only if one may be too old.
func (p *Pool) expire(now time.Time) {
	limit := now.Add(-p.cfg.Expiry).Unix()
	if len(p.order) == 0 || p.oldest >= limit {
		return
	}
	var old []*entry
	p.oldest = now.Unix()
	for _, e := range p.order {
		if e.time < limit {
			old = append(old, e)
		} else {
			p.oldest = min(p.oldest, e.time)
		}
	}
	p.removeAll(old, ReasonExpiry)
}

// removeAll removes entries and their descendants, in a settled order.
func (p *Pool) removeAll(list []*entry, why Reason) {
	bySequence(list)
	for _, e := range list {
		if p.byID[e.id] == e {
			p.remove(withDescendants(e), why)
		}
	}
}
