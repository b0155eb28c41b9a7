package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/badgerdb"
	"github.com/cairn-chain/cairn/chain/filterindex"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/addrbook"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// signatureCacheBytes bounds the signature cache.
const signatureCacheBytes = 16 << 20

// Node is a running node. It is made by Start and ended by Stop or Close; Done tells when it has ended.
type Node struct {
	cfg       Config
	clock     *clock
	stats     *stats
	store     chain.Store
	indexKV   chain.KV
	runner    *script.Runner
	chain     *chain.Chain
	pool      *mempool.Pool
	filters   *filterindex.Index // nil: not kept
	indexes   indexes
	indexed   *broadcast     // fires when filters or indexes have moved
	book      *addrbook.Book // the owner's
	machine   *proto.Machine // the owner's
	net       *p2p.Net
	owner     *owner
	ledger    *ledger
	mining    *mining
	web       *services
	peers     *peersRPC
	unknown   unknownRules
	plain     plainAddrs
	asked     map[netip.AddrPort]bool // the owner's: of addconnection, whether to encrypt
	admission *admission
	names     *names
	bound     []netip.AddrPort // of Whitebind
	started   time.Time
	p2pAddr   netip.AddrPort
	// services are the bits that peers are told.
	services  wire.Services
	userAgent string

	ctx      context.Context // ends when the node is to stop
	cancel   context.CancelCauseFunc
	loops    sync.WaitGroup
	halted   chan struct{} // closed when owner and ledger no longer run
	done     chan struct{} // closed when everything is closed
	closeErr error
	abandon  bool
}

// Start opens the ledger, begins to listen and returns a node that runs until Stop is called, ctx ends or
// an error of our own stops it. If it returns an error, nothing is left running or open.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, clock: &clock{base: cfg.Now}, started: time.Now(), indexed: newBroadcast(), halted: make(chan struct{}), done: make(chan struct{})}
	n.stats = newStats(n.clock, cfg.FoundAt)
	n.ctx, n.cancel = context.WithCancelCause(ctx)
	steps := []func() error{n.openChain, n.openPool, n.openIndexes, n.openNetwork, n.openMining, n.openServices}
	for _, step := range steps {
		if err := step(); err != nil {
			n.cancel(err)
			n.release()
			return nil, err
		}
	}
	n.goLoops()
	return n, nil
}

func (n *Node) openChain() error {
	if err := n.openStore(); err != nil {
		return err
	}
	salt, err := randomBytes()
	if err != nil {
		return err
	}
	begin := time.Now()
	n.runner = &script.Runner{Verifier: script.NewVerifier(), Cache: script.NewCache(signatureCacheBytes, salt)}
	n.chain, err = chain.Open(n.ctx, chain.Config{
		Params: n.cfg.Params, Store: n.store, Now: n.clock.now,
		Monotonic: func() time.Duration { return time.Since(begin) },
		Verify:    n.runner,
		Workers:   n.cfg.Workers, CacheBytes: int(n.cfg.CacheBytes),
		Log: n.logOf(logValidation), Progress: n.cfg.Progress, Observe: bench{n.stats, n.talkOf(logBench)}, Reindex: n.cfg.Reindex,
		PruneTarget: n.cfg.pruneTarget(),
		Checked:     n.checked,
	})
	if err != nil {
		return err
	}
	return n.checkPruned()
}

// checked passes on what the chain tells of a block; while the node is being opened there is nobody to tell.
func (n *Node) checked(b *types.Block) {
	if n.ledger != nil {
		n.ledger.checked(b)
	}
}

func (n *Node) openStore() error {
	if n.cfg.DataDir == "" {
		n.store, n.indexKV = memdb.New(), memdb.NewKV()
		return nil
	}
	opt := badgerdb.Options{Log: n.cfg.Log, BlockFileBytes: n.cfg.blockFileBytes()}
	if n.keepsIndexes() && !n.cfg.Reindex {
		store, kv, err := badgerdb.OpenWithKV(n.cfg.DataDir, opt)
		if err == nil {
			n.store, n.indexKV = store, kv
		}
		return err
	}
	store, err := badgerdb.Open(n.cfg.DataDir, opt)
	if err != nil {
		return err
	}
	n.store = store
	if n.cfg.Reindex {
		if err := badgerdb.RemoveKV(n.cfg.DataDir); err != nil {
			return err
		}
	}
	if !n.keepsIndexes() {
		return nil
	}
	kv, err := badgerdb.OpenKV(n.cfg.DataDir, opt)
	if err != nil {
		return err
	}
	n.indexKV = kv
	return nil
}

func (n *Node) keepsFilters() bool {
	return (n.cfg.Params.BlockFilterIndex || n.cfg.FilterIndex) && !n.cfg.NoFilterIndex
}

func (n *Node) openPool() error {
	n.pool = mempool.New(mempool.Config{
		Params: n.cfg.Params, Verify: n.runner, MaxBytes: n.cfg.MempoolBytes,
		MinRelayFeeRate: n.cfg.MinRelayFee, AcceptNonStandard: n.cfg.AcceptNonStd,
	})
	n.ledger = newLedger(n.chain, n.pool, n.clock, n.logOf(logValidation))
	n.ledger.accepted, n.ledger.refused = n.talkOf(logMempool), n.talkOf(logMempoolRej)
	n.ledger.stats, n.ledger.tell, n.ledger.fail = n.stats, n.tell, n.fail
	n.ledger.confirmed = n.tellOffers
	n.ledger.out = func(proto.Event) {} // nobody listens yet
	n.loadMempool()
	return nil
}

func (n *Node) openNetwork() error {
	seed, err := randomBytes()
	if err != nil {
		return err
	}
	rng := mrand.New(mrand.NewChaCha8(seed))
	n.book = n.loadBook(seed, rng)
	n.owner = newOwner()
	n.asked = map[netip.AddrPort]bool{}
	if n.admission, err = n.newAdmission(); err != nil {
		return err
	}
	n.names = newNames(n)
	n.net = p2p.New(p2p.Config{
		Magic: n.cfg.Params.Magic, Transport: n.cfg.Transport, MaxConnections: n.cfg.MaxConnections,
		Codec: n.codec(), Emit: n.owner.emit, Log: n.logOf(logNet), Observe: n.stats, Admit: n.admission.admit,
	})
	if n.cfg.Listen != "" {
		if n.p2pAddr, err = n.net.Listen(n.cfg.Listen); err != nil {
			return err
		}
	}
	if err := n.listenFor(); err != nil {
		return err
	}
	n.machine, err = proto.New(n.protoConfig(rng))
	if err != nil {
		return err
	}
	n.owner.machine, n.owner.net, n.owner.ledger = n.machine, n.net, n.ledger
	n.owner.older, n.owner.names, n.owner.cmpct = n.dialsOlder, n.names, n.talkOf(logCmpctBlock)
	n.owner.clock, n.owner.stats, n.owner.tell, n.owner.filters = n.clock, n.stats, n.tell, n.serveFilters
	n.ledger.out = n.owner.verdict(n.halted)
	return nil
}

func (n *Node) protoConfig(rng *mrand.Rand) proto.Config {
	pc := proto.Config{
		Params: n.cfg.Params, Rand: rng, Chain: chainView{n.chain}, Pool: poolView{n.pool, n.clock}, Book: n.book,
		Services: n.offers(), Version: Version, Comment: n.cfg.UserAgent, Listen: n.p2pAddr,
		Limits: proto.DefaultLimits(), BlocksOnly: n.cfg.BlocksOnly, NoCompactBlocks: n.cfg.NoCompactBlocks, NetGroup: addrbook.Group,
	}
	pc.Pruned = n.cfg.Prune > 0
	pc.History = n.history
	pc.Limits.Inbound = max(n.cfg.MaxConnections-pc.Limits.Outbound-pc.Limits.BlockRelay-1, 1)
	n.services, n.userAgent = pc.Offered(), pc.UserAgent()
	pc.Anchors = n.book.Anchors()
	pc.Manual = append(append(pc.Manual, n.cfg.Connect...), n.cfg.AddNodes...)
	n.addNames(&pc)
	n.limitPeers(&pc)
	if n.cfg.connectOnly() {
		pc.Limits.Outbound, pc.Limits.BlockRelay, pc.Limits.Feelers = 0, 0, false
	}
	if n.cfg.Snappy {
		pc.TrickleScale = 0.02
	}
	return pc
}

func (n *Node) openMining() error {
	n.mining = &mining{
		params: n.cfg.Params, chain: n.chain, pool: n.pool, ledger: n.ledger, clock: n.clock, log: n.logOf(logMining), tell: n.tell,
		stats: n.stats, ready: n.synced, payTo: n.cfg.MineTo, threads: n.cfg.Threads, share: n.cfg.Share,
		interval: n.cfg.MineInterval, patience: minerPatience, stopped: n.halted, meter: miner.NewMeter(10 * time.Second),
	}
	// Two miners that pay the same script would otherwise search the same headers.
	start, err := randomBytes()
	if err != nil {
		return err
	}
	n.mining.extra.Store(binary.LittleEndian.Uint64(start[:]))
	if n.cfg.Params.Retarget != "none" {
		n.mining.interval = 0
	}
	return nil
}

// goLoops starts the loops that doc.go names. They end in the order of shutdown.
func (n *Node) goLoops() {
	core, stopCore := context.WithCancel(context.WithoutCancel(n.ctx))
	n.spawn(func() { n.owner.run(core) })
	n.spawn(func() { n.ledger.run(core) })
	n.followAll(core)
	if n.web.server != nil {
		n.spawn(func() { n.publishPool(core) })
	}
	n.spawn(func() { n.names.run(core) })
	for _, src := range n.cfg.Sources {
		n.spawn(func() { n.takeEndpoints(core, src) })
	}
	if n.cfg.Mine {
		if err := n.mining.set(n.ctx, true); err != nil {
			n.cfg.Log.Error("mining does not start", "err", err)
		}
	}
	go func() {
		<-n.ctx.Done()
		n.shutdown(stopCore)
		close(n.done)
	}()
}

func (n *Node) spawn(f func()) {
	n.loops.Add(1)
	go func() {
		defer n.loops.Done()
		f()
	}()
}

// shutdown ends what takes orders first, then the network, then the loops, and closes the ledger last.
func (n *Node) shutdown(stopCore context.CancelFunc) {
	if err := n.mining.set(context.Background(), false); err != nil {
		n.cfg.Log.Error("the miner did not stop", "err", err)
	}
	n.web.close()
	n.net.Close()
	stopCore()
	close(n.halted)
	n.loops.Wait()
	if !n.abandon {
		n.saveBook()
		if err := n.saveBans(); err != nil {
			n.cfg.Log.Error("the bans were not saved", "err", err)
		}
		if _, err := n.saveMempool(); err != nil {
			n.cfg.Log.Error("the mempool was not saved", "err", err)
		}
	}
	n.closeErr = n.release()
}

// release closes whatever is open of files and sockets, and returns the first error or what stopped the node.
func (n *Node) release() error {
	var errs []error
	if n.web != nil {
		n.web.close()
	}
	if n.net != nil {
		n.net.Close()
	}
	if cause := context.Cause(n.ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		errs = append(errs, cause)
	}
	errs = append(errs, n.closeIndexes())
	switch {
	case n.chain != nil && n.abandon:
		errs = append(errs, n.chain.Abandon())
	case n.chain != nil:
		errs = append(errs, n.chain.Close())
	case n.store != nil:
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}

// Stop begins the shutdown and returns at once.
func (n *Node) Stop() { n.cancel(context.Canceled) }

// Done is closed when the node has ended.
func (n *Node) Done() <-chan struct{} { return n.done }

// Close stops the node, waits until everything is on disk and closed, and returns what went wrong: then, or
// what stopped the node before.
func (n *Node) Close() error {
	n.Stop()
	<-n.done
	return n.closeErr
}

// Kill ends the node without any of the care of a shutdown: coins that were not flushed, mempool and
// address book are lost, as they would be with SIGKILL.
func (n *Node) Kill() error {
	n.abandon = true
	return n.Close()
}

// fail stops the node for an error of our own.
func (n *Node) fail(err error) {
	n.cfg.Log.Error("the node stops: its own storage or code failed, no block is to blame", "err", err)
	n.tell(Happening{At: n.clock.now(), Kind: "fatal", Detail: err.Error()})
	n.cancel(fmt.Errorf("the node stopped itself: %w", err))
}

func (n *Node) tell(h Happening) {
	n.publish(h)
	if n.cfg.OnEvent != nil {
		n.cfg.OnEvent(h)
	}
}

// do runs f in the ledger's goroutine, after all that was submitted, and waits for it.
func (n *Node) do(ctx context.Context, f func() error) error { return n.ledger.do(ctx, n.halted, f) }

// doFirst is do before all transactions that wait.
func (n *Node) doFirst(ctx context.Context, f func() error) error {
	return n.ledger.doFirst(ctx, n.halted, f)
}

// synced tells whether no headers of more work than the tip's are known.
func (n *Node) synced() bool {
	return n.chain.BestHeader().Work().Cmp(n.chain.Tip().Work()) <= 0
}

func randomBytes() (b [32]byte, err error) {
	_, err = rand.Read(b[:])
	return b, err
}

// OpenChain opens the chain of a data directory whose node does not run, for tools that work on it alone. The
// chain's Close ends the use of the directory.
func OpenChain(ctx context.Context, cfg Config) (*chain.Chain, error) {
	cfg.NoFilterIndex, cfg.TxIndex, cfg.SpentIndex, cfg.ScriptHashIndex = true, false, false, false
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, clock: &clock{base: cfg.Now}}
	n.stats = newStats(n.clock, nil)
	n.ctx, n.cancel = context.WithCancelCause(ctx)
	if err := n.openChain(); err != nil {
		n.cancel(err)
		n.release()
		return nil, err
	}
	return n.chain, nil
}
