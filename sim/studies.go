package sim

import "time"

// selfishNetwork is a selfish miner of alpha percent and an honest one with the rest, a millisecond apart.
func selfishNetwork(alpha int64, gamma, blocks int) Config {
	return Config{
		Title: "selfish mining", Nodes: 2, Duration: maxDuration, Blocks: blocks, Topology: Topology{Kind: "line"},
		Link: &Link{Latency: time.Millisecond}, Gamma: &gamma,
		Miners: []Miner{{Name: "selfish", Share: alpha, Node: 0, Strategy: "selfish"}, {Name: "honest", Share: 100 - alpha, Node: 1}},
	}
}

// attackNetwork is an attacker with q percent of the power who double-spends against z confirmations, and an honest miner with
// the rest, a millisecond apart.
func attackNetwork(q int64, z, trials int) Config {
	return Config{
		Title: "double spending", Nodes: 2, Duration: maxDuration, Topology: Topology{Kind: "line"}, Link: &Link{Latency: time.Millisecond},
		Miners: []Miner{
			{Name: "honest", Share: 100 - q, Node: 0},
			{Name: "attacker", Share: q, Node: 1, Strategy: "double-spend", Confirmations: z, Trials: trials},
		},
	}
}
