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
// It first prepares: shapes, hashes and encodings are judged, and what remains are signatures. Those
// that the cache does not know go to Verifier.Batch together. A form that is not decided directly
// would be run by an interpreter inside of prepare, where ErrUnsupported stands now; it hands over its
// signatures the same way, taking them as good until the batch has spoken.
func (r *Runner) Run(checks []Check) error {
	jobs := make([]job, 0, len(checks))
	var failure *Failure
	for i := range checks {
		c := &checks[i]
		if err := c.shape(); err != nil {
			return err
		}
		from := len(jobs)
		var err Error
		if jobs, err = prepare(c, jobs); err != "" {
			jobs = jobs[:from]
			failure = c.failure(err)
			break
		}
		for j := from; j < len(jobs); j++ {
			jobs[j].check = i
		}
	}
	if bad := r.verify(jobs); bad != nil {
		return checks[bad.check].failure(bad.err)
	}
	if failure != nil {
		return failure
	}
	return nil
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
	good, bad := from, r.Verifier.Batch(todo)
	if bad >= 0 {
		good = from[:bad] // the lowest that fails: those before it are good
	}
	if r.Cache != nil {
		for _, i := range good {
			r.Cache.add(&jobs[i].key)
		}
	}
	if bad >= 0 {
		return &jobs[from[bad]]
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
