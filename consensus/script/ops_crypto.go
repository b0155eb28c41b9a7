package script

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"hash"

	"golang.org/x/crypto/ripemd160" //lint:ignore SA1019 OP_RIPEMD160 is part of the language

	"github.com/cairn-chain/cairn/types"
)

// Opcodes of hashes and signatures. Those of tapscript stand in tapscript.go.

func addCrypto(t *[256]operation) {
	t[opRIPEMD160] = hashing(func(b []byte) []byte { r := ripemd160.New(); r.Write(b); return r.Sum(nil) })
	t[opSHA1] = hashing(func(b []byte) []byte { h := sha1.Sum(b); return h[:] })
	t[opSHA256] = hashing(func(b []byte) []byte { h := sha256.Sum256(b); return h[:] })
	t[opHash160] = hashing(func(b []byte) []byte { h := Hash160(b); return h[:] })
	t[opHash256] = hashing(func(b []byte) []byte { h := types.DoubleSHA256(b); return h[:] })
	t[opCodeSeparator] = (*machine).codeSeparator
	t[opCheckSig] = (*machine).checkSig
	t[opCheckSigVerify] = verified((*machine).checkSig, ErrCheckSigVerify)
	t[opCheckMultiSig] = (*machine).checkMultiSig
	t[opCheckMultiSigVerify] = verified((*machine).checkMultiSig, ErrCheckMultiSigVerify)
	t[opCheckSigAdd] = (*machine).checkSigAdd
}

func hashing(f func(b []byte) []byte) operation {
	return func(m *machine) Error {
		if err := m.need(1); err != "" {
			return err
		}
		sum := f(m.top(1))
		m.drop(1)
		m.push(sum)
		return ""
	}
}

// codeSeparator makes signatures sign only what follows it (legacy and BIP143), or also where it
// stands (BIP342).
func (m *machine) codeSeparator() Error {
	m.code = m.next
	m.leaf.CodeSeparator = m.position
	return ""
}

// checkSig is signature key CHECKSIG.
func (m *machine) checkSig() Error {
	if err := m.need(2); err != "" {
		return err
	}
	sig, key := m.top(2), m.top(1)
	check := (*machine).ecdsaSig
	if m.version == tapscript {
		check = (*machine).schnorrSig
	}
	good, err := check(m, sig, key)
	if err != "" {
		return err
	}
	m.drop(2)
	m.push(boolItem(good))
	return ""
}

// ecdsaSig decides one signature before tapscript.
func (m *machine) ecdsaSig(sig, key []byte) (bool, Error) {
	code, err := m.signedCode(sig)
	if err != "" {
		return false, err
	}
	if err := checkEncodings(sig, key, m.Flags, m.version == witnessScript); err != "" {
		return false, err
	}
	good := m.verifyECDSA(code, sig, key)
	if !good && len(sig) > 0 && m.Flags.has(VerifyNullFail) {
		return false, ErrSigNullFail
	}
	return good, ""
}

// signedCode returns the script code for signatures that the script holds: from the last CODESEPARATOR
// on and, in legacy scripts, without the signatures themselves wherever they are pushed, the empty one
// too, which is the byte 00.
func (m *machine) signedCode(sigs ...[]byte) ([]byte, Error) {
	code := m.script[m.code:]
	if m.version != legacyScript {
		return code, ""
	}
	for _, sig := range sigs {
		rest, found := findAndDelete(code, PushData(sig))
		if found > 0 && m.Flags.has(VerifyConstScriptCode) {
			return nil, ErrSigFindAndDelete
		}
		code = rest
	}
	return code, ""
}

func (m *machine) verifyECDSA(code, sig, key []byte) bool {
	if len(sig) == 0 || !isPubKeySize(key) {
		return false
	}
	last := len(sig) - 1
	return m.seat.verifySig(&SigCheck{Hash: m.sigHash(code, sig[last]), Sig: sig[:last], Key: key})
}

// hashedCode is what the last signature over one script code and with one kind of hash type signed. The keys and signatures of
// one CHECKMULTISIG ask for the same hash up to 20 times, a script of many CHECKSIGs ten times as often, and a legacy
// one may cover a whole megabyte. Other hash types of the same kind differ in its last four bytes only.
type hashedCode struct {
	version  sigVersion
	kind     byte // of the hash type, as kindOf says
	hashType byte
	code     []byte
	sum      types.Hash
	state    hash.Hash // of a legacy hash before the hash type, nil if it is the number one
}

// kindOf returns what of a hash type decides about the parts that are signed: there are six kinds.
func kindOf(hashType byte) byte {
	kind := hashType & sigHashMask
	if kind != SigHashNone && kind != SigHashSingle {
		kind = SigHashAll
	}
	return kind | hashType&SigHashAnyoneCanPay
}

// sigHash returns the hash that a signature signs.
func (m *machine) sigHash(code []byte, hashType byte) types.Hash {
	h := m.hashedSlot(kindOf(hashType))
	same := h.code != nil && h.version == m.version && bytes.Equal(h.code, code)
	switch {
	case same && h.hashType == hashType:
		return h.sum
	case m.version != legacyScript:
		h.sum = WitnessV0SigHash(m.Sums, m.Input, code, uint32(hashType))
	case !same:
		h.state = m.Sums.legacyState(m.Input, code, uint32(hashType))
		fallthrough
	default:
		h.sum = legacyOne
		if h.state != nil {
			h.sum = endLegacy(cloneHash(h.state), uint32(hashType))
		}
	}
	h.version, h.hashType, h.code = m.version, hashType, code
	return h.sum
}

// hashedSlot returns the place for a kind of hash type.
func (s *spend) hashedSlot(kind byte) *hashedCode {
	for i := range s.hashed {
		if s.hashed[i].kind == kind {
			return &s.hashed[i]
		}
	}
	s.hashed = append(s.hashed, hashedCode{kind: kind})
	return &s.hashed[len(s.hashed)-1]
}

// checkMultiSig is dummy signatures… m keys… n CHECKMULTISIG. Signatures must come in the order of
// their keys. It takes one item more than it should, the dummy: an old fault that is consensus.
func (m *machine) checkMultiSig() Error {
	if m.version == tapscript {
		return ErrTapscriptCheckMultiSig
	}
	keys, sigs, err := m.multiSigOperands()
	if err != "" {
		return err
	}
	code, err := m.signedCode(sigs...)
	if err != "" {
		return err
	}
	good, err := m.matchSigs(code, sigs, keys)
	if err != "" {
		return err
	}
	if !good && m.Flags.has(VerifyNullFail) && !allEmpty(sigs) {
		return ErrSigNullFail
	}
	m.drop(len(keys) + len(sigs) + 2)
	if err := m.need(1); err != "" {
		return err
	}
	if m.Flags.has(VerifyNullDummy) && len(m.top(1)) > 0 {
		return ErrSigNullDummy
	}
	m.drop(1)
	m.push(boolItem(good))
	return ""
}

// multiSigOperands returns the keys and the signatures, each with the uppermost first, and
// leaves them where they are.
func (m *machine) multiSigOperands() (keys, sigs [][]byte, err Error) {
	if err := m.need(1); err != "" {
		return nil, nil, err
	}
	n, err := m.number(1)
	if err != "" {
		return nil, nil, err
	}
	if n < 0 || n > MaxPubKeysMultiSig {
		return nil, nil, ErrPubKeyCount
	}
	if err := m.count(int(n)); err != "" {
		return nil, nil, err
	}
	above := int(n) + 2
	if err := m.need(above); err != "" {
		return nil, nil, err
	}
	need, err := m.number(above)
	if err != "" {
		return nil, nil, err
	}
	if need < 0 || need > n {
		return nil, nil, ErrSigCount
	}
	if err := m.need(above + int(need)); err != "" {
		return nil, nil, err
	}
	for depth := 2; depth < above; depth++ {
		keys = append(keys, m.top(depth))
	}
	for i := range int(need) {
		sigs = append(sigs, m.top(above+1+i))
	}
	return keys, sigs, ""
}

// matchSigs finds for each signature, in order, the next key that made it. It stops when fewer keys than
// signatures are left, and looks at no encoding that comes after.
func (m *machine) matchSigs(code []byte, sigs, keys [][]byte) (bool, Error) {
	for len(sigs) > 0 {
		if len(sigs) > len(keys) {
			return false, ""
		}
		if err := checkEncodings(sigs[0], keys[0], m.Flags, m.version == witnessScript); err != "" {
			return false, err
		}
		if m.verifyECDSA(code, sigs[0], keys[0]) {
			sigs = sigs[1:]
		}
		keys = keys[1:]
	}
	return true, ""
}

func allEmpty(items [][]byte) bool {
	for _, item := range items {
		if len(item) > 0 {
			return false
		}
	}
	return true
}
