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

// places are, by byte, its place among characters, or −1.
var places = func() (t [256]int8) {
	for i := range t {
		t[i] = int8(strings.IndexByte(characters, byte(i)))
	}
	return t
}()

// rests are, by the five bits that leave a checksum at the top, what they leave of the code's generator below.
var rests = func() (t [32]uint64) {
	generator := [5]uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd}
	for top := range t {
		for i, g := range generator {
			if top>>i&1 == 1 {
				t[top] ^= g
			}
		}
	}
	return t
}()

// polymod is the rest of a division by the code's generator after one more digit of five bits.
func polymod(c, digit uint64) uint64 { return (c&0x7ffffffff)<<5 ^ digit ^ rests[c>>35&31] }

// Checksum returns the eight characters that follow the # (BIP380), and false if body has a character that no
// descriptor has.
func Checksum(body string) (string, bool) {
	sum, ok := checksum([]byte(body))
	if !ok {
		return "", false
	}
	return string(sum[:]), true
}

func checksum(body []byte) (sum [sumLength]byte, ok bool) {
	c, class, n := uint64(1), uint64(0), 0
	for _, ch := range body {
		place := places[ch]
		if place < 0 {
			return sum, false
		}
		c = polymod(c, uint64(place&31))
		class = class*3 + uint64(place>>5)
		if n++; n == 3 {
			c = polymod(c, class)
			class, n = 0, 0
		}
	}
	if n > 0 {
		c = polymod(c, class)
	}
	for range sumLength {
		c = polymod(c, 0)
	}
	c ^= 1
	for i := range sum {
		sum[i] = sumAlpha[c>>(5*(sumLength-1-i))&31]
	}
	return sum, true
}

// AppendChecksum appends # and the checksum of the body that b[from:] is, as WithChecksum does.
func AppendChecksum(b []byte, from int) []byte {
	sum, ok := checksum(b[from:])
	if !ok {
		return b
	}
	return append(append(b, '#'), sum[:]...)
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
