package sim

import (
	"context"
	"fmt"
	"time"
)

// staleRun is a network whose stale blocks are counted.
type staleRun struct {
	found, stale int
	delay        time.Duration // mean, until the others' power hears
	median       time.Duration // of all nodes
	clustering   float64       // how much more the number of stale blocks varies than if each fell by itself; at least 1
}

func (s *sheet) stale(cfg Config, seed uint64) (r staleRun, err error) {
	w, err := s.world(cfg, seed)
	if err != nil {
		return r, err
	}
	rep := w.Report()
	return staleRun{found: rep.Found, stale: rep.Stale, median: rep.Propagation.All.P50, delay: w.uninformed(), clustering: w.clustering()}, nil
}

func (r staleRun) rate() float64 { return float64(r.stale) / float64(r.found) }

// interval is Wilson's for as many independent blocks as the run is worth.
func (r staleRun) interval(z float64) (low, high float64) {
	return wilsonOf(r.rate(), float64(r.found)/r.clustering, z)
}

// clustering is the variance of the numbers of stale blocks in 20 stretches of the run over that of independent blocks, at least 1.
func (w *World) clustering() float64 {
	const stretches = 20
	blocks := w.record.blocks
	size := len(blocks) / stretches
	if size == 0 {
		return 1
	}
	var counts [stretches]float64
	var sum float64
	for i := range stretches {
		for _, f := range blocks[i*size : (i+1)*size] {
			if !f.onBest {
				counts[i]++
				sum++
			}
		}
	}
	mean, p := sum/stretches, sum/float64(stretches*size)
	var squares float64
	for _, c := range counts {
		squares += (c - mean) * (c - mean)
	}
	if expected := float64(size) * p * (1 - p); expected > 0 {
		return max(squares/(stretches-1)/expected, 1)
	}
	return 1
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

func studyStale(_ context.Context, s *sheet) error {
	const full, seed = 2000, 21
	intervals := []time.Duration{5 * time.Minute, time.Minute, 30 * time.Second, 10 * time.Second}
	nodes, z := 100, together(len(intervals))
	if s.divide > 1 {
		nodes = 20
	}
	s.say("Compared: the part of stale blocks with equation 4 of Decker and Wattenhofer (2013). A block is found beside another with the chance 1 − (1 − 1/interval)^∫(1 − f(t))dt, where f(t) is the part of the "+
		"power that has heard of a block; the integral is taken from the same run. 100 nodes, each with the same power, in the regions of the world with 8 + 2 peers each; blocks of 100 kB are "+
		"announced by headers and fetched whole. %d blocks for each row (seed %d). Stale blocks come in clusters when they are many: the fourth column is how much more their number in 20 stretches of the run varies "+
		"than if each fell by itself (1 if less), and Wilson's intervals are those of as many blocks fewer. They hold all four rows at once with 95 %% (Bonferroni, z = %.3f).\n\n", full, seed, z)
	s.head("interval", "∫(1 − f(t))dt", "stale blocks", "clustering", "relation, r/(1 + r)", "measured", "interval", "within")
	for _, interval := range intervals {
		r, err := s.stale(Config{
			Nodes: nodes, Duration: maxDuration, Blocks: s.n(full), Interval: interval, Topology: Topology{BlockRelay: 2}, Block: Block{Fill: 100_000},
			NoCompactBlocks: true,
		}, seed)
		if err != nil {
			return err
		}
		want := rivals(interval, r.delay)
		low, high := r.interval(z)
		s.row(interval.String(), seconds(r.delay), fmt.Sprint(r.stale), fmt.Sprintf("%.2f", r.clustering), percent(want), percent(r.rate()), between(low, high),
			s.within(low <= want && want <= high))
	}
	s.verdict()
	s.say("\nThe relation is the number r of rivals of a block of the best chain; of all blocks that are found r/(1 + r) are rivals, which is what is shown and what is measured. " +
		"It knows nothing of branches of more than one block, and of blocks that wait for parents which are still under way; both matter when the integral is no longer small beside the interval.\n")
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
