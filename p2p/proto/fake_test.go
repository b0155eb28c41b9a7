package proto

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// testParams is regtest with a short spacing and a genesis not long before testStart.
func testParams() *consensus.Params {
	p := consensus.Regtest()
	p.TargetSpacing = 60
	g := &types.Block{Header: p.Genesis.Header, Txs: p.Genesis.Txs}
	g.Header.Time = uint32(testStart.Add(-time.Hour).Unix())
	consensustest.Solve(g)
	p.Genesis = g
	return p
}

var (
	testStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	testNet   = testParams()
	rootNode  = consensustest.NewNode(nil, testNet.Genesis)
)

// block makes a solved block on parent; salt tells siblings apart.
func block(parent *consensustest.Node, salt uint64, txs ...*types.Tx) *consensustest.Node {
	coinbase := &types.Tx{
		Version: 2,
		In: []types.TxIn{{
			PrevOut: types.NullOutPoint, Sequence: 0xffffffff,
			ScriptSig: consensus.CoinbaseScript(parent.Height()+1, fmt.Appendf(nil, "%d", salt)),
		}},
		Out: []types.TxOut{{Value: 1, Script: []byte{0x51}}},
	}
	b := &types.Block{Txs: append([]*types.Tx{coinbase}, txs...)}
	ids := make([]types.Hash, len(b.Txs))
	for i, tx := range b.Txs {
		ids[i] = tx.ID()
	}
	root, _ := merkle.Root(ids)
	h := parent.Header()
	b.Header = types.Header{Version: 4, PrevHash: parent.Hash(), MerkleRoot: root, Time: h.Time + 60, Bits: h.Bits}
	consensustest.Solve(b)
	return consensustest.NewNode(parent, b)
}

// blockAt makes a block whose time lies so far after its parent's.
func blockAt(parent *consensustest.Node, after time.Duration) *consensustest.Node {
	b := block(parent, 0).Block
	b.Header.Time = parent.Header().Time + uint32(after/time.Second)
	b = &types.Block{Header: b.Header, Txs: b.Txs}
	consensustest.Solve(b)
	return consensustest.NewNode(parent, b)
}

// branch makes n blocks on parent.
func branch(parent *consensustest.Node, n int, salt uint64) []*consensustest.Node {
	out := make([]*consensustest.Node, n)
	for i := range out {
		parent = block(parent, salt)
		out[i] = parent
	}
	return out
}

func headersOf(nodes []*consensustest.Node) []types.Header {
	out := make([]types.Header, len(nodes))
	for i, n := range nodes {
		out[i] = n.Header()
	}
	return out
}

// fakeChain is a chain that believes every block, but for those in bad.
type fakeChain struct {
	nodes    map[types.Hash]*consensustest.Node
	have     map[types.Hash]bool
	invalid  map[types.Hash]bool
	whole    map[types.Hash]bool // stored with all ancestors
	children map[types.Hash][]*consensustest.Node
	bad      map[types.Hash]error // what AddBlock says of it
	tip      *consensustest.Node
	best     *consensustest.Node
}

func newFakeChain() *fakeChain {
	return &fakeChain{
		nodes: map[types.Hash]*consensustest.Node{rootNode.Hash(): rootNode},
		have:  map[types.Hash]bool{rootNode.Hash(): true},
		whole: map[types.Hash]bool{rootNode.Hash(): true}, children: map[types.Hash][]*consensustest.Node{},
		invalid: map[types.Hash]bool{}, bad: map[types.Hash]error{}, tip: rootNode, best: rootNode,
	}
}

func (c *fakeChain) Tip() consensus.Ancestry        { return c.tip }
func (c *fakeChain) BestHeader() consensus.Ancestry { return c.best }

func (c *fakeChain) Lookup(h types.Hash) (Entry, bool) {
	n := c.nodes[h]
	if n == nil {
		return Entry{}, false
	}
	e := Entry{Ancestry: n, HaveBlock: c.have[h], Invalid: c.invalid[h]}
	if e.HaveBlock {
		e.Txs = len(n.Block.Txs)
	}
	return e, true
}

func (c *fakeChain) addHeaders(hs []types.Header) (int, error) {
	for i := range hs {
		h := hs[i].Hash()
		if c.nodes[h] != nil {
			continue
		}
		parent := c.nodes[hs[i].PrevHash]
		if parent == nil {
			return i, consensus.Reject(consensus.PrevBlkNotFound, "")
		}
		if c.invalid[parent.Hash()] {
			return i, consensus.Reject(consensus.BadPrevBlk, "")
		}
		n := consensustest.NewNode(parent, &types.Block{Header: hs[i]})
		c.nodes[h] = n
		c.children[parent.Hash()] = append(c.children[parent.Hash()], n)
		if n.Work().Cmp(c.best.Work()) > 0 {
			c.best = n
		}
	}
	return len(hs), nil
}

func (c *fakeChain) addBlock(b *types.Block) (known bool, err error) {
	if err := c.bad[b.Hash()]; err != nil {
		if isRule(err) && !mutated(err) {
			c.invalid[b.Hash()] = true
		}
		return false, err
	}
	ids := make([]types.Hash, len(b.Txs))
	for i, tx := range b.Txs {
		ids[i] = tx.ID()
	}
	if root, mut := merkle.Root(ids); root != b.Header.MerkleRoot || mut {
		return false, consensus.Reject(consensus.BadMerkleRoot, "")
	}
	if _, err := c.addHeaders([]types.Header{b.Header}); err != nil {
		return false, err
	}
	known = c.have[b.Hash()]
	n := c.nodes[b.Hash()]
	n.Block = b
	c.have[b.Hash()] = true
	c.connect(n)
	return known, nil
}

// connect marks n and its stored descendants as connected, if its parent is, and moves the tip to the one with
// the most work.
func (c *fakeChain) connect(n *consensustest.Node) {
	if !c.whole[n.Parent.Hash()] {
		return
	}
	for todo := []*consensustest.Node{n}; len(todo) > 0; {
		n, todo = todo[0], todo[1:]
		if h := n.Hash(); c.have[h] && !c.invalid[h] {
			c.whole[h] = true
			if n.Work().Cmp(c.tip.Work()) > 0 {
				c.tip = n
			}
			todo = append(todo, c.children[h]...)
		}
	}
}

// adopt stores blocks as if they came from elsewhere.
func (c *fakeChain) adopt(nodes ...*consensustest.Node) {
	for _, n := range nodes {
		if _, err := c.addBlock(n.Block); err != nil {
			panic(err)
		}
	}
}

// fakePool takes every transaction whose parents are in it or are coinbases, but for those in bad.
type fakePool struct {
	txs      map[types.Hash]*types.Tx // by both ids
	ids      []types.Hash             // in the order of coming
	outs     map[types.Hash]bool      // confirmed transactions
	bad      map[types.Hash]error     // by witness id
	poor     map[types.Hash]bool      // by witness id: taken with a child only
	feeFloor int64
	rate     int64
}

func newFakePool() *fakePool {
	return &fakePool{txs: map[types.Hash]*types.Tx{}, outs: map[types.Hash]bool{}, bad: map[types.Hash]error{}, poor: map[types.Hash]bool{}, rate: 5000}
}

func (p *fakePool) Have(h types.Hash) bool { return p.txs[h] != nil }
func (p *fakePool) FeeFloor() int64        { return p.feeFloor }
func (p *fakePool) Get(h types.Hash) (*types.Tx, int64, bool) {
	tx := p.txs[h]
	return tx, p.rate, tx != nil
}

func (p *fakePool) IDs() []types.Hash { return p.ids }

func (p *fakePool) WitnessIDs(from int, buf []types.Hash) (n int) {
	for n < len(buf) && from+n < len(p.ids) {
		buf[n] = p.txs[p.ids[from+n]].WitnessID()
		n++
	}
	return n
}

func (p *fakePool) drop(tx *types.Tx) {
	delete(p.txs, tx.ID())
	delete(p.txs, tx.WitnessID())
	p.ids = slices.DeleteFunc(p.ids, func(h types.Hash) bool { return h == tx.ID() })
}

func (p *fakePool) put(tx *types.Tx) {
	p.txs[tx.ID()], p.txs[tx.WitnessID()] = tx, tx
	p.ids = append(p.ids, tx.ID())
}

// missing names the parents that are not known.
func (p *fakePool) missing(tx *types.Tx) (missing []types.Hash, err error) {
	if err := p.bad[tx.WitnessID()]; err != nil {
		return nil, err
	}
	for _, in := range tx.In {
		if p.txs[in.PrevOut.TxID] == nil && !p.outs[in.PrevOut.TxID] {
			missing = append(missing, in.PrevOut.TxID)
		}
	}
	if missing != nil {
		return missing, consensus.Reject(consensus.MissingInputs, "")
	}
	return nil, nil
}

// judge takes a transaction that is not poor.
func (p *fakePool) judge(peer PeerID, tx *types.Tx) TxVerdict {
	missing, err := p.missing(tx)
	if err == nil && p.poor[tx.WitnessID()] {
		return TxVerdict{Peer: peer, Tx: tx, Err: consensus.Reject(consensus.MempoolMinFeeNotMet, ""), Reconsider: true}
	}
	if err == nil {
		p.put(tx)
	}
	return TxVerdict{Peer: peer, Tx: tx, FeeRate: p.rate, MissingParents: missing, Err: err}
}

// judgePackage takes a poor parent with a child that is neither poor nor bad.
func (p *fakePool) judgePackage(peer PeerID, txs []*types.Tx) PackageVerdict {
	v := PackageVerdict{Peer: peer, Txs: txs}
	parent, child := txs[0], txs[1]
	missing, err := p.missing(child)
	switch {
	case len(missing) > 1: // and not the parent alone
		v.Err = err
		v.Results = []TxVerdict{{Peer: peer, Tx: child, Err: err, MissingParents: missing}}
	case len(missing) == 0 && err != nil:
		v.Err = err
		v.Results = []TxVerdict{{Peer: peer, Tx: child, Err: v.Err}}
	case p.poor[child.WitnessID()]:
		v.Err = consensus.Reject(consensus.MempoolMinFeeNotMet, "")
		v.Results = []TxVerdict{{Peer: peer, Tx: child, Err: v.Err, Reconsider: true}}
	default:
		p.put(parent)
		v.Results = []TxVerdict{{Peer: peer, Tx: parent, FeeRate: 1}, p.judge(peer, child)}
		v.Err = v.Results[1].Err
	}
	return v
}

// fakeBook hands out its addresses in turn.
type fakeBook struct {
	addrs []netip.AddrPort
	next  int
	good  []netip.AddrPort
	added int
}

func (b *fakeBook) Add(_ time.Time, addrs []wire.TimedAddr, _ netip.AddrPort) {
	for _, a := range addrs {
		b.addrs = append(b.addrs, a.Addr)
	}
	b.added += len(addrs)
}

func (b *fakeBook) Select(_ time.Time, _ bool, skip func(netip.AddrPort) bool) (netip.AddrPort, bool) {
	for range b.addrs {
		a := b.addrs[b.next%len(b.addrs)]
		b.next++
		if !skip(a) {
			return a, true
		}
	}
	return netip.AddrPort{}, false
}

func (b *fakeBook) Attempt(time.Time, netip.AddrPort) {}
func (b *fakeBook) Good(_ time.Time, a netip.AddrPort, _ wire.Services) {
	b.good = append(b.good, a)
}

func (b *fakeBook) Sample(now time.Time, n int) (out []wire.TimedAddr) {
	for _, a := range b.addrs[:min(n, len(b.addrs))] {
		out = append(out, wire.TimedAddr{Time: uint32(now.Unix()), NetAddr: wire.NetAddr{Services: wire.NodeNetwork, Addr: a}})
	}
	return out
}

// rig is one machine and the fakes around it. Every step is followed by the sanity check.
type rig struct {
	t     testing.TB
	m     *Machine
	chain *fakeChain
	pool  *fakePool
	book  *fakeBook
	now   time.Time
	auto  bool // what is submitted is judged at once
	all   []Effect
}

func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	return newRigAt(t, testStart, change)
}

// newRigAt begins at another time: late, for a network that was asleep.
func newRigAt(t testing.TB, now time.Time, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, chain: newFakeChain(), pool: newFakePool(), book: &fakeBook{}, now: now}
	cfg := Config{
		Params: testNet, Rand: rand.New(rand.NewPCG(1, 2)), Chain: r.chain, Pool: r.pool, Book: nil,
		Version: "0.1", Limits: Limits{Inbound: 20}, thorough: thorough,
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if r.m, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	r.step(Tick{})
	return r
}

// newBookRig is newRig with a book of those addresses and the usual limits.
func newBookRig(t testing.TB, addrs []netip.AddrPort, change func(*Config)) *rig {
	t.Helper()
	book := &fakeBook{addrs: addrs}
	r := newRigAt(t, testStart, func(c *Config) {
		c.Book, c.Limits = book, Limits{Inbound: 20, Outbound: 8, BlockRelay: 2, Feelers: true}
		if change != nil {
			change(c)
		}
	})
	r.book = book
	return r
}

// step steps the machine, checks it, and answers submissions if auto is set.
func (r *rig) step(ev Event) []Effect {
	r.t.Helper()
	out := r.m.Step(r.now, ev)
	if err := r.m.sanity(); err != nil {
		r.t.Fatalf("after %T: %v", ev, err)
	}
	r.all = append(r.all, out...)
	if r.auto {
		for _, eff := range out[:len(out):len(out)] {
			for _, verdict := range r.judge(eff) {
				out = append(out, r.step(verdict)...)
			}
		}
	}
	return out
}

// judge makes the verdict that an effect asks for.
func (r *rig) judge(eff Effect) []Event {
	switch e := eff.(type) {
	case SubmitHeaders:
		n, err := r.chain.addHeaders(e.Headers)
		return []Event{HeadersVerdict{Peer: e.Peer, Headers: e.Headers, Accepted: n, Err: err}}
	case SubmitBlock:
		before := r.chain.tip
		known, err := r.chain.addBlock(e.Block)
		evs := []Event{BlockVerdict{Peer: e.Peer, Hash: e.Block.Hash(), Known: known, Err: err}}
		if !known && (err == nil || (isRule(err) && !mutated(err))) && e.Block.Header.PrevHash == before.Hash() {
			evs = append([]Event{BlockChecked{e.Block}}, evs...)
		}
		if r.chain.tip != before {
			evs = append(evs, TipChanged{})
		}
		return evs
	case SubmitTx:
		return []Event{r.pool.judge(e.Peer, e.Tx)}
	case SubmitPackage:
		return []Event{r.pool.judgePackage(e.Peer, e.Txs)}
	case Disconnect:
		return []Event{Gone{e.Peer}}
	}
	return nil
}

func (r *rig) recv(peer PeerID, msg wire.Message) []Effect {
	r.t.Helper()
	return r.step(Message{Peer: peer, Msg: msg})
}

// pass lets d pass, ticking whenever the machine asked for it.
func (r *rig) pass(d time.Duration) (out []Effect) {
	r.t.Helper()
	end := r.now.Add(d)
	for ticks := 0; ; ticks++ {
		if ticks > 100_000 {
			r.t.Fatalf("%d ticks in %v", ticks, d)
		}
		next := r.m.NextTick()
		if next.After(end) {
			r.now = end
			return append(out, r.step(Tick{})...)
		}
		r.now = next
		out = append(out, r.step(Tick{})...)
	}
}

func testAddr(id PeerID) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(id >> 8), byte(id), 1}), 8333)
}

// goodVersion is the version of a peer like ourselves.
func goodVersion(nonce uint64) wire.Version {
	return wire.Version{
		Protocol: wire.ProtocolVersion, Services: wire.NodeNetwork | wire.NodeWitness, Time: testStart.Unix(),
		Nonce: nonce, UserAgent: "/test:1/", Relay: true,
	}
}

// ready connects a peer and shakes hands.
func (r *rig) ready(id PeerID, kind ConnKind) []Effect {
	r.t.Helper()
	a := testAddr(id)
	r.step(Connected{Peer: id, Kind: kind, Addr: a, NetGroup: netGroup(a)})
	r.recv(id, goodVersion(uint64(id)+1000))
	r.recv(id, wire.WTxIDRelay{})
	r.recv(id, wire.SendHeaders{})
	return r.recv(id, wire.Verack{})
}

// sent returns the messages of one type that were sent to a peer.
func sent[M wire.Message](out []Effect, peer PeerID) (msgs []M) {
	for _, e := range out {
		if s, ok := e.(Send); ok && s.Peer == peer {
			if m, ok := s.Msg.(M); ok {
				msgs = append(msgs, m)
			}
		}
	}
	return msgs
}

// effects returns the effects of one type.
func effects[E Effect](out []Effect) (found []E) {
	for _, e := range out {
		if x, ok := e.(E); ok {
			found = append(found, x)
		}
	}
	return found
}

// dropped returns why a peer was disconnected, "" if it was not, with a "!" behind it if it was discouraged.
func dropped(out []Effect, peer PeerID) string {
	for _, d := range effects[Disconnect](out) {
		if d.Peer == peer {
			if d.Discourage {
				return d.Why + "!"
			}
			return d.Why
		}
	}
	return ""
}

// asked returns the hashes in getdata messages to a peer.
func asked(out []Effect, peer PeerID) (hashes []types.Hash) {
	for _, g := range sent[wire.GetData](out, peer) {
		for _, it := range g.Items {
			hashes = append(hashes, it.Hash)
		}
	}
	return hashes
}

// tx makes a transaction that spends output 0 of each parent.
func tx(salt uint32, parents ...types.Hash) *types.Tx {
	t := &types.Tx{Version: 2, LockTime: salt, Out: []types.TxOut{{Value: 1, Script: []byte{0x51}}}}
	for _, p := range parents {
		t.In = append(t.In, types.TxIn{PrevOut: types.OutPoint{TxID: p}, Sequence: 1})
	}
	return t
}

// withWitness returns a copy with this witness in the first input.
func withWitness(t *types.Tx, w string) *types.Tx {
	c := t.Clone()
	c.In[0].Witness = [][]byte{[]byte(w)}
	return c
}

// adoptAll stores a chain that builds on the tip.
func (c *fakeChain) adoptAll(nodes []*consensustest.Node) {
	for _, n := range nodes {
		h := n.Hash()
		c.nodes[h], c.have[h], c.whole[h] = n, true, true
		c.children[n.Parent.Hash()] = append(c.children[n.Parent.Hash()], n)
	}
	c.tip = nodes[len(nodes)-1]
	if c.tip.Work().Cmp(c.best.Work()) > 0 {
		c.best = c.tip
	}
}
