package slowmodel

import (
	"math/big"
	"slices"

	"github.com/cairn-chain/cairn/types"
)

// Model is the tree of all headers that were accepted, with their blocks. Its tip is the best branch that is complete and
// in which no fault is known. A block is judged with coins when the tip would move over it, not before, as in Bitcoin Core; so what
// is known of a block depends on the past.
type Model struct {
	Rules Rules
	nodes map[types.Hash]*Node
	order []*Node // by when the header came
	tip   *Node
	// seen counts up when a block and all before it are there; favour counts down at each Precious.
	seen, favour int64
}

// Node is one header.
type Node struct {
	Hash   types.Hash
	Header types.Header
	Height int
	Work   *big.Int // of the branch
	Parent *Node
	Block  *types.Block // nil if only the header is known
	// rank orders branches of equal work, the least first; 0 until the branch is complete.
	rank int64
	// waits is the order in which blocks came whose branch is not complete.
	waits  int64
	valid  bool // judged with coins once
	failed bool // by a fault of its own, or by Invalidate
}

// New starts at genesis, whose output is no coin.
func New(r Rules) *Model {
	g := &Node{Hash: r.Genesis.Hash(), Header: r.Genesis.Header, Work: Work(r.Genesis.Header.Bits), Block: r.Genesis, valid: true}
	return &Model{Rules: r, nodes: map[types.Hash]*Node{g.Hash: g}, order: []*Node{g}, tip: g}
}

// branch returns the nodes from genesis to n.
func branch(n *Node) []*Node {
	var nodes []*Node
	for ; n != nil; n = n.Parent {
		nodes = append(nodes, n)
	}
	slices.Reverse(nodes)
	return nodes
}

func headers(n *Node) (hs []types.Header) {
	for _, n := range branch(n) {
		hs = append(hs, n.Header)
	}
	return hs
}

func (m *Model) invalid(n *Node) bool {
	for a := n; a != nil; a = a.Parent {
		if a.failed {
			return true
		}
	}
	return false
}

func complete(n *Node) bool {
	for ; n != nil; n = n.Parent {
		if n.Block == nil {
			return false
		}
	}
	return true
}

// Tip returns the best block.
func (m *Model) Tip() *Node { return m.tip }

// Nodes returns all headers in the order in which they came.
func (m *Model) Nodes() []*Node { return m.order }

// Lookup returns a header that was accepted, or nil.
func (m *Model) Lookup(h types.Hash) *Node { return m.nodes[h] }

// Coins returns the coin set after n, from genesis on.
func (m *Model) Coins(n *Node) Coins {
	coins := Coins{}
	for _, n := range branch(n)[1:] {
		m.Rules.Apply(coins, n.Block, n.Height)
	}
	return coins
}

// BestHeaderWork is the most work of a branch of headers in which no fault is known.
func (m *Model) BestHeaderWork() *big.Int {
	best := m.order[0].Work
	for _, n := range m.order {
		if n.Work.Cmp(best) > 0 && !m.invalid(n) {
			best = n.Work
		}
	}
	return best
}

// Status is what getchaintips would call n if it were a tip.
func (m *Model) Status(n *Node) string {
	switch {
	case slices.Contains(branch(m.tip), n):
		return "active"
	case m.invalid(n):
		return "invalid"
	case !complete(n):
		return "headers-only"
	case n.valid:
		return "valid-fork"
	}
	return "valid-headers"
}

// Tips returns the status of the best block and of every header without a child.
func (m *Model) Tips() map[types.Hash]string {
	leaves := map[types.Hash]string{}
	for _, n := range m.order {
		leaves[n.Hash] = m.Status(n)
	}
	for _, n := range m.order[1:] {
		if n.Parent != m.tip {
			delete(leaves, n.Parent.Hash)
		}
	}
	return leaves
}

// AddHeaders takes headers until one is refused and returns how many it took, and why it stopped.
func (m *Model) AddHeaders(hs []types.Header, now int64) (accepted int, reason string) {
	for i := range hs {
		if _, reason := m.addHeader(&hs[i], now); reason != "" {
			return i, reason
		}
	}
	return len(hs), ""
}

func (m *Model) addHeader(h *types.Header, now int64) (*Node, string) {
	hash := h.Hash()
	if n := m.nodes[hash]; n != nil {
		if m.invalid(n) {
			return n, "duplicate-invalid"
		}
		return n, ""
	}
	if reason := m.Rules.pow(h); reason != "" {
		return nil, reason
	}
	parent := m.nodes[h.PrevHash]
	if parent == nil {
		return nil, "prev-blk-not-found"
	}
	if m.invalid(parent) && !m.Rules.Flaws.Forgetful {
		return nil, "bad-prevblk"
	}
	if reason := m.Rules.header(headers(parent), h, now); reason != "" {
		return nil, reason
	}
	n := &Node{Hash: hash, Header: *h, Height: parent.Height + 1, Parent: parent, Work: Work(h.Bits)}
	n.Work.Add(n.Work, parent.Work)
	m.nodes[hash] = n
	m.order = append(m.order, n)
	return n, ""
}

// AddBlock takes a block and returns why it is refused, "" if it is not. known tells that it was there before.
func (m *Model) AddBlock(b *types.Block, now int64) (known bool, reason string) {
	hash := b.Header.Hash()
	if n := m.nodes[hash]; n != nil && n.Block != nil {
		if m.invalid(n) {
			return true, "duplicate-invalid"
		}
		return true, ""
	}
	n, reason := m.addHeader(&b.Header, now)
	if reason != "" {
		return false, reason
	}
	if reason, blame := m.Rules.block(headers(n), b); reason != "" {
		n.failed = n.failed || blame || m.Rules.Flaws.Blaming
		m.activate()
		return false, reason
	}
	n.Block = b
	m.seen++
	n.waits = m.seen
	m.rank(n)
	fault := m.activate()
	switch {
	case fault[n] != "":
		return false, fault[n]
	case m.invalid(n):
		return false, "bad-prevblk"
	}
	return false, ""
}

// rank numbers n and the blocks that waited for it, by height and then by when they came.
func (m *Model) rank(n *Node) {
	if !complete(n) {
		return
	}
	var waiting []*Node
	for _, d := range m.order {
		if complete(d) && d.rank == 0 && d.Parent != nil && slices.Contains(branch(d), n) {
			waiting = append(waiting, d)
		}
	}
	for len(waiting) > 0 {
		// Those that stand on the earliest numbered block come first.
		next := slices.MinFunc(waiting, func(a, b *Node) int {
			if a.Height != b.Height {
				return a.Height - b.Height
			}
			if a.Parent != b.Parent {
				return int(a.Parent.rank - b.Parent.rank)
			}
			return int(a.waits - b.waits)
		})
		m.seen++
		next.rank = m.seen
		waiting = slices.DeleteFunc(waiting, func(d *Node) bool { return d == next })
	}
}

// better: more work, then seen first.
func (m *Model) better(a, b *Node) bool {
	c := a.Work.Cmp(b.Work)
	if m.Rules.Flaws.ByHeight {
		c = a.Height - b.Height
	}
	if c == 0 && m.Rules.Flaws.LastSeen {
		return a.rank > b.rank
	}
	return c > 0 || c == 0 && a.rank < b.rank
}

// activate judges blocks on the way to the best branch until the best branch has no fault, and returns the faults that it found.
func (m *Model) activate() map[*Node]string {
	faults := map[*Node]string{}
	for {
		best := m.order[0]
		for _, n := range m.order {
			if complete(n) && !m.invalid(n) && m.better(n, best) {
				best = n
			}
		}
		bad := m.judge(best, faults)
		if bad == nil {
			m.tip = best
			return faults
		}
		bad.failed = true
	}
}

// judge connects the branch of n block by block and returns the first that is at fault, or nil.
func (m *Model) judge(n *Node, faults map[*Node]string) *Node {
	for _, n := range branch(n) {
		if n.valid {
			continue
		}
		if reason := m.Rules.connect(headers(n), n.Block, m.Coins(n.Parent)); reason != "" {
			faults[n] = reason
			return n
		}
		n.valid = true
	}
	return nil
}

// Invalidate marks n as if it were at fault.
func (m *Model) Invalidate(n *Node) {
	n.failed = true
	m.activate()
}

// Reconsider takes the marks from n, from all before it and all above it.
func (m *Model) Reconsider(n *Node) {
	for _, a := range m.order {
		if slices.Contains(branch(n), a) || slices.Contains(branch(a), n) {
			a.failed = false
		}
	}
	m.activate()
}

// Precious makes n the first seen of its work, if it is not worse than the tip and could be the tip.
func (m *Model) Precious(n *Node) {
	if n.Work.Cmp(m.tip.Work) < 0 || !complete(n) || m.invalid(n) {
		return
	}
	m.favour--
	n.rank = m.favour
	m.activate()
}

// Restart forgets the one thing that is not stored: in which order blocks came whose branch is not complete. They are
// taken by their hashes from then on.
func (m *Model) Restart() {
	var waiting []*Node
	for _, n := range m.order {
		if n.Block != nil && n.rank == 0 {
			waiting = append(waiting, n)
		}
	}
	slices.SortFunc(waiting, func(a, b *Node) int { return a.Hash.Compare(b.Hash) })
	for _, n := range waiting {
		m.seen++
		n.waits = m.seen
	}
}
