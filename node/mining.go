package node

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/types"
)

// refreshTemplate is how long a template is mined on before newer transactions are taken in.
const refreshTemplate = 5 * time.Second

// minerPatience is how long the tip may stand still, while headers of more work are known, before the miner goes on
// without the blocks of those headers.
const minerPatience = 10 * time.Second

// mining keeps the node's miner going, and makes templates for it and for others.
//
// Block times after a pause. ASERT reads only the times of blocks. After a network has stood still for
// hours, a block with the time of the wall would tell it that these hours were hashed for nothing; the
// next target would be the easiest there is, and hundreds of blocks would come in a minute until the
// schedule is caught up. So a miner that begins on a tip older than a half-life sets its own block clock
// back to one spacing after that tip, and lets it run from there. The chain's times then lag behind the
// wall by the pause, which no rule forbids. The block clock never runs behind a tip and never ahead of
// the node's clock.
type mining struct {
	params *consensus.Params
	chain  *chain.Chain
	pool   *mempool.Pool
	ledger *ledger
	clock  *clock
	log    *slog.Logger
	tell   func(Happening)
	stats  *stats
	ready  func() bool // whether no headers of more work than the tip are known

	payTo    []byte
	threads  int
	share    float64
	interval time.Duration
	patience time.Duration // see run
	stopped  <-chan struct{}

	hashes atomic.Uint64
	meter  *miner.Meter
	lag    atomic.Int64 // nanoseconds that the block clock is behind the node's
	extra  atomic.Uint64

	mu     sync.Mutex
	on     bool
	cancel context.CancelFunc // of the running loop
	done   chan struct{}
}

// template builds a block on the tip from the best transactions of the pool. Only the ledger calls it.
func (m *mining) template(payTo []byte) (*types.Block, []mempool.Selected, error) {
	if m.params.ValidationOnly {
		return nil, nil, errValidationOnly(m.params)
	}
	tip := m.chain.Tip()
	chosen := m.pool.Select(types.MaxBlockWeight-miner.ReservedWeight, consensus.MaxBlockSigOpCost-miner.ReservedSigOps, 0)
	if tip.Height()+1 < m.params.SegwitHeight {
		chosen = withoutWitnesses(chosen)
	}
	b := m.build(tip, payTo, chosen)
	err := m.chain.TestBlock(b)
	if err != nil && len(chosen) > 0 {
		// The pool should never hold what a block may not. An empty block keeps the chain going, and the
		// log says what is wrong.
		m.log.Error("the template was refused by our own rules, mining an empty block", "err", err)
		chosen = nil
		b, err = m.build(tip, payTo, nil), nil
	}
	return b, chosen, err
}

// withoutWitnesses leaves out transactions that no block may hold before segwit is active, and what spends them.
func withoutWitnesses(chosen []mempool.Selected) (kept []mempool.Selected) {
	left := map[types.Hash]bool{}
	for _, s := range chosen {
		out := s.Tx.HasWitness()
		for i := range s.Tx.In {
			out = out || left[s.Tx.In[i].PrevOut.TxID]
		}
		if left[s.Tx.ID()] = out; !out {
			kept = append(kept, s)
		}
	}
	return kept
}

func (m *mining) build(tip *chain.Node, payTo []byte, chosen []mempool.Selected) *types.Block {
	txs := make([]*types.Tx, len(chosen))
	var fees int64
	for i, s := range chosen {
		txs[i] = s.Tx
		fees += s.Fee
	}
	extra := binary.LittleEndian.AppendUint64(nil, m.extra.Add(1))
	return miner.BuildBlock(m.params, tip, txs, fees, payTo, extra, m.blockTime(tip))
}

// blockTime is the node's clock less the lag that a pause has left; see mining.
func (m *mining) blockTime(tip *chain.Node) time.Time {
	now := m.clock.now().Add(-time.Duration(m.lag.Load()))
	if behind := time.Unix(int64(tip.Header().Time), 0).Sub(now); behind > 0 {
		m.lag.Store(max(0, m.lag.Load()-int64(behind)))
	}
	return m.clock.now().Add(-time.Duration(m.lag.Load()))
}

// settleClock sets the lag when mining begins.
func (m *mining) settleClock() {
	if m.params.Retarget != consensus.RetargetASERT {
		return
	}
	tip := m.chain.Tip()
	age := m.clock.now().Sub(time.Unix(int64(tip.Header().Time), 0))
	pause := age - time.Duration(m.params.TargetSpacing)*time.Second
	if tip.Height() > m.params.AsertAnchorHeight && age > time.Duration(m.params.AsertHalfLife)*time.Second {
		m.lag.Store(int64(pause))
		m.log.Info("the chain was paused: block times go on from the tip's", "lag", pause.Round(time.Second))
	}
}

// set switches the miner on or off and waits until a running one has ended.
func (m *mining) set(ctx context.Context, on bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if on == m.on {
		return nil
	}
	if on && m.params.ValidationOnly {
		return errValidationOnly(m.params)
	}
	if on && len(m.payTo) == 0 {
		return errors.New("mining needs an address to pay: start the node with --mine-to")
	}
	m.on = on
	if !on {
		m.cancel()
		<-m.done
		return nil
	}
	ctx, m.cancel = context.WithCancel(ctx)
	m.done = make(chan struct{})
	go m.run(ctx, m.done)
	return nil
}

func (m *mining) state() (on bool, rate float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.on {
		return false, 0
	}
	return true, m.meter.Rate(time.Now()) // as measure observes it: the clock of a laboratory may be hours away
}

// run mines until ctx ends. While blocks are still coming in for headers that are known it waits: what it mined would be lost.
// But a header whose block nobody gives away must not stop a miner, or one withheld block would stop all of them for ever. So it
// waits only as long as the tip moves.
func (m *mining) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	bell, cancel := m.chain.Subscribe()
	defer cancel()
	go m.measure(ctx)
	settled := false
	var still standstill
	for ctx.Err() == nil {
		if lasted := still.lasted(m.chain.Tip().Hash(), time.Now()); !m.ready() && lasted < m.patience {
			wait(ctx, bell, min(time.Second, m.patience-lasted))
			continue
		}
		if !settled {
			m.settleClock()
			settled = true
		}
		if m.interval > 0 && !m.draw(ctx, bell) {
			continue
		}
		if err := m.round(ctx, bell); err != nil && ctx.Err() == nil {
			m.log.Error("mining failed, trying again", "err", err)
			wait(ctx, bell, time.Second)
		}
	}
}

// standstill measures for how long a tip has been the tip.
type standstill struct {
	tip   types.Hash
	since time.Time
}

// lasted returns for how long tip has been given to it; 0 when it is new.
func (s *standstill) lasted(tip types.Hash, now time.Time) time.Duration {
	if s.since.IsZero() || s.tip != tip {
		s.tip, s.since = tip, now
	}
	return now.Sub(s.since)
}

// draw waits for an exponentially distributed time, the way blocks come where work is not what sets
// the pace; false means that the tip has changed or ctx ended and the draw is to be made anew.
func (m *mining) draw(ctx context.Context, bell <-chan struct{}) bool {
	return !wait(ctx, bell, time.Duration(rand.ExpFloat64()*float64(m.interval)))
}

// round mines on one template until a block is found, the tip changes or the template is old.
func (m *mining) round(ctx context.Context, bell <-chan struct{}) error {
	var b *types.Block
	err := m.ledger.doFirst(ctx, m.stopped, func() (err error) {
		drain(bell)
		b, _, err = m.template(m.payTo)
		return err
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, refreshTemplate)
	defer cancel()
	ctx, stop := untilBell(ctx, bell)
	defer stop()
	solved, err := miner.Solve(ctx, b, m.options())
	if err != nil || solved == nil {
		return nil // stopped: a new tip, an old template, or the end
	}
	return m.found(solved)
}

func (m *mining) options() miner.Options {
	return miner.Options{Threads: m.threads, Share: m.share, Hashes: &m.hashes, Clock: WallClock{}}
}

// found hands a solved block to the ledger, as a peer's would be.
func (m *mining) found(b *types.Block) error {
	err := m.ledger.doFirst(context.Background(), m.stopped, func() error {
		m.tell(Happening{At: m.clock.now(), Kind: "found", Hash: b.Hash()})
		_, err := m.ledger.addBlock(0, b)
		return err
	})
	if err == nil {
		m.stats.blocksFound.Inc()
		m.log.Debug("block found", "block", b.Hash(), "transactions", len(b.Txs))
	}
	return err
}

// measure feeds the meter.
func (m *mining) measure(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			m.meter.Observe(now, m.hashes.Load())
		}
	}
}

// wait returns true if the bell rang or ctx ended before d was over.
func wait(ctx context.Context, bell <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return true
	case <-bell:
		return true
	case <-timer.C:
		return false
	}
}

// untilBell returns a context that ends with ctx or when the bell rings. stop ends it too, and returns only when nobody listens any
// more: a listener that is left behind could take a ring that is meant for the next one.
func untilBell(ctx context.Context, bell <-chan struct{}) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-bell:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-gone
	}
}

func drain(bell <-chan struct{}) {
	select {
	case <-bell:
	default:
	}
}

// WallClock is the miner's clock of the real world.
type WallClock struct{}

func (WallClock) Now() time.Time { return time.Now() }

func (WallClock) Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
