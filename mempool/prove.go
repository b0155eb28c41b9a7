package mempool

import (
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Proof tells whether the scripts of a transaction hold under the flags of relay. It stays true for ever: scripts see nothing but the
// transaction and the outputs that it spends, and those are named by the hashes of what makes them. So the dear part of Add can be
// done before, by any goroutine and at any tip; whether the coins are there is judged by Add.
type Proof struct {
	tx  *types.Tx
	err error // a *consensus.RuleError, or nil
}

// Prove judges a transaction as Add does, without a change, and runs its scripts. It returns nil if it is refused before that, or
// if its parents are missing: then Add will say why.
func (p *Pool) Prove(tx *types.Tx, coins consensus.Coins, tip consensus.Ancestry, now time.Time) *Proof {
	c := newCandidate(tx, tip, now, AddOptions{}, alone)
	checks, err := p.prepare(c, coins)
	if err != nil || p.judgeFirst(c) != nil {
		return nil
	}
	err = p.runScripts(c, checks)
	if err != nil && consensus.KindOf(err) == "" {
		return nil // our own failure: let Add meet it
	}
	return &Proof{tx: tx, err: err}
}

// proven runs the scripts of a candidate, unless that was done before.
func (p *Pool) proven(c *candidate, checks []script.Check) error {
	if proof := c.opt.Proof; proof != nil && proof.tx == c.tx {
		return proof.err
	}
	return p.runScripts(c, checks)
}
