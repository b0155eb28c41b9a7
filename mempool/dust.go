package mempool

import (
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Ephemeral dust: an output that is worth less than it costs to spend, as protocols use it to let anybody raise the fee of a
// transaction (pay to anchor). If it stayed unspent, every node would keep it for ever. So:
//
//  1. a transaction has at most one such output, and then it pays no fee: nobody gains from mining it without its child
//     (so nobody may prioritise it either);
//  2. whatever spends any output of it, while it is unconfirmed, spends its dust.
//
// As it pays no fee it enters only in a package, and only if it is of version 3 (or the minimum feerate is zero).
const maxDustOutputs = 1

// dustOf returns the indexes of outputs that are dust.
func (p *Pool) dustOf(tx *types.Tx) (indexes []uint32) {
	for i := range tx.Out {
		if tx.Out[i].Value < DustLimit(tx.Out[i].Script, p.cfg.DustRelayFeeRate) {
			indexes = append(indexes, uint32(i))
		}
	}
	return indexes
}

// HasDust tells whether an output of the transaction is dust here. Such a transaction cannot be prioritised.
func (p *Pool) HasDust(tx *types.Tx) bool { return !p.cfg.AcceptNonStandard && len(p.dustOf(tx)) > 0 }

// checkDustSpends refuses a candidate that leaves dust of its parents unspent. within are other transactions of its package.
func (p *Pool) checkDustSpends(c *candidate, within []*candidate) error {
	for i := range c.tx.In {
		id := c.tx.In[i].PrevOut.TxID
		var dust []uint32
		if parent := p.byID[id]; parent != nil {
			dust = parent.dust
		}
		for _, other := range within {
			if other.id == id {
				dust = other.dust
			}
		}
		for _, index := range dust {
			op := types.OutPoint{TxID: id, Index: index}
			if !slices.ContainsFunc(c.tx.In, func(in types.TxIn) bool { return in.PrevOut == op }) {
				return consensus.Reject(consensus.MissingEphemeralSpends, fmt.Sprintf("tx %s did not spend parent's ephemeral dust", c.id))
			}
		}
	}
	return nil
}
