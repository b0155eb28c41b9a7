// Package hd has the keys of BIP32: a tree in which every key follows from its parent, and the texts in which people write
// keys. What the paths in the tree mean is the wallet's business.
package hd

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
)

// Hardened is added to a child's index to derive it from the private key only (BIP32).
const Hardened uint32 = 1 << 31

// extendedKeySize is the length in bytes of an encoded extended key without checksum.
const extendedKeySize = 78

// Errors of deriving and reading keys.
var (
	ErrHardened    = errors.New("a hardened child needs the private key")
	ErrKeyInvalid  = errors.New("this is no valid key")
	ErrKeyNetwork  = errors.New("this key belongs to another network")
	ErrDepth       = errors.New("a key cannot be derived deeper than 255 levels")
	errSeedLength  = errors.New("a seed has 16 to 64 bytes")
	errUncompWIF   = errors.New("keys for uncompressed public keys are not supported")
	errKeyText     = errors.New("it is mistyped, its checksum is wrong")
	errKeyLength   = errors.New("it has the wrong length")
	errPathSyntax  = errors.New("a derivation path looks like m/86'/1'/0'/0/5")
	errUnusableKey = errors.New("this index gives no valid key, take the next (BIP32)")
)

// Key is an extended key (BIP32): a private or public key with its chain code and its place in the
// tree. It is immutable. It prints as its fingerprint, never as the key.
type Key struct {
	private bool
	secret  [32]byte // zero unless private
	public  [33]byte // compressed
	chain   [32]byte
	depth   uint8
	parent  [4]byte
	index   uint32
}

// NewMaster derives the root key from a seed of 16 to 64 bytes.
func NewMaster(seed []byte) (*Key, error) {
	if len(seed) < 16 || len(seed) > 64 {
		return nil, errSeedLength
	}
	return newPrivate(hmac512([]byte("Bitcoin seed"), seed))
}

func newPrivate(sum [64]byte) (*Key, error) {
	k := &Key{private: true}
	copy(k.secret[:], sum[:32])
	copy(k.chain[:], sum[32:])
	pub, err := publicOf(k.secret)
	if err != nil {
		return nil, err
	}
	k.public = pub
	return k, nil
}

// publicOf returns the compressed public key of a secret, or an error if the secret is zero or not
// below the order of the curve.
func publicOf(secret [32]byte) (pub [33]byte, err error) {
	var s btcec.ModNScalar
	if overflow := s.SetBytes(&secret); overflow != 0 || s.IsZero() {
		return pub, ErrKeyInvalid
	}
	copy(pub[:], btcec.PrivKeyFromScalar(&s).PubKey().SerializeCompressed())
	return pub, nil
}

func hmac512(key, data []byte) (sum [64]byte) {
	mac := hmac.New(sha512.New, key)
	mac.Write(data)
	mac.Sum(sum[:0])
	return sum
}

// Child derives child i; i of Hardened and above gives hardened children. For about one index in
// 2¹²⁷ there is no key and an error says so.
func (k *Key) Child(i uint32) (*Key, error) {
	if k.depth == 255 {
		return nil, ErrDepth
	}
	data := make([]byte, 0, 37)
	switch {
	case i < Hardened:
		data = append(data, k.public[:]...)
	case k.private:
		data = append(append(data, 0), k.secret[:]...)
	default:
		return nil, ErrHardened
	}
	sum := hmac512(k.chain[:], binary.BigEndian.AppendUint32(data, i))
	var tweak btcec.ModNScalar
	if tweak.SetByteSlice(sum[:32]) {
		return nil, errUnusableKey
	}
	child := &Key{private: k.private, depth: k.depth + 1, index: i, parent: k.Fingerprint()}
	copy(child.chain[:], sum[32:])
	if k.private {
		return child, child.tweakSecret(k, &tweak)
	}
	return child, child.tweakPublic(k, &tweak)
}

func (k *Key) tweakSecret(parent *Key, tweak *btcec.ModNScalar) error {
	var s btcec.ModNScalar
	s.SetBytes(&parent.secret)
	s.Add(tweak)
	if s.IsZero() {
		return errUnusableKey
	}
	k.secret = s.Bytes()
	copy(k.public[:], btcec.PrivKeyFromScalar(&s).PubKey().SerializeCompressed())
	return nil
}

func (k *Key) tweakPublic(parent *Key, tweak *btcec.ModNScalar) error {
	pub, err := btcec.ParsePubKey(parent.public[:])
	if err != nil {
		return ErrKeyInvalid
	}
	var base, point, sum btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(tweak, &point)
	pub.AsJacobian(&base)
	btcec.AddNonConst(&base, &point, &sum)
	if sum.Z.IsZero() {
		return errUnusableKey
	}
	sum.ToAffine()
	copy(k.public[:], btcec.NewPublicKey(&sum.X, &sum.Y).SerializeCompressed())
	return nil
}

// Derive follows a path such as m/86'/1'/0'/0/5 from k; the leading m/ may be left out, h or H
// may stand for the apostrophe.
func (k *Key) Derive(path string) (*Key, error) {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "m"), "/")
	if path == "" {
		return k, nil
	}
	for step := range strings.SplitSeq(path, "/") {
		digits := strings.TrimRight(step, "'hH")
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil || len(step)-len(digits) > 1 {
			return nil, errPathSyntax
		}
		i := uint32(n)
		if len(digits) < len(step) {
			i += Hardened
		}
		if k, err = k.Child(i); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// Public returns the key without its private part.
func (k *Key) Public() *Key {
	pub := *k
	pub.private, pub.secret = false, [32]byte{}
	return &pub
}

// PublicKey returns the 33 bytes of the compressed public key.
func (k *Key) PublicKey() [33]byte { return k.public }

// Secret returns the 32 bytes of the private key, and false if k is public.
func (k *Key) Secret() ([32]byte, bool) { return k.secret, k.private }

// Fingerprint returns the first four bytes of HASH160 of the public key.
func (k *Key) Fingerprint() (f [4]byte) {
	h := script.Hash160(k.public[:])
	copy(f[:], h[:])
	return f
}

// String returns the fingerprint, so that no log shows a key. Text writes the key itself.
func (k *Key) String() string { return fmt.Sprintf("key %x", k.Fingerprint()) }

// GoString is String, for %#v.
func (k *Key) GoString() string { return k.String() }

// Text writes the key in base58 with the network's version bytes: xprv or xpub, tprv or tpub.
func (k *Key) Text(p *consensus.Params) string {
	version := p.HDPublicID
	if k.private {
		version = p.HDPrivateID
	}
	b := make([]byte, 0, extendedKeySize)
	b = append(b, version[:]...)
	b = append(append(b, k.depth), k.parent[:]...)
	b = binary.BigEndian.AppendUint32(b, k.index)
	b = append(b, k.chain[:]...)
	if k.private {
		b = append(append(b, 0), k.secret[:]...)
	} else {
		b = append(b, k.public[:]...)
	}
	return script.EncodeBase58Check(b)
}

// Parse reads what Text writes. Version bytes of another network are ErrKeyNetwork; bytes that
// are no key, or a root key with a parent, are ErrKeyInvalid (the invalid vectors of BIP32).
func Parse(p *consensus.Params, s string) (*Key, error) {
	b, err := script.DecodeBase58Check(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyInvalid, errKeyText)
	}
	if len(b) != extendedKeySize {
		return nil, ErrKeyInvalid
	}
	k := &Key{depth: b[4], index: binary.BigEndian.Uint32(b[9:13])}
	copy(k.parent[:], b[5:9])
	copy(k.chain[:], b[13:45])
	if k.depth == 0 && (k.parent != [4]byte{} || k.index != 0) {
		return nil, ErrKeyInvalid
	}
	switch [4]byte(b[:4]) {
	case p.HDPrivateID:
		return k, k.readPrivate(b[45:])
	case p.HDPublicID:
		return k, k.readPublic(b[45:])
	}
	return nil, ErrKeyNetwork
}

func (k *Key) readPrivate(b []byte) (err error) {
	if b[0] != 0 {
		return ErrKeyInvalid
	}
	k.private = true
	copy(k.secret[:], b[1:])
	k.public, err = publicOf(k.secret)
	return err
}

func (k *Key) readPublic(b []byte) error {
	if b[0] != 2 && b[0] != 3 {
		return ErrKeyInvalid
	}
	if _, err := btcec.ParsePubKey(b); err != nil {
		return ErrKeyInvalid
	}
	copy(k.public[:], b)
	return nil
}

// EncodeWIF writes a private key in the wallet import format, for a compressed public key.
func EncodeWIF(p *consensus.Params, secret [32]byte) string {
	b := append([]byte{p.PrivateKeyID}, secret[:]...)
	return script.EncodeBase58Check(append(b, 1))
}

// DecodeWIF reads what EncodeWIF writes. Its errors say what is wrong and never repeat the text.
func DecodeWIF(p *consensus.Params, s string) (secret [32]byte, err error) {
	secret, compressed, err := DecodeAnyWIF(p, s)
	if err == nil && !compressed {
		return [32]byte{}, errUncompWIF
	}
	return secret, err
}

// DecodeAnyWIF is DecodeWIF also for keys whose public key is uncompressed.
func DecodeAnyWIF(p *consensus.Params, s string) (secret [32]byte, compressed bool, err error) {
	b, err := script.DecodeBase58Check(strings.TrimSpace(s))
	switch {
	case err != nil:
		return secret, false, fmt.Errorf("this is no private key in wallet import format: %w", errKeyText)
	case len(b) != 33 && (len(b) != 34 || b[33] != 1):
		return secret, false, fmt.Errorf("this is no private key in wallet import format: %w", errKeyLength)
	case b[0] != p.PrivateKeyID:
		return secret, false, ErrKeyNetwork
	}
	copy(secret[:], b[1:33])
	if _, err := publicOf(secret); err != nil {
		return [32]byte{}, false, err
	}
	return secret, len(b) == 34, nil
}
