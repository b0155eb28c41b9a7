package sim

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Report is what came of a run. All of it follows from Config and Seed. Durations are nanoseconds in JSON, amounts the smallest
// unit, shares are of 1 with six digits.
type Report struct {
	Config Config `json:"config"`
	Seed   uint64 `json:"seed"`

	Events      uint64        `json:"events"` // that the queue took
	Mined       time.Duration `json:"mined"`  // for how long blocks were searched
	Height      int32         `json:"height"` // of the best chain, without the prelude
	Tip         string        `json:"tip"`
	TipsAtEnd   int           `json:"tips_at_end"` // 1: all nodes agree
	Disconnects int           `json:"disconnects"` // connections that a node ended for what its peer did

	Found int   `json:"found"` // blocks
	Stale int   `json:"stale"` // of these not on the best chain
	Rate  Share `json:"stale_rate"`

	Propagation Propagation `json:"propagation"`
	Reorgs      []Reorg     `json:"reorgs"`
	Traffic     []Sent      `json:"bandwidth"`
	Miners      []Earned    `json:"miners"`
	Mempool     []Pool      `json:"mempool"`
	Payments    Payments    `json:"transactions"`
	Blocks      []Block1    `json:"blocks"`
}

// Share is a part of a whole.
type Share float64

// MarshalJSON writes six digits, which are the same everywhere.
func (s Share) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(s), 'f', 6, 64), nil
}

// share divides once, which is exact in the same way on every machine.
func share(part, whole int64) Share {
	if whole == 0 {
		return 0
	}
	return Share(float64(part) / float64(whole))
}

// Propagation is how long after a block was found nodes had judged it.
type Propagation struct {
	All    Percentiles  `json:"all"`
	ByHop  []HopSpread  `json:"by_hop"`
	BySize []SizeSpread `json:"by_size"`
	Curve  []CurvePoint `json:"curve"` // the part of nodes that have a block, over the time since it was found, mean of all blocks
}

// Percentiles of durations.
type Percentiles struct {
	Count int           `json:"count"`
	P10   time.Duration `json:"p10"`
	P50   time.Duration `json:"p50"`
	P90   time.Duration `json:"p90"`
	P99   time.Duration `json:"p99"`
	Max   time.Duration `json:"max"`
	Mean  time.Duration `json:"mean"`
}

// HopSpread is of arrivals over so many links.
type HopSpread struct {
	Hops int `json:"hops"`
	Percentiles
}

// SizeSpread is of blocks of at most Bytes, and more than half of that.
type SizeSpread struct {
	Bytes int `json:"bytes"`
	Percentiles
}

// CurvePoint is a part of the nodes at a time.
type CurvePoint struct {
	After time.Duration `json:"after"`
	Share Share         `json:"share"`
}

// Reorg counts reorganizations of nodes that took so many blocks off.
type Reorg struct {
	Depth int `json:"depth"`
	Count int `json:"count"`
}

// Sent is what was sent of a type of message, frames included.
type Sent struct {
	Message string `json:"message"`
	Count   int64  `json:"count"`
	Bytes   int64  `json:"bytes"`
}

// Earned is what a miner got.
type Earned struct {
	Name     string `json:"name"`
	Strategy string `json:"strategy"`
	Power    Share  `json:"power"`
	Found    int    `json:"found"`
	Kept     int    `json:"kept"`    // on the best chain
	Revenue  Share  `json:"revenue"` // of the blocks on the best chain
	Fees     int64  `json:"fees"`
	// Trials of double spending, and how many succeeded.
	Trials  int `json:"trials,omitempty"`
	Success int `json:"success,omitempty"`
}

// Pool is the mean of some nodes' mempools at one time, and the height of the first node.
type Pool struct {
	At     time.Duration `json:"at"`
	Count  int64         `json:"count"`
	VBytes int64         `json:"vbytes"`
	Height int32         `json:"height"`
}

// Payments counts transactions.
type Payments struct {
	Issued    int `json:"issued"`
	Refused   int `json:"refused"` // by the node that they were handed to
	Confirmed int `json:"confirmed"`
}

// Block1 is one block that was found.
type Block1 struct {
	Hash   string        `json:"hash"`
	Height int32         `json:"height"` // 0 if it is stale
	Miner  string        `json:"miner"`
	At     time.Duration `json:"at"`
	Size   int           `json:"size"`
	Txs    int           `json:"txs"`
	Fees   int64         `json:"fees"`
	Half   time.Duration `json:"half"` // until half of the nodes had it; −1: never
	All    time.Duration `json:"all"`  // until the last node had it; −1: some never
}

// Report makes the report of a world that has run.
func (w *World) Report() *Report {
	r := w.record
	rep := &Report{
		Config: w.cfg, Seed: w.seed, Events: r.events, Mined: time.Duration(r.end - warmUp), Height: r.best.Height() - preludeBlocks,
		Tip: r.best.Hash().String(), TipsAtEnd: r.tips, Disconnects: r.disconnects, Found: len(r.blocks),
		Propagation: r.propagation(), Miners: w.earned(), Payments: Payments{Issued: r.issued, Refused: r.refused},
	}
	for _, f := range r.blocks {
		b := r.block(w, f)
		rep.Blocks = append(rep.Blocks, b)
		if !f.onBest {
			rep.Stale++
			continue
		}
		rep.Payments.Confirmed += f.txs - 1
	}
	rep.Rate = share(int64(rep.Stale), int64(rep.Found))
	for _, depth := range slices.Sorted(maps.Keys(r.reorgs)) {
		rep.Reorgs = append(rep.Reorgs, Reorg{depth, r.reorgs[depth]})
	}
	for _, name := range slices.Sorted(maps.Keys(r.traffic)) {
		t := r.traffic[name]
		rep.Traffic = append(rep.Traffic, Sent{name, t.count, t.bytes})
	}
	for _, s := range r.samples {
		rep.Mempool = append(rep.Mempool, Pool{time.Duration(s.at), s.count, s.vbytes, s.height})
	}
	return rep
}

// block makes the line of one block. A withheld block's time counts from when it was found.
func (r *Record) block(w *World, f *foundBlock) Block1 {
	b := Block1{
		Hash: f.hash.String(), Miner: w.cfg.Miners[f.miner].Name, At: time.Duration(f.at), Size: f.size, Txs: f.txs, Fees: f.fees, Half: -1, All: -1,
	}
	if f.onBest {
		b.Height = f.height - preludeBlocks
	}
	delays := f.delays()
	if n := len(f.arrived); len(delays) > 0 && 2*len(delays) >= n {
		b.Half = time.Duration(delays[(n+1)/2-1])
		if len(delays) == n {
			b.All = time.Duration(delays[n-1])
		}
	}
	return b
}

// delays returns how long after it was found nodes had the block, sorted; the finder's is 0.
func (f *foundBlock) delays() []int64 {
	out := make([]int64, 0, len(f.arrived))
	for _, at := range f.arrived {
		if at >= 0 {
			out = append(out, at-f.at)
		}
	}
	slices.Sort(out)
	return out
}

func (w *World) earned() []Earned {
	out := make([]Earned, len(w.cfg.Miners))
	var kept, power int64
	for i, m := range w.cfg.Miners {
		out[i] = Earned{Name: m.Name, Strategy: m.Strategy}
		power += m.Share
	}
	for _, f := range w.record.blocks {
		e := &out[f.miner]
		if e.Found++; f.onBest {
			e.Kept++
			e.Fees += f.fees
			kept++
		}
	}
	for i := range out {
		out[i].Power = share(w.cfg.Miners[i].Share, power)
		out[i].Revenue = share(int64(out[i].Kept), kept)
		if a, ok := w.mining.miners[i].plan.(*attack); ok {
			out[i].Trials, out[i].Success = a.done, a.gained
		}
	}
	return out
}

// propagation collects the delays of all blocks at all nodes but the finder's own.
func (r *Record) propagation() Propagation {
	var all []int64
	hops, sizes := map[int][]int64{}, map[int][]int64{}
	for _, f := range r.blocks {
		class := 512
		for class < f.size {
			class *= 2
		}
		for i, at := range f.arrived {
			if at < 0 || f.hops[i] == 0 {
				continue
			}
			d := at - f.at
			all = append(all, d)
			hops[int(f.hops[i])] = append(hops[int(f.hops[i])], d)
			sizes[class] = append(sizes[class], d)
		}
	}
	p := Propagation{All: percentiles(all)}
	for _, h := range slices.Sorted(maps.Keys(hops)) {
		p.ByHop = append(p.ByHop, HopSpread{h, percentiles(hops[h])})
	}
	for _, s := range slices.Sorted(maps.Keys(sizes)) {
		p.BySize = append(p.BySize, SizeSpread{s, percentiles(sizes[s])})
	}
	for i := 1; i <= 100 && len(all) > 0; i++ { // all is sorted
		p.Curve = append(p.Curve, CurvePoint{time.Duration(all[(len(all)*i+99)/100-1]), share(int64(i), 100)})
	}
	return p
}

// percentiles sorts list.
func percentiles(list []int64) Percentiles {
	if len(list) == 0 {
		return Percentiles{}
	}
	slices.Sort(list)
	at := func(percent int) time.Duration { return time.Duration(list[(len(list)*percent+99)/100-1]) }
	var sum int64
	for _, d := range list {
		sum += d / 1000 // microseconds, so that a million years fit
	}
	return Percentiles{
		Count: len(list), P10: at(10), P50: at(50), P90: at(90), P99: at(99), Max: time.Duration(list[len(list)-1]),
		Mean: time.Duration(sum / int64(len(list)) * 1000),
	}
}

// JSON is the report as a file.
func (r *Report) JSON() ([]byte, error) {
	out, err := json.MarshalIndent(r, "", " ")
	return append(out, '\n'), err
}
