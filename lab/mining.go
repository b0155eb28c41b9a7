package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/node"
)

// Mining says when blocks come.
type Mining string

// The ways of mining. Whatever the way, `mine` adds blocks at once.
const (
	Poisson  Mining = "poisson"  // miners hash with their share of power; on a network without retarget they draw when a block comes
	Interval Mining = "interval" // one every block time; who mines it is drawn by power
	Instant  Mining = "instant"  // one as soon as a transaction waits
	Manual   Mining = "manual"   // none by themselves
)

func (m Mining) check() error {
	switch m {
	case Poisson, Interval, Instant, Manual:
		return nil
	}
	return fmt.Errorf("unknown way of mining %q: poisson, interval, instant or manual", string(m))
}

var _ = addVerbs(Verb{Name: "mining", Args: "WAY", Min: 1, Max: 1, Help: "when blocks come: poisson, interval, instant or manual", Example: "instant",
	do: func(_ context.Context, n *Net, c call) (Answer, error) {
		return said("mining is %s now", c.arg(0)), n.SetMining(Mining(c.arg(0)))
	}})

// pacer mines for the network where the miners do not do so by themselves. Its fields are guarded by mu.
type pacer struct {
	mu     sync.Mutex
	rng    *rand.Rand
	cancel context.CancelFunc // nil: does not run
	done   chan struct{}
}

func (n *Net) mode() Mining {
	n.pacer.mu.Lock()
	defer n.pacer.mu.Unlock()
	return n.cfg.Mining
}

// MiningMode is how the network mines now.
func (n *Net) MiningMode() Mining { return n.mode() }

// SetMining changes when blocks come.
func (n *Net) SetMining(m Mining) error {
	if err := m.check(); err != nil {
		return err
	}
	n.steer.Lock()
	defer n.steer.Unlock()
	n.stopPacer()
	n.pacer.mu.Lock()
	n.cfg.Mining = m
	n.pacer.mu.Unlock()
	var errs []error
	for _, mem := range n.nodes {
		if nd := n.running(mem.index); nd != nil {
			errs = append(errs, nd.SetMining(mem.mining && m == Poisson))
		}
	}
	n.startPacer()
	n.watch.tell(Event{Kind: "note", Node: -1, Detail: "mining is " + string(m) + " now"})
	return errors.Join(append(errs, n.cfg.save())...)
}

// startPacer lets the pacer run if the mode needs one.
func (n *Net) startPacer() {
	p := &n.pacer
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rng == nil {
		p.rng = rand.New(rand.NewPCG(n.cfg.Seed, 1))
	}
	var run func(context.Context)
	switch n.cfg.Mining {
	case Interval:
		run = n.mineByInterval
	case Instant:
		run = n.mineInstantly
	default:
		return
	}
	ctx, cancel := context.WithCancel(n.ctx)
	done := make(chan struct{})
	p.cancel, p.done = cancel, done
	go func() {
		defer close(done)
		run(ctx)
	}()
}

// stopPacer waits until it has ended.
func (n *Net) stopPacer() {
	n.pacer.mu.Lock()
	cancel, done := n.pacer.cancel, n.pacer.done
	n.pacer.cancel = nil
	n.pacer.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

// mineByInterval mines a block every block time until ctx ends.
func (n *Net) mineByInterval(ctx context.Context) {
	tick := time.NewTicker(n.cfg.BlockTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n.mineOne(ctx, n.drawMiner())
	}
}

// mineOne lets a node mine a block; that it cannot just now is told, and harms nobody.
func (n *Net) mineOne(ctx context.Context, nd *node.Node) {
	if nd == nil {
		return
	}
	if _, err := nd.Generate(ctx, 1, n.keys.faucet.script); err != nil && ctx.Err() == nil {
		n.watch.tell(Event{Kind: "note", Node: n.indexOf(nd), Detail: "no block was mined: " + err.Error()})
	}
}

// drawMiner draws one of the running miners by power; without miners it is the first node that runs, nil if none does.
func (n *Net) drawMiner() *node.Node {
	var nodes []*node.Node
	var shares []float64
	for _, m := range n.nodes {
		if nd := n.running(m.index); nd != nil && m.mining {
			nodes, shares = append(nodes, nd), append(shares, m.share)
		}
	}
	if len(nodes) == 0 {
		nd, _ := n.pick(-1)
		return nd
	}
	n.pacer.mu.Lock()
	defer n.pacer.mu.Unlock()
	return nodes[drawShare(n.pacer.rng, shares)]
}

// drawShare draws an index by weight.
func drawShare(rng *rand.Rand, shares []float64) int {
	var all float64
	for _, s := range shares {
		all += s
	}
	x := rng.Float64() * all
	for i, s := range shares {
		if x -= s; x < 0 {
			return i
		}
	}
	return len(shares) - 1
}

// instantPause is how often the pacer looks whether the node that it watches still is the one to watch.
const instantPause = time.Second

// mineInstantly mines as long as transactions wait, until ctx ends. It looks at the mempool of one miner, to which transactions of
// the others come. What no block takes does not make it mine for ever: then it waits for the mempool to change.
func (n *Net) mineInstantly(ctx context.Context) {
	for ctx.Err() == nil {
		nd := n.drawMiner()
		if nd == nil {
			pause(ctx, nil, instantPause)
			continue
		}
		bell, cancel := nd.Pool().Subscribe()
		for before := -1; ctx.Err() == nil; {
			waiting := nd.Pool().Info(n.Now()).Count
			if waiting == 0 || waiting == before {
				break
			}
			before = waiting
			n.mineOne(ctx, nd)
		}
		pause(ctx, bell, instantPause)
		cancel()
	}
}

// pause waits for a bell (nil: none), for d or for the end of ctx.
func pause(ctx context.Context, bell <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-bell:
	case <-timer.C:
	}
}
