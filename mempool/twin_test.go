package mempool

import (
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// twin is a dumb pool: a list of transactions and the rules as they are told, without sums, links or orders. Everything is found by
// looking at everything. It knows nothing of scripts, locks and sizes in memory.
type twin struct {
	txs   []*twinTx
	cfg   *Config
	floor int64 // the rolling one
	coins consensus.Coins
	next  int32 // height of the next block
	stale bool  // something is so old that it may go at any time: the twin has no clock
}

type twinTx struct {
	tx         *types.Tx
	fee, delta int64
}

func (x *twinTx) size() int64 { return int64(x.tx.Weight()+3) / 4 }
func (x *twinTx) paid() int64 { return x.fee + x.delta }

// twinOf copies what is in the pool.
func (w *world) twinOf() *twin {
	t := &twin{cfg: &w.pool.cfg, coins: w.tipCoins(), floor: w.pool.rollingFloor(w.now), next: w.chain.Tip().Height() + 1}
	for _, e := range w.pool.Entries() {
		t.txs = append(t.txs, &twinTx{e.Tx, e.Fee, e.Delta})
		t.stale = t.stale || w.now.Sub(e.Time) > t.cfg.Expiry
	}
	return t
}

// candidate makes what is to be judged; its fee is known from the outputs that were ever made.
func (w *world) twinTx(tx *types.Tx) *twinTx {
	x := &twinTx{tx: tx}
	for _, in := range tx.In {
		x.fee += w.outs[in.PrevOut].Value
	}
	for _, o := range tx.Out {
		x.fee -= o.Value
	}
	for _, d := range w.pool.Deltas() {
		if d.ID == tx.ID() {
			x.delta = d.Fee
		}
	}
	return x
}

func (x *twinTx) spends(parent *twinTx) bool {
	return slices.ContainsFunc(x.tx.In, func(in types.TxIn) bool { return in.PrevOut.TxID == parent.tx.ID() })
}

// relatives finds all that are above (or below) one of from, without from.
func (t *twin) relatives(from []*twinTx, above bool) (found []*twinTx) {
	for changed := true; changed; {
		changed = false
		for _, x := range t.txs {
			if slices.Contains(found, x) || slices.Contains(from, x) {
				continue
			}
			for _, y := range append(slices.Clone(from), found...) {
				if above && y.spends(x) || !above && x.spends(y) {
					found, changed = append(found, x), true
					break
				}
			}
		}
	}
	return found
}

func (t *twin) dust(tx *types.Tx) (dust []types.OutPoint) {
	for i, o := range tx.Out {
		if o.Value < DustLimit(o.Script, t.cfg.DustRelayFeeRate) {
			dust = append(dust, out(tx, i))
		}
	}
	return dust
}

// ruled is what the twin finds of a candidate in the pool.
type ruled struct {
	above    []*twinTx
	direct   []*twinTx
	replaced []*twinTx
	sibling  bool
	touched  int
}

// missing tells whether an input is neither a coin nor made by the pool or the package.
func (t *twin) missing(x *twinTx, within []*twinTx) bool {
	return slices.ContainsFunc(x.tx.In, func(in types.TxIn) bool {
		_, ok := t.coins[in.PrevOut]
		for _, y := range append(slices.Clone(t.txs), within...) {
			ok = ok || y.tx.ID() == in.PrevOut.TxID && int(in.PrevOut.Index) < len(y.tx.Out)
		}
		return !ok
	})
}

// premature tells whether an input spends a coinbase too early.
func (t *twin) premature(x *twinTx) bool {
	return slices.ContainsFunc(x.tx.In, func(in types.TxIn) bool {
		c := t.coins[in.PrevOut]
		return c.Coinbase && t.next-c.Height < t.cfg.Params.CoinbaseMaturity
	})
}

func (t *twin) conflicts(x *twinTx) (direct []*twinTx) {
	for _, y := range t.txs {
		for _, in := range y.tx.In {
			if slices.ContainsFunc(x.tx.In, func(mine types.TxIn) bool { return mine.PrevOut == in.PrevOut }) && !slices.Contains(direct, y) {
				direct = append(direct, y)
			}
		}
	}
	return direct
}

// rule judges all but replacement. soft says that fees alone are to blame.
func (t *twin) rule(x *twinTx, on terms) (r ruled, kind consensus.Kind, soft bool) {
	size, least := x.size(), feeFor(t.cfg.MinRelayFeeRate, x.size())
	switch v3 := x.tx.Version == 3; {
	case t.premature(x):
		return r, consensus.BadTxnsPrematureSpend, false
	case len(t.dust(x.tx)) > 0 && (x.fee != 0 || x.paid() != 0):
		return r, consensus.Dust, false
	case !v3 && x.paid() < least:
		return r, consensus.MinRelayFeeNotMet, false
	case on.ownFees && x.paid() < feeFor(t.floor, size):
		return r, consensus.MempoolMinFeeNotMet, true
	case on.ownFees && x.paid() < least:
		return r, consensus.MinRelayFeeNotMet, true
	}
	r.above = t.relatives([]*twinTx{x}, true)
	r.direct = t.conflicts(x)
	t.expand(&r)
	if !t.fits(x, r, t.cfg.MaxAncestors, t.cfg.MaxDescendants) && !(on.carveOut && x.tx.Version != 3 && t.fits(x, r, 2, t.cfg.MaxDescendants+1)) {
		return r, consensus.TooLongMempoolChain, false
	}
	if !t.truc(x, &r, on.evict) {
		return r, consensus.TRUCViolation, false
	}
	for _, y := range r.direct {
		if slices.Contains(r.above, y) {
			return r, consensus.SpendsConflicting, false
		}
	}
	return r, "", false
}

func (t *twin) expand(r *ruled) {
	r.touched = 0
	for _, y := range r.direct {
		r.touched += 1 + len(t.relatives([]*twinTx{y}, false))
	}
	r.replaced = append(slices.Clone(r.direct), t.relatives(r.direct, false)...)
}

// fits looks at counts only: nothing here is large.
func (t *twin) fits(x *twinTx, r ruled, ancestors, descendants int) bool {
	if len(r.above)+1 > ancestors {
		return false
	}
	for _, a := range r.above {
		n := 2 // itself and the candidate
		for _, d := range t.relatives([]*twinTx{a}, false) {
			if !slices.Contains(r.replaced, d) {
				n++
			}
		}
		if slices.Contains(r.replaced, a) {
			n--
		}
		if n > descendants {
			return false
		}
	}
	return true
}

func (t *twin) truc(x *twinTx, r *ruled, evict bool) bool {
	for _, a := range r.above {
		if (a.tx.Version == 3) != (x.tx.Version == 3) {
			return false
		}
	}
	if x.tx.Version != 3 || len(r.above) == 0 {
		return true
	}
	if len(r.above) > 1 || x.size() > 1000 {
		return false
	}
	below := t.relatives(r.above, false)
	for _, d := range below {
		if d.spends(r.above[0]) && slices.Contains(r.direct, d) {
			return true
		}
	}
	switch {
	case len(below) == 0:
		return true
	case !evict || len(below) > 1 || len(t.relatives(below, true)) > 1:
		return false
	}
	r.direct, r.sibling = append(r.direct, below[0]), true
	t.expand(r)
	return true
}

// leavesDust tells whether x spends a parent, in the pool or the package, and not its dust.
func (t *twin) leavesDust(x *twinTx, within []*twinTx) bool {
	for _, y := range append(slices.Clone(t.txs), within...) {
		if !x.spends(y) {
			continue
		}
		for _, op := range t.dust(y.tx) {
			if !slices.ContainsFunc(x.tx.In, func(in types.TxIn) bool { return in.PrevOut == op }) {
				return true
			}
		}
	}
	return false
}

func sumPaid(list []*twinTx) (fees, size int64) {
	for _, y := range list {
		fees, size = fees+y.paid(), size+y.size()
	}
	return fees, size
}

// replaces judges the replacement by a single one.
func (t *twin) replaces(x *twinTx, r ruled) (kind consensus.Kind, soft bool) {
	if len(r.direct) == 0 {
		return "", false
	}
	poor, many := consensus.InsufficientFee, consensus.TooManyReplacements
	if r.sibling {
		poor, many = consensus.SiblingInsufficientFee, consensus.SiblingTooManyReplacements
	}
	for _, y := range r.direct {
		if rateOf(x.paid(), x.size()) <= rateOf(y.paid(), y.size()) {
			return poor, true
		}
	}
	if r.touched > 100 {
		return many, false
	}
	for _, y := range t.txs {
		if x.spends(y) && !slices.ContainsFunc(r.direct, func(d *twinTx) bool { return d.spends(y) }) {
			return consensus.ReplacementUnconfirmed, false
		}
	}
	old, _ := sumPaid(r.replaced)
	if x.paid() < old+feeFor(t.cfg.IncrementalFeeRate, x.size()) {
		return poor, true
	}
	return "", false
}

// enter takes something in for other things.
func (t *twin) enter(xs, replaced []*twinTx) {
	t.txs = slices.DeleteFunc(t.txs, func(y *twinTx) bool { return slices.Contains(replaced, y) })
	t.txs = append(t.txs, xs...)
}

// add judges one and takes it in.
func (t *twin) add(x *twinTx, on terms) (kind consensus.Kind, soft bool) {
	if slices.ContainsFunc(t.txs, func(y *twinTx) bool { return y.tx.ID() == x.tx.ID() }) {
		return consensus.AlreadyInMempool, false
	}
	if t.missing(x, nil) {
		return consensus.MissingInputs, true
	}
	r, kind, soft := t.rule(x, on)
	if kind != "" {
		return kind, soft
	}
	if t.leavesDust(x, nil) {
		return consensus.MissingEphemeralSpends, false
	}
	if kind, soft = t.replaces(x, r); kind == "" {
		t.enter([]*twinTx{x}, r.replaced)
	}
	return kind, soft
}

// addPackage judges a child with its parents and takes in what may enter. each is of those of which something is known.
func (t *twin) addPackage(xs []*twinTx) (whole consensus.Kind, each map[types.Hash]consensus.Kind) {
	each = make(map[types.Hash]consensus.Kind)
	last := xs[len(xs)-1]
	for _, in := range last.tx.In {
		_, confirmed := t.coins[in.PrevOut]
		if !confirmed && !slices.ContainsFunc(xs[:len(xs)-1], func(y *twinTx) bool { return y.tx.ID() == in.PrevOut.TxID }) {
			return consensus.PackageNotUnconfirmed, nil
		}
	}
	var rest []*twinTx
	for _, x := range xs {
		kind, soft := t.add(x, single)
		if kind == consensus.AlreadyInMempool {
			kind = ""
		}
		each[x.tx.ID()] = kind
		switch {
		case kind == "":
		case soft && len(xs) > 1:
			rest = append(rest, x)
		default:
			whole = consensus.PackageTxFailed
		}
	}
	switch {
	case whole != "" || len(rest) == 0:
		return whole, each
	case len(rest) == 1:
		return consensus.PackageTxFailed, each
	}
	return t.group(rest, each), each
}

// group judges several together and takes all in or none.
func (t *twin) group(xs []*twinTx, each map[types.Hash]consensus.Kind) consensus.Kind {
	rs := make([]ruled, len(xs))
	for i, x := range xs {
		kind := consensus.MissingInputs
		if !t.missing(x, xs[:i]) {
			rs[i], kind, _ = t.rule(x, together)
		}
		if kind != "" {
			each[x.tx.ID()] = kind
			return consensus.PackageTxFailed
		}
	}
	if !t.trucPackage(xs) {
		return consensus.TRUCViolation
	}
	fees, size := sumPaid(xs)
	last := xs[len(xs)-1].tx.ID()
	switch {
	case fees < feeFor(t.floor, size):
		each[last] = consensus.MempoolMinFeeNotMet
		return consensus.PackageTxFailed
	case fees < feeFor(t.cfg.MinRelayFeeRate, size):
		each[last] = consensus.MinRelayFeeNotMet
		return consensus.PackageTxFailed
	}
	if !t.packageFits(xs, rs) {
		return consensus.PackageMempoolLimits
	}
	replaced, kind := t.packageReplaces(xs, rs)
	if kind != "" {
		return kind
	}
	for i, x := range xs {
		if t.leavesDust(x, xs[:i]) {
			each[x.tx.ID()] = consensus.MissingEphemeralSpends
			return consensus.PackageUnspentDust
		}
	}
	t.enter(xs, replaced)
	for _, x := range xs {
		each[x.tx.ID()] = ""
	}
	return ""
}

// trucPackage looks at the pool with all of the package in it.
func (t *twin) trucPackage(xs []*twinTx) bool {
	after := &twin{txs: append(slices.Clone(t.txs), xs...), cfg: t.cfg}
	for _, x := range xs {
		for _, y := range after.txs {
			if x.spends(y) && (x.tx.Version == 3) != (y.tx.Version == 3) {
				return false
			}
		}
		above := after.relatives([]*twinTx{x}, true)
		if x.tx.Version != 3 || len(above) == 0 {
			continue
		}
		if len(above) > 1 || x.size() > 1000 || len(after.relatives(above, false)) > 1 {
			return false
		}
	}
	return true
}

func (t *twin) packageFits(xs []*twinTx, rs []ruled) bool {
	var above []*twinTx
	for _, r := range rs {
		for _, a := range r.above {
			if !slices.Contains(above, a) {
				above = append(above, a)
			}
		}
	}
	if len(xs)+len(above) > t.cfg.MaxAncestors {
		return false
	}
	for _, a := range above {
		if 1+len(t.relatives([]*twinTx{a}, false))+len(xs) > t.cfg.MaxDescendants {
			return false
		}
	}
	return true
}

func (t *twin) packageReplaces(xs []*twinTx, rs []ruled) ([]*twinTx, consensus.Kind) {
	var all ruled
	above := 0
	for _, r := range rs {
		above += len(r.above)
		for _, y := range r.direct {
			if !slices.Contains(all.direct, y) {
				all.direct = append(all.direct, y)
			}
		}
	}
	if len(all.direct) == 0 {
		return nil, ""
	}
	t.expand(&all)
	fees, size := sumPaid(xs)
	old, _ := sumPaid(all.replaced)
	switch {
	case len(xs) != 2:
		return nil, consensus.PackageRBFShape
	case above > 0:
		return nil, consensus.PackageRBFAncestors
	case all.touched > 100:
		return nil, consensus.PackageRBFTooMany
	case fees < old+feeFor(t.cfg.IncrementalFeeRate, size):
		return nil, consensus.PackageRBFFees
	case rateOf(fees, size) <= rateOf(xs[0].paid(), xs[0].size()):
		return nil, consensus.PackageRBFParent
	}
	before, after := []score{}, []score{{fees, size}}
	seen := map[*twinTx]bool{}
	for _, y := range all.replaced {
		cluster := append(t.relatives([]*twinTx{y}, true), t.relatives([]*twinTx{y}, false)...)
		if len(cluster) > 1 || len(cluster) == 1 && len(t.relatives(cluster, true))+len(t.relatives(cluster, false)) > 1 {
			return nil, consensus.PackageRBF // some topology
		}
		if seen[y] {
			continue
		}
		pair := append([]*twinTx{y}, cluster...)
		for _, z := range pair {
			seen[z] = true
			if !slices.Contains(all.replaced, z) {
				after = append(after, score{z.paid(), z.size()})
			}
		}
		if len(pair) == 2 && pair[0].spends(pair[1]) {
			slices.Reverse(pair)
		}
		before = append(before, chunksOf(pair)...)
	}
	if !betterAtEveryByte(before, after) {
		return nil, consensus.PackageRBFDiagram
	}
	return all.replaced, ""
}

// chunksOf is how a miner takes a transaction, or a parent with its child.
func chunksOf(pair []*twinTx) []score {
	both, size := sumPaid(pair)
	first := score{pair[0].paid(), pair[0].size()}
	if len(pair) == 1 || cmpRate(both-first.fee, size-first.size, first.fee, first.size) > 0 {
		return []score{{both, size}}
	}
	return []score{first, {both - first.fee, size - first.size}}
}

// betterAtEveryByte compares two diagrams at each number of bytes.
func betterAtEveryByte(before, after []score) bool {
	var most int64
	for _, list := range [][]score{before, after} {
		var size int64
		for _, c := range list {
			size += c.size
		}
		most = max(most, size)
		slices.SortFunc(list, func(a, b score) int { return cmpRate(b.fee, b.size, a.fee, a.size) })
	}
	value := func(chunks []score, at int64) float64 {
		var fee float64
		for _, c := range chunks {
			if at < c.size {
				return fee + float64(c.fee)*float64(at)/float64(c.size)
			}
			fee, at = fee+float64(c.fee), at-c.size
		}
		return fee
	}
	below, above := false, false
	for at := range most + 2 {
		d := value(after, at) - value(before, at)
		below, above = below || d < -1e-7, above || d > 1e-7
	}
	return above && !below
}
