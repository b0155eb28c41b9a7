package bip324

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ellswift"
)

const (
	// KeySize is the length of an encoded public key in bytes.
	KeySize = 64
	// TerminatorSize is the length of a garbage terminator in bytes.
	TerminatorSize = 16
	secretSize     = 32
	// maxTries bounds the search for an encoding; each try succeeds with a chance of about one in four.
	maxTries = 1000
)

// errRandom is what a source of randomness that always says the same makes of a key.
var errRandom = errors.New("the source of randomness is broken: it makes no key")

// Key is a key pair for one connection.
type Key struct {
	// Public is the public key in one of its many ElligatorSwift encodings.
	Public [KeySize]byte
	secret *btcec.PrivateKey
}

// NewKey makes a key from a source of secret randomness. It fails if the source does.
func NewKey(rand io.Reader) (*Key, error) {
	var b [secretSize]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return nil, err
	}
	secret, _ := btcec.PrivKeyFromBytes(b[:])
	if secret.Key.IsZero() {
		return nil, errRandom
	}
	k := &Key{secret: secret}
	var point btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&secret.Key, &point)
	point.ToAffine()
	if err := k.encode(rand, &point.X); err != nil {
		return nil, err
	}
	return k, nil
}

// encode picks a random field element u and looks for a t so that (u, t) stands for x, until there is one.
func (k *Key) encode(rand io.Reader, x *btcec.FieldVal) error {
	for range maxTries {
		var b [secretSize + 1]byte
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return err
		}
		var u btcec.FieldVal
		u.SetByteSlice(b[:secretSize])
		u.Normalize()
		if t := ellswift.XSwiftECInv(&u, x, int(b[secretSize]&7)); t != nil {
			u.Normalize().PutBytesUnchecked(k.Public[:secretSize])
			t.Normalize().PutBytesUnchecked(k.Public[secretSize:])
			return nil
		}
	}
	return errRandom
}

// shared computes the secret that both sides have in common: the x coordinate of the product, hashed with both
// encodings, the initiator's first.
func (k *Key) shared(theirs [KeySize]byte, initiator bool) ([]byte, error) {
	h, err := ellswift.V2Ecdh(k.secret, theirs, k.Public, initiator)
	if err != nil {
		return nil, err
	}
	return h[:], nil
}

// Session is what both sides derive from their keys.
type Session struct {
	// ID is the same on both sides and on no other connection.
	ID [32]byte
	// Send and Receive are for one goroutine each.
	Send    Sender
	Receive Receiver
	// Sent and Received are the bytes that the handshake took.
	Sent, Received int

	ours, theirs [TerminatorSize]byte
}

// Session derives the ciphers of a connection from the other side's public key. magic is the network's, read as
// little-endian; initiator says that we dialled.
func (k *Key) Session(theirs [KeySize]byte, initiator bool, magic uint32) (*Session, error) {
	secret, err := k.shared(theirs, initiator)
	if err != nil {
		return nil, err
	}
	salt := binary.LittleEndian.AppendUint32([]byte("bitcoin_v2_shared_secret"), magic)
	prk, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		return nil, fmt.Errorf("deriving keys: %w", err)
	}
	var parts [6][secretSize]byte
	for i, info := range []string{"initiator_L", "initiator_P", "responder_L", "responder_P", "garbage_terminators", "session_id"} {
		b, err := hkdf.Expand(sha256.New, prk, info, secretSize)
		if err != nil {
			return nil, fmt.Errorf("deriving keys: %w", err)
		}
		copy(parts[i][:], b)
	}
	s := &Session{ID: parts[5]}
	first, second := keys{parts[0], parts[1]}, keys{parts[2], parts[3]}
	copy(s.ours[:], parts[4][:TerminatorSize])
	copy(s.theirs[:], parts[4][TerminatorSize:])
	if !initiator {
		first, second = second, first
		s.ours, s.theirs = s.theirs, s.ours
	}
	s.Send, s.Receive = Sender{first.ciphers()}, Receiver{second.ciphers()}
	return s, nil
}
