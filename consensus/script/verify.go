package script

import (
	"github.com/btcsuite/btcd/btcec/v2"
)

// SigCheck is one signature to be verified: everything that the curve needs to know and nothing else.
type SigCheck struct {
	Hash    [32]byte
	Sig     []byte // without hash type: DER, or 64 bytes for Schnorr
	Key     []byte // 33 or 65 bytes, or 32 for Schnorr
	Schnorr bool   // BIP340 instead of ECDSA
}

// Verifier is the one seat at which signatures meet the curve. Implementations are safe for several
// goroutines and never panic, whatever the bytes are.
type Verifier interface {
	// ECDSA verifies a DER signature without hash type. It parses as loosely as libsecp256k1's lax
	// parser and takes high S; stricter encodings are the caller's flags. Keys are compressed,
	// uncompressed or hybrid.
	ECDSA(hash *[32]byte, sig, pubkey []byte) bool
	// Schnorr verifies a BIP340 signature of a 32-byte message.
	Schnorr(hash *[32]byte, sig *[64]byte, xonly *[32]byte) bool
	// Batch verifies all checks and returns the lowest index of one that fails, or −1.
	Batch(checks []SigCheck) (bad int)
}

// NewVerifier returns the Verifier that is filled with the field in field.go, the multiplication in multiply.go and btcec's scalars. Its
// Batch goes one by one.
func NewVerifier() Verifier { return verifier{} }

type verifier struct{}

func (verifier) ECDSA(hash *[32]byte, sig, pubkey []byte) bool {
	r, s, ok := parseLaxDER(sig)
	if !ok {
		return false
	}
	key, ok := parsePoint(pubkey)
	return ok && verifyECDSA(hash, &r, &s, &key)
}

// verifyECDSA tells whether the x of (e/s)·G + (r/s)·key is r modulo the order, e being the hash (SEC 1, 4.1.4). An r or s of zero is
// never good; whether s is high does not matter here.
func verifyECDSA(hash *[32]byte, r, s *btcec.ModNScalar, key *affine) bool {
	if r.IsZero() || s.IsZero() {
		return false
	}
	var e, inverse, a, b btcec.ModNScalar
	e.SetBytes(hash) // modulo the order
	inverse.InverseValNonConst(s)
	a.Mul2(&e, &inverse)
	b.Mul2(r, &inverse)
	sum := mulAdd(&a, &b, key)
	return !sum.infinity && sum.hasX(r)
}

func (verifier) Schnorr(hash *[32]byte, sig *[64]byte, xonly *[32]byte) bool {
	return verifySchnorr(hash, sig, xonly)
}

func (v verifier) Batch(checks []SigCheck) int {
	for i := range checks {
		if !verifyOne(v, &checks[i]) {
			return i
		}
	}
	return -1
}

// verifyOne brings a check to the method for it.
func verifyOne(v Verifier, c *SigCheck) bool {
	if !c.Schnorr {
		return v.ECDSA(&c.Hash, c.Sig, c.Key)
	}
	if len(c.Sig) != 64 || len(c.Key) != 32 {
		return false
	}
	return v.Schnorr(&c.Hash, (*[64]byte)(c.Sig), (*[32]byte)(c.Key))
}
