package consensus

import (
	"fmt"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// MaxBlockSigOpCost is the most that the signature operations of a block may cost (BIP141).
const MaxBlockSigOpCost = 80_000

// Lock times below this are heights, from it on seconds since 1970.
const lockTimeThreshold = 500_000_000

// Sequence numbers (BIP68).
const (
	sequenceFinal       = 0xffffffff
	sequenceDisable     = 1 << 31
	sequenceTypeTime    = 1 << 22
	sequenceMask        = 0xffff
	sequenceGranularity = 9 // units of 512 seconds
)

// Lengths in bytes of a coinbase's scriptSig.
const (
	minCoinbaseScript = 2
	maxCoinbaseScript = 100
)

// CheckTx checks what a transaction must satisfy wherever it stands: inputs and outputs present, size,
// amounts and their sum in [0, MaxMoney], no outpoint twice, the shape of a coinbase. It returns nil or
// a RuleError, the first in Bitcoin Core's order.
func CheckTx(p *Params, tx *types.Tx) error {
	switch {
	case len(tx.In) == 0:
		return Reject(BadTxnsVinEmpty, "")
	case len(tx.Out) == 0:
		return Reject(BadTxnsVoutEmpty, "")
	case tx.BaseSize()*types.WitnessScale > types.MaxBlockWeight:
		return Reject(BadTxnsOversize, fmt.Sprintf("%d bytes without witnesses", tx.BaseSize()))
	case p.Refuse64ByteTx && tx.BaseSize() == 64:
		return Reject(BadTxns64Byte, "64 bytes without witnesses could be an inner node of a merkle tree")
	}
	if err := checkOutputs(tx); err != nil {
		return err
	}
	return checkInputs(tx)
}

func checkOutputs(tx *types.Tx) error {
	var total int64
	for i := range tx.Out {
		v := tx.Out[i].Value
		if v < 0 {
			return Reject(BadTxnsVoutNegative, fmt.Sprintf("output %d", i))
		}
		if v > MaxMoney {
			return Reject(BadTxnsVoutTooLarge, fmt.Sprintf("output %d", i))
		}
		if total += v; total > MaxMoney { // both are at most MaxMoney: no overflow
			return Reject(BadTxnsTxOutTotalTooLarge, "")
		}
	}
	return nil
}

func checkInputs(tx *types.Tx) error {
	seen := make(map[types.OutPoint]struct{}, len(tx.In))
	for i := range tx.In {
		op := tx.In[i].PrevOut
		if _, dup := seen[op]; dup {
			return Reject(BadTxnsInputsDuplicate, op.String())
		}
		seen[op] = struct{}{}
	}
	if tx.IsCoinbase() {
		if n := len(tx.In[0].ScriptSig); n < minCoinbaseScript || n > maxCoinbaseScript {
			return Reject(BadCbLength, fmt.Sprintf("scriptSig of %d bytes", n))
		}
		return nil
	}
	for i := range tx.In {
		if tx.In[i].PrevOut == types.NullOutPoint {
			return Reject(BadTxnsPrevoutNull, fmt.Sprintf("input %d", i))
		}
	}
	return nil
}

// IsFinal tells whether tx may stand in a block of that height whose parent has that median time past
// (BIP113; before it, the time of the block itself counts): it has no lock time, or a past one, or all its inputs
// switch the lock off.
func IsFinal(tx *types.Tx, height int32, medianTime int64) bool {
	if tx.LockTime == 0 {
		return true
	}
	now := int64(height)
	if tx.LockTime >= lockTimeThreshold {
		now = medianTime
	}
	if int64(tx.LockTime) < now {
		return true
	}
	for i := range tx.In {
		if tx.In[i].Sequence != sequenceFinal {
			return false
		}
	}
	return true
}

// SequenceLocksMet tells whether tx may stand in the block after parent as far as the relative locks of
// BIP68 go. spent are the coins that its inputs spend, in input order; one made in that very block
// has the height parent.Height()+1. It is false if spent does not fit the inputs.
func SequenceLocksMet(tx *types.Tx, spent []Coin, parent Ancestry) bool {
	if tx.Version < 2 || tx.IsCoinbase() {
		return true
	}
	if len(spent) != len(tx.In) {
		return false
	}
	height, median := int64(parent.Height())+1, parent.MedianTime()
	for i := range tx.In {
		seq := tx.In[i].Sequence
		if seq&sequenceDisable != 0 {
			continue
		}
		lock := int64(seq & sequenceMask)
		if seq&sequenceTypeTime == 0 {
			if int64(spent[i].Height)+lock > height {
				return false
			}
			continue
		}
		base := parent.Ancestor(max(spent[i].Height-1, 0)) // the block before the coin's own
		if base == nil || base.MedianTime()+lock<<sequenceGranularity > median {
			return false
		}
	}
	return true
}

// SigOpCost returns the cost of tx's signature operations in the units of BIP141: four for each in its
// scriptSigs, its outputs and the P2SH scripts that it runs, one for each in witnesses. spent are the
// coins of its inputs in input order; for a coinbase nil.
func SigOpCost(tx *types.Tx, spent []Coin) int { return sigOpCost(tx, spent, script.ConsensusFlags) }

// sigOpCost is SigOpCost where P2SH scripts and witnesses count only if flags say that they are run.
func sigOpCost(tx *types.Tx, spent []Coin, flags script.Flags) int {
	cost := legacySigOps(tx) * types.WitnessScale
	if tx.IsCoinbase() {
		return cost
	}
	for i := range min(len(tx.In), len(spent)) {
		in, lock := &tx.In[i], spent[i].Out.Script
		if flags&script.VerifyP2SH != 0 {
			cost += script.P2SHSigOps(in.ScriptSig, lock) * types.WitnessScale
		}
		if flags&script.VerifyWitness != 0 {
			cost += script.WitnessSigOps(in.ScriptSig, lock, in.Witness)
		}
	}
	return cost
}

// legacySigOps counts signature operations as before BIP16: those written in scriptSigs and outputs,
// run or not, a multisig as 20.
func legacySigOps(tx *types.Tx) (n int) {
	for i := range tx.In {
		n += script.CountSigOps(tx.In[i].ScriptSig, false)
	}
	for i := range tx.Out {
		n += script.CountSigOps(tx.Out[i].Script, false)
	}
	return n
}
