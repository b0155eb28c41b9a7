package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

// Net is a running network. Its methods may be called from any goroutine.
type Net struct {
	cfg    Config
	params *consensus.Params
	keys   *keys
	edges  []edge
	names  []string // of the nodes, if a topology file names them
	shares []float64
	// paramsFile holds the rules for other programs; "": the network is a known one.
	paramsFile string

	clock   *shiftedClock
	wires   *wires
	watch   *watch
	purse   *purse
	faucet  *faucet
	pacer   pacer
	traffic traffic
	guests  guests
	ctl     *Control
	page    *page

	branches atomic.Uint64 // how many were mined in secret

	steer   sync.Mutex // one order at a time: start, stop, kill, partition
	ending  bool       // guarded by steer, as is
	halfway bool       // a revert was broken off
	mu      sync.Mutex // guards members' node fields
	nodes   []*member

	ctx    context.Context
	cancel context.CancelFunc
	once   sync.Once
	downed chan struct{}
	result error
}

// member is one node's place in the network, whether it runs or not.
type member struct {
	index  int
	dir    string
	p2p    string // host:port; with port 0 until the first start
	rpc    string
	http   string
	mining bool
	share  float64
	log    *os.File
	node   *node.Node // nil: does not run
	state  string     // why not
	cookie string     // the RPC's, if the next start is to keep it
}

// Up makes the network that cfg describes, or resumes the one that lies in its data directory, and returns when all nodes
// run and a new network's accounts can spend. On an error nothing is left running. The network runs until Down is called.
func Up(ctx context.Context, cfg Config) (*Net, error) {
	restored, err := cfg.findState(ctx)
	if err != nil {
		return nil, errors.Join(cfg.giveUp(err), cfg.release())
	}
	clock := &shiftedClock{base: cfg.Now}
	clock.shift.Store(int64(cfg.ClockShift))
	cfg.Now = clock.now
	n := &Net{cfg: cfg, clock: clock, wires: newWires(cfg.Seed), downed: make(chan struct{})}
	n.page = &page{net: n}
	n.watch = newWatch(cfg.Now, n.page.note)
	n.ctx, n.cancel = context.WithCancel(context.WithoutCancel(ctx))
	err = n.prepare()
	if err == nil && restored != nil {
		err = n.recall(restored)
	}
	if err == nil {
		err = n.startAll(ctx)
	}
	if err == nil && restored != nil {
		err = n.settleRestored(restored)
	}
	if err != nil {
		return nil, errors.Join(err, n.Down())
	}
	return n, nil
}

// findState settles what the network is to be, takes its data directory, and brings a revert to its end that was broken off there.
func (c *Config) findState(ctx context.Context) (restored *head, err error) {
	if err = c.holdEarly(ctx); err != nil {
		return nil, err
	}
	if restored, err = c.resumeRevert(ctx); err != nil {
		return nil, err
	}
	if err = c.settle(); err != nil {
		return nil, err
	}
	return restored, c.holdNew(ctx)
}

func (n *Net) prepare() (err error) {
	if err = os.MkdirAll(n.cfg.DataDir, 0o700); err != nil {
		return err
	}
	if err := n.cfg.sweep(); err != nil {
		return err
	}
	if n.params, n.paramsFile, err = n.cfg.params(); err != nil {
		return err
	}
	if n.keys, err = deriveKeys(n.params, n.cfg.Seed); err != nil {
		return err
	}
	if n.shares, err = n.cfg.shares(); err != nil {
		return err
	}
	l, err := n.cfg.layout()
	if err != nil {
		return err
	}
	if err := n.cfg.keepTopology(); err != nil {
		return err
	}
	n.edges, n.names = l.edges, l.names
	if l.shapes != nil {
		n.wires.shapes = l.shapes
	}
	for i := range n.cfg.Nodes {
		n.nodes = append(n.nodes, n.newMember(i))
	}
	n.purse = newPurse(n.params, append(slices.Clone(n.keys.accounts), n.keys.faucet)...)
	n.faucet = &faucet{n}
	return n.cfg.save()
}

func (n *Net) newMember(i int) *member {
	port := func(k int) string {
		if n.cfg.BasePort == 0 {
			return "127.0.0.1:0"
		}
		return fmt.Sprintf("127.0.0.1:%d", n.cfg.BasePort+10*(i+1)+k)
	}
	m := &member{index: i, dir: filepath.Join(n.cfg.DataDir, fmt.Sprintf("node%d", i)), p2p: port(0), rpc: port(1), http: port(2)}
	if i < n.cfg.Miners {
		m.mining, m.share = true, n.shares[i]
	}
	return m
}

// startAll starts every node, gives a new network its prelude, and connects them.
func (n *Net) startAll(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	for _, m := range n.nodes {
		g.Go(func() error { return n.launch(m) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := n.prelude(ctx); err != nil {
		return err
	}
	for _, m := range n.nodes {
		n.connect(m.index)
	}
	for _, m := range n.nodes {
		if err := n.attend(m); err != nil {
			return err
		}
	}
	n.startPacer()
	for _, address := range n.cfg.Guests {
		if err := n.AddGuest(-1, address); err != nil {
			return err
		}
	}
	if n.cfg.NoServices {
		return nil
	}
	var err error
	n.ctl, err = openControl(n)
	return err
}

// launch opens a member's node; it neither mines nor dials yet.
func (n *Net) launch(m *member) error {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(m.dir, logName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cfg := node.Config{
		Params: n.params, DataDir: m.dir, Listen: m.p2p, ConnectOnly: true, Snappy: true,
		Transport: end{n.wires, m.index}, RPCListen: m.rpc, REST: true, HTTPListen: m.http,
		MineTo: n.keys.faucet.script, Share: m.share, UserAgent: fmt.Sprintf("node%d", m.index),
		TxIndex: true, SpentIndex: true, ScriptHashIndex: true, FilterIndex: true,
		RPCCookie:  m.cookie,
		CacheBytes: 4 << 20, MempoolBytes: 50_000_000, Now: n.cfg.Now,
		LogFile: f.Name(),
		Log:     slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelInfo})),
		FoundAt: n.watch.foundAt, OnEvent: func(h node.Happening) { n.watch.happened(m.index, h) },
	}
	if m.mining && n.params.Retarget == consensus.RetargetNone {
		cfg.MineInterval = n.interval(m)
	}
	if n.cfg.NoServices {
		cfg.RPCListen, cfg.HTTPListen = "", ""
	}
	nd, err := node.Start(n.ctx, cfg)
	if err != nil {
		return errors.Join(fmt.Errorf("node %d: %w", m.index, err), f.Close())
	}
	n.wires.listens(nd.P2PAddr(), m.index)
	n.mu.Lock()
	defer n.mu.Unlock()
	// The ports are the node's from now on, also when it is started again.
	m.node, m.log, m.p2p, m.rpc, m.http = nd, f, nd.P2PAddr().String(), nd.RPCAddr(), nd.HTTPAddr()
	return nil
}

// interval is the mean time between a member's own blocks where no retarget sets the pace.
func (n *Net) interval(m *member) time.Duration {
	var all float64
	for _, s := range n.shares {
		all += s
	}
	return time.Duration(float64(n.cfg.BlockTime) * all / m.share)
}

// connect lets a node keep the connections of its edges: the higher end of an edge dials.
func (n *Net) connect(i int) {
	self := n.running(i)
	for _, e := range n.edges {
		if e.b == i && self != nil {
			if addr, ok := n.address(e.a); ok {
				self.AddPeer(addr)
			}
		}
	}
}

// address is where a member listens, whether it runs or not.
func (n *Net) address(i int) (netip.AddrPort, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr, err := netip.ParseAddrPort(n.nodes[i].p2p)
	return addr, err == nil && addr.Port() != 0
}

// running returns a member's node, nil if it does not run.
func (n *Net) running(i int) *node.Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nodes[i].node
}

// Node returns node i for reading and for submitting things; nil if there is no such node or it does not run.
func (n *Net) Node(i int) *node.Node {
	if i < 0 || i >= len(n.nodes) {
		return nil
	}
	return n.running(i)
}

// Len is how many nodes the network has, whether they run or not.
func (n *Net) Len() int { return len(n.nodes) }

// Params are the network's rules.
func (n *Net) Params() *consensus.Params { return n.params }

// Accounts are the funded accounts.
func (n *Net) Accounts() []Account { return n.keys.accounts }

// Partition splits the network: nodes of different groups have no connections and get none.
func (n *Net) Partition(group []int) error { return n.partition(group, false) }

// PartitionOneWay lets what the nodes of group 1 send arrive nowhere else; they still hear the others. Connections stay until
// somebody misses an answer; new ones cannot be made, since one needs both directions.
func (n *Net) PartitionOneWay(group []int) error { return n.partition(group, true) }

func (n *Net) partition(group []int, oneWay bool) error {
	n.steer.Lock()
	defer n.steer.Unlock()
	if len(group) != len(n.nodes) {
		return fmt.Errorf("a partition of %d nodes needs as many groups, not %d", len(n.nodes), len(group))
	}
	n.wires.split(group, oneWay)
	n.watch.tell(Event{Kind: "partition", Node: -1, Detail: partitionText(group, oneWay)})
	return nil
}

// Heal ends a partition and all cuts and lets all nodes dial at once. What links are like stays.
func (n *Net) Heal() {
	n.steer.Lock()
	defer n.steer.Unlock()
	n.wires.change(func() {
		n.wires.group, n.wires.oneWay = nil, false
		clear(n.wires.cuts)
	})
	n.redial()
	n.watch.tell(Event{Kind: "heal", Node: -1})
}

// Stop ends a node cleanly; its place in the network stays.
func (n *Net) Stop(i int) error { return n.end(i, "stop", "stopped", (*node.Node).Close) }

// Kill ends a node without a clean shutdown.
func (n *Net) Kill(i int) error { return n.end(i, "kill", "killed", (*node.Node).Kill) }

func (n *Net) end(i int, kind, state string, how func(*node.Node) error) error {
	n.steer.Lock()
	defer n.steer.Unlock()
	if i < 0 || i >= len(n.nodes) {
		return n.noSuchNode(i)
	}
	n.mu.Lock()
	m := n.nodes[i]
	nd := m.node
	if nd != nil {
		m.node, m.state = nil, state
	}
	n.mu.Unlock()
	if nd == nil {
		return fmt.Errorf("node %d does not run", i)
	}
	err := errors.Join(how(nd), m.log.Close())
	n.watch.tell(Event{Kind: kind, Node: i})
	return err
}

func (n *Net) noSuchNode(i int) error {
	return fmt.Errorf("there is no node %d: the nodes are 0 to %d", i, len(n.nodes)-1)
}

// Start starts a node that was stopped or killed, on its old ports and data.
func (n *Net) Start(i int) error {
	n.steer.Lock()
	defer n.steer.Unlock()
	if i < 0 || i >= len(n.nodes) {
		return n.noSuchNode(i)
	}
	if n.running(i) != nil {
		return fmt.Errorf("node %d runs already", i)
	}
	if err := n.usable(); err != nil {
		return err
	}
	m := n.nodes[i]
	if err := n.launch(m); err != nil {
		return err
	}
	n.connect(i)
	n.rejoin(i)
	n.redial()
	n.watch.tell(Event{Kind: "start", Node: i})
	return n.attend(m)
}

// attend lets a member's node mine if it is to, and notices when it ends by itself: somebody stopped it by RPC, or its
// storage failed.
func (n *Net) attend(m *member) error {
	nd := n.running(m.index)
	if nd == nil {
		return nil
	}
	go n.bury(m, nd)
	return nd.SetMining(m.mining && n.mode() == Poisson)
}

// bury takes a node that has ended out of the network, unless that was by order.
func (n *Net) bury(m *member, nd *node.Node) {
	<-nd.Done()
	n.mu.Lock()
	alone := m.node == nd
	log := m.log
	if alone {
		m.node, m.state = nil, "stopped itself"
	}
	n.mu.Unlock()
	if !alone {
		return
	}
	e := Event{Kind: "stop", Node: m.index, Detail: "by itself"}
	if err := errors.Join(nd.Close(), log.Close()); err != nil {
		e.Detail = err.Error()
	}
	n.watch.tell(e)
}

// Mine makes node i (−1: the first that runs) mine count blocks now, whatever its hash power, and returns their hashes.
func (n *Net) Mine(ctx context.Context, i, count int) ([]types.Hash, error) {
	if count < 1 || count > 100_000 {
		return nil, fmt.Errorf("between 1 and 100000 blocks can be mined at once, not %d", count)
	}
	nd, err := n.pick(i)
	if err != nil {
		return nil, err
	}
	return nd.Generate(ctx, count, n.keys.faucet.script)
}

// pick returns node i, or the first that runs if i is −1.
func (n *Net) pick(i int) (*node.Node, error) {
	if i >= len(n.nodes) || i < -1 {
		return nil, n.noSuchNode(i)
	}
	if i >= 0 {
		if nd := n.running(i); nd != nil {
			return nd, nil
		}
		return nil, fmt.Errorf("node %d does not run", i)
	}
	for j := range n.nodes {
		if nd := n.running(j); nd != nil {
			return nd, nil
		}
	}
	return nil, errors.New("no node runs")
}

// Down stops everything and returns when it is on disk. It may be called again.
func (n *Net) Down() error {
	n.once.Do(func() {
		if n.ctl != nil {
			n.ctl.close()
		}
		n.stopPacer()
		n.StopTraffic()
		n.result = n.endAll()
		n.cancel()
		n.guests.loops.Wait()
		if n.ctl != nil {
			n.ctl.removeSheet()
		}
		if n.cfg.Ephemeral {
			n.result = errors.Join(n.result, os.RemoveAll(n.cfg.DataDir))
		}
		n.result = errors.Join(n.result, n.cfg.release())
		close(n.downed)
	})
	return n.result
}

func (n *Net) endAll() error {
	n.steer.Lock()
	n.ending = true // nothing is started any more
	n.steer.Unlock()
	var g errgroup.Group
	for _, m := range n.nodes {
		if n.running(m.index) != nil {
			g.Go(func() error { return n.Stop(m.index) })
		}
	}
	return g.Wait()
}

// Done is closed when the network is down.
func (n *Net) Done() <-chan struct{} { return n.downed }
