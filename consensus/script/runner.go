package script

import (
	"errors"
	"fmt"
)

// errMalformed means that whoever made a Check made it wrong: our own fault, never the data's.
var errMalformed = errors.New("malformed script check")

// Runner verifies spends. Its fields do not change once it is used; Run may be called by many
// goroutines at once. Cache may be nil.
type Runner struct {
	Verifier Verifier
	Cache    *Cache
}

// job is a signature that a check depends on, and how the check fails if it is bad.
type job struct {
	sig   SigCheck
	err   Error
	check int      // index of the check it belongs to
	key   [32]byte // in the cache
}

// Run verifies checks, in any number and of any transactions. It returns nil if all inputs may be
// spent, a *Failure for the first that may not (lowest index in checks), and any other error only if a
// check itself is malformed.
//
// Checks of transactions that the cache knows to have passed under their flags, or under more, are passed
// over; those of one transaction best stand side by side. Of the others it first prepares all: what the direct
// path takes (see spend.go) comes down to signatures, and those that the cache does not know go to
// Verifier.Batch together. Everything else runs in the interpreter, which has to know of each signature at once
// whether it is good. A transaction of which all inputs passed is remembered.
func (r *Runner) Run(checks []Check) error {
	p := pass{runner: r, jobs: make([]job, 0, len(checks))}
	err := p.prepare(checks)
	var failure *Failure
	if err != nil && !errors.As(err, &failure) {
		return err
	}
	if bad := r.verify(p.jobs); bad != nil {
		return checks[bad.check].failure(bad.err)
	}
	if err == nil {
		p.remember()
	}
	return err
}

// Verified tells whether the cache knows that all inputs of the transaction of sums passed under flags, or under
// more, spending the outputs that sums was made with.
func (r *Runner) Verified(sums *SigSums, flags Flags) bool {
	if r.Cache == nil || len(sums.spent) != len(sums.tx.In) {
		return false
	}
	key := r.Cache.txKey(sums)
	return r.Cache.hasTx(&key, flags.complete())
}

// pass is one Run.
type pass struct {
	runner *Runner
	jobs   []job
	whole  []txKey // transactions that passed if all jobs are good
}

type txKey struct {
	key   [32]byte
	flags Flags
}

// prepare decides everything about the checks but the jobs that it collects. It stops at the first that fails.
func (p *pass) prepare(checks []Check) error {
	for from := 0; from < len(checks); {
		first := &checks[from]
		if err := first.shape(); err != nil {
			return err
		}
		to := from + 1
		for ; to < len(checks) && checks[to].Sums == first.Sums && checks[to].Flags == first.Flags; to++ {
			if err := checks[to].shape(); err != nil {
				return err
			}
		}
		if err := p.prepareTx(checks, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// prepareTx decides the checks from and up to to, which are of one transaction and under the same flags.
func (p *pass) prepareTx(checks []Check, from, to int) error {
	cache, known := p.runner.Cache, txKey{flags: checks[from].Flags.complete()}
	if !sameOutputs(checks[from:to]) {
		cache = nil // what is known of the transaction is known of the outputs in the sums
	}
	if cache != nil {
		known.key = cache.txKey(checks[from].Sums)
		if cache.hasTx(&known.key, known.flags) {
			return nil
		}
	}
	for i := from; i < to; i++ {
		c := checks[i]
		c.Flags = known.flags
		if err := p.decide(&c, i); err != "" {
			return checks[i].failure(err)
		}
	}
	if cache != nil && allInputs(checks[from:to]) {
		p.whole = append(p.whole, known)
	}
	return nil
}

// sameOutputs tells whether checks of one transaction, which has inputs, and their sums have the very same outputs.
func sameOutputs(checks []Check) bool {
	for i := range checks {
		if &checks[i].Spent[0] != &checks[i].Sums.spent[0] {
			return false
		}
	}
	return true
}

// allInputs tells whether checks of one transaction are of each of its inputs, in order.
func allInputs(checks []Check) bool {
	for i := range checks {
		if checks[i].Input != i {
			return false
		}
	}
	return len(checks) == len(checks[0].Tx.In)
}

// decide takes the direct path or runs the interpreter.
func (p *pass) decide(c *Check, index int) Error {
	from := len(p.jobs)
	jobs, ok := c.direct(p.jobs)
	if !ok {
		return p.runner.evaluate(c)
	}
	p.jobs = jobs
	for i := from; i < len(jobs); i++ {
		jobs[i].check = index
	}
	return ""
}

func (p *pass) remember() {
	for i := range p.whole {
		p.runner.Cache.addTx(&p.whole[i].key, p.whole[i].flags)
	}
}

// verifySig verifies one signature for the interpreter.
func (r *Runner) verifySig(sig *SigCheck) bool {
	if r.Cache == nil {
		return verifyOne(r.Verifier, sig)
	}
	key := r.Cache.key(sig)
	if r.Cache.has(&key) {
		return true
	}
	if !verifyOne(r.Verifier, sig) {
		return false
	}
	r.Cache.add(&key)
	return true
}

// verify verifies the signatures that the cache does not know and remembers them. It returns the first
// bad one, or nil.
func (r *Runner) verify(jobs []job) *job {
	todo := make([]SigCheck, 0, len(jobs))
	from := make([]int, 0, len(jobs))
	for i := range jobs {
		j := &jobs[i]
		if r.Cache != nil {
			if j.key = r.Cache.key(&j.sig); r.Cache.has(&j.key) {
				continue
			}
		}
		todo = append(todo, j.sig)
		from = append(from, i)
	}
	if len(todo) == 0 {
		return nil
	}
	if bad := r.Verifier.Batch(todo); bad >= 0 {
		return &jobs[from[bad]]
	}
	if r.Cache != nil {
		for _, i := range from {
			r.Cache.add(&jobs[i].key)
		}
	}
	return nil
}

// shape tells whether a check can be looked at.
func (c *Check) shape() error {
	switch {
	case c.Tx == nil || c.Sums == nil || c.Sums.tx != c.Tx:
		return fmt.Errorf("%w: no transaction, or sums that are not its own", errMalformed)
	case c.Input < 0 || c.Input >= len(c.Tx.In):
		return fmt.Errorf("%w: input %d of %d", errMalformed, c.Input, len(c.Tx.In))
	case len(c.Spent) != len(c.Tx.In) || len(c.Sums.spent) != len(c.Tx.In):
		return fmt.Errorf("%w: %d spent outputs for %d inputs", errMalformed, len(c.Spent), len(c.Tx.In))
	}
	return nil
}

func (c *Check) failure(err Error) *Failure {
	return &Failure{Input: c.Input, Tx: c.Tx.ID(), Err: err}
}
