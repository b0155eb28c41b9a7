package proto

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/p2p/bloom"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// measure writes down what the machine holds for every peer, in items and bytes: what a scenario of an attack compares
// with the bounds. Nothing is written for what is not there.
func (s *scenario) measure() {
	for _, p := range s.m.order {
		var words []string
		item := func(name string, n int) {
			if n != 0 {
				words = append(words, fmt.Sprintf("%s=%d", name, n))
			}
		}
		item("headers", p.sync.pending)
		if p.sync.presync != nil {
			height, bits, held := p.sync.presync.Size()
			item("presynced", int(height))
			item("presyncBits", bits)
			item("presyncHeaders", held)
		}
		item("blocksAsked", len(p.dl.queue))
		item("blocksJudged", p.dl.submitted)
		item("txsAnnounced", s.m.txs.tracker.Announced(p.id))
		item("txsAsked", s.m.txs.tracker.Load(p.id))
		item("txsJudged", p.inv.pendingTxs)
		item("txBytesJudged", p.inv.pendingBytes)
		orphans, weight := s.m.txs.orphans.Share(p.id)
		item("orphans", orphans)
		item("orphanWeight", weight)
		item("toTell", len(p.inv.toTell))
		item("wanted", len(p.serve.queue))
		item("filterRequests", len(p.serve.filters))
		item("fences", len(p.serve.fences))
		item("unreadBytes", p.serve.unread())
		item("addrsTaken", int(p.gossip.processed))
		item("addrsDropped", int(p.gossip.limited))
		item("addrsWaiting", len(p.gossip.toTell))
		if len(words) > 0 {
			s.out = append(s.out, fmt.Sprintf("holds for %d: %s", p.id, strings.Join(words, " ")))
		}
	}
	if n, weight := s.m.txs.orphans.Size(); n > 0 {
		s.out = append(s.out, fmt.Sprintf("holds in all: orphans=%d orphanWeight=%d", n, weight))
	}
}

// flood makes a large message: flood addr 1000, flood addrv2 1000, flood inv 50000, flood getdata a1 50000,
// flood getheaders 101, flood notfound 50000.
func (s *scenario) flood(t *testing.T, f []string) wire.Message {
	n, err := strconv.Atoi(f[len(f)-1])
	if err != nil {
		t.Fatal(err)
	}
	s.floods++
	hash := func(i int) types.Hash { return types.Hash{0xff, byte(s.floods), byte(i), byte(i >> 8), byte(i >> 16)} }
	invs := func(kind wire.InvType) []wire.Inv {
		items := make([]wire.Inv, n)
		for i := range items {
			items[i] = wire.Inv{Type: kind, Hash: hash(i)}
		}
		return items
	}
	switch f[0] {
	case "addr", "addrv2":
		var m wire.AddrV2
		var old wire.Addr
		for i := range n {
			addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{44, byte(s.floods), byte(i >> 8), byte(i)}), 8333)
			a := wire.TimedAddr{Time: uint32(s.now.Unix()), NetAddr: wire.NetAddr{Services: 9, Addr: addr}}
			m.Addrs, old.Addrs = append(m.Addrs, a.V2()), append(old.Addrs, a)
		}
		if f[0] == "addr" {
			return old
		}
		return m
	case "inv":
		return wire.InvMsg{Items: invs(wire.InvWTx)}
	case "notfound":
		return wire.NotFound{Items: invs(wire.InvWTx)}
	case "getdata": // of one block, again and again
		items := invs(wire.InvWitnessBlock)
		for i := range items {
			items[i].Hash = s.hash(f[1])
		}
		return wire.GetData{Items: items}
	case "unknown":
		return wire.GetData{Items: invs(77)}
	}
	t.Fatalf("no flood of %v", f)
	return nil
}

// filterRequest reads "getcfilters 3 a7 [type]", "getcfheaders 3 a7 [type]" and "getcfcheckpt a7 [type]".
func (s *scenario) filterRequest(f []string) wire.Message {
	number := func(i int) uint64 {
		if i >= len(f) {
			return 0
		}
		n, err := strconv.ParseUint(f[i], 10, 32)
		if err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	switch f[0] {
	case "getcfilters":
		return wire.GetCFilters{Type: uint8(number(3)), Start: uint32(number(1)), Stop: s.hash(f[2])}
	case "getcfheaders":
		return wire.GetCFHeaders{Type: uint8(number(3)), Start: uint32(number(1)), Stop: s.hash(f[2])}
	}
	return wire.GetCFCheckpt{Type: uint8(number(2)), Stop: s.hash(f[1])}
}

// serveFilters writes an effect down; filters that follow one another are one line.
func (s *scenario) serveFilters(e ServeFilters) {
	switch q := e.Request.(type) {
	case wire.GetCFilters:
		head := fmt.Sprintf("serve %d: filters", e.Peer)
		name := fmt.Sprintf("%s at %d", s.name(q.Stop), q.Start)
		if last := len(s.out) - 1; last >= 0 && strings.HasPrefix(s.out[last], head) {
			first, _, _ := strings.Cut(s.out[last], " to ")
			s.out[last] = first + " to " + name
			return
		}
		s.out = append(s.out, head+" "+name)
	case wire.GetCFHeaders:
		s.out = append(s.out, fmt.Sprintf("serve %d: filter headers %d to %s", e.Peer, q.Start, s.name(q.Stop)))
	case wire.GetCFCheckpt:
		s.out = append(s.out, fmt.Sprintf("serve %d: filter checkpoints to %s", e.Peer, s.name(q.Stop)))
	}
}

// bloomMessage reads "filterload BYTES FUNCTIONS FLAGS [t1...]" and "filteradd t1": the filter, or the element, is of the
// ids of these transactions, or of the bytes of a name.
func (s *scenario) bloomMessage(f []string) wire.Message {
	element := func(name string) []byte {
		if x := s.txs[name]; x != nil {
			id := x.ID()
			return id[:]
		}
		return []byte(name)
	}
	if f[0] == "filteradd" {
		return wire.FilterAdd{Data: element(f[1])}
	}
	var n [3]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(f[i+1]); err != nil {
			s.t.Fatal(err)
		}
	}
	m := wire.FilterLoad{Data: make([]byte, n[0]), Hashes: uint32(n[1]), Flags: uint8(n[2])}
	if fl, err := bloom.New(m.Data, m.Hashes, m.Tweak, m.Flags); err == nil {
		for _, name := range f[4:] {
			fl.Add(element(name))
		}
	}
	return m
}

// orphanFlood lets a peer send transactions whose parents nobody has. Effects are not shown.
func (s *scenario) orphanFlood(t *testing.T, f []string) {
	var n [3]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(f[i]); err != nil {
			t.Fatal(err)
		}
	}
	s.floods++
	shown := len(s.out)
	for i := range n[1] {
		parents := make([]types.Hash, n[2])
		for j := range parents {
			parents[j] = types.Hash{0xfe, byte(s.floods), byte(i), byte(i >> 8), byte(j), byte(j >> 8)}
		}
		s.show(s.recv(PeerID(n[0]), wire.TxMsg{Tx: tx(uint32(i), parents...)}))
		s.judgeAll()
	}
	s.out = s.out[:shown]
}
