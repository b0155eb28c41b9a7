package script

import (
	"encoding/binary"
	"errors"
	"sync"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// countingVerifier counts what reaches the curve.
type countingVerifier struct {
	Verifier
	mu      sync.Mutex
	batches []int
}

func (v *countingVerifier) Batch(checks []SigCheck) int {
	v.mu.Lock()
	v.batches = append(v.batches, len(checks))
	v.mu.Unlock()
	return v.Verifier.Batch(checks)
}

// TestRunnerBatches: all signatures of a run meet the verifier together, and once; then the transaction is known.
func TestRunnerBatches(t *testing.T) {
	tx, spent := signedAll(t)
	v := &countingVerifier{Verifier: NewVerifier()}
	r := &Runner{Verifier: v, Cache: NewCache(1<<20, [32]byte{1})}
	checks := checksOf(tx, spent, StandardFlags)
	for range 3 {
		if err := r.Run(checks); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.batches) != 1 || v.batches[0] != len(checks) {
		t.Errorf("batches of %v, want one of %d", v.batches, len(checks))
	}
	// One signature of another transaction is new, the others are known.
	other := tx.Clone()
	other.In[1].ScriptSig = tx.In[1].ScriptSig
	more := append(append([]Check(nil), checks...), checksOf(other, spent, ConsensusFlags)[1])
	more[len(more)-1].Tx, more[len(more)-1].Sums = other, NewSigSums(other, spent)
	if err := r.Run(more); err != nil || len(v.batches) != 1 {
		t.Errorf("the same signature in a copy of the transaction: %v, batches %v", err, v.batches)
	}
	if s := r.Cache.Stats(); s.Entries != 6 || s.Txs != 1 || s.Misses != 5 || s.Hits != 0 || s.TxHits != 4 || s.TxMisses != 1 {
		t.Errorf("cache: %+v", s)
	}
	// Under flags that were not among those it passed under, its signatures are looked up one by one.
	if err := r.Run(checksOf(tx, spent, StandardFlags|VerifySigPushOnly)); err != nil || len(v.batches) != 1 {
		t.Errorf("under more flags: %v, batches %v", err, v.batches)
	}
	if s := r.Cache.Stats(); s.Hits != 5 || s.TxMisses != 2 || s.Txs != 1 {
		t.Errorf("cache: %+v", s)
	}
}

// TestRunnerFailure: the failure is that of the lowest check, and what failed is not remembered.
func TestRunnerFailure(t *testing.T) {
	good, spent := signedAll(t)
	tx := good.Clone()
	tx.In[1].ScriptSig = flip(tx.In[1].ScriptSig, 8*10) // a bad signature
	tx.In[3].Witness = nil                              // no signature at all
	for _, cache := range []*Cache{nil, NewCache(1<<20, [32]byte{})} {
		r := &Runner{Verifier: NewVerifier(), Cache: cache}
		for range 2 {
			var f *Failure
			if err := r.Run(checksOf(tx, spent, StandardFlags)); !errors.As(err, &f) || f.Input != 1 || f.Tx != tx.ID() || f.Err != ErrSigNullFail {
				t.Errorf("got %v", err)
			}
			if err := r.Run(checksOf(tx, spent, StandardFlags)[2:]); !errors.As(err, &f) || f.Input != 3 || !errors.Is(err, ErrWitnessMismatch) {
				t.Errorf("got %v", err)
			}
		}
		if cache != nil && cache.Stats().Entries != 1 {
			t.Errorf("%d entries, want the one signature that was good in a good batch", cache.Stats().Entries)
		}
	}
	err := (&Runner{Verifier: NewVerifier()}).Run(checksOf(tx, spent, StandardFlags)[3:])
	if want := "Witness program hash mismatch, input 3 of " + tx.ID().String(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestRunnerMalformed: a check that was made wrong is our fault, not the data's.
func TestRunnerMalformed(t *testing.T) {
	tx, spent := signedAll(t)
	sums := NewSigSums(tx, spent)
	for name, c := range map[string]Check{
		"nothing":         {},
		"no sums":         {Tx: tx, Spent: spent},
		"other sums":      {Tx: tx, Spent: spent, Sums: NewSigSums(tx.Clone(), spent)},
		"input over":      {Tx: tx, Spent: spent, Sums: sums, Input: 5},
		"input under":     {Tx: tx, Spent: spent, Sums: sums, Input: -1},
		"an output short": {Tx: tx, Spent: spent[:4], Sums: sums},
		"sums short":      {Tx: tx, Spent: spent, Sums: NewSigSums(tx, spent[:4])},
	} {
		var f *Failure
		err := (&Runner{Verifier: NewVerifier()}).Run([]Check{c})
		if !errors.Is(err, errMalformed) || errors.As(err, &f) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&Runner{Verifier: NewVerifier()}).Run(nil); err != nil {
		t.Errorf("no checks: %v", err)
	}
}

// TestRunnerConcurrent: workers share runner, cache and sums; good and bad chunks do not disturb each other.
func TestRunnerConcurrent(t *testing.T) {
	tx, spent := signedAll(t)
	bad := tx.Clone()
	bad.In[4].Witness[0] = flip(bad.In[4].Witness[0], 5)
	r := &Runner{Verifier: NewVerifier(), Cache: NewCache(1<<16, [32]byte{2})}
	checks, badChecks := checksOf(tx, spent, StandardFlags), checksOf(bad, spent, StandardFlags)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				if w%2 == 0 {
					if err := r.Run(checks[i%len(checks):]); err != nil {
						t.Errorf("good: %v", err)
					}
				} else if err := scriptErrorOf(r.Run(badChecks)); err != ErrSchnorrSig {
					t.Errorf("bad: %q", err)
				}
			}
		})
	}
	wg.Wait()
}

func scriptErrorOf(err error) Error {
	var f *Failure
	if errors.As(err, &f) {
		return f.Err
	}
	return ""
}

func TestCacheBound(t *testing.T) {
	const limit = 1 << 16
	c := NewCache(limit, [32]byte{})
	keep := c.key(&SigCheck{Hash: [32]byte{1}})
	c.add(&keep)
	for i := range 20_000 {
		var check SigCheck
		binary.LittleEndian.PutUint64(check.Hash[:], uint64(i)+1000)
		k := c.key(&check)
		if c.has(&k) {
			t.Fatalf("entry %d was never added", i)
		}
		c.add(&k)
		if !c.has(&k) {
			t.Fatalf("entry %d is gone at once", i)
		}
		// What is asked for stays.
		if !c.has(&keep) {
			t.Fatalf("a used entry is gone after %d others", i)
		}
		if s := c.Stats(); s.Bytes > limit {
			t.Fatalf("%d bytes after %d entries", s.Bytes, i)
		}
	}
	if s := c.Stats(); s.Bytes < limit/2 {
		t.Errorf("only %d of %d bytes are used", s.Bytes, limit)
	}
	none := NewCache(100, [32]byte{})
	none.add(&keep)
	if none.has(&keep) || NewCache(-1, [32]byte{}).Stats().Entries != 0 {
		t.Error("a cache without room holds something")
	}
}

// TestCacheKeys: everything about a check is in its key.
func TestCacheKeys(t *testing.T) {
	c := NewCache(0, [32]byte{1})
	base := SigCheck{Hash: [32]byte{1}, Key: []byte{2, 3}, Sig: []byte{4}}
	seen := map[[32]byte]string{c.key(&base): "base"}
	for name, check := range map[string]SigCheck{
		"hash":    {Hash: [32]byte{2}, Key: []byte{2, 3}, Sig: []byte{4}},
		"key":     {Hash: [32]byte{1}, Key: []byte{2, 2}, Sig: []byte{4}},
		"sig":     {Hash: [32]byte{1}, Key: []byte{2, 3}, Sig: []byte{5}},
		"border":  {Hash: [32]byte{1}, Key: []byte{2}, Sig: []byte{3, 4}},
		"schnorr": {Hash: [32]byte{1}, Key: []byte{2, 3}, Sig: []byte{4}, Schnorr: true},
	} {
		k := c.key(&check)
		if other, ok := seen[k]; ok {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[k] = name
	}
	if k := NewCache(0, [32]byte{2}).key(&base); seen[k] != "" {
		t.Error("the salt is not in the key")
	}
}

// TestSignErrors: keys that are none, and outputs that cannot be signed for.
func TestSignErrors(t *testing.T) {
	order := [32]byte(unhex(t, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"))
	for _, bad := range [][32]byte{{}, order, {0: 0xff, 1: 0xff, 2: 0xff, 3: 0xff, 4: 0xff, 5: 0xff, 6: 0xff, 7: 0xff, 8: 0xff, 9: 0xff, 10: 0xff, 11: 0xff, 12: 0xff, 13: 0xff, 14: 0xff, 15: 0xff}} {
		_, err1 := PublicKey(bad)
		_, err2 := SignECDSA(bad, types.Hash{}, SigHashAll)
		_, err3 := SignSchnorr(bad, [32]byte{}, [32]byte{})
		_, err4 := TweakPrivateKey(bad, nil)
		_, err5 := SignTaprootKeyPath(bad, types.Hash{}, 0, [32]byte{})
		for _, err := range []error{err1, err2, err3, err4, err5} {
			if !errors.Is(err, ErrPrivateKey) {
				t.Errorf("%x: %v", bad, err)
			}
		}
	}
	notX := [32]byte{31: 5}
	if _, _, err := TweakPublicKey(notX, nil); !errors.Is(err, ErrXOnlyKey) {
		t.Errorf("x of no point: %v", err)
	}
	if out := TaprootOutputKey(notX); out != [32]byte{} {
		t.Errorf("x of no point: %x", out)
	}
	priv, _ := testKey(t, 1)
	tx, spent := spendAll(PayToWitnessScriptHash([32]byte{}), PayToTaproot([32]byte{}))
	if _, _, err := SignInput(NewSigSums(tx, spent), 0, priv, [32]byte{}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("P2WSH: %v", err)
	}
	for _, input := range []int{-1, 2} {
		if _, _, err := SignInput(NewSigSums(tx, spent), input, priv, [32]byte{}); !errors.Is(err, errMalformed) {
			t.Errorf("input %d: %v", input, err)
		}
	}
	if _, _, err := SignInput(NewSigSums(tx, spent[:1]), 1, priv, [32]byte{}); !errors.Is(err, errMalformed) {
		t.Errorf("no spent output: %v", err)
	}
}
