package compact

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// tx makes a transaction that spends an output of each parent; salt tells those of the same parents apart.
func tx(salt uint32, parents ...types.Hash) *types.Tx {
	t := &types.Tx{Version: 2, LockTime: salt, Out: []types.TxOut{{Value: 1, Script: []byte{0x51}}}}
	for _, p := range parents {
		t.In = append(t.In, types.TxIn{PrevOut: types.OutPoint{TxID: p}, Sequence: 1})
	}
	return t
}

// Two transactions of one short id: none of both is believed, also when a third comes.
func TestShortIDsCollideInThePool(t *testing.T) {
	a, b, c := tx(1, types.Hash{1}), tx(2, types.Hash{1}), tx(3, types.Hash{1})
	msg := wire.CmpctBlock{ShortIDs: []uint64{7, 8}}
	x := newMatcher(make([]*types.Tx, 2), &msg)
	put := func(id uint64, tx *types.Tx) { x.place(id, tx.WitnessID(), func() *types.Tx { return tx }) }
	put(7, a)
	put(7, a) // the same once more
	if x.txs[0] != a || x.left != 1 {
		t.Fatalf("%v, %d left", x.txs, x.left)
	}
	put(7, b)
	put(7, c)
	put(9, c)
	if x.txs[0] != nil || x.left != 2 {
		t.Errorf("%v, %d left", x.txs, x.left)
	}
	put(8, c)
	if x.txs[1] != c || x.left != 1 {
		t.Errorf("%v, %d left", x.txs, x.left)
	}
	x.place(8, types.Hash{5}, func() *types.Tx { return nil }) // the pool has just lost it
	if x.txs[1] != nil || x.left != 2 {
		t.Errorf("%v, %d left", x.txs, x.left)
	}
}

// The transactions beside the mempool are bounded in number and bytes.
func TestExtraTxsAreBounded(t *testing.T) {
	var e Extra
	for i := range uint32(300) {
		e.Add(tx(i))
	}
	if len(e.txs) != MaxExtra || e.txs[MaxExtra-1].LockTime != 299 {
		t.Errorf("%d kept", len(e.txs))
	}
	big := tx(1)
	big.Out[0].Script = make([]byte, MaxExtraTx-1000)
	for range 50 {
		e.Add(big.Clone())
	}
	if e.bytes > MaxExtraBytes || len(e.txs) > MaxExtraBytes/(MaxExtraTx-1000) {
		t.Errorf("%d kept, %d bytes", len(e.txs), e.bytes)
	}
	huge := tx(1)
	huge.Out[0].Script = make([]byte, MaxExtraTx)
	before := len(e.txs)
	if e.Add(huge); len(e.txs) != before {
		t.Error("one that is too large is kept")
	}
}

// Whatever comes in whatever order, again and again: a place holds a transaction exactly if one alone of its short id came.
func TestMatcherAgainstTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []*types.Tx
	for i := range uint32(30) {
		all = append(all, tx(i))
	}
	for range 300 {
		msg := wire.CmpctBlock{}
		for id := range uint64(1 + rng.IntN(20)) {
			msg.ShortIDs = append(msg.ShortIDs, id*1000)
		}
		ids := map[*types.Tx]uint64{} // of all transactions, some of the block's
		for _, x := range all {
			ids[x] = 1000 * uint64(rng.IntN(40))
		}
		x, came := newMatcher(make([]*types.Tx, len(msg.ShortIDs)), &msg), map[uint64]map[*types.Tx]bool{}
		for range rng.IntN(60) {
			y := all[rng.IntN(len(all))]
			id := ids[y]
			if came[id] == nil {
				came[id] = map[*types.Tx]bool{}
			}
			came[id][y] = true
			x.place(id, y.WitnessID(), func() *types.Tx { return y })
		}
		left := 0
		for i, id := range msg.ShortIDs {
			want := len(came[id]) == 1
			if got := x.txs[i]; (got != nil) != want || (got != nil && !came[id][got]) {
				t.Fatalf("place %d holds %v, %d came", i, got, len(came[id]))
			}
			if !want {
				left++
			}
		}
		if x.left != left {
			t.Fatalf("%d places left, not %d", x.left, left)
		}
	}
}

// somePool is a mempool.
type somePool []*types.Tx

func (p somePool) Get(wid types.Hash) (*types.Tx, int64, bool) {
	for _, x := range p {
		if x.WitnessID() == wid {
			return x, 1, true
		}
	}
	return nil, 0, false
}

func (p somePool) WitnessIDs(from int, buf []types.Hash) (n int) {
	for _, x := range p[min(from, len(p)):] {
		if n == min(len(buf), 7) { // in pieces
			break
		}
		buf[n] = x.WitnessID()
		n++
	}
	return n
}

// A block whose transactions are sent along, in the mempool, extra or nowhere: exactly the last are missing, and with them it is
// the block again.
func TestAssemble(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range uint32(200) {
		b := &types.Block{Txs: []*types.Tx{tx(round)}}
		var pool somePool
		var extra Extra
		var missing []uint16
		msg := wire.CmpctBlock{Nonce: rng.Uint64()}
		sentAlong := map[int]bool{0: true}
		for i := 1; i < 1+rng.IntN(40); i++ {
			x := tx(round<<16 + uint32(i))
			b.Txs = append(b.Txs, x)
			switch rng.IntN(4) {
			case 0:
				sentAlong[i] = true
			case 1:
				pool = append(pool, x, tx(1<<31+round<<16+uint32(i)))
			case 2:
				extra.Add(x)
			default:
				missing = append(missing, uint16(i))
			}
		}
		var ids []types.Hash
		for _, x := range b.Txs {
			ids = append(ids, x.ID())
		}
		b.Header.MerkleRoot, _ = merkle.Root(ids)
		msg.Header = b.Header
		for i, x := range b.Txs {
			if sentAlong[i] {
				msg.Prefilled = append(msg.Prefilled, wire.PrefilledTx{Index: uint16(i), Tx: x})
			} else {
				msg.ShortIDs = append(msg.ShortIDs, msg.Key().Of(x.WitnessID()))
			}
		}
		part, err := Assemble(&msg, pool, &extra)
		if err != nil || !slices.Equal(part.Missing, missing) || part.Bytes != Bytes(&msg) {
			t.Fatalf("missing %v, not %v: %v", part.Missing, missing, err)
		}
		answer, ok := wire.NewBlockTxn(b, part.Missing)
		if !ok || part.Fill(append(answer.Txs, tx(1))) || !slices.Equal(part.Missing, missing) {
			t.Fatal("one too many was taken")
		}
		if _, ok := part.Block(); ok != (len(missing) == 0) {
			t.Fatalf("a block of which %d are missing: %v", len(missing), ok)
		}
		if !part.Fill(answer.Txs) {
			t.Fatal("what was missing is not taken")
		}
		if got, ok := part.Block(); !ok || got.Header != b.Header || !slices.Equal(got.Txs, b.Txs) {
			t.Fatal("it is another block")
		}
		if len(missing) > 0 {
			part, _ = Assemble(&msg, pool, &extra)
			answer.Txs[0] = tx(1)
			if _, ok := part.Block(); part.Fill(answer.Txs) && ok {
				t.Fatal("another transaction gives the same block")
			}
		}
	}
}

// Messages that contradict themselves, and two equal short ids.
func TestAssembleRefuses(t *testing.T) {
	along := func(places ...uint16) (out []wire.PrefilledTx) {
		for _, i := range places {
			out = append(out, wire.PrefilledTx{Index: i, Tx: tx(uint32(i))})
		}
		return out
	}
	for name, c := range map[string]struct {
		msg  wire.CmpctBlock
		want error
	}{
		"empty":      {wire.CmpctBlock{}, ErrInvalid},
		"outside":    {wire.CmpctBlock{Prefilled: along(1)}, ErrInvalid},
		"twice":      {wire.CmpctBlock{Prefilled: along(0, 0), ShortIDs: []uint64{1}}, ErrInvalid},
		"nothing":    {wire.CmpctBlock{Prefilled: []wire.PrefilledTx{{}}}, ErrInvalid},
		"too many":   {wire.CmpctBlock{ShortIDs: make([]uint64, wire.MaxBlockTxs+1)}, ErrInvalid},
		"collision":  {wire.CmpctBlock{Prefilled: along(0), ShortIDs: []uint64{5, 6, 5}}, ErrCollision},
		"in order":   {wire.CmpctBlock{Prefilled: along(0, 2), ShortIDs: []uint64{5, 6}}, nil},
		"along only": {wire.CmpctBlock{Prefilled: along(0, 1)}, nil},
	} {
		if part, err := Assemble(&c.msg, somePool{}, &Extra{}); err != c.want || (err == nil) != (part != nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// largePool is a mempool of which only the witness ids are there.
type largePool struct {
	wids []types.Hash
}

func (p *largePool) WitnessIDs(from int, buf []types.Hash) int {
	return copy(buf, p.wids[min(from, len(p.wids)):])
}

func (*largePool) Get(types.Hash) (*types.Tx, int64, bool) { return nil, 0, false }

// What a compact block of 2,000 transactions costs that finds one of them in none of 300,000 transactions, about what 300 MB hold.
func BenchmarkAssemble(b *testing.B) {
	pool := &largePool{wids: make([]types.Hash, 300_000)}
	for i := range pool.wids {
		pool.wids[i] = types.Hash{byte(i), byte(i >> 8), byte(i >> 16)}
	}
	msg := wire.NewCmpctBlock(&types.Block{Txs: []*types.Tx{tx(1)}}, 1)
	for i := range uint64(2000) {
		msg.ShortIDs = append(msg.ShortIDs, i<<20|i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if part, err := Assemble(&msg, pool, &Extra{}); err != nil || len(part.Missing) != 2000 {
			b.Fatalf("%d missing", len(part.Missing))
		}
	}
}
