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
	sorted := slices.Clone(candidates)
	slices.SortStableFunc(sorted, func(a, b candidate) int { return cmp.Compare(b.value, a.value) })
	rest := make([]int64, len(sorted)+1) // rest[i]: sum of the values from i on
	for i := len(sorted) - 1; i >= 0; i-- {
		rest[i] = rest[i+1] + sorted[i].value
	}
	var taken, best []int
	var sum, bestSum int64
	for try, depth := 0, 0; try < bnbTries; try++ {
		back := sum+rest[depth] < target || sum > target+slack
		if !back && sum >= target {
			if best == nil || sum < bestSum {
				best, bestSum = slices.Clone(taken), sum
			}
			back = true
		}
		if !back && depth < len(sorted) {
			taken, sum, depth = append(taken, depth), sum+sorted[depth].value, depth+1
			continue
		}
		if bestSum == target && best != nil || len(taken) == 0 {
			break
		}
		last := taken[len(taken)-1]
		taken, sum = taken[:len(taken)-1], sum-sorted[last].value
		// A coin of the same value as the one just left out leads to the same sums.
		for depth = last + 1; depth < len(sorted) && sorted[depth].value == sorted[last].value; {
			depth++
		}
	}
	if best == nil {
		return nil
	}
	out := make([]candidate, len(best))
	for i, at := range best {
		out[i] = sorted[at]
	}
	return out
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
