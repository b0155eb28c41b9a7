package script

import (
	"bytes"
	"crypto/sha256"

	"github.com/cairn-chain/cairn/types"
)

// The direct path decides these forms, and for them just as Bitcoin Core's interpreter does:
//
//	P2PK           scriptSig is one push
//	P2PKH          scriptSig is two pushes
//	P2WPKH         native, or in P2SH
//	P2TR           key path, with or without an annex
//
// Known narrowings, refused with ErrUnsupported although Bitcoin's consensus takes some of them:
//
//   - P2PK and P2PKH with other opcodes or more pushes in scriptSig
//   - P2WSH, P2SH of anything but P2WPKH, bare multisig and any other bare script
//   - the script path of P2TR
//   - witness programs that nobody has given a meaning (versions from 2 on, version 1 of another size,
//     P2A, version 1 in P2SH), which anyone may spend until a soft fork
//   - forms whose soft fork the flags leave out, which anyone could spend

// prepare judges everything about a check but its signatures, and appends those to jobs. An empty
// Error means that the input may be spent if they are good.
func prepare(c *Check, jobs []job) ([]job, Error) {
	lock := c.Spent[c.Input].Script
	class, data := Classify(lock)
	switch class {
	case PubKey:
		return c.spendPubKey(jobs, data)
	case PubKeyHash:
		return c.spendPubKeyHash(jobs, data)
	case ScriptHash:
		return c.spendScriptHash(jobs, data)
	}
	if version, program, ok := WitnessProgram(lock); ok && c.Flags.has(VerifyWitness) {
		if len(c.in().ScriptSig) > 0 {
			return jobs, ErrWitnessMalleated
		}
		return c.spendWitness(jobs, version, program, false)
	}
	return jobs, c.refuse(lock)
}

// refuse finds the error of a form that is not decided here. This is the interpreter's place.
func (c *Check) refuse(lock []byte) Error {
	_, pushOnly, err := readPushes(c.in().ScriptSig, c.Flags)
	switch {
	case err != "":
		return err
	case !pushOnly:
		return ErrUnsupported
	case len(lock) > MaxScriptSize:
		return ErrScriptSize
	case len(lock) > 0 && lock[0] == opReturn:
		return ErrOpReturn
	}
	return ErrUnsupported
}

func (c *Check) in() *types.TxIn { return &c.Tx.In[c.Input] }

// noWitness refuses a witness where none belongs (BIP141).
func (c *Check) noWitness() Error {
	if c.Flags.has(VerifyWitness) && len(c.in().Witness) > 0 {
		return ErrWitnessUnexpected
	}
	return ""
}

func (c *Check) spendPubKey(jobs []job, key []byte) ([]job, Error) {
	items, err := c.legacyPushes(1)
	if err != "" {
		return jobs, err
	}
	return c.legacySig(jobs, items[0], key)
}

func (c *Check) spendPubKeyHash(jobs []job, want []byte) ([]job, Error) {
	items, err := c.legacyPushes(2)
	if err != "" {
		return jobs, err
	}
	if h := Hash160(items[1]); !bytes.Equal(h[:], want) {
		return jobs, ErrEqualVerify
	}
	return c.legacySig(jobs, items[0], items[1])
}

// legacyPushes returns the items that the scriptSig of a bare template pushes, which must be n.
func (c *Check) legacyPushes(n int) ([][]byte, Error) {
	if err := c.noWitness(); err != "" {
		return nil, err
	}
	items, pushOnly, err := readPushes(c.in().ScriptSig, c.Flags)
	switch {
	case err != "":
		return nil, err
	case !pushOnly && c.Flags.has(VerifySigPushOnly):
		return nil, ErrSigPushOnly
	case !pushOnly || len(items) > n:
		return nil, ErrUnsupported
	case len(items) < n:
		return nil, ErrInvalidStackOperation
	}
	return items, ""
}

// legacySig is CHECKSIG in the spent script.
func (c *Check) legacySig(jobs []job, sig, key []byte) ([]job, Error) {
	code, found := findAndDelete(c.Spent[c.Input].Script, PushData(sig))
	if found > 0 && c.Flags.has(VerifyConstScriptCode) {
		return jobs, ErrSigFindAndDelete
	}
	if err := checkEncodings(sig, key, c.Flags, false); err != "" {
		return jobs, err
	}
	if len(sig) == 0 {
		return jobs, ErrEvalFalse
	}
	hashType := sig[len(sig)-1]
	hash := c.Sums.legacySigHash(c.Input, code, uint32(hashType))
	return c.appendECDSA(jobs, hash, sig, key), ""
}

func (c *Check) appendECDSA(jobs []job, hash types.Hash, sig, key []byte) []job {
	err := ErrEvalFalse
	if c.Flags.has(VerifyNullFail) {
		err = ErrSigNullFail
	}
	return append(jobs, job{sig: SigCheck{Hash: hash, Sig: sig[:len(sig)-1], Key: key}, err: err})
}

// spendScriptHash decides P2SH if its redeem script is a witness program (BIP16, BIP141).
func (c *Check) spendScriptHash(jobs []job, want []byte) ([]job, Error) {
	items, pushOnly, err := readPushes(c.in().ScriptSig, c.Flags)
	switch {
	case err != "":
		return jobs, err
	case !c.Flags.has(VerifyP2SH | VerifyWitness):
		return jobs, ErrUnsupported
	case !pushOnly:
		return jobs, ErrSigPushOnly
	case len(items) == 0:
		return jobs, ErrInvalidStackOperation
	}
	redeem := items[len(items)-1]
	if h := Hash160(redeem); !bytes.Equal(h[:], want) {
		return jobs, ErrEvalFalse
	}
	version, program, ok := WitnessProgram(redeem)
	if !ok {
		return jobs, ErrUnsupported
	}
	if !bytes.Equal(c.in().ScriptSig, PushData(redeem)) {
		return jobs, ErrWitnessMalleatedP2SH
	}
	return c.spendWitness(jobs, version, program, true)
}

// spendWitness decides a witness program (BIP141, BIP341).
func (c *Check) spendWitness(jobs []job, version int, program []byte, inP2SH bool) ([]job, Error) {
	switch {
	case version == 0 && len(program) == 20:
		return c.spendWitnessKeyHash(jobs, program)
	case version == 0 && len(program) == 32:
		return jobs, c.refuseWitnessScript(program)
	case version == 0:
		return jobs, ErrWitnessWrongLength
	case version == 1 && len(program) == 32 && !inP2SH:
		return c.spendTaproot(jobs, program)
	case c.Flags.has(DiscourageUpgradableWitnessProgram) && !isAnchor(version, program, inP2SH):
		return jobs, ErrUpgradableWitness
	}
	return jobs, ErrUnsupported
}

func isAnchor(version int, program []byte, inP2SH bool) bool {
	class, _ := classifyWitness(version, program)
	return class == Anchor && !inP2SH
}

func (c *Check) spendWitnessKeyHash(jobs []job, want []byte) ([]job, Error) {
	items := c.in().Witness
	if len(items) != 2 {
		return jobs, ErrWitnessMismatch
	}
	sig, key := items[0], items[1]
	if len(sig) > MaxElementSize || len(key) > MaxElementSize {
		return jobs, ErrPushSize
	}
	h := Hash160(key)
	if !bytes.Equal(h[:], want) {
		return jobs, ErrEqualVerify
	}
	if err := checkEncodings(sig, key, c.Flags, true); err != "" {
		return jobs, err
	}
	if len(sig) == 0 {
		return jobs, ErrEvalFalse
	}
	hash := WitnessV0SigHash(c.Sums, c.Input, PayToPubKeyHash(h), uint32(sig[len(sig)-1]))
	return c.appendECDSA(jobs, hash, sig, key), ""
}

// refuseWitnessScript finds the error of a P2WSH spend, which is never accepted here.
func (c *Check) refuseWitnessScript(program []byte) Error {
	items := c.in().Witness
	if len(items) == 0 {
		return ErrWitnessEmpty
	}
	if sum := sha256.Sum256(items[len(items)-1]); !bytes.Equal(sum[:], program) {
		return ErrWitnessMismatch
	}
	return ErrUnsupported
}

// spendTaproot decides the key path: one signature, before an annex if there is one (BIP341).
func (c *Check) spendTaproot(jobs []job, key []byte) ([]job, Error) {
	items := c.in().Witness
	if !c.Flags.has(VerifyTaproot) {
		return jobs, ErrUnsupported
	}
	if len(items) == 0 {
		return jobs, ErrWitnessEmpty
	}
	var annex []byte
	if last := items[len(items)-1]; len(items) >= 2 && len(last) > 0 && last[0] == annexTag {
		annex, items = last, items[:len(items)-1]
	}
	if len(items) > 1 {
		return jobs, ErrUnsupported
	}
	sig, hashType := items[0], byte(SigHashDefault)
	switch len(sig) {
	case 64:
	case 65:
		if hashType = sig[64]; hashType == SigHashDefault {
			return jobs, ErrSchnorrSigHashType
		}
	default:
		return jobs, ErrSchnorrSigSize
	}
	hash, ok := TaprootSigHash(c.Sums, c.Input, hashType, annex, nil)
	if !ok {
		return jobs, ErrSchnorrSigHashType
	}
	sum := SigCheck{Hash: hash, Sig: sig[:64], Key: key, Schnorr: true}
	return append(jobs, job{sig: sum, err: ErrSchnorrSig}), ""
}

// readPushes runs a scriptSig that only pushes and returns the items. pushOnly is false, and items
// is incomplete, if it does more than that.
func readPushes(script []byte, flags Flags) (items [][]byte, pushOnly bool, err Error) {
	if len(script) > MaxScriptSize {
		return nil, false, ErrScriptSize
	}
	for off := 0; off < len(script); {
		op, data, next, ok := readOp(script, off)
		switch {
		case !ok:
			return nil, false, ErrBadOpcode
		case len(data) > MaxElementSize:
			return nil, false, ErrPushSize
		case op > op16:
			return items, false, ""
		case op == op1Negate:
			data = []byte{0x81}
		case op >= op1:
			data = []byte{op - op1 + 1}
		case op > opPushData4: // OP_RESERVED
			return nil, false, ErrBadOpcode
		case flags.has(VerifyMinimalData) && !isMinimalPush(op, data):
			return nil, false, ErrMinimalData
		}
		items = append(items, data)
		off = next
	}
	return items, true, ""
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
