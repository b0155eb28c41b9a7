package consensus

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/types"
)

// period is a chain of headers up to height last, of which only first and last of the last period have the times
// and bits given; the others have those of the first.
func period(last int32, firstTime, lastTime, bits uint32) row {
	heads := make([]types.Header, last+1)
	for i := range heads {
		heads[i] = types.Header{Time: firstTime, Bits: bits}
	}
	heads[last].Time = lastTime
	return row{heads, last}
}

// TestMainnetRetargets are retargets of Bitcoin's own chain and the two bounds, from Bitcoin Core's pow_tests.
func TestMainnetRetargets(t *testing.T) {
	for _, v := range []struct {
		name       string
		last       int32
		first, end uint32
		bits, want uint32
	}{
		{name: "block 32256, the first change", last: 32255, first: 1261130161, end: 1262152739, bits: 0x1d00ffff, want: 0x1d00d86a},
		{name: "block 2016, over the limit", last: 2015, first: 1231006505, end: 1233061996, bits: 0x1d00ffff, want: 0x1d00ffff},
		{name: "block 68544, a quarter at least", last: 68543, first: 1279008237, end: 1279297671, bits: 0x1c05a3f4, want: 0x1c0168fd},
		{name: "four times at most", last: 46367, first: 1263163443, end: 1269211443, bits: 0x1c387f6f, want: 0x1d00e1fd},
	} {
		tip := period(v.last, v.first, v.end, v.bits)
		for _, p := range []*Params{Mainnet(), Testnet3(), Testnet4()} {
			if got := NextBits(p, tip); got != v.want {
				t.Errorf("%s, %s: %08x, want %08x", v.name, p.Name, got, v.want)
			}
		}
	}
}

// TestRetargetInterval: only multiples of 2,016 change the bits, and the interval counted is one block short.
func TestRetargetInterval(t *testing.T) {
	p := Mainnet()
	for last := int32(1); last < 2*2016+10; last++ {
		heads := make([]types.Header, last+1)
		for i := range heads {
			heads[i] = types.Header{Time: 1231006505 + 600*uint32(i), Bits: 0x1c387f6f}
		}
		got := NextBits(p, row{heads, last})
		want := uint32(0x1c387f6f)
		if (last+1)%2016 == 0 { // on time: 2,015 of 2,016 intervals
			target := mustTarget(want)
			want = BitsFromTarget(target.Div(target.Mul(target, big.NewInt(2015)), big.NewInt(2016)))
		}
		if got != want {
			t.Fatalf("block %d: %08x, want %08x", last+1, got, want)
		}
	}
}

// TestRetargetBounds: whatever the times are, also backwards, the target moves by a factor of four at most, is never zero,
// over the limit or negative.
func TestRetargetBounds(t *testing.T) {
	for _, p := range []*Params{Mainnet(), Signet()} {
		limit := mustTarget(p.PowLimitBits)
		rapid.Check(t, func(t *rapid.T) {
			from := new(big.Int).Rsh(limit, rapid.UintRange(0, 200).Draw(t, "shift"))
			bits := BitsFromTarget(from)
			took := rapid.Int64Range(-1<<32, 1<<32).Draw(t, "took")
			got, ok := TargetFromBits(retarget(p, bits, took))
			if !ok || got.Cmp(limit) > 0 {
				t.Fatalf("bits out of range: %x", got)
			}
			from = mustTarget(bits)
			if most := new(big.Int).Mul(from, big.NewInt(4)); got.Cmp(most) > 0 {
				t.Fatalf("%x after %x", got, from)
			}
			// The compact form rounds down by less than one part in 2^15.
			least := new(big.Int).Rsh(from, 2)
			if least.Sub(least, new(big.Int).Add(new(big.Int).Rsh(least, 15), big.NewInt(1))); got.Cmp(least) < 0 {
				t.Fatalf("%x after %x", got, from)
			}
		})
	}
}

// TestTwentyMinutes is the rule of the test networks.
func TestTwentyMinutes(t *testing.T) {
	const hard, easy = 0x1c387f6f, 0x1d00ffff
	heads := make([]types.Header, 2016+20)
	for i := range heads {
		heads[i] = types.Header{Time: 1_000_000 + 600*uint32(i), Bits: hard}
	}
	mark := func(bits uint32, heights ...int) {
		for _, h := range heights {
			heads[h].Bits = bits
		}
	}
	mark(easy, 2019, 2020, 2030)
	for _, v := range []struct {
		tip   int32
		after uint32 // seconds
		want  uint32
	}{
		{2018, 600, hard}, {2018, 1200, hard}, {2018, 1201, easy}, {2018, 100_000, easy},
		{2019, 600, hard}, {2020, 600, hard}, {2020, 1201, easy}, {2030, 1200, hard}, {2031, 1, hard},
	} {
		for _, p := range []*Params{Testnet3(), Testnet4()} {
			tip := row{heads, v.tip}
			if got := NextBitsAt(p, tip, heads[v.tip].Time+v.after); got != v.want {
				t.Errorf("%s, %d s after block %d: %08x, want %08x", p.Name, v.after, v.tip, got, v.want)
			}
		}
		if got := NextBitsAt(Mainnet(), row{heads, v.tip}, heads[v.tip].Time+v.after); got != heads[v.tip].Bits {
			t.Errorf("mainnet, %d s after block %d: %08x", v.after, v.tip, got)
		}
	}
	// The way back ends at the first block of a period, even if that has the limit's bits.
	mark(easy, 2016, 2017, 2018)
	if got := NextBits(Testnet3(), row{heads, 2018}); got != easy {
		t.Errorf("behind an easy first block: %08x", got)
	}
	// A time before the parent's is not late.
	if got := NextBitsAt(Testnet3(), row{heads, 2025}, 1); got != hard {
		t.Errorf("an early block: %08x", got)
	}
}

// TestBIP94Retarget: an easy last block of a period makes the next easy on testnet3, and changes nothing on testnet4.
func TestBIP94Retarget(t *testing.T) {
	const hard, easy = 0x1c387f6f, 0x1d00ffff
	tip := period(2015, 1_000_000, 1_000_000+2016*600, hard)
	tip.heads[2015].Bits = easy
	if got := NextBits(Testnet3(), tip); got != easy {
		t.Errorf("testnet3: %08x", got)
	}
	if got := NextBits(Testnet4(), tip); got != hard {
		t.Errorf("testnet4: %08x", got)
	}
	// Late or not, the first block of a period has the retarget's bits.
	if got := NextBitsAt(Testnet4(), tip, tip.heads[2015].Time+100_000); got != hard {
		t.Errorf("late first block: %08x", got)
	}
}

// TestTimewarp: on testnet4 the first block of a period may be at most ten minutes before its parent. The median rule alone lets it go
// back much further.
func TestTimewarp(t *testing.T) {
	tip := period(2015, 1_700_000_000, 1_700_000_000+2016*600, 0x1c387f6f)
	inside := period(2014, 1_700_000_000, 1_700_000_000+2016*600, 0x1c387f6f)
	last := tip.heads[2015].Time
	now := time.Unix(int64(last), 0)
	for _, v := range []struct {
		p     *Params
		tip   row
		delta int64
		want  Kind
	}{
		{Testnet4(), tip, 1, ""}, {Testnet4(), tip, -600, ""}, {Testnet4(), tip, -601, TimeWarp}, {Testnet4(), tip, -100_000, TimeWarp},
		{Testnet4(), inside, -601, ""}, {Testnet3(), tip, -601, ""}, {Mainnet(), tip, -100_000, ""},
		{Testnet4(), tip, -3_000_000, TimeTooOld},
	} {
		h := types.Header{Version: 4, Time: uint32(int64(last) + v.delta), PrevHash: v.tip.Hash()}
		h.Bits = NextBitsAt(v.p, v.tip, h.Time)
		if err := CheckHeaderInPlace(v.p, v.tip, &h, now); KindOf(err) != v.want {
			t.Errorf("%s, height %d, %+d s: %v, want %q", v.p.Name, v.tip.height+1, v.delta, err, v.want)
		}
	}
}
