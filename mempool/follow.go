package mempool

import (
	"slices"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Apply follows a block that was connected: its transactions leave, and so does, with descendants, whatever spends the same coins.
// Updates must come in order and without gaps; for one that disconnects call Revert.
func (p *Pool) Apply(u consensus.Update, now time.Time) {
	if !u.Connected {
		panic("mempool: Apply of a disconnected block; call Revert")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, tx := range u.Block.Txs {
		if i > 0 {
			p.applyTx(tx)
		}
		p.settleOutputs(tx, origin{height: u.Height, coinbase: i == 0})
	}
	p.floor = p.floor.decayed(now, p.usage, p.cfg.MaxBytes, p.cfg.IncrementalFeeRate)
	p.floor.connected(now)
	p.tip = u.Hash
	p.expire(now)
}

func (p *Pool) applyTx(tx *types.Tx) {
	id := tx.ID()
	if e := p.byID[id]; e != nil {
		p.confirm(e)
	}
	delete(p.deltas, id)
	for i := range tx.In {
		if e := p.spends[tx.In[i].PrevOut].by; e != nil {
			delete(p.deltas, e.id)
			p.remove(withDescendants(e), ReasonConflict)
		}
	}
}

// settleOutputs tells those who spend tx's outputs where their coins are now.
func (p *Pool) settleOutputs(tx *types.Tx, o origin) {
	op := types.OutPoint{TxID: tx.ID()}
	for i := range tx.Out {
		op.Index = uint32(i)
		if s := p.spends[op]; s.by != nil {
			s.by.setOrigin(s.input, o)
		}
	}
}

// Revert follows a block that was disconnected and returns its transactions, without the coinbase, in block order. After the whole
// reorganization the caller adds them again (those of the block reverted last first, AddOptions.Returned set) and calls
// RemoveInvalid.
func (p *Pool) Revert(u consensus.Update) (returned []*types.Tx) {
	if u.Connected {
		panic("mempool: Revert of a connected block; call Apply")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, tx := range u.Block.Txs {
		p.settleOutputs(tx, origin{height: gone})
	}
	p.tip = u.Block.Header.PrevHash
	p.unsettled = true
	returned = slices.Clone(u.Block.Txs[1:])
	p.stats.Returned += uint64(len(returned))
	return returned
}

// RemoveInvalid ends a reorganization: it drops, with descendants, entries whose coins did not come back, which are not final in
// the block after tip, or which spend what is immature there. It returns the ids of all that it dropped.
func (p *Pool) RemoveInvalid(tip consensus.Ancestry, now time.Time) []types.Hash {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tip = tip.Hash()
	p.unsettled = false
	list := slices.Clone([]*entry(p.order))
	bySequence(list)
	var dropped []types.Hash
	for _, e := range list {
		if p.byID[e.id] != e || p.holds(e, tip) {
			continue
		}
		s := withDescendants(e)
		dropped = append(dropped, ids(s.list)...)
		p.remove(s, ReasonReorg)
	}
	p.trim(now)
	return dropped
}

// holds tells whether e may stand in the block after tip, as far as places and times go.
func (p *Pool) holds(e *entry, tip consensus.Ancestry) bool {
	height := tip.Height() + 1
	if e.missing > 0 || !consensus.IsFinal(e.tx, height, tip.MedianTime()) {
		return false
	}
	for _, o := range e.origins {
		if o.height > tip.Height() || o.coinbase && height-o.height < p.cfg.Params.CoinbaseMaturity {
			return false
		}
	}
	return consensus.SequenceLocksMet(e.tx, e.spentCoins(tip.Height()), tip)
}
