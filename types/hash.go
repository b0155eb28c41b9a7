package types

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
)

// HashSize is the length of a Hash in bytes.
const HashSize = 32

// Hash is a double SHA-256 in the byte order in which it was computed. People see
// it reversed: String, MarshalText and ParseHash use that order.
type Hash [HashSize]byte

// ErrHash is returned for text that is not 64 hexadecimal digits.
var ErrHash = errors.New("a hash is 64 hexadecimal digits")

// DoubleSHA256 returns SHA-256(SHA-256(b)).
func DoubleSHA256(b []byte) Hash {
	first := sha256.Sum256(b)
	return sha256.Sum256(first[:])
}

// ParseHash reads the 64 hexadecimal digits that String writes.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*HashSize {
		return h, ErrHash
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, ErrHash
	}
	slices.Reverse(h[:])
	return h, nil
}

// String returns the hash as people write it: hexadecimal, bytes reversed.
func (h Hash) String() string {
	slices.Reverse(h[:])
	return hex.EncodeToString(h[:])
}

// MarshalText is String, for JSON and flags.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// AppendJSON appends String in double quotes: what encoding/json makes of a hash, without its detours.
func (h Hash) AppendJSON(b []byte) []byte {
	slices.Reverse(h[:])
	return append(hex.AppendEncode(append(b, '"'), h[:]), '"')
}

// UnmarshalText is ParseHash.
func (h *Hash) UnmarshalText(b []byte) (err error) {
	*h, err = ParseHash(string(b))
	return err
}

// Compare orders hashes as the 256-bit numbers that they print as.
func (h Hash) Compare(other Hash) int {
	for i := HashSize - 1; i >= 0; i-- {
		if h[i] != other[i] {
			if h[i] < other[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// IsZero tells whether all bytes are zero.
func (h Hash) IsZero() bool { return h == Hash{} }
