package mempool

import (
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
)

// Judging a candidate against the pool, in Bitcoin Core's order of faults.
//
// Fees. It pays at least the minimum and the floor for its virtual size. In a package the floor holds for all together
// (packagejudge.go), and the minimum for each but those of version 3: only these cannot lose the child that pays for them and then
// stay for nothing.
//
// Chains. With its ancestors in the pool it stays within 25 transactions and 101 kvB, and so does each ancestor
// with its descendants: whatever is done for one transaction (sums, eviction, templates, replacement) is bounded work. What the
// candidate itself replaces does not count. One small child with one ancestor may be one more (the carve-out), so that of two
// parties to a payment neither can keep the other from raising the fee.
//
// TRUC (truc.go), dust (dust.go).
//
// Replacement, if it spends what entries of the pool spend (BIP125 without its rule 1) or takes the place of the other child of
// its TRUC parent:
//
//  1. it pays a higher feerate than each entry that it conflicts with: or miners would rather keep those;
//  2. it removes at most 100 entries: bounded work;
//  3. it spends no output of the pool but of parents of what it replaces: a child of a poor parent is no better for a miner;
//  4. it pays at least the sum of fees of all that it removes: a miner never loses;
//  5. and on top the incremental feerate for its own size: bandwidth is never free.
//
// And it does not descend from what it removes.

// terms are how a candidate is judged.
type terms struct {
	replace  bool // it may replace what it conflicts with
	evict    bool // and the other child of its TRUC parent
	carveOut bool // it may be one descendant too many
	ownFees  bool // the floor holds for it by itself
	trim     bool // the pool is brought within its bound at once
	inside   bool // it is part of a package
}

// The terms of a transaction by itself, of one of a package that is tried by itself, of all that are tried together, and of a
// test of several.
var (
	alone    = terms{replace: true, evict: true, carveOut: true, ownFees: true, trim: true}
	single   = terms{replace: true, evict: true, ownFees: true, inside: true}
	together = terms{replace: true, inside: true}
	tested   = terms{ownFees: true, inside: true}
)

// ruling is what judging finds of a candidate's relatives in the pool.
type ruling struct {
	ancestors *set
	direct    *set  // what it conflicts with, and a sibling to be evicted
	touched   int64 // these and their descendants, some counted several times
	replaced  *set  // these and their descendants; only direct, if there are too many
	sibling   bool  // direct has a sibling
}

// judgeFirst judges before the scripts are run, so that what fails here costs no signature.
func (p *Pool) judgeFirst(c *candidate) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, err := p.judge(c)
	return err
}

// judge returns what the candidate replaces, with all descendants, or why it may not enter. It changes nothing.
func (p *Pool) judge(c *candidate) (*set, error) {
	r, err := p.rule(c)
	if err != nil {
		return nil, err
	}
	if err := p.checkDustSpends(c, nil); err != nil {
		return nil, err
	}
	return r.replaced, p.checkReplacement(c, r)
}

// rule judges all but replacement and the spending of dust, which may depend on others of a package.
func (p *Pool) rule(c *candidate) (*ruling, error) {
	if len(c.dust) > 0 && (c.fee != 0 || c.delta != 0) {
		return nil, consensus.Reject(consensus.Dust, "tx with dust output must be 0-fee")
	}
	if c.sigops > maxSigOpCost {
		return nil, consensus.Reject(consensus.TooManySigOps, fmt.Sprint(c.sigops))
	}
	if err := p.checkFees(c); err != nil {
		return nil, err
	}
	r := &ruling{direct: new(set)}
	var parents set
	for i := range c.tx.In {
		if parent := p.byID[c.tx.In[i].PrevOut.TxID]; parent != nil {
			parents.add(parent)
		}
		if e := p.spends[c.tx.In[i].PrevOut].by; e != nil {
			r.conflict(e)
		}
	}
	if len(parents.list) >= max(p.cfg.MaxAncestors, 1) { // before the walk, which bounds it
		return nil, p.tooManyAncestors()
	}
	r.ancestors = closure(parentsOf, parents.list...)
	r.close()
	if err := p.checkChains(c, r); err != nil {
		return nil, err
	}
	if err := checkTRUC(c, r); err != nil {
		return nil, err
	}
	for _, e := range r.direct.list {
		if r.ancestors.has(e) {
			return nil, consensus.Reject(consensus.SpendsConflicting, fmt.Sprintf("%s spends conflicting transaction %s", c.id, e.id))
		}
	}
	return r, c.checkMaxFeeRate()
}

// conflict notes something that the candidate replaces.
func (r *ruling) conflict(e *entry) {
	if r.direct.add(e) {
		r.touched += e.desc.count
	}
}

// close finds the descendants of what the candidate conflicts with, unless there are more than may be replaced.
func (r *ruling) close() {
	if r.replaced = r.direct; r.touched <= maxReplacements {
		r.replaced = closure(childrenOf, r.direct.list...)
	}
}

// checkMaxFeeRate is for packages; a transaction by itself is judged by checkSpend.
func (c *candidate) checkMaxFeeRate() error {
	if c.terms.inside && c.opt.MaxFeeRate > 0 && rateOf(c.modified(), c.vsize) > c.opt.MaxFeeRate {
		return consensus.Reject(consensus.MaxFeeRateExceeded, "")
	}
	return nil
}

func (p *Pool) checkFees(c *candidate) error {
	if c.opt.Returned {
		return nil
	}
	if least := feeFor(p.cfg.MinRelayFeeRate, c.vsize); c.tx.Version != trucVersion && c.modified() < least {
		return consensus.Reject(consensus.MinRelayFeeNotMet, fmt.Sprintf("%d < %d", c.modified(), least))
	}
	if !c.terms.ownFees {
		return nil
	}
	return p.checkFloor(c.modified(), c.vsize, c)
}

// checkFloor judges the fee of a transaction or package.
func (p *Pool) checkFloor(fee, size int64, c *candidate) error {
	if least := feeFor(p.rollingFloor(c.now), size); fee < least {
		return tooPoor(consensus.MempoolMinFeeNotMet, fmt.Sprintf("%d < %d", fee, least))
	}
	if least := feeFor(p.cfg.MinRelayFeeRate, size); fee < least {
		return tooPoor(consensus.MinRelayFeeNotMet, fmt.Sprintf("%d < %d", fee, least))
	}
	return nil
}

// poor is a refusal for fees alone.
type poor struct{ *consensus.RuleError }

func (e poor) Unwrap() error { return e.RuleError }

func tooPoor(kind consensus.Kind, detail string) error { return poor{consensus.Reject(kind, detail)} }

func (p *Pool) checkReplacement(c *candidate, r *ruling) error {
	if len(r.direct.list) == 0 {
		return nil
	}
	fee, many := consensus.InsufficientFee, consensus.TooManyReplacements
	if r.sibling {
		fee, many = consensus.SiblingInsufficientFee, consensus.SiblingTooManyReplacements
	}
	for _, e := range r.direct.list {
		if old, new := rateOf(e.modified(), e.vsize), rateOf(c.modified(), c.vsize); new <= old {
			return tooPoor(fee, fmt.Sprintf("rejecting replacement %s; new feerate %s <= old feerate %s", c.id, rateText(new), rateText(old)))
		}
	}
	if r.touched > maxReplacements {
		return consensus.Reject(many, tooManyReplaced(c, r.touched))
	}
	if err := p.checkNewParents(c, r.direct); err != nil {
		return err
	}
	if why := p.paysTooLittle(c, c.modified(), c.vsize, r.replaced); why != "" {
		return tooPoor(fee, why)
	}
	return nil
}

func tooManyReplaced(c *candidate, touched int64) string {
	return fmt.Sprintf("rejecting replacement %s; too many potential replacements (%d > %d)", c.id, touched, maxReplacements)
}

// paysTooLittle are rules 4 and 5 for a transaction or package of that fee and size, named after c. It returns "" if they are kept.
func (p *Pool) paysTooLittle(c *candidate, fee, size int64, replaced *set) string {
	old := total(replaced.list).fees
	if fee < old {
		return fmt.Sprintf("rejecting replacement %s, less fees than conflicting txs; %s < %s", c.id, money(fee), money(old))
	}
	if extra, least := fee-old, feeFor(p.cfg.IncrementalFeeRate, size); extra < least {
		return fmt.Sprintf("rejecting replacement %s, not enough additional fees to relay; %s < %s", c.id, money(extra), money(least))
	}
	return ""
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

// chainLimits bound a transaction with its ancestors, and each of them with its descendants.
type chainLimits struct {
	ancestors, descendants         int
	ancestorBytes, descendantBytes int64
}

func (p *Pool) checkChains(c *candidate, r *ruling) error {
	limits := chainLimits{p.cfg.MaxAncestors, p.cfg.MaxDescendants, p.cfg.MaxAncestorBytes, p.cfg.MaxDescendantBytes}
	lost := lossOf(r.ancestors, r.replaced)
	err := limits.check(c, r.ancestors, lost)
	if err == nil || !c.terms.carveOut || c.vsize > carveOutBytes || c.tx.Version == trucVersion {
		return err
	}
	limits.ancestors = 2
	limits.descendants++
	limits.descendantBytes += carveOutBytes
	if limits.check(c, r.ancestors, lost) == nil {
		return nil
	}
	return err
}

// check takes for each ancestor what it loses of its descendants; nil if nothing goes.
func (l chainLimits) check(c *candidate, ancestors *set, lost []sums) error {
	mine := total(ancestors.list)
	mine.add(sums{count: 1, size: c.vsize})
	switch {
	case mine.size > l.ancestorBytes:
		return consensus.Reject(consensus.TooLongMempoolChain, fmt.Sprintf("exceeds ancestor size limit [limit: %d]", l.ancestorBytes))
	case mine.count > int64(l.ancestors):
		return consensus.Reject(consensus.TooLongMempoolChain, fmt.Sprintf("too many unconfirmed ancestors [limit: %d]", l.ancestors))
	}
	for i, a := range ancestors.list {
		after := a.desc
		if lost != nil {
			after.sub(lost[i])
		}
		after.add(sums{count: 1, size: c.vsize})
		switch {
		case after.size > l.descendantBytes:
			return consensus.Reject(consensus.TooLongMempoolChain, fmt.Sprintf("exceeds descendant size limit for tx %s [limit: %d]", a.id, l.descendantBytes))
		case after.count > int64(l.descendants):
			return consensus.Reject(consensus.TooLongMempoolChain, fmt.Sprintf("too many descendants for tx %s [limit: %d]", a.id, l.descendants))
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
