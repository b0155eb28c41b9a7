package wire_test

import (
	"fmt"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// A message goes into a frame and comes out of it again.
func Example() {
	const magic = 0xdab5bffa // fa bf b5 da on the wire: regtest
	frame := wire.AppendFrame(nil, magic, wire.Ping{Nonce: 42})
	fmt.Printf("%x\n", frame)

	m, size, err := wire.ParseFrame(frame, magic)
	if err != nil {
		fmt.Println(err)
		return
	}
	switch m := m.(type) {
	case wire.Ping:
		fmt.Println("ping", m.Nonce, "in", size, "bytes")
	}
	// Output:
	// fabfb5da70696e67000000000000000008000000f27162782a00000000000000
	// ping 42 in 32 bytes
}
