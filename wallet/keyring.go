package wallet

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/wallet/hd"
)

// GapLimit is how many addresses beyond the last used one a wallet watches, on each of an
// account's two chains (BIP44).
const GapLimit = 20

// AddressType is a kind of address that a wallet can spend from.
type AddressType string

// The address types. New addresses are Taproot or Segwit; the others can only be imported.
const (
	Taproot AddressType = "taproot" // P2TR key path, BIP86
	Segwit  AddressType = "segwit"  // P2WPKH, BIP84
	Nested  AddressType = "nested"  // P2WPKH in P2SH
	Legacy  AddressType = "legacy"  // P2PKH
)

// purpose returns the first step of the account's path.
func (t AddressType) purpose() uint32 {
	if t == Segwit {
		return 84
	}
	return 86
}

// ParseAddressType reads the type of new addresses.
func ParseAddressType(s string) (AddressType, error) {
	switch t := AddressType(s); t {
	case Taproot, Segwit:
		return t, nil
	}
	return "", errors.New("the type of an address is taproot or segwit")
}

// scriptFor returns the output script that a compressed public key has in an address of type t.
func scriptFor(t AddressType, pub [33]byte) []byte {
	switch t {
	case Taproot:
		return script.PayToTaproot(script.TaprootOutputKey([32]byte(pub[1:])))
	case Segwit:
		return script.PayToWitnessPubKeyHash(script.Hash160(pub[:]))
	case Nested:
		return script.PayToScriptHash(script.Hash160(script.PayToWitnessPubKeyHash(script.Hash160(pub[:]))))
	}
	return script.PayToPubKeyHash(script.Hash160(pub[:]))
}

// AccountPath returns the path of the account for addresses of type t: m/86'/coin'/0' or m/84'/coin'/0'.
func AccountPath(p *consensus.Params, t AddressType) string {
	return fmt.Sprintf("m/%d'/%d'/0'", t.purpose(), p.HDCoinType)
}

// The two chains of an account.
const (
	receiveChain = 0
	changeChain  = 1
)

// account derives the addresses of one type.
type account struct {
	kind   AddressType
	key    *hd.Key // private, at AccountPath
	chains [2]addressChain
}

// addressChain counts the addresses of one chain of an account: those derived and watched, those
// handed out, and those that some transaction paid (the highest index plus one, both).
type addressChain struct {
	key     *hd.Key
	derived uint32
	issued  uint32
	used    uint32
}

// owner says which key an own script belongs to.
type owner struct {
	kind  AddressType
	acct  *account // nil for an imported key
	chain uint32
	index uint32 // of the account's chain, or among the imported keys
}

// isChange tells whether the script is of the chain for change.
func (o owner) isChange() bool { return o.acct != nil && o.chain == changeChain }

// keyring knows all own scripts.
type keyring struct {
	params   *consensus.Params
	root     *hd.Key
	accounts []*account
	imported [][32]byte
	owners   map[string]owner
	scripts  [][]byte // the keys of owners, in the order in which they were added
}

func newKeyring(p *consensus.Params, seed []byte) (*keyring, error) {
	root, err := hd.NewMaster(seed)
	if err != nil {
		return nil, err
	}
	r := &keyring{params: p, root: root, owners: map[string]owner{}}
	for _, kind := range []AddressType{Taproot, Segwit} {
		a := &account{kind: kind}
		if a.key, err = root.Derive(AccountPath(p, kind)); err != nil {
			return nil, err
		}
		for i := range a.chains {
			if a.chains[i].key, err = a.key.Child(uint32(i)); err != nil {
				return nil, err
			}
		}
		r.accounts = append(r.accounts, a)
	}
	return r, r.fill()
}

// account returns the account of a type, the first for types that have none.
func (r *keyring) account(kind AddressType) *account {
	for _, a := range r.accounts {
		if a.kind == kind {
			return a
		}
	}
	return r.accounts[0]
}

// fill derives addresses until GapLimit lie beyond the last one that was used or handed out.
func (r *keyring) fill() error {
	for _, a := range r.accounts {
		for chain := range a.chains {
			c := &a.chains[chain]
			for c.derived < max(c.used, c.issued)+GapLimit {
				k, err := c.key.Child(c.derived)
				if err != nil {
					return err
				}
				r.watch(scriptFor(a.kind, k.PublicKey()), owner{kind: a.kind, acct: a, chain: uint32(chain), index: c.derived})
				c.derived++
			}
		}
	}
	return nil
}

func (r *keyring) watch(pkScript []byte, o owner) {
	if _, ok := r.owners[string(pkScript)]; ok {
		return
	}
	r.owners[string(pkScript)] = o
	r.scripts = append(r.scripts, pkScript)
}

// owner returns whose script it is.
func (r *keyring) owner(pkScript []byte) (owner, bool) {
	o, ok := r.owners[string(pkScript)]
	return o, ok
}

// markUsed notes that a transaction paid to a script of o and tells whether that made new scripts
// to watch.
func (r *keyring) markUsed(o owner) (grew bool, err error) {
	if o.acct == nil {
		return false, nil
	}
	c := &o.acct.chains[o.chain]
	c.used = max(c.used, o.index+1)
	before := len(r.scripts)
	err = r.fill()
	return len(r.scripts) > before, err
}

// addImported watches all address types of a private key. It returns false if the key is known.
func (r *keyring) addImported(secret [32]byte) (bool, error) {
	pub, err := script.PublicKey(secret)
	if err != nil {
		return false, err
	}
	if slices.Contains(r.imported, secret) {
		return false, nil
	}
	index := uint32(len(r.imported))
	r.imported = append(r.imported, secret)
	for _, kind := range []AddressType{Taproot, Segwit, Nested, Legacy} {
		r.watch(scriptFor(kind, pub), owner{kind: kind, index: index})
	}
	return true, nil
}

// secret returns the private key of an own script.
func (r *keyring) secret(o owner) ([32]byte, error) {
	if o.acct == nil {
		return r.imported[o.index], nil
	}
	k, err := o.acct.chains[o.chain].key.Child(o.index)
	if err != nil {
		return [32]byte{}, err
	}
	secret, private := k.Secret()
	if !private {
		return [32]byte{}, hd.ErrHardened
	}
	return secret, nil
}

// path returns the derivation path of an own script, "imported" for an imported key.
func (r *keyring) path(o owner) string {
	if o.acct == nil {
		return "imported"
	}
	return fmt.Sprintf("%s/%d/%d", AccountPath(r.params, o.kind), o.chain, o.index)
}

// script returns the script at an index of a chain.
func (a *account) script(chain, index uint32) ([]byte, error) {
	k, err := a.chains[chain].key.Child(index)
	if err != nil {
		return nil, err
	}
	return scriptFor(a.kind, k.PublicKey()), nil
}

// next returns the index of the chain's next fresh address. Beyond GapLimit addresses that nobody
// paid, a restored wallet would not look; then it is the oldest of those, and fresh is false.
func (c *addressChain) next() (index uint32, fresh bool) {
	n := max(c.used, c.issued)
	if n >= c.used+GapLimit {
		return c.used, false
	}
	return n, true
}
