package mempool

import (
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// counting counts signatures.
type counting struct {
	script.Verifier
	n int
}

func (c *counting) Batch(sigs []script.SigCheck) int {
	c.n += len(sigs)
	return c.Verifier.Batch(sigs)
}

func TestProve(t *testing.T) {
	w := newWorld(t, Config{}, 3)
	sigs := &counting{Verifier: script.NewVerifier()}
	w.pool.cfg.Verify = &script.Runner{Verifier: sigs}
	prove := func(tx *types.Tx) *Proof { return w.pool.Prove(tx, w.fetch(tx), w.chain.Tip(), w.now) }

	good := w.spend(1000, 2, w.coinbase(1))
	proof := prove(good)
	if proof == nil || sigs.n != 1 || w.has(good) {
		t.Fatalf("%+v after %d signatures", proof, sigs.n)
	}
	// A block between: the proof is still good, and nothing is verified again.
	w.mine()
	if _, err := w.addOpt(good, AddOptions{Proof: proof}); err != nil || sigs.n != 1 {
		t.Errorf("%v after %d signatures", err, sigs.n)
	}
	// A proof is of one transaction: its twin with a broken signature is verified.
	bad := w.spend(1000, 1, w.coinbase(2)).Clone()
	proof = prove(bad)
	bad = bad.Clone()
	bad.In[0].Witness[0][9] ^= 1
	bad = bad.Clone()
	if _, err := w.addOpt(bad, AddOptions{Proof: proof}); kindOf(err) != consensus.MandatoryScriptVerify {
		t.Errorf("another one's proof: %v", err)
	}
	n := sigs.n
	proof = prove(bad)
	if _, err := w.addOpt(bad, AddOptions{Proof: proof}); kindOf(err) != consensus.MandatoryScriptVerify || proof == nil || sigs.n > n+2 {
		t.Errorf("a proof of the contrary: %v, %+v", err, proof)
	}
	// What is refused before its scripts, or hangs in the air, has none; neither has what is judged at another tip.
	n = sigs.n
	old := w.chain.Tip().Parent
	for _, tx := range []*types.Tx{w.spend(1, 1, w.coinbase(2)), w.spend(1000, 1, out(bad, 0)), good} {
		if prove(tx) != nil {
			t.Errorf("%s has a proof", tx.ID())
		}
	}
	if w.pool.Prove(w.spend(1000, 1, w.coinbase(3)), w.tipCoins(), old, w.now) != nil || sigs.n != n {
		t.Error("a proof at another tip")
	}
	// The coins are judged by Add, whatever the proof says.
	rival := w.spend(2000, 1, w.coinbase(3))
	proof = prove(rival)
	w.mine(w.spend(1000, 1, w.coinbase(3)))
	if _, err := w.addOpt(rival, AddOptions{Proof: proof}); kindOf(err) != consensus.MissingInputs {
		t.Errorf("spent meanwhile: %v", err)
	}
	w.check()
}
