package chainjson

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cairn-chain/cairn/consensus"
)

// Amount is a sum in the smallest unit (10⁻⁸ coin). In JSON it is a number of coins with exactly
// eight decimals; it is read from such a number or from a string, exactly and without rounding.
type Amount int64

// errAmount is for text that is not an amount of at most eight decimals.
var errAmount = errors.New("Invalid amount") //nolint:staticcheck // Core's sentence

// String returns coins with eight decimals.
func (a Amount) String() string {
	return string(a.AppendJSON(nil))
}

// MarshalJSON is String as a number.
func (a Amount) MarshalJSON() ([]byte, error) { return a.AppendJSON(nil), nil }

// AppendJSON appends the number.
func (a Amount) AppendJSON(b []byte) []byte {
	v := uint64(a)
	if a < 0 {
		b, v = append(b, '-'), -v
	}
	b = strconv.AppendUint(b, v/consensus.CoinUnit, 10)
	from := len(b)
	b = strconv.AppendUint(b, consensus.CoinUnit+v%consensus.CoinUnit, 10) // the 1 in front keeps the zeros,
	b[from] = '.'                                                          // and makes room for the point
	return b
}

// UnmarshalJSON reads a number or a string.
func (a *Amount) UnmarshalJSON(b []byte) (err error) {
	*a, err = ParseAmount(strings.Trim(string(b), `"`))
	return err
}

// ParseAmount reads coins as a decimal number: an optional minus, digits, a point and at most eight
// digits that count, an optional exponent. Any value in the range of an int64 is taken; what is a
// sensible amount is for the caller to say.
func ParseAmount(s string) (Amount, error) {
	rest, negative := strings.CutPrefix(s, "-")
	mantissa, exponent, err := splitExponent(rest)
	if err != nil {
		return 0, err
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole == "" || len(whole) > 1 && whole[0] == '0' || strings.HasSuffix(mantissa, ".") || len(mantissa) > 64 {
		return 0, errAmount
	}
	digits, shift := whole+fraction, 8+exponent-len(fraction)
	for ; shift > 0; shift-- {
		digits += "0"
	}
	for ; shift < 0; shift++ {
		cut, ok := strings.CutSuffix(digits, "0")
		if !ok && digits != "" {
			return 0, errAmount
		}
		digits = cut
	}
	return sumDigits(digits, negative)
}

func splitExponent(s string) (mantissa string, exponent int, err error) {
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return s, 0, nil
	}
	text := strings.TrimPrefix(s[i+1:], "+")
	if len(text) == 0 || len(text) > 3 {
		return "", 0, errAmount
	}
	var tail string
	if n, scanErr := fmt.Sscanf(text, "%d%s", &exponent, &tail); n != 1 || scanErr == nil || exponent > 18 || exponent < -64 {
		return "", 0, errAmount
	}
	return s[:i], exponent, nil
}

func sumDigits(digits string, negative bool) (Amount, error) {
	var v int64
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' || v > (1<<63-10)/10 {
			return 0, errAmount
		}
		v = v*10 + int64(c-'0')
	}
	if negative {
		v = -v
	}
	return Amount(v), nil
}
