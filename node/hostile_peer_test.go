package node

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/types"
)

// patience is how long a read may take before a test gives up. No test waits for it to pass.
const patience = 5 * time.Minute

// siege is a node under attack: what an outsider has of it, and a bell for every connection that ends.
type siege struct {
	*testing.T
	node *Node
	ctx  context.Context
	rpc  *client.Client
	gone chan struct{}
}

// besiege starts a node. Its gone bell rings when a connection has ended.
func besiege(t *testing.T, change func(*Config)) *siege {
	t.Helper()
	s := &siege{T: t, gone: make(chan struct{}, 1)}
	s.node, s.ctx = start(t, func(c *Config) {
		c.DataDir, c.RPCAuth = "", []string{rpcUser}
		c.OnEvent = func(h Happening) {
			if h.Kind == "gone" {
				ring(s.gone)
			}
		}
		if change != nil {
			change(c)
		}
	})
	s.dialRPC()
	return s
}

// rpcUser is mallory with the password "mallory", as rpcauth has it; rpcLogin is the beginning of the URL.
const (
	rpcUser  = "mallory:0a$388475087ef898a3c584421ed6974060db73df514a456a47947d19bfec1190cf"
	rpcLogin = "http://mallory:mallory@"
)

func (s *siege) dialRPC() {
	s.Helper()
	client, err := client.Dial(rpcLogin+s.node.RPCAddr(), "")
	must(s.T, err)
	s.rpc = client
	s.Cleanup(client.Close)
}

func (s *siege) call(result any, method string, params ...any) {
	s.Helper()
	if err := s.rpc.Call(s.ctx, method, result, params...); err != nil {
		s.Fatalf("%s: %v", method, err)
	}
}

// peers is how many peers getpeerinfo lists.
func (s *siege) peers() int {
	s.Helper()
	var list []struct{ ID int }
	s.call(&list, "getpeerinfo")
	return len(list)
}

// awaitPeers waits until no more than n connections are left, for the sockets, the protocol machine and getpeerinfo.
func (s *siege) awaitPeers(n int) {
	s.Helper()
	for max(len(s.node.net.Peers()), len(s.node.machinePeers()), s.peers()) > n {
		select {
		case <-s.gone:
		case <-s.ctx.Done():
			s.Fatalf("%d peers are still there, not %d", s.peers(), n)
		}
	}
}

// muhash asks for the checksum of the coin set, which the node computes from all coins.
func (s *siege) muhash() string {
	s.Helper()
	var info struct {
		Hash string `json:"muhash"`
	}
	s.call(&info, "gettxoutsetinfo", "muhash")
	return info.Hash
}

// alive proves that the node does its work: a stranger gets a pong, RPC answers, and the tip advances.
func (s *siege) alive() {
	s.Helper()
	p := s.meet()
	defer p.close()
	before := s.node.chain.Tip().Height()
	generate(s.T, s.ctx, s.node, 1)
	p.fence()
	var height int32
	s.call(&height, "getblockcount")
	if height <= before {
		s.Fatalf("the tip does not advance: %d after %d", height, before)
	}
}

// heap is what is reachable on the heap, in bytes. Two collections empty the pools.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// within fails if the heap has grown by more than most bytes since before. What goroutines are about to let go gets a few more looks.
func within(t *testing.T, what string, before, most int64) {
	t.Helper()
	grown := heap() - before
	for looks := 0; grown > most && looks < 50; looks++ {
		grown = heap() - before
	}
	t.Logf("%s: the heap grew by %d kB", what, grown>>10)
	if grown > most {
		t.Errorf("%s: the heap grew by %d bytes, at most %d are allowed", what, grown, most)
	}
}

// stranger is a peer that is not of our code: a socket, and frames made by hand.
type stranger struct {
	t     *testing.T
	conn  net.Conn
	r     *bufio.Reader
	magic uint32
	nonce uint64
}

// approach connects and says nothing.
func (s *siege) approach() *stranger {
	s.Helper()
	conn, err := net.Dial("tcp", s.node.P2PAddr().String())
	must(s.T, err)
	p := &stranger{t: s.T, conn: conn, r: bufio.NewReader(conn), magic: s.node.cfg.Params.Magic}
	s.Cleanup(p.close)
	return p
}

// meet connects, shakes hands and waits until the node treats the stranger as a peer.
func (s *siege) meet() *stranger {
	s.Helper()
	p := s.approach()
	p.greet(p.version())
	p.fence()
	return p
}

func (p *stranger) version() wire.Version {
	return wire.Version{Protocol: wire.ProtocolVersion, Services: wire.NodeNetwork | wire.NodeWitness, Time: time.Now().Unix(),
		Nonce: uint64(p.conn.LocalAddr().(*net.TCPAddr).Port), UserAgent: "/stranger/", Relay: true}
}

func (p *stranger) greet(v wire.Version) {
	p.t.Helper()
	p.say(v)
	await[wire.Version](p)
	p.say(wire.WTxIDRelay{}, wire.Verack{})
	await[wire.Verack](p)
}

func (p *stranger) close() {
	if err := p.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		p.t.Logf("closing a stranger: %v", err)
	}
}

// say sends messages; a node that hangs up meanwhile is noticed by the next read.
func (p *stranger) say(msgs ...wire.Message) {
	var b []byte
	for _, m := range msgs {
		b = wire.AppendFrame(b, p.magic, m)
	}
	p.write(b)
}

// write sends bytes and tells whether the connection took them.
func (p *stranger) write(b []byte) bool {
	err := p.conn.SetWriteDeadline(time.Now().Add(patience))
	if err == nil {
		_, err = p.conn.Write(b)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatal("the node does not read any more")
	}
	return err == nil
}

// read returns the next message. Pings are answered by the way.
func (p *stranger) read() (wire.Message, error) {
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	for {
		raw := make([]byte, wire.HeaderSize)
		if _, err := io.ReadFull(p.r, raw); err != nil {
			return nil, err
		}
		h, err := wire.ReadHeader(raw, p.magic)
		if errors.Is(err, wire.ErrMagic) {
			return nil, p.noise()
		}
		must(p.t, err)
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(p.r, payload); err != nil {
			return nil, err
		}
		must(p.t, h.Check(payload))
		m, err := wire.Decode(h.Command, payload)
		must(p.t, err)
		if ping, ok := m.(wire.Ping); ok {
			p.say(wire.Pong(ping))
			continue
		}
		return m, nil
	}
}

// noise reads what is not version 1 until the connection ends: the node took our bytes for an encrypted handshake.
func (p *stranger) noise() error {
	if _, err := io.Copy(io.Discard, p.r); err != nil {
		return err
	}
	return io.EOF
}

// await reads until a message of one kind comes.
func await[M wire.Message](p *stranger) M {
	p.t.Helper()
	return awaitThat(p, func(M) bool { return true })
}

// awaitThat reads until a message of one kind comes that is the right one.
func awaitThat[M wire.Message](p *stranger, right func(M) bool) M {
	p.t.Helper()
	for {
		m, err := p.read()
		if err != nil {
			var want M
			p.t.Fatalf("waiting for %s: %v", want.Command(), err)
		}
		if got, ok := m.(M); ok && right(got) {
			return got
		}
	}
}

// fence waits for a pong: whatever was said before has been taken by the protocol machine.
func (p *stranger) fence() {
	p.t.Helper()
	p.nonce++
	p.say(wire.Ping{Nonce: p.nonce})
	awaitThat(p, func(m wire.Pong) bool { return m.Nonce == p.nonce })
}

// hungUp reads until the node closes the connection, and fails if it does not.
func (p *stranger) hungUp() {
	p.t.Helper()
	for {
		switch _, err := p.read(); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			p.t.Fatal("the node did not hang up")
		case err != nil:
			return
		}
	}
}

// asked waits until the node asks for a block or transaction.
func (p *stranger) asked(h types.Hash) {
	p.t.Helper()
	awaitThat(p, func(m wire.GetData) bool {
		for _, it := range m.Items {
			if it.Hash == h {
				return true
			}
		}
		return false
	})
}

// block builds and solves the next block of the node's best chain, without giving it to the node.
func (s *siege) block(txs ...*types.Tx) *types.Block {
	s.Helper()
	b, err := s.node.mining.generateBlock(s.ctx, consensustest.KeyLock(), txs, false)
	must(s.T, err)
	return b
}

func rawHex(b *types.Block) string { return hex.EncodeToString(b.Bytes()) }

// scrape is what /metrics would say, asked without a connection.
func scrape(t *testing.T, n *Node) string {
	t.Helper()
	rec := httptest.NewRecorder()
	n.pages().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	return rec.Body.String()
}
