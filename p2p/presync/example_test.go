package presync_test

import (
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/presync"
	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/types"
)

// A chain is let through only when it has shown enough work twice.
func Example() {
	params := consensus.Regtest()
	start := consensustest.NewNode(nil, params.Genesis)
	goal := start.Work()
	var headers []types.Header
	var hashes []types.Hash
	for prev := start.Hash(); len(headers) < 5; prev = hashes[len(hashes)-1] {
		h := types.Header{PrevHash: prev, Bits: params.PowLimitBits}
		headers, hashes = append(headers, h), append(hashes, h.Hash())
		goal = goal.Add(consensus.WorkFromBits(h.Bits))
	}
	now := time.Unix(int64(start.Header().Time), 0).Add(time.Hour)
	sync := presync.New(params, start, goal, now, salted.Key{1, 2}, 3, presync.Default)
	out, more := sync.Next(headers, hashes, true)
	fmt.Println("first time:", len(out), more, sync.Last() == start.Hash())
	out, more = sync.Next(headers, hashes, true)
	fmt.Println("second time:", len(out), more, sync.Reached())
	// Output:
	// first time: 0 true true
	// second time: 5 false true
}
