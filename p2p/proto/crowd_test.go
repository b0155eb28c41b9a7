package proto

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// Commands of scenarios for what is too much to show step by step.

// crowd FROM COUNT addr=A: so many inbound connections, their ids counted from FROM and their addresses from A. What happens to
// them is summed up; whoever is to be disconnected is gone at once.
func (s *scenario) crowd(f []string) {
	from, _ := strconv.Atoi(f[0])
	count, _ := strconv.Atoi(f[1])
	addr := netip.MustParseAddr(args(f[2:])["addr"])
	why := map[string]int{}
	var order []string
	for i := range count {
		addr = addr.Next()
		id := PeerID(from + i)
		a := netip.AddrPortFrom(addr, 1)
		for _, eff := range s.step(Connected{Peer: id, Kind: Inbound, Addr: a, NetGroup: netGroup(a)}) {
			d, ok := eff.(Disconnect)
			if !ok {
				continue
			}
			if why[d.Why] == 0 {
				order = append(order, d.Why)
			}
			why[d.Why]++
			s.step(Gone{d.Peer})
		}
	}
	for _, w := range order {
		s.out = append(s.out, fmt.Sprintf("crowd: %d disconnected: %s", why[w], w))
	}
}

// count shows how many connections of each kind stand.
func (s *scenario) count() {
	for _, kind := range []ConnKind{Inbound, Outbound, Manual, BlockRelay, Feeler} {
		if n := s.m.count(kind); n > 0 {
			s.out = append(s.out, fmt.Sprintf("%d %s", n, kind))
		}
	}
}

// deliver N: the peer sends what it is asked for, one block after the other, up to so many, and the chain takes each.
func (s *scenario) deliver(id PeerID, n int) {
	blocks := map[types.Hash]*consensustest.Node{}
	for _, b := range s.blocks {
		blocks[b.Hash()] = b
	}
	sent := 0
	for p := s.m.peers[id]; p != nil && sent < n && len(p.dl.queue) > 0; sent++ {
		out := s.recv(id, wire.BlockMsg{Block: blocks[p.dl.queue[0].flight.hash].Block})
		for len(out) > 0 {
			eff := out[0]
			out = out[1:]
			if d, ok := eff.(Disconnect); ok {
				s.show([]Effect{d})
			}
			for _, ev := range s.judge(eff) {
				out = append(out, s.step(ev)...)
			}
		}
	}
	s.out = append(s.out, fmt.Sprintf("%d blocks of %d", sent, id))
}
