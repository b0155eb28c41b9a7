package sim

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Study is one part of the validation: it runs networks and writes, as Markdown, what came of them beside what is known.
type Study struct {
	Title string
	run   func(ctx context.Context, s *sheet) error
}

// Studies are the parts of docs/validation.md, in order. They are independent of each other and may run at the same time.
func Studies() []Study {
	return []Study{
		{"Block intervals and the retarget", studyIntervals},
		{"Selfish mining", studySelfish},
		{"Double spending", studyDoubleSpend},
		{"Stale blocks, interval and delay", studyStale},
		{"Stale blocks of large blocks", studyLarge},
	}
}

// Run runs the study with a part of its size, 1 over divide; 1 is for the page, more is for tests.
func (s Study) Run(ctx context.Context, divide int) (string, error) {
	sh := &sheet{ctx: ctx, divide: max(divide, 1)}
	fmt.Fprintf(&sh.Builder, "## %s\n\n", s.Title)
	err := s.run(ctx, sh)
	return sh.String(), err
}

// seeds of the runs of which a mean is taken, 1 to 12, and Student's quantile for an interval of 95 % then.
const (
	seeds   = 12
	student = 2.201
)

// sheet collects the text of a study.
type sheet struct {
	strings.Builder
	ctx    context.Context
	divide int
}

// n is a number of blocks or trials.
func (s *sheet) n(full int) int { return max(full/s.divide, 10) }

func (s *sheet) say(format string, args ...any) { fmt.Fprintf(s, format, args...) }

func (s *sheet) row(cells ...string) { s.say("| %s |\n", strings.Join(cells, " | ")) }

func (s *sheet) head(cells ...string) {
	s.row(cells...)
	s.row(slices.Repeat([]string{"--:"}, len(cells))...)
}

// world runs a network to its end.
func (s *sheet) world(cfg Config, seed uint64) (*World, error) {
	w, err := New(cfg.Complete(), seed, nil)
	if err != nil {
		return nil, err
	}
	return w, w.Run(s.ctx)
}

// meanOf returns the mean and half of its 95 % interval.
func meanOf(list []float64) (mean, half float64) {
	for _, x := range list {
		mean += x
	}
	mean /= float64(len(list))
	var squares float64
	for _, x := range list {
		squares += (x - mean) * (x - mean)
	}
	return mean, student * math.Sqrt(squares/float64(len(list)-1)/float64(len(list)))
}

// wilson is the 95 % interval of a chance of which hits of n were seen.
func wilson(hits, n int) (low, high float64) {
	const z = 1.96
	p, m := float64(hits)/float64(n), float64(n)
	middle, half := p+z*z/(2*m), z*math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max((middle-half)/(1+z*z/m), 0), (middle + half) / (1 + z*z/m)
}

func percent(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }

func between(low, high float64) string { return fmt.Sprintf("%.2f–%.2f %%", 100*low, 100*high) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// alone is one node that mines.
func alone(blocks int) Config {
	return Config{Title: "one miner", Nodes: 1, Duration: maxDuration, Blocks: blocks, Topology: Topology{Kind: "line"}, Link: &Link{}}
}

func studyIntervals(_ context.Context, s *sheet) error {
	n := s.n(5000)
	w, err := s.world(alone(n), 1)
	if err != nil {
		return err
	}
	gaps := make([]float64, 0, n)
	last := warmUp
	for _, f := range w.record.blocks {
		gaps = append(gaps, float64(f.at-last)/float64(w.cfg.Interval))
		last = f.at
	}
	slices.Sort(gaps)
	var d, mean float64
	for i, g := range gaps {
		f := 1 - math.Exp(-g)
		d = max(d, f-float64(i)/float64(n), float64(i+1)/float64(n)-f)
		mean += g / float64(n)
	}
	bound := 1.358 / math.Sqrt(float64(n))
	s.say("One node mines %d blocks without a retarget (seed 1). Blocks of a Poisson process have exponential intervals; the mean is 10 minutes.\n\n", n)
	s.head("mean interval", "Kolmogorov–Smirnov distance to the exponential distribution", "bound at 5 %", "within")
	s.row(fmt.Sprintf("%.2f min", 10*mean), fmt.Sprintf("%.4f", d), fmt.Sprintf("%.4f", bound), yes(d < bound))
	return s.convergence()
}

// convergence is the answer of ASERT to four times the power.
func (s *sheet) convergence() error {
	const k, settled = 4, 6 // half-lives before the step
	half := 48 * time.Hour
	if s.divide > 1 {
		half = 4 * time.Hour
	}
	step := settled * half
	afters := []time.Duration{half / 2, half, 2 * half, 4 * half, 6 * half}
	ratios := make([][]float64, len(afters))
	for seed := uint64(1); seed <= seeds; seed++ {
		cfg := alone(0)
		cfg.Duration, cfg.Retarget, cfg.HalfLife = step+6*half+time.Hour, "asert", half
		cfg.Faults = []Fault{{Kind: "power", At: step, Percent: 100 * k}}
		w, err := s.world(cfg, seed)
		if err != nil {
			return err
		}
		for i, after := range afters {
			ratios[i] = append(ratios[i], w.ease(warmUp+int64(step+after)))
		}
	}
	s.say("\nThe same node under ASERT with a half-life of %.0f hours; after %d half-lives it has %d times the power. A chain at y times its pace halves the "+
		"target once in each half-life that it is ahead, so y' = ln 2/half-life · y(1 − y): the target over that before the step is 1/(k + (1 − k)·2^(−t/half-life)). "+
		"Means of %d runs (seeds 1 to %d).\n\n", half.Hours(), settled, k, seeds, seeds)
	s.head("half-lives after the step", "target, closed form", "target, measured", "95 % interval", "within")
	for i, after := range afters {
		mean, h := meanOf(ratios[i])
		want := AsertTarget(k, after, half)
		s.row(fmt.Sprintf("%.1f", after.Hours()/half.Hours()), fmt.Sprintf("%.4f", want), fmt.Sprintf("%.4f", mean),
			fmt.Sprintf("%.4f–%.4f", mean-h, mean+h), yes(math.Abs(mean-want) <= h))
	}
	s.say("\nA chain is never exactly on time: how far it is ahead varies by a few hundredths of a half-life around the closed form, which is that of the mean pace.\n")
	return nil
}

// ease is the target of the last block found by a time, over that of ASERT's anchor.
func (w *World) ease(at int64) float64 {
	bits := uint32(anchorBits)
	for _, f := range w.record.blocks {
		if f.at > at {
			break
		}
		bits = f.bits
	}
	mantissa := func(bits uint32) float64 { return math.Ldexp(float64(bits&0x7fffff), 8*int(bits>>24)) }
	return mantissa(bits) / mantissa(anchorBits)
}

func studySelfish(_ context.Context, s *sheet) error {
	blocks := s.n(2500)
	s.say("A selfish miner with a share α of the power (Eyal and Sirer's algorithm) and an honest one with the rest, each with a node, one "+
		"millisecond apart; protocol, chains and all rules are the real ones. In a race the honest miner mines on the selfish block with a chance γ, which stands for "+
		"the part of an honest majority that hears of it first. %d runs of %d blocks each (seeds 1 to %d).\n\n", seeds, blocks, seeds)
	s.head("α", "γ", "revenue, closed form", "revenue, measured", "95 % interval", "within")
	for _, c := range []struct {
		alpha int64
		gamma int
	}{{20, 100}, {30, 0}, {33, 50}, {40, 0}, {45, 50}} {
		var parts []float64
		for seed := uint64(1); seed <= seeds; seed++ {
			w, err := s.world(selfishNetwork(c.alpha, c.gamma, blocks), seed)
			if err != nil {
				return err
			}
			parts = append(parts, float64(w.Report().Miners[0].Revenue))
		}
		mean, half := meanOf(parts)
		want := SelfishRevenue(float64(c.alpha)/100, float64(c.gamma)/100)
		s.row(fmt.Sprintf("%.2f", float64(c.alpha)/100), fmt.Sprintf("%.2f", float64(c.gamma)/100), percent(want), percent(mean),
			between(mean-half, mean+half), yes(math.Abs(mean-want) <= half))
	}
	return nil
}

func studyDoubleSpend(_ context.Context, s *sheet) error {
	const q = 30
	trials := s.n(4000)
	s.say("An attacker with q = 0.%d of the power against a merchant who waits for z confirmations (seed 10 + z), on the real chain and mempool: the attacker's branch holds "+
		"another payment of the coin, and a trial counts when the merchant's node has taken the branch over and lost his payment. The attacker starts with one "+
		"block found in secret, and needs to be one ahead in the end, which is what both formulas assume; it gives up %d blocks behind. %d trials each: "+
		"their number was raised from 1,000 after z = 3 and z = 5 had lain outside, with the same seeds.\n\n", q, giveUp, trials)
	s.head("z", "Nakamoto", "Rosenfeld", "measured", "95 % interval", "Rosenfeld within")
	for z := 1; z <= 6; z++ {
		w, err := s.world(attackNetwork(q, z, trials), 10+uint64(z))
		if err != nil {
			return err
		}
		m := w.Report().Miners[1]
		low, high := wilson(m.Success, m.Trials)
		exact := RosenfeldRisk(q/100.0, z)
		s.row(fmt.Sprint(z), percent(NakamotoRisk(q/100.0, z)), percent(exact), percent(float64(m.Success)/float64(m.Trials)), between(low, high),
			yes(low <= exact && exact <= high))
	}
	s.say("\nNakamoto's numbers lie higher for few confirmations and lower for many: they take what the attacker mines while the merchant waits for Poisson-distributed, as if the wait always took its mean time.\n")
	return nil
}

// staleRun is a network whose stale blocks are counted.
type staleRun struct {
	found, stale int
	low, high    float64
	delay        time.Duration // mean, until the others' power hears
	median       time.Duration
}

func (s *sheet) stale(cfg Config, seed uint64) (r staleRun, err error) {
	w, err := s.world(cfg, seed)
	if err != nil {
		return r, err
	}
	rep := w.Report()
	r = staleRun{found: rep.Found, stale: rep.Stale, median: rep.Propagation.All.P50, delay: w.uninformed()}
	r.low, r.high = wilson(r.stale, r.found)
	return r, nil
}

// uninformed is the mean over the blocks of ∫(1 − f(t))dt, where f is the part of the power that has heard of a block.
func (w *World) uninformed() time.Duration {
	var sum float64
	for _, f := range w.record.blocks {
		for _, d := range w.mining.miners {
			if at := f.arrived[d.node.id]; at >= 0 {
				sum += float64(at-f.at) * float64(d.Share) / float64(w.mining.shares)
			}
		}
	}
	return time.Duration(sum / float64(len(w.record.blocks)))
}

// rivals is the part of all blocks that are found beside others, by Decker and Wattenhofer's relation.
func rivals(interval, delay time.Duration) float64 {
	r := ForkRate(interval, delay)
	return r / (1 + r)
}

func (r staleRun) rate() float64 { return float64(r.stale) / float64(r.found) }

func studyStale(_ context.Context, s *sheet) error {
	blocks, nodes := s.n(2500), 100
	if s.divide > 1 {
		nodes = 20
	}
	s.say("%d nodes, each with the same power, in the regions of the world with 8 + 2 peers each; blocks of 100 kB are announced by headers and fetched whole. Decker and Wattenhofer: "+
		"a block is found beside another with the chance 1 − (1 − 1/interval)^∫(1 − f(t))dt, where f(t) is the part of the power that has heard of a block. The integral is taken from the "+
		"run itself. %d blocks each (seed 21).\n\n", nodes, blocks)
	s.head("interval", "∫(1 − f(t))dt", "relation, r/(1 + r)", "measured", "95 % interval", "within")
	for _, interval := range []time.Duration{5 * time.Minute, time.Minute, 30 * time.Second, 10 * time.Second} {
		r, err := s.stale(Config{
			Nodes: nodes, Duration: maxDuration, Blocks: blocks, Interval: interval, Topology: Topology{BlockRelay: 2}, Block: Block{Fill: 100_000},
			NoCompactBlocks: true,
		}, 21)
		if err != nil {
			return err
		}
		want := rivals(interval, r.delay)
		s.row(interval.String(), fmt.Sprintf("%.2f s", r.delay.Seconds()), percent(want), percent(r.rate()), between(r.low, r.high),
			yes(r.low <= want && want <= r.high))
	}
	s.say("\nThe relation is the number r of rivals of a block of the best chain; of all blocks that are found r/(1 + r) are rivals, which is what the third column shows and what is measured. " +
		"It knows nothing of branches of more than one block, and of blocks that wait for parents which are still under way.\n")
	return nil
}

// gervais are stale rates of Bitcoin's standard relay in the table of Gervais, Karame, Wüst, Glykantzis, Ritzdorf and Čapkun ("On the security and
// performance of proof of work blockchains", CCS 2016), by the interval between blocks, and their median propagation.
var gervais = []struct {
	interval time.Duration
	rate     float64
	median   float64 // seconds
	fill     int     // bytes, at a megabyte in ten minutes
}{
	{10 * time.Minute, 0.0151, 14.7, maxFill}, {time.Minute, 0.0215, 2.08, maxFill / 10}, {10 * time.Second, 0.0477, 1.00, maxFill / 60},
}

func studyLarge(_ context.Context, s *sheet) error {
	nodes, blocks := 100, []int{s.n(2000), s.n(1000), s.n(1000)}
	if s.divide > 1 {
		nodes = 20
	}
	s.say("%d nodes as above, 16 of them miners of unequal power; blocks fetched whole (seed 31). In the first three rows every block has a megabyte (%d bytes). "+
		"In the last two a megabyte comes in ten minutes, so that shorter intervals have smaller blocks: the median delays in the last column fall from 14.7 s to 1 s, which suggests "+
		"such blocks, but the paper has not been asked. The last column is quoted from memory and not yet checked against the paper; do not rely on it.\n\n", nodes, maxFill)
	s.head("interval", "bytes", "blocks", "median delay", "stale", "95 % interval", "relation (above)", "Gervais et al.: median, stale")
	for pass := range 2 {
		for i, g := range gervais {
			fill := maxFill
			if pass == 1 {
				fill = g.fill
			}
			if pass == 1 && i == 0 {
				continue // as the first row
			}
			r, err := s.stale(largeNetwork(nodes, blocks[i], g.interval, fill), 31)
			if err != nil {
				return err
			}
			s.row(g.interval.String(), fmt.Sprint(fill), fmt.Sprint(r.found), fmt.Sprintf("%.2f s", r.median.Seconds()), percent(r.rate()), between(r.low, r.high),
				percent(rivals(g.interval, r.delay)), fmt.Sprintf("%.2f s, %s", g.median, percent(g.rate)))
		}
	}
	s.say("\nThe trend agrees: shorter intervals lose more blocks, and where the size shrinks with the interval, much less so. The stale rate at ten minutes is a quarter of the one quoted. Faster links may be why " +
		"(bandwidths of 2019 and fewer hops, a median delay of 3 s against 14.7 s); that was not tested. With a megabyte every ten seconds a block is still " +
		"under way for a third of the time until the next; no row that is quoted is as full.\n")
	return nil
}

func largeNetwork(nodes, blocks int, interval time.Duration, fill int) Config {
	cfg := Config{
		Nodes: nodes, Duration: maxDuration, Blocks: blocks, Interval: interval, Topology: Topology{BlockRelay: 2}, Block: Block{Fill: fill}, NoCompactBlocks: true,
	}
	for i, share := range []int64{25, 20, 16, 8, 6, 5, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1} {
		cfg.Miners = append(cfg.Miners, Miner{Name: fmt.Sprintf("pool %d", i+1), Share: share, Node: i})
	}
	return cfg
}
