package utxofile_test

import (
	"bytes"
	"fmt"

	"github.com/cairn-chain/cairn/chain/utxofile"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

func ExampleReader() {
	var file bytes.Buffer
	w, err := utxofile.NewWriter(&file, utxofile.Header{Network: 0xdab5bffa, Base: types.Hash{1}})
	if err != nil {
		panic(err)
	}
	coin := consensus.Coin{Out: types.TxOut{Value: 5_000_000_000, Script: []byte{0x51}}, Height: 3, Coinbase: true}
	if err := w.Add(consensus.CoinEntry{OutPoint: types.OutPoint{Index: 2}, Coin: coin}); err != nil {
		panic(err)
	}
	header, _, err := w.Finish()
	if err != nil {
		panic(err)
	}
	copy(file.Bytes(), header)
	head, err := utxofile.ReadHeader(&file)
	if err != nil {
		panic(err)
	}
	e, err := utxofile.NewReader(&file, head, 3).Next()
	fmt.Println(head.Coins, e.OutPoint.Index, e.Coin.Out.Value, e.Coin.Height, err)
	// Output: 1 2 5000000000 3 <nil>
}
