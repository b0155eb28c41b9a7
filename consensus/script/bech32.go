package script

import (
	"strings"
)

// Bech32 (BIP173) and bech32m (BIP350): a prefix, the separator 1, and digits of five bits, of which the
// last six are a checksum that finds any four wrong characters.

const bech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

var bech32Digits = digitTable(bech32Alphabet)

// The constants that tell the two checksums apart.
const (
	bech32Sum  = 1
	bech32mSum = 0x2bc830a3
)

const (
	maxBech32     = 90 // characters of a whole text
	bech32SumSize = 6  // characters of checksum
)

// bech32Rest is, by the five bits that leave a checksum at the top, what they leave of the code's generator below.
var bech32Rest = func() (t [32]uint32) {
	generator := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	for top := range t {
		for i, g := range generator {
			if top>>i&1 == 1 {
				t[top] ^= g
			}
		}
	}
	return t
}()

// bech32Polymod divides the digits by the code's generator and returns the rest.
func bech32Polymod(sum uint32, digits ...byte) uint32 {
	for _, d := range digits {
		sum = (sum&0x1ffffff)<<5 ^ uint32(d) ^ bech32Rest[sum>>25&31]
	}
	return sum
}

// bech32Prefix starts the checksum with the prefix, which must be lower case.
func bech32Prefix(hrp string) uint32 {
	sum := uint32(1)
	for i := range len(hrp) {
		sum = bech32Polymod(sum, hrp[i]>>5)
	}
	sum = bech32Polymod(sum, 0)
	for i := range len(hrp) {
		sum = bech32Polymod(sum, hrp[i]&31)
	}
	return sum
}

// encodeBech32 returns hrp, the separator, digits and the checksum of the wanted kind.
func encodeBech32(hrp string, digits []byte, kind uint32) string {
	sum := bech32Polymod(bech32Prefix(hrp), digits...)
	sum = bech32Polymod(sum, make([]byte, bech32SumSize)...) ^ kind
	var b strings.Builder
	b.Grow(len(hrp) + 1 + len(digits) + bech32SumSize)
	b.WriteString(hrp)
	b.WriteByte('1')
	for _, d := range digits {
		b.WriteByte(bech32Alphabet[d])
	}
	for i := bech32SumSize - 1; i >= 0; i-- {
		b.WriteByte(bech32Alphabet[sum>>(5*i)&31])
	}
	return b.String()
}

// decodeBech32 returns the prefix in lower case, the digits without checksum, and the checksum's
// constant, which the caller must compare: it may be neither of the two.
func decodeBech32(s string) (hrp string, digits []byte, kind uint32, err error) {
	if len(s) > maxBech32 {
		return "", nil, 0, ErrAddressLength
	}
	lower := strings.ToLower(s)
	if s != lower && s != strings.ToUpper(s) {
		return "", nil, 0, ErrAddressMixedCase
	}
	cut := strings.LastIndexByte(lower, '1')
	if cut < 1 || len(lower)-cut-1 < bech32SumSize {
		return "", nil, 0, ErrAddressLength
	}
	hrp = lower[:cut]
	for i := range len(hrp) {
		if hrp[i] < 33 || hrp[i] > 126 {
			return "", nil, 0, badCharacter(s)
		}
	}
	digits = make([]byte, 0, len(lower)-cut-1)
	for i := cut + 1; i < len(lower); i++ {
		d := bech32Digits[lower[i]]
		if d < 0 {
			return "", nil, 0, badCharacter(s)
		}
		digits = append(digits, byte(d))
	}
	kind = bech32Polymod(bech32Prefix(hrp), digits...)
	return hrp, digits[:len(digits)-bech32SumSize], kind, nil
}

// toDigits splits bytes into digits of five bits, the last filled with zeros.
func toDigits(data []byte) []byte {
	out := make([]byte, 0, (len(data)*8+4)/5)
	acc, held := uint(0), 0
	for _, b := range data {
		acc, held = acc<<8|uint(b), held+8
		for ; held >= 5; held -= 5 {
			out = append(out, byte(acc>>(held-5)&31))
		}
	}
	if held > 0 {
		out = append(out, byte(acc<<(5-held)&31))
	}
	return out
}

// fromDigits joins digits to bytes. It reports false if what is left over is five bits or more, or
// not zero.
func fromDigits(digits []byte) ([]byte, bool) {
	out := make([]byte, 0, len(digits)*5/8)
	acc, held := uint(0), 0
	for _, d := range digits {
		acc, held = acc<<5|uint(d), held+5
		if held >= 8 {
			out = append(out, byte(acc>>(held-8)))
			held -= 8
		}
	}
	return out, held < 5 && acc&(1<<held-1) == 0
}
