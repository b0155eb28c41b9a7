package mempool

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// locked pays an output of ours to a script and takes that into the pool.
func locked(w *world, op types.OutPoint, lock []byte) types.OutPoint {
	w.t.Helper()
	tx := w.draft(1000, 1, op)
	tx.Out[0].Script = lock
	tx = w.sign(tx)
	w.add(tx)
	return out(tx, 0)
}

// TestScriptSpends: what the interpreter decides enters, or is refused as Core refuses it: as broken consensus, or as
// broken policy alone.
func TestScriptSpends(t *testing.T) {
	w := newWorld(t, Config{}, 6)
	pub, err := script.PublicKey(w.priv)
	if err != nil {
		t.Fatal(err)
	}
	multi := append(append([]byte{0x51, 33}, pub[:]...), 0x51, 0xae) // 1 of 1
	wsh := func(code []byte) []byte { return script.PayToWitnessScriptHash(sha256.Sum256(code)) }

	op := locked(w, w.coinbase(1), wsh(multi))
	tx := w.draft(1000, 1, op)
	hash := script.WitnessV0SigHash(script.NewSigSums(tx, []types.TxOut{w.outs[op]}), 0, multi, script.SigHashAll)
	sig, err := script.SignECDSA(w.priv, hash, script.SigHashAll)
	if err != nil {
		t.Fatal(err)
	}
	with := func(items ...[]byte) *types.Tx {
		c := tx.Clone()
		c.In[0].Witness = items
		return c
	}
	w.refuse(with(nil, nil, multi), consensus.MandatoryScriptVerify)
	if err := w.refuse(with([]byte{1}, sig, multi), consensus.MandatoryScriptVerify); !strings.Contains(err.Error(), string(script.ErrSigNullDummy)) {
		t.Errorf("dummy: %v", err)
	}
	w.refuse(with(make([]byte, 81), sig, multi), consensus.WitnessNonStandard)
	good := with(nil, sig, multi)
	w.note(good)
	w.add(good)
	// The block that it enters need not verify it again.
	runner := w.pool.cfg.Verify
	if !runner.Verified(script.NewSigSums(good, []types.TxOut{w.outs[op]}), script.ConsensusFlags) {
		t.Error("the cache does not know what the pool verified")
	}

	nop := []byte{0xb9, 0x51} // NOP10: a soft fork may still use it
	tx = w.draft(1000, 1, locked(w, w.coinbase(2), wsh(nop)))
	w.refuse(with(nop), consensus.MempoolScriptVerify)

	unclean := []byte{0x51, 0x51}
	tx = w.draft(1000, 1, locked(w, w.coinbase(3), wsh(unclean)))
	w.refuse(with(unclean), consensus.MandatoryScriptVerify)

	redeem := []byte{0x51}
	tx = w.draft(1000, 1, locked(w, w.coinbase(4), script.PayToScriptHash(script.Hash160(redeem))))
	p2sh := tx.Clone()
	p2sh.In[0].ScriptSig = script.PushData(redeem)
	w.note(p2sh)
	w.add(p2sh)
}
