package proto

import (
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

const (
	// maxFilterAsks is how many requests for filters a peer may have waiting.
	maxFilterAsks = 1000
	// A filter and a list of hashes count as so many bytes in serveWindow, since their sizes are not known here.
	servedFilter = 16 << 10
	servedHashes = 64 << 10
)

// filterAsk is a request for filters of a light client (BIP157) that is not answered to its end.
//
// The rules are the BIP's and Bitcoin Core's: a type that we do not have, a last block that we do not know or would not
// tell of, a first one above it, and more than MaxCFilters or MaxCFHeaders disconnect. Answers are paced like blocks
// (peerServe): a request for a thousand filters is one entry here until its turn has come, and its filters
// are read by the peer's writer one after the other.
type filterAsk struct {
	request wire.Message // without Start for filters
	stop    consensus.Ancestry
	next    int32 // height of the next filter
}

// onFilterRequest takes a request for filters, their headers or checkpoints. It tells whether msg is one.
func (m *Machine) onFilterRequest(p *peer, msg wire.Message) bool {
	switch q := msg.(type) {
	case wire.GetCFilters:
		m.askFilters(p, q, q.Type, q.Stop, q.Start, wire.MaxCFilters)
	case wire.GetCFHeaders:
		m.askFilters(p, q, q.Type, q.Stop, q.Start, wire.MaxCFHeaders)
	case wire.GetCFCheckpt:
		m.askFilters(p, q, q.Type, q.Stop, 0, 0)
	default:
		return false
	}
	return true
}

// askFilters checks a request and queues it. most is how many blocks it may span; 0: any number.
func (m *Machine) askFilters(p *peer, request wire.Message, kind uint8, stop types.Hash, start uint32, most int64) {
	n, ok := m.lookup(stop)
	switch {
	case m.cfg.Services&wire.NodeCompactFilters == 0:
		m.drop(p, "filters are not served", "")
	case kind != wire.FilterBasic:
		m.drop(p, "unknown filter type", "")
	case !ok || !m.mayTell(n):
		m.drop(p, "filters of an unknown block", stop.String())
	case int64(start) > int64(n.Height()):
		m.drop(p, "filters from above their end", "")
	case most > 0 && int64(n.Height())-int64(start) >= most:
		m.drop(p, "too many filters", "")
	case len(p.serve.filters) >= maxFilterAsks:
		m.drop(p, "too many requests", "")
	default:
		p.serve.filters = append(p.serve.filters, filterAsk{request: request, stop: n.Ancestry, next: int32(start)})
	}
}

// serveFilters answers as far as the peer has read what it was sent before.
func (m *Machine) serveFilters(p *peer) {
	s := &p.serve
	for len(s.filters) > 0 && s.unread() < serveWindow {
		ask := &s.filters[0]
		if _, one := ask.request.(wire.GetCFilters); !one {
			m.emit(ServeFilters{Peer: p.id, Request: ask.request})
			m.served(p, servedHashes)
			s.filters = s.filters[1:]
			continue
		}
		n := ask.stop.Ancestor(ask.next)
		m.emit(ServeFilters{Peer: p.id, Request: wire.GetCFilters{Start: uint32(ask.next), Stop: n.Hash()}})
		m.served(p, servedFilter)
		if ask.next++; ask.next > ask.stop.Height() {
			s.filters = s.filters[1:]
		}
	}
	if len(s.filters) == 0 {
		s.filters = nil
	}
}
