package script

import (
	"bytes"

	"github.com/cairn-chain/cairn/types"
)

// The direct path leaves the stack machine out where a spend has one of the forms of every wallet:
//
//	P2PK           scriptSig is one push
//	P2PKH          scriptSig is two pushes
//	P2WPKH         native, or in P2SH
//	P2TR           key path, with or without an annex
//
// and nothing about it is odd. It never says no: it finds the signatures on which all depends, so that they can be
// verified together with those of other inputs, and leaves whatever else it meets to the interpreter. If
// its signature is good the interpreter would accept the spend, and if not it would refuse
// it with the job's error; tests hold the two to each other.

// direct appends the signatures on which a check depends to jobs. It reports false, and leaves jobs as they are,
// if the interpreter has to decide.
func (c *Check) direct(jobs []job) ([]job, bool) {
	lock := c.Spent[c.Input].Script
	class, data := Classify(lock)
	switch class {
	case PubKey:
		return c.directPubKey(jobs, data)
	case PubKeyHash:
		return c.directPubKeyHash(jobs, data)
	case ScriptHash:
		return c.directScriptHash(jobs, data)
	case WitnessPubKeyHash:
		if len(c.in().ScriptSig) == 0 {
			return c.directKeyHash(jobs, data)
		}
	case Taproot:
		if len(c.in().ScriptSig) == 0 {
			return c.directTaproot(jobs, data)
		}
	}
	return jobs, false
}

func (c *Check) in() *types.TxIn { return &c.Tx.In[c.Input] }

func (c *Check) directPubKey(jobs []job, key []byte) ([]job, bool) {
	var items [1][]byte
	if !c.pushes(items[:]) {
		return jobs, false
	}
	return c.directLegacy(jobs, items[0], key)
}

func (c *Check) directPubKeyHash(jobs []job, want []byte) ([]job, bool) {
	var items [2][]byte
	if !c.pushes(items[:]) {
		return jobs, false
	}
	if h := Hash160(items[1]); !bytes.Equal(h[:], want) {
		return jobs, false
	}
	return c.directLegacy(jobs, items[0], items[1])
}

// pushes fills items with what scriptSig pushes, and reports whether that is all that it does. A witness
// does not belong here.
func (c *Check) pushes(items [][]byte) bool {
	in := c.in()
	if len(in.Witness) > 0 {
		return false
	}
	off := 0
	for i := range items {
		op, data, next, ok := readOp(in.ScriptSig, off)
		if !ok || op > opPushData4 || len(data) > MaxElementSize || c.Flags.has(VerifyMinimalData) && !isMinimalPush(op, data) {
			return false
		}
		items[i], off = data, next
	}
	return off == len(in.ScriptSig)
}

// directLegacy is CHECKSIG in the spent script.
func (c *Check) directLegacy(jobs []job, sig, key []byte) ([]job, bool) {
	lock := c.Spent[c.Input].Script
	if _, found := findAndDelete(lock, PushData(sig)); found > 0 || !c.wellFormed(sig, key, false) {
		return jobs, false
	}
	hash := c.Sums.legacySigHash(c.Input, lock, uint32(sig[len(sig)-1]))
	return c.appendECDSA(jobs, hash, sig, key), true
}

// wellFormed tells whether only the curve can still say no to a signature.
func (c *Check) wellFormed(sig, key []byte, witness bool) bool {
	return len(sig) > 0 && isPubKeySize(key) && checkEncodings(sig, key, c.Flags, witness) == ""
}

func (c *Check) appendECDSA(jobs []job, hash types.Hash, sig, key []byte) []job {
	err := ErrEvalFalse
	if c.Flags.has(VerifyNullFail) {
		err = ErrSigNullFail
	}
	return append(jobs, job{sig: SigCheck{Hash: hash, Sig: sig[:len(sig)-1], Key: key}, err: err})
}

// directScriptHash is P2WPKH in P2SH (BIP16, BIP141): scriptSig pushes the program and nothing else.
func (c *Check) directScriptHash(jobs []job, want []byte) ([]job, bool) {
	scriptSig := c.in().ScriptSig
	if !c.Flags.has(VerifyP2SH) || len(scriptSig) != 23 || scriptSig[0] != 22 {
		return jobs, false
	}
	redeem := scriptSig[1:]
	if h := Hash160(redeem); !bytes.Equal(h[:], want) {
		return jobs, false
	}
	class, program := Classify(redeem)
	if class != WitnessPubKeyHash {
		return jobs, false
	}
	return c.directKeyHash(jobs, program)
}

// directKeyHash is P2WPKH (BIP141).
func (c *Check) directKeyHash(jobs []job, want []byte) ([]job, bool) {
	items := c.in().Witness
	if !c.Flags.has(VerifyWitness) || len(items) != 2 || !isTrue(want) {
		return jobs, false
	}
	sig, key := items[0], items[1]
	h := Hash160(key)
	if !bytes.Equal(h[:], want) || len(sig) > MaxElementSize || !c.wellFormed(sig, key, true) {
		return jobs, false
	}
	hash := WitnessV0SigHash(c.Sums, c.Input, PayToPubKeyHash(h), uint32(sig[len(sig)-1]))
	return c.appendECDSA(jobs, hash, sig, key), true
}

// directTaproot is the key path: one signature, before an annex if there is one (BIP341).
func (c *Check) directTaproot(jobs []job, key []byte) ([]job, bool) {
	items := c.in().Witness
	if !c.Flags.has(VerifyWitness|VerifyTaproot) || !isTrue(key) {
		return jobs, false
	}
	annex := annexOf(items)
	if annex != nil {
		items = items[:len(items)-1]
	}
	if len(items) != 1 {
		return jobs, false
	}
	sig, hashType, err := splitSchnorr(items[0])
	if err != "" {
		return jobs, false
	}
	hash, ok := TaprootSigHash(c.Sums, c.Input, hashType, annex, nil)
	if !ok {
		return jobs, false
	}
	sum := SigCheck{Hash: hash, Sig: sig, Key: key, Schnorr: true}
	return append(jobs, job{sig: sum, err: ErrSchnorrSig}), true
}

// isMinimalPush tells whether data, pushed by op, could not be pushed in fewer bytes (BIP62).
func isMinimalPush(op byte, data []byte) bool {
	switch n := len(data); {
	case n == 0:
		return op == op0
	case n == 1 && (data[0] >= 1 && data[0] <= 16 || data[0] == 0x81):
		return false
	case n < opPushData1:
		return int(op) == n
	case n <= 0xff:
		return op == opPushData1
	case n <= 0xffff:
		return op == opPushData2
	}
	return true
}

// checkEncodings is what CHECKSIG asks of the bytes of a signature and a key before it looks at the
// curve.
func checkEncodings(sig, key []byte, flags Flags, witness bool) Error {
	if err := checkSigEncoding(sig, flags); err != "" {
		return err
	}
	hybrid := len(key) > 0 && (key[0] == 6 || key[0] == 7)
	switch sized := isPubKeySize(key); {
	case flags.has(VerifyStrictEnc) && (hybrid || !sized):
		return ErrPubKeyType
	case witness && flags.has(VerifyWitnessPubKeyType) && (!sized || len(key) != 33):
		return ErrWitnessPubKeyType
	}
	return ""
}

// checkSigEncoding checks a signature with its hash type. An empty one passes: it is how a script
// fails on purpose.
func checkSigEncoding(sig []byte, flags Flags) Error {
	if len(sig) == 0 {
		return ""
	}
	if flags&(VerifyDERSig|VerifyLowS|VerifyStrictEnc) != 0 && !isStrictDER(sig) {
		return ErrSigDER
	}
	if flags.has(VerifyLowS) && !isLowS(sig[:len(sig)-1]) {
		return ErrSigHighS
	}
	kind := sig[len(sig)-1] &^ SigHashAnyoneCanPay
	if flags.has(VerifyStrictEnc) && (kind < SigHashAll || kind > SigHashSingle) {
		return ErrSigHashType
	}
	return ""
}
