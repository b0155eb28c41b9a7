package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// largest measures how a node takes the blocks that are as large, or as dear to judge, as each bound of the rules allows.
func (s *suite) largest(ctx context.Context) (section, error) {
	sec := section{Title: "The largest valid blocks", Text: "A `cairn node` of regtest with its databases on disk gets a block from a peer, over TCP on loopback: from when the peer begins to send " +
		"until RPC names the new height. No signature was seen before. Meanwhile a second peer sends pings, one after another; shown is how long the slowest answer took. Peak memory is the most that was resident of the " +
		"process since its start, and resident before is what was when the block came. Transactions of one input: P2WPKH, up to the weight of 4 million. Outputs: 111,000 empty ones in one transaction. Signature operations: 79,980 of the 80,000 that are " +
		"allowed, in P2SH multisigs of one signature and 15 keys that tries all of them, so 19,995 signatures are verified. Quadratic hashing: one transaction of nearly a megabyte without witnesses with 5,300 P2PK inputs, " +
		"each of which signs all but the others' scripts, 608 kB: 2.6 GB to hash (CVE-2025-46598)."}
	for _, full := range consensustest.Fulls() {
		figs, err := s.largestOne(ctx, full)
		if err != nil {
			return sec, fmt.Errorf("%v: %w", full, err)
		}
		sec.Figures = append(sec.Figures, figs...)
	}
	return sec, nil
}

// largestOne measures one kind of block.
func (s *suite) largestOne(ctx context.Context, full consensustest.Full) ([]figure, error) {
	m, err := s.makeFull(ctx, full)
	if err != nil {
		return nil, err
	}
	last := m.blocks[len(m.blocks)-1]
	m.blocks = m.blocks[:len(m.blocks)-1]
	sup := &supply{}
	if err := s.write(sup, m); err != nil {
		return nil, err
	}
	figs := []figure{
		{Name: full.String(), Unit: "s"}, {Name: "– slowest answer to a ping", Unit: "ms"},
		{Name: "– peak memory", Unit: "MB"}, {Name: "– resident before", Unit: "MB"},
	}
	for i := range s.size.largestRuns {
		dir := filepath.Join(s.dir, fmt.Sprintf("largest-%d-%d", full, i))
		values, err := s.takeLargest(ctx, dir, sup, last)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return nil, err
		}
		for j, v := range values {
			figs[j].Runs = append(figs[j].Runs, v)
		}
	}
	return figs, nil
}

// makeFull makes a chain of which the last block is full.
func (s *suite) makeFull(ctx context.Context, full consensustest.Full) (*maker, error) {
	m, err := newMaker(time.Now(), 200)
	if err != nil {
		return nil, err
	}
	if err := m.mature(ctx, 1); err != nil {
		return nil, err
	}
	prepared, err := full.Prepare(m.coinbase(0), s.size.largestPart)
	if err != nil {
		return nil, err
	}
	if err := m.mine(ctx, prepared); err != nil {
		return nil, err
	}
	unsigned := full.Fill(prepared, s.size.largestPart)
	g, signing := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		g.Go(func() error {
			for i := w; i < unsigned.Inputs; i += workers {
				if err := errors.Join(signing.Err(), unsigned.Sign(i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return m, m.mine(ctx, unsigned.Txs...)
}

// takeLargest starts a node with a chain and gives it one block more. It returns the seconds until that is the tip, the slowest answer to a ping in
// milliseconds, and the resident memory at its peak and before, in MB.
func (s *suite) takeLargest(ctx context.Context, dir string, sup *supply, b *types.Block) (values [4]float64, err error) {
	if out, err := s.command(ctx, "chain", "import", "--network", "regtest", "--data", dir, sup.file).CombinedOutput(); err != nil {
		return values, fmt.Errorf("chain import: %w\n%s", err, out)
	}
	d, err := s.startNode(ctx, dir)
	if err != nil {
		return values, err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := d.reach(ctx, sup.blocks); err != nil {
		return values, err
	}
	if values[3], err = d.memory("VmRSS"); err != nil {
		return values, err
	}
	took, slowest, err := deliver(ctx, d.p2p, consensus.Regtest().Magic, b, func(ctx context.Context) error { return d.reach(ctx, sup.blocks+1) })
	if err != nil {
		return values, err
	}
	values[0], values[1] = took.Seconds(), milliseconds(slowest)
	values[2], err = d.memory("VmHWM")
	return values, err
}

// deliver sends a block to a node, waits until arrived returns, and tells how long that took, and the slowest answer that the node gave to the pings
// of another peer meanwhile.
func deliver(ctx context.Context, addr string, magic uint32, b *types.Block, arrived func(ctx context.Context) error) (took, slowest time.Duration, err error) {
	sender, err := greet(ctx, addr, magic)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, sender.conn.Close()) }()
	other, err := greet(ctx, addr, magic)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, other.conn.Close()) }()
	frame := wire.AppendFrame(nil, magic, wire.BlockMsg{Block: b})
	done := make(chan struct{})
	var g errgroup.Group
	g.Go(func() error {
		for {
			begin := time.Now()
			if err := other.ping(); err != nil {
				return err
			}
			slowest = max(slowest, time.Since(begin))
			select {
			case <-done:
				return nil
			case <-time.After(time.Millisecond):
			}
		}
	})
	begin := time.Now()
	_, err = sender.conn.Write(frame)
	if err == nil {
		err = arrived(ctx)
	}
	took = time.Since(begin)
	close(done)
	return took, slowest, errors.Join(err, g.Wait())
}

// wirePeer is a peer of few words.
type wirePeer struct {
	conn  net.Conn
	r     *bufio.Reader
	magic uint32
	nonce uint64
}

// greet connects and shakes hands.
func greet(ctx context.Context, addr string, magic uint32) (*wirePeer, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &wirePeer{conn: conn, r: bufio.NewReader(conn), magic: magic}
	if err := c.shake(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

func (c *wirePeer) shake() error {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	port := c.conn.LocalAddr().(*net.TCPAddr).Port
	c.nonce = uint64(port)<<32 | 1
	if err := c.say(wire.Version{Protocol: wire.ProtocolVersion, Services: wire.NodeNetwork | wire.NodeWitness, Time: time.Now().Unix(),
		Nonce: c.nonce, UserAgent: "/bench/", Relay: true}); err != nil {
		return err
	}
	if err := c.hear(func(m wire.Message) bool { _, is := m.(wire.Version); return is }); err != nil {
		return err
	}
	if err := c.say(wire.Verack{}); err != nil {
		return err
	}
	return c.ping()
}

func (c *wirePeer) say(m wire.Message) error {
	_, err := c.conn.Write(wire.AppendFrame(nil, c.magic, m))
	return err
}

// ping waits for its pong.
func (c *wirePeer) ping() error {
	c.nonce++
	if err := c.say(wire.Ping{Nonce: c.nonce}); err != nil {
		return err
	}
	return c.hear(func(m wire.Message) bool { p, is := m.(wire.Pong); return is && p.Nonce == c.nonce })
}

// hear reads until a message is the wanted one, and answers pings by the way.
func (c *wirePeer) hear(wanted func(wire.Message) bool) error {
	for {
		raw := make([]byte, wire.HeaderSize)
		if _, err := io.ReadFull(c.r, raw); err != nil {
			return err
		}
		h, err := wire.ReadHeader(raw, c.magic)
		if err != nil {
			return err
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(c.r, payload); err != nil {
			return err
		}
		m, err := wire.Decode(h.Command, payload)
		if err != nil {
			return err
		}
		if p, is := m.(wire.Ping); is {
			if err := c.say(wire.Pong(p)); err != nil {
				return err
			}
		}
		if wanted(m) {
			return nil
		}
	}
}
