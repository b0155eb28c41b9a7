package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/bip324"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// peerJSON is what these tests read of getpeerinfo.
type peerJSON struct {
	ID        int               `json:"id"`
	Addr      string            `json:"addr"`
	Inbound   bool              `json:"inbound"`
	Version   int               `json:"version"`
	Transport string            `json:"transport_protocol_type"`
	Session   string            `json:"session_id"`
	Services  []string          `json:"servicesnames"`
	Sent      uint64            `json:"bytessent"`
	SentPer   map[string]uint64 `json:"bytessent_per_msg"`
	RecvPer   map[string]uint64 `json:"bytesrecv_per_msg"`
	SentCount map[string]uint64 `json:"messagessent_per_msg"`
	RecvCount map[string]uint64 `json:"messagesrecv_per_msg"`
	NetGroup  string            `json:"netgroup"`
	Bind      string            `json:"addrbind"`
	Local     string            `json:"addrlocal"`
	Perms     []string          `json:"permissions"`
}

func awaitReady(t *testing.T, ctx context.Context, n *Node, count int) []peerJSON {
	t.Helper()
	var peers []peerJSON
	c := call(t, ctx, n)
	until(t, ctx, fmt.Sprintf("%d peers that have said hello", count), func() bool {
		peers = ask[[]peerJSON](c, "getpeerinfo")
		return len(peers) == count && !slices.ContainsFunc(peers, func(p peerJSON) bool { return p.Version == 0 || p.RecvCount["verack"] == 0 })
	})
	return peers
}

// Six nodes of which every other one knows no encryption: all connect to all, encrypted where both can, and agree.
func TestHalfOfTheNodesEncrypt(t *testing.T) {
	const count = 6
	var nodes []*Node
	var ctx context.Context
	for i := range count {
		var n *Node
		n, ctx = start(t, func(c *Config) {
			c.DataDir, c.NoV2Transport = "", i%2 == 1
			c.ConnectOnly, c.RPCAuth = true, []string{rpcUser}
			for _, other := range nodes {
				c.Connect = append(c.Connect, other.P2PAddr())
			}
		})
		nodes = append(nodes, n)
	}
	tip := generate(t, ctx, nodes[0], 3)[2]
	sessions := map[string]int{}
	for i, n := range nodes {
		s := &siege{T: t, node: n, ctx: ctx}
		s.dialRPC()
		var peers []peerJSON
		until(t, ctx, "all peers", func() bool {
			peers = nil
			s.call(&peers, "getpeerinfo")
			return len(peers) == count-1 && !slices.ContainsFunc(peers, func(p peerJSON) bool { return p.RecvCount["verack"] == 0 })
		})
		encrypted := 0
		for _, p := range peers {
			if able := slices.Contains(p.Services, "P2P_V2") && i%2 == 0; able != (p.Transport == "v2") || able != (len(p.Session) == 64) {
				t.Errorf("node %d: a peer that offers %v over %q, session %q", i, p.Services, p.Transport, p.Session)
			}
			if p.Transport == "v2" {
				encrypted++
				sessions[p.Session]++
			}
		}
		if want := (1 - i%2) * (count/2 - 1); encrypted != want {
			t.Errorf("node %d: %d encrypted connections, want %d", i, encrypted, want)
		}
		awaitTip(t, ctx, n, tip)
	}
	for id, n := range sessions {
		if n != 2 {
			t.Errorf("session %s is at %d ends", id, n)
		}
	}
}

func TestPeerStatistics(t *testing.T) {
	a, ctx := start(t, nil)
	b, _ := start(t, func(c *Config) { c.NoV2Transport = true })
	d, _ := start(t, nil)
	c := call(t, ctx, a)
	c.do("addnode", b.P2PAddr().String(), "add")
	c.do("addnode", d.P2PAddr().String(), "onetry", false)
	for _, p := range awaitReady(t, ctx, a, 2) {
		if p.Transport != "v1" || p.Session != "" {
			t.Errorf("%s speaks %q", p.Addr, p.Transport)
		}
	}
	c.do("disconnectnode", d.P2PAddr().String())
	until(t, ctx, "one peer", func() bool { return ask[int](c, "getconnectioncount") == 1 })
	until(t, ctx, "two peers", func() bool { // while the old connection still ends, the order is lost
		c.do("addnode", d.P2PAddr().String(), "onetry")
		return ask[int](c, "getconnectioncount") == 2
	})
	var p peerJSON
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("at last: peer %+v", p)
		}
	})
	until(t, ctx, "all that was sent is counted", func() bool { // a message is counted when it has left, and may be answered before
		peers := awaitReady(t, ctx, a, 2)
		p = peers[slices.IndexFunc(peers, func(p peerJSON) bool { return p.Addr == d.P2PAddr().String() })]
		var parts uint64
		for _, n := range p.SentPer {
			parts += n
		}
		// The rest of what was sent is the handshake.
		rest := p.Sent - parts
		return p.SentCount["version"] == 1 && p.SentPer["version"] >= 100 && rest >= bip324.KeySize && rest <= bip324.KeySize+bip324.MaxGarbage+100
	})
	if p.Transport != "v2" || p.RecvCount["version"] != 1 || p.NetGroup == "" || p.Perms == nil {
		t.Errorf("peer %+v", p)
	}
	for _, q := range awaitReady(t, ctx, d, 1) {
		if q.Local != d.P2PAddr().String() || q.Bind != q.Local || q.Session != p.Session {
			t.Errorf("the other end %+v", q)
		}
	}
	call(t, ctx, b).refused(jsonrpc.CodeInvalidParameter, "addnode", "127.0.0.1:1", "onetry", true)
	names := ask[struct {
		Names []string `json:"localservicesnames"`
	}](c, "getnetworkinfo").Names
	if !slices.Contains(names, "P2P_V2") {
		t.Errorf("services %v", names)
	}
}

// Who is dialled in version 1 from the start.
func TestDialsOlder(t *testing.T) {
	n, _ := start(t, func(c *Config) { c.DataDir = "" })
	now := time.Now()
	at := func(last byte) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, last}), 8333)
	}
	n.read(func() {
		n.book.Good(now, at(1), wire.NodeNetwork|wire.NodeP2PV2)
		n.book.Good(now, at(2), wire.NodeNetwork)
	})
	must(t, n.plain.set(at(4), false))
	for _, c := range []struct {
		dial proto.Dial
		want bool
	}{
		{proto.Dial{Addr: at(1), Kind: proto.Outbound}, false},
		{proto.Dial{Addr: at(1), Kind: proto.Feeler}, false},
		{proto.Dial{Addr: at(2), Kind: proto.Outbound}, true},
		{proto.Dial{Addr: at(3), Kind: proto.BlockRelay}, true},
		{proto.Dial{Addr: at(3), Kind: proto.Manual}, false},
		{proto.Dial{Addr: at(4), Kind: proto.Manual}, true},
	} {
		var got bool
		n.read(func() { got = n.dialsOlder(c.dial) })
		if got != c.want {
			t.Errorf("%+v: version 1 first %t", c.dial, got)
		}
	}
	for i := range 3 * maxPlain {
		err := n.plain.set(netip.AddrPortFrom(netip.AddrFrom4([4]byte{1, 1, byte(i >> 8), byte(i)}), 1), false)
		if (err != nil) != (i >= maxPlain-1) {
			t.Fatalf("address %d: %v", i, err)
		}
	}
	must(t, n.plain.set(at(4), true))
	if n.plain.has(at(4)) {
		t.Error("encryption was asked for last")
	}
}

func TestPerMessage(t *testing.T) {
	got := perMessage(map[string]uint64{"ping": 3, "other": 4, "dropped": 5})
	if len(got) != 2 || got["ping"] != 3 || got["*other*"] != 9 {
		t.Errorf("got %v", got)
	}
}

// agent is a stranger that speaks version 2.
type agent struct {
	*stranger
	s *bip324.Session
}

// meetEncrypted connects and shakes hands, up to the first message.
func (s *siege) meetEncrypted() *agent {
	s.Helper()
	a := &agent{stranger: s.approach()}
	must(s.T, a.conn.SetDeadline(time.Now().Add(patience)))
	var err error
	if a.s, err = bip324.Initiate(a.conn, a.r, a.magic, rand.Reader); err != nil {
		s.Fatal(err)
	}
	return a
}

// sealed is a packet that holds a message.
func (a *agent) sealed(m wire.Message) []byte {
	return a.s.Send.Append(nil, m.Append(bip324.AppendType(nil, m.Command())), nil, false)
}

// ended reads until the node closes the connection.
func (a *agent) ended(what string) {
	a.t.Helper()
	must(a.t, a.conn.SetReadDeadline(time.Now().Add(patience)))
	if err := a.noise(); errors.Is(err, os.ErrDeadlineExceeded) {
		a.t.Fatalf("%s: the node did not hang up", what)
	}
}

// Bad input 21, encrypted: whatever is wrong with a handshake or a packet, the connection ends, memory does not grow, and the node
// works on.
func TestHostileEncryption(t *testing.T) {
	clock := newHurried()
	s := besiege(t, func(c *Config) { c.Transport = clock })
	ended := func(a *agent, what string) {
		t.Helper()
		a.hurry(clock)
		a.ended(what)
	}
	before := heap()
	key := func() []byte {
		k, err := bip324.NewKey(rand.Reader)
		must(t, err)
		return k.Public[:]
	}
	v1 := wire.AppendFrame(nil, s.node.cfg.Params.Magic, wire.Verack{})
	for name, b := range map[string][]byte{
		"64 KB of garbage":          bytes.Repeat([]byte{0x55}, 64<<10),
		"a key and endless garbage": append(key(), make([]byte, 1<<20)...),
		"a key and silence":         key(),
		"half a key":                key()[:32],
		"one byte":                  {1},
		"nothing":                   nil,
		"half of version 1":         wire.AppendFrame(nil, s.node.cfg.Params.Magic, wire.Version{})[:12],
		"verack first":              bytes.Repeat(v1, 400),
	} {
		p := s.approach()
		p.write(b)
		ended(&agent{stranger: p}, name)
	}
	ping := wire.Ping{Nonce: 1}
	for at := range 29 {
		a := s.meetEncrypted()
		b := a.sealed(ping)
		b[at] ^= 0x10
		a.write(append(b, make([]byte, 100)...))
		ended(a, fmt.Sprintf("a bit of byte %d changed", at))
		a = s.meetEncrypted()
		a.write(a.sealed(ping)[:at+1-at/28])
		if at%2 == 0 {
			a.close()
			continue
		}
		ended(a, fmt.Sprintf("cut after %d bytes", at+1))
	}
	for what, attack := range map[string]func(a *agent) []byte{
		"replayed":       func(a *agent) []byte { b := a.sealed(ping); return bytes.Repeat(b, 10) },
		"endless decoys": func(a *agent) []byte { return decoys(a, 20_000) },
		"a block without end": func(a *agent) []byte {
			return append(a.s.Send.Append(nil, make([]byte, 4_000_000), nil, false)[:100_000], 0)
		},
		"16 MB":      func(a *agent) []byte { return a.s.Send.Append(nil, make([]byte, 1<<24-1), nil, false)[:1000] },
		"4,000,100":  func(a *agent) []byte { return a.s.Send.Append(nil, make([]byte, 4_000_100), nil, false)[:1000] },
		"version 1":  func(a *agent) []byte { return bytes.Repeat(v1, 400_000) },
		"long pings": func(a *agent) []byte { return a.s.Send.Append(nil, append([]byte{18}, make([]byte, 9)...), nil, false) },
	} {
		a := s.meetEncrypted()
		a.write(attack(a))
		ended(a, what)
	}
	s.awaitPeers(0)
	within(t, "broken encryption", before, 2<<20)
	s.alive()
}

func decoys(a *agent, count int) (b []byte) {
	for range count {
		b = a.s.Send.Append(b, nil, nil, true)
	}
	return b
}

// A crowd that stops in the middle of its handshake takes no places for long, and never more than there are.
func TestHostileHandshakesFillNoPlaces(t *testing.T) {
	clock := newHurried()
	s := besiege(t, func(c *Config) { c.MaxConnections, c.Transport = 60, clock })
	for range 120 {
		p := s.approach()
		p.write([]byte{1})
		p.hurry(clock)
		if n := len(s.node.net.Peers()); n > 68 {
			t.Fatalf("%d connections", n)
		}
	}
	s.awaitPeers(0) // they are still open at their end
	s.alive()
}
