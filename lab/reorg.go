package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

// maxReorgDepth bounds what Reorg takes off.
const maxReorgDepth = 1000

// Reorg describes a reorganization to make: Depth blocks of node Node's chain (−1: the first that runs) are replaced by a branch of
// more work, really mined, which holds the same transactions but for those that Drop names, and those of Replace first.
type Reorg struct {
	Node    int
	Depth   int
	Drop    []types.Hash
	Replace []*types.Tx
}

// Place names a block.
type Place struct {
	Height int32      `json:"height"`
	Hash   types.Hash `json:"hash"`
}

// LostTx is a transaction that a reorganization has undone and that cannot come back.
type LostTx struct {
	TxID types.Hash `json:"txid"`
	Why  string     `json:"why"`
}

// ReorgReport says what a reorganization did.
type ReorgReport struct {
	Node     int          `json:"node"` // that was given the branch
	Fork     Place        `json:"fork"` // the last block that both branches have
	Off      []Place      `json:"off"`
	On       []Place      `json:"on"`
	Kept     []types.Hash `json:"kept"`     // transactions in both branches
	Returned []types.Hash `json:"returned"` // that wait in the mempool again
	Lost     []LostTx     `json:"lost"`
	Followed []int        `json:"followed"` // nodes that have the branch now
	Behind   []int        `json:"behind"`   // running nodes that do not have it yet
}

// followPatience is how long a report waits for the other nodes to follow.
const followPatience = time.Minute

// Reorg mines a competing branch in secret, gives it to the node, which relays it, and explains what came of it.
func (n *Net) Reorg(ctx context.Context, r Reorg) (ReorgReport, error) {
	rep := ReorgReport{Node: r.Node}
	nd, err := n.pick(r.Node)
	if err != nil {
		return rep, err
	}
	rep.Node = n.indexOf(nd)
	tip := nd.Chain().Tip()
	if r.Depth < 1 || r.Depth > maxReorgDepth || int32(r.Depth) > tip.Height() {
		return rep, fmt.Errorf("a reorganization is between 1 and %d blocks deep here, not %d", min(maxReorgDepth, tip.Height()), r.Depth)
	}
	fork := tip.At(tip.Height() - int32(r.Depth))
	rep.Fork = Place{fork.Height(), fork.Hash()}
	off, txs, err := offBlocks(nd, fork.Height())
	if err != nil {
		return rep, err
	}
	plan, err := planBranch(nd, txs, r)
	if err != nil {
		return rep, err
	}
	b := n.newBranch(fork)
	if err := b.outdo(ctx, nd, off, plan); err != nil {
		return rep, err
	}
	n.explain(ctx, nd, b, plan, &rep)
	return rep, nil
}

func (n *Net) indexOf(nd *node.Node) int {
	for i := range n.nodes {
		if n.running(i) == nd {
			return i
		}
	}
	return -1
}

// branchPlan is which transactions the blocks of a branch are to hold.
type branchPlan struct {
	blocks map[int][]*types.Tx // by distance from the fork
	fees   map[int]int64
	kept   []types.Hash
	out    []offTx // of the old branch, not in the new one
	added  []*types.Tx
}

// planBranch leaves out what Drop names, what conflicts with Replace, what spends a coinbase of the old branch, and what spends any of those.
func planBranch(nd *node.Node, txs []offTx, r Reorg) (*branchPlan, error) {
	p := &branchPlan{blocks: map[int][]*types.Tx{}, fees: map[int]int64{}, added: r.Replace}
	values, inOld := map[types.OutPoint]int64{}, map[types.Hash]bool{}
	for _, t := range txs {
		inOld[t.tx.ID()] = true
		for i, in := range t.tx.In {
			values[in.PrevOut] = t.spent[i].Out.Value
		}
	}
	drop := map[types.Hash]bool{}
	for _, id := range r.Drop {
		if drop[id] = true; !inOld[id] {
			return nil, fmt.Errorf("the %d blocks hold no transaction %s to drop", r.Depth, id)
		}
	}
	claimed := map[types.OutPoint]bool{}
	for _, tx := range r.Replace {
		if err := p.add(nd, tx, values); err != nil {
			return nil, err
		}
		for _, in := range tx.In {
			claimed[in.PrevOut] = true
		}
	}
	p.sort(txs, nd.Chain().Tip().Height()-int32(r.Depth), drop, claimed)
	return p, nil
}

// sort keeps the transactions that can be in the new branch. drop grows by those that cannot.
func (p *branchPlan) sort(txs []offTx, fork int32, drop map[types.Hash]bool, claimed map[types.OutPoint]bool) {
	for _, t := range txs {
		gone := drop[t.tx.ID()]
		for i, in := range t.tx.In {
			gone = gone || claimed[in.PrevOut] || drop[in.PrevOut.TxID] || (t.spent[i].Coinbase && t.spent[i].Height > fork)
		}
		if gone {
			drop[t.tx.ID()] = true
			p.out = append(p.out, t)
			continue
		}
		p.put(t.block, t.tx, t.fee)
		p.kept = append(p.kept, t.tx.ID())
	}
}

func (p *branchPlan) put(block int, tx *types.Tx, fee int64) {
	p.blocks[block] = append(p.blocks[block], tx)
	p.fees[block] += fee
}

// add puts a transaction of Replace into the first block.
func (p *branchPlan) add(nd *node.Node, tx *types.Tx, values map[types.OutPoint]int64) error {
	var fee int64
	for _, in := range tx.In {
		value, ok := values[in.PrevOut]
		if !ok {
			coins, err := nd.Chain().Coins([]types.OutPoint{in.PrevOut})
			if err != nil {
				return err
			}
			coin, found := coins[in.PrevOut]
			if !found {
				return fmt.Errorf("the replacement %s spends %s, which is neither a coin nor spent in these blocks", tx.ID(), in.PrevOut)
			}
			value = coin.Out.Value
		}
		fee += value
	}
	for i, out := range tx.Out {
		values[types.OutPoint{TxID: tx.ID(), Index: uint32(i)}] = out.Value
		fee -= out.Value
	}
	if fee < 0 {
		return fmt.Errorf("the replacement %s pays out more than it spends", tx.ID())
	}
	p.put(0, tx, fee)
	return nil
}

// outdo mines until the branch has more work than nd's chain, which may grow meanwhile, and gives it to nd. The blocks have the times of those
// that they replace, so that they are as hard.
func (b *branch) outdo(ctx context.Context, nd *node.Node, off []*types.Block, plan *branchPlan) error {
	for given := 0; ; {
		for i := len(b.blocks); i < len(off) || b.tip.Work().Cmp(nd.Chain().Tip().Work()) <= 0; i++ {
			at := time.Unix(int64(b.tip.Header().Time), 0).Add(time.Duration(b.net.params.TargetSpacing) * time.Second)
			if i < len(off) {
				at = time.Unix(int64(off[i].Header.Time), 0)
			} else if now := b.net.Now(); now.Before(at) {
				at = now
			}
			if err := b.mine(ctx, plan.blocks[i], plan.fees[i], b.net.keys.faucet.script, at); err != nil {
				return err
			}
		}
		if err := b.give(ctx, nd, given, len(b.blocks)); err != nil {
			return fmt.Errorf("the branch was refused: %w", err)
		}
		if given = len(b.blocks); nd.Chain().Tip().Work().Cmp(b.tip.Work()) <= 0 || holds(nd, b.tip) {
			return nil
		}
	}
}

// holds tells whether a block is on a node's best chain.
func holds(nd *node.Node, at consensus.Ancestry) bool {
	found := nd.Chain().AtHeight(at.Height())
	return found != nil && found.Hash() == at.Hash()
}

// explain fills in the report when the branch has been given to nd.
func (n *Net) explain(ctx context.Context, nd *node.Node, b *branch, plan *branchPlan, rep *ReorgReport) {
	rep.Kept = plan.kept
	for h, block := range b.blocks {
		rep.On = append(rep.On, Place{rep.Fork.Height + 1 + int32(h), block.Hash()})
	}
	rep.Off = offPlaces(nd.Chain(), rep)
	n.awaitHolding(ctx, b.tip)
	pool := nd.Pool()
	for _, t := range plan.out {
		id := t.tx.ID()
		if pool.Have(id) {
			rep.Returned = append(rep.Returned, id)
			continue
		}
		rep.Lost = append(rep.Lost, LostTx{id, plan.whyLost(t, rep)})
	}
	for i := range n.nodes {
		if other := n.running(i); other != nil {
			if holds(other, b.tip) {
				rep.Followed = append(rep.Followed, i)
			} else {
				rep.Behind = append(rep.Behind, i)
			}
		}
	}
}

// offPlaces are the blocks of the branch that lost: the best tip from the same fork that is not ours.
func offPlaces(c *chain.Chain, rep *ReorgReport) (places []Place) {
	var best *chain.Node
	for _, tip := range c.Tips() {
		at := tip.At(rep.Fork.Height)
		if tip.Height() > rep.Fork.Height && at != nil && at.Hash() == rep.Fork.Hash && !tip.Active() && tip.Valid() &&
			(best == nil || tip.Work().Cmp(best.Work()) > 0) {
			best = tip
		}
	}
	if best == nil {
		return nil
	}
	for h := rep.Fork.Height + 1; h <= best.Height(); h++ {
		places = append(places, Place{h, best.At(h).Hash()})
	}
	return places
}

// whyLost says why a transaction did not come back.
func (p *branchPlan) whyLost(t offTx, rep *ReorgReport) string {
	for _, added := range p.added {
		for _, a := range added.In {
			for _, in := range t.tx.In {
				if a.PrevOut == in.PrevOut {
					return "its coin " + in.PrevOut.String() + " is spent by " + added.ID().String() + " now"
				}
			}
		}
	}
	for i, in := range t.tx.In {
		if t.spent[i].Coinbase && t.spent[i].Height > rep.Fork.Height {
			return "it spends the coinbase of a block that is off"
		}
		for _, lost := range rep.Lost {
			if lost.TxID == in.PrevOut.TxID {
				return "it spends an output of " + lost.TxID.String() + ", which is lost"
			}
		}
	}
	return "the mempool did not take it back: it does not keep its rules any more"
}

// awaitHolding gives the nodes time to follow; some may be out of reach.
func (n *Net) awaitHolding(ctx context.Context, at consensus.Ancestry) {
	ctx, cancel := bounded(ctx, followPatience)
	defer cancel()
	near := n.component(at.Hash())
	// Whoever does not follow in time is reported as behind; that is no failure of the order.
	_ = n.await(ctx, "the branch", func(Status) bool {
		for i := range n.nodes {
			if nd := n.running(i); nd != nil && near[i] && !holds(nd, at) {
				return false
			}
		}
		return true
	})
}

// component are the nodes that can be reached over links that are not cut from those that have a block.
func (n *Net) component(hash types.Hash) map[int]bool {
	in := map[int]bool{}
	for i := range n.nodes {
		if nd := n.running(i); nd != nil && nd.Chain().Lookup(hash) != nil {
			in[i] = true
		}
	}
	n.wires.mu.Lock()
	defer n.wires.mu.Unlock()
	for grown := true; grown; {
		grown = false
		for _, e := range n.edges {
			if in[e.a] != in[e.b] && n.wires.reachable(e.a, e.b) {
				in[e.a], in[e.b], grown = true, true, true
			}
		}
	}
	return in
}

// Lines tell the report to people.
func (r ReorgReport) Lines() []string {
	lines := []string{fmt.Sprintf("the branches part after block %d %s, which both have", r.Fork.Height, tail(r.Fork.Hash))}
	for _, p := range r.Off {
		lines = append(lines, fmt.Sprintf("off  %d %s", p.Height, tail(p.Hash)))
	}
	for _, p := range r.On {
		lines = append(lines, fmt.Sprintf("on   %d %s", p.Height, tail(p.Hash)))
	}
	if len(r.Kept) > 0 {
		lines = append(lines, fmt.Sprintf("%d transactions are in both branches: nothing changed for them but their block", len(r.Kept)))
	}
	for _, id := range r.Returned {
		lines = append(lines, fmt.Sprintf("back in the mempool, unconfirmed: %s", id))
	}
	for _, l := range r.Lost {
		lines = append(lines, fmt.Sprintf("lost: %s: %s", l.TxID, l.Why))
	}
	lines = append(lines, fmt.Sprintf("nodes that follow the new branch: %s", numbers(r.Followed)))
	if len(r.Behind) > 0 {
		lines = append(lines, fmt.Sprintf("nodes that do not have it yet: %s", numbers(r.Behind)))
	}
	return lines
}

// tail is the part of a hash by which people tell blocks apart.
func tail(h types.Hash) string { return "…" + h.String()[52:] }

func numbers(list []int) string {
	if len(list) == 0 {
		return "none"
	}
	text := ""
	for i, v := range list {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(v)
	}
	return text
}
