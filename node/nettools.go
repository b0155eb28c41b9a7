package node

import (
	"errors"
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/p2p/addrbook"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/types"
)

// netToolsRPC is backend.NetTools and backend.Control.
type netToolsRPC struct{ n *Node }

func (r netToolsRPC) Connect(text, kindName string, encrypted bool) error {
	addr, err := r.n.peers.parseAddr(text)
	if err != nil {
		return err
	}
	for _, kind := range []proto.ConnKind{proto.Outbound, proto.BlockRelay, proto.Feeler, proto.AddrFetch} {
		if kind.String() != kindName {
			continue
		}
		err := backend.ErrNoPlace
		r.n.read(func() {
			if r.n.machine.MayConnect(kind) {
				r.n.asked[addr], err = encrypted, nil
				r.n.owner.step(proto.Connect{Addr: addr, Kind: kind})
				delete(r.n.asked, addr)
			}
		})
		return err
	}
	return errors.New("no such kind of connection")
}

func (r netToolsRPC) SendRaw(peer uint64, command string, payload []byte) error {
	if !r.n.net.Send(proto.PeerID(peer), wire.Raw{Name: command, Payload: payload}) {
		return backend.ErrNotFound
	}
	return nil
}

func (r netToolsRPC) FetchBlock(peer uint64, hash types.Hash) error {
	node := r.n.chain.Lookup(hash)
	if node == nil {
		return backend.ErrNotFound
	}
	if node.HaveBlock() {
		return backend.ErrHave
	}
	err := errStopped
	r.n.read(func() {
		id := proto.PeerID(peer)
		if err = r.n.machine.MayFetch(id, hash); err == nil {
			r.n.owner.step(proto.FetchBlock{Peer: id, Hash: hash})
		}
	})
	return err
}

func (r netToolsRPC) Orphans() []backend.Orphan {
	var all []proto.OrphanInfo
	r.n.read(func() { all = r.n.machine.Orphans() })
	out := make([]backend.Orphan, len(all))
	for i, o := range all {
		out[i].Tx = o.Tx
		for _, p := range o.Peers {
			out[i].Peers = append(out[i].Peers, uint64(p))
		}
	}
	return out
}

func (r netToolsRPC) BookSlots() []backend.BookSlot {
	var raw []addrbook.Raw
	r.n.read(func() { raw = r.n.book.Raw() })
	out := make([]backend.BookSlot, len(raw))
	for i, s := range raw {
		out[i] = backend.BookSlot{Tried: s.Tried, Bucket: s.Bucket, Slot: s.Slot, Host: s.Addr.Addr().String(), Port: s.Addr.Port(), Network: familyOf(s.Addr),
			Services: uint64(s.Services), Time: s.Seen, Source: s.Addr.Addr().String(), SourceNetwork: familyOf(s.Addr)}
		if s.Source.IsValid() {
			out[i].Source, out[i].SourceNetwork = s.Source.Addr().String(), familyOf(s.Source)
		}
	}
	return out
}

// familyOf is the network of an address of the book, which knows two.
func familyOf(a netip.AddrPort) string {
	if a.Addr().Unmap().Is4() {
		return "ipv4"
	}
	return "ipv6"
}

// BookCounts names the networks of Bitcoin Core, of which the book knows two.
func (r netToolsRPC) BookCounts() []backend.BookCount {
	out := []backend.BookCount{{Network: "ipv4"}, {Network: "ipv6"}, {Network: "onion"}, {Network: "i2p"}, {Network: "cjdns"}}
	r.n.read(func() {
		for i := range out[:2] {
			out[i].New, out[i].Tried = r.n.book.Count(func(a netip.AddrPort) bool { return familyOf(a) == out[i].Network })
		}
	})
	return out
}

func (r netToolsRPC) LogCategories() []backend.LogCategory { return r.n.cfg.Categories.List() }

func (r netToolsRPC) SetLogCategory(name string, on bool) bool {
	return r.n.cfg.Categories.Set(name, on)
}

func (r netToolsRPC) Hurry(d time.Duration) { r.n.step(proto.Hurry{By: d}) }

// uploadTarget is the state of --maxuploadtarget.
func (n *Node) uploadTarget() (t backend.UploadTarget) {
	n.read(func() { t = backend.UploadTarget(n.machine.Upload()) })
	return t
}
