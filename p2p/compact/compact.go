// Package compact puts blocks together from their compact form (BIP152, version 2) and transactions that are here already.
//
// The rules:
//   - Transactions that were sent along stand where they say. Two for one place, or one outside of the block: the message
//     contradicts itself (ErrInvalid).
//   - The other places are found by short id, in the mempool and then among the extra transactions, those that left the mempool of
//     late or never came in: others may have them in their blocks.
//   - Two transactions here of one short id: none of both is believed, also when a third comes; the place is missing. So nobody who sends us
//     a transaction with the short id of another does more than have that one asked for.
//   - Two equal short ids in one block: it cannot be put together (ErrCollision). Whoever made the block drew the key of its short
//     ids, so with honest ones that hardly ever happens.
//   - What is put together is the block only if its transactions give the header's merkle root. The root says nothing of witnesses:
//     whether they are the block's is found out by the rules (bad-witness-merkle-match), not here.
//
// Complexity: one SipHash for each transaction of the mempool, about 10 ms for the 300,000 of a full one (BenchmarkAssemble); a
// transaction is fetched only if its short id is among the block's. The pool is copied out in pieces, so that its lock is
// never held long. Memory: Bytes for what is not complete, and MaxExtraBytes.
//
// Invariant: Missing names exactly the places that have no transaction, in rising order, until Fill has given them.
package compact

import (
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// MaxExtra and MaxExtraBytes bound the extra transactions; larger ones than MaxExtraTx bytes are not kept.
const (
	MaxExtra      = 100
	MaxExtraBytes = 1 << 20
	MaxExtraTx    = 100_000

	chunk = 4096 // witness ids that are copied out of a large mempool at once
)

// What may be wrong with a compact block.
var (
	// ErrInvalid says that the message contradicts itself.
	ErrInvalid = errors.New("invalid compact block")
	// ErrCollision says that two transactions of the block have one short id.
	ErrCollision = errors.New("two equal short ids in a compact block")
)

// Pool is what is used of the mempool. While it changes it may miss some and give some twice.
type Pool interface {
	// Get finds a transaction by witness id.
	Get(types.Hash) (tx *types.Tx, feeRate int64, ok bool)
	// WitnessIDs copies witness ids to buf, from a place in a list of all on, and returns how many; 0: there are no more.
	WitnessIDs(from int, buf []types.Hash) int
}

// Assemble looks for the transactions of a compact block. The error is ErrInvalid or ErrCollision.
func Assemble(c *wire.CmpctBlock, pool Pool, extra *Extra) (*Partial, error) {
	if c.Txs() == 0 || c.Txs() > wire.MaxBlockTxs {
		return nil, ErrInvalid
	}
	part := &Partial{header: c.Header, txs: make([]*types.Tx, c.Txs())}
	for _, t := range c.Prefilled {
		if int(t.Index) >= len(part.txs) || t.Tx == nil || part.txs[t.Index] != nil {
			return nil, ErrInvalid
		}
		part.txs[t.Index] = t.Tx
	}
	part.Bytes = Bytes(c)
	match := newMatcher(part.txs, c)
	if match == nil {
		return nil, ErrCollision
	}
	match.tryPool(pool)
	for _, tx := range extra.txs {
		match.try(tx.WitnessID(), func() *types.Tx { return tx })
	}
	for i, tx := range part.txs {
		if tx == nil {
			part.Missing = append(part.Missing, uint16(i))
		}
	}
	return part, nil
}

// Partial is a block of which transactions may be missing.
type Partial struct {
	Missing []uint16 // the places without a transaction
	Bytes   int      // what it takes in memory, about

	header types.Header
	txs    []*types.Tx // nil: missing
}

// Fill gives the missing transactions, in the order of Missing. It tells whether they are as many; else nothing has changed.
func (part *Partial) Fill(txs []*types.Tx) bool {
	if len(txs) != len(part.Missing) {
		return false
	}
	for i, at := range part.Missing {
		part.txs[at] = txs[i]
	}
	part.Missing = nil
	return true
}

// Block returns the block if nothing is missing and its transactions give the merkle root.
func (part *Partial) Block() (*types.Block, bool) {
	if len(part.Missing) > 0 {
		return nil, false
	}
	ids := make([]types.Hash, len(part.txs))
	for i, tx := range part.txs {
		ids[i] = tx.ID()
	}
	root, mutated := merkle.Root(ids)
	return &types.Block{Header: part.header, Txs: part.txs}, root == part.header.MerkleRoot && !mutated
}

// Bytes is what a compact block takes in memory, about.
func Bytes(c *wire.CmpctBlock) int {
	n := types.HeaderSize + 16*c.Txs()
	for _, t := range c.Prefilled {
		n += t.Tx.Size()
	}
	return n
}

// matcher finds the places of transactions by short id.
type matcher struct {
	key  wire.ShortIDKey
	at   map[uint64]uint16 // the place of each short id
	seen [1 << 10]uint64   // a bit for the low 16 of each short id: most of a pool is not in the block
	txs  []*types.Tx
	both []bool // two transactions have this short id
	left int    // places without a transaction
}

// newMatcher returns nil if two short ids are equal. txs holds the transactions that need not be found.
func newMatcher(txs []*types.Tx, c *wire.CmpctBlock) *matcher {
	x := &matcher{key: c.Key(), at: make(map[uint64]uint16, len(c.ShortIDs)), txs: txs, both: make([]bool, len(txs)), left: len(c.ShortIDs)}
	next := 0
	for i, tx := range txs {
		if tx != nil {
			continue
		}
		id := c.ShortIDs[next]
		next++
		if _, twice := x.at[id]; twice {
			return nil
		}
		x.at[id] = uint16(i)
		x.seen[id>>6&(1<<10-1)] |= 1 << (id & 63)
	}
	return x
}

// tryPool offers all transactions of the mempool. As Bitcoin Core it stops when everything was found.
func (x *matcher) tryPool(pool Pool) {
	buf := make([]types.Hash, chunk/32) // clearing more would cost more than looking through a small mempool
	for from := 0; x.left > 0; {
		n := pool.WitnessIDs(from, buf)
		if n == 0 {
			return
		}
		for _, wid := range buf[:n] {
			x.try(wid, func() *types.Tx { tx, _, _ := pool.Get(wid); return tx })
		}
		if from += n; n == len(buf) && n < chunk {
			buf = make([]types.Hash, 2*n)
		}
	}
}

// try offers a transaction.
func (x *matcher) try(wid types.Hash, get func() *types.Tx) {
	if id := x.key.Of(wid); x.seen[id>>6&(1<<10-1)]>>(id&63)&1 != 0 {
		x.place(id, wid, get)
	}
}

func (x *matcher) place(id uint64, wid types.Hash, get func() *types.Tx) {
	i, ok := x.at[id]
	switch {
	case !ok || x.both[i]:
	case x.txs[i] == nil:
		if x.txs[i] = get(); x.txs[i] != nil {
			x.left--
		}
	case x.txs[i].WitnessID() != wid:
		x.txs[i], x.both[i] = nil, true
		x.left++
	}
}

// Extra are transactions that are not in the mempool and yet may come in a block, the oldest first: others may have them
// in theirs. The zero value is empty.
type Extra struct {
	txs   []*types.Tx
	bytes int
}

// Add keeps transactions, at the price of the oldest. They must not be changed any more.
func (e *Extra) Add(txs ...*types.Tx) {
	for _, tx := range txs {
		if tx.Size() > MaxExtraTx {
			continue
		}
		e.txs = append(e.txs, tx)
		e.bytes += tx.Size()
		for len(e.txs) > MaxExtra || e.bytes > MaxExtraBytes {
			e.bytes -= e.txs[0].Size()
			e.txs[0] = nil
			e.txs = e.txs[1:]
		}
	}
}

// Len is how many there are.
func (e *Extra) Len() int { return len(e.txs) }

// Check returns an error if the bounds do not hold. Tests call it.
func (e *Extra) Check() error {
	sum := 0
	for _, tx := range e.txs {
		sum += tx.Size()
	}
	if sum != e.bytes || sum > MaxExtraBytes || len(e.txs) > MaxExtra {
		return fmt.Errorf("%d extra transactions of %d bytes, counted as %d", len(e.txs), sum, e.bytes)
	}
	return nil
}
