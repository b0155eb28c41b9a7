package script

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/internal/vectors"
)

// bech32Vectors are the strings of BIP173 and BIP350 that are no addresses: valid as one kind of checksum, or not at all.
var bech32Vectors = map[string]struct {
	kind      uint32
	good, bad []string
}{
	"bip173 strings": {bech32Sum, []string{
		"A12UEL5L",
		"a12uel5l",
		"an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
		"abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
		"11" + strings.Repeat("q", 82) + "c8247j",
		"split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
		"?1ezyfcl",
	}, []string{
		" 1nwldj5", "\x7f1axkwrx", "\x801eym55h", "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx",
		"pzry9x0s0muk", "1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "de1lg7wt\xff", "A1G7SGD8", "10a06t8", "1qzzfhee",
	}},
	"bip350 strings": {bech32mSum, []string{
		"A1LQFN3A",
		"a1lqfn3a",
		"an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
		"abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
		"11" + strings.Repeat("l", 82) + "ludsr8",
		"split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
		"?1v759aa",
	}, []string{
		" 1xj0phk", "\x7f1g6xzxy", "\x801vctc34", "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6pts4",
		"qyrz8wqd2c9m", "1qyrz8wqd2c9m", "y1b0jsk6g", "lt1igcx5c0", "in1muywd", "mm1crxm3i", "au1s5cgom", "M1VUXWEZ", "16plkw9", "1p2gdwpf",
	}},
}

func TestBech32Strings(t *testing.T) {
	for name, all := range map[string]int{"bip173 strings": 19, "bip350 strings": 21} {
		tally, v := vectors.New(t, name, all), bech32Vectors[name]
		for _, s := range v.good {
			hrp, digits, kind, err := decodeBech32(s)
			again := ""
			if err == nil {
				again = encodeBech32(hrp, digits, kind)
			}
			passed := kind == v.kind && again == strings.ToLower(s)
			if tally.Case(passed); !passed {
				t.Errorf("%q: got %x %v, want %x; encoded again %q", s, kind, err, v.kind, again)
			}
		}
		for _, s := range v.bad {
			_, _, kind, err := decodeBech32(s)
			passed := err != nil || kind != v.kind
			if tally.Case(passed); !passed {
				t.Errorf("%q: accepted", s)
			}
		}
	}
}

// witnessAddress is an address of a vector, and the script that it stands for or the reason why it is none.
type witnessAddress struct {
	address, script string
	err             error
}

// bip350Addresses are those of BIP350.
var bip350Addresses = []witnessAddress{
	{"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "0014751e76e8199196d454941c45d1b3a323f1433bd6", nil},
	{"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262", nil},
	{"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y", "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6", nil},
	{"BC1SW50QGDZ25J", "6002751e", nil},
	{"bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "5210751e76e8199196d454941c45d1b3a323", nil},
	{"tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy", "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433", nil},
	{"tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c", "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433", nil},
	{"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", nil},

	{"tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut", "", ErrAddressNetwork},
	{"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "", ErrAddressChecksum},
	{"tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf", "", ErrAddressChecksum},
	{"BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL", "", ErrAddressChecksum},
	{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", "", ErrAddressChecksum},
	{"tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47", "", ErrAddressChecksum},
	{"bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4", "", ErrAddressCharacter},
	{"BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R", "", ErrAddressVersion},
	{"bc1pw5dgrnzv", "", ErrAddressLength},
	{"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav", "", ErrAddressLength},
	{"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", "", ErrAddressLength},
	{"tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq", "", ErrAddressMixedCase},
	{"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf", "", ErrAddressPadding},
	{"tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j", "", ErrAddressPadding},
	{"bc1gmk9yu", "", ErrAddressLength},
}

// bip173Addresses are those of BIP173. Since BIP350 the checksum of all with a version over 0 is the wrong one, of three
// that were valid too.
var bip173Addresses = []witnessAddress{
	{"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "0014751e76e8199196d454941c45d1b3a323f1433bd6", nil},
	{"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262", nil},
	{"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7k7grplx", "", ErrAddressChecksum},
	{"BC1SW50QA3JX3S", "", ErrAddressChecksum},
	{"bc1zw508d6qejxtdg4y5r3zarvaryvg6kdaj", "", ErrAddressChecksum},
	{"tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy", "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433", nil},

	{"tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty", "", ErrAddressNetwork},
	{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "", ErrAddressChecksum},
	{"BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2", "", ErrAddressVersion},
	{"bc1rw5uspcuh", "", ErrAddressChecksum},
	{"bc10w508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kw5rljs90", "", ErrAddressChecksum},
	{"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", "", ErrAddressLength},
	{"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sL5k7", "", ErrAddressMixedCase},
	{"bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du", "", ErrAddressChecksum},
	{"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3pjxtptv", "", ErrAddressPadding},
	{"bc1gmk9yu", "", ErrAddressLength},
}

func TestWitnessAddresses(t *testing.T) {
	tallyAddresses(t, vectors.New(t, "bip173 addresses", 16), bip173Addresses)
	tallyAddresses(t, vectors.New(t, "bip350 addresses", 23), bip350Addresses)
}

func tallyAddresses(t *testing.T, tally *vectors.Tally, list []witnessAddress) {
	for _, v := range list {
		p := paramsOf(v.address)
		got, err := DecodeAddress(p, v.address)
		again := ""
		if err == nil {
			again, _ = EncodeAddress(p, got)
		}
		passed := errors.Is(err, v.err) && hex.EncodeToString(got) == v.script && (err != nil || again == strings.ToLower(v.address))
		if tally.Case(passed); !passed {
			t.Errorf("%s: got %x %v, want %s %v; encoded again %s", v.address, got, err, v.script, v.err, again)
		}
	}
}
