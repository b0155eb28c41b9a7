package proto_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/types"
)

// onlyGenesis is a chain of one block.
type onlyGenesis struct{ root *consensustest.Node }

func (c onlyGenesis) Tip() consensus.Ancestry        { return c.root }
func (c onlyGenesis) BestHeader() consensus.Ancestry { return c.root }
func (c onlyGenesis) Lookup(h types.Hash) (proto.Entry, bool) {
	return proto.Entry{Ancestry: c.root, HaveBlock: true}, h == c.root.Hash()
}

// A machine dials the peer that it is to keep, and says hello once the connection stands.
func ExampleMachine_Step() {
	params := consensus.Regtest()
	friend := netip.MustParseAddrPort("192.0.2.1:18444")
	m, err := proto.New(proto.Config{
		Params: params, Chain: onlyGenesis{consensustest.NewNode(nil, params.Genesis)}, Version: "0.1",
		Rand: rand.New(rand.NewPCG(1, 2)), Manual: []netip.AddrPort{friend},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, ev := range []proto.Event{
		proto.Tick{},
		proto.Connected{Peer: 1, Kind: proto.Manual, Addr: friend},
	} {
		for _, eff := range m.Step(now, ev) {
			switch e := eff.(type) {
			case proto.Dial:
				fmt.Println("dial", e.Addr, e.Kind)
			case proto.Send:
				fmt.Println("send", e.Msg.Command())
			}
		}
	}
	fmt.Println("next tick in", m.NextTick().Sub(now))
	// Output:
	// dial 192.0.2.1:18444 manual
	// send version
	// next tick in 1m0s
}
