package node

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"

	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/proto"
)

// book is a resolver of the tests.
type fakeNames struct {
	mu    sync.Mutex
	ips   map[string][]netip.Addr
	asked map[string]int
}

func (f *fakeNames) lookup(_ context.Context, name string) ([]netip.Addr, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[name]++
	if ips := f.ips[name]; len(ips) > 0 {
		return ips, nil
	}
	return nil, errors.New("no such host")
}

func (f *fakeNames) set(name string, ips ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ip := range ips {
		f.ips[name] = append(f.ips[name], netip.MustParseAddr(ip))
	}
}

func newFakeNames() *fakeNames {
	return &fakeNames{ips: map[string][]netip.Addr{}, asked: map[string]int{}}
}

// A name whose first address cannot be reached is looked up again, and the next address is taken. Nobody listens on 127.0.0.9 at the
// port, since the other node does on 127.0.0.1 alone.
func TestNameIsLookedUpAgain(t *testing.T) {
	other, _ := start(t, func(c *Config) { c.DataDir = "" })
	resolver := newFakeNames()
	resolver.set("peer.example", "127.0.0.9", "127.0.0.1")
	name := net.JoinHostPort("peer.example", strconv.Itoa(int(other.P2PAddr().Port())))
	n, ctx := start(t, func(c *Config) {
		c.DataDir, c.ConnectOnly = t.TempDir(), false
		c.Net.ConnectNames, c.Net.Lookup = []string{name}, resolver.lookup
	})
	awaitReady(t, ctx, n, 1)
	if p := n.machinePeers()[0]; p.Addr != other.P2PAddr() || p.Kind != proto.Manual {
		t.Errorf("connected to %+v", p)
	}
	resolver.mu.Lock()
	defer resolver.mu.Unlock()
	if resolver.asked["peer.example"] < 2 {
		t.Error("looked up only once")
	}
}

// addnode takes names too; what it knows of them getaddednodeinfo shows, and remove forgets.
func TestAddNodeByName(t *testing.T) {
	other, _ := start(t, func(c *Config) { c.DataDir = "" })
	resolver := newFakeNames()
	resolver.set("peer.example", "127.0.0.1")
	n, ctx := start(t, func(c *Config) { c.Net.Lookup, c.Net.AddNames = resolver.lookup, []string{"nobody.example:1"} })
	c := call(t, ctx, n)
	name := net.JoinHostPort("peer.example", strconv.Itoa(int(other.P2PAddr().Port())))
	c.do("addnode", name, "add")
	until(t, ctx, "the connection", func() bool {
		list := ask[[]struct {
			Node      string
			Addresses []struct{ Address, Connected string }
			Connected bool
		}](c, "getaddednodeinfo", name)
		return len(list) == 1 && list[0].Connected && list[0].Addresses[0].Address == other.P2PAddr().String() && list[0].Addresses[0].Connected == "outbound"
	})
	c.refused(-23, "addnode", other.P2PAddr().String(), "add")
	c.do("addnode", name, "remove")
	c.do("addnode", "nobody.example:1", "remove")
	c.refused(-24, "addnode", name, "remove")
	c.refused(-1, "addnode", "no host", "add")
	c.do("addnode", name, "onetry")
	c.do("addnode", "elsewhere.example", "onetry")
	if got := ask[[]any](c, "getaddednodeinfo"); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

// A seed node is asked for addresses, and a DNS seed's addresses come into the book.
func TestSeedsFillTheBook(t *testing.T) {
	seed, _ := start(t, nil)
	call2 := call(t, context.Background(), seed)
	for _, ip := range []string{"8.1.1.1", "9.1.1.1", "11.1.1.1"} {
		call2.do("addpeeraddress", ip, 18444)
	}
	resolver := newFakeNames()
	resolver.set("seed.example", "127.0.0.1")
	resolver.set("dns.example", "12.1.1.1", "13.1.1.1")
	n, ctx := start(t, func(c *Config) {
		c.ConnectOnly, c.Net.Lookup = false, resolver.lookup
		c.Transport = onlyLocal{}
		c.Net.SeedNodes = []string{net.JoinHostPort("seed.example", strconv.Itoa(int(seed.P2PAddr().Port())))}
		c.Sources = []p2p.Source{p2p.DNSSeeds{Names: []string{"dns.example", "gone.example"}, Port: 18444, Lookup: resolver.lookup}}
	})
	c := call(t, ctx, n)
	until(t, ctx, "addresses of both", func() bool {
		return ask[map[string]struct{ Total int }](c, "getaddrmaninfo")["ipv4"].Total >= 5
	})
}

// onlyLocal is TCP that does not leave this host.
type onlyLocal struct{ p2p.TCP }

func (t onlyLocal) Dial(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	if !a.Addr().IsLoopback() {
		return nil, errors.New("not from a test")
	}
	return t.TCP.Dial(ctx, a)
}

func TestSplitPeer(t *testing.T) {
	for in, want := range map[string]string{"a.b": "a.b 7", "a.b:5": "a.b 5", "[::1]:5": "::1 5", "::1": "::1 7", "1.2.3.4": "1.2.3.4 7"} {
		host, port, err := splitPeer(in, 7)
		if got := host + " " + strconv.Itoa(int(port)); err != nil || got != want {
			t.Errorf("%s is %s %v, want %s", in, got, err, want)
		}
	}
	for _, bad := range []string{"", ":5", "a b:5", "a:", "a:0", "a:65536", "a:x", "a\n", "-@"} {
		if host, port, err := splitPeer(bad, 7); err == nil {
			t.Errorf("%q is taken as %s %d", bad, host, port)
		}
	}
}
