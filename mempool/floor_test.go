package mempool

import (
	"errors"
	"math"
	"math/big"
	"runtime"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
	"pgregory.net/rapid"
)

func TestEviction(t *testing.T) {
	cfg := unsigned()
	cfg.MaxBytes = 40_000
	w := newWorld(t, cfg, 60)
	var fees []int64
	for i := range 60 {
		fee := int64(1000 + (i*37%60)*100)
		_, err := w.addOpt(w.spend(fee, 1, w.coinbase(int32(i+1))), AddOptions{})
		switch {
		case err == nil:
			fees = append(fees, fee)
		case !errors.Is(err, consensus.MempoolFull) && !errors.Is(err, consensus.MempoolMinFeeNotMet):
			t.Fatal(err)
		}
		w.check()
		if info := w.pool.Info(w.now); info.Usage > cfg.MaxBytes {
			t.Fatalf("%d bytes, over %d", info.Usage, cfg.MaxBytes)
		}
	}
	info, stats := w.pool.Info(w.now), w.pool.Stats()
	if info.Count == 0 || int(stats.Removed[ReasonSize]) < len(fees)-info.Count || info.FeeFloor <= DefaultMinRelayFeeRate {
		t.Fatalf("%+v, %+v", info, stats)
	}
	var least int64 = math.MaxInt64
	for _, e := range w.pool.Entries() {
		least = min(least, e.FeeRate())
	}
	if least+DefaultIncrementalFeeRate < info.FeeFloor {
		t.Errorf("the poorest entry pays %d, the floor is %d", least, info.FeeFloor)
	}
	w.refuse(w.spend(info.FeeFloor*100/1000, 1, w.coinbase(60)), consensus.MempoolMinFeeNotMet)
}

// A parent is kept for the sake of a child that pays.
func TestEvictionByPackage(t *testing.T) {
	w := newWorld(t, unsigned(), 4)
	parent := w.spend(200, 1, w.coinbase(1))
	w.add(parent)
	w.add(w.spend(50_000, 1, out(parent, 0)))
	poor := w.spend(500, 1, w.coinbase(2))
	w.add(poor)
	rich := w.spend(5000, 1, w.coinbase(3))
	w.pool.cfg.MaxBytes = w.pool.usage
	w.add(rich)
	if !w.has(parent, rich) || w.has(poor) {
		t.Errorf("left are %v", w.pool.IDs())
	}
}

// Among equals the latest goes: who came first stays.
func TestEvictionOfEquals(t *testing.T) {
	w := newWorld(t, unsigned(), 3)
	first, second := w.spend(1000, 1, w.coinbase(1)), w.spend(1000, 1, w.coinbase(2))
	w.add(first)
	w.add(second)
	w.pool.cfg.MaxBytes = w.pool.usage
	w.add(w.spend(9000, 1, w.coinbase(3)))
	if !w.has(first) || w.has(second) {
		t.Errorf("left are %v", w.pool.IDs())
	}
}

func TestFloorDecays(t *testing.T) {
	const limit, incremental = 1000, 1000
	start := time.Unix(1_700_000_000, 0)
	f := floor{}
	f.raise(64_000)
	if got := f.decayed(start, 0, limit, incremental).rate(incremental); got != 64_000 {
		t.Errorf("before a block it is %d", got)
	}
	f.connected(start)
	for _, c := range []struct {
		after time.Duration
		usage int64
		want  int64
	}{
		{10 * time.Second, limit, 64_000},
		{12 * time.Hour, limit, 32_000},
		{24 * time.Hour, limit, 16_000},
		{12 * time.Hour, limit/2 - 1, 16_000},
		{12 * time.Hour, limit/4 - 1, 4_000},
		{12 * 6 * time.Hour, limit, 1_000},
		{12*7*time.Hour + time.Minute, limit, 0},
		{10000 * time.Hour, limit, 0},
		{-time.Hour, limit, 64_000},
	} {
		if got := f.decayed(start.Add(c.after), c.usage, limit, incremental).rate(incremental); got != c.want {
			t.Errorf("after %v at %d bytes: %d, want %d", c.after, c.usage, got, c.want)
		}
	}
	f.raise(10)
	if f.scaled>>16 != 64_000 || !f.block {
		t.Error("a lower rate changed it")
	}
	f.raise(math.MaxInt64)
	if f.scaled != maxFloorRate<<16 {
		t.Errorf("raised to %d", f.scaled)
	}
	f.connected(start)
	f.decayed(start.Add(time.Hour), limit, limit, incremental)
}

func TestFloorInPool(t *testing.T) {
	w := newWorld(t, unsigned(), 1)
	w.pool.floor.raise(50_000)
	w.refuse(w.spend(4000, 1, w.coinbase(1)), consensus.MempoolMinFeeNotMet)
	w.mine()
	w.now = w.now.Add(48 * time.Hour)
	if got := w.pool.FeeFloor(w.now); got != DefaultMinRelayFeeRate {
		t.Errorf("floor %d two days after a block", got)
	}
	w.add(w.spend(4000, 1, w.coinbase(1)))
}

// Decay in small steps is decay in one.
func TestHalved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint64Range(1<<16, 1<<56).Draw(t, "v")
		half := rapid.Int64Range(1, 50_000).Draw(t, "half")
		elapsed := rapid.Int64Range(0, 20*half).Draw(t, "elapsed")
		got := float64(halved(v, elapsed, half))
		want := float64(v) * math.Exp2(-float64(elapsed)/float64(half))
		if math.Abs(got-want) > want*0.0005+1 {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

// Feerates against big integers.
func TestRates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fee := rapid.Int64Range(-4*consensus.MaxMoney, 4*consensus.MaxMoney)
		size := rapid.Int64Range(1, 1<<40)
		a, as, b, bs := fee.Draw(t, "a"), size.Draw(t, "as"), fee.Draw(t, "b"), size.Draw(t, "bs")
		left := new(big.Int).Mul(big.NewInt(a), big.NewInt(bs))
		right := new(big.Int).Mul(big.NewInt(b), big.NewInt(as))
		if got, want := cmpRate(a, as, b, bs), left.Cmp(right); got != want {
			t.Fatalf("%d/%d to %d/%d: %d, want %d", a, as, b, bs, got, want)
		}
		rate := new(big.Int).Quo(new(big.Int).Mul(big.NewInt(a), big.NewInt(1000)), big.NewInt(as))
		if got := rateOf(a, as); rate.IsInt64() && got != rate.Int64() {
			t.Fatalf("rate of %d/%d: %d, want %s", a, as, got, rate)
		}
		r := rapid.Int64Range(0, maxFloorRate).Draw(t, "r")
		want := new(big.Int).Mul(big.NewInt(r), big.NewInt(as))
		want.Add(want, big.NewInt(999)).Quo(want, big.NewInt(1000))
		if got := feeFor(r, as); want.IsInt64() && got != want.Int64() || got < 0 {
			t.Fatalf("fee for %d at %d: %d, want %s", as, r, got, want)
		}
	})
}

// The accounting of memory against what the runtime says.
func TestUsageIsHonest(t *testing.T) {
	cfg := unsigned()
	cfg.MaxBytes = 1 << 30
	w := newWorld(t, cfg, 40)
	raw := make([][]byte, 0, 4000)
	coins := w.chain.CoinsAt(w.chain.Tip())
	for i := range 40 {
		fan := w.spend(100_000, 100, w.coinbase(int32(i+1)))
		for j := range 100 {
			op := out(fan, j)
			coins[op] = consensus.Coin{Out: w.outs[op], Height: 1}
			raw = append(raw, w.spend(1000, 2, op).Bytes())
		}
	}
	tip := w.chain.Tip()
	before := heap()
	for _, b := range raw {
		tx, err := types.DecodeTx(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.pool.Add(tx, coins, tip, w.now, AddOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	grown := heap() - before - int64(len(w.pool.log.ring))*96
	info := w.pool.Info(w.now)
	if info.Count != len(raw) {
		t.Fatalf("%d entries", info.Count)
	}
	t.Logf("accounted %d, used %d", info.Usage, grown)
	if ratio := float64(info.Usage) / float64(grown); ratio < 0.75 || ratio > 1.5 {
		t.Errorf("%d bytes accounted, %d used: a ratio of %.2f", info.Usage, grown, ratio)
	}
	runtime.KeepAlive(raw)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
