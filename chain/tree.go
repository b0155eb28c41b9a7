package chain

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cairn-chain/cairn/types"
)

// tree holds all headers that connect to genesis. The owner adds to it; mu lets others look things up. What stands below
// the line is the owner's alone.
type tree struct {
	mu     sync.RWMutex
	nodes  map[types.Hash]*Node
	leaves map[*Node]struct{} // nodes without children

	genesis    *Node
	bestHeader atomic.Pointer[Node] // most work among the nodes that are not invalid

	// waiting lists, under their parent, the nodes whose block is stored while an ancestor's is not.
	waiting map[*Node][]*Node
	// candidates are linked, valid nodes that may be better than the tip.
	candidates map[*Node]struct{}
	nextSeq    int64 // counts up from 1
	precious   int64 // counts down from −1

	// base is the last block below a snapshot that is not validated, nil if there is none; baseTx the transactions up to it.
	base   *Node
	baseTx uint64
}

func newTree() tree {
	return tree{
		nodes: map[types.Hash]*Node{}, leaves: map[*Node]struct{}{}, waiting: map[*Node][]*Node{},
		candidates: map[*Node]struct{}{}, nextSeq: 1, precious: -1,
	}
}

func (t *tree) lookup(h types.Hash) *Node {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.nodes[h]
}

// insert adds a node whose parent is in the tree.
func (t *tree) insert(n *Node) {
	t.mu.Lock()
	t.nodes[n.hash] = n
	t.leaves[n] = struct{}{}
	if n.parent == nil {
		t.genesis = n
	} else {
		delete(t.leaves, n.parent)
	}
	t.mu.Unlock()
	if n.parent != nil && n.parent.Invalid() {
		n.set(StatusFailedParent)
	}
	t.noteHeader(n)
}

// noteHeader makes n the best header if it is.
func (t *tree) noteHeader(n *Node) {
	best := t.bestHeader.Load()
	if !n.Invalid() && (best == nil || n.work.Cmp(best.work) > 0) {
		t.bestHeader.Store(n)
	}
}

// leafList returns the leaves, heaviest first, equal ones by hash.
func (t *tree) leafList() []*Node {
	t.mu.RLock()
	list := make([]*Node, 0, len(t.leaves))
	for n := range t.leaves {
		list = append(list, n)
	}
	t.mu.RUnlock()
	slices.SortFunc(list, func(a, b *Node) int {
		if c := b.work.Cmp(a.work); c != 0 {
			return c
		}
		return a.hash.Compare(b.hash)
	})
	return list
}

// findBestHeader looks through all branches, after something was marked.
func (t *tree) findBestHeader() {
	best := t.genesis
	t.fromLeaves((*Node).Invalid, func(n *Node) {
		if n.work.Cmp(best.work) > 0 {
			best = n
		}
	})
	// A header that is as good and was there before stays.
	if old := t.bestHeader.Load(); old == nil || old.Invalid() || best.work.Cmp(old.work) > 0 {
		t.bestHeader.Store(best)
	}
}

// descendants calls each once for every node above n, n itself left out.
func (t *tree) descendants(n *Node, each func(*Node)) {
	seen := map[*Node]bool{}
	for _, leaf := range t.leafList() {
		if leaf.at(n.height) != n {
			continue
		}
		for d := leaf; d != n && !seen[d]; d = d.parent {
			seen[d] = true
			each(d)
		}
	}
}

// better tells whether a is to be preferred to b: more work, then seen first.
func better(a, b *Node) bool {
	if c := a.work.Cmp(b.work); c != 0 {
		return c > 0
	}
	if a.seq != b.seq {
		return a.seq < b.seq
	}
	return a != b && a.hash.Compare(b.hash) < 0
}

// bestCandidate returns the best of the candidates, or nil.
func (t *tree) bestCandidate() (best *Node) {
	for n := range t.candidates {
		if best == nil || better(n, best) {
			best = n
		}
	}
	return best
}

// findCandidates collects all branches that can be connected, after something was marked or unmarked.
func (t *tree) findCandidates() {
	clear(t.candidates)
	unfit := func(n *Node) bool { return n.Invalid() || !n.Linked() }
	t.fromLeaves(unfit, func(n *Node) { t.candidates[n] = struct{}{} })
}

// fromLeaves calls each for the last node of every branch that is not unfit, heaviest branch first; genesis always fits. No
// node is passed twice: headers may be many, and branches that part at the end of a long one too.
func (t *tree) fromLeaves(unfit func(*Node) bool, each func(*Node)) {
	passed := map[*Node]struct{}{}
	for _, n := range t.leafList() {
		for n != nil && n.parent != nil && unfit(n) {
			if _, ok := passed[n]; ok {
				n = nil
				break
			}
			passed[n] = struct{}{}
			n = n.parent
		}
		if n != nil {
			each(n)
		}
	}
}

// link tells the tree that n's block is stored. If its ancestors are too, it and those that waited for it can be
// connected from now on; they are returned. Otherwise it waits.
func (t *tree) link(n *Node) (linked []*Node) {
	if n.parent != nil && !n.Assumed() && n.parent.chainTx.Load() == 0 {
		if !slices.Contains(t.waiting[n.parent], n) {
			t.waiting[n.parent] = append(t.waiting[n.parent], n)
		}
		return nil
	}
	for queue := []*Node{n}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		before := uint64(0)
		if n.parent != nil {
			before = n.parent.chainTx.Load()
		}
		switch {
		case n == t.base:
			n.chainTx.Store(t.baseTx)
		case n.parent == nil, before != 0 && n.txCount.Load() != 0:
			n.chainTx.Store(before + uint64(n.txCount.Load()))
		default:
			continue // below a snapshot: what stands on it beside the snapshot's branch waits
		}
		if n.seq == 0 && n.parent != nil {
			n.seq = t.nextSeq
			t.nextSeq++
		}
		if !n.Invalid() {
			t.candidates[n] = struct{}{}
			if n.parent != nil {
				delete(t.candidates, n.parent) // what is above is better
			}
		}
		linked = append(linked, n)
		queue = append(queue, t.waiting[n]...)
		delete(t.waiting, n)
	}
	return linked
}

// unlink tells the tree that n's block is not stored after all. What stands on it waits again.
func (t *tree) unlink(n *Node) {
	if !n.Linked() {
		if n.parent != nil {
			t.waiting[n.parent] = slices.DeleteFunc(t.waiting[n.parent], func(w *Node) bool { return w == n })
		}
		return
	}
	n.chainTx.Store(0)
	t.descendants(n, func(d *Node) {
		if d.HaveBlock() && d.Linked() {
			t.waiting[d.parent] = append(t.waiting[d.parent], d)
		}
		d.chainTx.Store(0)
	})
	t.findCandidates()
}

// inherit makes StatusFailedParent agree with the parents everywhere and reports what it changed.
func (t *tree) inherit(changed func(*Node)) {
	all := t.all()
	for _, n := range all {
		if n.parent == nil || n.parent.Invalid() == n.has(StatusFailedParent) {
			continue
		}
		if n.parent.Invalid() {
			n.set(StatusFailedParent)
		} else {
			n.clear(StatusFailedParent)
		}
		changed(n)
	}
}

// all returns every node, parents before children.
func (t *tree) all() []*Node {
	t.mu.RLock()
	list := make([]*Node, 0, len(t.nodes))
	for _, n := range t.nodes {
		list = append(list, n)
	}
	t.mu.RUnlock()
	sortNodes(list)
	return list
}
