package chainjson

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAmount(t *testing.T) {
	for text, want := range map[string]Amount{"0": 0, "0.00000001": 1, "1": 1e8, "-0.5": -5e7, "20999999.97690000": 2099999997690000, "1e-8": 1, "0.1e-7": 1, "0.01e-6": 1,
		"1.23E2": 123e8, "0.0000000000000000001e+11": 1, "0.000000010": 1, "92233720368.54775799": 1<<63 - 9} {
		if got, err := ParseAmount(text); err != nil || got != want {
			t.Errorf("ParseAmount(%s) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "-", ".", "1.", ".5", "01", "1e", "e1", "1e-9", "0.000000001", "1,0", "+1", "0x1", "NaN", "Inf", "1 ", "1e1000", "92233720369", "--1", "1.5.5", strings.Repeat("9", 5000), "1e99", "1e-99"} {
		if got, err := ParseAmount(bad); err == nil {
			t.Errorf("ParseAmount(%.30s) = %d", bad, got)
		}
	}
}

// TestAmountRoundTrip compares with big.Rat, which is slow and certain.
func TestAmountRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Amount(rapid.Int64Range(-(1<<63-10)/10, (1<<63-10)/10).Draw(t, "amount"))
		text := a.String()
		whole, _, _ := strings.Cut(text, ".")
		if len(text)-len(whole) != 9 {
			t.Fatalf("%s does not have eight decimals", text)
		}
		back, err := ParseAmount(text)
		if err != nil || back != a {
			t.Fatalf("%s reads as %d, %v", text, back, err)
		}
		rat, ok := new(big.Rat).SetString(text)
		if !ok || rat.Cmp(new(big.Rat).SetFrac64(int64(a), 1e8)) != 0 {
			t.Fatalf("%d prints as %s", int64(a), text)
		}
		raw, err := a.MarshalJSON()
		var again Amount
		if err != nil || again.UnmarshalJSON(raw) != nil || again != a {
			t.Fatalf("JSON %s reads as %d", raw, again)
		}
	})
}
