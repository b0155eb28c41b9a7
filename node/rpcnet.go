package node

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/rpc/backend"
)

// peersRPC is backend.Peers.
type peersRPC struct {
	n *Node

	mu    sync.Mutex
	added []addedNode
}

// Infos joins what the machine and the sockets know of each peer.
func (r *peersRPC) Infos() []backend.PeerInfo {
	conns := map[proto.PeerID]int{}
	infos := r.n.net.Peers()
	for i, c := range infos {
		conns[c.Peer] = i
	}
	var out []backend.PeerInfo
	for _, p := range r.n.machinePeers() {
		i, ok := conns[p.ID]
		if !ok {
			continue
		}
		c := infos[i]
		out = append(out, backend.PeerInfo{
			ID: uint64(p.ID), Addr: c.Addr.String(), AddrBind: c.LocalAddr.String(), AddrLocal: calledUs(p.AddrLocal), Network: networkOf(p.Addr),
			Services: uint64(p.Services), RelayTxs: p.RelayTx, LastSend: c.LastSend, LastRecv: c.LastReceive, LastTx: p.LastTx,
			LastBlock: p.LastBlock, BytesSent: c.BytesSent, BytesRecv: c.BytesReceived, ConnTime: p.Since, TimeOffset: p.TimeOffset,
			PingTime: p.PingLast, MinPing: p.PingMin, PingWait: p.PingWait, Version: p.Protocol, SubVer: p.UserAgent,
			Inbound: p.Kind == proto.Inbound, StartingHeight: p.StartingHeight, SyncedHeaders: p.SyncedHeaders,
			SyncedBlocks: p.SyncedBlocks, Inflight: p.InFlight, AddrRelay: p.AddrRelay, AddrProcessed: p.AddrProcessed,
			AddrRateLimited: p.AddrRateLimited, MinFeeFilter: p.MinFeeFilter, SentPerMsg: perMessage(c.SentByCommand), RecvPerMsg: perMessage(c.ReceivedByCommand),
			SentMessages: perMessage(c.SentMessages), RecvMessages: perMessage(c.ReceivedMessages), NetGroup: c.NetGroup,
			ConnectionType: p.Kind.String(), TransportProtocol: c.Transport, SessionID: c.SessionID, HighBandwidthTo: p.HighBandwidthTo, HighBandwidthFrom: p.HighBandwidthFrom, PresyncedHeaders: p.Presynced,
			Permissions: p.Permissions.Names(),
		})
	}
	return out
}

// calledUs is what a peer calls us, "" if it does not say.
func calledUs(a netip.AddrPort) string {
	if !a.IsValid() || a.Addr().Unmap().IsUnspecified() {
		return ""
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String()
}

func networkOf(a netip.AddrPort) string {
	ip := a.Addr().Unmap()
	switch {
	case !ip.IsGlobalUnicast() || ip.IsPrivate():
		return "not_publicly_routable"
	case ip.Is4():
		return "ipv4"
	}
	return "ipv6"
}

func (r *peersRPC) Totals() backend.NetTotals {
	received, sent := r.n.stats.totals()
	return backend.NetTotals{Recv: received, Sent: sent, Upload: r.n.uploadTarget()}
}

func (r *peersRPC) Active() bool { return r.n.net.NetworkActive() }
func (r *peersRPC) PingAll()     { r.n.step(proto.PingAll{}) }

// SetActive switches the network. When it comes back nobody waits for the back-off of peers that could not be dialled.
func (r *peersRPC) SetActive(on bool) {
	r.n.net.SetNetworkActive(on)
	if on {
		r.n.Redial()
	}
}

// parseAddr reads host:port; the port may be left out.
func (r *peersRPC) parseAddr(s string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, strconv.Itoa(r.n.cfg.Params.P2PPort)
	}
	a, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return a, fmt.Errorf("%q is not an address of the form IP:port", s)
	}
	return a, nil
}

func (r *peersRPC) DisconnectAddr(s string) error {
	a, err := r.parseAddr(s)
	if err != nil {
		return err
	}
	return r.drop(func(p backend.PeerInfo) bool { return p.Addr == a.String() })
}

func (r *peersRPC) DisconnectID(id uint64) error {
	return r.drop(func(p backend.PeerInfo) bool { return p.ID == id })
}

// drop ends the connection of the first peer that is meant, of those that Infos shows: one that is being closed
// already is not among them.
func (r *peersRPC) drop(meant func(backend.PeerInfo) bool) error {
	for _, p := range r.Infos() {
		if meant(p) {
			r.n.step(proto.DropPeer{Peer: proto.PeerID(p.ID)})
			return nil
		}
	}
	return backend.ErrNotFound
}

func (r *peersRPC) Addresses(n int) []backend.KnownAddress {
	var out []backend.KnownAddress
	var known []wire.TimedAddr
	if n <= 0 {
		n = 100_000
	}
	r.n.read(func() { known = r.n.book.Sample(r.n.clock.now(), n) })
	for _, a := range known {
		out = append(out, backend.KnownAddress{Time: unix(a.Time), Services: uint64(a.Services), Host: a.Addr.Addr().String(), Port: a.Addr.Port(), Network: networkOf(a.Addr)})
	}
	return out
}

// AddAddress puts an address into the book as if the node there had told of itself.
func (r *peersRPC) AddAddress(ip netip.Addr, port uint16, tried bool) (err error) {
	now, addr := r.n.clock.now(), netip.AddrPortFrom(ip.Unmap(), port)
	services := wire.NodeNetwork | wire.NodeWitness
	r.n.read(func() {
		_, before := r.n.book.Services(addr)
		r.n.book.Add(now, []wire.TimedAddr{{Time: uint32(now.Unix()), NetAddr: wire.NetAddr{Services: services, Addr: addr}}}, addr)
		if _, after := r.n.book.Services(addr); before || !after {
			err = errors.New("failed-adding-to-new")
			return
		}
		if !tried {
			return
		}
		if r.n.book.Good(now, addr, services); !r.n.book.Tried(addr) {
			err = errors.New("failed-adding-to-tried")
		}
	})
	return err
}

func (r *peersRPC) LocalAddresses() []string {
	if !r.n.P2PAddr().IsValid() {
		return nil
	}
	return []string{r.n.P2PAddr().String()}
}
