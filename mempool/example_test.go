package mempool_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/types"
)

// place is the tip of a chain that has only its genesis.
type place struct{ p *consensus.Params }

func (g place) Height() int32        { return 0 }
func (g place) Hash() types.Hash     { return g.p.Genesis.Hash() }
func (g place) Header() types.Header { return g.p.Genesis.Header }
func (g place) Work() consensus.Work { return consensus.Work{} }
func (g place) MedianTime() int64    { return int64(g.p.Genesis.Header.Time) }
func (g place) Ancestor(h int32) consensus.Ancestry {
	if h != 0 {
		return nil
	}
	return g
}

func Example() {
	params := consensus.Regtest()
	pool := mempool.New(mempool.Config{Params: params, Verify: &script.Runner{Verifier: script.NewVerifier()}})

	tx := &types.Tx{
		Version: 2,
		In:      []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{1}}}},
		Out:     []types.TxOut{{Value: 5000, Script: script.PayToTaproot([32]byte{2})}},
	}
	coins := consensus.Coins{} // the chain knows none of these:
	fmt.Println(len(pool.Needs(tx)))
	_, err := pool.Add(tx, coins, place{params}, time.Unix(1_700_000_000, 0), mempool.AddOptions{})
	var missing *mempool.MissingParents
	fmt.Println(errors.As(err, &missing), mempool.IsPolicy(err))

	tx.Version = 7
	_, err = pool.Add(tx.Clone(), coins, place{params}, time.Unix(1_700_000_000, 0), mempool.AddOptions{})
	fmt.Println(err)
	// Output:
	// 1
	// true true
	// version (version 7, standard are 1 to 3)
}
