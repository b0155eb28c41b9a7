package types_test

import (
	"encoding/hex"
	"fmt"

	"github.com/cairn-chain/cairn/types"
)

// A header is 80 bytes, and its hash is what the next header names.
func ExampleDecodeHeader() {
	raw, err := hex.DecodeString(header170)
	if err != nil {
		panic(err)
	}
	h, err := types.DecodeHeader(raw)
	fmt.Println(h.Hash(), err)
	// Output: 00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee <nil>
}

// Whoever wants to change a transaction changes a clone of it.
func ExampleTx_Clone() {
	tx := &types.Tx{Version: 2, In: []types.TxIn{{}}, Out: []types.TxOut{{Value: 5}}}
	fmt.Println(tx.ID() == tx.Clone().ID())
	other := tx.Clone()
	other.Out[0].Value = 6
	fmt.Println(tx.ID() == other.ID(), tx.Out[0].Value)
	// Output:
	// true
	// false 5
}

// A Decoder's error sticks, so a whole structure is read before it is looked at.
func ExampleDecoder() {
	d := types.NewDecoder([]byte{3, 'a', 'b', 'c', 1, 0})
	word, number := d.VarBytes(10), d.Uint16()
	fmt.Printf("%s %d %v\n", word, number, d.Finish())
	d.Uint64()
	fmt.Println(d.Err())
	// Output:
	// abc 1 <nil>
	// unexpected end of data
}
