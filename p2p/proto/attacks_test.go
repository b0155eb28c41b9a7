package proto

import (
	"errors"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/p2p/txrequest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// announce lets a peer tell of headers, which the chain judges at once.
func (r *rig) announce(peer PeerID, nodes ...*consensustest.Node) (out []Effect) {
	out = r.recv(peer, wire.Headers{Headers: headersOf(nodes)})
	for _, s := range effects[SubmitHeaders](out) {
		for _, v := range r.judge(s) {
			out = append(out, r.step(v)...)
		}
	}
	return out
}

func TestHeaderWithoutWorkIsPunished(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, Inbound)
	n := block(rootNode, 1)
	h := n.Header()
	h.Bits = 0x1d00ffff // claims much work
	if why := dropped(r.recv(1, wire.Headers{Headers: []types.Header{h}}), 1); why != "header without work!" {
		t.Errorf("disconnected for %q", why)
	}
	r.ready(2, Inbound)
	hs := headersOf(branch(rootNode, 3, 1))
	hs[1], hs[2] = hs[2], hs[1]
	if why := dropped(r.recv(2, wire.Headers{Headers: hs}), 2); why != "headers do not connect!" {
		t.Errorf("disconnected for %q", why)
	}
	if len(r.chain.nodes) != 1 {
		t.Error("something was stored")
	}
}

func TestUnconnectedHeadersAreAskedFor(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, Inbound)
	r.recv(1, wire.Headers{})
	nodes := branch(rootNode, 5, 1)
	out := r.recv(1, wire.Headers{Headers: headersOf(nodes[4:])})
	if len(sent[wire.GetHeaders](out, 1)) != 1 || len(effects[SubmitHeaders](out)) != 0 {
		t.Fatalf("effects %v", out)
	}
	if again := r.recv(1, wire.Headers{Headers: headersOf(nodes[4:])}); dropped(again, 1) != "" {
		t.Error("disconnected")
	}
}

// A mutated copy of a block, from a peer that was not asked, does not cancel the honest peer's delivery
// (bad inputs 18, CVE-2024-52921).
func TestMutatedBlockDoesNotCancelDownload(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, Outbound)
	r.ready(2, Inbound)
	n := block(rootNode, 1)
	if got := asked(r.announce(1, n), 1); len(got) != 1 {
		t.Fatalf("asked for %d blocks", len(got))
	}
	evil := &types.Block{Header: n.Block.Header, Txs: []*types.Tx{n.Block.Txs[0], n.Block.Txs[0]}}
	out := r.recv(2, wire.BlockMsg{Block: evil})
	for _, s := range effects[SubmitBlock](out) {
		for _, v := range r.judge(s) {
			out = append(out, r.step(v)...)
		}
	}
	if why := dropped(out, 2); why != "invalid block!" {
		t.Errorf("the mutator is disconnected for %q", why)
	}
	if len(r.m.live(1).dl.queue) != 1 {
		t.Fatal("the honest peer's request is gone")
	}
	r.auto = true
	r.recv(1, wire.BlockMsg{Block: n.Block})
	if r.chain.tip.Hash() != n.Hash() || r.m.live(1) == nil {
		t.Error("the honest block was not taken")
	}
}

// Announce, be asked, stay silent: the next peer is asked after two seconds (bad inputs 18, CVE-2024-52922).
func TestSilentAnnouncer(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, Outbound)
	r.ready(2, Inbound)
	n := block(rootNode, 1)
	r.announce(1, n)
	r.announce(2, n)
	if early := r.pass(stallLeast - time.Millisecond); len(asked(early, 2)) != 0 {
		t.Error("asked too early")
	}
	if got := asked(r.pass(time.Millisecond), 2); len(got) != 1 || got[0] != n.Hash() {
		t.Errorf("asked the second peer for %v", got)
	}
	r.auto = true
	r.recv(2, wire.BlockMsg{Block: n.Block})
	if len(r.m.blocks.flights) != 0 {
		t.Error("a request is left after the block came")
	}
}

// The window: with 1024 blocks ahead of a missing one, whoever was asked for that one is disconnected.
func TestStallingPeerIsDisconnected(t *testing.T) {
	r := newRig(t, nil)
	r.auto = true
	nodes := branch(rootNode, 1200, 1)
	byHash := map[types.Hash]*consensustest.Node{}
	for _, n := range nodes {
		byHash[n.Hash()] = n
	}
	var queue []types.Hash
	collect := func(out []Effect) { queue = append(queue, asked(out, 2)...) }
	r.ready(1, Outbound)
	collect(r.recv(1, wire.Headers{Headers: headersOf(nodes)})) // 1 is asked for the first 16 and sends nothing
	collect(r.ready(2, Outbound))
	collect(r.recv(2, wire.Headers{Headers: headersOf(nodes)}))
	for len(queue) > 0 {
		h := queue[0]
		queue = queue[1:]
		if byHash[h].Height() > 1 {
			collect(r.recv(2, wire.BlockMsg{Block: byHash[h].Block}))
		}
	}
	if h := r.chain.tip.Height(); h != 0 {
		t.Fatalf("tip %d", h)
	}
	if n := len(r.m.live(2).dl.queue); n != 0 {
		t.Fatalf("peer 2 still owes %d", n)
	}
	out := r.pass(stallLeast)
	if why := dropped(out, 1); why != "block download stalled" {
		t.Fatalf("peer 1 is disconnected for %q", why)
	}
	if r.m.blocks.stall != 2*stallLeast {
		t.Errorf("stall time-out %v", r.m.blocks.stall)
	}
	if got := asked(out, 2); len(got) == 0 || got[0] != nodes[0].Hash() {
		t.Errorf("peer 2 is asked for %d blocks", len(got))
	}
}

func TestBlockDownloadTimeout(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, Outbound)
	r.announce(1, block(rootNode, 1))
	if why := dropped(r.pass(blockTimeoutLeast), 1); why != "block download timeout" {
		t.Errorf("disconnected for %q", why)
	}
}

// Blocks that nobody asked for (bad inputs 20).
func TestUnrequestedBlocks(t *testing.T) {
	r := newRig(t, nil)
	ours := branch(rootNode, 300, 1)
	r.chain.adoptAll(ours)
	r.step(TipChanged{})
	r.ready(1, Inbound)
	taken := func(b *types.Block) int { return len(effects[SubmitBlock](r.recv(1, wire.BlockMsg{Block: b}))) }
	if taken(block(rootNode, 2).Block) != 0 {
		t.Error("a block with less work than our tip was taken")
	}
	if taken(branch(ours[299], 2, 2)[1].Block) != 0 {
		t.Error("a block without a parent was taken")
	}
	far := branch(ours[299], maxAhead+1, 3)
	if _, err := r.chain.addHeaders(headersOf(far[:maxAhead])); err != nil {
		t.Fatal(err)
	}
	if taken(far[maxAhead].Block) != 0 {
		t.Error("a block far ahead was taken")
	}
	if taken(block(ours[299], 4).Block) != 1 {
		t.Error("a next block was not taken")
	}
	if taken(block(ours[299], 5).Block) != 0 {
		t.Error("a second block was taken before the first was judged")
	}
	r.ready(2, Inbound)
	bad := block(ours[299], 6).Block
	broken := &types.Block{Header: bad.Header, Txs: bad.Txs}
	consensustest.Unsolve(broken)
	if why := dropped(r.recv(2, wire.BlockMsg{Block: broken}), 2); why != "block without work!" {
		t.Errorf("disconnected for %q", why)
	}
}

// getdata in a loop with an unread socket (bad inputs 20, CVE-2024-52920).
func TestGetDataLoopIsPaced(t *testing.T) {
	r := newRig(t, nil)
	nodes := branch(rootNode, 20, 1)
	r.chain.adoptAll(nodes)
	r.ready(1, Inbound)
	var items []wire.Inv
	for range 1000 {
		items = append(items, wire.Inv{Type: wire.InvWitnessBlock, Hash: nodes[3].Hash()})
	}
	served, why := 0, ""
	for range 60 {
		out := r.recv(1, wire.GetData{Items: items})
		served += len(effects[ServeBlock](out))
		if why = dropped(out, 1); why != "" {
			break
		}
	}
	if served != serveWindow/servedBlock {
		t.Errorf("%d blocks served to a peer that reads nothing", served)
	}
	if why != "too many requests" {
		t.Errorf("disconnected for %q", why)
	}
	r.ready(2, Inbound)
	out := r.recv(2, wire.GetData{Items: items[:20]})
	pings := sent[wire.Ping](out, 2)
	if len(pings) != 2 {
		t.Fatalf("%d fences", len(pings))
	}
	if n := len(effects[ServeBlock](r.recv(2, wire.Pong(pings[0])))); n != 4 {
		t.Errorf("%d blocks after the first fence", n)
	}
	if n := len(effects[ServeBlock](r.recv(2, wire.Pong(pings[1])))); n != 4 {
		t.Errorf("%d blocks after the second fence", n)
	}
}

// What comes in the wrong order (bad inputs 21).
func TestHandshakeOrder(t *testing.T) {
	r := newRig(t, nil)
	a := testAddr(1)
	r.step(Connected{Peer: 1, Kind: Inbound, Addr: a})
	for _, msg := range []wire.Message{wire.Verack{}, wire.Ping{Nonce: 1}, wire.GetAddr{}, wire.InvMsg{}, wire.Unknown{Name: "x"}} {
		if out := r.recv(1, msg); len(out) != 0 {
			t.Errorf("%s before version: %v", msg.Command(), out)
		}
	}
	if out := r.recv(1, goodVersion(5)); len(sent[wire.Version](out, 1)) != 1 || len(sent[wire.Verack](out, 1)) != 1 {
		t.Errorf("version is answered by %v", out)
	}
	for _, msg := range []wire.Message{goodVersion(6), wire.Ping{Nonce: 1}, wire.GetHeaders{}, wire.BlockMsg{Block: testNet.Genesis}} {
		if out := r.recv(1, msg); len(out) != 0 {
			t.Errorf("%s before verack: %v", msg.Command(), out)
		}
	}
	r.recv(1, wire.Verack{})
	if out := r.recv(1, goodVersion(7)); len(out) != 0 {
		t.Errorf("second version: %v", out)
	}
	if why := dropped(r.recv(1, wire.WTxIDRelay{}), 1); why != "wtxidrelay after verack" {
		t.Errorf("disconnected for %q", why)
	}
}

func TestHandshakeRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		kind   ConnKind
		change func(*wire.Version)
		why    string
	}{
		"obsolete":      {Inbound, func(v *wire.Version) { v.Protocol = wire.MinProtocolVersion - 1 }, "obsolete version"},
		"negative":      {Inbound, func(v *wire.Version) { v.Protocol = -1 }, "obsolete version"},
		"no network":    {Outbound, func(v *wire.Version) { v.Services = wire.NodeWitness }, "missing services"},
		"no witness":    {BlockRelay, func(v *wire.Version) { v.Services = wire.NodeNetwork }, "missing services"},
		"manual may":    {Manual, func(v *wire.Version) { v.Services = 0 }, ""},
		"inbound may":   {Inbound, func(v *wire.Version) { v.Services = 0 }, ""},
		"feeler":        {Feeler, func(*wire.Version) {}, "feeler done"},
		"huge protocol": {Inbound, func(v *wire.Version) { v.Protocol = math.MaxInt32 }, ""},
	} {
		r := newRig(t, nil)
		r.step(Connected{Peer: 1, Kind: c.kind, Addr: testAddr(1)})
		v := goodVersion(1)
		c.change(&v)
		if why := dropped(r.recv(1, v), 1); why != c.why {
			t.Errorf("%s: disconnected for %q", name, why)
		}
	}
}

func TestHandshakeTimeout(t *testing.T) {
	r := newRig(t, nil)
	r.step(Connected{Peer: 1, Kind: Inbound, Addr: testAddr(1)})
	r.recv(1, goodVersion(1))
	if why := dropped(r.pass(handshakeTimeout-1), 1); why != "" {
		t.Errorf("disconnected early for %q", why)
	}
	if why := dropped(r.pass(1), 1); why != "handshake timeout" {
		t.Errorf("disconnected for %q", why)
	}
}

// A peer's clock moves nothing (bad inputs 22, CVE-2024-52912).
func TestWildClocks(t *testing.T) {
	for _, at := range []int64{math.MinInt64, -1, 0, 1 << 40, math.MaxInt64} {
		r := newRig(t, nil)
		before := r.m.NextTick()
		r.step(Connected{Peer: 1, Kind: Inbound, Addr: testAddr(1)})
		v := goodVersion(1)
		v.Time = at
		r.recv(1, v)
		if p := r.m.live(1); p == nil || !r.m.now.Equal(testStart) || before.Before(testStart) {
			t.Errorf("time %d changed something", at)
		}
	}
}

// Our own clock jumps by ten years, and back: nobody is punished (bad inputs 5).
func TestTimeJump(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, Inbound)
	r.ready(2, Outbound)
	r.now = r.now.AddDate(10, 0, 0)
	out := r.step(Tick{})
	for _, d := range effects[Disconnect](out) {
		if d.Discourage {
			t.Errorf("discouraged for %s", d.Why)
		}
	}
	r.now = testStart
	if out := r.step(Tick{}); len(effects[Disconnect](out)) != 0 {
		t.Errorf("going back disconnects: %v", out)
	}
}

func TestSelfConnection(t *testing.T) {
	self := testAddr(1)
	r := newRig(t, func(c *Config) { c.Manual = []netip.AddrPort{self} })
	if d := effects[Dial](r.all); len(d) != 1 || d[0].Addr != self {
		t.Fatalf("dials %v", d)
	}
	out := r.step(Connected{Peer: 1, Kind: Manual, Addr: self})
	v := sent[wire.Version](out, 1)[0]
	r.step(Connected{Peer: 2, Kind: Inbound, Addr: testAddr(9)})
	if why := dropped(r.recv(2, v), 2); why != "self connection" {
		t.Errorf("disconnected for %q", why)
	}
	r.step(Gone{2})
	r.step(Gone{1})
	if d := effects[Dial](r.pass(time.Hour)); len(d) != 0 {
		t.Errorf("dialled ourselves %d times more", len(d))
	}
}

// Huge, repeated, empty and unknown announcements (bad inputs 22).
func TestInvFlood(t *testing.T) {
	r := newRig(t, nil)
	r.chain.adoptAll(branch(rootNode, 3, 1))
	r.ready(1, Inbound)
	items := make([]wire.Inv, wire.MaxInvs)
	for i := range items {
		items[i] = wire.Inv{Type: wire.InvWTx, Hash: types.Hash{byte(i), byte(i >> 8), byte(i >> 16), 1}}
	}
	for range 3 {
		r.recv(1, wire.InvMsg{Items: items})
	}
	if n := r.m.txs.tracker.Len(); n != txrequest.MaxAnnounced {
		t.Errorf("%d announcements kept", n)
	}
	r.recv(1, wire.InvMsg{})
	r.recv(1, wire.InvMsg{Items: []wire.Inv{{Type: 77, Hash: types.Hash{1}}, {Type: wire.InvFiltered}, {Type: wire.InvCmpctBlock}}})
	r.recv(1, wire.GetData{Items: []wire.Inv{{Type: 77}, {Type: wire.InvFiltered}}})
	if r.m.live(1) == nil {
		t.Error("disconnected")
	}
	out := r.pass(inboundDelay)
	if n := len(asked(out, 1)); n != txrequest.MaxInRequest {
		t.Errorf("asked for %d", n)
	}
	if n := len(asked(r.pass(txrequest.Expiry), 1)); n != txrequest.MaxInRequest {
		t.Errorf("asked for %d after the first requests expired", n)
	}
	for _, g := range sent[wire.GetData](out, 1) {
		if len(g.Items) > maxTxAsks {
			t.Errorf("%d in one getdata", len(g.Items))
		}
	}
}

// Who asked us not to be told of transactions must not tell us either.
func TestTxsFromBlockRelayPeer(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, BlockRelay)
	out := r.recv(1, wire.InvMsg{Items: []wire.Inv{{Type: wire.InvWTx, Hash: types.Hash{1}}}})
	if dropped(out, 1) == "" {
		t.Error("not disconnected")
	}
}

func TestAddrFlood(t *testing.T) {
	r := newBookRig(t, nil, nil)
	r.ready(1, Inbound)
	var addrs []wire.TimedAddr
	for i := range wire.MaxAddrs {
		addrs = append(addrs, wire.TimedAddr{
			Time: uint32(testStart.Unix()), NetAddr: wire.NetAddr{Services: wire.NodeNetwork, Addr: testAddr(PeerID(i + 100))},
		})
	}
	for range 10 {
		r.recv(1, wire.Addr{Addrs: addrs})
	}
	if r.book.added != 1 {
		t.Errorf("%d addresses taken at once from a peer that was not asked", r.book.added)
	}
	r.pass(100 * time.Second)
	r.recv(1, wire.Addr{Addrs: addrs})
	if r.book.added != 11 {
		t.Errorf("%d addresses after 100 s, want 11", r.book.added)
	}
	r.ready(2, Outbound) // is asked
	r.recv(2, wire.Addr{Addrs: addrs})
	if r.book.added != 1011 {
		t.Errorf("%d addresses after getaddr", r.book.added)
	}
	if i := r.m.Peers()[0]; i.AddrProcessed != 11 || i.AddrRateLimited == 0 {
		t.Errorf("counted %d and %d", i.AddrProcessed, i.AddrRateLimited)
	}
}

func TestGetAddrOnceAndOnlyInbound(t *testing.T) {
	var known []netip.AddrPort
	for i := range 150 {
		known = append(known, testAddr(PeerID(i+100)))
	}
	r := newBookRig(t, known, nil)
	r.ready(1, Inbound)
	r.ready(2, Manual)
	if n := len(sent[wire.Addr](r.recv(1, wire.GetAddr{}), 1)); n != 1 {
		t.Errorf("%d answers", n)
	}
	if len(sent[wire.Addr](r.recv(1, wire.GetAddr{}), 1))+len(sent[wire.Addr](r.recv(2, wire.GetAddr{}), 2)) != 0 {
		t.Error("answered twice, or to whom we dialled")
	}
	r.ready(3, Inbound)
	r.book.addrs = r.book.addrs[50:]
	if a := sent[wire.Addr](r.recv(3, wire.GetAddr{}), 3); len(a) != 1 || a[0].Addrs[0].Addr != known[0] {
		t.Error("the answer is not the same for everybody")
	}
}

// A peer that never answers does not censor a transaction (bad inputs 23, CVE-2018-17145).
func TestSilentPeerDoesNotCensor(t *testing.T) {
	r := newRig(t, nil)
	r.auto = true
	parent := types.Hash{1}
	r.pool.outs[parent] = true
	r.chain.adoptAll(branch(rootNode, 3, 1))
	for id := PeerID(1); id <= 5; id++ {
		r.ready(id, Inbound)
	}
	r.ready(6, Outbound)
	x := tx(1, parent)
	for id := PeerID(1); id <= 6; id++ {
		r.recv(id, wire.InvMsg{Items: []wire.Inv{{Type: wire.InvWTx, Hash: x.WitnessID()}}})
	}
	if len(asked(r.all, 6)) != 1 {
		t.Fatal("the outbound peer was not asked first")
	}
	out := r.pass(txrequest.Expiry)
	n := 0
	for id := PeerID(1); id <= 5; id++ {
		n += len(asked(out, id))
	}
	if n != 1 {
		t.Errorf("%d others asked after the expiry", n)
	}
}

// A twin with a spoiled witness comes first: the honest one is asked for and taken (bad inputs 12, 23).
func TestWitnessTwinDoesNotCensor(t *testing.T) {
	r := newRig(t, nil)
	r.auto = true
	r.chain.adoptAll(branch(rootNode, 3, 1))
	parent := types.Hash{1}
	r.pool.outs[parent] = true
	r.ready(1, Inbound)
	r.ready(2, Outbound)
	plain := tx(1, parent)
	honest, evil := withWitness(plain, "good"), withWitness(plain, "evil")
	scripts := consensus.Reject(consensus.MempoolScriptVerify, "")
	r.pool.bad[evil.WitnessID()], r.pool.bad[plain.WitnessID()] = scripts, scripts
	r.recv(1, wire.TxMsg{Tx: evil})
	r.recv(1, wire.TxMsg{Tx: plain}) // stripped: its witness id is the txid
	if !r.m.txs.rejects.Has(evil.WitnessID()) || r.m.txs.rejects.Has(honest.ID()) {
		t.Error("remembered as refused: the stripped twin, or not the evil one")
	}
	out := r.recv(2, wire.InvMsg{Items: []wire.Inv{{Type: wire.InvWTx, Hash: honest.WitnessID()}}})
	if len(asked(out, 2)) != 1 {
		t.Fatal("the honest one is not asked for")
	}
	r.recv(2, wire.TxMsg{Tx: honest})
	if !r.pool.Have(honest.WitnessID()) {
		t.Error("the honest one was not taken")
	}
	if out := r.recv(2, wire.InvMsg{Items: []wire.Inv{{Type: wire.InvWTx, Hash: evil.WitnessID()}}}); len(asked(out, 2)) != 0 {
		t.Error("the refused one is asked for again")
	}
	n := block(r.chain.tip, 9)
	r.chain.adopt(n)
	r.step(TipChanged{})
	if out := r.recv(2, wire.InvMsg{Items: []wire.Inv{{Type: wire.InvWTx, Hash: types.Hash{9}}}}); len(asked(out, 2)) != 1 {
		t.Error("nothing is asked for after a new tip")
	}
	if r.m.txs.rejects.Has(evil.WitnessID()) {
		t.Error("refusals outlive the tip")
	}
}

// An orphan: its parents are asked of its peer, and it comes in behind them.
func TestOrphanResolves(t *testing.T) {
	r := newRig(t, nil)
	r.auto = true
	r.chain.adoptAll(branch(rootNode, 3, 1))
	r.ready(1, Outbound)
	root := types.Hash{1}
	r.pool.outs[root] = true
	parent := tx(1, root)
	child := tx(2, parent.ID())
	r.recv(1, wire.TxMsg{Tx: child})
	out := r.pass(txidDelay)
	if got := asked(out, 1); len(got) != 1 || got[0] != parent.ID() {
		t.Fatalf("asked for %v", got)
	}
	r.recv(1, wire.TxMsg{Tx: parent})
	if !r.pool.Have(child.ID()) || r.m.txs.orphans.Has(child.WitnessID()) {
		t.Error("the child did not follow")
	}
}

// Many orphans of one parent are tried a few at a time (bad inputs 24).
func TestOrphanWorkIsBounded(t *testing.T) {
	r := newRig(t, nil)
	r.chain.adoptAll(branch(rootNode, 3, 1))
	r.ready(1, Outbound)
	parent := tx(1, types.Hash{1})
	for i := range uint32(80) {
		for _, s := range effects[SubmitTx](r.recv(1, wire.TxMsg{Tx: tx(100+i, parent.ID())})) {
			r.step(r.judge(s)[0])
		}
	}
	r.pool.put(parent)
	out := r.step(TxVerdict{Tx: parent, FeeRate: 1})
	total := 0
	for queue := effects[SubmitTx](out); len(queue) > 0; total++ {
		if len(queue) > maxRetries {
			t.Fatalf("%d tried at once", len(queue))
		}
		queue = append(queue[1:], effects[SubmitTx](r.step(r.judge(queue[0])[0]))...)
	}
	if total != 80 {
		t.Errorf("%d of 80 tried", total)
	}
}

// Stale blocks that are old, and those that we have only by header, are not given away (bad inputs 24).
func TestStaleBlocksTellNothing(t *testing.T) {
	r := newRig(t, nil)
	fork := block(rootNode, 7)
	ours := branch(rootNode, 10, 1)
	r.chain.adoptAll([]*consensustest.Node{fork})
	r.chain.adoptAll(ours)
	r.ready(1, Inbound)
	get := func(h types.Hash) int {
		out := r.recv(1, wire.GetData{Items: []wire.Inv{{Type: wire.InvWitnessBlock, Hash: h}}})
		return len(effects[ServeBlock](out)) + len(sent[wire.NotFound](out, 1))
	}
	if get(fork.Hash()) != 1 {
		t.Error("a fresh stale block is not served")
	}
	late := block(ours[9], 1)
	h := late.Block.Header
	h.Time += uint32(staleServed / time.Second)
	b := &types.Block{Header: h, Txs: late.Block.Txs}
	consensustest.Solve(b)
	r.chain.adoptAll([]*consensustest.Node{consensustest.NewNode(ours[9], b)})
	if get(fork.Hash()) != 0 || get(types.Hash{1}) != 0 {
		t.Error("an old stale block or an unknown one tells something")
	}
	if get(ours[2].Hash()) != 1 {
		t.Error("a block of the best chain is not served")
	}
}

// A transaction that was not announced to the asker and is fresh is not given away.
func TestFreshTxIsNotGivenAway(t *testing.T) {
	r := newRig(t, nil)
	r.chain.adoptAll(branch(rootNode, 3, 1))
	r.ready(1, Inbound)
	x := tx(1, types.Hash{1})
	r.pool.put(x)
	r.step(TxVerdict{Tx: x, FeeRate: 5000})
	get := func() []Effect {
		return r.recv(1, wire.GetData{Items: []wire.Inv{{Type: wire.InvWTx, Hash: x.WitnessID()}}})
	}
	if out := get(); len(sent[wire.TxMsg](out, 1)) != 0 || len(sent[wire.NotFound](out, 1)) != 1 {
		t.Error("given away before it was announced")
	}
	r.pass(time.Minute)
	if len(sent[wire.InvMsg](r.all, 1)) != 1 {
		t.Fatal("never announced")
	}
	if out := get(); len(sent[wire.TxMsg](out, 1)) != 1 {
		t.Error("not given after it was announced")
	}
}

// Errors of our own are nobody's fault.
func TestOwnErrorsPunishNobody(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, Inbound)
	n := block(rootNode, 1)
	r.announce(1, n)
	r.recv(1, wire.BlockMsg{Block: n.Block})
	if out := r.step(BlockVerdict{Peer: 1, Hash: n.Hash(), Err: errors.New("disk full")}); len(effects[Disconnect](out)) != 0 {
		t.Errorf("effects %v", out)
	}
	tooNew := consensus.Reject(consensus.TimeTooNew, "")
	if out := r.step(HeadersVerdict{Peer: 1, Headers: headersOf([]*consensustest.Node{n}), Err: tooNew}); len(effects[Disconnect](out)) != 0 {
		t.Errorf("effects %v", out)
	}
}

func TestLocalAndManualAreNotDiscouraged(t *testing.T) {
	r := newRig(t, nil)
	for id, c := range map[PeerID]Connected{
		1: {Peer: 1, Kind: Manual, Addr: testAddr(1)},
		2: {Peer: 2, Kind: Inbound, Addr: testAddr(2), Local: true},
	} {
		r.step(c)
		r.recv(id, goodVersion(uint64(id)))
		r.recv(id, wire.Verack{})
		h := rootNode.Header()
		h.Bits = 1
		if why := dropped(r.recv(id, wire.Headers{Headers: []types.Header{h}}), id); why != "header without work" {
			t.Errorf("peer %d is disconnected for %q", id, why)
		}
		if r.m.discouraged(testAddr(id)) {
			t.Errorf("peer %d is discouraged", id)
		}
	}
}

// The merkle tree that repeats its tail, as TestMutatedBlockDoesNotCancelDownload sends it, has the same root.
func TestMutationIsReal(t *testing.T) {
	ids := []types.Hash{{1}, {2}, {3}}
	a, _ := merkle.Root(ids)
	b, mutated := merkle.Root(append(ids, ids[2]))
	if a != b || !mutated {
		t.Error("repeating the tail changes the root, or is not noticed")
	}
}
