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

// TestValidAddresses has addresses in base58, and the witness programs that pay to anchors.
func TestValidAddresses(t *testing.T) {
	for address, script := range map[string]string{
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
		if again, ok := EncodeAddress(p, got); !ok || again != address {
			t.Errorf("%s: encoded again %s", address, again)
		}
	}
}

// TestInvalidAddresses has further addresses than those of BIP173 and BIP350, each with its own sentence.
func TestInvalidAddresses(t *testing.T) {
	for address, want := range map[string]error{
		"":                                   ErrAddressEmpty,
		"bc1":                                ErrAddressLength,
		"1":                                  ErrAddressLength,
		"bc1p" + strings.Repeat("q", 100):    ErrAddressLength,
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb": ErrAddressChecksum,
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNO": ErrAddressCharacter,
		"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn": ErrAddressNetwork,
		"5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ": ErrAddressLength,
		strings.Repeat("1", 300):                              ErrAddressLength,
		"crn1 with spaces":                                    ErrAddressCharacter,
		"große Adresse":                                       ErrAddressCharacter,
		" 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa":                 ErrAddressCharacter,
	} {
		got, err := DecodeAddress(paramsOf(address), address)
		if !errors.Is(err, want) || got != nil {
			t.Errorf("%q: got %x %v, want %v", address, got, err, want)
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
