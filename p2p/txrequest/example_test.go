package txrequest_test

import (
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/p2p/txrequest"
	"github.com/cairn-chain/cairn/types"
)

// Three peers announce a transaction. The one that we dialled is asked first, and another one once it has let a minute pass.
func Example() {
	type peer uint64
	tracker, now, hash := txrequest.New[peer](salted.Key{1, 2}), time.Unix(1_700_000_000, 0), types.Hash{1}
	for id := peer(1); id <= 3; id++ {
		tracker.Announce(id, hash, true, id == 2, now)
	}
	for _, ask := range tracker.Advance(now) {
		fmt.Println("ask peer", ask.Peer)
	}
	now = tracker.Next()
	fmt.Println("others asked:", tracker.Advance(now)[0].Peer != 2)
	tracker.Forget(hash) // it has come
	fmt.Println("left:", tracker.Len())
	// Output:
	// ask peer 2
	// others asked: true
	// left: 0
}
