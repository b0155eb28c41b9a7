package proto

import (
	"math/rand/v2"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOrphansBoundedPerPeer(t *testing.T) {
	o := newOrphanage()
	honest := tx(1, types.Hash{1})
	o.add(honest, 1)
	for i := range uint32(5000) {
		o.add(tx(100+i, types.Hash{2}), 2)
	}
	must(t, o.check())
	if !o.has(honest.WitnessID()) {
		t.Error("one peer's flood pushed out another peer's orphan")
	}
	if n := len(o.users[2].ids); n != maxPeerOrphans {
		t.Errorf("the flooder has %d orphans", n)
	}
}

func TestOrphansBoundedInTotal(t *testing.T) {
	o := newOrphanage()
	for peer := PeerID(1); peer <= 50; peer++ {
		for i := range uint32(60) {
			o.add(tx(uint32(peer)*1000+i, types.Hash{byte(peer)}), peer)
		}
	}
	must(t, o.check())
	if len(o.byID) != maxOrphans {
		t.Errorf("%d orphans", len(o.byID))
	}
}

func TestOrphanWeightBound(t *testing.T) {
	o := newOrphanage()
	big := func(i uint32) *types.Tx {
		x := tx(i, types.Hash{1})
		x.Out[0].Script = make([]byte, 90_000)
		return x
	}
	for peer := PeerID(1); peer <= 40; peer++ {
		o.add(big(uint32(peer)), peer)
		o.add(big(uint32(peer)+1000), peer)
		o.add(big(uint32(peer)+2000), peer)
	}
	must(t, o.check())
	huge := tx(9999, types.Hash{1})
	huge.Out[0].Script = make([]byte, 100_001)
	if o.add(huge, 1) {
		t.Error("an orphan that no mempool would take was kept")
	}
}

func TestOrphanStaysWhileSomebodyHasIt(t *testing.T) {
	o, x := newOrphanage(), tx(1, types.Hash{1})
	o.add(x, 1)
	o.announce(x.WitnessID(), 2)
	o.gone(1)
	if !o.has(x.WitnessID()) {
		t.Error("gone with the first peer")
	}
	o.gone(2)
	must(t, o.check())
	if o.has(x.WitnessID()) || len(o.byPrev) != 0 {
		t.Error("kept for nobody")
	}
}

func TestOrphanChildrenAndBlocks(t *testing.T) {
	o, parent := newOrphanage(), tx(1, types.Hash{1})
	a, b, c := tx(2, parent.ID()), tx(3, parent.ID(), types.Hash{7}), tx(4, types.Hash{7})
	for _, x := range []*types.Tx{b, a, c} {
		o.add(x, 1)
	}
	kids := o.children(parent)
	if len(kids) != 2 || kids[0].tx != b || kids[1].tx != a {
		t.Fatalf("children %v", kids)
	}
	o.confirmed(tx(5, types.Hash{7})) // spends what b and c spend
	must(t, o.check())
	if o.has(b.WitnessID()) || o.has(c.WitnessID()) || !o.has(a.WitnessID()) {
		t.Error("a block's spend did not drop exactly the orphans that conflict")
	}
}

func TestOrphanageRandom(t *testing.T) {
	rng, o := rand.New(rand.NewPCG(1, 1)), newOrphanage()
	var all []*types.Tx
	for i := range uint32(40) {
		x := tx(i, types.Hash{byte(rng.IntN(8))}, types.Hash{byte(10 + rng.IntN(8))})
		all = append(all, x)
	}
	for range 5000 {
		x, peer := all[rng.IntN(len(all))], PeerID(rng.IntN(6)+1)
		switch rng.IntN(6) {
		case 0, 1:
			o.add(x, peer)
		case 2:
			o.announce(x.WitnessID(), peer)
		case 3:
			o.erase(x.WitnessID())
		case 4:
			o.gone(peer)
		case 5:
			if rng.IntN(10) == 0 {
				o.confirmed(x)
			}
		}
		must(t, o.check())
	}
}
