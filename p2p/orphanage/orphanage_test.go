package orphanage

import (
	"math/rand/v2"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

type peer uint64

// tx makes a transaction that spends an output of each parent; salt tells those of the same parents apart.
func tx(salt uint32, parents ...types.Hash) *types.Tx {
	t := &types.Tx{Version: 2, LockTime: salt, Out: []types.TxOut{{Value: 1, Script: []byte{0x51}}}}
	for _, p := range parents {
		t.In = append(t.In, types.TxIn{PrevOut: types.OutPoint{TxID: p}, Sequence: 1})
	}
	return t
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOrphansBoundedPerPeer(t *testing.T) {
	o := New[peer]()
	honest := tx(1, types.Hash{1})
	o.Add(honest, 1)
	for i := range uint32(5000) {
		o.Add(tx(100+i, types.Hash{2}), 2)
	}
	must(t, o.Check())
	if !o.Has(honest.WitnessID()) {
		t.Error("one peer's flood pushed out another peer's orphan")
	}
	if n := len(o.users[2].ids); n != MaxOfPeer {
		t.Errorf("the flooder has %d orphans", n)
	}
}

func TestOrphansBoundedInTotal(t *testing.T) {
	o := New[peer]()
	for id := peer(1); id <= 50; id++ {
		for i := range uint32(60) {
			o.Add(tx(uint32(id)*1000+i, types.Hash{byte(id)}), id)
		}
	}
	must(t, o.Check())
	if len(o.byID) != MaxOrphans {
		t.Errorf("%d orphans", len(o.byID))
	}
}

func TestOrphanWeightBound(t *testing.T) {
	o := New[peer]()
	big := func(i uint32) *types.Tx {
		x := tx(i, types.Hash{1})
		x.Out[0].Script = make([]byte, 90_000)
		return x
	}
	for id := peer(1); id <= 40; id++ {
		o.Add(big(uint32(id)), id)
		o.Add(big(uint32(id)+1000), id)
		o.Add(big(uint32(id)+2000), id)
	}
	must(t, o.Check())
	huge := tx(9999, types.Hash{1})
	huge.Out[0].Script = make([]byte, 100_001)
	if o.Add(huge, 1) {
		t.Error("an orphan that no mempool would take was kept")
	}
}

func TestOrphanStaysWhileSomebodyHasIt(t *testing.T) {
	o, x := New[peer](), tx(1, types.Hash{1})
	o.Add(x, 1)
	o.Announce(x.WitnessID(), 2)
	o.Gone(1)
	if !o.Has(x.WitnessID()) {
		t.Error("gone with the first peer")
	}
	o.Gone(2)
	must(t, o.Check())
	if o.Has(x.WitnessID()) || len(o.byPrev) != 0 {
		t.Error("kept for nobody")
	}
}

func TestOrphanChildrenAndBlocks(t *testing.T) {
	o, parent := New[peer](), tx(1, types.Hash{1})
	a, b, c := tx(2, parent.ID()), tx(3, parent.ID(), types.Hash{7}), tx(4, types.Hash{7})
	for _, x := range []*types.Tx{b, a, c} {
		o.Add(x, 1)
	}
	kids := o.Children(parent)
	if len(kids) != 2 || kids[0].Tx != b || kids[1].Tx != a {
		t.Fatalf("children %v", kids)
	}
	o.Confirmed(tx(5, types.Hash{7})) // spends what b and c spend
	must(t, o.Check())
	if o.Has(b.WitnessID()) || o.Has(c.WitnessID()) || !o.Has(a.WitnessID()) {
		t.Error("a block's spend did not drop exactly the orphans that conflict")
	}
}

func TestOrphanageRandom(t *testing.T) {
	rng, o := rand.New(rand.NewPCG(1, 1)), New[peer]()
	var all []*types.Tx
	for i := range uint32(40) {
		x := tx(i, types.Hash{byte(rng.IntN(8))}, types.Hash{byte(10 + rng.IntN(8))})
		all = append(all, x)
	}
	for range 5000 {
		x, id := all[rng.IntN(len(all))], peer(rng.IntN(6)+1)
		switch rng.IntN(6) {
		case 0, 1:
			o.Add(x, id)
		case 2:
			o.Announce(x.WitnessID(), id)
		case 3:
			o.Erase(x.WitnessID())
		case 4:
			o.Gone(id)
		case 5:
			if rng.IntN(10) == 0 {
				o.Confirmed(x)
			}
		}
		must(t, o.Check())
	}
}
