package wallet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cairn-chain/cairn/consensus"
)

// Errors of reading an amount.
var (
	ErrAmountSyntax   = errors.New("an amount is a decimal number of coins such as 1.5 or 0.00020000")
	ErrAmountDecimals = errors.New("an amount has at most 8 decimals")
	ErrAmountRange    = errors.New("an amount is over 0 and at most 21000000 coins")
)

const amountDecimals = 8

// ParseAmount reads a positive decimal number of coins into the smallest unit, exactly.
func ParseAmount(s string) (int64, error) {
	n, err := parseDecimal(s, amountDecimals)
	switch {
	case errors.Is(err, errDecimals):
		return 0, ErrAmountDecimals
	case err != nil:
		return 0, ErrAmountSyntax
	case n <= 0 || n > consensus.MaxMoney:
		return 0, ErrAmountRange
	}
	return n, nil
}

// FormatAmount writes an amount in coins with all 8 decimals.
func FormatAmount(n int64) string {
	sign := ""
	u := uint64(n)
	if n < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%08d", sign, u/consensus.CoinUnit, u%consensus.CoinUnit)
}

// ErrFeeRate is returned for text that is no feerate.
var ErrFeeRate = errors.New("a feerate is a decimal number per virtual byte, from 1 to 100000, such as 1 or 2.5")

// ParseFeeRate reads a feerate in the smallest unit per virtual byte and returns it per 1,000 virtual
// bytes, from 1,000 to 100,000,000.
func ParseFeeRate(s string) (perKvB int64, err error) {
	n, err := parseDecimal(s, 3)
	if err != nil || n < MinFeeRate || n > maxFeeRate {
		return 0, ErrFeeRate
	}
	return n, nil
}

// FormatFeeRate writes a feerate per 1,000 virtual bytes as one per virtual byte.
func FormatFeeRate(perKvB int64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%03d", perKvB/1000, perKvB%1000), "0"), ".")
}

var (
	errDecimals = errors.New("too many decimals")
	errDecimal  = errors.New("no decimal number")
)

// parseDecimal reads digits[.digits] times 10^decimals. It refuses signs, exponents and more than
// 18 digits.
func parseDecimal(s string, decimals int) (int64, error) {
	whole, frac, dotted := strings.Cut(s, ".")
	if len(frac) > decimals {
		return 0, errDecimals
	}
	if whole == "" || dotted && frac == "" || len(whole)+decimals > 18 {
		return 0, errDecimal
	}
	var n int64
	for _, c := range whole + frac + strings.Repeat("0", decimals-len(frac)) {
		if c < '0' || c > '9' {
			return 0, errDecimal
		}
		n = 10*n + int64(c-'0')
	}
	return n, nil
}
