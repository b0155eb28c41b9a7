// Package presync keeps a chain of headers from being stored before it is known to be worth storing.
//
// The attack (CVE-2019-25220, CVE-2024-52916): headers at the lowest difficulty cost next to nothing to make,
// and each that is stored is stored for ever. A node that takes any chain of them can be filled up.
//
// The rule: headers that do not lead to at least a certain work, the goal (the caller's choice: the greater of the network's minimum
// and our tip's less 144 blocks of it), are not handed to the chain. One message of 2000 headers cannot always show that
// much, so a longer chain is asked for twice:
//
//  1. Counting. Headers are checked for their work and for their order, added up and forgotten. Of every
//     period-th header, starting at a secret offset, one bit is kept: a salted hash of the header's hash. When
//     the sum reaches the goal, phase 2 begins from the start. A chain that ends before is dropped.
//  2. Redownload. The same chain is asked for again. Each header whose bit was kept is held against it. A header
//     is let out only when lookahead headers after it have passed too, or when the sum has reached the goal
//     again: then all are.
//
// The reason for the bits: without them a peer could show a good chain first and another one the second time,
// with as many worthless headers as it likes. To let out n worthless headers it now has to guess about
// lookahead/period bits (25 at least) that depend on a secret: it fails at the first wrong one, and the
// peer's chain is dropped. A guess of 25 bits takes 2²⁵ whole redownloads.
//
// Memory: phase 1 keeps period bits fewer than headers, of which there can be at most six a second since
// the start's median time (the median of eleven times must rise): about 0.1 MB a year. Phase 2 keeps at most
// lookahead headers, and only for a chain whose work was really done. Time: O(1) a header.
//
// Invariant: the headers that were let out are a prefix of a chain that begins at start, connected and in order,
// each with the work that it claims.
package presync

import (
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/types"
)

// Sync is one chain on its way through both phases. It belongs to one goroutine.
type Sync struct {
	params *consensus.Params
	start  consensus.Ancestry // known to the chain
	goal   consensus.Work
	tuning Tuning
	key    salted.Key
	offset int32

	// Of the phase that is under way: the sum, the last header, its height.
	redownload bool
	work       consensus.Work
	last       types.Hash
	height     int32

	bits    bitRow // of phase 1
	maxBits int
	checked int // bits that phase 2 has used

	reached bool           // phase 2 has shown the goal again
	held    []types.Header // of phase 2, not let out yet
}

// Tuning are the numbers of the trade between memory and safety, in headers: how many there are to one bit, and how many are held
// behind one that is let out.
type Tuning struct{ Period, Lookahead int }

// Default is close to what Bitcoin Core's calculation gives for its own chain.
var Default = Tuning{Period: 600, Lookahead: 15_000}

// bitRow is a growing row of bits.
type bitRow struct {
	n     int
	words []uint64
}

func (r *bitRow) push(bit uint64) {
	if r.n%64 == 0 {
		r.words = append(r.words, 0)
	}
	r.words[r.n/64] |= bit << (r.n % 64)
	r.n++
}

func (r *bitRow) at(i int) uint64 { return r.words[i/64] >> (i % 64) & 1 }

// New begins phase 1 of a chain that starts after start. key and offset are to be drawn anew for each.
func New(p *consensus.Params, start consensus.Ancestry, goal consensus.Work, now time.Time, key salted.Key, offset int, t Tuning) *Sync {
	seconds := now.Unix() - start.MedianTime() + p.MaxFutureTime
	s := &Sync{params: p, start: start, goal: goal, tuning: t, key: key, offset: int32(offset % t.Period)}
	s.maxBits = int(max(6*seconds/int64(t.Period), 0)) + 1
	s.rewind()
	return s
}

// rewind goes back to the start.
func (s *Sync) rewind() {
	s.work, s.last, s.height = s.start.Work(), s.start.Hash(), s.start.Height()
}

// Next takes the next headers of the chain, whose work and order among themselves were checked, with their
// hashes. full says that there may be more behind them. It returns the headers that may be stored now, and
// whether to ask for more, from Last on. When more is false the presync is over.
func (s *Sync) Next(headers []types.Header, hashes []types.Hash, full bool) (out []types.Header, more bool) {
	if len(headers) == 0 || headers[0].PrevHash != s.last {
		return nil, false
	}
	if !s.redownload {
		return nil, s.count(headers, hashes, full)
	}
	for i := range headers {
		if !s.again(&headers[i], hashes[i]) {
			return nil, false
		}
	}
	out = s.letOut()
	if s.reached && len(s.held) == 0 {
		return out, false // the goal is shown: from here on it is a chain as any other
	}
	return out, full
}

// count is phase 1.
func (s *Sync) count(headers []types.Header, hashes []types.Hash, full bool) bool {
	for i := range headers {
		s.advance(&headers[i], hashes[i])
		if s.commits() {
			if s.bits.n >= s.maxBits {
				return false // longer than any honest chain can be by now
			}
			s.bits.push(s.bit(hashes[i]))
		}
	}
	if s.work.Cmp(s.goal) >= 0 {
		s.redownload = true
		s.rewind()
		return true
	}
	return full
}

// again is phase 2 for one header.
func (s *Sync) again(h *types.Header, hash types.Hash) bool {
	s.advance(h, hash)
	if !s.reached && s.commits() {
		if s.checked >= s.bits.n || s.bits.at(s.checked) != s.bit(hash) {
			return false
		}
		s.checked++
	}
	s.reached = s.reached || s.work.Cmp(s.goal) >= 0
	s.held = append(s.held, *h)
	return true
}

// letOut takes what may be stored from the front of held.
func (s *Sync) letOut() []types.Header {
	n := len(s.held) - s.tuning.Lookahead
	if s.reached {
		n = len(s.held)
	}
	if n <= 0 {
		return nil
	}
	out := s.held[:n:n]
	s.held = append([]types.Header(nil), s.held[n:]...)
	return out
}

func (s *Sync) advance(h *types.Header, hash types.Hash) {
	s.work = s.work.Add(consensus.WorkFromBits(h.Bits))
	s.last = hash
	s.height++
}

// commits tells whether the header at the present height is one of which a bit is kept.
func (s *Sync) commits() bool { return (s.height+s.offset)%int32(s.tuning.Period) == 0 }

func (s *Sync) bit(hash types.Hash) uint64 { return s.key.Short(hash) & 1 }

// Start is the known block after which the chain begins.
func (s *Sync) Start() consensus.Ancestry { return s.start }

// Last is the last header of the phase that is under way, Start's hash at its beginning: what is asked for next follows it.
func (s *Sync) Last() types.Hash { return s.last }

// Reached tells whether the goal was shown twice: all headers were let out.
func (s *Sync) Reached() bool { return s.reached }

// Size is how many headers of the phase were seen, how many bits are kept of the first one, and how many headers are held.
func (s *Sync) Size() (height int32, bits, held int) { return s.height, s.bits.n, len(s.held) }
