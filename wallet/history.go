package wallet

import (
	"cmp"
	"slices"

	"github.com/cairn-chain/cairn/types"
)

// Balance sums the coins of a wallet, in the smallest unit. The three parts are disjoint.
type Balance struct {
	Confirmed int64 // in a block and spendable now
	Immature  int64 // mined, spendable later
	Pending   int64 // waits for a block
	Trusted   int64 // the part of Pending that is own change and can be spent now
}

// Spendable is what a payment can use.
func (b Balance) Spendable() int64 { return b.Confirmed + b.Trusted }

// Total is the sum of all parts.
func (b Balance) Total() int64 { return b.Confirmed + b.Immature + b.Pending }

// Balance returns the sums of Coins.
func (w *Wallet) Balance() (b Balance) {
	for _, c := range w.view.coins {
		switch {
		case c.Height == unplaced:
			b.Pending += c.Out.Value
			if c.Trusted {
				b.Trusted += c.Out.Value
			}
		case !c.Mature:
			b.Immature += c.Out.Value
		default:
			b.Confirmed += c.Out.Value
		}
	}
	return b
}

// Coins returns all unspent outputs of the wallet, ordered by outpoint.
func (w *Wallet) Coins() []Coin { return slices.Clone(w.view.coins) }

// Entry is a transaction as the wallet's owner sees it.
type Entry struct {
	TxID          types.Hash
	Status        Status
	Height        int32 // −1 unless confirmed
	Confirmations int32
	Time          int64 // of the block, or when it was first seen; seconds since 1970
	Coinbase      bool
	// Net is by how much the wallet's coins grew, negative if they shrank, the fee included.
	Net int64
	// Fee is nil if not all inputs are the wallet's own.
	Fee *int64
	// Outputs are the other sides of it: where an own transaction pays to, change left out, or which own
	// addresses a foreign one pays.
	Outputs []EntryOutput
	// Replaces and ReplacedBy are zero but for bumped transactions.
	Replaces, ReplacedBy types.Hash
}

// EntryOutput is one output in an Entry.
type EntryOutput struct {
	Address string
	Amount  int64
	Own     bool
}

// History returns all transactions of the wallet, the newest first: unconfirmed ones, then by
// height.
func (w *Wallet) History() []Entry {
	by := map[types.Hash]types.Hash{}
	for _, r := range w.view.records {
		if !r.replaces.IsZero() {
			by[r.replaces] = r.tx.ID()
		}
	}
	rs := slices.Clone(w.view.records)
	slices.SortStableFunc(rs, func(a, b *record) int {
		return cmp.Or(cmp.Compare(uint32(b.height), uint32(a.height)), cmp.Compare(b.seq, a.seq))
	})
	out := make([]Entry, 0, len(rs))
	for _, r := range rs {
		e := w.entry(r)
		e.ReplacedBy = by[e.TxID]
		out = append(out, e)
	}
	return out
}

// Lookup returns the entry of one transaction.
func (w *Wallet) Lookup(id types.Hash) (Entry, bool) {
	r := w.view.byID[id]
	if r == nil {
		return Entry{}, false
	}
	return w.entry(r), true
}

func (w *Wallet) entry(r *record) Entry {
	id := r.tx.ID()
	e := Entry{
		TxID: id, Status: w.view.status[id], Height: r.height, Time: r.time,
		Coinbase: r.tx.IsCoinbase(), Fee: w.feeOf(r.tx), Replaces: r.replaces,
	}
	if r.confirmed() {
		e.Confirmations = w.Height() - r.height + 1
	}
	for i := range r.tx.In {
		out, _, _ := w.view.spent(r.tx.In[i].PrevOut)
		e.Net -= out.Value
	}
	outgoing := e.Net < 0
	for i := range r.tx.Out {
		out := &r.tx.Out[i]
		o, own := w.keys.owner(out.Script)
		if own {
			e.Net += out.Value
		}
		if outgoing && !o.isChange() || !outgoing && own {
			e.Outputs = append(e.Outputs, EntryOutput{w.addressOf(out.Script), out.Value, own})
		}
	}
	return e
}

// feeOf returns the fee of a transaction all of whose inputs are own, else nil.
func (w *Wallet) feeOf(tx *types.Tx) *int64 {
	if !w.view.allOwn(tx) {
		return nil
	}
	var fee int64
	for i := range tx.In {
		out, _, _ := w.view.spent(tx.In[i].PrevOut)
		fee += out.Value
	}
	for i := range tx.Out {
		fee -= tx.Out[i].Value
	}
	return &fee
}
