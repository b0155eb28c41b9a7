package sim

import (
	"math"
	"testing"
)

// selfishRevenue runs one selfish miner of alpha percent against the rest and returns its part of the best chain.
func selfishRevenue(t testing.TB, alpha int64, gamma, blocks int, seed uint64) float64 {
	t.Helper()
	w := runTo(t, selfishNetwork(alpha, gamma, blocks), seed)
	if w.record.tips != 1 {
		t.Errorf("%d tips", w.record.tips)
	}
	return float64(w.Report().Miners[0].Revenue)
}

func TestSelfishMining(t *testing.T) {
	for _, c := range []struct {
		alpha int64
		gamma int
	}{{40, 50}, {30, 0}} {
		got := selfishRevenue(t, c.alpha, c.gamma, 1500, 3)
		want := SelfishRevenue(float64(c.alpha)/100, float64(c.gamma)/100)
		if math.Abs(got-want) > 0.05 {
			t.Errorf("α %d %%, γ %d %%: revenue %.4f, the closed form gives %.4f", c.alpha, c.gamma, got, want)
		}
	}
}
