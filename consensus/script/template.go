package script

import (
	"crypto/sha256"

	"golang.org/x/crypto/ripemd160" //lint:ignore SA1019 Bitcoin's addresses are defined with it
)

// Class is the template that an output's script follows.
type Class uint8

// The classes, with what Classify returns beside each.
const (
	NonStandard       Class = iota // nothing
	PubKey                         // the key, 33 or 65 bytes
	PubKeyHash                     // the key's Hash160
	ScriptHash                     // the script's Hash160
	MultiSig                       // nothing
	NullData                       // the script after OP_RETURN
	Anchor                         // the program, 2 bytes
	WitnessPubKeyHash              // the key's Hash160
	WitnessScriptHash              // the script's SHA-256
	Taproot                        // the x-only output key, 32 bytes
	WitnessUnknown                 // the program, 2 to 40 bytes
)

var classNames = [...]string{
	NonStandard:       "nonstandard",
	PubKey:            "pubkey",
	PubKeyHash:        "pubkeyhash",
	ScriptHash:        "scripthash",
	MultiSig:          "multisig",
	NullData:          "nulldata",
	Anchor:            "anchor",
	WitnessPubKeyHash: "witness_v0_keyhash",
	WitnessScriptHash: "witness_v0_scripthash",
	Taproot:           "witness_v1_taproot",
	WitnessUnknown:    "witness_unknown",
}

// String returns the name that Bitcoin Core's RPC gives the class.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return classNames[NonStandard]
}

// Classify finds the template of an output's script, and the hash, key or program in it (see the
// classes). The bytes alias script.
func Classify(script []byte) (Class, []byte) {
	if h, ok := scriptHashOf(script); ok {
		return ScriptHash, h
	}
	if version, program, ok := WitnessProgram(script); ok {
		return classifyWitness(version, program)
	}
	if len(script) > 0 && script[0] == opReturn {
		if IsPushOnly(script[1:]) {
			return NullData, script[1:]
		}
		return NonStandard, nil
	}
	if key, ok := pubKeyOf(script); ok {
		return PubKey, key
	}
	if h, ok := pubKeyHashOf(script); ok {
		return PubKeyHash, h
	}
	if isMultiSig(script) {
		return MultiSig, nil
	}
	return NonStandard, nil
}

func classifyWitness(version int, program []byte) (Class, []byte) {
	switch {
	case version == 0 && len(program) == 20:
		return WitnessPubKeyHash, program
	case version == 0 && len(program) == 32:
		return WitnessScriptHash, program
	case version == 0:
		return NonStandard, nil
	case version == 1 && len(program) == 32:
		return Taproot, program
	case version == 1 && string(program) == "\x4e\x73":
		return Anchor, program
	}
	return WitnessUnknown, program
}

// WitnessProgram tells whether script is a witness program (BIP141): a version from 0 to 16, then one
// direct push of 2 to 40 bytes. The program aliases script.
func WitnessProgram(script []byte) (version int, program []byte, ok bool) {
	if len(script) < 4 || len(script) > 42 || int(script[1]) != len(script)-2 {
		return 0, nil, false
	}
	switch op := script[0]; {
	case op == op0:
		return 0, script[2:], true
	case op >= op1 && op <= op16:
		return int(op-op1) + 1, script[2:], true
	}
	return 0, nil, false
}

func scriptHashOf(script []byte) ([]byte, bool) {
	if len(script) == 23 && script[0] == opHash160 && script[1] == 20 && script[22] == opEqual {
		return script[2:22], true
	}
	return nil, false
}

func pubKeyHashOf(script []byte) ([]byte, bool) {
	if len(script) == 25 && script[0] == opDup && script[1] == opHash160 && script[2] == 20 &&
		script[23] == opEqualVerify && script[24] == opCheckSig {
		return script[3:23], true
	}
	return nil, false
}

func pubKeyOf(script []byte) ([]byte, bool) {
	n := len(script)
	if n != 35 && n != 67 || int(script[0]) != n-2 || script[n-1] != opCheckSig {
		return nil, false
	}
	key := script[1 : n-1]
	return key, isPubKeySize(key)
}

// isPubKeySize tells whether the length of key is what its first byte says. Hybrid keys count.
func isPubKeySize(key []byte) bool {
	if len(key) == 0 {
		return false
	}
	switch key[0] {
	case 2, 3:
		return len(key) == 33
	case 4, 6, 7:
		return len(key) == 65
	}
	return false
}

// isMultiSig tells whether script is "m keys... n CHECKMULTISIG" with 1 ≤ m ≤ n ≤ 20.
func isMultiSig(script []byte) bool {
	_, _, ok := MultiSigKeys(script)
	return ok
}

// MultiSigKeys takes a script of class MultiSig apart: how many signatures it needs, and its 1 to 20 keys in order. The
// keys alias script.
func MultiSigKeys(script []byte) (need int, keys [][]byte, ok bool) {
	if len(script) < 3 || script[len(script)-1] != opCheckMultiSig {
		return 0, nil, false
	}
	op, data, off, ok := readOp(script, 0)
	need, isNum := keyCount(op, data)
	if !ok || !isNum {
		return 0, nil, false
	}
	for {
		if op, data, off, ok = readOp(script, off); !ok {
			return 0, nil, false
		}
		if !isPubKeySize(data) || len(keys) > MaxPubKeysMultiSig {
			break
		}
		keys = append(keys, data)
	}
	n, isNum := keyCount(op, data)
	return need, keys, isNum && n == len(keys) && need <= n && off == len(script)-1
}

// keyCount reads an instruction that pushes a number from 1 to MaxPubKeysMultiSig in its
// shortest form.
func keyCount(op byte, data []byte) (int, bool) {
	if op >= op1 && op <= op16 {
		return int(op-op1) + 1, true
	}
	if op == 1 && data[0] > 16 && data[0] <= MaxPubKeysMultiSig {
		return int(data[0]), true
	}
	return 0, false
}

// Unspendable tells whether an output with this script can never be spent, so that no coin need be
// kept for it: OP_RETURN comes first, or it is over MaxScriptSize.
func Unspendable(script []byte) bool {
	return len(script) > 0 && script[0] == opReturn || len(script) > MaxScriptSize
}

// PayToPubKey returns the script that the key itself may spend. The key is 33 or 65 bytes.
func PayToPubKey(key []byte) []byte { return append(PushData(key), opCheckSig) }

// PayToPubKeyHash returns the P2PKH script of a key's Hash160.
func PayToPubKeyHash(h [20]byte) []byte {
	b := append(make([]byte, 0, 25), opDup, opHash160, 20)
	return append(append(b, h[:]...), opEqualVerify, opCheckSig)
}

// PayToScriptHash returns the P2SH script of a redeem script's Hash160 (BIP16).
func PayToScriptHash(h [20]byte) []byte {
	b := append(make([]byte, 0, 23), opHash160, 20)
	return append(append(b, h[:]...), opEqual)
}

// PayToWitnessPubKeyHash returns the P2WPKH script of a compressed key's Hash160 (BIP141).
func PayToWitnessPubKeyHash(h [20]byte) []byte { return PayToWitness(0, h[:]) }

// PayToWitnessScriptHash returns the P2WSH script of a witness script's SHA-256 (BIP141).
func PayToWitnessScriptHash(h [32]byte) []byte { return PayToWitness(0, h[:]) }

// PayToTaproot returns the P2TR script of an x-only output key (BIP341).
func PayToTaproot(x [32]byte) []byte { return PayToWitness(1, x[:]) }

// PayToWitness returns the script of a witness program: version 0 to 16, 2 to 40 bytes.
func PayToWitness(version int, program []byte) []byte {
	return append(PushInt(int64(version)), PushData(program)...)
}

// NullDataScript returns an OP_RETURN script that carries data in one push.
func NullDataScript(data []byte) []byte { return appendPush([]byte{opReturn}, data) }

// Hash160 returns RIPEMD-160(SHA-256(b)).
func Hash160(b []byte) (h [20]byte) {
	sum := sha256.Sum256(b)
	r := ripemd160.New()
	r.Write(sum[:])
	r.Sum(h[:0])
	return h
}
