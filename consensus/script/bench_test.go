package script

import (
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

// BenchmarkLegacyQuadratic hashes all inputs of a large transaction, the worst that P2PKH can ask for.
func BenchmarkLegacyQuadratic(b *testing.B) {
	_, pub := testKey(b, 1)
	lock := lockFor("P2PKH", pub)
	locks := make([][]byte, 2000)
	for i := range locks {
		locks[i] = lock
	}
	tx, spent := spendAll(locks...)
	for b.Loop() {
		sums := NewSigSums(tx, spent)
		for i := range tx.In {
			sums.legacySigHash(i, lock, SigHashAll)
		}
	}
}
