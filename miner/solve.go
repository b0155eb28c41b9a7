package miner

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/types"
)

// Clock is where Solve takes time from. Sleep returns after d or as soon as ctx ends.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration)
}

// Options say how Solve works.
type Options struct {
	// Threads is the number of workers, at least 1.
	Threads int
	// Share is the part of one core, over 0 and up to 1, that each worker uses; 0 stands for 1.
	Share float64
	// Clock is needed for a Share below 1. Without one the header's time stands still too.
	Clock Clock
	// Hashes, if not nil, is increased by the hashes done, every few milliseconds.
	Hashes *atomic.Uint64

	nonces uint64 // how many nonces a header has, for tests; 0: 2³²
}

const (
	sliceHashes     = 4096 // about a millisecond: how long a worker is deaf to the end of its context
	maxSlice        = 20 * time.Millisecond
	extraNonceBytes = 8
	maxCoinbase     = 100 // bytes of a coinbase's scriptSig
)

// ErrBadTemplate is returned by Solve for a block that can't be mined: no transactions, or bits that are no target.
var ErrBadTemplate = errors.New("block cannot be mined")

// Solve searches a header of b that meets its target and returns the block with it. b is not changed.
//
// The work is cut into headers, which workers take one after another; each has 2³² nonces. The first is b's own. Every further one has an
// extra nonce, pushed at the end of the coinbase's scriptSig (9 bytes); where there is no room for that, the time is moved on by a second instead.
// As time goes by, the header's time follows.
//
// It returns ctx's error, and no block, if ctx ends first: within one slice of work, about a millisecond. With one thread and a clock that
// stands still the result is always the same.
func Solve(ctx context.Context, b *types.Block, opt Options) (*types.Block, error) {
	s, err := newSearch(b, opt)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		block *types.Block
		err   error
	}
	threads := max(opt.Threads, 1)
	results := make(chan result, threads)
	var workers sync.WaitGroup
	for range threads {
		workers.Add(1)
		go func() {
			defer workers.Done()
			block, err := s.work(ctx)
			if err == nil || ctx.Err() == nil {
				cancel() // found, or broken: the others need not go on
			}
			results <- result{block, err}
		}()
	}
	workers.Wait()
	close(results)
	var failed error
	for r := range results {
		if r.block != nil {
			return r.block, nil
		}
		if failed == nil || errors.Is(failed, context.Canceled) {
			failed = r.err
		}
	}
	return nil, failed
}

// search is what the workers share.
type search struct {
	block   *types.Block
	target  *goal
	branch  []types.Hash // from the coinbase to the merkle root
	room    bool         // for an extra nonce
	nonces  uint64
	opt     Options
	started time.Time
	next    atomic.Uint64 // number of the next header to try
}

func newSearch(b *types.Block, opt Options) (*search, error) {
	target, ok := consensus.TargetFromBits(b.Header.Bits)
	switch {
	case len(b.Txs) == 0 || len(b.Txs[0].In) == 0:
		return nil, fmt.Errorf("%w: it has no coinbase", ErrBadTemplate)
	case !ok:
		return nil, fmt.Errorf("%w: bits %08x are no target", ErrBadTemplate, b.Header.Bits)
	case opt.Share < 0 || opt.Share > 1:
		return nil, fmt.Errorf("miner: a share of %v of a core, it must be between 0 and 1", opt.Share)
	case opt.Share > 0 && opt.Share < 1 && opt.Clock == nil:
		return nil, errors.New("miner: a share of a core needs a clock")
	}
	ids := make([]types.Hash, len(b.Txs))
	for i, tx := range b.Txs {
		ids[i] = tx.ID()
	}
	s := &search{block: b, target: newGoal(target), branch: merkle.Branch(ids, 0), nonces: opt.nonces, opt: opt}
	if s.nonces == 0 {
		s.nonces = 1 << 32
	}
	s.room = len(b.Txs[0].In[0].ScriptSig)+1+extraNonceBytes <= maxCoinbase &&
		b.Weight()+types.WitnessScale*(1+extraNonceBytes) <= types.MaxBlockWeight
	if opt.Clock != nil {
		s.started = opt.Clock.Now()
	}
	return s, nil
}

// elapsed returns whole seconds since the start.
func (s *search) elapsed(now time.Time) uint32 {
	return uint32(max(now.Sub(s.started), 0) / time.Second)
}

func (s *search) now() time.Time {
	if s.opt.Clock == nil {
		return s.started
	}
	return s.opt.Clock.Now()
}

// header returns the n-th header to try and the coinbase that belongs to it.
func (s *search) header(n uint64) (types.Header, *types.Tx) {
	h, coinbase := s.block.Header, s.block.Txs[0]
	switch {
	case n == 0:
	case s.room:
		coinbase = coinbase.Clone()
		sig := append(coinbase.In[0].ScriptSig, extraNonceBytes)
		coinbase.In[0].ScriptSig = binary.LittleEndian.AppendUint64(sig, n)
		h.MerkleRoot = merkle.RootFromBranch(coinbase.ID(), s.branch, 0)
	default:
		h.Time += uint32(n) + s.elapsed(s.now())
	}
	return h, coinbase
}

// work takes headers until one is solved or ctx ends.
func (s *search) work(ctx context.Context) (*types.Block, error) {
	pace := pace{share: s.opt.Share, clock: s.opt.Clock}
	for {
		h, coinbase := s.header(s.next.Add(1) - 1)
		found, err := s.scan(ctx, &h, &pace)
		if err != nil {
			return nil, err
		}
		if found {
			return s.solved(h, coinbase)
		}
	}
}

// scan tries all nonces of h, with a time that follows the clock if extra nonces keep headers apart. It leaves in h what it found.
func (s *search) scan(ctx context.Context, h *types.Header, pace *pace) (found bool, err error) {
	m, err := newHasher(h)
	if err != nil {
		return false, err
	}
	begin := h.Time
	for nonce := uint64(0); nonce < s.nonces; {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		start := s.now()
		if s.room {
			h.Time = begin + s.elapsed(start)
			m.setTime(h.Time)
		}
		n := min(sliceHashes, s.nonces-nonce)
		at, found, err := m.search(uint32(nonce), int(n), s.target)
		if err != nil {
			return false, err
		}
		if found {
			h.Nonce = at
			n = uint64(at) - nonce + 1
		}
		if s.opt.Hashes != nil {
			s.opt.Hashes.Add(n)
		}
		if found {
			return true, nil
		}
		nonce += n
		pace.rest(ctx, start)
	}
	return false, nil
}

// solved puts the block together, and trusts no cleverness: the hash is computed again.
func (s *search) solved(h types.Header, coinbase *types.Tx) (*types.Block, error) {
	b := &types.Block{Header: h, Txs: append([]*types.Tx{coinbase}, s.block.Txs[1:]...)}
	hash := b.Hash()
	if !s.target.metBy((*[32]byte)(&hash)) {
		return nil, fmt.Errorf("miner: %s was found but does not meet its target", hash)
	}
	return b, nil
}

// pace keeps a worker within its share of a core: it sleeps in proportion to what it worked. What a sleep is too long or too short is
// made up for later, so that coarse timers do not change the share.
type pace struct {
	share float64
	clock Clock
	owed  time.Duration
}

const (
	leastSleep = time.Millisecond
	mostCredit = 200 * time.Millisecond
)

// rest is called after a slice that began at start.
func (p *pace) rest(ctx context.Context, start time.Time) {
	if p.share <= 0 || p.share >= 1 {
		return
	}
	end := p.clock.Now()
	worked := min(max(end.Sub(start), 0), maxSlice) // longer, and others had the core meanwhile
	p.owed += time.Duration(float64(worked) * (1/p.share - 1))
	if p.owed < leastSleep {
		return
	}
	p.clock.Sleep(ctx, p.owed)
	p.owed = max(p.owed-p.clock.Now().Sub(end), -mostCredit)
}
