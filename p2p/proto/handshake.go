package proto

import (
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// handshakeTimeout is how long a peer has from the connection to its verack, if the Config says nothing else.
const handshakeTimeout = 60 * time.Second

// From these protocol versions on a peer knows a message.
const (
	versionPong        = 60001 // BIP31
	versionSendHeaders = 70012 // BIP130
	versionFeeFilter   = 70013 // BIP133
	versionWTxID       = 70016 // BIP339
)

type addrPort = netip.AddrPort

// handshake is how far two nodes have come in saying hello:
//
//	who dialled           who was dialled
//	version         →
//	                ←     version
//	                ←     wtxidrelay, sendaddrv2, verack
//	wtxidrelay, sendaddrv2, verack →
//
// Whatever comes before version is ignored, and so is all but wtxidrelay, sendaddrv2, sendheaders,
// sendcmpct and verack before verack, as Bitcoin Core does. A second version is ignored. A peer's clock is
// noted for people and moves nothing here.
type handshake struct {
	nonce      uint64 // of our version; a connection that brings it back is one to ourselves
	deadline   time.Time
	sent, got  bool // version
	done       bool // verack came
	theirs     wire.Version
	protocol   int32 // the lower of both versions
	offset     time.Duration
	wtxid      bool // BIP339: transactions are announced by witness id, both ways
	addrV2     bool // BIP155: it is told of addresses by addrv2
	wantsHeads bool // BIP130: new blocks are announced to it by headers
}

// serves tells whether the peer offers all of these services.
func (h *handshake) serves(s wire.Services) bool { return h.theirs.Services&s == s }

func (m *Machine) beginHandshake(p *peer) {
	p.hs.deadline = m.now.Add(m.cfg.HandshakeTimeout)
	for p.hs.nonce == 0 {
		p.hs.nonce = m.cfg.Rand.Uint64()
	}
	if p.kind != Inbound {
		m.sendVersion(p)
	}
}

func (m *Machine) sendVersion(p *peer) {
	p.hs.sent = true
	m.send(p, wire.Version{
		Protocol:    wire.ProtocolVersion,
		Services:    m.offers(p),
		Time:        m.unix(),
		To:          wire.NetAddr{Addr: p.addr},
		From:        wire.NetAddr{Services: m.offers(p)},
		Nonce:       p.hs.nonce,
		UserAgent:   m.cfg.UserAgent(),
		StartHeight: m.cfg.Chain.Tip().Height(),
		Relay:       m.wantsTxs(p),
	})
}

// wantsTxs tells whether we let this peer announce transactions to us.
func (m *Machine) wantsTxs(p *peer) bool {
	return (!m.cfg.BlocksOnly || p.perm.Has(PermRelay)) && p.kind != BlockRelay && p.kind != Feeler
}

func (m *Machine) onVersion(p *peer, v wire.Version) {
	if p.hs.got {
		return
	}
	p.hs.got, p.hs.theirs = true, v
	p.hs.protocol = min(v.Protocol, wire.ProtocolVersion)
	p.hs.offset = clockOffset(v.Time, m.unix())
	switch {
	case v.Protocol < wire.MinProtocolVersion:
		m.drop(p, "obsolete version", "")
	case p.kind == Inbound && m.ownNonce(v.Nonce):
		m.drop(p, "self connection", "")
	case p.kind != Inbound && v.Nonce == p.hs.nonce:
		m.foundSelf(p)
	case !m.usefulServices(p):
		m.drop(p, "missing services", "")
	default:
		m.answerVersion(p)
	}
}

// clockOffset is the difference of two times in seconds, within ±100 years however wild they are.
func clockOffset(theirs, ours int64) time.Duration {
	const most = 100 * 366 * 24 * 3600
	if theirs > ours+most || theirs < ours-most { // ours is a sane clock, so neither sum wraps
		if theirs > ours {
			return most * time.Second
		}
		return -most * time.Second
	}
	return time.Duration(theirs-ours) * time.Second
}

// usefulServices: peers that we chose ourselves must serve whole blocks with witnesses, near the present at least
// the latest.
func (m *Machine) usefulServices(p *peer) bool {
	if p.kind != Outbound && p.kind != BlockRelay {
		return true
	}
	return p.hs.serves(wire.NodeNetwork|wire.NodeWitness) ||
		(m.nearPresentByBlocks() && p.hs.serves(wire.NodeNetworkLimited|wire.NodeWitness))
}

// ownNonce tells whether a nonce is that of a connection which we dialled and which is not ready: then
// the inbound peer who says it is ourselves.
func (m *Machine) ownNonce(nonce uint64) bool {
	for _, q := range m.order {
		if q.kind != Inbound && !q.closing && !q.hs.done && q.hs.nonce == nonce {
			m.outbound.noteSelf(q.addr)
			return true
		}
	}
	return false
}

// foundSelf: our own nonce came back on a connection that we dialled.
func (m *Machine) foundSelf(p *peer) {
	m.outbound.noteSelf(p.addr)
	m.drop(p, "self connection", "")
}

func (m *Machine) answerVersion(p *peer) {
	if p.kind == Feeler {
		m.bookGood(p)
		m.drop(p, "feeler done", "")
		return
	}
	if !p.hs.sent {
		m.sendVersion(p)
	}
	if p.hs.protocol >= versionWTxID {
		m.send(p, wire.WTxIDRelay{})
		m.send(p, wire.SendAddrV2{}) // some old programs disconnect on what they do not know, so only new ones hear it
	}
	m.send(p, wire.Verack{})
}

// onVerack makes the peer ready. What is said next follows from the state, in work.
func (m *Machine) onVerack(p *peer) {
	if p.hs.done {
		return
	}
	p.hs.done = true
	p.ping.next = m.now
	if p.kind != Inbound {
		m.bookGood(p)
	}
	m.greetCompact(p)
	if p.hs.protocol >= versionSendHeaders {
		m.send(p, wire.SendHeaders{})
	}
	m.greetGossip(p)
	m.greetRelay(p)
}
