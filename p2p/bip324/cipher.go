package bip324

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"
)

const (
	// LengthSize is how many bytes of a packet tell its length.
	LengthSize = 3
	// Room is what stands before the contents of a packet: the length and the flags.
	Room = LengthSize + 1
	// TagSize is what stands behind them.
	TagSize = chacha20poly1305.Overhead
	// Overhead is how many bytes a packet is longer than its contents.
	Overhead = Room + TagSize

	// rekeyEvery is after how many packets the keys are replaced.
	rekeyEvery = 224
	ignoreBit  = 0x80
)

// ErrTag says that a packet is not what the other side sent at this place. Nothing more can be read.
var ErrTag = errors.New("packet does not authenticate")

// keys are those of one direction.
type keys struct{ length, content [32]byte }

func (k keys) ciphers() ciphers {
	var c ciphers
	c.length.start(&k.length)
	c.content.start(&k.content)
	return c
}

// ciphers are the state of one direction.
type ciphers struct {
	length  lengthCipher
	content contentCipher
}

// lengthCipher is BIP324's FSChaCha20: one key stream that goes on from length to length. After each rekeyEvery
// lengths the next 32 bytes of it are the key of the next stream.
type lengthCipher struct {
	stream *chacha20.Cipher
	used   int    // lengths of this key
	epoch  uint64 // keys before it
}

func (c *lengthCipher) start(key *[32]byte) {
	var nonce [chacha20.NonceSize]byte
	binary.LittleEndian.PutUint64(nonce[4:], c.epoch)
	stream, err := chacha20.NewUnauthenticatedCipher(key[:], nonce[:])
	if err != nil {
		panic(err) // only for keys and nonces of another size
	}
	c.stream, c.used = stream, 0
}

func (c *lengthCipher) crypt(b []byte) {
	c.stream.XORKeyStream(b, b)
	if c.used++; c.used == rekeyEvery {
		var key [32]byte
		c.stream.XORKeyStream(key[:], key[:])
		c.epoch++
		c.start(&key)
	}
}

// contentCipher is BIP324's FSChaCha20Poly1305. The nonce counts packets and keys. The next key is the start of what
// 32 zeros become under a nonce that no packet has.
type contentCipher struct {
	aead  cipher.AEAD
	used  uint32
	epoch uint64
}

func (c *contentCipher) start(key *[32]byte) {
	aead, err := chacha20poly1305.New(key[:])
	if err != nil {
		panic(err) // only for keys of another size
	}
	c.aead, c.used = aead, 0
}

func (c *contentCipher) nonce(count uint32) (n [chacha20poly1305.NonceSize]byte) {
	binary.LittleEndian.PutUint32(n[:], count)
	binary.LittleEndian.PutUint64(n[4:], c.epoch)
	return n
}

// next counts a packet.
func (c *contentCipher) next() {
	if c.used++; c.used < rekeyEvery {
		return
	}
	nonce := c.nonce(0xffffffff)
	var next [32 + TagSize]byte
	c.aead.Seal(next[:0], nonce[:], next[:32], nil)
	c.epoch++
	c.start((*[32]byte)(next[:32]))
}

// seal encrypts text where it stands; its capacity must hold the tag.
func (c *contentCipher) seal(text, aad []byte) {
	nonce := c.nonce(c.used)
	c.aead.Seal(text[:0], nonce[:], text, aad)
	c.next()
}

// open decrypts b where it stands.
func (c *contentCipher) open(b, aad []byte) ([]byte, error) {
	nonce := c.nonce(c.used)
	text, err := c.aead.Open(b[:0], nonce[:], b, aad)
	if err != nil {
		return nil, ErrTag
	}
	c.next()
	return text, nil
}

// Sender makes packets.
type Sender struct{ c ciphers }

// Seal makes a packet of b[start:], which is Room bytes of room and then the contents, less than 2²⁴ bytes. It
// encrypts in place and appends the tag. aad is authenticated with it and not sent; ignore makes it a decoy.
func (s *Sender) Seal(b []byte, start int, aad []byte, ignore bool) []byte {
	n := len(b) - start - Room
	b = append(b, make([]byte, TagSize)...)
	b[start], b[start+1], b[start+2], b[start+LengthSize] = byte(n), byte(n>>8), byte(n>>16), 0
	if ignore {
		b[start+LengthSize] = ignoreBit
	}
	s.c.length.crypt(b[start : start+LengthSize])
	s.c.content.seal(b[start+LengthSize:len(b)-TagSize], aad)
	return b
}

// Append appends a packet with these contents; see Seal.
func (s *Sender) Append(b, contents, aad []byte, ignore bool) []byte {
	start := len(b)
	return s.Seal(append(append(b, make([]byte, Room)...), contents...), start, aad, ignore)
}

// Receiver reads packets. Each packet is one call of Length and then one of Open.
type Receiver struct{ c ciphers }

// Length decrypts the first LengthSize bytes of a packet and returns the length of its contents, below 2²⁴. It is not
// authenticated yet. It leaves b as it is.
func (r *Receiver) Length(b []byte) int {
	var l [LengthSize]byte
	copy(l[:], b)
	r.c.length.crypt(l[:])
	return int(l[0]) | int(l[1])<<8 | int(l[2])<<16
}

// Open decrypts the rest of a packet, 1 + length + TagSize bytes, in place, and returns its contents as a part of b. The
// only error is ErrTag, after which nothing can be read any more.
func (r *Receiver) Open(b, aad []byte) (contents []byte, ignore bool, err error) {
	text, err := r.c.content.open(b, aad)
	if err != nil || len(text) == 0 {
		return nil, false, ErrTag
	}
	return text[1:], text[0]&ignoreBit != 0, nil
}
