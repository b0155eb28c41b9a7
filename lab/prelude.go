package lab

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

// prelude gives a new network its first blocks: maturity + 10 of them, mined for real at the limit, with times that
// end one spacing before now. The first ten pay the accounts, the next the faucet, so that all of them can spend at
// once. Every node gets the blocks by hand; on a network that has blocks nothing is done.
func (n *Net) prelude(ctx context.Context) error {
	for _, m := range n.nodes {
		if m.node.Chain().Tip().Height() > 0 {
			return nil
		}
	}
	blocks, err := n.firstBlocks(ctx)
	if err != nil {
		return fmt.Errorf("the network's first blocks: %w", err)
	}
	var g errgroup.Group
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	for _, m := range n.nodes {
		g.Go(func() error {
			for _, b := range blocks {
				if err := m.node.SubmitBlock(ctx, b); err != nil {
					return fmt.Errorf("the network's first blocks: node %d: %w", m.index, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func (n *Net) firstBlocks(ctx context.Context) (blocks []*types.Block, err error) {
	count := int(n.params.CoinbaseMaturity) + Accounts
	begin := n.cfg.Now().Add(-time.Duration(count) * n.cfg.BlockTime)
	extra := binary.LittleEndian.AppendUint64(nil, n.cfg.Seed)
	var tip consensus.Ancestry = n.nodes[0].node.Chain().Tip()
	for i := range count {
		payTo := n.keys.faucet.script
		if i < Accounts {
			payTo = n.keys.accounts[i].script
		}
		b := miner.BuildBlock(n.params, tip, nil, 0, payTo, extra, begin.Add(time.Duration(i)*n.cfg.BlockTime))
		if b, err = miner.Solve(ctx, b, miner.Options{Threads: 1, Share: 1, Clock: node.WallClock{}}); err != nil {
			return nil, err
		}
		tip = hide(tip, b)
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// spendable tells whether a coin can be spent in the block after height.
func spendable(p *consensus.Params, c consensus.Coin, height int32) bool {
	return !c.Coinbase || height+1-c.Height >= p.CoinbaseMaturity
}
