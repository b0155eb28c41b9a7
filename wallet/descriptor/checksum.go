package descriptor

import (
	"errors"
	"fmt"
	"strings"
)

// MaxLength bounds a descriptor in bytes.
const MaxLength = 50_000

// The alphabets of BIP380: characters of a descriptor in groups of 32, and those of its checksum.
const (
	characters = "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
	sumAlpha   = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	sumLength  = 8
)

var generator = [5]uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd}

// Checksum returns the eight characters that follow the # (BIP380), and false if body has a character that no
// descriptor has.
func Checksum(body string) (string, bool) {
	c, class, n := uint64(1), uint64(0), 0
	step := func(v uint64) {
		top := c >> 35
		c = (c&0x7ffffffff)<<5 ^ v
		for i, g := range generator {
			if top>>i&1 == 1 {
				c ^= g
			}
		}
	}
	for i := 0; i < len(body); i++ {
		pos := strings.IndexByte(characters, body[i])
		if pos < 0 {
			return "", false
		}
		step(uint64(pos & 31))
		class = class*3 + uint64(pos>>5)
		if n++; n == 3 {
			step(class)
			class, n = 0, 0
		}
	}
	if n > 0 {
		step(class)
	}
	for range sumLength {
		step(0)
	}
	c ^= 1
	sum := make([]byte, sumLength)
	for i := range sum {
		sum[i] = sumAlpha[c>>(5*(sumLength-1-i))&31]
	}
	return string(sum), true
}

// WithChecksum appends # and the checksum to a body that has only characters of descriptors; any other comes back as it is.
func WithChecksum(body string) string {
	sum, ok := Checksum(body)
	if !ok {
		return body
	}
	return body + "#" + sum
}

// CutChecksum checks and removes the checksum, which may be missing unless needed is set. Errors are Bitcoin Core's
// sentences.
func CutChecksum(text string, needed bool) (body string, err error) {
	if len(text) > MaxLength {
		return "", errors.New("descriptor is too long")
	}
	body, sum, has := strings.Cut(text, "#")
	want, ok := Checksum(body)
	switch {
	case strings.Contains(sum, "#"):
		return "", errors.New("Multiple '#' symbols")
	case !ok:
		return "", errors.New("Invalid characters in payload")
	case !has && needed:
		return "", errors.New("Missing checksum")
	case has && len(sum) != sumLength:
		return "", fmt.Errorf("Expected 8 character checksum, not %d characters", len(sum))
	case has && sum != want:
		return "", fmt.Errorf("Provided checksum '%s' does not match computed checksum '%s'", sum, want)
	}
	return body, nil
}
