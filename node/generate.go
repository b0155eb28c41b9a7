package node

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/types"
)

// generate mines n blocks on the tip with all of a core, whatever share the node's own miner has. It ends
// early, without an error, when maxTries nonces are spent (0: no bound). A tip that comes from elsewhere in
// between is built upon.
func (m *mining) generate(ctx context.Context, n int, payTo []byte, maxTries uint64) ([]types.Hash, error) {
	var hashes []types.Hash
	var tries atomic.Uint64
	for len(hashes) < n {
		b, err := m.generateOne(ctx, payTo, &tries, maxTries)
		if errors.Is(err, errTries) {
			return hashes, nil
		}
		if err != nil {
			return hashes, err
		}
		if b != nil {
			hashes = append(hashes, b.Hash())
		}
	}
	return hashes, nil
}

var errTries = errors.New("no more tries")

// generateOne returns nil if the tip changed while it was mining.
func (m *mining) generateOne(ctx context.Context, payTo []byte, tries *atomic.Uint64, maxTries uint64) (*types.Block, error) {
	if maxTries > 0 && tries.Load() >= maxTries {
		return nil, errTries
	}
	bell, unsubscribe := m.chain.Subscribe()
	defer unsubscribe()
	var b *types.Block
	err := m.ledger.do(ctx, m.stopped, func() (err error) {
		drain(bell)
		b, _, err = m.template(payTo)
		return err
	})
	if err != nil {
		return nil, err
	}
	roundCtx, stop := untilBell(ctx, bell)
	defer stop()
	if maxTries > 0 {
		go stopAt(roundCtx, stop, tries, maxTries)
	}
	solved, err := miner.Solve(roundCtx, b, miner.Options{Threads: m.threads, Share: 1, Hashes: tries, Clock: WallClock{}})
	switch {
	case solved != nil && solved.Header.PrevHash == m.chain.Tip().Hash():
		return solved, m.found(solved) // also one that was found with the last try
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case roundCtx.Err() != nil || solved != nil:
		return nil, nil
	}
	return nil, err
}

// stopAt cancels when so many nonces were tried; it looks every few milliseconds, as often as they are counted.
func stopAt(ctx context.Context, cancel func(), tries *atomic.Uint64, maxTries uint64) {
	for ctx.Err() == nil && tries.Load() < maxTries {
		WallClock{}.Sleep(ctx, 5*time.Millisecond)
	}
	cancel()
}

// generateBlock mines one block with exactly these transactions.
func (m *mining) generateBlock(ctx context.Context, payTo []byte, txs []*types.Tx, submit bool) (*types.Block, error) {
	if m.params.ValidationOnly {
		return nil, errValidationOnly(m.params)
	}
	var b *types.Block
	err := m.ledger.do(ctx, m.stopped, func() error {
		fees, err := m.feesOf(txs)
		if err != nil {
			return err
		}
		tip := m.chain.Tip()
		b = miner.BuildBlock(m.params, tip, txs, fees, payTo, nil, m.blockTime(tip))
		return m.chain.TestBlock(b)
	})
	if err != nil {
		return nil, fmt.Errorf("TestBlockValidity failed: %w", err)
	}
	b, err = miner.Solve(ctx, b, miner.Options{Threads: m.threads, Share: 1, Clock: WallClock{}})
	if err != nil || !submit {
		return b, err
	}
	return b, m.found(b)
}

// feesOf sums the fees of transactions that spend coins of the chain or of each other.
func (m *mining) feesOf(txs []*types.Tx) (fees int64, err error) {
	var ops []types.OutPoint
	made := map[types.OutPoint]int64{}
	for _, tx := range txs {
		for _, in := range tx.In {
			ops = append(ops, in.PrevOut)
		}
		for i, out := range tx.Out {
			made[types.OutPoint{TxID: tx.ID(), Index: uint32(i)}] = out.Value
			fees -= out.Value
		}
	}
	coins, err := m.chain.Coins(ops)
	if err != nil {
		return 0, err
	}
	for _, op := range ops {
		value, ok := made[op]
		if coin, inChain := coins[op]; inChain {
			value, ok = coin.Out.Value, true
		}
		if !ok {
			return 0, consensus.Reject(consensus.BadTxnsMissingOrSpent, op.String())
		}
		fees += value
	}
	return fees, nil
}
