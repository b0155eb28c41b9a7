package wallet

import (
	"slices"

	"github.com/cairn-chain/cairn/types"
)

// Status says how a transaction of the wallet stands.
type Status string

// The statuses of a transaction.
const (
	Confirmed  Status = "confirmed"
	Pending    Status = "pending"    // waits for a block
	Conflicted Status = "conflicted" // a confirmed transaction spends one of its coins, or its coinbase fell off the chain
	Replaced   Status = "replaced"   // bumped, or a later unconfirmed one spends one of its coins
	Dropped    Status = "dropped"    // somebody else's, and the node's mempool has it no more
)

// alive tells whether the transaction's outputs exist or will, as far as is known.
func (s Status) alive() bool { return s == Confirmed || s == Pending }

// Coin is an output that the wallet can spend, now or later.
type Coin struct {
	OutPoint types.OutPoint
	Out      types.TxOut
	Type     AddressType
	Height   int32 // −1 while unconfirmed
	Coinbase bool
	// Mature is false for a coinbase that the next block may not yet spend.
	Mature bool
	// Trusted is true for an unconfirmed output of a transaction that this wallet made, all of whose
	// inputs are its own: only we could replace it.
	Trusted bool

	owner owner
}

// view is what all records together mean. Everything but the records is computed by settle from
// nothing, which is what makes reorgs simple: take the height off the records of blocks that left
// the chain, and settle again.
//
// The rules, in order:
//
//  1. What is in a block is confirmed and claims its inputs. The chain allows no two claims.
//  2. An unconfirmed coinbase is conflicted: its block left the chain. So is whatever spends an
//     output that a confirmed transaction spends otherwise, unless that is its own replacement. Somebody else's transaction that the
//     mempool has no more is dropped.
//  3. What spends an output of a dead transaction is dead in the same way.
//  4. Of the rest the latest wins: it claims its inputs, earlier ones that want one of them are
//     replaced; then rule 3 again.
//
// Invariant: no outpoint is claimed by two live transactions.
type view struct {
	keys     *keyring
	maturity int32

	records []*record // in the order of seq
	byID    map[types.Hash]*record
	outs    map[types.OutPoint]owner // own outputs of all records

	status map[types.Hash]Status
	claims map[types.OutPoint]*record // which live record spends an outpoint
	coins  []Coin                     // sorted by outpoint
}

func newView(keys *keyring, maturity int32) *view {
	return &view{keys: keys, maturity: maturity, byID: map[types.Hash]*record{}, outs: map[types.OutPoint]owner{}}
}

// add takes a record in, unless its transaction is known. It tells whether new scripts are watched
// since. The rest of the view is stale until settle.
func (v *view) add(r *record) (grew bool, err error) {
	id := r.tx.ID()
	if v.byID[id] != nil {
		return false, nil
	}
	v.byID[id] = r
	v.records = append(v.records, r)
	return v.index(r)
}

// index notes the own outputs of a record.
func (v *view) index(r *record) (grew bool, err error) {
	id := r.tx.ID()
	for i, out := range r.tx.Out {
		o, ok := v.keys.owner(out.Script)
		if !ok {
			continue
		}
		v.outs[types.OutPoint{TxID: id, Index: uint32(i)}] = o
		more, err := v.keys.markUsed(o)
		if err != nil {
			return grew, err
		}
		grew = grew || more
	}
	return grew, nil
}

// remove forgets a record.
func (v *view) remove(id types.Hash) {
	r := v.byID[id]
	if r == nil {
		return
	}
	delete(v.byID, id)
	v.records = slices.DeleteFunc(v.records, func(x *record) bool { return x == r })
	for i := range r.tx.Out {
		delete(v.outs, types.OutPoint{TxID: id, Index: uint32(i)})
	}
}

// touches tells whether a transaction pays to the wallet or spends from it.
func (v *view) touches(tx *types.Tx) bool {
	for i := range tx.Out {
		if _, ok := v.keys.owner(tx.Out[i].Script); ok {
			return true
		}
	}
	for i := range tx.In {
		if _, ok := v.outs[tx.In[i].PrevOut]; ok {
			return true
		}
	}
	return false
}

// settle computes statuses and coins for a chain whose tip is at height. O(n) in all records, but
// for chains of dead transactions.
func (v *view) settle(height int32) {
	v.status = make(map[types.Hash]Status, len(v.records))
	v.claims = map[types.OutPoint]*record{}
	for _, r := range v.records {
		if r.confirmed() {
			v.status[r.tx.ID()] = Confirmed
			v.claim(r)
		}
	}
	for _, r := range v.records {
		if !r.confirmed() {
			v.status[r.tx.ID()] = v.judge(r)
		}
	}
	v.spreadDeath()
	for _, r := range slices.Backward(v.records) {
		id := r.tx.ID()
		if v.status[id] != Pending {
			continue
		}
		if v.rival(r) != nil {
			v.status[id] = Replaced
			continue
		}
		v.claim(r)
	}
	v.spreadDeath()
	v.collect(height)
}

func (v *view) claim(r *record) {
	for i := range r.tx.In {
		v.claims[r.tx.In[i].PrevOut] = r
	}
}

// rival returns a live record other than r that claims one of r's inputs.
func (v *view) rival(r *record) *record {
	for i := range r.tx.In {
		if c := v.claims[r.tx.In[i].PrevOut]; c != nil && c != r {
			return c
		}
	}
	return nil
}

// judge applies rule 2.
func (v *view) judge(r *record) Status {
	rival := v.rival(r)
	switch {
	case rival != nil && v.replaced(rival, r.tx.ID()):
		return Replaced
	case r.tx.IsCoinbase() || rival != nil:
		return Conflicted
	case !r.own && !r.pooled:
		return Dropped
	}
	return Pending
}

// replaced tells whether winner is a replacement of the transaction id, or of one of its replacements.
func (v *view) replaced(winner *record, id types.Hash) bool {
	for range v.records { // a chain of replacements is not longer
		if winner == nil || winner.replaces.IsZero() {
			return false
		}
		if winner.replaces == id {
			return true
		}
		winner = v.byID[winner.replaces]
	}
	return false
}

// spreadDeath applies rule 3 until nothing changes, and takes back the claims of who died.
func (v *view) spreadDeath() {
	for changed := true; changed; {
		changed = false
		for _, r := range v.records {
			id := r.tx.ID()
			if v.status[id] != Pending {
				continue
			}
			if s := v.deadParent(r); s != "" {
				v.status[id] = s
				v.unclaim(r)
				changed = true
			}
		}
	}
}

func (v *view) unclaim(r *record) {
	for i := range r.tx.In {
		if v.claims[r.tx.In[i].PrevOut] == r {
			delete(v.claims, r.tx.In[i].PrevOut)
		}
	}
}

// deadParent returns the status of a dead record whose output r spends, "" if there is none.
func (v *view) deadParent(r *record) Status {
	for i := range r.tx.In {
		s, known := v.status[r.tx.In[i].PrevOut.TxID]
		if known && !s.alive() {
			return s
		}
	}
	return ""
}

// collect gathers the unspent own outputs of live records.
func (v *view) collect(height int32) {
	v.coins = nil
	for op, o := range v.outs {
		r := v.byID[op.TxID]
		if !v.status[op.TxID].alive() || v.claims[op] != nil {
			continue
		}
		v.coins = append(v.coins, Coin{
			OutPoint: op, Out: r.tx.Out[op.Index], Type: o.kind, Height: r.height, Coinbase: r.tx.IsCoinbase(),
			Mature:  !r.tx.IsCoinbase() || height+1-r.height >= v.maturity,
			Trusted: !r.confirmed() && r.own && v.allOwn(r.tx), owner: o,
		})
	}
	slices.SortFunc(v.coins, func(a, b Coin) int { return a.OutPoint.Compare(b.OutPoint) })
}

// allOwn tells whether every input of tx spends an own output.
func (v *view) allOwn(tx *types.Tx) bool {
	for i := range tx.In {
		if _, ok := v.outs[tx.In[i].PrevOut]; !ok {
			return false
		}
	}
	return true
}

// spent returns the output that an input spends, if it is an own one.
func (v *view) spent(op types.OutPoint) (types.TxOut, owner, bool) {
	o, ok := v.outs[op]
	if !ok {
		return types.TxOut{}, owner{}, false
	}
	return v.byID[op.TxID].tx.Out[op.Index], o, true
}

// children returns the live records that spend outputs of r.
func (v *view) children(r *record) (out []*record) {
	id := r.tx.ID()
	for i := range r.tx.Out {
		c := v.claims[types.OutPoint{TxID: id, Index: uint32(i)}]
		if c != nil && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}
