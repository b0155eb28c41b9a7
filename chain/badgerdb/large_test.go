package badgerdb_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/badgerdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// A block of nearly the largest weight whose outputs are as small as outputs can be makes 111,000 coins, more than a Badger
// transaction takes. It is connected, flushed, found again and taken off.
func TestLargestBlock(t *testing.T) {
	dir := t.TempDir()
	m := storetest.Maker{T: t, Params: storetest.Params()}
	a := m.Empty(m.Genesis(), 3)
	tx := storetest.Spend(1, storetest.Output(a[0].Block.Txs[0], 0, 1, true))
	tx.Out = make([]types.TxOut, 111_000)
	for i := range tx.Out {
		tx.Out[i] = types.TxOut{Value: 1} // an empty script: spendable by the rules, if not by today's
	}
	big := m.Block(a[2], tx)
	if w := big.Block.Weight(); w > types.MaxBlockWeight || w < types.MaxBlockWeight*99/100 {
		t.Fatalf("weight %d", w)
	}
	c := storetest.Open(t, storetest.Config(m.Params, open(t, dir)))
	storetest.Add(t, c, append(a, big)...)
	if err := c.Flush(); err != nil { // "Txn is too big", if it were one
		t.Fatal(err)
	}
	if n := c.CacheStats().FlushedCoins; n != 111_003 {
		t.Fatalf("%d coins", n)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = storetest.Open(t, storetest.Config(m.Params, open(t, dir)))
	storetest.Agree(t, c, big)
	if err := c.Invalidate(big.Hash()); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, c, a[2])
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// Undo data of more than one part.
func TestLargeUndo(t *testing.T) {
	s := open(t, t.TempDir())
	undo := make(consensus.Undo, 1)
	for i := range 4200 {
		undo[0] = append(undo[0], consensus.Coin{Out: types.TxOut{Value: int64(i), Script: make([]byte, 10_000)}})
	}
	hash := types.Hash{1}
	if err := s.PutUndo(hash, undo); err != nil {
		t.Fatal(err)
	}
	got, err := s.Undo(hash)
	if err != nil || len(got) != 1 || len(got[0]) != 4200 || got[0][4199].Out.Value != 4199 {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func openBench(b *testing.B, dir string) *badgerdb.Store {
	s, err := badgerdb.Open(dir, badgerdb.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkOpen measures the start with an index of 100,000 headers.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	m := storetest.Maker{T: b, Params: storetest.Params()}
	c := storetest.Open(b, storetest.Config(m.Params, openBench(b, dir)))
	parent := m.Genesis()
	for range 50 {
		var hs []types.Header
		for range 2000 {
			head := parent.Header()
			blk := &types.Block{Header: types.Header{Version: 4, PrevHash: parent.Hash(), Bits: head.Bits, Time: uint32(max(int64(head.Time)+1, parent.MedianTime()+1))}}
			consensustest.Solve(blk)
			parent = consensustest.NewNode(parent, blk)
			hs = append(hs, blk.Header)
		}
		if _, err := c.AddHeaders(hs); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c := storetest.Open(b, storetest.Config(m.Params, openBench(b, dir)))
		if c.BestHeader().Height() != 100_000 {
			b.Fatal("headers are missing")
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// phases sums what the chain observes.
type phases map[string]time.Duration

func (p phases) Phase(name string, d time.Duration) { p[name] += d }
func (p phases) Reorg(int)                          {}

// BenchmarkConnect measures one block of 2,000 transactions of one input and two outputs, on Badger, with real signatures, and where the
// time goes.
func BenchmarkConnect(b *testing.B) {
	for _, warm := range []bool{false, true} {
		b.Run(fmt.Sprintf("warm=%v", warm), func(b *testing.B) { benchConnect(b, warm) })
	}
}

func benchConnect(b *testing.B, warm bool) {
	dir := b.TempDir()
	m := storetest.Maker{T: b, Params: storetest.Params()}
	base, key := benchBase(b, &m, dir)
	seen := phases{}
	began := time.Now()
	cfg := storetest.Config(m.Params, openBench(b, dir))
	cfg.Observe, cfg.FlushBlocks, cfg.CacheBytes = seen, 1_000_000, 64<<20
	cfg.Monotonic = func() time.Duration { return time.Since(began) }
	cfg.Workers = runtime.GOMAXPROCS(0)
	cfg.Verify = &script.Runner{Verifier: script.NewVerifier(), Cache: script.NewCache(32<<20, [32]byte{})}
	c := storetest.Open(b, cfg)
	txs := benchSpends(b, base.Block.Txs[1], key)
	warmUp := m.Draft(base, txs...)
	consensus.CommitWitness(warmUp)
	if err := c.TestBlock(warmUp); err != nil {
		b.Fatal(err)
	}
	clear(seen)
	blocks := 0
	for b.Loop() {
		b.StopTimer()
		n := m.Block(base, txs...)
		raw := n.Block.Bytes()
		if !warm {
			cfg.Verify.Cache = script.NewCache(32<<20, [32]byte{})
		}
		b.StartTimer()
		start := time.Now()
		decoded, err := types.DecodeBlock(raw)
		seen.Phase("decode", time.Since(start))
		if _, aerr := c.AddBlock(decoded); err != nil || aerr != nil {
			b.Fatal(err, aerr)
		}
		b.StopTimer()
		if c.Tip().Hash() != n.Hash() {
			b.Fatal("not connected")
		}
		if err := c.Invalidate(n.Hash()); err != nil {
			b.Fatal(err)
		}
		blocks++
		b.StartTimer()
	}
	for name, d := range seen {
		b.ReportMetric(float64(d.Microseconds())/1000/float64(blocks), name+"-ms")
	}
	storetest.Add(b, c, m.Block(base, txs...))
	clear(seen)
	if err := c.Flush(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(seen["flush"].Microseconds())/1000, "flush-ms")
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}

// benchBase makes a chain whose last block has 2,000 coins locked by the key. Its own signatures are the tests' toys.
func benchBase(b *testing.B, m *storetest.Maker, dir string) (*consensustest.Node, *btcec.PrivateKey) {
	b.Helper()
	a := m.Empty(m.Genesis(), 3)
	key, lock := benchKey()
	split := storetest.Spend(2000, storetest.Output(a[0].Block.Txs[0], 0, 1, true))
	for i := range split.Out {
		split.Out[i].Script = lock
	}
	base := m.Block(a[2], split)
	c := storetest.Open(b, storetest.Config(m.Params, openBench(b, dir)))
	storetest.Add(b, c, append(a, base)...)
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	return base, key
}

// benchKey returns a key and the taproot lock for it.
func benchKey() (*btcec.PrivateKey, []byte) {
	key, pub := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{7}, 32))
	return key, script.PayToTaproot([32]byte(schnorr.SerializePubKey(pub)))
}

// benchSpends spends every output of tx into two, signed.
func benchSpends(b *testing.B, tx *types.Tx, key *btcec.PrivateKey) (txs []*types.Tx) {
	b.Helper()
	for i := range tx.Out {
		spend := storetest.Spend(2, storetest.Output(tx, i, 4, false))
		hash, ok := script.TaprootSigHash(script.NewSigSums(spend, tx.Out[i:i+1]), 0, 0, nil, nil)
		if !ok {
			b.Fatal("no signature hash")
		}
		sig, err := schnorr.Sign(key, hash[:])
		if err != nil {
			b.Fatal(err)
		}
		signed := spend.Clone()
		signed.In[0].Witness = [][]byte{sig.Serialize()}
		txs = append(txs, signed)
	}
	return txs
}

// TestIdleMemory prints what ten idle nodes' stores take.
func TestIdleMemory(t *testing.T) {
	debug.FreeOSMemory()
	before := resident(t)
	p := storetest.Params()
	var chains []*chain.Chain
	for range 10 {
		dir := t.TempDir()
		kv, err := badgerdb.OpenKV(dir, badgerdb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer kv.Close()
		chains = append(chains, storetest.Open(t, storetest.Config(p, open(t, dir))))
	}
	debug.FreeOSMemory()
	each := (resident(t) - before) / 10
	t.Logf("%d KiB a node", each)
	if each > 15<<10 {
		t.Errorf("an idle store takes %d KiB", each)
	}
	for _, c := range chains {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// resident returns the resident memory of this process in KiB.
func resident(t *testing.T) (kib int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc/self/status here")
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
