package node

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// hurried is TCP on which a stranger can make time pass: from then on the deadlines of the node's end of that connection come a few hundred
// times sooner. Until then they are the usual ones, so that a handshake on a slow machine has the time that it needs.
type hurried struct {
	p2p.TCP
	mu    sync.Mutex
	late  map[string]bool // addresses of strangers
	conns map[string]*hurriedConn
}

const hurry = 300

func newHurried() *hurried {
	return &hurried{late: map[string]bool{}, conns: map[string]*hurriedConn{}}
}

func (h *hurried) Listen(addr string) (net.Listener, error) {
	l, err := h.TCP.Listen(addr)
	return hurriedListener{l, h}, err
}

type hurriedListener struct {
	net.Listener
	h *hurried
}

func (l hurriedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &hurriedConn{Conn: conn, h: l.h}
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.h.conns[conn.RemoteAddr().String()] = c
	return c, nil
}

// hurry makes time pass for the node's end of the stranger's connection.
func (p *stranger) hurry(h *hurried) {
	p.t.Helper()
	far := p.conn.LocalAddr().String()
	h.mu.Lock()
	h.late[far] = true
	c := h.conns[far]
	h.mu.Unlock()
	if c == nil {
		return // not taken yet: its deadlines will be near from the first one on
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := errors.Join(c.Conn.SetReadDeadline(sooner(c.read)), c.Conn.SetWriteDeadline(sooner(c.write))); err != nil && !errors.Is(err, net.ErrClosed) {
		p.t.Fatal(err)
	}
}

type hurriedConn struct {
	net.Conn
	h           *hurried
	mu          sync.Mutex
	read, write time.Time
}

func (c *hurriedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *hurriedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = t
	return c.Conn.SetReadDeadline(c.due(t))
}

func (c *hurriedConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write = t
	return c.Conn.SetWriteDeadline(c.due(t))
}

func (c *hurriedConn) due(t time.Time) time.Time {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	if c.h.late[c.RemoteAddr().String()] {
		return sooner(t)
	}
	return t
}

func sooner(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	now := time.Now()
	return now.Add(t.Sub(now) / hurry)
}

// rawFrame is a frame whose header says what the caller wants.
func rawFrame(magic uint32, command string, length uint32, payload []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, magic)
	b = append(b, make([]byte, wire.CommandSize)...)
	copy(b[4:], command)
	b = binary.LittleEndian.AppendUint32(b, length)
	sum := types.DoubleSHA256(payload)
	return append(append(b, sum[:4]...), payload...)
}

// Bad input 21: frames that are none, frames that lie about themselves, messages out of order. Those that break the stream end the
// connection, others change nothing; the node stays, and in the end nobody is connected.
func TestHostileFrames(t *testing.T) {
	clock := newHurried()
	s := besiege(t, func(c *Config) { c.Transport = clock })
	magic := s.node.cfg.Params.Magic
	ping := wire.AppendFrame(nil, magic, wire.Ping{Nonce: 5})
	garbage := bytes.Repeat([]byte{0xff}, 100_000)
	breaking := map[string][]byte{
		"4 GB":                     rawFrame(magic, "block", 1<<32-1, nil),
		"4 GB of an unknown":       rawFrame(magic, "mystery", 1<<32-1, nil),
		"4 GB of no name":          rawFrame(magic, "\xff\x00\xfe", 1<<32-1, nil),
		"a ping that is too long":  rawFrame(magic, "ping", 9, make([]byte, 9)),
		"a ping that is too short": rawFrame(magic, "ping", 3, make([]byte, 3)),
		"0xFF":                     garbage,
		"zeros":                    make([]byte, 100_000),
		"another network":          wire.AppendFrame(nil, magic+1, wire.Ping{Nonce: 1}),
		"HTTP":                     []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"trailing bytes":           rawFrame(magic, "headers", 2, []byte{0, 0}),
		"2^64 headers":             rawFrame(magic, "headers", 9, garbage[:9]),
		"2^32 transactions":        rawFrame(magic, "block", 85, append(make([]byte, 80), 0xfe, 0xff, 0xff, 0xff, 0xff)),
		"half a frame":             ping[:30],
		"half a header":            ping[:7],
		"a block that never ends":  rawFrame(magic, "block", 3_900_000, garbage),
	}
	before := heap()
	for name, b := range breaking {
		for _, greeted := range []bool{false, true} {
			p := s.approach()
			if greeted {
				p.greet(p.version())
				p.fence()
			}
			p.write(b)
			p.hurry(clock)
			p.hungUp()
			if t.Failed() {
				t.Fatalf("%s, greeted %v", name, greeted)
			}
		}
	}
	within(t, "broken frames", before, 2<<20)
	for _, cut := range []int{1, 23, 24, 31} {
		p := s.meet()
		p.write(ping[:cut])
		p.close()
	}
	s.awaitPeers(0)
	s.alive()
	s.awaitPeers(0)
}

// Bad input 21: what breaks no stream is passed over, and changes nothing: messages before version and before verack, a second
// version, a wrong checksum, unknown messages, frames joined and split anywhere. Only without encryption may anything come
// before version: BIP324 takes that for its own handshake.
func TestHostileOrder(t *testing.T) {
	s := besiege(t, func(c *Config) { c.NoV2Transport = true })
	generate(t, s.ctx, s.node, 2)
	tip := s.node.chain.Tip()
	b := s.nextBlock()
	p := s.approach()
	early := []wire.Message{wire.Ping{Nonce: 77}, wire.Verack{}, wire.BlockMsg{Block: b}, wire.GetHeaders{}, wire.Pong{Nonce: 1},
		wire.GetAddr{}, wire.Mempool{}, wire.Headers{Headers: []types.Header{b.Header}}, wire.InvMsg{Items: make([]wire.Inv, 100)}}
	p.say(early...)
	v := p.version()
	p.say(v)
	await[wire.Version](p)
	p.say(early[2:]...)
	p.say(wire.WTxIDRelay{}, wire.Verack{})
	await[wire.Verack](p)
	p.fence()
	if s.node.chain.Tip() != tip || s.node.chain.Lookup(b.Hash()) != nil {
		t.Error("a block was taken before the handshake was done")
	}
	second := v
	second.UserAgent, second.StartHeight = "/other/", 99
	p.say(second, wire.Verack{})
	p.write(rawFrame(p.magic, "mystery", 5, []byte("hello")))
	p.write(rawFrame(p.magic, "\x80\x81", 5, []byte("hello")))
	bad := wire.AppendFrame(nil, p.magic, wire.BlockMsg{Block: b})
	bad[20] ^= 1 // the checksum
	p.write(bad)
	for _, c := range wire.AppendFrame(nil, p.magic, wire.Ping{Nonce: 6}) {
		p.write([]byte{c})
	}
	awaitThat(p, func(m wire.Pong) bool { return m.Nonce == 6 })
	var list []struct {
		SubVer         string `json:"subver"`
		StartingHeight int    `json:"startingheight"`
	}
	s.call(&list, "getpeerinfo")
	if len(list) != 1 || list[0].SubVer != "/stranger/" || list[0].StartingHeight != 0 {
		t.Errorf("a second version was taken: %+v", list)
	}
	p.say(wire.Headers{Headers: []types.Header{b.Header}})
	p.asked(b.Hash())
	p.say(wire.BlockMsg{Block: b})
	awaitTip(t, s.ctx, s.node, b.Hash())
	p.say(wire.WTxIDRelay{}) // too late
	p.hungUp()
	s.awaitPeers(0)
}

// Bad input 22 (CVE-2024-52912): a version may say anything. Bad input 21: a peer that does not greet is let go after a minute, by the
// node's clock.
func TestHostileVersions(t *testing.T) {
	s := besiege(t, nil)
	for _, change := range []func(*wire.Version){
		func(v *wire.Version) { v.Time = -1 << 63 },
		func(v *wire.Version) { v.Time = 1<<63 - 1 },
		func(v *wire.Version) { v.StartHeight = -1 << 31 },
		func(v *wire.Version) { v.StartHeight = 1<<31 - 1 },
		func(v *wire.Version) { v.Protocol = 1<<31 - 1 },
		func(v *wire.Version) { v.Services = 1<<64 - 1 },
		func(v *wire.Version) { v.UserAgent = strings.Repeat("\x00", wire.MaxUserAgent) },
		func(v *wire.Version) { v.UserAgent = "\xff\xfe\x1b[31m\r\n" },
	} {
		p := s.approach()
		v := p.version()
		change(&v)
		p.greet(v)
		p.fence()
		var list []map[string]any
		s.call(&list, "getpeerinfo")
		p.close()
	}
	s.awaitPeers(0)
	p := s.approach()
	v := p.version()
	v.Protocol = wire.MinProtocolVersion - 1
	p.say(v)
	p.hungUp()

	silent, shy := s.approach(), s.approach()
	shy.say(shy.version())
	await[wire.Verack](shy)
	silent.write([]byte{1})
	s.call(nil, "setmocktime", time.Now().Unix()+61)
	silent.hungUp()
	shy.hungUp()
	s.call(nil, "setmocktime", 0)
	s.awaitPeers(0)
	s.alive()
}

// Bad input 22: announcements and addresses without end, and requests for them, cost each peer a bounded part of memory and end no
// honest connection.
func TestHostileFloods(t *testing.T) {
	s := besiege(t, nil)
	generate(t, s.ctx, s.node, 2)
	honest := s.meet()
	crowd := make([]*stranger, 8)
	for i := range crowd {
		crowd[i] = s.meet()
	}
	before := heap()
	var wg sync.WaitGroup
	for i, p := range crowd {
		wg.Go(func() { p.flood(rand.New(rand.NewPCG(1, uint64(i)))) })
	}
	wg.Wait()
	for _, p := range crowd {
		p.fence()
	}
	honest.fence()
	within(t, "8 peers with 250,000 announcements and 20,000 addresses each", before, 24<<20)
	if n := s.peers(); n != 9 {
		t.Errorf("%d peers are left of 9", n)
	}
	var known []struct{ Address string }
	s.call(&known, "getnodeaddresses", 0)
	if len(known) > 1000 {
		t.Errorf("%d addresses were taken from strangers that nobody asked", len(known))
	}
	for _, p := range crowd {
		p.close()
	}
	s.awaitPeers(1)
	within(t, "the same peers, when they have gone", before, 4<<20)
	s.alive()
}

// flood sends 50,000 announcements five times, each time others, then all of one, then addresses and empty lists.
func (p *stranger) flood(rng *rand.Rand) {
	for range 5 {
		p.say(wire.InvMsg{Items: randomInvs(rng, wire.MaxInvs)})
		p.fence()
	}
	same := randomInvs(rng, 1)
	p.say(wire.InvMsg{Items: slices.Repeat(same, wire.MaxInvs)}, wire.NotFound{Items: slices.Repeat(same, wire.MaxInvs)})
	odd := randomInvs(rng, 1000)
	for i := range odd {
		odd[i].Type = wire.InvType(rng.Uint32())
	}
	p.say(wire.InvMsg{Items: odd}, wire.InvMsg{}, wire.Addr{}, wire.GetData{}, wire.NotFound{}, wire.Headers{}, wire.GetAddr{}, wire.GetAddr{})
	for range 20 {
		addrs := make([]wire.TimedAddr, wire.MaxAddrs)
		for i := range addrs {
			ip := netip.AddrFrom4([4]byte{byte(1 + rng.IntN(220)), byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())})
			addrs[i] = wire.TimedAddr{Time: rng.Uint32(), NetAddr: wire.NetAddr{Services: wire.NodeNetwork | wire.NodeWitness, Addr: netip.AddrPortFrom(ip, uint16(rng.Uint32()))}}
		}
		p.say(wire.Addr{Addrs: addrs})
	}
	p.fence()
}

func randomInvs(rng *rand.Rand, n int) []wire.Inv {
	items := make([]wire.Inv, n)
	for i := range items {
		items[i].Type = wire.InvWTx
		for j := range 4 {
			binary.LittleEndian.PutUint64(items[i].Hash[8*j:], rng.Uint64())
		}
	}
	return items
}

// record keeps all that is logged, as text without any quoting.
type record struct {
	least slog.Level
	mu    sync.Mutex
	text  strings.Builder
}

func (r *record) Enabled(_ context.Context, l slog.Level) bool { return l >= r.least }
func (r *record) WithAttrs([]slog.Attr) slog.Handler           { return r }
func (r *record) WithGroup(string) slog.Handler                { return r }

func (r *record) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprint(&r.text, rec.Message)
	rec.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&r.text, " %s=%v", a.Key, a.Value.Any())
		return true
	})
	r.text.WriteByte('\n')
	return nil
}

func (r *record) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// Bad input 26 (CVE-2018-20586, CVE-2025-54605): whatever peers put into user agents, commands, scripts and requests, nothing of it
// stands raw in the log, and the log does not grow with them.
func TestHostileLog(t *testing.T) {
	log := &record{least: slog.LevelDebug}
	s := besiege(t, func(c *Config) { c.Log = slog.New(log) })
	generate(t, s.ctx, s.node, 1)
	const evil = "/x\n2025-01-01 INFO all is well\r\x1b[2J\x1b]0;owned\x07\u202e/"
	for i := range 200 {
		p := s.approach()
		v := p.version()
		v.UserAgent = evil
		p.greet(v)
		switch i % 4 {
		case 0:
			p.write(rawFrame(p.magic, "ver\n\x1b[2J", 1<<31, nil))
		case 1:
			p.write(rawFrame(p.magic, "ping", 3, []byte("\n\x1b[")))
		case 2:
			b := s.block()
			b = &types.Block{Header: b.Header, Txs: []*types.Tx{b.Txs[0].Clone()}}
			b.Txs[0].In[0].ScriptSig = []byte(evil)
			p.say(wire.BlockMsg{Block: b})
		case 3:
			p.write([]byte(evil + evil))
		}
		p.hungUp()
	}
	s.call(nil, "getpeerinfo")
	if err := s.rpc.Call(s.ctx, evil, nil, evil); err == nil {
		t.Error("a method of that name exists")
	}
	s.awaitPeers(0)
	text := log.all()
	if strings.Contains(text, "owned") {
		t.Error("text of a peer is in the log")
	}
	for _, c := range text {
		if c != '\n' && !unicode.IsPrint(c) {
			t.Fatalf("%q stands raw in the log", c)
		}
	}
	if n := strings.Count(text, "\n"); n > 120 || n == 0 {
		t.Errorf("200 peers wrote %d lines", n)
	}
}
