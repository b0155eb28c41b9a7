package miner

import (
	"bytes"
	"context"
	"errors"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/types"
)

// Targets: about one hash in 2¹⁰ meets the first, none in the life of a test the second.
const (
	bitsEasy       = 0x1f3fffff
	bitsImpossible = 0x03000001
)

// fakeClock moves on by step at each look and by d at each sleep.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	step   time.Duration
	looks  int
	sleeps int
	slept  time.Duration
	look   func(n int) // called at each look
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	if c.look != nil {
		c.look(c.looks)
	}
	c.now = c.now.Add(c.step)
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() == nil {
		c.sleeps++
		c.slept += d
		c.now = c.now.Add(d)
	}
}

func newClock(step time.Duration) *fakeClock {
	return &fakeClock{now: time.Unix(1_700_000_000, 0), step: step}
}

// template is a block for no chain in particular, with some transactions.
func template(bits uint32, scriptSig int) *types.Block {
	coinbase := &types.Tx{
		Version: 2,
		In:      []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: make([]byte, scriptSig), Sequence: 0xffffffff}},
		Out:     []types.TxOut{{Value: 1, Script: []byte{0x51}}},
	}
	b := &types.Block{Header: types.Header{Version: BlockVersion, Time: 1_700_000_000, Bits: bits}, Txs: []*types.Tx{coinbase}}
	for i := range 4 {
		tx := coinbase.Clone()
		tx.In[0].PrevOut = types.OutPoint{Index: uint32(i)}
		b.Txs = append(b.Txs, tx)
	}
	consensus.SetMerkleRoot(b)
	return b
}

// mustBeSolved checks the result of Solve against its template.
func mustBeSolved(t *testing.T, got, want *types.Block) {
	t.Helper()
	target, _ := consensus.TargetFromBits(got.Header.Bits)
	if !consensus.MeetsTarget(got.Header.Hash(), target) {
		t.Fatalf("%s does not meet its target", got.Header.Hash())
	}
	ids := make([]types.Hash, len(got.Txs))
	for i, tx := range got.Txs {
		ids[i] = types.DoubleSHA256(tx.AppendBase(nil))
		if i > 0 && tx != want.Txs[i] {
			t.Errorf("transaction %d is another one", i)
		}
	}
	if root, _ := merkle.Root(ids); root != got.Header.MerkleRoot {
		t.Errorf("merkle root %s, the transactions give %s", got.Header.MerkleRoot, root)
	}
	h := got.Header
	h.Time, h.Nonce, h.MerkleRoot = want.Header.Time, want.Header.Nonce, want.Header.MerkleRoot
	if h != want.Header {
		t.Errorf("header %+v came of %+v", got.Header, want.Header)
	}
}

func TestSolvedBlocksAreValid(t *testing.T) {
	for _, params := range []*consensus.Params{consensus.Regtest(), consensus.Cairn()} {
		t.Run(params.Name, func(t *testing.T) {
			chain := consensustest.NewChain(t, params)
			first := chain.Mine()
			chain.MineEmpty(int(params.CoinbaseMaturity))
			for i := range 3 {
				parent := chain.Tip()
				var txs []*types.Tx
				var fees int64
				if i == 0 {
					txs, fees = []*types.Tx{first.Spend(7000)}, 7000
				}
				now := time.Unix(int64(parent.Header().Time)+params.TargetSpacing, 0)
				b := BuildBlock(params, parent, txs, fees, consensustest.AnyoneCanSpend, []byte("test"), now)
				solved, err := Solve(t.Context(), b, Options{Threads: 2})
				if err != nil {
					t.Fatal(err)
				}
				n, err := chain.Add(solved)
				if err != nil {
					t.Fatalf("our own block is refused: %v", err)
				}
				if got, want := solved.Txs[0].Out[0].Value, params.SubsidyAt(n.Height())+fees; got != want {
					t.Errorf("the coinbase pays %d, want %d", got, want)
				}
			}
		})
	}
}

func TestBuildBlockFees(t *testing.T) {
	params := consensus.Regtest()
	chain := consensustest.NewChain(t, params)
	parent := chain.Tip()
	b := BuildBlock(params, parent, nil, 1, consensustest.AnyoneCanSpend, nil, time.Unix(int64(parent.Header().Time)+1, 0))
	solved, err := Solve(t.Context(), b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Add(solved); !errors.Is(err, consensus.BadCbAmount) {
		t.Errorf("a coinbase that takes a fee which nobody paid: %v", err)
	}
}

func TestBuildBlockTime(t *testing.T) {
	params := consensus.Regtest()
	chain := consensustest.NewChain(t, params)
	parent := chain.MineEmpty(12)
	late := time.Unix(int64(parent.Header().Time)+100, 0)
	if b := BuildBlock(params, parent, nil, 0, nil, nil, late); int64(b.Header.Time) != late.Unix() {
		t.Errorf("time %d, want %d", b.Header.Time, late.Unix())
	}
	early := time.Unix(parent.MedianTime()-1000, 0)
	if b := BuildBlock(params, parent, nil, 0, nil, nil, early); int64(b.Header.Time) != parent.MedianTime()+1 {
		t.Errorf("time %d, want %d, one after the median", b.Header.Time, parent.MedianTime()+1)
	}
}

func TestBuildBlockBounds(t *testing.T) {
	params := consensus.Regtest()
	chain := consensustest.NewChain(t, params)
	now := time.Unix(int64(chain.Tip().Header().Time)+1, 0)
	b := BuildBlock(params, chain.Tip(), nil, 0, make([]byte, 100), make([]byte, 1000), now)
	solved, err := Solve(t.Context(), b, Options{nonces: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := consensus.CheckBlock(params, solved); err != nil {
		t.Errorf("with too much extra: %v", err)
	}
	if w := solved.Weight(); w > ReservedWeight {
		t.Errorf("an empty block weighs %d, over what is reserved", w)
	}
}

func TestSolveRollsExtraNonce(t *testing.T) {
	b := template(bitsEasy, 20)
	raw := b.Bytes()
	var hashes atomic.Uint64
	got, err := Solve(t.Context(), b, Options{Threads: 3, nonces: 4, Hashes: &hashes})
	if err != nil {
		t.Fatal(err)
	}
	mustBeSolved(t, got, b)
	if got.Header.Nonce >= 4 {
		t.Errorf("nonce %d, only 4 are allowed", got.Header.Nonce)
	}
	sig := got.Txs[0].In[0].ScriptSig
	if len(sig) != 20+9 || sig[20] != 8 {
		t.Errorf("scriptSig %x has no extra nonce, after %d hashes", sig, hashes.Load())
	}
	if got.Header.Time != b.Header.Time {
		t.Errorf("time moved to %d without a clock", got.Header.Time)
	}
	if !bytes.Equal(b.Bytes(), raw) {
		t.Error("the template was changed")
	}
}

func TestSolveWithoutRoomMovesTime(t *testing.T) {
	b := template(bitsEasy, 95)
	got, err := Solve(t.Context(), b, Options{nonces: 16})
	if err != nil {
		t.Fatal(err)
	}
	mustBeSolved(t, got, b)
	if got.Header.Time <= b.Header.Time || got.Txs[0] != b.Txs[0] {
		t.Errorf("time %d, coinbase changed: %v", got.Header.Time, got.Txs[0] != b.Txs[0])
	}
}

func TestHeadersDiffer(t *testing.T) {
	for _, scriptSig := range []int{20, 95} {
		s, err := newSearch(template(bitsEasy, scriptSig), Options{Clock: newClock(time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[types.Header]uint64)
		for n := range uint64(2000) {
			h, _ := s.header(n)
			if was, dup := seen[h]; dup {
				t.Fatalf("headers %d and %d are the same", was, n)
			}
			seen[h] = n
		}
	}
}

func TestSolveTimeFollowsClock(t *testing.T) {
	b := template(0x1e3fffff, 20) // one in 2¹⁸
	clock := newClock(time.Second)
	got, err := Solve(t.Context(), b, Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	mustBeSolved(t, got, b)
	if moved := got.Header.Time - b.Header.Time; moved == 0 || int(moved) > clock.looks {
		t.Errorf("time moved by %d seconds while the clock was looked at %d times", moved, clock.looks)
	}
}

func TestSolveIsRepeatable(t *testing.T) {
	var hashes []types.Hash
	for range 2 {
		got, err := Solve(t.Context(), template(bitsEasy, 20), Options{Threads: 1, nonces: 100})
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, got.Hash())
	}
	if hashes[0] != hashes[1] {
		t.Errorf("one template, two results: %s and %s", hashes[0], hashes[1])
	}
}

func TestSolveStops(t *testing.T) {
	for _, threads := range []int{1, 4} {
		ctx, cancel := context.WithCancel(t.Context())
		clock := newClock(time.Microsecond)
		const stopAt = 50
		clock.look = func(n int) {
			if n == stopAt {
				cancel()
			}
		}
		var hashes atomic.Uint64
		got, err := Solve(ctx, template(bitsImpossible, 20), Options{Threads: threads, Clock: clock, Hashes: &hashes})
		if got != nil || !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, %v", got, err)
		}
		// Every look before the end may begin a slice; after it each worker ends the slice that it is in.
		if most := uint64(stopAt+threads) * sliceHashes; hashes.Load() > most || hashes.Load() == 0 {
			t.Errorf("%d threads did %d hashes, at most %d expected", threads, hashes.Load(), most)
		}
		if clock.looks > stopAt+2*threads {
			t.Errorf("%d looks at the clock after the end", clock.looks-stopAt)
		}
	}
}

func TestSolveEndedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var hashes atomic.Uint64
	if got, err := Solve(ctx, template(bitsImpossible, 20), Options{Threads: 2, Hashes: &hashes}); got != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", got, err)
	}
	if hashes.Load() != 0 {
		t.Errorf("%d hashes after the end", hashes.Load())
	}
}

func TestSolveKeepsItsShare(t *testing.T) {
	for _, share := range []float64{0.1, 0.5, 0.9} {
		ctx, cancel := context.WithCancel(t.Context())
		clock := newClock(3 * time.Millisecond) // so a slice seems to take 3 ms
		clock.look = func(n int) {
			if n == 400 {
				cancel()
			}
		}
		var hashes atomic.Uint64
		if _, err := Solve(ctx, template(bitsImpossible, 20), Options{Share: share, Clock: clock, Hashes: &hashes}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		worked := time.Duration(hashes.Load()/sliceHashes) * 3 * time.Millisecond
		// A look after the sleep takes fake time too; it is made up for, so it counts as sleep.
		asleep := clock.slept + time.Duration(clock.sleeps)*clock.step
		got := float64(worked) / float64(worked+asleep)
		if got < share*0.9 || got > share*1.1 {
			t.Errorf("worked %v, slept %v: a share of %.3f, want %.1f", worked, asleep, got, share)
		}
	}
}

func TestSolveRefuses(t *testing.T) {
	good := template(bitsEasy, 20)
	noTxs := &types.Block{Header: good.Header}
	badBits := template(0x04800001, 20)
	for name, c := range map[string]struct {
		block *types.Block
		opt   Options
		bad   bool
	}{
		"no transactions":         {noTxs, Options{}, true},
		"negative target":         {badBits, Options{}, true},
		"share over 1":            {good, Options{Share: 1.5}, false},
		"negative share":          {good, Options{Share: -1}, false},
		"share, no clock":         {good, Options{Share: 0.5}, false},
		"coinbase without inputs": {&types.Block{Header: good.Header, Txs: []*types.Tx{{}}}, Options{}, true},
	} {
		if got, err := Solve(t.Context(), c.block, c.opt); got != nil || err == nil || errors.Is(err, ErrBadTemplate) != c.bad {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestGoalBoundary(t *testing.T) {
	for _, bits := range []uint32{0x207fffff, bitsEasy, 0x1d00ffff, 0x03123456, 0x01010000} {
		target, ok := consensus.TargetFromBits(bits)
		if !ok {
			t.Fatalf("%08x is no target", bits)
		}
		g := newGoal(target)
		for _, delta := range []int64{-1, 0, 1} {
			n := new(big.Int).Add(target, big.NewInt(delta))
			var be [32]byte
			n.FillBytes(be[:])
			var h types.Hash
			for i := range be {
				h[31-i] = be[i]
			}
			quick := exactly(h).top <= g.top
			if met, want := g.metBy((*[32]byte)(&h)), delta <= 0; met != want || met != consensus.MeetsTarget(h, target) || met && !quick {
				t.Errorf("%08x%+d: met %v, by its first word %v", bits, delta, met, quick)
			}
		}
	}
}
