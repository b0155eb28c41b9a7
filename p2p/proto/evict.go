package proto

import (
	"cmp"
	"slices"
	"time"
)

// Eviction: which inbound peer goes when one more comes and all places are taken.
//
// The attack: an eclipse. Whoever can open many connections fills all inbound places; a node that refuses newcomers, or
// lets the oldest or a random one go, ends up with the attacker alone.
//
// The rule, Bitcoin Core's: those are spared whose merit an attacker cannot easily have more of than everybody
// else; of the rest the newcomer in the largest group goes.
//
//  1. Spared are, one class after the other, of those that are left: 4 from distinct places in a salted order of
//     net groups (the attacker cannot know which groups it needs), the 8 with the least ping (needs nearness), the 4 that
//     last gave us a new transaction and the 4 that last gave us a new block, 8 more of those that gave blocks
//     without exchanging transactions (needs work for us), then half of the rest: the longest connected (needs time).
//  2. If discouraged peers are left, only they are considered.
//  3. Of the net group with the most peers left (the one with the youngest peer among equals) the youngest goes.
//
// With nobody left the newcomer is refused. O(n log n). At least 28 peers are spared, so a node with fewer inbound
// places refuses newcomers. Peers with PermNoBan are not among those who may go.
type candidate struct {
	id         PeerID
	since      time.Time
	minPing    time.Duration // 0: never answered
	lastBlock  time.Time
	lastTx     time.Time
	blocksOnly bool // no transactions go to it
	disliked   bool
	group      string
	salted     uint64 // of group
}

const neverPinged = time.Duration(1<<63 - 1)

func (c candidate) ping() time.Duration {
	if c.minPing == 0 {
		return neverPinged
	}
	return c.minPing
}

// chooseEviction picks who goes; ok is false if nobody may be picked.
func chooseEviction(all []candidate) (PeerID, bool) {
	left := slices.Clone(all)
	byID := func(a, b candidate) int { return cmp.Compare(a.id, b.id) }
	oldest := func(a, b candidate) int { return cmp.Or(a.since.Compare(b.since), byID(a, b)) }
	left = spare(left, 4, nil, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.salted, b.salted), oldest(a, b)) })
	left = spare(left, 8, nil, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.ping(), b.ping()), oldest(a, b)) })
	left = spare(left, 4, nil, func(a, b candidate) int { return cmp.Or(b.lastTx.Compare(a.lastTx), oldest(a, b)) })
	lastBlock := func(a, b candidate) int { return cmp.Or(b.lastBlock.Compare(a.lastBlock), oldest(a, b)) }
	left = spare(left, 8, func(c candidate) bool { return c.blocksOnly && !c.lastBlock.IsZero() }, lastBlock)
	left = spare(left, 4, nil, lastBlock)
	left = spare(left, len(left)/2, nil, oldest)
	if slices.ContainsFunc(left, func(c candidate) bool { return c.disliked }) {
		left = slices.DeleteFunc(left, func(c candidate) bool { return !c.disliked })
	}
	if len(left) == 0 {
		return 0, false
	}
	return youngestOfLargest(left, oldest), true
}

// spare takes the first n by order, of those for which which is true, out of left.
func spare(left []candidate, n int, which func(candidate) bool, order func(a, b candidate) int) []candidate {
	slices.SortFunc(left, order)
	return slices.DeleteFunc(left, func(c candidate) bool {
		if n == 0 || (which != nil && !which(c)) {
			return false
		}
		n--
		return true
	})
}

func youngestOfLargest(left []candidate, oldest func(a, b candidate) int) PeerID {
	slices.SortFunc(left, oldest)
	size := map[string]int{}
	for _, c := range left {
		size[c.group]++
	}
	best := left[len(left)-1]
	for _, c := range slices.Backward(left) { // the youngest first, so equals keep it
		if size[c.group] > size[best.group] {
			best = c
		}
	}
	return best.id
}

// admitInbound makes room for a new inbound peer. If there is none the peer is disconnected.
func (m *Machine) admitInbound(p *peer) bool {
	n := 0
	var all []candidate
	for _, q := range m.order {
		if q.kind != Inbound || q.closing {
			continue
		}
		n++
		if q != p && !q.perm.Has(PermNoBan) {
			all = append(all, m.candidate(q))
		}
	}
	limit := m.cfg.Limits.Inbound
	unwanted := m.discouraged(p.addr) && !p.local && !p.perm.Has(PermNoBan)
	if n < limit || (n == limit && !unwanted) {
		return true
	}
	if unwanted {
		m.drop(p, "discouraged", "")
		return false
	}
	id, ok := chooseEviction(all)
	if !ok {
		m.drop(p, "inbound full", "")
		return false
	}
	m.drop(m.peers[id], "evicted", "")
	return true
}

func (m *Machine) candidate(q *peer) candidate {
	return candidate{
		id: q.id, since: q.since, minPing: q.ping.min, lastBlock: q.lastBlock, lastTx: q.lastTx,
		blocksOnly: q.hs.got && !m.tellsTxs(q), disliked: !q.local && m.discouraged(q.addr),
		group: q.group, salted: m.key.Text(q.group),
	}
}
