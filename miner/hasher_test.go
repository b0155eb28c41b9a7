package miner

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
	"pgregory.net/rapid"
)

// The hasher against its dumb twin, types.Header.Hash.
func TestHasherAgreesWithHeader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), types.HeaderSize, types.HeaderSize).Draw(t, "header")
		h, err := types.DecodeHeader(raw)
		if err != nil {
			t.Fatal(err)
		}
		m, err := newHasher(&h)
		if err != nil {
			t.Fatal(err)
		}
		h.Time = rapid.Uint32().Draw(t, "time")
		h.Nonce = rapid.Uint32().Draw(t, "nonce")
		m.setTime(h.Time)
		back := rapid.Uint32Range(0, 5).Draw(t, "back")
		nonce, ok, err := m.search(h.Nonce-back, int(back)+1, exactly(h.Hash()))
		if err != nil || !ok {
			t.Fatalf("the header's own hash was not found: %v", err)
		}
		h.Nonce = nonce
		if !exactly(h.Hash()).metBy((*[32]byte)(new(types.Hash))) {
			t.Fatal("zero does not meet a target")
		}
	})
}

func TestMeter(t *testing.T) {
	m := NewMeter(10 * time.Second)
	start := time.Unix(1000, 0)
	if r := m.Rate(start); r != 0 {
		t.Errorf("rate %v of nothing", r)
	}
	for i := range 1000 { // 100 hashes each 10 ms
		m.Observe(start.Add(time.Duration(i)*10*time.Millisecond), uint64(i*100))
	}
	now := start.Add(9990 * time.Millisecond)
	if r := m.Rate(now); r < 9900 || r > 10100 {
		t.Errorf("rate %v, want about 10,000", r)
	}
	if n := len(m.samples); n > meterSlots+2 {
		t.Errorf("%d samples kept", n)
	}
	m.Observe(start, 5) // out of order
	if r := m.Rate(now); r < 9900 {
		t.Errorf("rate %v after an old sample", r)
	}
	if r := m.Rate(now.Add(5 * time.Second)); r > 7500 {
		t.Errorf("rate %v five seconds after the end", r)
	}
	if r := m.Rate(now.Add(time.Minute)); r != 0 {
		t.Errorf("rate %v a minute after the end", r)
	}
	m.Observe(now.Add(2*time.Minute), 7)
	if r := m.Rate(now.Add(2 * time.Minute)); r != 0 {
		t.Errorf("rate %v after the counter began anew", r)
	}
}

var sink [32]byte

// BenchmarkBareMidstate is the yardstick: the shortest loop that hashes headers with crypto/sha256 and a reused midstate.
// BenchmarkSolve must reach 85 % of its rate.
func BenchmarkBareMidstate(b *testing.B) {
	h := types.Header{Bits: bitsImpossible}
	digest := sha256.New()
	digest.Write(h.Append(nil))
	state, err := digest.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		b.Fatal(err)
	}
	set := digest.(encoding.BinaryUnmarshaler)
	nonce := state[len(state)-8-sha256.BlockSize+12:]
	var first [32]byte
	for i := 0; b.Loop(); i++ {
		binary.LittleEndian.PutUint32(nonce, uint32(i))
		if err := set.UnmarshalBinary(state); err != nil {
			b.Fatal(err)
		}
		sink = sha256.Sum256(digest.Sum(first[:0]))
	}
}

// BenchmarkSolve is one worker's loop as Solve runs it, one hash an operation.
func BenchmarkSolve(b *testing.B) {
	template := template(bitsImpossible, 20)
	s, err := newSearch(template, Options{nonces: uint64(b.N)})
	if err != nil {
		b.Fatal(err)
	}
	h := template.Header
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := s.scan(context.Background(), &h, new(pace)); err != nil {
		b.Fatal(err)
	}
}

func ExampleSolve() {
	params := consensus.Regtest()
	now := time.Unix(int64(params.Genesis.Header.Time)+600, 0)
	b := BuildBlock(params, genesis{params}, nil, 0, []byte{0x51}, nil, now)
	solved, err := Solve(context.Background(), b, Options{Threads: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(consensus.CheckHeader(params, genesis{params}, &solved.Header, now) == nil)
	// Output: true
}

// genesis is the place of the first block.
type genesis struct{ p *consensus.Params }

func (g genesis) Height() int32        { return 0 }
func (g genesis) Hash() types.Hash     { return g.p.Genesis.Hash() }
func (g genesis) Header() types.Header { return g.p.Genesis.Header }
func (g genesis) Work() consensus.Work { return consensus.WorkFromBits(g.p.Genesis.Header.Bits) }
func (g genesis) MedianTime() int64    { return int64(g.p.Genesis.Header.Time) }
func (g genesis) Ancestor(h int32) consensus.Ancestry {
	if h != 0 {
		return nil
	}
	return g
}
