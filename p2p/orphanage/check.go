package orphanage

import (
	"fmt"
	"slices"
)

// Check returns an error if an invariant does not hold. Tests call it.
func (o *Orphanage[P]) Check() error {
	weight, prevs, uses := 0, 0, 0
	for wid, n := range o.byID {
		weight += n.Tx.Weight()
		if n.Tx.WitnessID() != wid || len(n.Peers) == 0 {
			return fmt.Errorf("orphan %v has %d peers", wid, len(n.Peers))
		}
		uses += len(n.Peers)
		for _, op := range prevOuts(n.Tx) {
			prevs++
			if !slices.Contains(o.byPrev[op], n) {
				return fmt.Errorf("orphan %v is not found by %v", wid, op)
			}
		}
	}
	for _, list := range o.byPrev {
		prevs -= len(list)
	}
	for _, u := range o.users {
		uses -= len(u.ids)
	}
	if weight != o.weight || prevs != 0 || uses != 0 {
		return fmt.Errorf("orphans of weight %d counted as %d, %d and %d entries amiss", weight, o.weight, prevs, uses)
	}
	return o.checkBounds()
}

func (o *Orphanage[P]) checkBounds() error {
	for id, u := range o.users {
		if len(u.ids) == 0 || len(u.ids) > MaxOfPeer || u.weight > MaxPeerWeight {
			return fmt.Errorf("peer %v has %d orphans of weight %d", id, len(u.ids), u.weight)
		}
	}
	if o.weight > MaxWeight || len(o.byID) > MaxOrphans || len(o.queue) > 2*MaxOrphans {
		return fmt.Errorf("%d orphans of weight %d, of which %d wait to be tried", len(o.byID), o.weight, len(o.queue))
	}
	return nil
}
