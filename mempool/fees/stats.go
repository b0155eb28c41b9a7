package fees

import "math"

// Bounds of the buckets, in smallest units per 1000 vbytes.
const (
	leastRate = 100
	mostRate  = 1e7
	spacing   = 1.05
)

// Bucket is a group of feerates and what became of its transactions, decayed.
type Bucket struct {
	Start, End     float64 // feerates, per 1000 vbytes; 0 and 0 if there is none
	WithinTarget   float64 // confirmed within the target
	TotalConfirmed float64
	InMempool      float64 // still waiting, longer than the target
	LeftMempool    float64 // gone unconfirmed, after the target
}

// Raw is an estimate of one horizon.
type Raw struct {
	FeeRate    float64 // per 1000 vbytes; −1 if there is none
	Decay      float64
	Scale      int    // blocks in a period
	Pass, Fail Bucket // the lowest group that met the threshold, and the highest below it that did not
}

// boundaries are the upper ends of all buckets; the last one takes all.
func boundaries() []float64 {
	var list []float64
	for rate := float64(leastRate); rate <= mostRate; rate *= spacing {
		list = append(list, rate)
	}
	return append(list, math.Inf(1))
}

// horizon counts transactions by bucket and by the time that they took.
type horizon struct {
	decay float64
	scale int
	ends  []float64

	confirmed [][]float64 // [period][bucket]: within so many periods
	failed    [][]float64 // [period][bucket]: left after so many
	total     []float64   // confirmed at all
	rates     []float64   // their feerates, summed
	waiting   [][]uint32  // [height mod most][bucket]; nil where nothing waits
	old       []uint32    // waiting for longer than that
}

func newHorizon(ends []float64, periods, scale int, decay float64) *horizon {
	return &horizon{decay: decay, scale: scale, ends: ends, confirmed: make([][]float64, periods)}
}

// begin makes room for counts. A node that never sees a transaction holds none.
func (h *horizon) begin() {
	if h.total != nil {
		return
	}
	n := len(h.ends)
	h.total, h.rates, h.old = make([]float64, n), make([]float64, n), make([]uint32, n)
	h.failed, h.waiting = make([][]float64, len(h.confirmed)), make([][]uint32, h.most())
	for p := range h.confirmed {
		h.confirmed[p], h.failed[p] = make([]float64, n), make([]float64, n)
	}
}

// most is the longest target, in blocks.
func (h *horizon) most() int { return h.scale * len(h.confirmed) }

func (h *horizon) enter(height int32, bucket int) {
	h.begin()
	row := &h.waiting[int(height)%h.most()]
	if *row == nil {
		*row = make([]uint32, len(h.ends))
	}
	(*row)[bucket]++
}

// nextBlock forgets a little, and moves those that have waited for the whole horizon to the old ones.
func (h *horizon) nextBlock(height int32) {
	if h.total == nil {
		return
	}
	row := &h.waiting[int(height)%h.most()]
	for b, n := range *row {
		h.old[b] += n
	}
	*row = nil
	h.fade(h.total)
	h.fade(h.rates)
	for p := range h.confirmed {
		h.fade(h.confirmed[p])
		h.fade(h.failed[p])
	}
}

func (h *horizon) fade(counts []float64) {
	for b := range counts {
		counts[b] *= h.decay
	}
}

// leave takes a transaction off that entered at a height.
func (h *horizon) leave(entered, best int32, bucket int, inBlock bool) {
	ago := int(best - entered)
	switch {
	case ago < 0:
		return
	case ago >= h.most():
		if h.old[bucket] > 0 {
			h.old[bucket]--
		}
	default:
		if row := h.waiting[int(entered)%h.most()]; row != nil && row[bucket] > 0 {
			row[bucket]--
		}
	}
	if inBlock {
		return
	}
	for p := 0; p < ago/h.scale && p < len(h.failed); p++ {
		h.failed[p][bucket]++
	}
}

// confirm counts a transaction that took so many blocks.
func (h *horizon) confirm(blocks int, rate float64, bucket int) {
	for p := (blocks + h.scale - 1) / h.scale; p <= len(h.confirmed); p++ {
		h.confirmed[p-1][bucket]++
	}
	h.total[bucket]++
	h.rates[bucket] += rate
}

// sum is what a group of buckets has come to.
type sum struct{ confirmed, total, waiting, failed float64 }

func (s sum) share() float64 { return s.confirmed / (s.total + s.failed + s.waiting) }

func (s sum) bucket(start, end float64) Bucket {
	return Bucket{Start: start, End: end, WithinTarget: s.confirmed, TotalConfirmed: s.total, InMempool: s.waiting, LeftMempool: s.failed}
}

// estimate looks for the lowest group of buckets, from the dearest down, of whose transactions at least a share of threshold
// was confirmed within target blocks, 1 to most. A group is as large as it takes to have sufficient transactions a
// block on average.
func (h *horizon) estimate(target int, sufficient, threshold float64, best int32) Raw {
	r := Raw{FeeRate: -1, Decay: h.decay, Scale: h.scale}
	if h.total == nil {
		return r
	}
	var s sum
	partial, top, passing, fresh := 0.0, len(h.ends)-1, true, true
	bestTop, bestLow, found := top, top, false
	bottom := top
	for b := len(h.ends) - 1; b >= 0; b-- {
		if fresh {
			top, fresh = b, false
		}
		bottom = b
		partial += h.total[b]
		h.addTo(&s, b, target, best)
		if partial < sufficient/(1-h.decay) {
			continue
		}
		partial = 0
		if s.share() < threshold {
			if passing {
				r.Fail, passing = s.bucket(h.start(bottom), h.ends[top]), false
			}
			continue
		}
		r.Fail = Bucket{}
		r.Pass = s.bucket(h.start(bottom), h.ends[top])
		s, found, passing, fresh = sum{}, true, true, true
		bestTop, bestLow = top, bottom
	}
	if passing && !fresh { // what is left below has too few transactions to tell
		r.Fail = s.bucket(h.start(bottom), h.ends[top])
	}
	if found {
		r.FeeRate = h.median(bestLow, bestTop)
	}
	return r
}

func (h *horizon) addTo(s *sum, b, target int, best int32) {
	period := (target+h.scale-1)/h.scale - 1
	s.confirmed += h.confirmed[period][b]
	s.failed += h.failed[period][b]
	s.total += h.total[b]
	for ago := target; ago < h.most(); ago++ {
		if at := int(best) - ago; at >= 0 && h.waiting[at%h.most()] != nil {
			s.waiting += float64(h.waiting[at%h.most()][b])
		}
	}
	s.waiting += float64(h.old[b])
}

func (h *horizon) start(b int) float64 {
	if b == 0 {
		return 0
	}
	return h.ends[b-1]
}

// median is the average feerate of the bucket in which the middle transaction of a group lies.
func (h *horizon) median(low, high int) float64 {
	half := 0.0
	for b := low; b <= high; b++ {
		half += h.total[b]
	}
	if half == 0 {
		return -1
	}
	half /= 2
	for b := low; b <= high; b++ {
		if h.total[b] >= half {
			return h.rates[b] / h.total[b]
		}
		half -= h.total[b]
	}
	return -1
}
