package wallet

import (
	"crypto/subtle"
	"errors"
	"math/big"
	"slices"

	"github.com/cairn-chain/cairn/types"
)

const base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// maxBase58 bounds the text that is read: an extended key has 111 digits.
const maxBase58 = 128

// Errors of reading base58 text.
var (
	errBase58Digit    = errors.New("a character is not a base58 digit")
	errBase58Checksum = errors.New("the checksum does not match, it was mistyped")
	errBase58Length   = errors.New("it has the wrong length")
)

// encodeBase58Check appends four bytes of double SHA-256 to data and writes it in base58.
func encodeBase58Check(data []byte) string {
	sum := types.DoubleSHA256(data)
	full := append(slices.Clone(data), sum[:4]...)
	n, base, digit := new(big.Int).SetBytes(full), big.NewInt(58), new(big.Int)
	var out []byte
	for n.Sign() > 0 {
		n.DivMod(n, base, digit)
		out = append(out, base58Digits[digit.Int64()])
	}
	for _, b := range full {
		if b != 0 {
			break
		}
		out = append(out, base58Digits[0])
	}
	slices.Reverse(out)
	return string(out)
}

// decodeBase58Check reads what encodeBase58Check writes.
func decodeBase58Check(s string) ([]byte, error) {
	if len(s) > maxBase58 {
		return nil, errBase58Length
	}
	n, base := new(big.Int), big.NewInt(58)
	zeros, leading := 0, true
	for _, c := range []byte(s) {
		d := base58Digit(c)
		if d < 0 {
			return nil, errBase58Digit
		}
		if leading = leading && d == 0; leading {
			zeros++
		}
		n.Mul(n, base).Add(n, big.NewInt(int64(d)))
	}
	full := append(make([]byte, zeros), n.Bytes()...)
	if len(full) < 5 {
		return nil, errBase58Length
	}
	data := full[:len(full)-4]
	sum := types.DoubleSHA256(data)
	if subtle.ConstantTimeCompare(sum[:4], full[len(full)-4:]) != 1 {
		return nil, errBase58Checksum
	}
	return data, nil
}

func base58Digit(c byte) int {
	for i := range len(base58Digits) {
		if base58Digits[i] == c {
			return i
		}
	}
	return -1
}
