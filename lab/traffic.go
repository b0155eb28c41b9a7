package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

// Traffic is a stream of payments between the accounts, real and signed, from random nodes. Payments come at random times, Rate a second
// on average. What they pay is drawn for each: Fees is "lognormal" (median Median, sigma 1) or "constant" (Median). A part RBF of the
// payments replaces one that waits, at a fee of at least a quarter more.
type Traffic struct {
	Rate   float64 // a second, 0.01 to 1000
	Fees   string
	Median float64 // units per vbyte
	RBF    float64
}

// TrafficStatus counts what traffic did since it began.
type TrafficStatus struct {
	On       bool   `json:"on"`
	Sent     int    `json:"sent"`
	Replaced int    `json:"replaced"`
	Skipped  int    `json:"skipped"` // no coins were free, or the mempool refused
	LastErr  string `json:"last_error,omitempty"`
}

const (
	maxRate       = 1000
	maxFeeRate    = 1000 // units per vbyte
	minSplit      = 50_000
	coinsWanted   = 60  // of each account
	replaceMemory = 500 // payments that may be replaced
)

// traffic is the loop that pays; its fields are guarded by mu.
type traffic struct {
	mu     sync.Mutex
	cancel context.CancelFunc // nil: off
	done   chan struct{}
	status TrafficStatus
}

func (t Traffic) check() error {
	switch {
	case !(t.Rate >= 0.01 && t.Rate <= maxRate):
		return fmt.Errorf("a rate is between 0.01 and %d payments a second", maxRate)
	case t.Fees != "lognormal" && t.Fees != "constant":
		return fmt.Errorf("fees are lognormal or constant, not %q", t.Fees)
	case !(t.Median >= 1 && t.Median <= maxFeeRate):
		return fmt.Errorf("a median fee is between 1 and %d units per vbyte", maxFeeRate)
	case !(t.RBF >= 0 && t.RBF <= 1):
		return errors.New("the part of payments that are replaced is between 0% and 100%")
	}
	return nil
}

// StartTraffic lets the accounts pay each other from now on, instead of what they did before.
func (n *Net) StartTraffic(t Traffic) error {
	if err := t.check(); err != nil {
		return err
	}
	n.StopTraffic()
	n.traffic.mu.Lock()
	defer n.traffic.mu.Unlock()
	if n.traffic.cancel != nil {
		return errors.New("somebody else has started traffic just now")
	}
	ctx, cancel := context.WithCancel(n.ctx)
	done := make(chan struct{})
	n.traffic.cancel, n.traffic.done, n.traffic.status = cancel, done, TrafficStatus{On: true}
	p := &payer{net: n, what: t, rng: rand.New(rand.NewPCG(n.cfg.Seed, n.branches.Add(1)<<1))}
	go func() {
		defer close(done)
		p.run(ctx)
	}()
	n.watch.tell(Event{Kind: "note", Node: -1, Detail: fmt.Sprintf("the accounts pay each other %v times a second", t.Rate)})
	return nil
}

// StopTraffic ends it and tells what it did.
func (n *Net) StopTraffic() TrafficStatus {
	n.traffic.mu.Lock()
	cancel, done := n.traffic.cancel, n.traffic.done
	n.traffic.cancel = nil
	n.traffic.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
		n.traffic.mu.Lock()
		n.traffic.status.On = false
		n.traffic.mu.Unlock()
	}
	return n.TrafficStatus()
}

// TrafficStatus tells what traffic has done so far.
func (n *Net) TrafficStatus() TrafficStatus {
	n.traffic.mu.Lock()
	defer n.traffic.mu.Unlock()
	return n.traffic.status
}

// payer makes the payments, one after the other.
type payer struct {
	net  *Net
	what Traffic
	rng  *rand.Rand
	last []sentTx // the latest, oldest first
}

// sentTx is a payment that may be replaced.
type sentTx struct {
	tx    *types.Tx
	spent []types.TxOut
	sum   int64
}

// run pays at times of a Poisson process until ctx ends. If it falls behind, it does not catch up by a burst of more than a second's worth.
func (p *payer) run(ctx context.Context) {
	next := time.Now()
	for {
		next = next.Add(time.Duration(p.rng.ExpFloat64() / p.what.Rate * float64(time.Second)))
		if late := time.Now().Add(-time.Second); next.Before(late) {
			next = late
		}
		if d := time.Until(next); d > 0 {
			pause(ctx, nil, d)
		}
		if ctx.Err() != nil {
			return
		}
		replaced, err := p.pay(ctx)
		p.net.traffic.note(replaced, err)
	}
}

func (t *traffic) note(replaced bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		t.status.Skipped++
		t.status.LastErr = err.Error()
	case replaced:
		t.status.Replaced++
	default:
		t.status.Sent++
	}
}

// feeRate draws what a payment offers, per 1000 vbytes.
func (p *payer) feeRate() int64 {
	rate := p.what.Median
	if p.what.Fees == "lognormal" {
		rate *= math.Exp(p.rng.NormFloat64())
	}
	return int64(min(max(rate, 1), maxFeeRate) * 1000)
}

func (p *payer) pay(ctx context.Context) (replaced bool, err error) {
	nd := p.randomNode()
	if nd == nil {
		return false, errors.New("no node runs")
	}
	if p.rng.Float64() < p.what.RBF {
		if done, err := p.replace(ctx, nd); done || err != nil {
			return true, err
		}
	}
	return false, p.fresh(ctx, nd)
}

func (p *payer) randomNode() *node.Node {
	list := p.net.honest(-1)
	if len(list) == 0 {
		return nil
	}
	return p.net.running(list[p.rng.IntN(len(list))])
}

// fresh pays from one coin of an account to another account. While the account has few coins the change is split, so that it can pay often without
// waiting for blocks.
func (p *payer) fresh(ctx context.Context, nd *node.Node) error {
	u, accounts := p.net.purse, p.net.keys.accounts
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.follow(nd); err != nil {
		return err
	}
	from := accounts[p.rng.IntN(len(accounts))].script
	free := u.free(nd, from)
	if len(free) == 0 {
		return errors.New("an account has no coins that are free: mine a block")
	}
	op := free[p.rng.IntN(len(free))]
	in := u.output(op)
	parts := 2
	if len(free) < coinsWanted && in.Value > 10*minSplit {
		parts = 6
	}
	fee := purseFee(1, parts-1, p.feeRate())
	left := in.Value - fee
	if left < int64(parts)*minSplit {
		if parts, left = 1, in.Value-purseFee(1, 0, purseFeeRate); left < minFaucetAmount {
			return errors.New("a coin is too small to pay with")
		}
	}
	tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: op, Sequence: 0xfffffffd}}}
	for i := range parts {
		value := left / int64(parts-i)
		to := from
		if i == 0 {
			to = accounts[p.rng.IntN(len(accounts))].script
		}
		tx.Out = append(tx.Out, types.TxOut{Value: value, Script: to})
		left -= value
	}
	spent := []types.TxOut{in}
	if err := u.submit(ctx, nd, tx, spent); err != nil {
		return err
	}
	p.remember(sentTx{tx, spent, in.Value})
	return nil
}

func (p *payer) remember(s sentTx) {
	if p.last = append(p.last, s); len(p.last) > replaceMemory {
		p.last = append([]sentTx(nil), p.last[len(p.last)/2:]...)
	}
}

// replace raises the fee of a payment that waits and that nothing builds on; done is false if there is none.
func (p *payer) replace(ctx context.Context, nd *node.Node) (done bool, err error) {
	u := p.net.purse
	u.mu.Lock()
	defer u.mu.Unlock()
	pool := nd.Pool()
	for range min(len(p.last), 20) {
		i := p.rng.IntN(len(p.last))
		old := p.last[i]
		entry, waits := pool.Entry(old.tx.ID())
		if descendants, ok := pool.Descendants(old.tx.ID()); !waits || !ok || len(descendants) > 1 {
			continue
		}
		more := entry.Fee/4 + entry.VSize
		tx := &types.Tx{Version: 2, In: append([]types.TxIn(nil), old.tx.In...), Out: append([]types.TxOut(nil), old.tx.Out...)}
		change := &tx.Out[len(tx.Out)-1]
		if change.Value -= more; change.Value < purseDust {
			continue
		}
		if err := u.submit(ctx, nd, tx, old.spent); err != nil {
			return false, err
		}
		p.last[i] = sentTx{tx, old.spent, old.sum}
		return true, nil
	}
	return false, nil
}

var _ = addVerbs(Verb{Name: "traffic", Args: "[stop|status]", Max: 1, Help: "let the accounts pay each other, at random times and fees", Example: "--rate 5/s --fees lognormal --rbf 10%",
	Flags: []VerbFlag{{"rate", "R", "payments a second: 5/s or 30/m (default 1/s)"}, {"fees", "F", "lognormal or constant (default lognormal)"},
		{"median", "U", "units per vbyte (default 5)"}, {"rbf", "P", "part of the payments that replaces an earlier one (default 0%)"}}, do: doTraffic})

func doTraffic(_ context.Context, n *Net, c call) (a Answer, err error) {
	switch c.arg(0) {
	case "stop":
		return trafficAnswer(n.StopTraffic()), nil
	case "status":
		return trafficAnswer(n.TrafficStatus()), nil
	case "":
	default:
		return a, fmt.Errorf("%q is neither stop nor status", c.arg(0))
	}
	t := Traffic{Rate: 1, Fees: "lognormal", Median: 5}
	if c.has("rate") {
		if t.Rate, err = parseRate(c.flags["rate"]); err != nil {
			return a, err
		}
	}
	if c.has("fees") {
		t.Fees = c.flags["fees"]
	}
	median, err := c.number("median", 5, 1, maxFeeRate)
	if err != nil {
		return a, err
	}
	t.Median = float64(median)
	if t.RBF, err = c.share("rbf", 0); err != nil {
		return a, err
	}
	return said("the accounts pay each other %v times a second; `cairn testnet traffic stop` ends it", t.Rate), n.StartTraffic(t)
}

// parseRate reads 5/s, 30/m or 5.
func parseRate(text string) (float64, error) {
	number, unit, _ := strings.Cut(text, "/")
	per, ok := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[unit]
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !ok || math.IsNaN(v) {
		return 0, fmt.Errorf("%q is not a rate like 5/s or 30/m", text)
	}
	return v / per, nil
}

func trafficAnswer(s TrafficStatus) Answer {
	state := "off"
	if s.On {
		state = "on"
	}
	a := said("traffic is %s: %d payments sent, %d replaced, %d could not be made", state, s.Sent, s.Replaced, s.Skipped)
	if s.LastErr != "" {
		a.Lines = append(a.Lines, "the last that could not: "+s.LastErr)
	}
	a.Result = s
	a.Values = map[string]float64{"sent": float64(s.Sent), "replaced": float64(s.Replaced), "skipped": float64(s.Skipped)}
	return a
}
