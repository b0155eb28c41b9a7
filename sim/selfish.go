package sim

import (
	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// selfish is the strategy of Eyal and Sirer ("Majority is not enough: Bitcoin mining is vulnerable", 2014, algorithm 1).
//
// The miner keeps what it finds to itself and mines on it. What it does when others find a block depends on by how many blocks
// its own branch is longer then:
//
//	fewer   it has lost: it mines on the others' block
//	none    a race: it publishes its branch, and mines on; if it finds the next block it publishes that too, at once
//	one     it publishes its branch and has won
//	more    it publishes as much of its branch as the others' is long
//
// The miner's node is an honest one that does not know of the secret blocks. Beside it the miner keeps a chain of its own with all
// blocks. What is published is given to the node like any found block, and preferred there to what others found, so that it is
// relayed.
type selfish struct {
	world  *World
	node   *node
	chain  *chain.Chain
	hidden []*types.Block // not published, lowest first
	tip    *chain.Node    // of the branch with blocks of its own that is not decided yet; nil: there is none
	racing bool
	busy   bool // publishing: what the node tells is its own
}

func newSelfish(w *World, n *node) (*selfish, error) {
	c, err := w.openChain(newStore(w.commons), nil)
	return &selfish{world: w, node: n, chain: c}, err
}

// take puts a block into the miner's own chain.
func (s *selfish) take(b *types.Block) {
	if _, err := s.chain.AddBlock(b); err != nil {
		s.world.fail(err)
	}
}

// parent is the block to mine on.
func (s *selfish) parent() *chain.Node {
	if s.tip != nil {
		return s.tip
	}
	return s.chain.Tip()
}

// txs: the best of the node's mempool if the block stands on its tip; what its own blocks left of it is not known.
func (s *selfish) txs() ([]*types.Tx, int64) {
	if s.parent().Hash() != s.node.chain.Tip().Hash() {
		return nil, 0
	}
	return s.world.mining.choice(s.node.pool)
}

func (s *selfish) over() bool { return false }

// found is told of a block of its own on parent.
func (s *selfish) found(b *types.Block) {
	s.take(b)
	s.hidden = append(s.hidden, b)
	s.tip = s.chain.Lookup(b.Hash())
	if s.racing {
		s.publish(s.tip.Height())
		s.tip, s.racing = nil, false
	}
}

// heard is told that the node has a new tip.
func (s *selfish) heard(tip *chain.Node) {
	if s.busy {
		return
	}
	s.world.learn(s.chain, tip)
	if s.tip == nil {
		return
	}
	switch lead := s.tip.Height() - tip.Height(); {
	case lead < 0:
		s.tip, s.hidden, s.racing = nil, nil, false
	case lead == 0:
		s.publish(tip.Height())
		s.racing = true
	case lead == 1:
		s.publish(s.tip.Height())
		s.tip, s.racing = nil, false
	default:
		s.publish(tip.Height())
	}
}

// publish gives the hidden blocks up to a height to the node, as its own.
func (s *selfish) publish(height int32) {
	s.busy = true
	defer func() { s.busy = false }()
	for len(s.hidden) > 0 {
		b := s.hidden[0]
		if s.chain.Lookup(b.Hash()).Height() > height {
			return
		}
		s.hidden = s.hidden[1:]
		s.node.addBlock(0, b)
		s.node.prefer(b.Hash())
	}
}

// prefer lets the node treat a block as seen before all of the same work.
func (n *node) prefer(h types.Hash) {
	n.hold(func() {
		before := n.chain.Tip()
		n.check(n.chain.Precious(h))
		if after := n.chain.Tip(); after != before {
			n.follow(before, after)
		}
	})
}

// choose lets an honest miner decide a tie, where the scenario says how: between the branch of a selfish miner and another of
// the same work it takes the former with a chance of gamma in a hundred.
func (m *mining) choose(n *node) {
	gamma := m.world.cfg.Gamma
	if gamma == nil {
		return
	}
	tip := n.chain.Tip()
	var theirs, other *chain.Node
	for _, t := range n.chain.Tips() {
		switch {
		case t.Work() != tip.Work() || !t.Linked() || t.Invalid():
		case m.selfishly(t):
			theirs = t
		default:
			other = t
		}
	}
	if theirs == nil || other == nil {
		return
	}
	m.ties++
	if m.tie.Int64N(100) < int64(*gamma) {
		m.tiesLost++
		other = theirs
	}
	n.prefer(other.Hash())
}

// selfishly tells whether a selfish miner found a block.
func (m *mining) selfishly(n consensus.Ancestry) bool {
	f := m.world.record.byHash[n.Hash()]
	return f != nil && m.miners[f.miner].Strategy == "selfish"
}
