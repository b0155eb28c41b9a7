package sim

import (
	"math"
	"testing"
)

func TestDoubleSpend(t *testing.T) {
	for _, z := range []int{1, 3} {
		const trials = 200
		w := runTo(t, attackNetwork(30, z, trials), 5)
		m := w.Report().Miners[1]
		want := RosenfeldRisk(0.3, z)
		if got := float64(m.Success) / trials; m.Trials != trials || math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/trials) {
			t.Errorf("z %d: %d of %d, the formula gives %.3f", z, m.Success, m.Trials, want)
		}
	}
}

func TestClosedForms(t *testing.T) {
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 5e-6 {
			t.Errorf("%s: %.7f, want %.7f", what, got, want)
		}
	}
	near("Nakamoto, q 0.1, z 6", NakamotoRisk(0.1, 6), 0.0002428) // from the paper's table
	near("Nakamoto, q 0.3, z 5", NakamotoRisk(0.3, 5), 0.1773523)
	near("Rosenfeld, q 0.3, z 1", RosenfeldRisk(0.3, 1), 0.6)
	near("Rosenfeld, q 0.1, z 2", RosenfeldRisk(0.1, 2), 0.056)
	near("selfish at a third, γ 0", SelfishRevenue(1.0/3, 0), 1.0/3) // the threshold
	near("selfish at a quarter, γ ½", SelfishRevenue(0.25, 0.5), 0.25)
	near("ASERT at once", AsertTarget(4, 0, 1), 1)
	near("ASERT in the end", AsertTarget(4, 100, 1), 0.25)
}
