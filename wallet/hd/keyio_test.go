package hd

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/internal/vectors"
)

// loadJSON reads a file of testdata into v.
func loadJSON(t *testing.T, name string, v any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// keyNetworks are the networks of the vectors of addresses and keys.
func keyNetworks() map[string]*consensus.Params {
	return map[string]*consensus.Params{
		"main": consensus.Mainnet(), "testnet4": consensus.Testnet4(), "signet": consensus.Signet(), "regtest": consensus.Regtest(),
	}
}

// keyVector is what stands beside an address or a private key.
type keyVector struct {
	Chain                                string
	IsPrivkey, IsCompressed, TryCaseFlip bool
}

// TestKeyIOValid reads the addresses and private keys of Core's key_io_valid.json and writes them again. Neither passes for the other.
func TestKeyIOValid(t *testing.T) {
	var lines [][3]json.RawMessage
	loadJSON(t, "key_io_valid.json", &lines)
	tally, networks := vectors.New(t, "key_io_valid", 70), keyNetworks()
	for _, line := range lines {
		var text, payload string
		var v keyVector
		if err := errors.Join(json.Unmarshal(line[0], &text), json.Unmarshal(line[1], &payload), json.Unmarshal(line[2], &v)); err != nil {
			t.Fatal(err)
		}
		p := networks[v.Chain]
		switch {
		case p == nil:
			t.Fatalf("the network %q is not known", v.Chain)
		case v.IsPrivkey:
			tally.Run(t, text, func(t *testing.T) { readSecret(t, p, text, payload, v.IsCompressed) })
		default:
			tally.Run(t, text, func(t *testing.T) { readAddress(t, p, text, payload, v.TryCaseFlip) })
		}
	}
}

func readSecret(t *testing.T, p *consensus.Params, text, payload string, compressed bool) {
	secret, is, err := DecodeAnyWIF(p, text)
	if err != nil || hex.EncodeToString(secret[:]) != payload || is != compressed || (EncodeWIF(p, secret) == text) != compressed {
		t.Errorf("%x %v", secret, err)
	}
	if _, err := DecodeWIF(p, text); (err == nil) != compressed || err != nil && !errors.Is(err, errUncompWIF) {
		t.Errorf("as the key of a compressed public key: %v", err)
	}
	if lock, err := script.DecodeAddress(p.Addresses(), text); err == nil {
		t.Errorf("passes for an address: %x", lock)
	}
}

func readAddress(t *testing.T, p *consensus.Params, text, payload string, flip bool) {
	lock, err := script.DecodeAddress(p.Addresses(), text)
	if err != nil || hex.EncodeToString(lock) != payload {
		t.Errorf("%x %v", lock, err)
	}
	if again, ok := script.EncodeAddress(p.Addresses(), lock); !ok || again != text {
		t.Errorf("written again: %s", again)
	}
	if lock, err := script.DecodeAddress(p.Addresses(), strings.ToUpper(text)); flip != (err == nil) || flip && hex.EncodeToString(lock) != payload {
		t.Errorf("in capitals: %x %v", lock, err)
	}
	if _, err := DecodeWIF(p, text); err == nil {
		t.Error("passes for a private key")
	}
}

// TestKeyIOInvalid: nothing of Core's key_io_invalid.json is an address or a private key on any network.
func TestKeyIOInvalid(t *testing.T) {
	var lines [][1]string
	loadJSON(t, "key_io_invalid.json", &lines)
	tally := vectors.New(t, "key_io_invalid", 70)
	for i, line := range lines {
		tally.Run(t, fmt.Sprint(i), func(t *testing.T) {
			for name, p := range keyNetworks() {
				if lock, err := script.DecodeAddress(p.Addresses(), line[0]); err == nil {
					t.Errorf("%q is an address on %s: %x", line[0], name, lock)
				}
				if secret, err := DecodeWIF(p, line[0]); err == nil {
					t.Errorf("%q is a private key on %s: %x", line[0], name, secret)
				}
			}
		})
	}
}
