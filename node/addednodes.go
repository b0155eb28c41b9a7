package node

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/rpc/backend"
)

// addedNode is an entry of addnode's list: what a person wrote, and its address if that is one.
type addedNode struct {
	text string
	addr netip.AddrPort // the zero value for a name
}

// maxAdded bounds the list.
const maxAdded = 1000

// listAdded puts --addnode onto the list.
func (r *peersRPC) listAdded() {
	for _, a := range r.n.cfg.AddNodes {
		r.added = append(r.added, addedNode{a.String(), a})
	}
	for _, text := range r.n.cfg.Net.AddNames {
		r.added = append(r.added, addedNode{text: text})
	}
}

// target reads what a person calls a node: an address, or a name and a port.
func (r *peersRPC) target(s string) (addr netip.AddrPort, host string, port uint16, err error) {
	if host, port, err = splitPeer(s, uint16(r.n.cfg.Params.P2PPort)); err != nil {
		return netip.AddrPort{}, "", 0, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		addr = netip.AddrPortFrom(ip.Unmap(), port)
	}
	return addr, host, port, nil
}

func (r *peersRPC) find(s string) int {
	addr, _, _, err := r.target(s)
	return slices.IndexFunc(r.added, func(a addedNode) bool {
		return a.text == s || err == nil && addr.IsValid() && (a.addr == addr || r.n.names.addrOf(a.text) == addr)
	})
}

func (r *peersRPC) AddNode(s string, encrypted bool) error {
	addr, host, port, err := r.target(s)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.find(s) >= 0:
		return backend.ErrAlreadyAdded
	case len(r.added) >= maxAdded:
		return errors.New("too many added nodes")
	case !addr.IsValid():
		if !r.n.names.add(s, host, port, false) {
			return errors.New("too many names of peers")
		}
	default:
		if err := r.n.plain.set(addr, encrypted); err != nil {
			return err
		}
		r.n.step(proto.AddManual{Addr: addr})
	}
	r.added = append(r.added, addedNode{s, addr})
	return nil
}

func (r *peersRPC) RemoveNode(s string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.find(s)
	if i < 0 {
		return backend.ErrNotFound
	}
	addr := r.added[i].addr
	if !addr.IsValid() {
		addr = r.n.names.remove(r.added[i].text)
	}
	r.added = slices.Delete(r.added, i, i+1)
	r.n.step(proto.RemoveManual{Addr: addr})
	return nil
}

// TryNode dials once. A name is looked up now, also once.
func (r *peersRPC) TryNode(s string, encrypted bool) error {
	addr, host, port, err := r.target(s)
	if err != nil {
		return err
	}
	if !addr.IsValid() {
		ctx, cancel := context.WithTimeout(r.n.ctx, lookupTimeout)
		defer cancel()
		ips, err := r.n.cfg.Net.Lookup(ctx, host)
		if err != nil || len(ips) == 0 {
			return nil // as in Bitcoin Core nobody hears of it
		}
		addr = netip.AddrPortFrom(ips[0].Unmap(), port)
	}
	if err := r.n.plain.set(addr, encrypted); err != nil {
		return err
	}
	r.n.step(proto.AddManual{Addr: addr, Once: true})
	return nil
}

func (r *peersRPC) Added() []backend.AddedNode {
	r.mu.Lock()
	added := slices.Clone(r.added)
	r.mu.Unlock()
	var out []backend.AddedNode
	conns := r.n.net.Peers()
	for _, a := range added {
		node, addr := backend.AddedNode{Node: a.text}, a.addr
		if !addr.IsValid() {
			addr = r.n.names.addrOf(a.text)
		}
		for _, c := range conns {
			if c.Addr == addr && addr.IsValid() {
				node.Addresses = append(node.Addresses, backend.AddedAddress{Address: addr.String(), Connected: direction(c.Kind)})
			}
		}
		out = append(out, node)
	}
	return out
}

func direction(k proto.ConnKind) string {
	if k == proto.Inbound {
		return "inbound"
	}
	return "outbound"
}
