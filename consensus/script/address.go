package script

import (
	"errors"
	"fmt"
	"strings"
)

// AddressParams are how the addresses of one network begin.
type AddressParams struct {
	HRP          string // prefix of bech32 and bech32m, lower case
	PubKeyHashID byte   // base58 version of P2PKH
	ScriptHashID byte   // base58 version of P2SH
}

// Errors of addresses. DecodeAddress wraps them; each is a sentence for people.
var (
	ErrAddressEmpty     = errors.New("the address is empty")
	ErrAddressCharacter = errors.New("the address has a character that does not belong there")
	ErrAddressMixedCase = errors.New("the address mixes upper and lower case")
	ErrAddressChecksum  = errors.New("the address is mistyped: its checksum is wrong")
	ErrAddressLength    = errors.New("the address has the wrong length")
	ErrAddressPadding   = errors.New("the address has stray bits at its end")
	ErrAddressVersion   = errors.New("the address has an unknown version")
	ErrAddressNetwork   = errors.New("the address belongs to another network")
)

const maxWitnessVersion = 16

// badCharacter names the first character of s that is in no kind of address.
func badCharacter(s string) error {
	for _, r := range s {
		if r >= 128 || base58Digits[byte(r)] < 0 && bech32Digits[byte(r)] < 0 {
			return fmt.Errorf("%w: %q", ErrAddressCharacter, r)
		}
	}
	return ErrAddressCharacter
}

// EncodeAddress returns the address of an output's script, and false if it has none. Witness programs of
// every version have one, also those that nobody can spend yet.
func EncodeAddress(p AddressParams, script []byte) (string, bool) {
	if version, program, ok := WitnessProgram(script); ok {
		if class, _ := classifyWitness(version, program); class == NonStandard {
			return "", false
		}
		kind := uint32(bech32mSum)
		if version == 0 {
			kind = bech32Sum
		}
		digits := append([]byte{byte(version)}, toDigits(program)...)
		return encodeBech32(p.HRP, digits, kind), true
	}
	switch class, h := Classify(script); class {
	case PubKeyHash:
		return EncodeBase58Check(append([]byte{p.PubKeyHashID}, h...)), true
	case ScriptHash:
		return EncodeBase58Check(append([]byte{p.ScriptHashID}, h...)), true
	}
	return "", false
}

// DecodeAddress returns the script that an address stands for: P2PKH and P2SH in base58, witness programs
// in bech32 (version 0, BIP173) or bech32m (1 to 16, BIP350). An address of another network, a
// mistyped one and so on each have their own error. Programs of versions that have no meaning yet
// are decoded, as BIP350 asks; whether to pay to them is for the caller to say.
func DecodeAddress(p AddressParams, s string) (script []byte, err error) {
	if s == "" {
		return nil, ErrAddressEmpty
	}
	if len(s) > len(p.HRP) && strings.EqualFold(s[:len(p.HRP)+1], p.HRP+"1") {
		return decodeWitness(p, s)
	}
	payload, base58Err := DecodeBase58Check(s)
	if base58Err == nil {
		return decodeHash(p, payload)
	}
	// It may be a bech32 address of another network, whole or mistyped.
	if cut := strings.LastIndexByte(s, '1'); cut >= 1 && isBech32Text(strings.ToLower(s[cut+1:])) {
		return decodeWitness(p, s)
	}
	return nil, base58Err
}

// isBech32Text tells whether s, in lower case, could be the part of a bech32 address after the separator.
func isBech32Text(s string) bool {
	for i := range len(s) {
		if bech32Digits[s[i]] < 0 {
			return false
		}
	}
	return len(s) >= bech32SumSize
}

func decodeHash(p AddressParams, payload []byte) ([]byte, error) {
	if len(payload) != 21 {
		return nil, ErrAddressLength
	}
	h := [20]byte(payload[1:])
	switch payload[0] {
	case p.PubKeyHashID:
		return PayToPubKeyHash(h), nil
	case p.ScriptHashID:
		return PayToScriptHash(h), nil
	}
	return nil, fmt.Errorf("%w: its version is %d, here it is %d or %d", ErrAddressNetwork, payload[0], p.PubKeyHashID, p.ScriptHashID)
}

func decodeWitness(p AddressParams, s string) ([]byte, error) {
	hrp, digits, kind, err := decodeBech32(s)
	switch {
	case err != nil:
		return nil, err
	case kind != bech32Sum && kind != bech32mSum:
		return nil, ErrAddressChecksum
	case hrp != p.HRP:
		return nil, fmt.Errorf("%w: it begins with %q, here addresses begin with %q", ErrAddressNetwork, hrp, p.HRP)
	case len(digits) == 0:
		return nil, ErrAddressLength
	}
	version := int(digits[0])
	if version > maxWitnessVersion {
		return nil, fmt.Errorf("%w: %d, the last is %d", ErrAddressVersion, version, maxWitnessVersion)
	}
	if (version == 0) != (kind == bech32Sum) {
		return nil, fmt.Errorf("%w: version %d is written with the other kind of checksum", ErrAddressChecksum, version)
	}
	program, ok := fromDigits(digits[1:])
	switch {
	case !ok:
		return nil, ErrAddressPadding
	case len(program) < 2 || len(program) > 40 || version == 0 && len(program) != 20 && len(program) != 32:
		return nil, fmt.Errorf("%w: %d bytes for version %d", ErrAddressLength, len(program), version)
	}
	return PayToWitness(version, program), nil
}
