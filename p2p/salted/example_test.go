package salted_test

import (
	"fmt"

	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/types"
)

// What was refused is remembered in a bounded set, in which nobody outside can bring about that two look alike.
func ExampleRolling() {
	refused := salted.NewRolling(60_000, salted.Key{0x5eed, 0x0f}) // a key is drawn when the node starts
	refused.Add(types.Hash{1})
	fmt.Println(refused.Has(types.Hash{1}), refused.Has(types.Hash{2}))
	// Output: true false
}
