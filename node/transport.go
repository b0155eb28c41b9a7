package node

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"sync"

	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// codec is how connections are encoded: encrypted, unless a person has switched that off.
func (n *Node) codec() p2p.Codec {
	if n.cfg.NoV2Transport {
		return nil // p2p's default, with its default pace
	}
	return p2p.V2{Magic: n.cfg.Params.Magic, Pace: p2p.DefaultPace(), Rand: rand.Reader}
}

// dialsOlder tells whether an address is dialled in version 1 from the start: a manual one if a person asked for that, any
// other unless it claims to speak version 2, as Bitcoin Core does. Dialling in version 2 whoever does not know it would cost a
// connection each time. It is called by the owner, whose book it reads.
func (n *Node) dialsOlder(d proto.Dial) bool {
	if encrypted, asked := n.asked[d.Addr]; asked {
		return !encrypted
	}
	if d.Kind == proto.Manual {
		return n.plain.has(d.Addr)
	}
	services, known := n.book.Services(d.Addr)
	return !known || services&wire.NodeP2PV2 == 0
}

// maxPlain bounds plainAddrs.
const maxPlain = 2000

// plainAddrs are the addresses that a person wants to be dialled in version 1.
type plainAddrs struct {
	mu    sync.Mutex
	addrs map[netip.AddrPort]struct{}
}

func (p *plainAddrs) has(a netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.addrs[a]
	return ok
}

// set notes what a person asked for last.
func (p *plainAddrs) set(a netip.AddrPort, encrypted bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if encrypted {
		delete(p.addrs, a)
		return nil
	}
	if _, ok := p.addrs[a]; !ok && len(p.addrs) >= maxPlain {
		return errors.New("too many addresses without encryption")
	}
	if p.addrs == nil {
		p.addrs = make(map[netip.AddrPort]struct{})
	}
	p.addrs[a] = struct{}{}
	return nil
}

// perMessage sums traffic under the names that Bitcoin Core gives: of messages that it does not know, and of damaged
// ones, there is one sum.
func perMessage(counts map[string]uint64) map[string]uint64 {
	const other = "*other*"
	out := make(map[string]uint64, len(counts))
	for command, n := range counts {
		if command == "other" || command == "dropped" {
			command = other
		}
		out[command] += n
	}
	return out
}
