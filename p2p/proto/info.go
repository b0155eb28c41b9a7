package proto

import (
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// PeerInfo is a snapshot of what the machine knows of a peer, for getpeerinfo. Times are the zero
// value, heights −1 and durations 0 where nothing is known.
type PeerInfo struct {
	ID    PeerID
	Addr  netip.AddrPort
	Kind  ConnKind
	Local bool
	Since time.Time
	Ready bool // the handshake is done

	Services       wire.Services
	Protocol       int32
	AddrLocal      netip.AddrPort // what the peer calls us
	UserAgent      string         // only signs that wire.SafeString leaves
	StartingHeight int32
	TimeOffset     time.Duration // the peer's clock minus ours as it said hello; nothing follows from it
	WTxIDRelay     bool
	SendHeaders    bool
	// Compact blocks in high bandwidth (BIP152): To, we want them of the peer; From, it wants them of us.
	HighBandwidthTo, HighBandwidthFrom bool

	SyncedHeaders int32 // height of the best header that we have in common
	SyncedBlocks  int32 // height of the last block that we have in common
	Presynced     int32 // height up to which a low-work header chain of this peer is counted, or −1
	InFlight      []int32

	PingLast, PingMin, PingWait time.Duration

	LastBlock, LastTx time.Time
	RelayTx           bool  // transactions are announced to it
	MinFeeFilter      int64 // its fee filter, smallest unit per 1000 vbytes

	Permissions     Permissions
	AddrRelay       bool
	AddrProcessed   uint64
	AddrRateLimited uint64
}

// Peers returns a snapshot of all connections that are not being closed, by id.
func (m *Machine) Peers() []PeerInfo {
	out := make([]PeerInfo, 0, len(m.order))
	for _, p := range m.order {
		if !p.closing {
			out = append(out, m.info(p))
		}
	}
	return out
}

func (m *Machine) info(p *peer) PeerInfo {
	i := PeerInfo{
		ID: p.id, Addr: p.addr, Kind: p.kind, Local: p.local, Since: m.shown(p.since), Ready: p.hs.done,
		Services: p.hs.theirs.Services, Protocol: p.hs.theirs.Protocol, UserAgent: wire.SafeString(p.hs.theirs.UserAgent),
		StartingHeight: -1, TimeOffset: p.hs.offset, WTxIDRelay: p.hs.wtxid, SendHeaders: p.hs.wantsHeads,
		SyncedHeaders: -1, SyncedBlocks: -1, Presynced: -1,
		PingLast: p.ping.last, PingMin: p.ping.min,
		LastBlock: m.shown(p.lastBlock), LastTx: m.shown(p.lastTx), RelayTx: m.tellsTxs(p), MinFeeFilter: p.inv.minFee,
		AddrRelay: p.gossip.on, AddrProcessed: p.gossip.processed, AddrRateLimited: p.gossip.limited,
	}
	i.Permissions = p.perm
	i.HighBandwidthTo, i.HighBandwidthFrom = p.compact.chosen, p.compact.wanted
	if p.hs.got {
		i.AddrLocal = p.hs.theirs.To.Addr
		i.StartingHeight = p.hs.theirs.StartHeight
	}
	if p.ping.nonce != 0 {
		i.PingWait = m.now.Sub(p.ping.sent)
	}
	if p.sync.best != nil {
		i.SyncedHeaders = p.sync.best.Height()
		i.SyncedBlocks = forkOf(m.cfg.Chain.Tip(), p.sync.best).Height()
	}
	if p.sync.presync != nil {
		i.Presynced, _, _ = p.sync.presync.Size()
	}
	for _, r := range p.dl.queue {
		i.InFlight = append(i.InFlight, r.flight.node.Height())
	}
	return i
}

// shown is a time that lies behind us, also if the clock was set back since.
func (m *Machine) shown(t time.Time) time.Time {
	if now := m.clock(); t.After(now) {
		return now
	}
	return t
}

// String returns Bitcoin Core's name of the kind, as getpeerinfo's connection_type shows it.
func (k ConnKind) String() string {
	switch k {
	case Inbound:
		return "inbound"
	case Outbound:
		return "outbound-full-relay"
	case Manual:
		return "manual"
	case BlockRelay:
		return "block-relay-only"
	case Feeler:
		return "feeler"
	case AddrFetch:
		return "addr-fetch"
	}
	return "unknown"
}
