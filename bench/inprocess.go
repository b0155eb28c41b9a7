package main

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/badgerdb"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/types"
)

// cacheBytes is the size of the signature cache in a node.
const cacheBytes = 16 << 20

func newRunner() *script.Runner {
	return &script.Runner{Verifier: script.NewVerifier(), Cache: script.NewCache(cacheBytes, [32]byte{})}
}

// mempool measures how fast a pool takes transactions that it has never seen.
func (s *suite) mempool(ctx context.Context) (section, error) {
	sec := section{Title: "Transactions into the mempool", Text: fmt.Sprintf("`mempool.Add` with everything that it checks, one caller: %s unrelated transactions of one input and two "+
		"outputs into an empty pool, decoded but not yet hashed, their coins at hand.", number(float64(s.size.poolTxs)))}
	for lock := range forms {
		m, err := newMaker(time.Now(), 200)
		if err != nil {
			return sec, err
		}
		if err := m.mature(ctx, 1); err != nil {
			return sec, err
		}
		_, coins, err := m.fan(m.coinbase(0), s.size.poolTxs, func(int) form { return lock })
		if err != nil {
			return sec, err
		}
		txs, err := m.spendAll(coins)
		if err != nil {
			return sec, err
		}
		f := figure{Name: lock.String(), Unit: "transactions/s"}
		for range s.size.poolRuns {
			t, err := fillPool(m, txs, coinsOf(coins))
			if err != nil {
				return sec, err
			}
			f.rate(len(txs), t)
		}
		sec.Figures = append(sec.Figures, f)
	}
	return sec, nil
}

func fillPool(m *maker, txs []*types.Tx, coins consensus.Coins) (took, error) {
	pool := mempool.New(mempool.Config{Params: m.params, Verify: newRunner()})
	fresh, err := fresh(txs)
	if err != nil {
		return took{}, err
	}
	return timed(func() error {
		for _, tx := range fresh {
			if _, err := pool.Add(tx, coins, m.tip, m.at, mempool.AddOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// fresh decodes transactions again, so that nothing about them is remembered.
func fresh(txs []*types.Tx) ([]*types.Tx, error) {
	again := make([]*types.Tx, len(txs))
	for i, tx := range txs {
		var err error
		if again[i], err = types.DecodeTx(tx.Bytes()); err != nil {
			return nil, err
		}
	}
	return again, nil
}

// phases adds up what a chain says about where time goes.
type phases map[string]time.Duration

func (p phases) Phase(name string, d time.Duration) { p[name] += d }
func (p phases) Reorg(int)                          {}

// phaseNames are those shown: the rest is next to nothing for one block.
var phaseNames = []string{"check", "store", "coins", "connect", "scripts", "undo", "commit"}

// connects measures how long a chain on disk takes to make a large block its tip.
func (s *suite) connects(ctx context.Context) (section, error) {
	n := s.size.connectTxs
	sec := section{Title: fmt.Sprintf("A block of %s transactions becomes the tip", number(float64(n))), Text: "`Chain.AddBlock` on Badger, from a decoded block to the new tip; P2WPKH and P2TR inputs by turns, one a " +
		"transaction, spending coins of the block before. Cold: no signature was seen before. Warm: all were, as after the mempool had the transactions. The lines below a total are its phases."}
	m, err := newMaker(time.Now(), 200)
	if err != nil {
		return sec, err
	}
	if err := m.mature(ctx, 1); err != nil {
		return sec, err
	}
	fan, coins, err := m.fan(m.coinbase(0), n, alternate)
	if err != nil {
		return sec, err
	}
	if err := m.mine(ctx, fan); err != nil {
		return sec, err
	}
	txs, err := m.spendAll(coins)
	if err != nil {
		return sec, err
	}
	if err := m.mine(ctx, txs...); err != nil {
		return sec, err
	}
	labels := []string{"cold", "warm"}
	figs := make([][]figure, len(labels))
	for i, label := range labels {
		figs[i] = append(figs[i], figure{Name: label + " signature cache", Unit: "ms"})
		for _, name := range phaseNames {
			figs[i] = append(figs[i], figure{Name: "– " + name, Unit: "ms"})
		}
	}
	for run := range s.size.connectRuns {
		runner := newRunner() // shared: the second chain finds the signatures of the first
		for i, label := range labels {
			total, parts, err := connectLast(ctx, m, runner, filepath.Join(s.dir, fmt.Sprintf("connect-%d-%s", run, label)))
			if err != nil {
				return sec, err
			}
			figs[i][0].Runs = append(figs[i][0].Runs, milliseconds(total))
			for j, name := range phaseNames {
				figs[i][j+1].Runs = append(figs[i][j+1].Runs, milliseconds(parts[name]))
			}
		}
	}
	sec.Figures = slices.Concat(figs...)
	return sec, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

// connectLast gives a new chain all blocks and times the last.
func connectLast(ctx context.Context, m *maker, runner *script.Runner, dir string) (d time.Duration, parts phases, err error) {
	store, err := badgerdb.Open(dir, badgerdb.Options{})
	if err != nil {
		return 0, nil, err
	}
	begin, parts := time.Now(), phases{}
	c, err := chain.Open(ctx, chain.Config{Params: m.params, Store: store, Now: time.Now, Verify: runner, Workers: runtime.GOMAXPROCS(0),
		Monotonic: func() time.Duration { return time.Since(begin) }, CacheBytes: 64 << 20, Observe: parts})
	if err != nil {
		return 0, nil, errors.Join(err, store.Close())
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	var t took
	for i := range m.blocks {
		b, err := types.DecodeBlock(m.blocks[i].Bytes())
		if err != nil {
			return 0, nil, err
		}
		clear(parts)
		add := func() error { _, err := c.AddBlock(b); return err }
		if i < len(m.blocks)-1 {
			err = add()
		} else {
			t, err = timed(add)
		}
		if err != nil {
			return 0, nil, fmt.Errorf("block %d: %w", i+1, err)
		}
	}
	if c.Tip().Hash() != m.tip.Hash() {
		return 0, nil, fmt.Errorf("the chain stays at height %d", c.Tip().Height())
	}
	return t.wall, parts, nil
}

// hashing measures the miner against the shortest loop that uses the same hash function.
func (s *suite) hashing(ctx context.Context) (section, error) {
	sec := section{Title: "Hash rate", Text: "`miner.Solve` on a target that is never met, against a bare loop of double SHA-256 with crypto/sha256 and a reused midstate, by turns. The ratio is " +
		"taken in processor time."}
	m, err := newMaker(time.Now(), 1)
	if err != nil {
		return sec, err
	}
	b := m.build()
	b.Header.Bits = 0x03000001
	cores := runtime.NumCPU()
	bare := figure{Name: "bare loop, 1 core", Unit: "kH/s"}
	solve := figure{Name: "miner.Solve, 1 thread", Unit: "kH/s"}
	all := figure{Name: fmt.Sprintf("miner.Solve, %d threads", cores), Unit: "kH/s"}
	ratio := figure{Name: "miner.Solve to bare loop", Unit: "ratio", Aim: "over 0.85"}
	for range s.size.spinRuns {
		n, t, err := bareLoop(ctx, s.size.spin)
		if err != nil {
			return sec, err
		}
		bare.rate(n/1000, t)
		for threads, f := range map[int]*figure{1: &solve, max(cores, 2): &all} {
			if n, t, err = solveFor(ctx, b, threads, s.size.spin); err != nil {
				return sec, err
			}
			f.rate(n/1000, t)
		}
		ratio.Runs = append(ratio.Runs, last(solve)/last(bare))
	}
	sec.Figures = []figure{ratio, solve, bare}
	if cores > 1 {
		sec.Figures = append(sec.Figures, all)
	}
	return sec, nil
}

// last is the rate of the last run, in processor time if that is known.
func last(f figure) float64 {
	if n := len(f.PerCPU); n > 0 {
		return f.PerCPU[n-1]
	}
	return f.Runs[len(f.Runs)-1]
}

func bareLoop(ctx context.Context, d time.Duration) (n int, t took, err error) {
	h := types.Header{Bits: 0x03000001}
	digest := sha256.New()
	if _, err := digest.Write(h.Append(nil)); err != nil {
		return 0, t, err
	}
	state, err := digest.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return 0, t, err
	}
	set := digest.(encoding.BinaryUnmarshaler)
	nonce := state[len(state)-8-sha256.BlockSize+12:]
	var first, sum [32]byte
	t, err = timed(func() error {
		for end := time.Now().Add(d); n == 0 || time.Now().Before(end); n += 4096 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			for i := range uint32(4096) {
				binary.LittleEndian.PutUint32(nonce, i)
				if err := set.UnmarshalBinary(state); err != nil {
					return err
				}
				sum = sha256.Sum256(digest.Sum(first[:0]))
			}
		}
		return nil
	})
	runtime.KeepAlive(sum) // the hashes are wanted
	return n, t, err
}

func solveFor(ctx context.Context, b *types.Block, threads int, d time.Duration) (n int, t took, err error) {
	var hashes atomic.Uint64
	until, cancel := context.WithCancel(ctx)
	defer cancel()
	t, err = timed(func() error {
		go func() {
			defer cancel()
			for pause(until, d) == nil && hashes.Load() == 0 {
			}
		}()
		_, err := miner.Solve(until, b, miner.Options{Threads: threads, Hashes: &hashes})
		if errors.Is(err, context.Canceled) {
			return ctx.Err()
		}
		return err
	})
	return int(hashes.Load()), t, err
}

// signatures measures how fast inputs prove that they may be spent.
func (s *suite) signatures(ctx context.Context) (section, error) {
	sec := section{Title: "Signatures", Text: "Bare: `script.Verifier` on prepared hashes, keys and signatures. Input: `script.Runner` with the shape of the script, the signature hash and the cache, a transaction of one input each."}
	cores := runtime.NumCPU()
	for lock := range forms {
		w, err := newSigWork(ctx, lock, s.size.spinSigs)
		if err != nil {
			return sec, err
		}
		kind := map[form]string{keyHash: "ECDSA", taproot: "Schnorr"}[lock]
		bare := figure{Name: kind + ", bare, 1 core", Unit: "signatures/s"}
		cold := figure{Name: lock.String() + " input, nothing cached, 1 core", Unit: "inputs/s"}
		all := figure{Name: fmt.Sprintf("%v input, nothing cached, %d cores", lock, cores), Unit: "inputs/s"}
		warm := figure{Name: lock.String() + " input, cached, 1 core", Unit: "inputs/s"}
		for range s.size.spinRuns {
			for _, c := range []struct {
				f       *figure
				threads int
				do      func() (int, error)
			}{{&bare, 1, w.bare}, {&cold, 1, w.cold}, {&all, cores, w.cold}, {&warm, 1, w.warm}} {
				n, t, err := spin(ctx, s.size.spin, c.threads, c.do)
				if err != nil {
					return sec, err
				}
				c.f.rate(n, t)
			}
		}
		sec.Figures = append(sec.Figures, bare, cold)
		if cores > 1 {
			sec.Figures = append(sec.Figures, all)
		}
		sec.Figures = append(sec.Figures, warm)
	}
	return sec, nil
}

// spin calls do over and over on so many goroutines and adds up what it returns.
func spin(ctx context.Context, d time.Duration, threads int, do func() (int, error)) (int, took, error) {
	var sum atomic.Int64
	errs := make([]error, threads)
	t, err := timed(func() error {
		var wg sync.WaitGroup
		end := time.Now().Add(d)
		for i := range threads {
			wg.Go(func() {
				for again := true; again && errs[i] == nil; again = time.Now().Before(end) && ctx.Err() == nil {
					var n int
					n, errs[i] = do()
					sum.Add(int64(n))
				}
			})
		}
		wg.Wait()
		return errors.Join(append(errs, ctx.Err())...)
	})
	return int(sum.Load()), t, err
}

// sigWork is inputs to be verified.
type sigWork struct {
	lock   form
	spent  []types.TxOut
	txs    []*types.Tx
	checks []script.SigCheck // without what surrounds them
	cached *script.Runner
}

func newSigWork(ctx context.Context, lock form, n int) (*sigWork, error) {
	m, err := newMaker(time.Now(), 200)
	if err != nil {
		return nil, err
	}
	if err := m.mature(ctx, 1); err != nil {
		return nil, err
	}
	_, coins, err := m.fan(m.coinbase(0), n, func(int) form { return lock })
	if err != nil {
		return nil, err
	}
	w := &sigWork{lock: lock, cached: newRunner()}
	if w.txs, err = m.spendAll(coins); err != nil {
		return nil, err
	}
	for _, c := range coins {
		w.spent = append(w.spent, c.Coin.Out)
	}
	spy := &listener{Verifier: script.NewVerifier()}
	if err := (&script.Runner{Verifier: spy}).Run(w.spends()); err != nil {
		return nil, err
	}
	w.checks = spy.heard
	return w, w.cached.Run(w.spends())
}

// spends makes the checks anew, so that no hash of a transaction is remembered.
func (w *sigWork) spends() []script.Check {
	checks := make([]script.Check, len(w.txs))
	for i, tx := range w.txs {
		spent := w.spent[i : i+1]
		checks[i] = script.Check{Tx: tx, Spent: spent, Flags: script.ConsensusFlags, Sums: script.NewSigSums(tx, spent)}
	}
	return checks
}

func (w *sigWork) bare() (int, error) {
	if bad := script.NewVerifier().Batch(w.checks); bad >= 0 {
		return 0, fmt.Errorf("signature %d is bad", bad)
	}
	return len(w.checks), nil
}

func (w *sigWork) cold() (int, error) {
	return len(w.txs), (&script.Runner{Verifier: script.NewVerifier()}).Run(w.spends())
}

func (w *sigWork) warm() (int, error) { return len(w.txs), w.cached.Run(w.spends()) }

// listener is a Verifier that remembers what it was asked.
type listener struct {
	script.Verifier
	heard []script.SigCheck
}

func (l *listener) Batch(checks []script.SigCheck) int {
	l.heard = append(l.heard, checks...)
	return l.Verifier.Batch(checks)
}
