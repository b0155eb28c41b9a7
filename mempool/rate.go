package mempool

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/cairn-chain/cairn/consensus"
)

// feeFor returns what rate (per 1000 virtual bytes) asks for size virtual bytes, rounded up.
func feeFor(rate, size int64) int64 {
	if rate <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(rate), uint64(size))
	lo, carry := bits.Add64(lo, 999, 0)
	if hi += carry; hi >= 1000 {
		return 1<<63 - 1
	}
	fee, _ := bits.Div64(hi, lo, 1000)
	return int64(min(fee, 1<<63-1))
}

// rateOf returns the feerate per 1000 virtual bytes, truncated as Core's CFeeRate is.
func rateOf(fee, size int64) int64 {
	if size <= 0 {
		return 0
	}
	if fee < 0 {
		return -rateOf(-fee, size)
	}
	hi, lo := bits.Mul64(uint64(fee), 1000)
	if hi >= uint64(size) {
		return 1<<63 - 1
	}
	rate, _ := bits.Div64(hi, lo, uint64(size))
	return int64(min(rate, 1<<63-1))
}

// cmpRate compares feeA/sizeA with feeB/sizeB exactly. Sizes are positive.
func cmpRate(feeA, sizeA, feeB, sizeB int64) int {
	if (feeA < 0) != (feeB < 0) {
		if feeA < 0 {
			return -1
		}
		return 1
	}
	if feeA < 0 {
		return cmpRate(-feeB, sizeB, -feeA, sizeA)
	}
	hiA, loA := bits.Mul64(uint64(feeA), uint64(sizeB))
	hiB, loB := bits.Mul64(uint64(feeB), uint64(sizeA))
	switch {
	case hiA < hiB || hiA == hiB && loA < loB:
		return -1
	case hiA == hiB && loA == loB:
		return 0
	}
	return 1
}

// money prints an amount in coins, as Core's messages do: at least two decimals, no further zeros.
func money(v int64) string {
	s := fmt.Sprintf("%08d", max(v, -v)%consensus.CoinUnit)
	if s = strings.TrimRight(s, "0"); len(s) < 2 {
		s += "00"[len(s):]
	}
	sign := ""
	if v < 0 {
		sign = "-"
	}
	return fmt.Sprintf("%s%d.%s", sign, max(v, -v)/consensus.CoinUnit, s)
}

// rateText prints a feerate per 1000 virtual bytes, as Core's messages do.
func rateText(rate int64) string {
	return fmt.Sprintf("%d.%08d BTC/kvB", rate/consensus.CoinUnit, rate%consensus.CoinUnit)
}
