package mempool

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Judging transactions that are to enter together, after each was judged by itself (ruleOne).
//
// Replacement is for a parent with a child that have no ancestors in the pool, and replaces only transactions with at most one
// relative, so that what a miner gains can be told exactly:
//
//  1. the two remove at most 100 entries: bounded work;
//  2. they pay what all of these paid, and the incremental feerate for their own size on top;
//  3. together they pay a higher feerate than the parent by itself: else the child is there only to pay for the bandwidth;
//  4. the feerate diagram gets better: whatever number of bytes a miner has room for, the transactions concerned give him no
//     less fee after the replacement than before, and somewhere more. Each old pair is counted as the miner would take it: the
//     child with the parent if it pays more, else one by one.
//
// Complexity: the at most 100 entries removed, sorted.

// group is a number of candidates, parents before children.
type group struct {
	pool *Pool
	cs   []*candidate
	now  time.Time

	fees, size int64
	replaced   *set
}

// refusal says why a group was refused: one candidate for err, and the package with that kind; or all for err, if at is negative.
type refusal struct {
	at   int
	kind consensus.Kind
	err  error
}

func refuseAll(kind consensus.Kind, detail string) *refusal {
	return &refusal{at: -1, err: consensus.Reject(kind, detail)}
}

// ruleOne judges one candidate of a group by itself.
func (p *Pool) ruleOne(c *candidate) (err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	c.ruling, err = p.rule(c)
	return err
}

// judgeGroup judges before the scripts are run.
func (p *Pool) judgeGroup(g *group) *refusal {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return g.judge()
}

// enterGroup judges all for good and puts them in.
func (p *Pool) enterGroup(g *group, coins consensus.Coins) *refusal {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range g.cs {
		if err := p.confirmCoins(c, coins); err != nil {
			return &refusal{at: i, kind: consensus.PackageTxFailed, err: err}
		}
	}
	if no := g.judge(); no != nil {
		return no
	}
	p.remove(g.replaced, ReasonReplaced)
	for _, c := range g.cs {
		p.put(c)
	}
	p.expire(g.now)
	return nil
}

// judge judges under the lock and sets the sums and what is replaced. It changes nothing in the pool.
func (g *group) judge() *refusal {
	g.fees, g.size, g.replaced = 0, 0, new(set)
	var err error
	for i, c := range g.cs {
		if c.ruling, err = g.pool.rule(c); err != nil {
			return &refusal{at: i, kind: consensus.PackageTxFailed, err: err}
		}
		g.fees += c.modified()
		g.size += c.vsize
	}
	for i := range g.cs {
		if err := checkPackageTRUC(g.cs, i); err != nil {
			return &refusal{at: -1, err: err}
		}
	}
	last := g.cs[len(g.cs)-1]
	if !last.terms.ownFees {
		if err := g.pool.checkFloor(g.fees, g.size, last); err != nil {
			return &refusal{at: len(g.cs) - 1, kind: consensus.PackageTxFailed, err: err}
		}
	}
	if len(g.cs) > 1 {
		if why := g.tooLong(); why != "" {
			return refuseAll(consensus.PackageMempoolLimits, why)
		}
		if no := g.checkReplacement(); no != nil {
			return no
		}
	}
	for i, c := range g.cs {
		if err := g.pool.checkDustSpends(c, g.cs[:i]); err != nil {
			return &refusal{at: i, kind: consensus.PackageUnspentDust, err: err}
		}
	}
	return nil
}

// tooLong counts each transaction of the group as if it were a descendant of all ancestors of any of them, and says what limit
// that breaks.
func (g *group) tooLong() string {
	cfg, n := &g.pool.cfg, int64(len(g.cs))
	switch {
	case n > int64(cfg.MaxAncestors):
		return fmt.Sprintf("package count %d exceeds ancestor count limit [limit: %d]", n, cfg.MaxAncestors)
	case n > int64(cfg.MaxDescendants):
		return fmt.Sprintf("package count %d exceeds descendant count limit [limit: %d]", n, cfg.MaxDescendants)
	case g.size > cfg.MaxAncestorBytes:
		return fmt.Sprintf("package size %d exceeds ancestor size limit [limit: %d]", g.size, cfg.MaxAncestorBytes)
	case g.size > cfg.MaxDescendantBytes:
		return fmt.Sprintf("package size %d exceeds descendant size limit [limit: %d]", g.size, cfg.MaxDescendantBytes)
	}
	var ancestors set
	for _, c := range g.cs {
		for _, a := range c.ruling.ancestors.list {
			ancestors.add(a)
		}
	}
	for _, a := range ancestors.list {
		switch {
		case a.desc.size+g.size > cfg.MaxDescendantBytes:
			return fmt.Sprintf("possibly exceeds descendant size limit for tx %s [limit: %d]", a.id, cfg.MaxDescendantBytes)
		case a.desc.count+n > int64(cfg.MaxDescendants):
			return fmt.Sprintf("possibly too many descendants for tx %s [limit: %d]", a.id, cfg.MaxDescendants)
		}
	}
	all := total(ancestors.list)
	switch {
	case all.size+g.size > cfg.MaxAncestorBytes:
		return fmt.Sprintf("possibly exceeds ancestor size limit [limit: %d]", cfg.MaxAncestorBytes)
	case all.count+n > int64(cfg.MaxAncestors):
		return fmt.Sprintf("possibly too many unconfirmed ancestors [limit: %d]", cfg.MaxAncestors)
	}
	return ""
}

// checkReplacement judges what the group conflicts with, and sets what it replaces.
func (g *group) checkReplacement() *refusal {
	all := ruling{direct: new(set)}
	lonely := true
	txs := make([]*types.Tx, len(g.cs))
	for i, c := range g.cs {
		txs[i] = c.tx
		lonely = lonely && len(c.ruling.ancestors.list) == 0
		for _, e := range c.ruling.direct.list {
			all.conflict(e)
		}
	}
	parent, child := g.cs[0], g.cs[len(g.cs)-1]
	switch {
	case len(all.direct.list) == 0:
		return nil
	case len(g.cs) != 2 || !isFamily(txs):
		return refuseAll(consensus.PackageRBFShape, "")
	case !lonely:
		return refuseAll(consensus.PackageRBFAncestors, "")
	case all.touched > maxReplacements:
		return refuseAll(consensus.PackageRBFTooMany, tooManyReplaced(child, all.touched))
	}
	all.close()
	g.replaced = all.replaced
	if why := g.pool.paysTooLittle(child, g.fees, g.size, g.replaced); why != "" {
		return refuseAll(consensus.PackageRBFFees, why)
	}
	if both, first := rateOf(g.fees, g.size), rateOf(parent.modified(), parent.vsize); both <= first {
		return refuseAll(consensus.PackageRBFParent, fmt.Sprintf("package feerate %s <= parent feerate is %s", rateText(both), rateText(first)))
	}
	if why := g.wrongTopology(); why != "" {
		return refuseAll(consensus.PackageRBFTopology(why), "")
	}
	if !better(g.chunks()) {
		return refuseAll(consensus.PackageRBFDiagram, "")
	}
	return nil
}

// wrongTopology says which of the entries to be replaced has relatives beyond one parent or child.
func (g *group) wrongTopology() string {
	list := slices.Clone(g.replaced.list)
	slices.SortFunc(list, func(a, b *entry) int { return a.id.Compare(b.id) })
	for _, e := range list {
		above, below := e.anc.count-1, e.desc.count-1
		switch {
		case above > 1:
			return fmt.Sprintf("%s has %d ancestors, max 1 allowed", e.id, above)
		case below > 1:
			return fmt.Sprintf("%s has %d descendants, max 1 allowed", e.id, below)
		case above > 0 && below > 0:
			return fmt.Sprintf("%s has both ancestor and descendant, exceeding cluster limit of 2", e.id)
		case below > 0 && e.children[0].anc.count > 2:
			return fmt.Sprintf("%s is not the only parent of child %s", e.id, e.children[0].id)
		case above > 0 && e.parents[0].desc.count > 2:
			return fmt.Sprintf("%s is not the only child of parent %s", e.id, e.parents[0].id)
		}
	}
	return ""
}

// chunks returns what a miner would take at a time, of the transactions concerned, before and after the replacement.
func (g *group) chunks() (before, after []score) {
	for _, e := range g.replaced.list {
		own := score{e.modified(), e.vsize}
		if len(e.parents) > 0 && !g.replaced.has(e.parents[0]) {
			after = append(after, score{e.parents[0].modified(), e.parents[0].vsize})
		}
		switch {
		case len(e.children) > 0: // it is counted with its child
		case len(e.parents) == 0:
			before = append(before, own)
		case cmpRate(own.fee, own.size, e.anc.fees, e.anc.size) > 0:
			before = append(before, score{e.anc.fees, e.anc.size})
		default:
			before = append(before, score{e.anc.fees - own.fee, e.anc.size - own.size}, own)
		}
	}
	return before, append(after, score{g.fees, g.size})
}

// better compares two feerate diagrams: fees as a function of size, the best chunks first, flat behind the last one. Both
// are concave and straight between the ends of chunks, so it is enough to compare at these. It tells whether after is
// nowhere below before, and somewhere above.
func better(before, after []score) bool {
	for _, chunks := range [][]score{before, after} {
		slices.SortStableFunc(chunks, func(a, b score) int { return cmpRate(b.fee, b.size, a.fee, a.size) })
	}
	above := false
	for _, at := range ends(before) {
		c := cmpAt(after, at)
		above = above || c > 0
		if c < 0 {
			return false
		}
	}
	for _, at := range ends(after) {
		c := cmpAt(before, at)
		above = above || c < 0
		if c > 0 {
			return false
		}
	}
	return above
}

// ends returns the points of a diagram where its chunks end.
func ends(chunks []score) (points []score) {
	var sum score
	for _, c := range chunks {
		sum.fee, sum.size = sum.fee+c.fee, sum.size+c.size
		points = append(points, sum)
	}
	return points
}

// cmpAt compares the value of a diagram at a point's size with the point's fee.
func cmpAt(chunks []score, at score) int {
	var sum score
	for _, c := range chunks {
		if sum.size+c.size > at.size {
			if at.size == sum.size {
				break
			}
			return cmpRate(c.fee, c.size, at.fee-sum.fee, at.size-sum.size)
		}
		sum.fee, sum.size = sum.fee+c.fee, sum.size+c.size
	}
	return cmp.Compare(sum.fee, at.fee)
}
