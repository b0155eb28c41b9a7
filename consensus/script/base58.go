package script

import (
	"bytes"

	"github.com/cairn-chain/cairn/types"
)

const base58Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// maxBase58 is the longest text that is decoded, in characters: the work grows with its square.
const maxBase58 = 256

// base58Digits has the value of each character, or −1.
var base58Digits = digitTable(base58Alphabet)

func digitTable(alphabet string) (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = int8(i)
	}
	return t
}

// EncodeBase58Check returns payload and the first four bytes of its double SHA-256 in base 58. The
// payload begins with its version.
func EncodeBase58Check(payload []byte) string {
	sum := types.DoubleSHA256(payload)
	data := append(bytes.Clone(payload), sum[:4]...)
	zeros := len(data) - len(trimZeros(data))
	digits := make([]byte, 0, len(data)*138/100+1) // little-endian
	for _, b := range data[zeros:] {
		carry := int(b)
		for i := range digits {
			carry += int(digits[i]) << 8
			digits[i] = byte(carry % 58)
			carry /= 58
		}
		for ; carry > 0; carry /= 58 {
			digits = append(digits, byte(carry%58))
		}
	}
	out := bytes.Repeat([]byte{base58Alphabet[0]}, zeros)
	for i := len(digits) - 1; i >= 0; i-- {
		out = append(out, base58Alphabet[digits[i]])
	}
	return string(out)
}

// DecodeBase58Check is EncodeBase58Check backwards, for texts of at most 256 characters. Its errors are
// ErrAddressCharacter, ErrAddressLength and ErrAddressChecksum.
func DecodeBase58Check(s string) (payload []byte, err error) {
	if len(s) > maxBase58 {
		return nil, ErrAddressLength
	}
	zeros := 0
	for zeros < len(s) && s[zeros] == base58Alphabet[0] {
		zeros++
	}
	data := make([]byte, 0, len(s)) // little-endian
	for i := zeros; i < len(s); i++ {
		d := base58Digits[s[i]]
		if d < 0 {
			return nil, badCharacter(s)
		}
		carry := int(d)
		for j := range data {
			carry += int(data[j]) * 58
			data[j] = byte(carry)
			carry >>= 8
		}
		if carry > 0 {
			data = append(data, byte(carry))
		}
	}
	out := make([]byte, zeros, zeros+len(data))
	for i := len(data) - 1; i >= 0; i-- {
		out = append(out, data[i])
	}
	if len(out) < 4 {
		return nil, ErrAddressLength
	}
	payload, check := out[:len(out)-4], out[len(out)-4:]
	if sum := types.DoubleSHA256(payload); !bytes.Equal(sum[:4], check) {
		return nil, ErrAddressChecksum
	}
	return payload, nil
}
