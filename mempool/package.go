package mempool

import (
	"errors"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Limits of a package, as in Bitcoin Core 28. What weighs more than the limits of chains allow could not enter anyway.
const (
	MaxPackageCount  = 25
	MaxPackageWeight = 404_000
)

// Packages: a child together with its unconfirmed parents, so that a parent that pays too little enters for the fee of its child
// (CPFP). The rules are those of Bitcoin Core 28.
//
//  1. The form: at most 25 transactions and 404,000 weight units, no two with one id, parents first, no outpoint spent twice. All
//     but the last are parents of the last one, and what that spends beside is confirmed.
//  2. Each is tried by itself first. What gets in does, and its fee counts no more: otherwise a transaction that needs no help
//     could pay for another one, and the miner of the first would gain nothing from the second. What is here already is passed over.
//  3. If one is refused for other reasons than its own fees or missing parents, that is the end: a package changes only what
//     fees mean. The others of the package that got in stay.
//  4. The rest is judged together: each by all rules but that of the floor; then the floor for the sums; limits of chains, TRUC,
//     replacement (packagejudge.go) and dust for the whole. Either all of the rest enter or none.
//
// The scripts are run without the lock, after everything that is cheap; then all is judged again, since the pool may have changed.

// TxResult is what became of one transaction of a package. If it is in the pool now, Err is nil; Fee and VSize are set, unless
// another copy is there instead.
type TxResult struct {
	Result
	// Judged is false if nothing can be said of the transaction, because the package was refused before.
	Judged bool
	Err    error
	// Known: it was in the pool before; FeeRate and Includes are empty.
	Known bool
	// OtherWitness is the witness id of a transaction with the same id that was in the pool before; the one given was not looked at.
	OtherWitness types.Hash
	// Includes are the witness ids of those whose fees and sizes make FeeRate.
	Includes []types.Hash
}

// PackageResult is what became of a package.
type PackageResult struct {
	// Err is nil if all transactions are in the pool (in a test: would be). Otherwise it is a *consensus.RuleError: of
	// kind PackageTxFailed or PackageUnspentDust if one transaction was refused, of any other if it was the whole.
	Err error
	Txs []TxResult // one for each transaction given
	// Replaced are the ids of the entries that were replaced.
	Replaced []types.Hash
}

// AddPackage judges a child with its unconfirmed parents (or one transaction alone), the child last, and takes in what it may.
// coins are those that Needs named, as far as the chain has them. The error is ErrTipMoved or a failure of our own; then
// transactions that entered by themselves stay.
func (p *Pool) AddPackage(txs []*types.Tx, coins consensus.Coins, tip consensus.Ancestry, now time.Time, opt AddOptions) (PackageResult, error) {
	s := submission{pool: p, txs: txs, coins: coins, tip: tip, now: now, opt: opt, res: PackageResult{Txs: make([]TxResult, len(txs))}}
	if err := checkPackage(txs); err != nil {
		return s.refused(err)
	}
	if len(txs) > 1 {
		if err := s.checkFamily(); err != nil {
			return s.refused(err)
		}
	}
	rest, err := s.eachAlone()
	if err == nil && s.res.Err == nil && len(rest) > 0 {
		err = s.allTogether(rest)
	}
	s.finish()
	return s.res, err
}

// TestPackage judges transactions of which each may spend the ones before it, as if they were to enter one after the other; it
// changes nothing. They may not replace anything, and none pays for another.
func (p *Pool) TestPackage(txs []*types.Tx, coins consensus.Coins, tip consensus.Ancestry, now time.Time) (PackageResult, error) {
	s := submission{pool: p, txs: txs, coins: coins, tip: tip, now: now, opt: AddOptions{TestOnly: true}, res: PackageResult{Txs: make([]TxResult, len(txs))}}
	if err := checkPackage(txs); err != nil {
		return s.refused(err)
	}
	rest := make([]int, len(txs))
	for i := range rest {
		rest[i] = i
	}
	err := s.judgeTogether(rest, tested)
	return s.res, err
}

// checkPackage judges the form of a package, whatever its topology.
func checkPackage(txs []*types.Tx) error {
	if len(txs) == 0 || len(txs) > MaxPackageCount {
		return consensus.Reject(consensus.PackageTooMany, "")
	}
	weight, later := 0, make(map[types.Hash]bool, len(txs))
	for _, tx := range txs {
		weight += tx.Weight()
		later[tx.ID()] = true
	}
	switch {
	case len(txs) > 1 && weight > MaxPackageWeight:
		return consensus.Reject(consensus.PackageTooLarge, "")
	case len(later) != len(txs):
		return consensus.Reject(consensus.PackageDuplicates, "")
	}
	for _, tx := range txs {
		for i := range tx.In {
			if later[tx.In[i].PrevOut.TxID] {
				return consensus.Reject(consensus.PackageNotSorted, "")
			}
		}
		delete(later, tx.ID())
	}
	return checkDisjoint(txs)
}

// checkDisjoint refuses an outpoint that two transactions spend. One that spends it twice is no matter of packages.
func checkDisjoint(txs []*types.Tx) error {
	by := make(map[types.OutPoint]*types.Tx)
	for _, tx := range txs {
		if len(tx.In) == 0 {
			return consensus.Reject(consensus.PackageConflict, "")
		}
		for i := range tx.In {
			if other := by[tx.In[i].PrevOut]; other != nil && other != tx {
				return consensus.Reject(consensus.PackageConflict, "")
			}
			by[tx.In[i].PrevOut] = tx
		}
	}
	return nil
}

// isFamily tells whether the last transaction spends outputs of each of the others.
func isFamily(txs []*types.Tx) bool {
	child := txs[len(txs)-1]
	for _, parent := range txs[:len(txs)-1] {
		if !spendsOf(child, parent.ID()) {
			return false
		}
	}
	return len(txs) > 1
}

// submission is one package on its way in.
type submission struct {
	pool  *Pool
	txs   []*types.Tx
	coins consensus.Coins
	tip   consensus.Ancestry
	now   time.Time
	opt   AddOptions
	res   PackageResult
}

func (s *submission) refused(err error) (PackageResult, error) {
	s.res.Err = err
	return s.res, nil
}

// checkFamily wants a child with its unconfirmed parents: all of them.
func (s *submission) checkFamily() error {
	if !isFamily(s.txs) {
		return consensus.Reject(consensus.PackageNotChild, "")
	}
	last := len(s.txs) - 1
	for _, in := range s.txs[last].In {
		within := slices.ContainsFunc(s.txs[:last], func(tx *types.Tx) bool { return tx.ID() == in.PrevOut.TxID })
		if _, confirmed := s.coins[in.PrevOut]; !within && !confirmed {
			return consensus.Reject(consensus.PackageNotUnconfirmed, "")
		}
	}
	return nil
}

// eachAlone tries the transactions one by one and returns the indexes of those that may yet enter together.
func (s *submission) eachAlone() (rest []int, err error) {
	for i, tx := range s.txs {
		r := &s.res.Txs[i]
		if s.lookup(tx, r) {
			continue
		}
		r.Judged = true
		c := newCandidate(tx, s.tip, s.now, s.opt, single)
		if r.Result, r.Err = s.pool.add(c, s.coins); r.Err == nil {
			r.Includes = []types.Hash{c.wid}
			s.res.Replaced = append(s.res.Replaced, r.Replaced...)
			continue
		}
		var missing *MissingParents
		switch orphan := asMissing(r.Err, &missing); {
		case consensus.KindOf(r.Err) == "" && !orphan:
			return nil, r.Err
		case len(s.txs) == 1 || !orphan && !Reconsiderable(r.Err):
			s.res.Err = consensus.Reject(consensus.PackageTxFailed, "")
		default:
			rest = append(rest, i)
		}
	}
	return rest, nil
}

// lookup finds a transaction that is in the pool already, perhaps with another witness.
func (s *submission) lookup(tx *types.Tx, r *TxResult) bool {
	s.pool.mu.RLock()
	defer s.pool.mu.RUnlock()
	e := s.pool.byID[tx.ID()]
	if e == nil {
		return false
	}
	r.Judged, r.Known = true, true
	r.Result = Result{Fee: e.fee, VSize: e.vsize, SigOpCost: e.sigops}
	if e.wid != tx.WitnessID() {
		r.OtherWitness = e.wid
	}
	return true
}

// allTogether judges what is left. A single one was judged by itself.
func (s *submission) allTogether(rest []int) error {
	if len(rest) == 1 {
		s.res.Err = consensus.Reject(consensus.PackageTxFailed, "")
		return nil
	}
	return s.judgeTogether(rest, together)
}

// judgeTogether judges the transactions of those indexes, and lets them in if the terms are not those of a test.
func (s *submission) judgeTogether(rest []int, t terms) error {
	g := &group{pool: s.pool, now: s.now}
	within := make(map[types.Hash]*types.Tx, len(rest))
	checks := make([][]script.Check, len(rest))
	for i, index := range rest {
		c := newCandidate(s.txs[index], s.tip, s.now, s.opt, t)
		c.within = within
		var err error
		if checks[i], err = s.pool.prepare(c, s.coins); err == nil {
			err = s.pool.ruleOne(c)
		}
		if err != nil {
			return s.fail(index, consensus.PackageTxFailed, err)
		}
		within[c.id] = c.tx
		g.cs = append(g.cs, c)
	}
	if stop, err := s.note(rest, s.pool.judgeGroup(g)); stop {
		return err
	}
	for i, c := range g.cs {
		if err := s.pool.runScripts(c, checks[i]); err != nil {
			return s.fail(rest[i], consensus.PackageTxFailed, err)
		}
		if s.opt.TestOnly {
			s.res.Txs[rest[i]] = TxResult{Result: c.result(), Judged: true, Includes: []types.Hash{c.wid}}
		}
	}
	if s.opt.TestOnly {
		return nil
	}
	if stop, err := s.note(rest, s.pool.enterGroup(g, s.coins)); stop {
		return err
	}
	s.entered(rest, g)
	return nil
}

// fail notes that one transaction was refused and the package with it. A failure of our own is returned.
func (s *submission) fail(index int, kind consensus.Kind, err error) error {
	if consensus.KindOf(err) == "" && !errors.Is(err, consensus.BadTxnsMissingOrSpent) {
		return err
	}
	s.res.Err = consensus.Reject(kind, "")
	s.res.Txs[index] = TxResult{Judged: true, Err: err}
	return nil
}

// note takes down why a group was refused, if it was.
func (s *submission) note(rest []int, no *refusal) (stop bool, err error) {
	switch {
	case no == nil:
		return false, nil
	case no.at < 0:
		s.res.Err = no.err
		return true, nil
	}
	return true, s.fail(rest[no.at], no.kind, no.err)
}

// entered takes down that all of a group are in.
func (s *submission) entered(rest []int, g *group) {
	all := make([]types.Hash, len(g.cs))
	for i, c := range g.cs {
		all[i] = c.wid
	}
	for i, c := range g.cs {
		r := TxResult{Result: c.result(), Judged: true, Includes: all}
		r.FeeRate = rateOf(g.fees, g.size)
		s.res.Txs[rest[i]] = r
	}
	s.res.Replaced = append(s.res.Replaced, ids(g.replaced.list)...)
}

// finish brings the pool within its bound, notes what did not stay, and counts.
func (s *submission) finish() {
	p := s.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trim(s.now)
	for i, tx := range s.txs {
		r := &s.res.Txs[i]
		if r.Judged && r.Err == nil && p.byID[tx.ID()] == nil {
			*r = TxResult{Judged: true, Err: consensus.Reject(consensus.MempoolFull, "")}
			s.res.Err = consensus.Reject(consensus.PackageTxFailed, "")
		}
		if r.Judged && !r.Known {
			p.countOne(r.Err)
		}
	}
}
