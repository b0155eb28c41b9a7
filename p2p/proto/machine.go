package proto

import (
	"cmp"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// idleTick is how far ahead NextTick lies if nothing is due.
const idleTick = time.Hour

// Machine is the protocol. It belongs to one goroutine: none of its methods may run at the same time
// as another.
type Machine struct {
	cfg   Config
	now   time.Time     // of all timers; it never goes back
	ahead time.Duration // how much further now is than the clock, since that was set back
	out   []Effect
	key   salted.Key

	dropped int // connections that we have ended, ever

	peers map[PeerID]*peer
	order []*peer // all of peers, by id

	tip     consensus.Ancestry // as of the last TipChanged
	tipAt   time.Time          // when that was
	settled bool               // we were once near the present; see settle

	heads    headerSync
	blocks   blockSync
	txs      txState
	relay    relayState
	compact  compactState
	addrs    addrState
	outbound outboundState
	disliked *salted.Rolling // net addresses, by addrKey
	upload   uploadState

	quick quickWork
}

// peer is one connection and all that is remembered for it.
type peer struct {
	id      PeerID
	kind    ConnKind
	addr    addrPort
	group   string
	local   bool
	perm    Permissions
	since   time.Time
	closing bool // Disconnect was said; only Gone is awaited, and nothing is remembered

	hs      handshake
	ping    pingState
	sync    peerHeaders
	dl      peerBlocks
	compact peerCompact
	inv     peerRelay
	gossip
	serve peerServe
	bloom peerBloom

	lastBlock, lastTx time.Time // when it last gave us one that was new and good
}

// ready tells whether the handshake is done and the connection is not being closed.
func (p *peer) ready() bool { return p.hs.done && !p.closing }

// trusted peers are never discouraged.
func (p *peer) trusted() bool { return p.local || p.kind == Manual }

// New returns a machine with no peers. An error means that cfg lacks something.
func New(cfg Config) (*Machine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.fill()
	m := &Machine{cfg: cfg, peers: map[PeerID]*peer{}, tip: cfg.Chain.Tip()}
	m.key = salted.Key{cfg.Rand.Uint64(), cfg.Rand.Uint64()}
	m.disliked = salted.NewRolling(maxDiscouraged, m.key)
	m.blocks.init()
	m.txs.init(m.key)
	m.outbound.init(&cfg)
	return m, nil
}

// Step tells the machine that ev happened at now and returns what is to be done, in this order. It
// never fails and never blocks. A now before that of an earlier Step says that the clock was set back: timers go on from
// where they are.
func (m *Machine) Step(now time.Time, ev Event) []Effect {
	if h, ok := ev.(Hurry); ok && h.By > 0 {
		m.ahead += h.By
	}
	if now = now.Add(m.ahead); now.Before(m.now) {
		m.ahead += m.now.Sub(now)
		now = m.now
	}
	m.now = now
	m.start()
	m.countUpload()
	m.out = nil
	m.handle(ev)
	m.work(ev)
	out := m.out
	m.out = nil
	return out
}

// clock is the time that others are told and that blocks and addresses are compared with.
func (m *Machine) clock() time.Time { return m.now.Add(-m.ahead) }

// unix is the clock in seconds since 1970.
func (m *Machine) unix() int64 { return m.clock().Unix() }

// start arms what counts from the first Step.
func (m *Machine) start() {
	if m.tipAt.IsZero() {
		m.tipAt = m.now
		m.outbound.start(m)
	}
}

// NextTick is when the next Tick is due: the earliest of all deadlines, always after the last Step's
// time. Before the first Step it is the zero time, which means at once. It changes with every Step.
func (m *Machine) NextTick() time.Time {
	if m.tipAt.IsZero() {
		return time.Time{}
	}
	var e earliest
	e.add(m.now.Add(idleTick))
	e.add(m.txs.tracker.Next())
	m.outboundDeadlines(&e)
	e.add(m.quick.first)
	return e.at.Add(-m.ahead)
}

func (m *Machine) peerDeadlines(p *peer, e *earliest) {
	if !p.hs.done {
		e.add(p.hs.deadline)
		return
	}
	e.add(p.ping.deadline())
	m.headerDeadlines(p, e)
	m.blockDeadlines(p, e)
	m.relayDeadlines(p, e)
	m.gossipDeadlines(p, e)
}

// earliest collects the first of some times; zero times are none.
type earliest struct{ at time.Time }

func (e *earliest) add(t time.Time) {
	if !t.IsZero() && (e.at.IsZero() || t.Before(e.at)) {
		e.at = t
	}
}

// due tells whether a deadline, if it is set, has come.
func (m *Machine) due(t time.Time) bool { return !t.IsZero() && !m.now.Before(t) }

// handle changes state by one event. What follows from the state alone is left to work.
func (m *Machine) handle(ev Event) {
	switch e := ev.(type) {
	case Connected:
		m.connected(e)
	case DialFailed:
		m.dialFailed(e)
	case Message:
		if p := m.live(e.Peer); p != nil {
			m.message(p, e.Msg)
		}
	case Malformed:
		if p := m.live(e.Peer); p != nil {
			m.drop(p, "malformed message", errText(e.Err))
		}
	case Gone:
		m.gone(e.Peer)
	case Tick:
	case TipChanged:
		m.tipChanged(e.Connected)
	case HeadersVerdict:
		m.headersVerdict(e)
		m.takeHeld()
	case BlockChecked:
		m.blockChecked(e.Block)
	case BlockVerdict:
		m.blockVerdict(e)
	case TxVerdict:
		m.txVerdict(e)
	case PackageVerdict:
		m.packageVerdict(e)
	default:
		m.wish(ev)
	}
}

// wish handles what people ask for.
func (m *Machine) wish(ev Event) {
	switch e := ev.(type) {
	case Broadcast:
		m.broadcast(e)
	case Offer:
		m.offer(e)
	case Redial:
		m.redial()
	case AddManual:
		m.addManual(e.Addr, e.Once)
	case RemoveManual:
		m.outbound.removeManual(e.Addr)
	case PingAll:
		for _, p := range m.order {
			if p.ready() && p.ping.nonce == 0 {
				p.ping.next = m.now
			}
		}
	case Seed:
		m.outbound.addSeed(e.Addr, m.now)
	case Connect:
		if m.MayConnect(e.Kind) && e.Addr.IsValid() {
			m.dial(e.Addr, e.Kind)
		}
	case FetchBlock:
		m.fetchBlock(e.Peer, e.Hash)
	case DropPeer:
		if p := m.live(e.Peer); p != nil {
			m.drop(p, "asked for", "")
		}
	}
}

// work does what state and time call for after ev.
func (m *Machine) work(ev Event) {
	m.settle()
	p, all := m.workPeers(ev)
	m.endInboundTrickle()
	m.requestTxs()
	m.dialOut()
	m.noteWork(p, all)
}

func (m *Machine) workPeer(p *peer) {
	if !p.hs.done {
		if m.due(p.hs.deadline) {
			m.drop(p, "handshake timeout", "")
		}
		return
	}
	for _, chore := range chores {
		if chore(m, p); p.closing {
			return
		}
	}
}

// chores are what is done for every ready peer in every step, in this order; quick.go leaves out those peers for whom there is
// nothing to do. Each returns at once if there is nothing to do. What a chore depends on beside its peer and the time is listed there.
var chores = [...]func(*Machine, *peer){
	(*Machine).keepAlive, (*Machine).syncHeaders, (*Machine).judgeChainSync, (*Machine).serveMore, (*Machine).trickle,
	(*Machine).tellFeeFilter, (*Machine).gossipMore, (*Machine).watchBlocks, (*Machine).requestBlocks, (*Machine).requestHistory,
}

// live returns the peer if it is known and not being closed.
func (m *Machine) live(id PeerID) *peer {
	if p := m.peers[id]; p != nil && !p.closing {
		return p
	}
	return nil
}

func (m *Machine) emit(e Effect) { m.out = append(m.out, e) }

func (m *Machine) send(p *peer, msg wire.Message) {
	if !p.closing {
		m.emit(Send{Peer: p.id, Msg: msg})
	}
}

// connected admits a new connection, evicting another if need be.
func (m *Machine) connected(e Connected) {
	if m.peers[e.Peer] != nil || e.Peer == 0 {
		return // an id used twice: the plumbing's fault, and the first keeps it
	}
	p := &peer{id: e.Peer, kind: e.Kind, addr: e.Addr, group: e.NetGroup, local: e.Local, perm: m.granted(e), since: m.now}
	i, _ := slices.BinarySearchFunc(m.order, e.Peer, func(p *peer, id PeerID) int { return cmp.Compare(p.id, id) })
	m.order = slices.Insert(m.order, i, p)
	m.peers[e.Peer] = p
	m.relay.hastened = false
	m.startGossip(p)
	if p.kind == Inbound {
		if !m.admitInbound(p) {
			return
		}
	} else {
		m.dialled(p)
	}
	m.beginHandshake(p)
}

// gone forgets a connection.
func (m *Machine) gone(id PeerID) {
	p := m.peers[id]
	if p == nil {
		return
	}
	if !p.closing {
		m.release(p)
	}
	delete(m.peers, id)
	i := slices.Index(m.order, p)
	m.order = slices.Delete(m.order, i, i+1)
	m.manualGone(p)
}

// release gives back all that is held for a peer.
func (m *Machine) release(p *peer) {
	p.closing = true
	if p.hs.done && p.hs.wtxid {
		m.relay.byWitnessID--
	}
	m.releaseBlocks(p)
	m.releaseCompact(p)
	m.txs.release(p.id)
	p.sync, p.inv, p.serve, p.gossip, p.bloom = peerHeaders{}, peerRelay{}, peerServe{}, gossip{}, peerBloom{}
}

// settle notes when the node first was near the present: its tip is younger than a day, or it is the
// tip of the best header chain that a peer told us of to its end. From then on transactions are
// asked for and blocks announced; Bitcoin Core calls the time before it initial block download.
func (m *Machine) settle() {
	if m.settled {
		return
	}
	tip := m.cfg.Chain.Tip()
	if tip.Work().Cmp(m.cfg.Params.MinimumWork) < 0 {
		return
	}
	defer func() {
		if m.settled {
			m.hastenFeeFilter()
		}
	}()
	recent := m.unix()-int64(tip.Header().Time) < int64(m.cfg.MaxTipAge/time.Second)
	m.settled = recent || (m.heads.completed && m.cfg.Chain.BestHeader().Hash() == tip.Hash())
}

// Settled tells whether the node ever was near the present, the opposite of what Bitcoin Core calls
// initialblockdownload.
func (m *Machine) Settled() bool { return m.settled }

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// lookup finds a header that is in the tree.
func (m *Machine) lookup(h types.Hash) (Entry, bool) { return m.cfg.Chain.Lookup(h) }
