package script

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// manyInputs returns a signed transaction with n inputs of one form.
func manyInputs(b *testing.B, name string, n int) (*types.Tx, []types.TxOut) {
	b.Helper()
	priv, pub := testKey(b, 1)
	locks := make([][]byte, n)
	for i := range locks {
		locks[i] = lockFor(name, pub)
	}
	tx, spent := spendAll(locks...)
	sums := NewSigSums(tx, spent)
	for i := range tx.In {
		scriptSig, witness, err := SignInput(sums, i, priv, [32]byte{})
		if err != nil {
			b.Fatal(err)
		}
		tx.In[i].ScriptSig, tx.In[i].Witness = scriptSig, witness
	}
	return tx, spent
}

// BenchmarkVerify counts inputs per second on one core, cold and with a warm cache.
func BenchmarkVerify(b *testing.B) {
	for _, name := range lockNames {
		tx, spent := manyInputs(b, name, 100)
		for _, warm := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/warm=%v", name, warm), func(b *testing.B) {
				r := &Runner{Verifier: NewVerifier()}
				if warm {
					r.Cache = NewCache(1<<20, [32]byte{})
				}
				for b.Loop() {
					if err := r.Run(checksOf(tx, spent, StandardFlags)); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*len(tx.In))/b.Elapsed().Seconds(), "inputs/s")
			})
		}
	}
}

// BenchmarkLegacyQuadratic hashes all inputs of a transaction of nearly the largest size, with half of it in outputs and by each kind of
// hash type, and the last input with all types in turn, as a script of many CHECKSIGs does.
func BenchmarkLegacyQuadratic(b *testing.B) {
	_, pub := testKey(b, 1)
	lock := lockFor("P2PKH", pub)
	locks := make([][]byte, 5300)
	for i := range locks {
		locks[i] = lock
	}
	tx, spent := spendAll(locks...)
	tx.Out = make([]types.TxOut, 15_000)
	for i := range tx.Out {
		tx.Out[i] = types.TxOut{Value: 1, Script: lock}
	}
	for name, hashType := range map[string]uint32{"all": SigHashAll, "none": SigHashNone, "single": SigHashSingle,
		"all, anyone": SigHashAll | SigHashAnyoneCanPay, "none, anyone": SigHashNone | SigHashAnyoneCanPay, "single, anyone": SigHashSingle | SigHashAnyoneCanPay} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				sums := NewSigSums(tx, spent)
				for i := range tx.In {
					sums.legacySigHash(i, lock, hashType)
				}
			}
		})
	}
	b.Run("one input, 200 types", func(b *testing.B) {
		sums := NewSigSums(tx, spent)
		for b.Loop() {
			m := &machine{spend: &spend{Check: &Check{Tx: tx, Input: len(tx.In) - 1, Spent: spent, Sums: sums}}}
			for i := range 200 {
				m.sigHash(lock, byte(i))
			}
		}
	})
}

// BenchmarkInterpreter counts inputs per second that run in the interpreter: P2WSH with 2 of 3 keys, and a tapscript with one.
func BenchmarkInterpreter(b *testing.B) {
	var keys [3][33]byte
	for i := range keys {
		_, keys[i] = testKey(b, byte(i))
	}
	code := multiSig(2, keys[:]...)
	lock, _, _ := wrap("P2WSH", code, nil)
	tx, spent := spendAll(lock)
	tx.In[0].Witness = [][]byte{nil, signCode(b, tx, spent, "P2WSH", code, 1), signCode(b, tx, spent, "P2WSH", code, 2), code}
	benchmarkInput(b, "P2WSH 2 of 3", tx, spent)

	leaf := join([]byte{32}, keys[0][1:], []byte{opCheckSig})
	lock, control := tapLock(b, LeafVersionTapscript, leaf)
	tx, spent = spendAll(lock)
	priv, _ := testKey(b, 0)
	hash, _ := TaprootSigHash(NewSigSums(tx, spent), 0, SigHashDefault, nil, &TapLeaf{Hash: TapLeafHash(LeafVersionTapscript, leaf), CodeSeparator: noSeparator})
	sig, err := SignSchnorr(priv, hash, [32]byte{})
	if err != nil {
		b.Fatal(err)
	}
	tx.In[0].Witness = [][]byte{sig[:], leaf, control}
	benchmarkInput(b, "tapscript", tx, spent)

	busy := bytes.Repeat([]byte{opDup, opHash160, opDrop}, 67)
	lock, _, witness := wrap("P2WSH", busy, [][]byte{{1}})
	tx, spent = spendAll(lock)
	tx.In[0].Witness = witness
	benchmarkInput(b, "P2WSH 201 operations", tx, spent)
}

func benchmarkInput(b *testing.B, name string, tx *types.Tx, spent []types.TxOut) {
	for _, warm := range []bool{false, true} {
		b.Run(fmt.Sprintf("%s/warm=%v", name, warm), func(b *testing.B) {
			r := &Runner{Verifier: NewVerifier()}
			if warm {
				r.Cache = NewCache(1<<20, [32]byte{})
			}
			for b.Loop() {
				if err := r.Run(checksOf(tx, spent, StandardFlags)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "inputs/s")
		})
	}
}
