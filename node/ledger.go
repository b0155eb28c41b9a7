package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/types"
)

// Bounds of what may wait for the ledger. When either is passed the owner stops reading from peers, so
// TCP pushes back on them; what was already taken is still done.
const (
	maxJobs     = 4096
	maxJobBytes = 64 << 20
)

// errStopped answers whoever asks something of a node that is going down.
var errStopped = errors.New("the node is shutting down")

// job is one piece of work for the ledger, with the bytes that it holds in memory while it waits. The dear part of it, if there is
// one that needs not be done in order, is ahead (ahead.go).
type job struct {
	run   func()
	bytes int
	ahead func()
	state aheadState
}

// ledger is the one goroutine that changes the chain and the mempool. Blocks, headers and transactions
// reach it as jobs; what came of them goes to out as events. Because nobody else changes
// either, the pool is never judged against a tip that has moved on.
//
// There are two queues, each in order. Blocks and headers, and what miners wait for, go first: they had to be
// worked for, whereas anybody can fill the other queue with transactions that take a tenth of a second each to refuse.
type ledger struct {
	chain *chain.Chain
	pool  *mempool.Pool
	clock *clock
	log   *slog.Logger
	out   func(proto.Event)
	tell  func(Happening)
	fail  func(error)
	// confirmed is told when a snapshot turned out to be right.
	confirmed func()
	stats     *stats
	// accepted and refused have the lines of single transactions.
	accepted, refused *p2p.TalkLog
	fees              *teacher
	seenAt            chain.Position // the tip that the pool has followed to

	mu     sync.Mutex
	urgent []*job
	queue  []*job // is looked at when urgent is empty
	bytes  int    // of both
	bell   chan struct{}
	helpers
}

func newLedger(c *chain.Chain, p *mempool.Pool, ck *clock, log *slog.Logger) *ledger {
	tip := c.Tip()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &ledger{
		chain: c, pool: p, clock: ck, log: log, accepted: p2p.NewTalkLog(log), refused: p2p.NewTalkLog(log), fees: newTeacher(p, tip.Height()),
		seenAt:  chain.Position{Hash: tip.Hash(), Height: tip.Height()},
		bell:    make(chan struct{}, 1),
		helpers: newHelpers(),
	}
}

// submit puts a job at the end of the queue. It never blocks; full tells when to stop.
func (l *ledger) submit(bytes int, run func()) { l.push(&l.queue, &job{run: run, bytes: bytes}) }

// submitFirst puts a job before all that came by submit.
func (l *ledger) submitFirst(bytes int, run func()) { l.push(&l.urgent, &job{run: run, bytes: bytes}) }

func (l *ledger) push(queue *[]*job, j *job) {
	l.mu.Lock()
	*queue = append(*queue, j)
	l.bytes += j.bytes
	l.help()
	l.mu.Unlock()
	ring(l.bell)
}

// full tells whether so much is waiting that nothing more should be read from peers.
func (l *ledger) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.urgent)+len(l.queue) >= maxJobs || l.bytes >= maxJobBytes
}

// waiting is how many jobs are in the queues.
func (l *ledger) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.urgent) + len(l.queue)
}

// next takes the job that is to be done now. There is none while the first of the queue is in the hands of a helper; it will ring.
func (l *ledger) next() (*job, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := &l.urgent
	if l.first = len(*from) > 0; !l.first {
		from = &l.queue
	}
	if len(*from) == 0 || (*from)[0].state == inHand {
		return nil, false
	}
	j := (*from)[0]
	(*from)[0] = nil
	if *from = (*from)[1:]; len(*from) == 0 {
		*from = nil
	}
	l.bytes -= j.bytes
	if !l.first {
		l.seen = max(l.seen-1, 0)
		l.help()
	}
	return j, true
}

// flushEvery is how often the coins in memory go to disk, so that a start after a crash has little to do again.
const flushEvery = 5 * time.Minute

// run works until ctx ends. A job that has begun is finished.
func (l *ledger) run(ctx context.Context) {
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	defer l.dismiss()
	for {
		select {
		case <-ctx.Done():
			return
		case <-flush.C:
			if err := l.chain.Flush(); err != nil {
				l.fail(err)
			}
		case <-l.bell:
		}
		for ctx.Err() == nil {
			j, ok := l.next()
			if !ok {
				break
			}
			j.run()
		}
	}
}

// do runs f in the ledger's goroutine, after all that was submitted, and waits for it.
func (l *ledger) do(ctx context.Context, stopped <-chan struct{}, f func() error) error {
	return l.await(ctx, stopped, l.submit, f)
}

// doFirst is do before all transactions that wait.
func (l *ledger) doFirst(ctx context.Context, stopped <-chan struct{}, f func() error) error {
	return l.await(ctx, stopped, l.submitFirst, f)
}

func (l *ledger) await(ctx context.Context, stopped <-chan struct{}, submit func(int, func()), f func() error) error {
	done := make(chan error, 1)
	submit(0, func() { done <- f() })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-stopped:
		return errStopped
	}
}

// addHeaders stores headers and reports.
func (l *ledger) addHeaders(peer proto.PeerID, hs []types.Header) error {
	accepted, err := l.chain.AddHeaders(hs)
	l.check(err)
	l.out(proto.HeadersVerdict{Peer: peer, Headers: hs, Accepted: accepted, Err: err})
	return err
}

// addBlock gives a block to the chain, lets the mempool follow, and reports.
func (l *ledger) addBlock(peer proto.PeerID, b *types.Block) (known bool, err error) {
	before := l.chain.Tip()
	_, assumed := l.chain.Assumed()
	known, err = l.chain.AddBlock(b)
	l.check(err)
	if _, still := l.chain.Assumed(); assumed && !still {
		l.confirmed()
	}
	l.out(proto.BlockVerdict{Peer: peer, Hash: b.Hash(), Known: known, Err: err})
	if after := l.chain.Tip(); after.Hash() != before.Hash() {
		if peer != 0 {
			l.stats.tip(after)
		}
		l.follow(before, after)
	}
	return known, err
}

// checked tells of a block that is worth to be announced, before it is judged to the end.
func (l *ledger) checked(b *types.Block) { l.out(proto.BlockChecked{Block: b}) }

// check ends the node for errors that are our own: what a rule says of data is for the machine.
func (l *ledger) check(err error) {
	if err != nil && consensus.KindOf(err) == "" {
		l.fail(err)
	}
}

// steered is to be called after anything else that may have moved the tip.
func (l *ledger) steered(before *chain.Node) {
	if after := l.chain.Tip(); after.Hash() != before.Hash() {
		l.follow(before, after)
	}
}

// follow brings the mempool to the chain's tip, gives back what a reorganization took off, and tells
// everyone.
func (l *ledger) follow(before, after *chain.Node) {
	m := l.updates()
	back := l.giveBack(m.returned)
	if m.off > 0 { // what only follows its chain loses nothing: heights and median times rise
		l.pool.RemoveInvalid(l.chain.Tip(), l.clock.now())
	}
	l.fees.catchUp(false, after.Height())
	l.out(proto.TipChanged{Connected: m.connected})
	l.remind()
	l.logTip(after)
	kind := "tip"
	if m.off > 0 {
		kind = "reorg"
		l.stats.reorganized(m.off, m.on, back)
		l.log.Info("reorganization", "off", m.off, "on", m.on, "returned", back, "tip", after.Hash(), "height", after.Height())
	}
	l.tell(Happening{At: l.clock.now(), Kind: kind, Hash: after.Hash(), Height: after.Height(), Off: m.off, On: m.on, Returned: back})
}

// logTip writes a line for every new tip, but while the node catches up only for every thousandth.
func (l *ledger) logTip(n *chain.Node) {
	h := n.Header()
	if n.Height()%1000 == 0 || l.clock.now().Unix()-int64(h.Time) < 3600 {
		l.log.Info("new tip", "height", n.Height(), "block", n.Hash(), "txs", n.TxCount(), "time", unix(h.Time).UTC())
	}
}

// maxTold is how many of the blocks that a change of tip connected the machine is told of: it wants them for
// what it still asks peers for, and that is never in blocks of long ago. maxReturned bounds the bytes of the transactions that are
// kept for the pool while blocks are taken off.
const (
	maxTold     = 16
	maxReturned = 20_000_000
)

// moved is what a change of the tip came to.
type moved struct {
	off, on   int
	connected []*types.Block // the last of those put on
	returned  []*types.Tx    // of those taken off, parents before children
	bytes     int            // of returned
}

// updates applies to the pool what the chain did since it last looked.
func (l *ledger) updates() (m moved) {
	for {
		updates, err := l.chain.UpdatesSince(l.seenAt, 16)
		if err != nil {
			l.fail(err)
			return m
		}
		if len(updates) == 0 {
			return m
		}
		for i := range updates {
			l.seenAt = chain.After(&updates[i])
			if updates[i].Connected {
				l.fees.block(updates[i].Block, l.seenAt.Height)
				l.pool.Apply(updates[i], l.clock.now())
				m.connect(updates[i].Block)
				continue
			}
			m.disconnect(l.pool.Revert(updates[i]))
		}
	}
}

func (m *moved) connect(b *types.Block) {
	m.on++
	if m.connected = append(m.connected, b); len(m.connected) > maxTold {
		m.connected = m.connected[1:]
	}
}

// disconnect puts the transactions of a block before those of the blocks that were above it. What is too much is let go
// from the end, where nothing depends on it.
func (m *moved) disconnect(txs []*types.Tx) {
	m.off++
	for _, tx := range txs {
		m.bytes += tx.Size()
	}
	m.returned = append(txs, m.returned...)
	for m.bytes > maxReturned {
		last := len(m.returned) - 1
		m.bytes -= m.returned[last].Size()
		m.returned = m.returned[:last]
	}
}

// giveBack offers transactions of blocks that were taken off to the pool again and counts those that it took. They are
// announced: the nodes of the other branch may never have heard of them.
func (l *ledger) giveBack(txs []*types.Tx) (taken int) {
	for _, tx := range txs {
		if _, err := l.accept(tx, mempool.AddOptions{Returned: true}); err == nil {
			taken++
			l.out(proto.Broadcast{ID: tx.ID(), WitnessID: tx.WitnessID()})
		}
	}
	return taken
}

// remind announces again what was submitted here and no peer has asked for: there may have been no peer then, or
// none that took it. Each new tip is the occasion.
func (l *ledger) remind() {
	for _, tx := range l.pool.LocalTxs() {
		l.out(proto.Broadcast{ID: tx.ID(), WitnessID: tx.WitnessID()})
	}
}

// accept fetches the coins that a transaction needs and offers it to the pool.
func (l *ledger) accept(tx *types.Tx, opt mempool.AddOptions) (mempool.Result, error) {
	coins, err := l.chain.Coins(l.pool.Needs(tx))
	if err != nil {
		l.fail(err)
		return mempool.Result{}, err
	}
	return l.pool.Add(tx, coins, l.chain.Tip(), l.clock.now(), opt)
}

// addTx offers a peer's transaction (peer 0: our own) to the pool and reports.
func (l *ledger) addTx(peer proto.PeerID, tx *types.Tx, opt mempool.AddOptions) (mempool.Result, error) {
	res, err := l.accept(tx, opt)
	if peer == 0 && err != nil {
		return res, err // what a person wanted and did not get says nothing to peers
	}
	v := txVerdict(peer, tx, err)
	v.FeeRate, v.Removed = res.FeeRate, l.pool.TakeRemoved()
	l.tellTx(peer, tx, res, err)
	l.out(v)
	return res, err
}

// ring rings a bell of capacity 1.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
