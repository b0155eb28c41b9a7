package node

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/proto"
)

// What ends with the network must not reach the machine: it would forget who was connected before the anchors of the
// next start are written down.
func TestNothingIsEmittedAfterTheEnd(t *testing.T) {
	o := newOwner()
	ctx, cancel := context.WithCancel(context.Background())
	o.emit(ctx, proto.Gone{Peer: 1})
	if len(o.fromNet) != 1 {
		t.Fatal("an event did not reach the owner")
	}
	<-o.fromNet
	cancel()
	for range 100 {
		o.emit(ctx, proto.Gone{Peer: 1})
	}
	if n := len(o.fromNet); n != 0 {
		t.Errorf("%d events after the end", n)
	}
}

// A clock that stands still does not keep the owner awake, however near the machine's next deadline is.
func TestOwnerSleepsWhileTheClockStands(t *testing.T) {
	n, _ := start(t, func(c *Config) { c.RPCListen, c.HTTPListen = "", "" })
	n.clock.set(time.Now().Add(time.Hour))
	n.read(func() {
		now, addr := n.clock.now(), netip.MustParseAddrPort("127.0.0.1:1")
		n.machine.Step(now, proto.AddManual{Addr: addr})
		n.machine.Step(now, proto.DialFailed{Addr: addr, Kind: proto.Manual})
		if near := n.machine.NextTick().Sub(now); near >= time.Second {
			t.Errorf("the next deadline is %v ahead", near)
		}
		if d := n.owner.untilTick(); d != time.Second {
			t.Errorf("the owner wakes after %v", d)
		}
	})
	n.clock.set(time.Time{})
}
