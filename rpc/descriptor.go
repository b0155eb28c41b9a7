package rpc

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"

	"github.com/cairn-chain/cairn/consensus/script"
)

// Output descriptors (BIP380 and on), as far as they stand for themselves: addr, raw, pk, pkh, wpkh,
// sh, wsh around these, tr, rawtr and combo with keys in hexadecimal. Extended keys, ranges and
// miniscript are refused by name.

const (
	descriptorChars    = "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
	descriptorSumChars = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	descriptorSumLen   = 8
	maxDescriptor      = 50_000 // bytes
)

var descriptorGenerator = [5]uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd}

// descriptorSum is the checksum of BIP380 over a descriptor without one, false if it has a character
// that no descriptor has.
func descriptorSum(s string) (string, bool) {
	c, class, n := uint64(1), uint64(0), 0
	step := func(v uint64) {
		top := c >> 35
		c = (c&0x7ffffffff)<<5 ^ v
		for i, g := range descriptorGenerator {
			if top>>i&1 == 1 {
				c ^= g
			}
		}
	}
	for i := 0; i < len(s); i++ {
		pos := strings.IndexByte(descriptorChars, s[i])
		if pos < 0 {
			return "", false
		}
		step(uint64(pos & 31))
		class = class*3 + uint64(pos>>5)
		if n++; n == 3 {
			step(class)
			class, n = 0, 0
		}
	}
	if n > 0 {
		step(class)
	}
	for range descriptorSumLen {
		step(0)
	}
	c ^= 1
	sum := make([]byte, descriptorSumLen)
	for i := range sum {
		sum[i] = descriptorSumChars[c>>(5*(descriptorSumLen-1-i))&31]
	}
	return string(sum), true
}

// withSum appends the checksum to a descriptor of our own making.
func withSum(desc string) string {
	sum, ok := descriptorSum(desc)
	if !ok {
		return desc
	}
	return desc + "#" + sum
}

// cutSum checks and removes the checksum, which may be missing unless needed is set.
func cutSum(desc string, needed bool) (string, error) {
	if len(desc) > maxDescriptor {
		return "", errors.New("descriptor is too long")
	}
	body, sum, has := strings.Cut(desc, "#")
	want, ok := descriptorSum(body)
	switch {
	case !ok:
		return "", errors.New("Invalid characters in payload") //nolint:staticcheck // Core's sentence
	case !has && needed:
		return "", errors.New("Missing checksum") //nolint:staticcheck // Core's sentence
	case has && len(sum) != descriptorSumLen:
		return "", fmt.Errorf("Expected 8 character checksum, not %d characters", len(sum)) //nolint:staticcheck // Core's sentence
	case has && sum != want:
		return "", fmt.Errorf("Provided checksum '%s' does not match computed checksum '%s'", sum, want) //nolint:staticcheck // Core's sentence
	}
	return body, nil
}

// inferDescriptor names what can be told of a script by itself.
func inferDescriptor(params script.AddressParams, lock []byte) string {
	class, data := script.Classify(lock)
	if class == script.Taproot {
		if _, err := schnorr.ParsePubKey(data); err == nil {
			return withSum("rawtr(" + hex.EncodeToString(data) + ")")
		}
	}
	if class == script.PubKey {
		return withSum("pk(" + hex.EncodeToString(data) + ")")
	}
	if address, ok := script.EncodeAddress(params, lock); ok {
		return withSum("addr(" + address + ")")
	}
	return withSum("raw(" + hex.EncodeToString(lock) + ")")
}

// parseDescriptor returns the scripts that a descriptor without checksum stands for; combo has several.
func parseDescriptor(params script.AddressParams, desc string) ([][]byte, error) {
	name, rest, ok := strings.Cut(desc, "(")
	arg, closed := strings.CutSuffix(rest, ")")
	if !ok || !closed {
		return nil, fmt.Errorf("'%s' is not a valid descriptor function", clip(desc))
	}
	switch name {
	case "addr":
		lock, err := script.DecodeAddress(params, arg)
		return [][]byte{lock}, err
	case "raw":
		lock, err := hex.DecodeString(arg)
		if err != nil {
			return nil, errors.New("Raw script is not hex") //nolint:staticcheck // Core's sentence
		}
		return [][]byte{lock}, nil
	case "sh", "wsh":
		return wrapDescriptor(params, name, arg)
	case "pk", "pkh", "wpkh", "combo":
		return keyDescriptor(name, arg)
	case "tr", "rawtr":
		return taprootDescriptor(name, arg)
	}
	return nil, fmt.Errorf("'%s' is not a descriptor function that this node knows", clip(name))
}

func wrapDescriptor(params script.AddressParams, name, arg string) ([][]byte, error) {
	inner, _, _ := strings.Cut(arg, "(")
	allowed := map[string]string{"sh": " pk pkh wpkh wsh ", "wsh": " pk pkh "}[name]
	if !strings.Contains(allowed, " "+inner+" ") {
		return nil, fmt.Errorf("%s() cannot hold %s()", name, clip(inner))
	}
	locks, err := parseDescriptor(params, arg)
	if err != nil {
		return nil, err
	}
	if name == "sh" {
		return [][]byte{script.PayToScriptHash(script.Hash160(locks[0]))}, nil
	}
	return [][]byte{script.PayToWitnessScriptHash(sha256.Sum256(locks[0]))}, nil
}

// descriptorKey reads a public key, behind an optional [origin].
func descriptorKey(arg string) ([]byte, error) {
	if strings.HasPrefix(arg, "[") {
		_, after, ok := strings.Cut(arg, "]")
		if !ok {
			return nil, errors.New("key origin is not closed")
		}
		arg = after
	}
	raw, err := hex.DecodeString(arg)
	if err != nil || len(raw) != 32 && len(raw) != 33 && len(raw) != 65 {
		return nil, fmt.Errorf("key '%s' is not valid: only public keys in hexadecimal are known here", clip(arg))
	}
	if len(raw) == 32 {
		if _, err := schnorr.ParsePubKey(raw); err != nil {
			return nil, fmt.Errorf("key '%s' is not valid: %w", arg, err)
		}
		return raw, nil
	}
	if _, err := btcec.ParsePubKey(raw); err != nil {
		return nil, fmt.Errorf("key '%s' is not valid: %w", arg, err)
	}
	return raw, nil
}

func keyDescriptor(name, arg string) ([][]byte, error) {
	key, err := descriptorKey(arg)
	if err != nil {
		return nil, err
	}
	compressed := len(key) == 33
	if len(key) == 32 || name == "wpkh" && !compressed {
		return nil, fmt.Errorf("%s() needs another form of public key than '%s'", name, clip(arg))
	}
	pk := script.PayToPubKey(key)
	hash := script.Hash160(key)
	switch name {
	case "pk":
		return [][]byte{pk}, nil
	case "pkh":
		return [][]byte{script.PayToPubKeyHash(hash)}, nil
	case "wpkh":
		return [][]byte{script.PayToWitnessPubKeyHash(hash)}, nil
	}
	locks := [][]byte{pk, script.PayToPubKeyHash(hash)}
	if compressed {
		witness := script.PayToWitnessPubKeyHash(hash)
		locks = append(locks, witness, script.PayToScriptHash(script.Hash160(witness)))
	}
	return locks, nil
}

func taprootDescriptor(name, arg string) ([][]byte, error) {
	key, err := descriptorKey(arg)
	if err != nil {
		return nil, err
	}
	if len(key) == 65 {
		return nil, fmt.Errorf("%s() needs a compressed or x-only public key", name)
	}
	x := [32]byte(key[len(key)-32:])
	if name == "tr" {
		x = script.TaprootOutputKey(x)
	}
	return [][]byte{script.PayToTaproot(x)}, nil
}

// descriptor reads a descriptor that may have a checksum and returns its scripts.
func (c *call) descriptor(desc string) (locks [][]byte, body string, err error) {
	if body, err = cutSum(desc, false); err == nil {
		locks, err = parseDescriptor(c.Node.Params().Addresses(), body)
	}
	if err != nil {
		return nil, "", fail(CodeNotFound, "%s", err)
	}
	return locks, body, nil
}
