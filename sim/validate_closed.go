package sim

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// alone is one node that mines.
func alone(blocks int) Config {
	return Config{Title: "one miner", Nodes: 1, Duration: maxDuration, Blocks: blocks, Topology: Topology{Kind: "line"}, Link: &Link{}}
}

func studyIntervals(_ context.Context, s *sheet) error {
	const full = 5000
	n := s.n(full)
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
	s.say("Compared: the intervals between blocks with the exponential distribution, whose mean is 10 minutes. One node mines %d blocks without a retarget (seed 1). "+
		"The largest distance between both distributions (Kolmogorov–Smirnov) exceeds the bound once in 20 samples of an exponential distribution.\n\n", full)
	s.head("mean interval", "Kolmogorov–Smirnov distance to the exponential distribution", "bound", "within")
	s.row(fmt.Sprintf("%.2f min", 10*mean), fmt.Sprintf("%.4f", d), fmt.Sprintf("%.4f", bound), s.within(d < bound))
	s.verdict()
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
	for seed := uint64(1); seed <= runs; seed++ {
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
	s.say("\nCompared: the target after a step of the power with the closed form. The same node runs under ASERT with a half-life of 48 hours; after %d half-lives it has %d times the power. "+
		"A chain at y times its pace halves the target once in each half-life that it is ahead, so y' = ln 2/half-life · y(1 − y): the target over that before the step is "+
		"1/(k + (1 − k)·2^(−t/half-life)). Means of %d independent runs (seeds 1 to %d) with Student's intervals, which hold all five rows at once with 95 %% (Bonferroni).\n\n",
		settled, k, runs, runs)
	s.head("half-lives after the step", "target, closed form", "target, measured", "interval", "within")
	for i, after := range afters {
		mean, h := meanOf(ratios[i])
		want := AsertTarget(k, after, half)
		s.row(fmt.Sprintf("%.1f", after.Hours()/half.Hours()), fmt.Sprintf("%.4f", want), fmt.Sprintf("%.4f", mean),
			fmt.Sprintf("%.4f–%.4f", mean-h, mean+h), s.within(math.Abs(mean-want) <= h))
	}
	s.verdict()
	s.say("\nThe closed form is that of the mean pace; a single chain is never exactly on time, and its target varies around it. The rows are of the same runs, and not independent of each other.\n")
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
	const full = 2500
	blocks := s.n(full)
	s.say("Compared: the share of the best chain that a selfish miner gets with equation 8 of Eyal and Sirer (2014). The selfish miner has a share α of the power and follows their algorithm 1, an "+
		"honest one has the rest; each has a node, one millisecond apart, and protocol, chains and rules are the real ones. α is the rate of a Poisson process. γ is a draw at each block that the honest miner "+
		"finds during a race: with this chance it stands on the selfish block, as the part γ of an honest majority would that heard of it first. What both came to is shown beside. "+
		"%d independent runs of %d blocks for each row, no seed twice (1 to %d in the first, 101 to %d in the second, and so on). Student's intervals of the runs' means hold all five rows at once with 95 %% "+
		"(Bonferroni).\n\n", runs, full, runs, 100+runs)
	s.head("α", "γ", "α, found", "γ, of the races", "revenue, closed form", "revenue, measured", "interval", "within")
	for i, c := range []struct {
		alpha int64
		gamma int
	}{{20, 100}, {30, 0}, {33, 50}, {40, 0}, {45, 50}} {
		var parts []float64
		var found, all, races, lost int
		for run := range uint64(runs) {
			w, err := s.world(selfishNetwork(c.alpha, c.gamma, blocks), 100*uint64(i)+1+run)
			if err != nil {
				return err
			}
			rep := w.Report()
			parts = append(parts, float64(rep.Miners[0].Revenue))
			found, all = found+rep.Miners[0].Found, all+rep.Found
			races, lost = races+w.mining.ties, lost+w.mining.tiesLost
		}
		mean, half := meanOf(parts)
		alpha, gamma := float64(c.alpha)/100, float64(c.gamma)/100
		want := SelfishRevenue(alpha, gamma)
		s.row(fmt.Sprintf("%.2f", alpha), fmt.Sprintf("%.2f", gamma), fmt.Sprintf("%.4f", float64(found)/float64(all)), fmt.Sprintf("%.3f (%d)", float64(lost)/float64(max(races, 1)), races),
			percent(want), percent(mean), between(mean-half, mean+half), s.within(math.Abs(mean-want) <= half))
	}
	s.verdict()
	return nil
}

func studyDoubleSpend(_ context.Context, s *sheet) error {
	const q, rows = 30, 6
	z := together(rows)
	s.say("Compared: how often a double spend succeeds with the formulas of Nakamoto (2008) and Rosenfeld (2012). An attacker with q = 0.%d of the power attacks a merchant who waits for z confirmations, on the real "+
		"chain and mempool: its branch holds another payment of the coin, and a trial counts when the merchant's node has taken the branch over and lost his payment. As in both formulas "+
		"the attacker begins with one block found in secret, the block that confirms the payment counts as the first of the z, and the branch must be one block longer in the end. Both formulas let the attacker go on for ever; "+
		"here it gives up %d blocks behind, and of the trials given up it would have won a part of (q/p)^%d = %.1e, far below what can be seen. "+
		"The number of trials follows a rule: as many as make half of the interval a tenth of Rosenfeld's value. One run for each row, each with seed 1. Wilson's intervals hold all six rows at once with 95 %% "+
		"(Bonferroni, z = %.3f); trials are independent of each other.\n\n", q, giveUp, giveUp+1, math.Pow(q/(100.0-q), giveUp+1), z)
	s.head("z", "Nakamoto", "Rosenfeld", "trials", "measured", "interval", "Rosenfeld within")
	for wait := 1; wait <= rows; wait++ {
		exact := RosenfeldRisk(q/100.0, wait)
		w, err := s.world(attackNetwork(q, wait, s.n(trialsFor(exact, z))), 1)
		if err != nil {
			return err
		}
		m := w.Report().Miners[1]
		low, high := wilson(m.Success, m.Trials, z)
		s.row(fmt.Sprint(wait), percent(NakamotoRisk(q/100.0, wait)), percent(exact), fmt.Sprint(m.Trials), percent(float64(m.Success)/float64(m.Trials)), between(low, high),
			s.within(low <= exact && exact <= high))
	}
	s.verdict()
	s.say("\nNakamoto's numbers lie higher for few confirmations and lower for many: they take what the attacker mines while the merchant waits for Poisson-distributed, as if the wait always took its mean time. " +
		"The rows share their seed, so that they may err in the same direction; the intervals hold all the same.\n")
	return nil
}

// trialsFor is how many trials make half an interval a tenth of the chance p.
func trialsFor(p, z float64) int { return int(math.Ceil(z * z * (1 - p) / (0.01 * p))) }
