package mempool

import (
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Limits of the standard form, as in Bitcoin Core 28.
const (
	maxVersion          = trucVersion
	maxWeight           = 400_000
	minBaseSize         = 65 // against CVE-2017-12842
	maxScriptSig        = 1650
	maxBareKeys         = 3
	maxP2SHSigOps       = 15
	maxSigOpCost        = consensus.MaxBlockSigOpCost / 5
	bytesPerSigOp       = 20
	maxWitnessScript    = 3600
	maxWitnessItems     = 100
	maxWitnessItem      = 80
	maxTapscriptItem    = 80
	annexTag            = 0x50
	tapscriptLeaf       = 0xc0
	tapscriptLeafMask   = 0xfe
	spendBytes          = 32 + 4 + 1 + 107 + 4
	witnessSpendBytes   = 32 + 4 + 1 + 107/types.WitnessScale + 4
	maxReplacements     = 100
	carveOutBytes       = 10_000
	scriptVersionOffset = 0x50 // OP_1 minus one
)

// Reconsiderable tells whether err refuses a transaction for its fees alone, so that it may enter in a package with a child that
// pays for it.
func Reconsiderable(err error) bool {
	var fees poor
	return errors.As(err, &fees)
}

// IsPolicy tells whether err is a refusal that says nothing against whoever sent the transaction: a matter of policy, or
// parents that we do not know. It is false of nil, of broken consensus rules and of our own failures.
func IsPolicy(err error) bool {
	var missing *MissingParents
	return asMissing(err, &missing) || consensus.IsPolicy(consensus.KindOf(err))
}

// checkForm judges what needs no coins: a RuleError if the transaction can never enter.
func (p *Pool) checkForm(tx *types.Tx) error {
	if err := consensus.CheckTx(p.cfg.Params, tx); err != nil {
		return err
	}
	if tx.IsCoinbase() {
		return consensus.Reject(consensus.CoinbaseAlone, "")
	}
	if !p.cfg.AcceptNonStandard {
		if err := p.checkStandard(tx); err != nil {
			return err
		}
	}
	if tx.BaseSize() < minBaseSize {
		return consensus.Reject(consensus.PolicyTxSizeSmall, fmt.Sprintf("%d bytes without witnesses", tx.BaseSize()))
	}
	return nil
}

// checkStandard is Core's IsStandardTx.
func (p *Pool) checkStandard(tx *types.Tx) error {
	if tx.Version < 1 || tx.Version > maxVersion {
		return consensus.Reject(consensus.PolicyVersion, fmt.Sprintf("version %d, standard are 1 to 3", tx.Version))
	}
	if tx.Weight() > maxWeight {
		return consensus.Reject(consensus.PolicyTxSize, fmt.Sprintf("weight %d, limit %d", tx.Weight(), maxWeight))
	}
	for i := range tx.In {
		sig := tx.In[i].ScriptSig
		if len(sig) > maxScriptSig {
			return consensus.Reject(consensus.PolicyScriptSigSize, fmt.Sprintf("input %d: %d bytes", i, len(sig)))
		}
		if !script.IsPushOnly(sig) {
			return consensus.Reject(consensus.PolicyScriptSigPush, fmt.Sprintf("input %d", i))
		}
	}
	return p.checkOutputs(tx)
}

func (p *Pool) checkOutputs(tx *types.Tx) error {
	carriers := 0
	for i := range tx.Out {
		out := &tx.Out[i]
		switch class, _ := script.Classify(out.Script); class {
		case script.NonStandard:
			return consensus.Reject(consensus.PolicyScriptPubKey, fmt.Sprintf("output %d", i))
		case script.MultiSig:
			if !fewBareKeys(out.Script) {
				return consensus.Reject(consensus.PolicyScriptPubKey, fmt.Sprintf("output %d: bare multisig of more than %d keys", i, maxBareKeys))
			}
		case script.NullData:
			carriers++
			if len(out.Script) > p.cfg.DataCarrierBytes {
				return consensus.Reject(consensus.PolicyScriptPubKey, fmt.Sprintf("output %d: %d bytes, limit %d", i, len(out.Script), p.cfg.DataCarrierBytes))
			}
		}
	}
	if n := len(p.dustOf(tx)); n > maxDustOutputs {
		return consensus.Reject(consensus.Dust, fmt.Sprintf("%d outputs, limit %d", n, maxDustOutputs))
	}
	if carriers > 1 {
		return consensus.Reject(consensus.PolicyMultiOpReturn, "")
	}
	return nil
}

// fewBareKeys tells whether a bare multisig has at most maxBareKeys keys. Before CHECKMULTISIG stands their number: OP_1 to OP_16, or
// a byte that is pushed from 17 on.
func fewBareKeys(multisig []byte) bool {
	count := int(multisig[len(multisig)-2])
	return count > scriptVersionOffset && count <= scriptVersionOffset+maxBareKeys
}

// DustLimit returns the least value, in the smallest unit, that an output locked by pkScript may have: what it costs to make and
// spend it at feeRate per 1000 virtual bytes (Core's GetDustThreshold). 0 for outputs that are never spent.
func DustLimit(pkScript []byte, feeRate int64) int64 {
	if script.Unspendable(pkScript) {
		return 0
	}
	size := 8 + types.VarIntSize(uint64(len(pkScript))) + len(pkScript)
	if _, _, ok := script.WitnessProgram(pkScript); ok {
		size += witnessSpendBytes
	} else {
		size += spendBytes
	}
	return feeFor(feeRate, int64(size))
}

// VSize returns the virtual bytes of a transaction of that weight, where each unit of signature operation cost counts as at least
// 20 weight units (Core's GetVirtualTransactionSize).
func VSize(weight, sigOpCost int) int64 {
	return (int64(max(weight, sigOpCost*bytesPerSigOp)) + types.WitnessScale - 1) / types.WitnessScale
}

// checkInputs is Core's AreInputsStandard and IsWitnessStandard.
func checkInputs(tx *types.Tx, coins []consensus.Coin) error {
	for i := range tx.In {
		in, lock := &tx.In[i], coins[i].Out.Script
		switch class, _ := script.Classify(lock); class {
		case script.NonStandard, script.WitnessUnknown:
			return consensus.Reject(consensus.NonStandardInputs, fmt.Sprintf("input %d", i))
		case script.ScriptHash:
			redeem, ok := redeemScript(in)
			if !ok {
				return consensus.Reject(consensus.NonStandardInputs, fmt.Sprintf("input %d: no redeem script", i))
			}
			if n := script.CountSigOps(redeem, true); n > maxP2SHSigOps {
				return consensus.Reject(consensus.NonStandardInputs, fmt.Sprintf("input %d: %d signature operations", i, n))
			}
		}
	}
	for i := range tx.In {
		if in := &tx.In[i]; len(in.Witness) > 0 && !standardWitness(in, coins[i].Out.Script) {
			return consensus.Reject(consensus.WitnessNonStandard, fmt.Sprintf("input %d", i))
		}
	}
	return nil
}

func standardWitness(in *types.TxIn, lock []byte) bool {
	nested := false
	if class, _ := script.Classify(lock); class == script.ScriptHash {
		redeem, ok := redeemScript(in)
		if !ok {
			return false
		}
		lock, nested = redeem, true
	}
	switch class, _ := script.Classify(lock); {
	case class == script.WitnessPubKeyHash:
		return true
	case class == script.WitnessScriptHash:
		return standardScriptSpend(in.Witness)
	case class == script.Taproot && !nested:
		return standardTaproot(in.Witness)
	case class == script.Anchor && !nested:
		return false // it needs no witness
	}
	_, _, ok := script.WitnessProgram(lock)
	return ok
}

func standardScriptSpend(witness [][]byte) bool {
	last := len(witness) - 1
	if len(witness[last]) > maxWitnessScript || last > maxWitnessItems {
		return false
	}
	return itemsWithin(witness[:last], maxWitnessItem)
}

func standardTaproot(witness [][]byte) bool {
	last := witness[len(witness)-1]
	if len(witness) >= 2 && len(last) > 0 && last[0] == annexTag {
		return false
	}
	if len(witness) == 1 {
		return true
	}
	if len(last) == 0 {
		return false
	}
	return last[0]&tapscriptLeafMask != tapscriptLeaf || itemsWithin(witness[:len(witness)-2], maxTapscriptItem)
}

func itemsWithin(items [][]byte, limit int) bool {
	for _, item := range items {
		if len(item) > limit {
			return false
		}
	}
	return true
}

// redeemScript returns the last item that an input's scriptSig pushes; ok is false if there is none.
func redeemScript(in *types.TxIn) (redeem []byte, ok bool) {
	items, ok := script.Pushes(in.ScriptSig)
	if !ok || len(items) == 0 {
		return nil, false
	}
	return items[len(items)-1], true
}
