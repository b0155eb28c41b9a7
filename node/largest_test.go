package node

import (
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// Bad input 11 (CVE-2025-46598): while a block is judged that is as large or as dear as one of the bounds of the rules allows, a
// node with its databases on disk answers pings and RPC: ten of both come before the verdict.
func TestHostileLargestBlocks(t *testing.T) {
	divide := 1
	if underRace {
		divide = 16
	}
	s := besiege(t, func(c *Config) { c.DataDir = t.TempDir() })
	generate(t, s.ctx, s.node, 100+len(consensustest.Fulls()))
	for i, full := range consensustest.Fulls() {
		t.Run(strings.ReplaceAll(full.String(), " ", "-"), func(t *testing.T) {
			s := *s
			s.T = t
			s.connectFull(full, int32(1+i), divide)
		})
	}
}

// connectFull mines a block that prepares a full one with the coinbase at a height, and has a peer send the full one.
func (s *siege) connectFull(full consensustest.Full, height int32, divide int) {
	coinbase, err := s.node.chain.Block(s.node.chain.AtHeight(height).Hash())
	must(s.T, err)
	prepared, err := full.Prepare(consensustest.CoinEntry(coinbase.Txs[0], 0), divide)
	must(s.T, err)
	must(s.T, s.node.SubmitBlock(s.ctx, s.block(prepared)))
	b := s.nextBlock(s.fill(full, prepared, divide)...)
	if w := b.Weight(); w > types.MaxBlockWeight || divide == 1 && w < types.MaxBlockWeight*85/100 {
		s.Fatalf("the block has weight %d", w)
	}

	attacker, honest := s.meet(), s.meet()
	defer attacker.close()
	defer honest.close()
	before := s.node.chain.Tip()
	attacker.say(wire.BlockMsg{Block: b})
	attacker.fence() // the machine has the block; its verdict is not there yet
	const rounds = 10
	early := 0
	for range rounds {
		attacker.fence()
		honest.fence()
		var at int32
		s.call(&at, "getblockcount")
		if at == before.Height() && s.node.chain.Tip() == before {
			early++
		}
	}
	needed := rounds
	if underRace {
		needed = 1 // the block is divided there, and is judged soon
	}
	// New coins alone are no work: that block may be judged sooner than two sockets and RPC go round ten times.
	if early < needed && full != consensustest.FullOfOutputs {
		s.Errorf("the block was judged before the pings were answered: %d of %d", early, rounds)
	}
	awaitTip(s.T, s.ctx, s.node, b.Hash())
	honest.fence()
}

// fill signs with all processors.
func (s *siege) fill(full consensustest.Full, prepared *types.Tx, divide int) []*types.Tx {
	s.Helper()
	unsigned := full.Fill(prepared, divide)
	var g errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		g.Go(func() error {
			for i := w; i < unsigned.Inputs; i += workers {
				if err := unsigned.Sign(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(s.T, g.Wait())
	return unsigned.Txs
}
