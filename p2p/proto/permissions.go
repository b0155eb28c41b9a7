package proto

import (
	"fmt"
	"strings"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// Permissions are what a person allows a peer beyond others (--whitelist, --whitebind). Who has which is decided outside, by
// address, and comes with Connected. Their names and meanings are Bitcoin Core's.
type Permissions uint16

// Permissions. NoBan holds Download, ForceRelay holds Relay.
const (
	// PermBloomFilter: it may search by bloom filters (BIP37), and is offered that, also if others may not.
	PermBloomFilter Permissions = 1 << iota
	// PermRelay: its transactions are taken also with BlocksOnly, and as many as it likes.
	PermRelay
	permForceRelay
	permNoBan
	// PermMempool: it may ask for the mempool (BIP35).
	PermMempool
	// PermDownload: it is served whatever the upload target says.
	PermDownload
	// PermAddr: its addresses are taken without a rate limit, and it is told of addresses afresh, not of those that all are told of.
	PermAddr
	// PermImplicit stands for the permissions of who is named without any: Resolve puts them in its place.
	PermImplicit

	// PermNoBan: it is not disconnected for breaking the rules, never evicted, not kept out by a ban, downloaded from as
	// if we had dialled it, and told of transactions at once.
	PermNoBan = permNoBan | PermDownload
	// PermForceRelay: a transaction that it sends is announced again also if we have it. It is told of no fee filter.
	PermForceRelay = permForceRelay | PermRelay

	// PermAll are all of them.
	PermAll = PermBloomFilter | PermForceRelay | PermNoBan | PermMempool | PermAddr
)

// permissionNames are in the order in which getpeerinfo shows them.
var permissionNames = []struct {
	flag Permissions
	name string
}{
	{PermBloomFilter, "bloomfilter"}, {PermNoBan, "noban"}, {PermForceRelay, "forcerelay"}, {PermRelay, "relay"},
	{PermMempool, "mempool"}, {PermDownload, "download"}, {PermAddr, "addr"},
}

// Has tells whether all of q are in p.
func (p Permissions) Has(q Permissions) bool { return p&q == q }

// Names are the names of those in p.
func (p Permissions) Names() []string {
	names := []string{}
	for _, n := range permissionNames {
		if p.Has(n.flag) {
			names = append(names, n.name)
		}
	}
	return names
}

// Resolve puts what is meant in the place of PermImplicit: relay if relay is set, mempool, noban, download.
func (p Permissions) Resolve(relay, forceRelay bool) Permissions {
	if !p.Has(PermImplicit) {
		return p
	}
	p = p&^PermImplicit | PermMempool | PermNoBan
	if relay {
		p |= PermRelay
	}
	if forceRelay {
		p |= PermForceRelay
	}
	return p
}

// Grant is what stands before the @ of --whitelist and --whitebind: permissions, and for which connections.
type Grant struct {
	Permissions
	In, Out bool
}

// ParseGrant splits text at its @ and reads what stands before it: names of permissions and the words in, out, all, between
// commas. Without an @ it is PermImplicit. Without in or out it is for inbound connections. rest is what stands behind the @.
func ParseGrant(text string) (g Grant, rest string, err error) {
	list, rest, found := strings.Cut(text, "@")
	if !found {
		return Grant{Permissions: PermImplicit, In: true}, text, nil
	}
	for _, word := range strings.Split(list, ",") {
		if err := g.add(word); err != nil {
			return g, rest, err
		}
	}
	switch {
	case !g.In && !g.Out:
		g.In = true
	case g.Permissions == 0:
		return g, rest, sentence(fmt.Sprintf("Only direction was set, no permissions: '%s'", list))
	}
	return g, rest, nil
}

func (g *Grant) add(word string) error {
	switch word {
	case "":
	case "in":
		g.In = true
	case "out":
		g.Out = true
	case "all":
		g.Permissions |= PermAll
	case "bloom":
		g.Permissions |= PermBloomFilter
	default:
		for _, n := range permissionNames {
			if n.name == word {
				g.Permissions |= n.flag
				return nil
			}
		}
		return sentence(fmt.Sprintf("Invalid P2P permission: '%s'", word))
	}
	return nil
}

// granted are the permissions of a new connection. Without a mempool there is nothing to relay.
func (m *Machine) granted(e Connected) Permissions {
	if _, none := m.cfg.Pool.(noPool); none {
		return e.Permissions &^ PermForceRelay
	}
	return e.Permissions
}

// offers are the services that a peer is told.
func (m *Machine) offers(p *peer) wire.Services {
	if p.perm.Has(PermBloomFilter) {
		return m.cfg.Services | wire.NodeBloom
	}
	return m.cfg.Services
}

// relaysFor tells whether transactions of a peer are announced also with BlocksOnly.
func (m *Machine) relaysFor(id PeerID) bool {
	p := m.live(id)
	return p != nil && p.perm.Has(PermRelay)
}

// banned tells whether an address is banned.
func (m *Machine) banned(a addrPort) bool {
	return m.cfg.Banned != nil && a.IsValid() && m.cfg.Banned(m.clock(), a.Addr().Unmap())
}

// unwanted tells whether an address is neither dialled nor told to others.
func (m *Machine) unwanted(a addrPort) bool { return m.discouraged(a) || m.banned(a) }

// ending tells whether the last connection to a manual peer was ended by us and is not gone yet.
func (m *Machine) ending(a addrPort) bool {
	ending := false
	for _, p := range m.order {
		if p.kind == Manual && p.addr == a {
			if !p.closing {
				return false
			}
			ending = true
		}
	}
	return ending
}
