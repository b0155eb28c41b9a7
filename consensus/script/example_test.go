package script_test

import (
	"fmt"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// A key receives a coin at its address, signs a transaction that spends it, and a runner verifies that.
func Example() {
	network := script.AddressParams{HRP: "crn", PubKeyHashID: 28, ScriptHashID: 88}
	priv := [32]byte{31: 1}
	pub, err := script.PublicKey(priv)
	if err != nil {
		fmt.Println(err)
		return
	}
	lock := script.PayToTaproot(script.TaprootOutputKey(script.XOnly(pub)))
	address, _ := script.EncodeAddress(network, lock)
	class, _ := script.Classify(lock)
	fmt.Println(class, address)

	spent := []types.TxOut{{Value: 1000, Script: lock}}
	unsigned := &types.Tx{
		Version: 2,
		In:      []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{1}}}},
		Out:     []types.TxOut{{Value: 900, Script: script.NullDataScript([]byte("hello"))}},
	}
	_, witness, err := script.SignInput(script.NewSigSums(unsigned, spent), 0, priv, [32]byte{})
	if err != nil {
		fmt.Println(err)
		return
	}
	tx := unsigned.Clone()
	tx.In[0].Witness = witness

	runner := &script.Runner{Verifier: script.NewVerifier()}
	check := script.Check{Tx: tx, Spent: spent, Flags: script.StandardFlags, Sums: script.NewSigSums(tx, spent)}
	fmt.Println(runner.Run([]script.Check{check}))

	forged := tx.Clone()
	forged.Out[0].Value++
	check.Tx, check.Sums = forged, script.NewSigSums(forged, spent)
	fmt.Println(runner.Run([]script.Check{check}) != nil)
	// Output:
	// witness_v1_taproot crn1pmfr3p9j00pfxjh0zmgp99y8zftmd3s5pmedqhyptwy6lm87hf5ss47awkt
	// <nil>
	// true
}

func ExampleDecodeAddress() {
	network := script.AddressParams{HRP: "crn", PubKeyHashID: 28, ScriptHashID: 88}
	for _, s := range []string{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"} {
		_, err := script.DecodeAddress(network, s)
		fmt.Println(err)
	}
	// Output:
	// the address belongs to another network: it begins with "bc", here addresses begin with "crn"
	// the address is mistyped: its checksum is wrong
}
