package wallet

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet/hd"
)

// Options say where a wallet is and what it may use.
type Options struct {
	Dir, Name string
	Params    *consensus.Params
	// Passphrase opens the file; nil for a wallet without one.
	Passphrase []byte
	// KDF is used by Create if there is a passphrase; zero means DefaultKDF.
	KDF KDF
	// LockWait is for how long to wait for another process that has the wallet open.
	LockWait time.Duration

	// Random draws keys, salts and nonces; nil means crypto/rand. Rand draws what need not be secret
	// (the choice of coins); nil means one seeded from Random. Now is the clock, nil means time.Now.
	Random io.Reader
	Rand   *rand.Rand
	Now    func() time.Time
}

func (o *Options) fill() error {
	if o.Params == nil {
		return errors.New("a wallet needs the params of its network")
	}
	if o.Random == nil {
		o.Random = crand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.KDF == (KDF{}) && len(o.Passphrase) > 0 {
		o.KDF = DefaultKDF
	}
	if o.Rand == nil {
		var seed [16]byte
		if _, err := io.ReadFull(o.Random, seed[:]); err != nil {
			return fmt.Errorf("draw a seed: %w", err)
		}
		o.Rand = rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:])))
	}
	return refuseRealMoney(o.Params)
}

// Wallet is an open wallet: it holds the lock of its file until Close. It is for one goroutine.
// What its methods change is on disk when they return without error.
type Wallet struct {
	params *consensus.Params
	store  *fileStore
	seal   *sealer
	random io.Reader
	rng    *rand.Rand
	now    func() time.Time

	mnemonic string
	kind     AddressType // of new addresses
	created  int64
	keys     *keyring
	chain    *headerChain
	view     *view
	seq      uint64
}

// Format keeps secrets out of logs: a wallet prints as its network only.
func (w *Wallet) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "wallet on %s", w.params.Name) //nolint:errcheck // fmt.State has nowhere to report to
}

// Create makes a new wallet file and opens it. An empty mnemonic draws a new one; a given one
// restores the wallet that it belongs to, whose coins the first Sync finds. kind is the type of
// new addresses, Taproot if empty. Errors: ErrExists, ErrName, ErrInUse, those of a wrong
// mnemonic, and what the disk says.
func Create(ctx context.Context, o Options, mnemonic string, kind AddressType) (*Wallet, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	if mnemonic == "" {
		var err error
		if mnemonic, err = NewMnemonic(o.Random, MnemonicBytes); err != nil {
			return nil, err
		}
	}
	if kind == "" {
		kind = Taproot
	}
	w := o.wallet()
	w.kind, w.created = kind, o.Now().Unix()
	if err := w.setKeys(mnemonic); err != nil {
		return nil, err
	}
	w.chain = newHeaderChain(o.Params)
	w.view.settle(0)
	if err := w.createFile(ctx, &o); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (o *Options) wallet() *Wallet {
	return &Wallet{params: o.Params, random: o.Random, rng: o.Rand, now: o.Now}
}

func (w *Wallet) createFile(ctx context.Context, o *Options) (err error) {
	if w.store, err = o.lock(ctx); err != nil {
		return err
	}
	found, err := w.store.exists()
	if err != nil {
		return err
	}
	if found {
		return fmt.Errorf("%w: %s", ErrExists, w.store.path)
	}
	w.seal, err = newSealer(o.Random, o.Params.Name, o.Params.Genesis.Hash(), o.Passphrase, o.KDF)
	if err != nil {
		return err
	}
	return w.save()
}

func (o *Options) lock(ctx context.Context) (*fileStore, error) {
	ctx, cancel := context.WithTimeout(ctx, max(o.LockWait, time.Nanosecond))
	defer cancel()
	return lockStore(ctx, o.Dir, o.Name)
}

// Open opens a wallet. Errors: ErrNoWallet, ErrInUse, ErrPassphrase, ErrDamaged, ErrNewerFormat,
// ErrName, *NetworkError, and what the disk says.
func Open(ctx context.Context, o Options) (*Wallet, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	if _, err := Inspect(o.Dir, o.Name); errors.Is(err, ErrNoWallet) || errors.Is(err, ErrName) {
		return nil, err
	}
	w := o.wallet()
	var err error
	if w.store, err = o.lock(ctx); err != nil {
		return nil, err
	}
	if err := w.load(o.Passphrase); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// NetworkError says that a wallet belongs to another network than the one asked for.
type NetworkError struct{ Wallet, Asked string }

// Error names both networks.
func (e *NetworkError) Error() string {
	if e.Wallet == e.Asked {
		return fmt.Sprintf("the wallet belongs to a network that is called %s too but has another genesis block", e.Asked)
	}
	return fmt.Sprintf("the wallet is for the network %s, not %s", e.Wallet, e.Asked)
}

// load reads the file. With the key of an earlier load at hand, passphrase may be nil.
func (w *Wallet) load(passphrase []byte) error {
	raw, err := w.store.read()
	if err != nil {
		return err
	}
	e, err := parseEnvelope(raw)
	if err != nil {
		return err
	}
	if e.network != w.params.Name || e.genesis != w.params.Genesis.Hash() {
		return &NetworkError{Wallet: e.network, Asked: w.params.Name}
	}
	var plain []byte
	if w.seal != nil && w.seal.salt == e.salt {
		plain, err = e.openWith(w.seal)
	} else {
		plain, w.seal, err = e.open(passphrase)
	}
	if err != nil {
		return err
	}
	return w.decodeState(plain)
}

// save writes the wallet's file. If that fails the old file is still there, and what is in memory
// is ahead of it.
func (w *Wallet) save() error {
	plain, err := w.encodeState()
	if err != nil {
		return err
	}
	raw, err := w.seal.seal(w.random, plain)
	if err != nil {
		return err
	}
	return w.store.write(raw)
}

// Close gives up the lock. It writes nothing: all changes are on disk already.
func (w *Wallet) Close() error {
	if w.store == nil {
		return nil
	}
	return w.store.unlock()
}

// Resume opens a wallet again after Close, without asking for the passphrase: it takes the lock, waiting as
// long as ctx lets it, and reads what others have changed meanwhile.
func (w *Wallet) Resume(ctx context.Context) error {
	if err := w.store.relock(ctx); err != nil {
		return err
	}
	return w.load(nil)
}

// Params returns the params of the wallet's network.
func (w *Wallet) Params() *consensus.Params { return w.params }

// Encrypted tells whether the wallet has a passphrase.
func (w *Wallet) Encrypted() bool { return !w.seal.kdf.none() }

// Type returns the type of new addresses.
func (w *Wallet) Type() AddressType { return w.kind }

// Mnemonic returns the words that all keys but imported ones come from. It is the secret.
func (w *Wallet) Mnemonic() string { return w.mnemonic }

// Height returns the height of the last block that was looked at, 0 before the first sync.
func (w *Wallet) Height() int32 { return w.chain.height() }

// TipHash returns the hash of the last block that was looked at.
func (w *Wallet) TipHash() types.Hash { return w.chain.tip().hash }

// Address is an own address.
type Address struct {
	Address string      `json:"address"`
	Type    AddressType `json:"type"`
	Path    string      `json:"path"` // derivation path, or "imported"
	Change  bool        `json:"change"`
	Used    bool        `json:"used"` // some transaction pays to it
}

// NewAddress hands out an address that was not handed out before. When GapLimit addresses in a row
// were handed out and nobody paid to them, it is the first of those again, and fresh is false:
// further ones would not be found by a wallet restored from the mnemonic. kind "" is the wallet's own.
func (w *Wallet) NewAddress(kind AddressType) (a Address, fresh bool, err error) {
	if kind == "" {
		kind = w.kind
	}
	acct := w.keys.account(kind)
	c := &acct.chains[receiveChain]
	index, fresh := c.next()
	if fresh {
		c.issued = index + 1
		if err := w.keys.fill(); err != nil {
			return a, false, err
		}
		if err := w.save(); err != nil {
			return a, false, err
		}
	}
	pkScript, err := acct.script(receiveChain, index)
	if err != nil {
		return a, false, err
	}
	return w.describe(pkScript, owner{kind: acct.kind, acct: acct, chain: receiveChain, index: index}, w.paidScripts()), fresh, nil
}

// Addresses returns all addresses that were handed out or paid, with their change addresses, and those of
// imported keys.
func (w *Wallet) Addresses() []Address {
	var out []Address
	paid := w.paidScripts()
	for _, pkScript := range w.keys.scripts {
		o, _ := w.keys.owner(pkScript)
		if o.acct != nil {
			c := &o.acct.chains[o.chain]
			if o.index >= max(c.issued, c.used) {
				continue
			}
		}
		out = append(out, w.describe(pkScript, o, paid))
	}
	return out
}

func (w *Wallet) describe(pkScript []byte, o owner, paid map[string]bool) Address {
	return Address{
		Address: w.addressOf(pkScript), Type: o.kind, Path: w.keys.path(o), Change: o.isChange(), Used: paid[string(pkScript)],
	}
}

// paidScripts returns the own scripts that some transaction pays to.
func (w *Wallet) paidScripts() map[string]bool {
	paid := map[string]bool{}
	for op := range w.view.outs {
		paid[string(w.view.byID[op.TxID].tx.Out[op.Index].Script)] = true
	}
	return paid
}

// addressOf writes a script as an address, or as its disassembly if it has none.
func (w *Wallet) addressOf(pkScript []byte) string {
	if a, ok := script.EncodeAddress(w.params.Addresses(), pkScript); ok {
		return a
	}
	return script.Disassemble(pkScript)
}

// Import adds private keys in wallet import format; all types of addresses of each are watched. The
// next Sync scans the chain from genesis for their coins. It returns how many keys were new; if one
// of them is wrong none is taken.
func (w *Wallet) Import(wifs ...string) (added int, err error) {
	secrets := make([][32]byte, len(wifs))
	for i, wif := range wifs {
		if secrets[i], err = hd.DecodeWIF(w.params, wif); err != nil {
			return 0, err
		}
	}
	for _, secret := range secrets {
		fresh, err := w.keys.addImported(secret)
		if err != nil {
			return 0, err
		}
		if fresh {
			added++
		}
	}
	if added == 0 {
		return 0, nil
	}
	if err := w.rescan(); err != nil {
		return 0, err
	}
	return added, w.save()
}

// rescan forgets what was looked at, but no transaction.
func (w *Wallet) rescan() error {
	w.unplaceAbove(-1)
	w.chain = newHeaderChain(w.params)
	for _, r := range w.view.records {
		if _, err := w.view.index(r); err != nil {
			return err
		}
	}
	w.view.settle(0)
	return nil
}

// Keys returns the private keys of all addresses that Addresses lists, in wallet import format.
func (w *Wallet) Keys() ([]ExportedKey, error) {
	var out []ExportedKey
	for _, a := range w.Addresses() {
		pkScript, err := script.DecodeAddress(w.params.Addresses(), a.Address)
		if err != nil {
			return nil, err
		}
		o, _ := w.keys.owner(pkScript)
		secret, err := w.keys.secret(o)
		if err != nil {
			return nil, err
		}
		out = append(out, ExportedKey{Address: a, WIF: hd.EncodeWIF(w.params, secret)})
	}
	return out, nil
}

// ExportedKey is an address with its private key.
type ExportedKey struct {
	Address
	WIF string `json:"wif"`
}
