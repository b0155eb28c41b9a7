package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/chain/blockfile"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/types"
)

// supply is a chain in a file, and what can still be spent on it.
type supply struct {
	name   string
	file   string
	blocks int
	txs    int // without coinbases
	rpcTxs [][]*types.Tx
}

// syncs measures how fast a late node takes in a chain, from a file and from a peer, and how fast a node takes transactions by RPC.
func (s *suite) syncs(ctx context.Context) (section, error) {
	sec := section{Title: "A late node", Text: "Blocks of regtest, made beforehand. From a file: `cairn chain import` into an empty directory, from the start of the " +
		"process to its end. From a peer: a `cairn node` with an empty directory is started and told to connect to one that has the chain, both over TCP on loopback; from the start of the process until " +
		"its RPC names the last height. Processor time is that of the process that takes the blocks in. All scripts are run: nothing is assumed valid. Transactions have one input, P2WPKH and P2TR by turns, and two outputs. By RPC: `sendrawtransaction`, " +
		"a call a transaction, to a node without peers."}
	for _, perBlock := range []int{0, s.size.syncTxs} {
		sup, err := s.makeSupply(ctx, perBlock)
		if err != nil {
			return sec, err
		}
		figs, err := s.syncOne(ctx, sup)
		if err != nil {
			return sec, err
		}
		sec.Figures = append(sec.Figures, figs...)
	}
	return sec, nil
}

// makeSupply makes the blocks: a hundred for maturity, then some with perBlock transactions each, then, if there are transactions at all, one that splits
// a coin for those that are sent by RPC.
func (s *suite) makeSupply(ctx context.Context, perBlock int) (*supply, error) {
	m, err := newMaker(time.Now(), s.size.syncBlocks)
	if err != nil {
		return nil, err
	}
	sup := &supply{name: "empty blocks"}
	if err := m.mature(ctx, 2); err != nil {
		return nil, err
	}
	if perBlock == 0 {
		for len(m.blocks) < s.size.syncBlocks {
			if err := m.mine(ctx); err != nil {
				return nil, err
			}
		}
		return sup, s.write(sup, m)
	}
	lanes, lane, err := m.fan(m.coinbase(0), perBlock, alternate)
	if err != nil {
		return nil, err
	}
	mass, coins, err := m.fan(m.coinbase(1), len(clients)*s.size.rpcRuns*s.size.rpcTxs, alternate)
	if err != nil {
		return nil, err
	}
	if err := m.mine(ctx, lanes, mass); err != nil {
		return nil, err
	}
	if err := m.lanes(ctx, s.size.syncBlocks-len(m.blocks), lane); err != nil {
		return nil, err
	}
	for part := range slices.Chunk(coins, s.size.rpcTxs) {
		txs, err := m.spendAll(part)
		if err != nil {
			return nil, err
		}
		sup.rpcTxs = append(sup.rpcTxs, txs)
	}
	return sup, s.write(sup, m)
}

func (s *suite) write(sup *supply, m *maker) (err error) {
	for _, b := range m.blocks {
		sup.txs += len(b.Txs) - 1
	}
	sup.blocks = len(m.blocks)
	if sup.txs > 0 {
		sup.name = fmt.Sprintf("blocks with %s transactions in all", number(float64(sup.txs)))
	}
	sup.name = number(float64(sup.blocks)) + " " + sup.name
	sup.file = filepath.Join(s.dir, fmt.Sprintf("blocks-%d.dat", sup.txs))
	f, err := os.Create(sup.file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	for _, b := range m.blocks {
		if _, err := w.Write(blockfile.Append(nil, m.params.Magic, b.Bytes())); err != nil {
			return err
		}
	}
	return w.Flush()
}

// figures for one chain: seconds, blocks and transactions per second.
func (sup *supply) figures(how string, runs []took) []figure {
	total := figure{Name: sup.name + ", " + how, Unit: "s"}
	blocks := figure{Name: "– in blocks", Unit: "blocks/s"}
	txs := figure{Name: "– in transactions", Unit: "transactions/s"}
	for _, t := range runs {
		total.Runs = append(total.Runs, t.wall.Seconds())
		blocks.rate(sup.blocks, t)
		txs.rate(sup.txs, t)
	}
	if sup.txs == 0 {
		return []figure{total, blocks}
	}
	return []figure{total, blocks, txs}
}

func (s *suite) syncOne(ctx context.Context, sup *supply) (figs []figure, err error) {
	var imports, syncs []took
	var full string // the directory that was filled last
	for i := range s.size.syncRuns {
		full = filepath.Join(s.dir, fmt.Sprintf("full-%d-%d", sup.txs, i))
		begin, cmd := time.Now(), s.command(ctx, "chain", "import", "--network", "regtest", "--data", full, sup.file)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("chain import: %w\n%s", err, out)
		}
		imports = append(imports, took{time.Since(begin), cpuOf(cmd)})
	}
	peer, err := s.startNode(ctx, full)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, peer.stop()) }()
	if err := peer.reach(ctx, sup.blocks); err != nil {
		return nil, err
	}
	for i := range s.size.syncRuns {
		t, err := s.syncFrom(ctx, peer, sup, filepath.Join(s.dir, fmt.Sprintf("late-%d-%d", sup.txs, i)))
		if err != nil {
			return nil, err
		}
		syncs = append(syncs, t)
	}
	figs = slices.Concat(sup.figures("from a file", imports), sup.figures("from a peer", syncs))
	if sup.txs == 0 {
		return figs, nil
	}
	byRPC, err := s.sendAll(ctx, peer, sup)
	return append(figs, byRPC...), err
}

// syncFrom starts a node with an empty directory beside peer and measures how long it takes to have the same height. Its processor time is that
// until its end.
func (s *suite) syncFrom(ctx context.Context, peer *daemon, sup *supply, dir string) (t took, err error) {
	late, err := s.startNode(ctx, dir, "--connect", peer.p2p)
	if err != nil {
		return t, err
	}
	err = late.reach(ctx, sup.blocks)
	t.wall = time.Since(late.begun)
	err = errors.Join(err, late.stop(), os.RemoveAll(dir))
	t.cpu = cpuOf(late.cmd)
	return t, err
}

// daemon is a running `cairn node`.
type daemon struct {
	*process
	p2p     string
	rpcAddr string // host:port
	client  *client.Client
}

func (s *suite) startNode(ctx context.Context, dir string, args ...string) (*daemon, error) {
	p, err := s.start(ctx, append([]string{"node", "--network", "regtest", "--data", dir, "--listen", "127.0.0.1:0",
		"--rpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"}, args...)...)
	if err != nil {
		return nil, err
	}
	d := &daemon{process: p}
	if err := d.attach(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return d, nil
}

// attach reads from the banner where the node listens.
func (d *daemon) attach(ctx context.Context) (err error) {
	if d.p2p, err = d.line(ctx, "peers"); err != nil {
		return err
	}
	where, err := d.line(ctx, "rpc")
	if err != nil {
		return err
	}
	url, cookie, ok := strings.Cut(strings.TrimSuffix(where, ")"), " (cookie ")
	if !ok {
		return fmt.Errorf("%s does not tell its cookie: %q", d, where)
	}
	d.rpcAddr = strings.TrimPrefix(url, "http://")
	d.client, err = client.Dial(url, cookie)
	return err
}

// reach waits until the node's best chain has a height.
func (d *daemon) reach(ctx context.Context, height int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		var at int
		if err := d.client.Call(ctx, "getblockcount", &at); err != nil {
			return fmt.Errorf("waiting for height %d: %w", height, err)
		}
		if at >= height {
			return nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("%s stays at height %d of %d: %w", d, at, height, err)
		}
	}
}

func (d *daemon) stop() error {
	d.client.Close()
	return d.process.stop()
}

// clients are how many connections send at once.
var clients = []int{1, 4}

func (s *suite) sendAll(ctx context.Context, d *daemon, sup *supply) ([]figure, error) {
	var figs []figure
	next := sup.rpcTxs
	for _, n := range clients {
		f := figure{Name: fmt.Sprintf("sendrawtransaction, %d clients at once", n), Unit: "transactions/s"}
		if n == 1 {
			f.Name = "sendrawtransaction, 1 client"
		}
		for range s.size.rpcRuns {
			begin := time.Now()
			if err := d.send(ctx, next[0], n); err != nil {
				return nil, err
			}
			f.Runs = append(f.Runs, float64(len(next[0]))/time.Since(begin).Seconds())
			next = next[1:]
		}
		figs = append(figs, f)
	}
	return figs, nil
}

// send submits all transactions, shared out between n clients.
func (d *daemon) send(ctx context.Context, txs []*types.Tx, n int) error {
	g, ctx := errgroup.WithContext(ctx)
	for i := range n {
		g.Go(func() error {
			for j := i; j < len(txs); j += n {
				if err := d.client.Call(ctx, "sendrawtransaction", nil, hex.EncodeToString(txs[j].Bytes())); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// coinsOf is a set of coins as the chain would give it.
func coinsOf(entries []consensus.CoinEntry) consensus.Coins {
	coins := make(consensus.Coins, len(entries))
	for _, e := range entries {
		e.Coin.Height = 1
		coins[e.OutPoint] = e.Coin
	}
	return coins
}
