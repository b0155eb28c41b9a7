package lab

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/wallet"
	"github.com/cairn-chain/cairn/wallet/hd"
)

// Accounts is how many accounts a new network has.
const Accounts = 10

// Account is a key that everybody may know, with coins from the start.
type Account struct {
	Address string
	WIF     string
	script  []byte
	secret  [32]byte
}

// keys are a network's mnemonic and what follows from it: the accounts that people use, and those that
// the faucet and the miners are paid to.
type keys struct {
	mnemonic string
	path     string // of the accounts; i stands for the index
	accounts []Account
	faucet   Account
}

// deriveKeys makes the keys of a seed. The same seed has the same keys on each network of the same kind.
func deriveKeys(p *consensus.Params, seed uint64) (*keys, error) {
	entropy := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("cairn testnet"), seed))
	mnemonic, err := wallet.NewMnemonic(bytes.NewReader(entropy[:16]), 16)
	if err != nil {
		return nil, err
	}
	s, err := wallet.SeedFromMnemonic(mnemonic, "")
	if err != nil {
		return nil, err
	}
	master, err := hd.NewMaster(s)
	if err != nil {
		return nil, err
	}
	base := wallet.AccountPath(p, wallet.Taproot)
	k := &keys{mnemonic: mnemonic, path: base + "/0/i"}
	for i := range Accounts {
		a, err := deriveAccount(p, master, fmt.Sprintf("%s/0/%d", base, i))
		if err != nil {
			return nil, err
		}
		k.accounts = append(k.accounts, a)
	}
	// The faucet's key lies outside of the account that a wallet restored from the mnemonic looks at.
	k.faucet, err = deriveAccount(p, master, fmt.Sprintf("m/86'/%d'/9'/0/0", p.HDCoinType))
	return k, err
}

func deriveAccount(p *consensus.Params, master *hd.Key, path string) (Account, error) {
	k, err := master.Derive(path)
	if err != nil {
		return Account{}, err
	}
	secret, _ := k.Secret()
	a := Account{secret: secret, WIF: hd.EncodeWIF(p, secret)}
	a.script = script.PayToTaproot(script.TaprootOutputKey(script.XOnly(k.PublicKey())))
	a.Address, _ = script.EncodeAddress(p.Addresses(), a.script)
	return a, nil
}
