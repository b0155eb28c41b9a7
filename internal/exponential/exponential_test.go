package exponential

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// Draws are −ln(u)·mean, to the nanosecond or nearly.
func TestDraw(t *testing.T) {
	const mean = int64(time.Minute)
	for _, random := range []uint64{0, 1, 1 << 20, 1<<63 - 1, 1 << 63, 1<<64 - 2, 1<<64 - 1} {
		u := (float64(random) + 1) / (1 << 64)
		if got, want := Draw(random, mean), -math.Log(u)*float64(mean); math.Abs(float64(got)-want) > 20 {
			t.Errorf("%d: %d, want %.0f", random, got, want)
		}
	}
	for _, mean := range []int64{0, -1, math.MinInt64} {
		if got := Draw(1, mean); got != 0 {
			t.Errorf("mean %d: %d", mean, got)
		}
	}
	if got := Draw(0, math.MaxInt64/64); got < 0 || got < math.MaxInt64/64*44 {
		t.Errorf("the longest time of the longest mean is %d", got)
	}
}

// Draws have the mean and the spread of the distribution.
func TestDistribution(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n, mean = 200_000, int64(time.Minute)
	var sum, over float64
	for range n {
		x := Draw(r.Uint64(), mean)
		if x < 0 {
			t.Fatalf("drew %d", x)
		}
		sum += float64(x) / float64(mean)
		if x > 2*mean {
			over++
		}
	}
	if got := sum / n; math.Abs(got-1) > 0.01 {
		t.Errorf("mean %.4f", got)
	}
	if got := over / n; math.Abs(got-math.Exp(-2)) > 0.005 {
		t.Errorf("%.4f are over twice the mean", got)
	}
}
