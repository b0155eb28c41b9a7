package index_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/cairn-chain/cairn/chain/index"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
)

// An index catches up with a chain, and tells what a script has.
func Example() {
	t := &testing.T{}
	m := storetest.Maker{T: t, Params: storetest.Params()}
	c := storetest.Open(t, storetest.Config(m.Params, memdb.New()))
	storetest.Add(t, c, m.Empty(m.Genesis(), 3)...)

	x, err := index.OpenScript(memdb.NewKV())
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := x.Sync(context.Background(), c, nil); err != nil {
		fmt.Println(err)
		return
	}
	balance, at, err := x.Balance(storetest.Lock)
	fmt.Println(balance.Coins, balance.Value, at.Height, err)
	// Output: 3 15000000000 3 <nil>
}
