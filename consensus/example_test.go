package consensus_test

import (
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// An error of type RuleError is the sender's fault, and its kind is what programs match on.
func ExampleRuleError() {
	p := consensus.Cairn()
	forged := types.Header{Version: 4, PrevHash: p.Genesis.Hash(), Time: p.Genesis.Header.Time + 15, Bits: p.PowLimitBits}
	err := consensus.CheckWork(p, &forged, forged.Hash())
	fmt.Println(consensus.KindOf(err))
	// Output: high-hash
}

// Genesis is a block like any other, but for its parent.
func ExampleCheckHeader() {
	p := consensus.Regtest()
	fmt.Println(p.Genesis.Hash())
	fmt.Println(consensus.CheckHeader(p, nil, &p.Genesis.Header, time.Unix(1_300_000_000, 0)))
	// Output:
	// 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206
	// <nil>
}

// The hash of a set of coins does not depend on the order in which they came and went.
func ExampleCoinSetHash() {
	var a, b consensus.CoinSetHash
	one, two := types.OutPoint{Index: 1}, types.OutPoint{Index: 2}
	a.Add(one, consensus.Coin{Height: 1})
	a.Add(two, consensus.Coin{Height: 2})
	a.Remove(one, consensus.Coin{Height: 1})
	b.Add(two, consensus.Coin{Height: 2})
	fmt.Println(a.Digest() == b.Digest())
	// Output: true
}
