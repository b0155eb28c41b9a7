package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/types"
)

// hops is how many connections a block crosses from one end of the line to the other.
const hops = 4

// line is nodes in this process, each connected to the one before over TCP on loopback.
type line struct {
	nodes []*node.Node
	tips  []chan arrival // of each node
}

// arrival is a block that became a node's tip.
type arrival struct {
	hash types.Hash
	at   time.Time
}

// relayRun is one block that went down the line.
type relayRun struct {
	first, last time.Duration // until it was the tip of the first node and of the last
	cpu         time.Duration // of all nodes
	bytes       float64       // of both directions, a hop
}

// blockCommands are the messages that blocks take.
var blockCommands = []string{"block", "cmpctblock", "getblocktxn", "blocktxn", "headers", "getheaders", "getdata", "inv"}

// relayKinds are the ways in which the block crosses.
var relayKinds = []struct {
	name    string
	compact bool
	link    int // bytes a second; 0: as fast as loopback is
}{{"compact", true, 0}, {"whole", false, 0}, {"compact, 10 Mbit/s", true, 1_250_000}, {"whole, 10 Mbit/s", false, 1_250_000}}

// relays measures how a large block crosses a line of nodes that have its transactions, as compact blocks and whole.
func (s *suite) relays(ctx context.Context) (section, error) {
	n := s.size.connectTxs
	sec := section{Title: fmt.Sprintf("A block of %s transactions crosses four hops", number(float64(n))), Text: fmt.Sprintf("Five nodes in one process in a line, on Badger, connected "+
		"over TCP on loopback. All have the same %s transactions in their mempools, P2WPKH and P2TR by turns; %s of them come in a block that is submitted to the first node. "+
		"Compact: BIP152 in high bandwidth; each node sends the block on before it has judged the scripts and coins. Whole: the same program without compact blocks: headers, getdata, block. "+
		"With a rate: what is written waits as long as it would take on such a line. Bytes are those of all messages about blocks, both ways, a hop. All five nodes share the processor, and "+
		"each judges the block: five times the processor time of one.", number(float64(s.size.relayRuns*n)), number(float64(n)))}
	m, err := newMaker(time.Now(), 200)
	if err != nil {
		return sec, err
	}
	blocks, err := s.relayBlocks(ctx, m)
	if err != nil {
		return sec, err
	}
	size := float64(blocks[len(blocks)-1].Size())
	for i, kind := range relayKinds {
		runs, err := s.relayLine(ctx, m, blocks, i)
		if err != nil {
			return sec, err
		}
		figs := []figure{{Name: kind.name + ": until it is the tip of the last node", Unit: "ms"}, {Name: "– of the first", Unit: "ms"}, {Name: "– each hop adds", Unit: "ms", Difference: true},
			{Name: "– processor time of all", Unit: "ms"}, {Name: "– bytes a hop", Unit: "kB"}, {Name: "– of the block's bytes", Unit: "%"}}
		if kind.compact {
			figs[len(figs)-1].Aim = "under 5"
		}
		for _, r := range runs {
			for i, v := range []float64{milliseconds(r.last), milliseconds(r.first), milliseconds(r.last-r.first) / hops, milliseconds(r.cpu), r.bytes / 1000, 100 * r.bytes / size} {
				figs[i].Runs = append(figs[i].Runs, v)
			}
		}
		sec.Figures = append(sec.Figures, figs...)
	}
	return sec, nil
}

// relayBlocks makes the chain before and returns the blocks that are measured, which follow it.
func (s *suite) relayBlocks(ctx context.Context, m *maker) (measured []*types.Block, err error) {
	if err := m.mature(ctx, s.size.relayRuns); err != nil {
		return nil, err
	}
	var batches [][]*types.Tx
	var fans []*types.Tx
	for i := range s.size.relayRuns {
		fan, coins, err := m.fan(m.coinbase(i), s.size.connectTxs, alternate)
		if err != nil {
			return nil, err
		}
		txs, err := m.spendAll(coins)
		if err != nil {
			return nil, err
		}
		fans, batches = append(fans, fan), append(batches, txs)
	}
	if err := m.mine(ctx, fans...); err != nil {
		return nil, err
	}
	if err := m.mine(ctx); err != nil { // so that each node has chosen the one before by now
		return nil, err
	}
	for _, txs := range batches {
		if err := m.mine(ctx, txs...); err != nil {
			return nil, err
		}
	}
	return m.blocks[len(m.blocks)-s.size.relayRuns:], nil
}

// relayLine lets the blocks cross a new line of nodes.
func (s *suite) relayLine(ctx context.Context, m *maker, measured []*types.Block, kind int) (runs []relayRun, err error) {
	dir := filepath.Join(s.dir, fmt.Sprintf("relay-%d", kind))
	l, err := newLine(ctx, dir, m.params, kind)
	defer func() { err = errors.Join(err, l.close(), os.RemoveAll(dir)) }()
	if err != nil {
		return nil, err
	}
	for _, b := range m.blocks[:len(m.blocks)-len(measured)] {
		if _, err := l.send(ctx, b); err != nil {
			return nil, err
		}
	}
	for _, n := range l.nodes {
		if err := fill(n, measured); err != nil {
			return nil, err
		}
	}
	for _, b := range measured {
		before, err := l.bytes(ctx)
		if err != nil {
			return nil, err
		}
		var r relayRun
		t, err := timed(func() error { r, err = l.send(ctx, b); return err })
		if err != nil {
			return nil, err
		}
		r.cpu = t.cpu
		after, err := l.bytes(ctx)
		if err != nil {
			return nil, err
		}
		r.bytes = (after - before) / hops
		runs = append(runs, r)
	}
	return runs, nil
}

func newLine(ctx context.Context, dir string, params *consensus.Params, kind int) (*line, error) {
	l := &line{}
	for i := range hops + 1 {
		tips := make(chan arrival, 1000)
		n, err := node.Start(ctx, node.Config{
			Params: params, DataDir: filepath.Join(dir, fmt.Sprint(i)), Listen: "127.0.0.1:0", RPCListen: "127.0.0.1:0",
			ConnectOnly: true, Snappy: true, NoFilterIndex: true, NoCompactBlocks: !relayKinds[kind].compact,
			Transport: slowTCP{rate: relayKinds[kind].link},
			OnEvent: func(h node.Happening) {
				if h.Kind == "tip" {
					tips <- arrival{h.Hash, time.Now()}
				}
			},
		})
		if err != nil {
			return l, err
		}
		l.nodes, l.tips = append(l.nodes, n), append(l.tips, tips)
		if i > 0 {
			n.AddPeer(l.nodes[i-1].P2PAddr())
		}
	}
	return l, nil
}

// slowTCP is TCP over lines of a rate in bytes a second; 0: as they are.
type slowTCP struct {
	p2p.TCP
	rate int
}

// slowConn waits with each write as long as it would take.
type slowConn struct {
	net.Conn
	rate int
}

type slowListener struct {
	net.Listener
	rate int
}

func (t slowTCP) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	conn, err := t.TCP.Dial(ctx, addr)
	return slow(conn, t.rate), err
}

func (t slowTCP) Listen(addr string) (net.Listener, error) {
	l, err := t.TCP.Listen(addr)
	return slowListener{l, t.rate}, err
}

func (l slowListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return slow(conn, l.rate), err
}

func slow(conn net.Conn, rate int) net.Conn {
	if conn == nil || rate == 0 {
		return conn
	}
	return slowConn{conn, rate}
}

func (c slowConn) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(len(b)) * time.Second / time.Duration(c.rate))
	return c.Conn.Write(b)
}

func (l *line) close() error {
	var errs []error
	for _, n := range l.nodes {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}

// send submits a block to the first node and waits until it is the tip of all.
func (l *line) send(ctx context.Context, b *types.Block) (r relayRun, err error) {
	begin := time.Now()
	if err := l.nodes[0].SubmitBlock(ctx, b); err != nil {
		return r, err
	}
	for i, tips := range l.tips {
		for got := (arrival{}); got.hash != b.Hash(); {
			select {
			case got = <-tips:
			case <-ctx.Done():
				return r, ctx.Err()
			}
			if i == 0 {
				r.first = got.at.Sub(begin)
			}
			r.last = max(got.at.Sub(begin), 0)
		}
	}
	return r, nil
}

// bytes is what all nodes have received and sent of messages about blocks, each connection counted at one end.
func (l *line) bytes(ctx context.Context) (sum float64, err error) {
	for _, n := range l.nodes[1:] {
		got, err := blockBytes(ctx, n)
		if err != nil {
			return 0, err
		}
		sum += got
	}
	return sum, nil
}

// blockBytes counts what a node has exchanged with the peer that it dialled.
func blockBytes(ctx context.Context, n *node.Node) (sum float64, err error) {
	client, err := client.Dial("http://"+n.RPCAddr(), n.CookiePath())
	if err != nil {
		return 0, err
	}
	defer client.Close()
	var peers []struct {
		Inbound bool               `json:"inbound"`
		Sent    map[string]float64 `json:"bytessent_per_msg"`
		Recv    map[string]float64 `json:"bytesrecv_per_msg"`
	}
	if err := client.Call(ctx, "getpeerinfo", &peers); err != nil {
		return 0, err
	}
	for _, p := range peers {
		if p.Inbound {
			continue
		}
		for _, c := range blockCommands {
			sum += p.Sent[c] + p.Recv[c]
		}
	}
	return sum, nil
}

// fill puts the transactions of blocks into a node's mempool as if peers had sent them long ago: nothing of it is announced.
func fill(n *node.Node, blocks []*types.Block) error {
	for _, b := range blocks {
		txs, err := fresh(b.Txs[1:])
		if err != nil {
			return err
		}
		for _, tx := range txs {
			coins, err := n.Chain().Coins(n.Pool().Needs(tx))
			if err != nil {
				return err
			}
			if _, err := n.Pool().Add(tx, coins, n.Chain().Tip(), time.Now(), mempool.AddOptions{}); err != nil {
				return err
			}
		}
	}
	return nil
}
