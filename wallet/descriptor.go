package wallet

import (
	"fmt"
	"strings"
)

// Descriptors returns the watch-only output descriptors of both accounts, with checksums (BIP380), as
// other wallets import them: receive addresses and change of each. They hold no private key, but who
// has them sees all addresses.
func (w *Wallet) Descriptors() []string {
	fingerprint := w.keys.root.Fingerprint()
	var out []string
	for _, a := range w.keys.accounts {
		path := strings.TrimPrefix(AccountPath(w.params, a.kind), "m/")
		function := "tr"
		if a.kind == Segwit {
			function = "wpkh"
		}
		for chain := range a.chains {
			d := fmt.Sprintf("%s([%x/%s]%s/%d/*)", function, fingerprint, path, a.key.Public().Text(w.params), chain)
			out = append(out, d+"#"+descriptorChecksum(d))
		}
	}
	return out
}

// The alphabets of BIP380: characters of a descriptor in groups of 32, and those of its checksum.
const (
	descriptorInput = "0123456789()[],'/*abcdefgh@:$%{}" +
		"IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" +
		"ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
	descriptorOutput = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

var descriptorGenerator = [5]uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd}

// descriptorChecksum returns the eight characters that follow the # (BIP380). d must hold only
// characters of descriptors.
func descriptorChecksum(d string) string {
	sum := uint64(1)
	groups, count := uint64(0), 0
	for _, c := range d {
		at := uint64(strings.IndexRune(descriptorInput, c))
		sum = descriptorMix(sum, at&31)
		groups = groups*3 + at>>5
		if count++; count == 3 {
			sum = descriptorMix(sum, groups)
			groups, count = 0, 0
		}
	}
	if count > 0 {
		sum = descriptorMix(sum, groups)
	}
	for range 8 {
		sum = descriptorMix(sum, 0)
	}
	sum ^= 1
	var out [8]byte
	for i := range out {
		out[i] = descriptorOutput[sum>>(5*(7-i))&31]
	}
	return string(out[:])
}

func descriptorMix(sum, value uint64) uint64 {
	top := sum >> 35
	sum = (sum&0x7ffffffff)<<5 ^ value
	for i, g := range descriptorGenerator {
		if top>>i&1 == 1 {
			sum ^= g
		}
	}
	return sum
}
