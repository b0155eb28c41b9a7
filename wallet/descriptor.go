package wallet

import (
	"fmt"
	"strings"

	"github.com/cairn-chain/cairn/wallet/descriptor"
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
			out = append(out, descriptor.WithChecksum(d))
		}
	}
	return out
}
