package orphanage_test

import (
	"fmt"

	"github.com/cairn-chain/cairn/p2p/orphanage"
	"github.com/cairn-chain/cairn/types"
)

// A child comes before its parent. When the parent has come, the child is tried again.
func Example() {
	type peer uint64
	parent := &types.Tx{Version: 2, Out: []types.TxOut{{Value: 10}}}
	child := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: parent.ID()}}}, Out: []types.TxOut{{Value: 9}}}

	orphans := orphanage.New[peer]()
	fmt.Println("kept:", orphans.Add(child, 1))
	orphans.Announce(child.WitnessID(), 2) // a second peer has it, too
	orphans.Gone(1)
	orphans.Wake(parent)
	fmt.Println("try again:", orphans.Next().Tx == child)
	orphans.Erase(child.WitnessID()) // it was accepted
	fmt.Println("left:", len(orphans.All()))
	// Output:
	// kept: true
	// try again: true
	// left: 0
}
