package compact_test

import (
	"fmt"

	"github.com/cairn-chain/cairn/p2p/compact"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// emptyPool is a mempool with nothing in it.
type emptyPool struct{}

func (emptyPool) Get(types.Hash) (*types.Tx, int64, bool) { return nil, 0, false }
func (emptyPool) WitnessIDs(int, []types.Hash) int        { return 0 }

// A block of a coinbase and one more transaction, which was refused a while ago, is put together without asking for anything.
func Example() {
	coinbase := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.NullOutPoint}}, Out: []types.TxOut{{Value: 50}}}
	refused := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{1}}}}, Out: []types.TxOut{{Value: 1}}}
	msg := wire.NewCmpctBlock(&types.Block{Txs: []*types.Tx{coinbase, refused}}, 7)

	var extra compact.Extra
	part, err := compact.Assemble(&msg, emptyPool{}, &extra)
	fmt.Println("missing:", part.Missing, err)
	extra.Add(refused)
	part, err = compact.Assemble(&msg, emptyPool{}, &extra)
	fmt.Println("missing:", part.Missing, err)
	// Output:
	// missing: [1] <nil>
	// missing: [] <nil>
}
