package lab

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

// prelude gives a new network its first blocks: maturity + 10 of them, mined for real at the limit, with times that
// end one spacing before now. The first ten pay the accounts, the next the faucet, so that all of them can spend at
// once. Every node gets the blocks by hand; on a network that has blocks nothing is done.
func (n *Net) prelude(ctx context.Context) error {
	first := n.nodes[0].node
	for _, m := range n.nodes {
		if m.node.Chain().Tip().Height() > 0 {
			return nil
		}
	}
	count := int(n.params.CoinbaseMaturity) + Accounts
	spacing := n.cfg.BlockTime
	begin := n.cfg.Now().Add(-time.Duration(count) * spacing)
	for i := range count {
		payTo := n.keys.faucet.script
		if i < Accounts {
			payTo = n.keys.accounts[i].script
		}
		b, err := n.mineAt(ctx, first.Chain().Tip(), payTo, begin.Add(time.Duration(i)*spacing))
		if err != nil {
			return fmt.Errorf("the network's first blocks: %w", err)
		}
		for _, m := range n.nodes {
			if err := m.node.SubmitBlock(ctx, b); err != nil {
				return fmt.Errorf("the network's first blocks: node %d: %w", m.index, err)
			}
		}
	}
	return nil
}

// mineAt mines one empty block of a given time.
func (n *Net) mineAt(ctx context.Context, tip *chain.Node, payTo []byte, at time.Time) (*types.Block, error) {
	extra := binary.LittleEndian.AppendUint64(nil, n.cfg.Seed)
	b := miner.BuildBlock(n.params, tip, nil, 0, payTo, extra, at)
	return miner.Solve(ctx, b, miner.Options{Threads: 1, Share: 1, Clock: node.WallClock{}})
}

// spendable tells whether a coin can be spent in the block after height.
func spendable(p *consensus.Params, c consensus.Coin, height int32) bool {
	return !c.Coinbase || height+1-c.Height >= p.CoinbaseMaturity
}
