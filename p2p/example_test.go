package p2p_test

import (
	"context"
	"fmt"

	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// Two nodes on one host: one listens, the other dials, says something and hangs up.
func Example() {
	// emitInto is how an owner takes events: a bounded channel, given up when ctx ends.
	emitInto := func(events chan proto.Event) func(context.Context, proto.Event) {
		return func(ctx context.Context, ev proto.Event) {
			select {
			case events <- ev:
			case <-ctx.Done():
			}
		}
	}
	const magic = 0xdab5bffa
	heard, said := make(chan proto.Event), make(chan proto.Event)
	listener := p2p.New(p2p.Config{Magic: magic, Emit: emitInto(heard)})
	defer listener.Close()
	caller := p2p.New(p2p.Config{Magic: magic, Emit: emitInto(said)})
	defer caller.Close()

	addr, err := listener.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	caller.Dial(addr, proto.Manual)
	connected := (<-said).(proto.Connected)
	caller.Send(connected.Peer, wire.Ping{Nonce: 42})

	for ev := range heard {
		switch ev := ev.(type) {
		case proto.Connected:
			fmt.Println("connected: peer", ev.Peer)
		case proto.Message:
			fmt.Println("message:", ev.Msg.Command(), "of", ev.Size, "bytes")
			caller.Disconnect(connected.Peer, "said enough")
		case proto.Gone:
			fmt.Println("gone: peer", ev.Peer)
			return
		}
	}
	// Output:
	// connected: peer 1
	// message: ping of 32 bytes
	// gone: peer 1
}
