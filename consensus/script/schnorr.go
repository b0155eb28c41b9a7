package script

import (
	"errors"

	"github.com/btcsuite/btcd/btcec/v2"
)

// Schnorr signatures of BIP340. With x(P) written as 32 bytes and lift(x) the
// point with that x and an even y, a signature (r, s) of a message m under a key x is valid if
//
//	R = s·G − e·lift(x),  e = H(r ‖ x ‖ m) mod n
//
// is not infinity, has an even y, and x(R) = r; with x and r below the field's prime and s below the
// order n. btcec's own schnorr package takes the key as a point, so that it would be lifted twice.

var (
	tagSchnorrAux       = newTag("BIP0340/aux")
	tagSchnorrNonce     = newTag("BIP0340/nonce")
	tagSchnorrChallenge = newTag("BIP0340/challenge")
)

// schnorrChallenge returns e.
func schnorrChallenge(r, x, message *[32]byte) (e btcec.ModNScalar) {
	buf := make([]byte, 0, 96)
	buf = append(append(append(buf, r[:]...), x[:]...), message[:]...)
	sum := taggedHash(&tagSchnorrChallenge, buf)
	e.SetBytes(&sum)
	return e
}

// OnCurve tells whether an x coordinate is that of a point: whether something that is locked with it as a taproot output key can be spent at all.
func OnCurve(x [32]byte) bool {
	_, ok := lift(&x)
	return ok
}

func verifySchnorr(hash *[32]byte, sig *[64]byte, xonly *[32]byte) bool {
	p, ok := lift(xonly)
	if !ok {
		return false
	}
	var r field
	var s btcec.ModNScalar
	rBytes := (*[32]byte)(sig[:32])
	if r.SetBytes(rBytes) || s.SetBytes((*[32]byte)(sig[32:])) != 0 {
		return false
	}
	e := schnorrChallenge(rBytes, xonly, hash)
	sum := mulAdd(&s, e.Negate(), &p)
	if sum.infinity {
		return false
	}
	// First X = r·Z², which a wrong signature does not pass, then the parity of Y/Z³, which takes a division.
	var zz field
	zz.SquareVal(&sum.z)
	if !sum.x.Normalize().Equals(r.Mul(&zz).Normalize()) {
		return false
	}
	zz.Mul(&sum.z).Inverse()
	return !sum.y.Mul(&zz).Normalize().IsOdd()
}

// errNonce has a chance of about 2⁻¹²⁸ to be seen.
var errNonce = errors.New("this randomness gives no nonce, sign again with other")

// SignSchnorr signs a 32-byte message as BIP340 does by default. aux should be fresh randomness; all
// zero is safe too, and makes the signature a function of key and message. The arithmetic does not run in
// constant time.
func SignSchnorr(priv [32]byte, hash, aux [32]byte) (sig [64]byte, err error) {
	d, xonly, err := evenKey(&priv)
	if err != nil {
		return sig, err
	}
	dBytes := d.Bytes()
	masked := taggedHash(&tagSchnorrAux, aux[:])
	for i := range masked {
		masked[i] ^= dBytes[i]
	}
	buf := append(append(append(make([]byte, 0, 96), masked[:]...), xonly[:]...), hash[:]...)
	sum := taggedHash(&tagSchnorrNonce, buf)
	var k btcec.ModNScalar
	k.SetBytes(&sum)
	if k.IsZero() {
		return sig, errNonce
	}
	var point btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&k, &point)
	point.ToAffine()
	if point.Y.IsOdd() {
		k.Negate()
	}
	r := *point.X.Bytes()
	s := schnorrChallenge(&r, &xonly, &hash)
	s.Mul(d).Add(&k)
	copy(sig[:32], r[:])
	s.PutBytesUnchecked(sig[32:])
	if !verifySchnorr(&hash, &sig, &xonly) {
		return [64]byte{}, errors.New("a signature that was just made does not verify")
	}
	return sig, nil
}
