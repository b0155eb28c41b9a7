package wallet_test

import (
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/wallet"
	"github.com/cairn-chain/cairn/wallet/hd"
)

// The first address of a mnemonic's taproot account.
func Example() {
	seed, err := wallet.SeedFromMnemonic("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	master, err := hd.NewMaster(seed)
	if err != nil {
		fmt.Println(err)
		return
	}
	params := consensus.Cairn()
	path := wallet.AccountPath(params, wallet.Taproot) + "/0/0"
	key, err := master.Derive(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	public := key.PublicKey()
	lock := script.PayToTaproot(script.TaprootOutputKey([32]byte(public[1:])))
	address, _ := script.EncodeAddress(params.Addresses(), lock)
	fmt.Println(path)
	fmt.Println(address)
	// Output:
	// m/86'/1'/0'/0/0
	// crn1p8wpt9v4frpf3tkn0srd97pksgsxc5hs52lafxwru9kgeephvs7rquqnucn
}

// Amounts are exact: no floating point is involved.
func ExampleParseAmount() {
	n, err := wallet.ParseAmount("1.5")
	fmt.Println(n, err)
	fmt.Println(wallet.FormatAmount(n))
	// Output:
	// 150000000 <nil>
	// 1.50000000
}
