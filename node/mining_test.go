package node

import (
	"context"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/types"
)

// A header whose block nobody gives away costs its maker one block's work. It must not stop the miners of a network.
func TestWithheldBlockDoesNotStopMiners(t *testing.T) {
	n, ctx := start(t, func(c *Config) { c.MineInterval = time.Millisecond })
	generate(t, ctx, n, 2)
	tip := n.chain.Tip()
	b := miner.BuildBlock(n.cfg.Params, tip, nil, 0, n.cfg.MineTo, []byte("withheld"), n.clock.now())
	consensustest.Solve(b)
	must(t, n.do(ctx, func() error { return n.ledger.addHeaders(0, []types.Header{b.Header}) }))
	if n.synced() {
		t.Fatal("the header is not known")
	}
	n.mining.patience = time.Millisecond
	bell, cancel := n.chain.Subscribe()
	defer cancel()
	must(t, n.SetMining(true))
	for n.chain.Tip() == tip {
		select {
		case <-bell:
		case <-ctx.Done():
			t.Fatal("the miner waits for a block that nobody has")
		}
	}
}

func TestStandstill(t *testing.T) {
	var s standstill
	for i, c := range []struct {
		at, want time.Duration
		tip      types.Hash
	}{{0, 0, types.Hash{}}, {7, 7, types.Hash{}}, {9, 0, types.Hash{1}}, {12, 3, types.Hash{1}}, {13, 0, types.Hash{}}, {20, 7, types.Hash{}}} {
		if got := s.lasted(c.tip, time.Unix(1, 0).Add(c.at)); got != c.want {
			t.Errorf("step %d: %v, want %v", i, got, c.want)
		}
	}
}

// Who stopped listening takes no ring from the next listener.
func TestUntilBellLeavesLaterRings(t *testing.T) {
	bell := make(chan struct{}, 1)
	for range 2000 {
		ctx, stop := untilBell(context.Background(), bell)
		stop()
		if ctx.Err() == nil {
			t.Fatal("the context goes on")
		}
		ring(bell)
		select {
		case <-bell:
		default:
			t.Fatal("the ring is gone")
		}
	}
	ctx, stop := untilBell(context.Background(), bell)
	defer stop()
	ring(bell)
	<-ctx.Done()
}
