package wallet

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// candidate is a coin with what spending it costs.
type candidate struct {
	coin   Coin
	weight int   // of its input, in weight units
	value  int64 // what it adds to a payment: its amount less the fee of its input
}

// bnbTries bounds the search of selectExact; each try is O(1).
const bnbTries = 100_000

// selectExact looks for a set of candidates whose values sum to at least target and at most target+slack,
// so that no change is needed: branch and bound, as in Erhardt's "An Evaluation of Coin Selection
// Strategies" (2016) and Bitcoin Core. slack is what a change output would cost, now and when it
// is spent; up to that it is cheaper to leave the excess to the miner. Of the sets that it finds
// within bnbTries it returns the one with the least excess, or nil.
//
// Candidates are taken in descending order of value. At each depth the branch that includes the coin is
// tried before the one that leaves it out. A branch is cut when its sum is over the range, or when
// all remaining coins together do not reach it. All candidates must have a value over 0.
func selectExact(candidates []candidate, target, slack int64) []candidate {
	s := newExactSearch(candidates, target, slack)
	for try := 0; try < bnbTries && s.step(); try++ {
	}
	var out []candidate
	for _, at := range s.best {
		out = append(out, s.sorted[at])
	}
	return out
}

// exactSearch is a selectExact at work: where it stands in the tree and the best that it found.
type exactSearch struct {
	target, slack int64
	sorted        []candidate // by value, descending
	rest          []int64     // rest[i] is the sum of the values from i on
	depth         int         // the next candidate to decide on
	taken         []int       // those included, ascending
	sum           int64       // of their values
	best          []int
	bestSum       int64
}

func newExactSearch(candidates []candidate, target, slack int64) *exactSearch {
	s := &exactSearch{target: target, slack: slack, sorted: slices.Clone(candidates)}
	slices.SortStableFunc(s.sorted, func(a, b candidate) int { return cmp.Compare(b.value, a.value) })
	s.rest = make([]int64, len(s.sorted)+1)
	for i := len(s.sorted) - 1; i >= 0; i-- {
		s.rest[i] = s.rest[i+1] + s.sorted[i].value
	}
	return s
}

// step goes one node on and tells whether there is more to search.
func (s *exactSearch) step() bool {
	reached := s.sum >= s.target
	if reached && s.sum <= s.target+s.slack && (s.best == nil || s.sum < s.bestSum) {
		s.best, s.bestSum = slices.Clone(s.taken), s.sum
		if s.sum == s.target {
			return false
		}
	}
	if reached || s.sum+s.rest[s.depth] < s.target {
		return s.back()
	}
	s.taken, s.sum = append(s.taken, s.depth), s.sum+s.sorted[s.depth].value
	s.depth++
	return true
}

// back leaves out the candidate that was included last. Those of the same value right behind it would lead to the
// same sums, so they are left out too.
func (s *exactSearch) back() bool {
	if len(s.taken) == 0 {
		return false
	}
	last := s.taken[len(s.taken)-1]
	s.taken, s.sum = s.taken[:len(s.taken)-1], s.sum-s.sorted[last].value
	for s.depth = last + 1; s.depth < len(s.sorted) && s.sorted[s.depth].value == s.sorted[last].value; {
		s.depth++
	}
	return true
}

// selectRandom draws candidates in random order until their values sum to at least target: the
// single random draw. It returns nil if all together do not.
func selectRandom(rng *rand.Rand, candidates []candidate, target int64) []candidate {
	return takeUntil(shuffled(rng, candidates), target)
}

// selectLargest takes the largest candidates until their values sum to at least target, which needs the
// fewest inputs.
func selectLargest(candidates []candidate, target int64) []candidate {
	sorted := slices.Clone(candidates)
	slices.SortStableFunc(sorted, func(a, b candidate) int { return cmp.Compare(b.value, a.value) })
	return takeUntil(sorted, target)
}

func takeUntil(candidates []candidate, target int64) []candidate {
	var sum int64
	for i := range candidates {
		if sum += candidates[i].value; sum >= target {
			return candidates[:i+1]
		}
	}
	return nil
}

func shuffled[T any](rng *rand.Rand, items []T) []T {
	out := slices.Clone(items)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
