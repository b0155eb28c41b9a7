package addrbook_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/p2p/addrbook"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// A node hears of another, dials it, and finds it good.
func Example() {
	now := time.Unix(1_800_000_000, 0)
	salt := [32]byte{1, 2, 3} // random in earnest
	book := addrbook.New(salt, rand.New(rand.NewPCG(1, 2)))

	heard := wire.TimedAddr{
		Time:    uint32(now.Unix()),
		NetAddr: wire.NetAddr{Services: wire.NodeNetwork, Addr: netip.MustParseAddrPort("127.0.0.1:21333")},
	}
	book.Add(now, []wire.TimedAddr{heard}, netip.MustParseAddrPort("127.0.0.1:40112"))

	addr, ok := book.Select(now, true, nil)
	fmt.Println(addr, ok)
	book.Attempt(now, addr)
	book.Good(now, addr, wire.NodeNetwork|wire.NodeWitness)
	fmt.Println(book.Len())
	// Output:
	// 127.0.0.1:21333 true
	// 0 1
}
