package script

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

var (
	mainAddresses  = AddressParams{HRP: "bc", PubKeyHashID: 0, ScriptHashID: 5}
	testAddresses  = AddressParams{HRP: "tb", PubKeyHashID: 111, ScriptHashID: 196}
	cairnAddresses = AddressParams{HRP: "crn", PubKeyHashID: 28, ScriptHashID: 88}
)

// paramsOf returns the params that a vector's address is for.
func paramsOf(s string) AddressParams {
	if strings.HasPrefix(strings.ToLower(s), "tb") {
		return testAddresses
	}
	return mainAddresses
}

// TestValidAddresses has the addresses of BIP350 and some of base58.
func TestValidAddresses(t *testing.T) {
	for address, script := range map[string]string{
		"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4":                                 "0014751e76e8199196d454941c45d1b3a323f1433bd6",
		"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7":             "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
		"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y": "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
		"BC1SW50QGDZ25J":                       "6002751e",
		"bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs": "5210751e76e8199196d454941c45d1b3a323",
		"tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy": "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
		"tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c": "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0": "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
		"bc1pfeessrawgf":                     "51024e73",
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac",
		"1111111111111111111114oLvT2":        "76a914000000000000000000000000000000000000000088ac",
		"3P14159f73E4gFr7JterCCQh9QjiTjiZrG": "a914e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a87",
	} {
		p := paramsOf(address)
		got, err := DecodeAddress(p, address)
		if err != nil || hex.EncodeToString(got) != script {
			t.Errorf("%s: got %x %v, want %s", address, got, err, script)
			continue
		}
		want := address
		if strings.EqualFold(address[:3], p.HRP+"1") {
			want = strings.ToLower(address)
		}
		if again, ok := EncodeAddress(p, got); !ok || again != want {
			t.Errorf("%s: encoded again %s", address, again)
		}
	}
}

// TestInvalidAddresses has those of BIP173 and BIP350, each with its own sentence.
func TestInvalidAddresses(t *testing.T) {
	for address, want := range map[string]error{
		"":             ErrAddressEmpty,
		"bc1pw5dgrnzv": ErrAddressLength,
		"bc1gmk9yu":    ErrAddressLength,
		"bc1":          ErrAddressLength,
		"1":            ErrAddressLength,
		"tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut":               ErrAddressNetwork,
		"tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty":                                   ErrAddressNetwork,
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd":               ErrAddressChecksum,
		"tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf":               ErrAddressChecksum,
		"BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL":               ErrAddressChecksum,
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh":                                   ErrAddressChecksum,
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5":                                   ErrAddressChecksum,
		"tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47":               ErrAddressChecksum,
		"bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4":               ErrAddressCharacter,
		"BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R":               ErrAddressVersion,
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav": ErrAddressLength,
		"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P":                                         ErrAddressLength,
		"tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq":               ErrAddressMixedCase,
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf":             ErrAddressPadding,
		"tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j":               ErrAddressPadding,
		"bc1p" + strings.Repeat("q", 100):                                              ErrAddressLength,
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb":                                           ErrAddressChecksum,
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNO":                                           ErrAddressCharacter,
		"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn":                                           ErrAddressNetwork,
		"5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ":                          ErrAddressLength,
		strings.Repeat("1", 300):                                                       ErrAddressLength,
		"crn1 with spaces":                                                             ErrAddressCharacter,
		"große Adresse":                                                                ErrAddressCharacter,
		" 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa":                                          ErrAddressCharacter,
	} {
		got, err := DecodeAddress(paramsOf(address), address)
		if !errors.Is(err, want) || got != nil {
			t.Errorf("%q: got %x %v, want %v", address, got, err, want)
		}
	}
}

// TestBech32Checksums has the strings of BIP173 and BIP350 that are no addresses.
func TestBech32Checksums(t *testing.T) {
	for s, want := range map[string]uint32{
		"A12UEL5L": bech32Sum,
		"an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs": bech32Sum,
		"abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw":                                              bech32Sum,
		"split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w":                               bech32Sum,
		"?1ezyfcl": bech32Sum,
		"A1LQFN3A": bech32mSum,
		"a1lqfn3a": bech32mSum,
		"an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6": bech32mSum,
		"abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx":                                              bech32mSum,
		"11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8": bech32mSum,
		"split1checkupstagehandshakeupstreamerranterredcaperredlc445v":                               bech32mSum,
		"?1v759aa": bech32mSum,
	} {
		hrp, digits, kind, err := decodeBech32(s)
		if err != nil || kind != want {
			t.Errorf("%q: got %x %v, want %x", s, kind, err, want)
			continue
		}
		if again := encodeBech32(hrp, digits, kind); again != strings.ToLower(s) {
			t.Errorf("%q: encoded again %q", s, again)
		}
	}
	for _, s := range []string{
		" 1xj0phk", "\x7f1g6xzxy", "\x801vctc34", "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6pts4",
		"qyrz8wqd2c9m", "1qyrz8wqd2c9m", "y1b0jsk6g", "lt1igcx5c0", "in1muywd", "mm1crxm3i", "au1s5cgom", "M1VUXWEZ", "16plkw9", "1p2gdwpf",
	} {
		if _, _, kind, err := decodeBech32(s); err == nil && (kind == bech32Sum || kind == bech32mSum) {
			t.Errorf("%q: accepted", s)
		}
	}
}

// TestMistypedAddresses changes, swaps and drops every character: nothing of it may pass.
func TestMistypedAddresses(t *testing.T) {
	_, pub := testKey(t, 1)
	for _, name := range lockNames[1:] {
		address, ok := EncodeAddress(cairnAddresses, lockFor(name, pub))
		if !ok {
			t.Fatalf("%s has no address", name)
		}
		if got, err := DecodeAddress(cairnAddresses, address); err != nil || !bytes.Equal(got, lockFor(name, pub)) {
			t.Fatalf("%s: %v", address, err)
		}
		refused := func(s string) {
			t.Helper()
			if got, err := DecodeAddress(cairnAddresses, s); err == nil {
				t.Errorf("%s for %s: accepted as %x", s, address, got)
			}
		}
		for i := range len(address) {
			for c := byte(33); c < 127; c++ {
				if c != address[i] {
					refused(address[:i] + string(c) + address[i+1:])
				}
			}
			refused(address[:i] + address[i+1:])
			refused(address[:i] + address[i:i+1] + address[i:])
			if i > 0 && address[i] != address[i-1] {
				refused(address[:i-1] + address[i:i+1] + address[i-1:i] + address[i+1:])
			}
		}
		if _, err := DecodeAddress(mainAddresses, address); !errors.Is(err, ErrAddressNetwork) {
			t.Errorf("%s on another network: %v", address, err)
		}
	}
}

func TestNoAddress(t *testing.T) {
	_, pub := testKey(t, 1)
	for _, lock := range [][]byte{nil, {op1}, PayToPubKey(pub[:]), NullDataScript([]byte("x")), PayToWitness(0, make([]byte, 21)), make([]byte, 10_001)} {
		if s, ok := EncodeAddress(cairnAddresses, lock); ok {
			t.Errorf("%x: address %s", lock, s)
		}
	}
}

func TestBase58Check(t *testing.T) {
	for _, payload := range [][]byte{nil, {0}, {0, 0, 0}, {128}, bytes.Repeat([]byte{255}, 78), {0, 1, 0, 0}} {
		s := EncodeBase58Check(payload)
		got, err := DecodeBase58Check(s)
		if err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%x: %s: got %x %v", payload, s, got, err)
		}
	}
}
