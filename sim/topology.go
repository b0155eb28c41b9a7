package sim

import (
	"math/rand/v2"
	"time"

	"github.com/cairn-chain/cairn/p2p/proto"
)

// place gives every node its region and line.
func (w *World) place() {
	weights := make([]int64, len(w.cfg.Regions))
	for i, r := range w.cfg.Regions {
		weights[i] = r.Share
	}
	for _, n := range w.nodes {
		if w.cfg.Link != nil {
			n.up.rate = w.cfg.Link.Bandwidth * 1000
			continue
		}
		n.region = pick(w.topo, weights)
		n.up.rate = w.cfg.Regions[n.region].Upload * 1000
	}
	w.placeMiners()
	w.slow = make([]slowness, len(w.nodes))
	for i := range w.slow {
		w.slow[i].factor = 1
	}
}

// shape sets the latency and bandwidth of both ways of a link. Jitter has a tenth of the latency as its mean.
func (w *World) shape(l *link) {
	for s := range l.way {
		from, to := w.nodes[l.node[s]], w.nodes[l.node[1-s]]
		way := &l.way[s]
		if w.cfg.Link != nil {
			way.latency, way.rate = int64(w.cfg.Link.Latency), w.cfg.Link.Bandwidth*1000
		} else {
			a, b := w.cfg.Regions[from.region], w.cfg.Regions[to.region]
			way.latency = a.Latency[to.region] * int64(time.Millisecond)
			way.rate = min(a.Upload, b.Download) * 1000
		}
		factor := max(w.slow[from.id].factor, w.slow[to.id].factor)
		way.latency *= factor
		if way.rate > 0 {
			way.rate = max(way.rate/factor, 1)
		}
		way.jitter = way.latency / 10
	}
}

// connectAll plans the topology and lets the nodes dial within the first ten seconds.
func (w *World) connectAll() {
	add := func(from, to int, kind proto.ConnKind) {
		w.dials = append(w.dials, &dialled{from: int32(from), to: int32(to), kind: kind})
	}
	n := len(w.nodes)
	switch w.cfg.Topology.Kind {
	case "random":
		pools := w.connectPools(add)
		for i := range n {
			if pools[i] {
				continue
			}
			for j, to := range others(w.topo, n, i, w.cfg.Topology.Outbound+w.cfg.Topology.BlockRelay) {
				kind := proto.Outbound
				if j >= w.cfg.Topology.Outbound {
					kind = proto.BlockRelay
				}
				add(i, to, kind)
			}
		}
	case "mesh":
		for i := range n {
			for j := range i {
				add(i, j, proto.Outbound)
			}
		}
	case "line", "ring":
		for i := 1; i < n; i++ {
			add(i, i-1, proto.Outbound)
		}
		if w.cfg.Topology.Kind == "ring" && n > 2 {
			add(0, n-1, proto.Outbound)
		}
	case "star":
		for i := 1; i < n; i++ {
			add(i, 0, proto.Outbound)
		}
	}
	for _, d := range w.dials {
		w.at(w.topo.Int64N(int64(10*time.Second)), noNode, func() { w.connect(d) })
	}
}

// others draws up to k different numbers below n, without self.
func others(r *rand.Rand, n, self, k int) []int {
	k = min(k, n-1)
	var out []int
	taken := map[int]bool{self: true}
	for len(out) < k {
		if x := r.IntN(n); !taken[x] {
			taken[x] = true
			out = append(out, x)
		}
	}
	return out
}

// planFaults puts the faults into the queue.
func (w *World) planFaults() {
	for _, f := range w.cfg.Faults {
		w.at(warmUp+int64(f.At), noNode, func() { w.begin(f) })
		if f.Until > 0 {
			w.at(warmUp+int64(f.Until), noNode, func() { w.end(f) })
		}
	}
}

// some is how many nodes a share of a hundred is, at least one.
func (w *World) some(share int) int { return max(len(w.nodes)*share/100, 1) }

func (w *World) begin(f Fault) {
	w.tell(Happening{Kind: "fault", Node: noNode, Detail: f.Kind + " begins"})
	switch f.Kind {
	case "partition":
		w.apart = make([]bool, len(w.nodes))
		for i := range w.some(f.Share) {
			w.apart[i] = true
		}
		for _, d := range w.dials {
			if d.link != nil && w.separated(d.from, d.to) {
				w.close(d.link)
			}
		}
	case "slow":
		w.slowDown(f.Share, f.Factor)
	case "power":
		w.mining.setPower(f.Percent)
	}
}

func (w *World) end(f Fault) {
	w.tell(Happening{Kind: "fault", Node: noNode, Detail: f.Kind + " ends"})
	switch f.Kind {
	case "partition":
		w.apart = nil
		for _, d := range w.dials {
			w.redial(d)
		}
	case "slow":
		w.slowDown(f.Share, 1)
	case "power":
		w.mining.setPower(100)
	}
}

func (w *World) slowDown(share int, factor int64) {
	for i := range w.some(share) {
		w.slow[i].factor = factor
	}
	for _, d := range w.dials {
		if d.link != nil {
			w.shape(d.link)
		}
	}
}
