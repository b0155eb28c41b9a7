package sim

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// The comparison with Gervais, Karame, Wüst, Glykantzis, Ritzdorf and Čapkun, "On the security and performance of proof of work blockchains"
// (CCS 2016). Its numbers and the parameters of its simulator were read from the authors' repository, github.com/arthurgervais/Bitcoin-Simulator:
// results.html (commit 3caab704), bitcoin-topology-helper.cc (6d5e76b7), bitcoin-test.cc (3f21d94d), bitcoin-node.cc and bitcoin-miner.cc (248fe9e0).

// gervais are blocks of 1 MB with Bitcoin's relay of that time ("Standard"), by the interval between blocks: the median delay in seconds and
// the part of stale blocks.
var gervais = []struct {
	interval     time.Duration
	median, rate float64
	blocks       int // here
}{
	{10 * time.Minute, 27.67, 0.0317, 800}, {time.Minute, 544.198, 0.4866, 400}, {10 * time.Second, 2980.04, 0.8174, 400},
}

// lines2016 are the regions of their simulator, each in five parts with the 10, 30, 50, 70 and 90 % points of the bandwidths that it draws for Europe,
// and a sixth without nodes for pools, with lines of so many kilobits a second. Latencies are rounded to milliseconds.
func lines2016(pool int64) []Region {
	names := []string{"north-america", "europe", "south-america", "asia-pacific", "japan", "australia"}
	shares := []int64{3869, 5159, 113, 574, 119, 166}
	latency := [][]int64{
		{36, 119, 255, 310, 154, 208}, {119, 12, 221, 242, 266, 350}, {255, 221, 137, 347, 256, 269},
		{310, 242, 347, 99, 172, 278}, {154, 266, 256, 172, 9, 163}, {208, 350, 269, 278, 163, 22},
	}
	speeds := [][2]int64{{1000, 400}, {5300, 1500}, {11_000, 3900}, {24_000, 8500}, {59_000, 25_000}} // down, up
	var out []Region
	for i, name := range names {
		var to []int64
		for _, ms := range latency[i] {
			to = append(to, slices.Repeat([]int64{ms}, len(speeds)+1)...)
		}
		for j, v := range speeds {
			out = append(out, Region{Name: fmt.Sprintf("%s %d", name, j+1), Share: shares[i], Download: v[0], Upload: v[1], Latency: to})
		}
		out = append(out, Region{Name: name + " pool", Download: pool, Upload: pool, Latency: to})
	}
	return out
}

// pools2016 are the shares of the 16 miners of their simulator in 1/1000, and where they stand.
var pools2016 = []struct {
	share int64
	area  string
}{
	{289, "asia-pacific"}, {196, "asia-pacific"}, {159, "asia-pacific"}, {133, "north-america"}, {66, "asia-pacific"}, {54, "north-america"},
	{29, "europe"}, {16, "europe"}, {12, "north-america"}, {12, "north-america"}, {12, "north-america"}, {9, "europe"},
	{5, "north-america"}, {5, "north-america"}, {2, "north-america"}, {2, "north-america"},
}

// largeNetwork is 16 miners of unequal power in the network of studyStale.
func largeNetwork(nodes, blocks int, interval time.Duration) Config {
	cfg := Config{
		Nodes: nodes, Duration: maxDuration, Blocks: blocks, Interval: interval, Topology: Topology{BlockRelay: 2}, Block: Block{Fill: maxFill}, NoCompactBlocks: true,
	}
	for i, share := range []int64{25, 20, 16, 8, 6, 5, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1} {
		cfg.Miners = append(cfg.Miners, Miner{Name: fmt.Sprintf("pool %d", i+1), Share: share, Node: i})
	}
	return cfg
}

// steps lead from that network to theirs; each keeps what the ones before it changed.
var steps = []struct {
	name   string
	blocks int
	change func(cfg *Config, small bool)
}{
	{"the network of the first table", 400, func(*Config, bool) {}},
	{"their bandwidths and latencies of nodes", 400, func(cfg *Config, _ bool) { cfg.Regions = lines2016(100_000) }},
	{"a block is judged in 0.38 µs a byte", 400, func(cfg *Config, _ bool) { cfg.Judge.PerByte = 380 * time.Nanosecond }},
	{"their miners' shares and places", 400, func(cfg *Config, _ bool) {
		for i, p := range pools2016 {
			cfg.Miners[i].Share, cfg.Miners[i].Region = p.share, p.area+" 3"
		}
	}},
	{"miners have lines of 100 Mbit/s", 400, func(cfg *Config, _ bool) { poolsOn(cfg, 0) }},
	{"600 nodes", 150, func(cfg *Config, small bool) {
		if !small {
			cfg.Nodes = 600
		}
	}},
	{"miners have 75 connections on lines of 10 Mbit/s", 200, func(cfg *Config, small bool) {
		cfg.Regions = lines2016(10_000)
		if poolsOn(cfg, 75); small {
			poolsOn(cfg, 17)
		}
	}},
	{"a late block is asked of nobody else", 200, func(cfg *Config, _ bool) { cfg.OneSource = true }},
}

// poolsOn puts the miners on the lines of pools.
func poolsOn(cfg *Config, peers int) {
	for i, p := range pools2016 {
		cfg.Miners[i].Region, cfg.Miners[i].Peers = p.area+" pool", peers
	}
}

func studyLarge(_ context.Context, s *sheet) error {
	nodes := 100
	if s.divide > 1 {
		nodes = 20
	}
	s.say("Compared: the part of stale blocks with that in the simulator of Gervais, Karame, Wüst, Glykantzis, Ritzdorf and Čapkun (\"On the security and performance of proof of work blockchains\", CCS 2016), for blocks of "+
		"1 MB. Checked: their medians and stale rates stand in results.html of the authors' repository github.com/arthurgervais/Bitcoin-Simulator (commit 3caab704, part \"1MB\", table \"Standard\"). "+
		"Not checked: the printed paper, whose text was not at hand; and they give no intervals. Here: 100 nodes as in the part above, 16 of them miners of unequal power; every block has %d bytes and is announced by headers and fetched whole "+
		"(seed 31). Wilson's intervals, for all three rows at once 95 %% (z = %.3f), with the clustering counted as above.\n\n", maxFill, together(len(gervais)))
	s.head("interval", "blocks", "median delay", "stale", "interval of that", "relation (above)", "theirs: median delay", "theirs: stale")
	for _, g := range gervais {
		cfg := largeNetwork(nodes, s.n(g.blocks), g.interval)
		r, err := s.stale(cfg, 31)
		if err != nil {
			return err
		}
		low, high := r.interval(together(len(gervais)))
		s.row(g.interval.String(), fmt.Sprint(r.found), seconds(r.median), percent(r.rate()), between(low, high), percent(rivals(g.interval, r.delay)),
			fmt.Sprintf("%.2f s", g.median), percent(g.rate))
	}
	s.say("\nThe trend is the same, the rates are not: the next part finds out why.\n")
	return nil
}

// studySteps changes the network of studyLarge step by step into theirs, at ten minutes between blocks, and runs the last one at the
// other intervals.
func studySteps(_ context.Context, s *sheet) error {
	const interval = 10 * time.Minute
	nodes, z := 100, together(len(steps))
	if s.divide > 1 {
		nodes = 20
	}
	s.say("Their simulator differs in what the left column names (read from its source: bitcoin-topology-helper.cc at commit 6d5e76b7, bitcoin-test.cc at 3f21d94d, bitcoin-node.cc at 248fe9e0). Each row has " +
		"one change more than the row before, at ten minutes between blocks (seed 32). Theirs are 16 miners, each with 700 to 800 connections, all other miners among them, on a line of 100 Mbit/s, and, unchecked, some 6000 nodes; the " +
		"last rows have a tenth of the nodes, of these connections (but all those between miners) and of the line, so that a miner's line is busy as long with a block as in theirs. Their nodes draw their bandwidths; here a fifth of the nodes of each region " +
		"has the 10, 30, 50, 70 and 90 %% points of what they draw for Europe, rounded: 1, 5.3, 11, 24 and 59 Mbit/s down, 0.4, 1.5, 3.9, 8.5 and 25 up. The integral is the mean time until the others' power has a block. " +
		"It and the relation that follows from it are much surer than the few blocks that went stale.\n\n")
	s.head("one change more", "blocks", "median delay", "∫(1 − f(t))dt", "relation", "stale", "interval of that")
	cfg := largeNetwork(nodes, 0, interval).Complete()
	for _, step := range steps {
		step.change(&cfg, s.divide > 1)
		cfg.Blocks = s.n(step.blocks)
		r, err := s.stale(cfg, 32)
		if err != nil {
			return err
		}
		low, high := r.interval(z)
		s.row(step.name, fmt.Sprint(r.found), seconds(r.median), seconds(r.delay), percent(rivals(interval, r.delay)), percent(r.rate()), between(low, high))
	}
	s.row("theirs", "", seconds(time.Duration(gervais[0].median*1e9)), "", "", percent(gervais[0].rate), "")
	return s.theirs(cfg)
}

// theirs runs the network that is like theirs at the other intervals.
func (s *sheet) theirs(cfg Config) error {
	s.say("\nThe last network of this table at their other intervals (seed 33):\n\n")
	s.head("interval", "blocks", "median delay", "stale", "interval of that", "theirs: median delay", "theirs: stale")
	for _, g := range gervais[1:] {
		cfg.Interval, cfg.Blocks = g.interval, s.n(150)
		r, err := s.stale(cfg, 33)
		if err != nil {
			return err
		}
		low, high := r.interval(together(2))
		s.row(g.interval.String(), fmt.Sprint(r.found), seconds(r.median), percent(r.rate()), between(low, high), fmt.Sprintf("%.2f s", g.median), percent(g.rate))
	}
	s.say("%s", stepsVerdict)
	return nil
}

const stepsVerdict = `
What the rows say, by the integral. Slow and unequal lines of the nodes make the power wait about six times as long, because here a miner hears of blocks through such nodes;
how long a block is judged counts for little. That two thirds of their power stand in one region brings the wait down again, and fast lines for miners bring it nearly to where it
began. Among more nodes, miners lie further apart. Their order of magnitude comes with the last two changes, how a miner hands out a block: whole, over one line, to each of 75 connections (theirs: 750) one
after the other, which takes a minute for a megabyte, while the other miners wait for their turn; and a node that waits asks nobody else. Cairn's nodes ask a second peer after
two seconds, and fetch compact blocks if they may. The authors' other tables for 1 MB at ten minutes agree with this: at similar medians, 0.38 % go stale where miners push blocks unasked ("Unsolicited", 20.1 s) and 0.07 % where they have
a relay network of their own ("Relay Network", 17.24 s).

At one minute and ten seconds a miner's line has more to send than it can: delays grow for as long as the run lasts. The medians are therefore not comparable (150 blocks here; how long theirs ran is not known to us),
and here a peer that has not delivered for two minutes is left, in theirs after two intervals. Order and trend of the stale rates are the same.
`
