package mempool

import (
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
)

// Judging a candidate against the pool.
//
// Fees. It pays at least the minimum and the floor for its virtual size.
//
// Chains. With its ancestors in the pool it stays within 25 transactions and 101 kvB, and so does each ancestor
// with its descendants: whatever is done for one transaction (sums, eviction, templates, replacement) is bounded work. What the
// candidate itself replaces does not count.
//
// Replacement, if it spends what entries of the pool spend (BIP125 without its rule 1):
//
//  1. it pays a higher feerate than each entry that it conflicts with: or miners would rather keep those;
//  2. it removes at most 100 entries: bounded work;
//  3. it spends no output of the pool but of parents of what it replaces: a child of a poor parent is no better for a miner;
//  4. it pays at least the sum of fees of all that it removes: a miner never loses;
//  5. and on top the incremental feerate for its own size: bandwidth is never free.
//
// And it does not descend from what it removes.

// judgeFirst judges before the scripts are run, so that what fails here costs no signature.
func (p *Pool) judgeFirst(c *candidate) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, err := p.judge(c)
	return err
}

// judge returns what the candidate replaces, with all descendants, or why it may not enter. It changes nothing.
func (p *Pool) judge(c *candidate) (*set, error) {
	if err := p.checkFees(c); err != nil {
		return nil, err
	}
	var parents set
	for i := range c.tx.In {
		if parent := p.byID[c.tx.In[i].PrevOut.TxID]; parent != nil {
			parents.add(parent)
		}
	}
	if len(parents.list) >= max(p.cfg.MaxAncestors, 1) { // before the walk, which bounds it
		return nil, p.tooManyAncestors()
	}
	ancestors := closure(parentsOf, parents.list...)
	replaced, err := p.checkReplacement(c, ancestors)
	if err != nil {
		return nil, err
	}
	return replaced, p.checkChains(c, ancestors, replaced)
}

func (p *Pool) checkFees(c *candidate) error {
	if c.opt.Returned {
		return nil
	}
	if least := feeFor(p.rollingFloor(c.now), c.vsize); c.modified() < least {
		return consensus.Reject(consensus.MempoolMinFeeNotMet, fmt.Sprintf("%d < %d", c.modified(), least))
	}
	if least := feeFor(p.cfg.MinRelayFeeRate, c.vsize); c.modified() < least {
		return consensus.Reject(consensus.MinRelayFeeNotMet, fmt.Sprintf("%d < %d", c.modified(), least))
	}
	return nil
}

func (p *Pool) checkReplacement(c *candidate, ancestors *set) (*set, error) {
	var direct set
	for i := range c.tx.In {
		if e := p.spends[c.tx.In[i].PrevOut].by; e != nil {
			direct.add(e)
		}
	}
	if len(direct.list) == 0 {
		return &direct, nil
	}
	var touched int64
	for _, e := range direct.list {
		if ancestors.has(e) {
			return nil, consensus.Reject(consensus.SpendsConflicting, fmt.Sprintf("%s spends conflicting transaction %s", c.id, e.id))
		}
		if old, new := rateOf(e.modified(), e.vsize), rateOf(c.modified(), c.vsize); new <= old {
			return nil, consensus.Reject(consensus.InsufficientFee, fmt.Sprintf("rejecting replacement %s; new feerate %d <= old feerate %d", c.id, new, old))
		}
		touched += e.desc.count
	}
	if touched > maxReplacements {
		return nil, consensus.Reject(consensus.TooManyReplacements, fmt.Sprintf("rejecting replacement %s; too many potential replacements (%d > %d)", c.id, touched, maxReplacements))
	}
	if err := p.checkNewParents(c, &direct); err != nil {
		return nil, err
	}
	replaced := closure(childrenOf, direct.list...)
	fees := total(replaced.list).fees
	if c.modified() < fees {
		return nil, consensus.Reject(consensus.InsufficientFee, fmt.Sprintf("rejecting replacement %s, less fees than conflicting txs; %d < %d", c.id, c.modified(), fees))
	}
	if extra, least := c.modified()-fees, feeFor(p.cfg.IncrementalFeeRate, c.vsize); extra < least {
		return nil, consensus.Reject(consensus.InsufficientFee, fmt.Sprintf("rejecting replacement %s, not enough additional fees to relay; %d < %d", c.id, extra, least))
	}
	return replaced, nil
}

// checkNewParents is rule 3.
func (p *Pool) checkNewParents(c *candidate, direct *set) error {
	var old set
	for _, e := range direct.list {
		for _, parent := range e.parents {
			old.add(parent)
		}
	}
	for i := range c.tx.In {
		if parent := p.byID[c.tx.In[i].PrevOut.TxID]; parent != nil && !old.has(parent) {
			return consensus.Reject(consensus.ReplacementUnconfirmed, fmt.Sprintf("replacement %s adds unconfirmed input, idx %d", c.id, i))
		}
	}
	return nil
}

func (p *Pool) checkChains(c *candidate, ancestors, replaced *set) error {
	mine := total(ancestors.list)
	mine.add(sums{count: 1, size: c.vsize})
	switch {
	case mine.size > p.cfg.MaxAncestorBytes:
		return consensus.Reject(consensus.TooLongMempoolChain, fmt.Sprintf("exceeds ancestor size limit [limit: %d]", p.cfg.MaxAncestorBytes))
	case mine.count > int64(p.cfg.MaxAncestors):
		return p.tooManyAncestors()
	}
	lost := lossOf(ancestors, replaced)
	for i, a := range ancestors.list {
		after := a.desc
		if lost != nil {
			after.sub(lost[i])
		}
		after.add(sums{count: 1, size: c.vsize})
		switch {
		case after.size > p.cfg.MaxDescendantBytes:
			return consensus.Reject(consensus.TooLongMempoolChain, fmt.Sprintf("exceeds descendant size limit for tx %s [limit: %d]", a.id, p.cfg.MaxDescendantBytes))
		case after.count > int64(p.cfg.MaxDescendants):
			return consensus.Reject(consensus.TooLongMempoolChain, fmt.Sprintf("too many descendants for tx %s [limit: %d]", a.id, p.cfg.MaxDescendants))
		}
	}
	return nil
}

func (p *Pool) tooManyAncestors() error {
	return consensus.Reject(consensus.TooLongMempoolChain, fmt.Sprintf("too many unconfirmed ancestors [limit: %d]", p.cfg.MaxAncestors))
}

// lossOf returns, for each of ancestors, what it loses of its descendants when replaced go; nil if nothing goes.
func lossOf(ancestors, replaced *set) []sums {
	if len(replaced.list) == 0 || len(ancestors.list) == 0 {
		return nil
	}
	lost := make([]sums, len(ancestors.list))
	place := make(map[*entry]int, len(ancestors.list))
	for i, a := range ancestors.list {
		place[a] = i
	}
	for _, e := range replaced.list {
		for _, a := range ancestorsOf(e) {
			if i, ok := place[a]; ok {
				lost[i].add(e.own())
			}
		}
	}
	return lost
}

// enforceChains drops descendants of a new entry that now have too many ancestors. Only an entry that came back from a block has
// descendants.
func (p *Pool) enforceChains(e *entry) {
	var over []*entry
	for _, d := range descendantsOf(e) {
		if d.anc.count > int64(p.cfg.MaxAncestors) || d.anc.size > p.cfg.MaxAncestorBytes {
			over = append(over, d)
		}
	}
	p.removeAll(over, ReasonSize)
}
