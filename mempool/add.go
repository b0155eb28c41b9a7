package mempool

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// ErrTipMoved means that the tip given to Add is not the one up to which the pool has followed the chain, or that the pool moved
// while the scripts ran. It says nothing of the transaction: catch up, fetch the coins again and try again.
var ErrTipMoved = errors.New("the mempool is at another tip than the one given")

// MissingParents says that a transaction spends outputs that are neither in the coins given nor made by an entry of the pool: it is an
// orphan, or its inputs are spent.
type MissingParents struct {
	Outpoints []types.OutPoint // in input order
}

// Error names the outpoints, at most three.
func (m *MissingParents) Error() string {
	names := make([]string, 0, 3)
	for _, op := range m.Outpoints[:min(len(m.Outpoints), 3)] {
		names = append(names, op.String())
	}
	return fmt.Sprintf("%s (%d: %s)", consensus.BadTxnsMissingOrSpent, len(m.Outpoints), strings.Join(names, ", "))
}

// Unwrap lets errors.Is find the kind with which Bitcoin Core reports it.
func (m *MissingParents) Unwrap() error { return consensus.BadTxnsMissingOrSpent }

// Parents returns the ids of the missing transactions, each once, in input order.
func (m *MissingParents) Parents() []types.Hash {
	var out []types.Hash
	seen := make(map[types.Hash]bool, len(m.Outpoints))
	for _, op := range m.Outpoints {
		if !seen[op.TxID] {
			seen[op.TxID] = true
			out = append(out, op.TxID)
		}
	}
	return out
}

func asMissing(err error, m **MissingParents) bool { return errors.As(err, m) }

// AddOptions say how Add treats a transaction.
type AddOptions struct {
	// Local: it was submitted to this node; the entry is marked until MarkBroadcast.
	Local bool
	// TestOnly: judge it and change nothing.
	TestOnly bool
	// MaxFeeRate refuses a higher feerate (kind max-fee-exceeded), in the smallest unit per 1000 virtual bytes; 0: no limit.
	MaxFeeRate int64
	// Returned: it comes from a block that was disconnected; the floor and the minimum feerate do not apply.
	Returned bool
	// Time is when it first came, for entries that were saved; zero: now.
	Time time.Time
	// Proof is what Prove made of this very transaction, if anything: its scripts are not run again.
	Proof *Proof
}

// Result is what Add tells of a transaction that it accepted.
type Result struct {
	Fee       int64 // smallest unit, without deltas
	VSize     int64 // virtual bytes, adjusted for signature operations
	FeeRate   int64 // with deltas, per 1000 virtual bytes
	SigOpCost int
	// Replaced are the ids of the entries that it replaces.
	Replaced []types.Hash
}

// Needs returns the outpoints whose coins the caller has to fetch from the chain for Add or AddPackage: those that no entry of the
// pool makes. It looks at no rule.
func (p *Pool) Needs(txs ...*types.Tx) []types.OutPoint {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var ops []types.OutPoint
	for _, tx := range txs {
		for i := range tx.In {
			if op := tx.In[i].PrevOut; p.byID[op.TxID] == nil {
				ops = append(ops, op)
			}
		}
	}
	return ops
}

// candidate is a transaction on its way in.
type candidate struct {
	tx      *types.Tx
	id, wid types.Hash
	coins   []consensus.Coin
	origins []origin
	fee     int64
	delta   int64
	sigops  int
	vsize   int64
	dust    []uint32 // outputs worth less than they cost to spend
	tip     consensus.Ancestry
	now     time.Time
	opt     AddOptions
	terms   terms

	within map[types.Hash]*types.Tx // those of the same package that come before it
	ruling *ruling                  // if it is judged with others
}

func (c *candidate) modified() int64 { return c.fee + c.delta }

// Add judges a transaction and, unless opt says otherwise, takes it in, which may remove others: those that it replaces, and
// those of the lowest feerate if the pool is full. coins are those that Needs named, as far as the chain has
// them; tip is the tip at which they were fetched.
//
// Errors: a *consensus.RuleError if rules or policy refuse it, *MissingParents if it hangs in the air, ErrTipMoved
// if the pool and tip do not fit. Any other is our own failure. IsPolicy tells whether the sender is to blame.
func (p *Pool) Add(tx *types.Tx, coins consensus.Coins, tip consensus.Ancestry, now time.Time, opt AddOptions) (Result, error) {
	res, err := p.add(newCandidate(tx, tip, now, opt, alone), coins)
	p.count(err, opt)
	return res, err
}

func newCandidate(tx *types.Tx, tip consensus.Ancestry, now time.Time, opt AddOptions, t terms) *candidate {
	return &candidate{tx: tx, id: tx.ID(), wid: tx.WitnessID(), tip: tip, now: now, opt: opt, terms: t}
}

// add does all work that needs no lock without it: cheap tests, then the pool's (under the lock), then the scripts, then the pool's
// again, since it may have changed.
func (p *Pool) add(c *candidate, coins consensus.Coins) (Result, error) {
	checks, err := p.prepare(c, coins)
	if err != nil {
		return Result{}, err
	}
	if err := p.judgeFirst(c); err != nil {
		return Result{}, err
	}
	if err := p.proven(c, checks); err != nil {
		return Result{}, err
	}
	return p.enter(c, coins)
}

// prepare judges all that does not depend on relatives in the pool, and returns the scripts that are to be run.
func (p *Pool) prepare(c *candidate, coins consensus.Coins) ([]script.Check, error) {
	if err := p.checkForm(c.tx); err != nil {
		return nil, err
	}
	if !consensus.IsFinal(c.tx, c.tip.Height()+1, c.tip.MedianTime()) {
		return nil, consensus.Reject(consensus.NonFinal, "")
	}
	if err := p.resolve(c, coins); err != nil {
		return nil, err
	}
	return p.checkSpend(c)
}

// count keeps the statistics.
func (p *Pool) count(err error, opt AddOptions) {
	if opt.TestOnly {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.countOne(err)
}

func (p *Pool) countOne(err error) {
	var missing *MissingParents
	switch kind := consensus.KindOf(err); {
	case err == nil:
		p.stats.Accepted++
	case asMissing(err, &missing):
		p.stats.Rejected[consensus.MissingInputs]++
	case kind != "":
		p.stats.Rejected[kind]++
	}
}

func (p *Pool) resolve(c *candidate, coins consensus.Coins) (err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	c.delta = p.deltas[c.id]
	c.coins, c.origins, err = p.collect(c, coins)
	return err
}

// collect finds the coins of all inputs, in the package, in the pool or among coins.
func (p *Pool) collect(c *candidate, coins consensus.Coins) ([]consensus.Coin, []origin, error) {
	if !p.tip.IsZero() && p.tip != c.tip.Hash() {
		return nil, nil, ErrTipMoved
	}
	if p.byID[c.id] != nil {
		if p.find(c.wid) != nil {
			return nil, nil, consensus.Reject(consensus.AlreadyInMempool, "")
		}
		return nil, nil, consensus.Reject(consensus.SameNonWitnessData, "")
	}
	if err := p.checkDisallowed(c); err != nil {
		return nil, nil, err
	}
	spent, origins := make([]consensus.Coin, len(c.tx.In)), make([]origin, len(c.tx.In))
	var missing []types.OutPoint
	for i := range c.tx.In {
		op := c.tx.In[i].PrevOut
		if parent := p.parent(c, op.TxID); parent != nil {
			if uint64(op.Index) >= uint64(len(parent.Out)) {
				return nil, nil, consensus.Reject(consensus.BadTxnsMissingOrSpent, op.String()+" does not exist")
			}
			spent[i] = consensus.Coin{Out: parent.Out[op.Index], Height: c.tip.Height() + 1}
			origins[i] = origin{height: inPool}
		} else if coin, ok := coins[op]; ok {
			spent[i], origins[i] = coin, origin{height: coin.Height, coinbase: coin.Coinbase}
		} else {
			missing = append(missing, op)
		}
	}
	if missing != nil {
		return nil, nil, &MissingParents{Outpoints: missing}
	}
	return spent, origins, nil
}

// parent finds an unconfirmed parent, in the package or the pool.
func (p *Pool) parent(c *candidate, id types.Hash) *types.Tx {
	if tx := c.within[id]; tx != nil {
		return tx
	}
	if e := p.byID[id]; e != nil {
		return e.tx
	}
	return nil
}

// checkDisallowed refuses conflicts with the pool where nothing may be replaced.
func (p *Pool) checkDisallowed(c *candidate) error {
	if c.terms.replace {
		return nil
	}
	for i := range c.tx.In {
		if p.spends[c.tx.In[i].PrevOut].by != nil {
			return consensus.Reject(consensus.ReplacementDisallowed, "")
		}
	}
	return nil
}

// checkSpend judges amounts, maturity, relative locks and the standard form of inputs; it returns the scripts that are still to
// be run.
func (p *Pool) checkSpend(c *candidate) ([]script.Check, error) {
	fee, checks, err := consensus.CheckSpend(p.cfg.Params, c.tx, c.coins, c.tip, script.StandardFlags)
	if err != nil {
		return nil, err
	}
	if !p.cfg.AcceptNonStandard {
		if err := checkInputs(c.tx, c.coins); err != nil {
			return nil, err
		}
	}
	c.fee, c.sigops = fee, consensus.SigOpCost(c.tx, c.coins)
	c.vsize = VSize(c.tx.Weight(), c.sigops)
	if !p.cfg.AcceptNonStandard {
		c.dust = p.dustOf(c.tx)
	}
	if rate := rateOf(c.fee, c.vsize); !c.terms.inside && c.opt.MaxFeeRate > 0 && rate > c.opt.MaxFeeRate {
		return nil, consensus.Reject(consensus.MaxFeeExceeded, fmt.Sprintf("feerate %d, limit %d", rate, c.opt.MaxFeeRate))
	}
	return checks, nil
}

// runScripts verifies with the flags of relay. What fails is tried again with those of blocks, to know whether only policy was
// broken.
func (p *Pool) runScripts(c *candidate, checks []script.Check) error {
	err := p.cfg.Verify.Run(checks)
	var failure *script.Failure
	if err == nil || !errors.As(err, &failure) {
		return err
	}
	for i := range checks {
		checks[i].Flags = script.ConsensusFlags
	}
	err = p.cfg.Verify.Run(checks)
	kind, detail := consensus.MempoolScriptVerify, failure.Err.Error()
	var hard *script.Failure
	switch {
	case errors.As(err, &hard):
		kind, detail = consensus.MandatoryScriptVerify, hard.Err.Error()
	case err != nil:
		return err
	}
	return consensus.Reject(kind, detail)
}

// enter judges the candidate for good and puts it in.
func (p *Pool) enter(c *candidate, coins consensus.Coins) (Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.confirmCoins(c, coins); err != nil {
		return Result{}, err
	}
	replaced, err := p.judge(c)
	if err != nil {
		return Result{}, err
	}
	res := c.result()
	res.Replaced = ids(replaced.list)
	if c.opt.TestOnly {
		return res, nil
	}
	p.remove(replaced, ReasonReplaced)
	e := p.put(c)
	p.enforceChains(e)
	p.expire(c.now)
	if c.terms.trim {
		p.trim(c.now)
	}
	if p.byID[c.id] != e {
		return Result{}, tooPoor(consensus.MempoolFull, "")
	}
	return res, nil
}

// confirmCoins finds again the coins with which the scripts were run.
func (p *Pool) confirmCoins(c *candidate, coins consensus.Coins) error {
	_, origins, err := p.collect(c, coins)
	if err != nil {
		return err
	}
	for i := range origins {
		if origins[i] != c.origins[i] {
			return ErrTipMoved
		}
	}
	c.delta = p.deltas[c.id]
	return nil
}

func (c *candidate) result() Result {
	return Result{Fee: c.fee, VSize: c.vsize, FeeRate: rateOf(c.modified(), c.vsize), SigOpCost: c.sigops}
}

// put inserts the candidate.
func (p *Pool) put(c *candidate) *entry {
	e := c.entry()
	p.tip = c.tip.Hash()
	p.insert(e)
	return e
}

func (c *candidate) entry() *entry {
	when := c.opt.Time
	if when.IsZero() {
		when = c.now
	}
	parents := 0
	for _, o := range c.origins {
		if o.height == inPool {
			parents++
		}
	}
	return &entry{
		tx: c.tx, id: c.id, wid: c.wid, fee: c.fee, delta: c.delta, vsize: c.vsize, weight: c.tx.Weight(), sigops: c.sigops, dust: c.dust,
		usage: usageOf(c.tx, parents), time: when.Unix(), height: c.tip.Height(), local: c.opt.Local, origins: c.origins,
	}
}
