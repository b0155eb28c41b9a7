package script

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/cairn-chain/cairn/types"
)

// Errors of keys and signing.
var (
	ErrPrivateKey = errors.New("a private key is a number from 1 to the order of the curve less one")
	ErrXOnlyKey   = errors.New("these 32 bytes are the x of no point on the curve")
	ErrWrongKey   = errors.New("the key does not open this output")
	// ErrUnsupported: the output can be spent, but SignInput does not know how.
	ErrUnsupported = errors.New("no known way to sign for this form of output")
)

// parseKey reads a private key.
func parseKey(priv *[32]byte) (*btcec.ModNScalar, error) {
	var d btcec.ModNScalar
	if d.SetBytes(priv) != 0 || d.IsZero() {
		return nil, ErrPrivateKey
	}
	return &d, nil
}

// evenKey reads a private key and negates it if its point has an odd y; xonly is the point's x.
func evenKey(priv *[32]byte) (d *btcec.ModNScalar, xonly [32]byte, err error) {
	if d, err = parseKey(priv); err != nil {
		return nil, xonly, err
	}
	var p btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(d, &p)
	p.ToAffine()
	if p.Y.IsOdd() {
		d.Negate()
	}
	return d, *p.X.Bytes(), nil
}

// PublicKey returns the compressed public key of a private key. Its last 32 bytes are the x-only key.
func PublicKey(priv [32]byte) (key [33]byte, err error) {
	d, err := parseKey(&priv)
	if err != nil {
		return key, err
	}
	copy(key[:], btcec.PrivKeyFromScalar(d).PubKey().SerializeCompressed())
	return key, nil
}

// XOnly returns the x-only form of a compressed key (BIP340).
func XOnly(key [33]byte) [32]byte { return [32]byte(key[1:]) }

// SignECDSA signs a signature hash and returns the signature as scripts hold it: strict DER with low S,
// then hashType. The nonce follows RFC 6979.
func SignECDSA(priv [32]byte, hash types.Hash, hashType byte) ([]byte, error) {
	d, err := parseKey(&priv)
	if err != nil {
		return nil, err
	}
	sig := ecdsa.Sign(btcec.PrivKeyFromScalar(d), hash[:])
	return append(sig.Serialize(), hashType), nil
}

// SignTaprootKeyPath signs with the private key of a taproot output (see TweakPrivateKey) and returns
// the witness item: 64 bytes, and hashType unless it is SigHashDefault. aux is as in SignSchnorr.
func SignTaprootKeyPath(priv [32]byte, hash types.Hash, hashType byte, aux [32]byte) ([]byte, error) {
	sig, err := SignSchnorr(priv, hash, aux)
	if err != nil {
		return nil, err
	}
	if hashType == SigHashDefault {
		return sig[:], nil
	}
	return append(sig[:], hashType), nil
}

// tapTweak returns the number that is added to an internal key (BIP341). merkleRoot is nil, or the 32
// bytes of a script tree's root.
func tapTweak(internal *[32]byte, merkleRoot []byte) (t btcec.ModNScalar, ok bool) {
	sum := taggedHash(&tagTapTweak, append(bytes.Clone(internal[:]), merkleRoot...))
	return t, t.SetBytes(&sum) == 0
}

// TweakPublicKey returns the output key for an x-only internal key, and whether its y is odd
// (BIP341). merkleRoot is nil if there are no scripts (BIP86). ErrXOnlyKey says that internal is no key.
func TweakPublicKey(internal [32]byte, merkleRoot []byte) (out [32]byte, odd bool, err error) {
	p, ok := lift(&internal)
	if !ok {
		return out, false, ErrXOnlyKey
	}
	t, ok := tapTweak(&internal, merkleRoot)
	if !ok {
		return out, false, ErrXOnlyKey
	}
	one := new(btcec.ModNScalar).SetInt(1)
	q := mulAdd(&t, one, &p)
	if q.infinity {
		return out, false, ErrXOnlyKey
	}
	var zz field
	q.z.Inverse()
	zz.SquareVal(&q.z)
	q.x.Mul(&zz).Normalize()
	q.y.Mul(zz.Mul(&q.z)).Normalize()
	return q.x.Bytes(), q.y.IsOdd(), nil
}

// TweakPrivateKey returns the private key of the taproot output whose internal key is priv's
// (BIP341). merkleRoot is nil if there are no scripts (BIP86).
func TweakPrivateKey(priv [32]byte, merkleRoot []byte) (out [32]byte, err error) {
	d, xonly, err := evenKey(&priv)
	if err != nil {
		return out, err
	}
	t, ok := tapTweak(&xonly, merkleRoot)
	if !ok || d.Add(&t).IsZero() {
		return out, ErrPrivateKey
	}
	return d.Bytes(), nil
}

// TaprootOutputKey returns the output key of an x-only internal key without scripts (BIP86). If
// internal is no key at all it returns zero, the x of no point, which nobody can spend; keys
// from outside go to TweakPublicKey instead.
func TaprootOutputKey(internal [32]byte) (out [32]byte) {
	out, _, err := TweakPublicKey(internal, nil)
	if err != nil {
		return [32]byte{}
	}
	return out
}

// SignInput makes what input must hold to spend its output with priv: for P2PK, P2PKH, P2WPKH (native
// and in P2SH) and P2TR without scripts, where priv is the internal key. Everything is signed
// (SigHashAll, SigHashDefault). aux is as in SignSchnorr. ErrWrongKey says that priv does not open the
// output, ErrUnsupported that the output has another form. Nothing is written into the transaction.
func SignInput(s *SigSums, input int, priv, aux [32]byte) (scriptSig []byte, witness [][]byte, err error) {
	if input < 0 || input >= len(s.tx.In) || input >= len(s.spent) {
		return nil, nil, fmt.Errorf("%w: no input %d with a spent output", errMalformed, input)
	}
	key, err := PublicKey(priv)
	if err != nil {
		return nil, nil, err
	}
	lock := s.spent[input].Script
	h := Hash160(key[:])
	class, data := Classify(lock)
	switch class {
	case PubKey, PubKeyHash:
		return s.signLegacy(input, class, data, priv, key)
	case ScriptHash:
		redeem := PayToWitnessPubKeyHash(h)
		if want := Hash160(redeem); !bytes.Equal(data, want[:]) {
			return nil, nil, ErrWrongKey
		}
		witness, err = s.signWitness(input, h, priv, key)
		return PushData(redeem), witness, err
	case WitnessPubKeyHash:
		if !bytes.Equal(data, h[:]) {
			return nil, nil, ErrWrongKey
		}
		witness, err = s.signWitness(input, h, priv, key)
		return nil, witness, err
	case Taproot:
		witness, err = s.signTaproot(input, data, priv, XOnly(key), aux)
		return nil, witness, err
	}
	return nil, nil, ErrUnsupported
}

func (s *SigSums) signLegacy(input int, class Class, data []byte, priv [32]byte, key [33]byte) ([]byte, [][]byte, error) {
	h := Hash160(key[:])
	if class == PubKeyHash && !bytes.Equal(data, h[:]) || class == PubKey && !bytes.Equal(data, key[:]) {
		return nil, nil, ErrWrongKey
	}
	hash := s.legacySigHash(input, s.spent[input].Script, SigHashAll)
	sig, err := SignECDSA(priv, hash, SigHashAll)
	if err != nil {
		return nil, nil, err
	}
	scriptSig := PushData(sig)
	if class == PubKeyHash {
		scriptSig = appendPush(scriptSig, key[:])
	}
	return scriptSig, nil, nil
}

func (s *SigSums) signWitness(input int, h [20]byte, priv [32]byte, key [33]byte) ([][]byte, error) {
	hash := WitnessV0SigHash(s, input, PayToPubKeyHash(h), SigHashAll)
	sig, err := SignECDSA(priv, hash, SigHashAll)
	if err != nil {
		return nil, err
	}
	return [][]byte{sig, key[:]}, nil
}

func (s *SigSums) signTaproot(input int, want []byte, priv, internal, aux [32]byte) ([][]byte, error) {
	if len(s.spent) != len(s.tx.In) {
		return nil, fmt.Errorf("%w: taproot signs all spent outputs, %d of %d are known", errMalformed, len(s.spent), len(s.tx.In))
	}
	if out := TaprootOutputKey(internal); !bytes.Equal(out[:], want) {
		return nil, ErrWrongKey
	}
	tweaked, err := TweakPrivateKey(priv, nil)
	if err != nil {
		return nil, err
	}
	hash, _ := TaprootSigHash(s, input, SigHashDefault, nil, nil)
	sig, err := SignTaprootKeyPath(tweaked, hash, SigHashDefault, aux)
	if err != nil {
		return nil, err
	}
	return [][]byte{sig}, nil
}
