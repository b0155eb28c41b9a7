package sim

import (
	"context"
	"testing"
	"time"
)

// Miners with Peers are connected with each other and have as many connections as they say, from the region that they name.
func TestPools(t *testing.T) {
	cfg := Config{Nodes: 30, Duration: time.Hour, Regions: []Region{
		{Name: "all", Share: 1, Download: 9000, Upload: 9000, Latency: []int64{50, 50}},
		{Name: "pools", Download: 90_000, Upload: 80_000, Latency: []int64{50, 10}},
	}, Topology: Topology{Outbound: 2}}
	for i := range 3 {
		cfg.Miners = append(cfg.Miners, Miner{Share: 1, Node: i, Region: "pools", Peers: 12})
	}
	w, err := New(cfg.Complete(), 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	met := map[[2]int32]bool{}
	dialled := map[int32]int{}
	for _, d := range w.dials {
		met[[2]int32{d.from, d.to}], met[[2]int32{d.to, d.from}] = true, true
		dialled[d.from]++
		if d.to < 3 && d.from < 3 {
			dialled[d.to]++
		}
	}
	for i := range int32(3) {
		if dialled[i] != 12 {
			t.Errorf("pool %d has %d connections of its own", i, dialled[i])
		}
		if !met[[2]int32{i, (i + 1) % 3}] {
			t.Errorf("pool %d does not know the next", i)
		}
		if n := w.nodes[i]; n.region != 1 || n.up.rate != 80_000_000 {
			t.Errorf("pool %d is in region %d with a line of %d", i, n.region, n.up.rate)
		}
	}
	if dialled[7] != 2 || w.nodes[7].region != 0 {
		t.Errorf("another node dials %d, in region %d", dialled[7], w.nodes[7].region)
	}
	if err := w.Run(context.Background()); err != nil || w.record.tips != 1 {
		t.Errorf("%d tips: %v", w.record.tips, err)
	}
}
