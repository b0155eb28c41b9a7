package consensus

import (
	"bufio"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/types"
)

// bchParams are the numbers with which the public vectors were made.
func bchParams(anchorBits uint32) *Params {
	return &Params{
		Retarget: RetargetASERT, PowLimitBits: 0x1d00ffff, TargetSpacing: 600, AsertHalfLife: 172_800,
		AsertAnchorHeight: 1, AsertAnchorBits: anchorBits,
	}
}

func TestAsertVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/asert/run*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { runAsertVectors(t, file) })
	}
}

func runAsertVectors(t *testing.T, file string) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	header := map[string]string{}
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, ok := strings.Cut(strings.TrimPrefix(s.Text(), "##   "), ": "); ok {
			header[name] = value
			continue
		}
		lines++
		var n, height uint64
		var time int64
		var want string
		if _, err := fmt.Sscan(s.Text(), &n, &height, &time, &want); err != nil {
			t.Fatalf("line %q: %v", s.Text(), err)
		}
		p := bchParams(uint32(number(t, header["anchor nBits"])))
		heightDiff := int64(height - number(t, header["anchor height"]))
		got := asertBits(p, time-int64(number(t, header["anchor parent time"])), heightDiff)
		if fmt.Sprintf("0x%08x", got) != want {
			t.Errorf("line %d: bits %08x, want %s", n, got, want)
		}
	}
	if want := number(t, header["iterations"]); uint64(lines) != want || lines == 0 {
		t.Errorf("%d lines, want %d", lines, want)
	}
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAsertFollowsTheFormula compares with the formula in floating point.
func TestAsertFollowsTheFormula(t *testing.T) {
	p := Cairn()
	limit, _ := TargetFromBits(p.PowLimitBits)
	anchor, _ := new(big.Float).SetInt(mustTarget(p.AsertAnchorBits)).Float64()
	rapid.Check(t, func(t *rapid.T) {
		blocks := rapid.Int64Range(0, 3_000_000).Draw(t, "blocks")
		drift := rapid.Int64Range(-20_000, 1_800).Draw(t, "drift")
		time := (blocks+1)*p.TargetSpacing + drift
		got, ok := TargetFromBits(asertBits(p, time, blocks))
		if !ok || got.Cmp(limit) > 0 {
			t.Fatalf("bits out of range: %x", got)
		}
		want := anchor * math.Exp2(float64(drift)/float64(p.AsertHalfLife))
		gotFloat, _ := new(big.Float).SetInt(got).Float64()
		if limitFloat, _ := new(big.Float).SetInt(limit).Float64(); want > limitFloat {
			want = limitFloat
		}
		if math.Abs(gotFloat-want) > want*0.0005 {
			t.Fatalf("drift %d: target %g, want %g", drift, gotFloat, want)
		}
	})
}

// TestAsertNeverWraps: times and heights at their ends, in any order, give bits in [1, limit].
func TestAsertNeverWraps(t *testing.T) {
	limit := mustTarget(Cairn().PowLimitBits)
	ends := []int64{0, 1, 15, 300, 10 * 365 * 86400, math.MaxInt32, math.MaxUint32, -1, -300, -10 * 365 * 86400, -math.MaxUint32}
	heights := []int64{0, 1, 2, 1000, math.MaxInt32}
	for _, p := range []*Params{Cairn(), extreme(1, 1), extreme(1_000_000, 1), extreme(1, 1<<31), extreme(1_000_000, 1<<31)} {
		for _, time := range ends {
			for _, height := range heights {
				target, ok := TargetFromBits(asertBits(p, time, height))
				if !ok || target.Cmp(limit) > 0 {
					t.Errorf("spacing %d, half-life %d, time %d, height %d: target %x", p.TargetSpacing, p.AsertHalfLife, time, height, target)
				}
			}
		}
	}
	// Later never means harder.
	p := Cairn()
	last := new(big.Int)
	for time := int64(-40_000); time < 4_000; time += 37 {
		target := mustTarget(asertBits(p, time, 100))
		if target.Cmp(last) < 0 {
			t.Fatalf("at %d the target fell from %x to %x", time, last, target)
		}
		last = target
	}
}

func extreme(spacing, halfLife int64) *Params {
	p := Cairn()
	p.TargetSpacing, p.AsertHalfLife = spacing, halfLife
	return p
}

func mustTarget(bits uint32) *big.Int {
	target, ok := TargetFromBits(bits)
	if !ok {
		panic(fmt.Sprintf("bits %08x are no target", bits))
	}
	return target
}

// line is an Ancestry of headers alone, whose times are given.
type line struct {
	times  []uint32
	height int32
}

func (l line) Height() int32        { return l.height }
func (l line) Hash() types.Hash     { return types.Hash{byte(l.height), byte(l.height >> 8), 1} }
func (l line) Header() types.Header { return types.Header{Time: l.times[l.height]} }
func (l line) Work() Work           { return Work{uint64(l.height)} }
func (l line) MedianTime() int64 {
	return MedianTimeOf(l.times[max(l.height-10, 0) : l.height+1])
}
func (l line) Ancestor(h int32) Ancestry {
	if h < 0 || h > l.height {
		return nil
	}
	return line{l.times, h}
}

// TestCairnSchedule: the prelude is at the limit whatever its times are, and the schedule starts at block 21 from
// the anchor's bits, whether the prelude took a minute or ended a year after genesis.
func TestCairnSchedule(t *testing.T) {
	p := Cairn()
	for _, start := range []uint32{p.Genesis.Header.Time + 1, p.Genesis.Header.Time + 365*86400} {
		l := line{times: []uint32{p.Genesis.Header.Time}}
		for h := int32(1); h <= 40; h++ {
			bits := NextBits(p, l)
			switch {
			case h <= 20 && bits != p.PowLimitBits:
				t.Errorf("block %d of the prelude has bits %08x", h, bits)
			case h > 20 && bits != p.AsertAnchorBits:
				t.Errorf("block %d, on time, has bits %08x, want %08x", h, bits, p.AsertAnchorBits)
			}
			l = line{append(l.times, start+uint32(h)*15), h}
		}
	}
	if got := NextBits(p, nil); got != p.PowLimitBits {
		t.Errorf("genesis has bits %08x", got)
	}
}

// TestRetargetAnswersTheHashRate: blocks that come in a third of the time get harder until they are on time.
func TestRetargetAnswersTheHashRate(t *testing.T) {
	p := Cairn()
	l := line{times: []uint32{p.Genesis.Header.Time}}
	for h := int32(1); h <= 20; h++ {
		l = line{append(l.times, l.times[h-1]+1), h}
	}
	const hashesPerSecond = 3 << 22 / 15 // three times what the anchor expects
	for h := int32(21); h < 600; h++ {
		work, _ := new(big.Float).SetInt(WorkFromBits(NextBits(p, l)).Big()).Float64()
		l = line{append(l.times, l.times[h-1]+uint32(math.Round(work/hashesPerSecond))), h}
	}
	if last := l.times[599] - l.times[499]; last < 1400 || last > 1600 {
		t.Errorf("a hundred blocks take %d seconds in the end, want about 1500", last)
	}
}

func TestRegtestNeverRetargets(t *testing.T) {
	p := Regtest()
	l := line{times: []uint32{0, 1, 2, 4_000_000_000}, height: 3}
	if got := NextBits(p, l); got != 0x207fffff {
		t.Errorf("bits %08x", got)
	}
}

// TestRetargetReadsItsOwnBranch: siblings with other times have other bits, and neither changes the other's.
func TestRetargetReadsItsOwnBranch(t *testing.T) {
	p := Cairn()
	times := make([]uint32, 30)
	for i := range times {
		times[i] = uint32(15 * i)
	}
	slow := append(append([]uint32(nil), times...), times[29]+900)
	fast := append(append([]uint32(nil), times...), times[29]+1)
	slowBits, fastBits := NextBits(p, line{slow, 30}), NextBits(p, line{fast, 30})
	if mustTarget(slowBits).Cmp(mustTarget(fastBits)) <= 0 {
		t.Errorf("the slow branch has bits %08x, the fast one %08x", slowBits, fastBits)
	}
	if again := NextBits(p, line{slow, 30}); again != slowBits {
		t.Errorf("asked again it says %08x, not %08x", again, slowBits)
	}
}

// TestLiesAboutTheTimeDoNotPay: whatever times stood in between, the target that follows an honest time is the honest
// one, so there is no period whose ends could be warped.
func TestLiesAboutTheTimeDoNotPay(t *testing.T) {
	p := Cairn()
	rapid.Check(t, func(t *rapid.T) {
		honest := make([]uint32, 60)
		for i := range honest {
			honest[i] = uint32(1_700_000_000 + 15*i)
		}
		warped := append([]uint32(nil), honest...)
		for h := 21; h < 59; h++ {
			warped[h] += uint32(rapid.IntRange(-7200, 7200).Draw(t, "lie"))
		}
		a, b := NextBits(p, line{honest, 59}), NextBits(p, line{warped, 59})
		if a != b {
			t.Fatalf("honest %08x, warped %08x", a, b)
		}
	})
}
