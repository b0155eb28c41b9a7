package txrequest

import "fmt"

// Check returns an error if an invariant does not hold. Tests call it.
func (t *Tracker[P]) Check() error {
	if len(t.txs) != len(t.queue) {
		return fmt.Errorf("%d transactions wanted, %d scheduled", len(t.txs), len(t.queue))
	}
	announced, asked := map[P]int{}, map[P]int{}
	for h, w := range t.txs {
		if t.queue[w.index] != w || w.hash != h {
			return fmt.Errorf("transaction %v is not where it thinks", h)
		}
		if err := t.checkOne(w); err != nil {
			return fmt.Errorf("transaction %v: %w", h, err)
		}
		for _, a := range w.anns {
			announced[a.peer]++
			if a.state == annAsked {
				asked[a.peer]++
			}
		}
	}
	if len(announced) != len(t.peers) {
		return fmt.Errorf("%d peers announced, %d are kept", len(announced), len(t.peers))
	}
	for id, pa := range t.peers {
		if len(pa.hashes) != announced[id] || pa.asked != asked[id] {
			return fmt.Errorf("peer %d: %d announcements counted as %d, %d requests as %d", id, announced[id], len(pa.hashes), asked[id], pa.asked)
		}
		if pa.asked > MaxInRequest || len(pa.hashes) > MaxAnnounced || len(pa.parked) > 2*MaxAnnounced {
			return fmt.Errorf("peer %d: %d requests, %d announcements, %d parked", id, pa.asked, len(pa.hashes), len(pa.parked))
		}
	}
	return nil
}

// checkOne looks at the announcements of one transaction.
func (t *Tracker[P]) checkOne(w *wanted[P]) error {
	out, live, seen := 0, 0, map[P]bool{}
	for _, a := range w.anns {
		if seen[a.peer] {
			return fmt.Errorf("peer %d announced it twice", a.peer)
		}
		seen[a.peer] = true
		if a.state == annAsked {
			out++
		}
		if a.state != annDone {
			live++
		}
	}
	if out > 1 || live == 0 {
		return fmt.Errorf("%d requests out, %d announcements live", out, live)
	}
	for _, a := range w.anns {
		if a.state == annParked && out == 0 && !t.peers[a.peer].busy() {
			return fmt.Errorf("it waits for peer %d, which could be asked", a.peer)
		}
	}
	return nil
}
