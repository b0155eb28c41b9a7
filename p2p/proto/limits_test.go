package proto

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/txrequest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// A block that is asked of one peer and sent by another again and again: no more of them wait for the chain than if
// nobody had been asked.
func TestBlockOfAnotherPeerRepeated(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, Outbound)
	r.ready(2, Inbound)
	n := block(rootNode, 1)
	if out := r.announce(1, n); len(asked(out, 1)) != 1 {
		t.Fatal("the block is not asked for")
	}
	submitted := 0
	for range 100 {
		submitted += len(effects[SubmitBlock](r.recv(2, wire.BlockMsg{Block: n.Block})))
	}
	if submitted != 1 {
		t.Errorf("%d copies were submitted", submitted)
	}
	// Its own answer is taken from the peer that was asked.
	if out := r.recv(1, wire.BlockMsg{Block: n.Block}); len(effects[SubmitBlock](out)) != 1 {
		t.Error("the block that was asked for was not taken")
	}
}

// While the first missing block is with the chain, it is not the peers who hold up the window.
func TestNobodyIsBlamedWhileTheChainWorks(t *testing.T) {
	r := newRig(t, nil)
	nodes := branch(rootNode, downloadWindow+10, 1)
	if _, err := r.chain.addHeaders(headersOf(nodes)); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes[1:downloadWindow] {
		r.chain.have[n.Hash()] = n != nodes[500]
	}
	show := wire.Headers{Headers: headersOf(nodes[len(nodes)-1:])}
	r.ready(1, Outbound)
	if out := r.recv(1, show); len(asked(out, 1)) != 2 {
		t.Fatalf("asked for %d blocks", len(asked(out, 1)))
	}
	r.recv(1, wire.BlockMsg{Block: nodes[0].Block}) // and is not judged yet
	r.ready(2, Outbound)
	out := append(r.recv(2, show), r.pass(stallLeast)...)
	if why := dropped(out, 1); why != "" {
		t.Errorf("disconnected for %q", why)
	}
}

// What a peer has not read is bounded in items too: small transactions must not fill its send queue.
func TestSmallTransactionsArePaced(t *testing.T) {
	const least = 2000
	r := newRig(t, nil)
	r.chain.adopt(block(rootNode, 1))
	r.step(TipChanged{})
	r.ready(1, Inbound)
	x := tx(1, types.Hash{1})
	r.pool.put(x)
	items := make([]wire.Inv, 20_000)
	for i := range items {
		items[i] = wire.Inv{Type: wire.InvWTx, Hash: x.WitnessID()}
	}
	out := r.recv(1, wire.GetData{Items: items})
	n := len(sent[wire.TxMsg](out, 1))
	if n < least || n > serveWindow/servedTx {
		t.Errorf("%d transactions sent to a peer that reads nothing", n)
	}
	for len(sent[wire.Ping](out, 1)) > 0 {
		pings := sent[wire.Ping](out, 1)
		out = r.recv(1, wire.Pong(pings[0]))
		for _, p := range pings[1:] {
			out = append(out, r.recv(1, wire.Pong(p))...)
		}
		n += len(sent[wire.TxMsg](out, 1))
	}
	if n != len(items) {
		t.Errorf("%d of %d were answered in the end", n, len(items))
	}
}

// After a reorganization a transaction of a block that was taken off may come again.
func TestReorganizedTransactionIsWanted(t *testing.T) {
	r := newRig(t, func(c *Config) { c.TrickleScale = 0.1 })
	x := tx(1, types.Hash{1})
	r.pool.outs[types.Hash{1}] = true
	r.chain.adopt(block(rootNode, 1))
	with := block(r.chain.tip, 1, x)
	r.chain.adopt(with)
	r.step(TipChanged{Connected: []*types.Block{with.Block}})
	r.ready(1, Outbound)
	inv := wire.InvMsg{Items: []wire.Inv{{Type: wire.InvWTx, Hash: x.WitnessID()}}}
	if out := r.recv(1, inv); len(asked(out, 1)) != 0 {
		t.Error("a confirmed transaction was asked for")
	}
	var blocks []*types.Block
	for _, n := range branch(with.Parent, 2, 9) {
		r.chain.adopt(n)
		blocks = append(blocks, n.Block)
	}
	r.step(TipChanged{Connected: blocks})
	if out := r.recv(1, inv); len(asked(out, 1)) != 1 {
		t.Error("a transaction that is not confirmed any more was not asked for")
	}
}

// setmocktime and its end: timers go on when the clock is set back, and what peers are told follows the clock.
func TestClockSetBack(t *testing.T) {
	addr := testAddr(7)
	r := newRig(t, func(c *Config) {
		c.Manual = []netip.AddrPort{addr}
		c.Book = &fakeBook{addrs: []netip.AddrPort{testAddr(8)}}
	})
	r.now = r.now.AddDate(10, 0, 0)
	r.step(Tick{})
	r.now = testStart
	out := r.step(DialFailed{Addr: addr, Kind: Manual})
	out = append(out, r.pass(redialMost)...)
	if len(effects[Dial](out)) == 0 {
		t.Error("no dial within half a minute of the clock being set back")
	}
	if next := r.m.NextTick(); next.Sub(r.now) > idleTick || !next.After(r.now) {
		t.Errorf("next tick at %v, now is %v", next, r.now)
	}
	r.ready(1, Outbound)
	if v := sent[wire.Version](r.all, 1); len(v) != 1 || v[0].Time != r.now.Unix() {
		t.Errorf("version %v at %d", v, r.now.Unix())
	}
	if since := r.m.Peers()[0].Since; since.After(r.now) {
		t.Errorf("connected since %v, now is %v", since, r.now)
	}
}

// lonely is a node whose mempool has filled while it was alone, and its transactions.
func lonely(t *testing.T) (*rig, []*types.Tx) {
	r := newRig(t, func(c *Config) { c.TrickleScale = 0.1 })
	r.chain.adopt(block(rootNode, 1))
	r.step(TipChanged{})
	txs := []*types.Tx{tx(1, types.Hash{1})}
	txs = append(txs, tx(2, txs[0].ID()))
	for _, x := range txs {
		r.pool.put(x)
	}
	return r, txs
}

func told(out []Effect, id PeerID) (n int) {
	for _, inv := range sent[wire.InvMsg](out, id) {
		n += len(inv.Items)
	}
	return n
}

// Two halves of a network that was cut tell each other what they missed: a node that a person connected, or one on this
// host, hears of the whole mempool as soon as it takes transactions. Nobody else does.
func TestMempoolIsToldToOwnPeers(t *testing.T) {
	for name, c := range map[string]struct {
		kind  ConnKind
		local bool
		want  int
	}{
		"manual": {Manual, false, 2}, "local": {Inbound, true, 2}, "inbound": {Inbound, false, 0}, "outbound": {Outbound, false, 0},
	} {
		r, txs := lonely(t)
		r.step(Connected{Peer: 1, Kind: c.kind, Addr: testAddr(1), Local: c.local})
		r.recv(1, goodVersion(1001))
		r.recv(1, wire.WTxIDRelay{})
		out := r.recv(1, wire.Verack{})
		// One that is not near the present says that no fee is enough, and is told later.
		out = append(out, r.recv(1, wire.FeeFilter{FeeRate: 2_100_000_000_000_000})...)
		out = append(out, r.pass(10*time.Second)...)
		if n := told(out, 1); n != 0 {
			t.Errorf("%s: told of %d transactions that it does not take", name, n)
		}
		var answer []Effect
		for range 3 {
			answer = append(answer, r.recv(1, wire.FeeFilter{FeeRate: 1000})...)
			answer = append(answer, r.pass(10*time.Second)...)
		}
		if n := told(answer, 1); n != c.want {
			t.Errorf("%s: told of %d transactions, not %d", name, n, c.want)
		}
		if c.want == 0 {
			continue
		}
		inv := sent[wire.InvMsg](answer, 1)
		if len(inv) != 1 || inv[0].Items[0].Hash != txs[0].WitnessID() {
			t.Errorf("%s: %v does not begin with the parent", name, inv)
		}
		if out := r.recv(1, wire.GetData{Items: inv[0].Items}); len(sent[wire.TxMsg](out, 1)) != c.want {
			t.Errorf("%s: what was announced is not served", name)
		}
	}
}

// A flood of announcements over what is kept of one peer costs next to nothing: not even that the peer has them is noted.
func TestAnnouncementsOverTheBoundAreNotNoted(t *testing.T) {
	r := newRig(t, nil)
	r.chain.adoptAll(branch(rootNode, 3, 1))
	r.ready(1, Inbound)
	items := make([]wire.Inv, wire.MaxInvs)
	for i := range items {
		items[i] = wire.Inv{Type: wire.InvWTx, Hash: types.Hash{byte(i), byte(i >> 8), byte(i >> 16), 1}}
	}
	r.recv(1, wire.InvMsg{Items: items})
	if n := r.m.live(1).inv.known.Size(); n != txrequest.MaxAnnounced {
		t.Errorf("%d of %d announcements noted", n, len(items))
	}
}

// Whom not to dial is found out once a dial, however many addresses of the book are looked at.
func TestDiallingLooksAtPeersOnce(t *testing.T) {
	var addrs []netip.AddrPort
	for i := range 4000 {
		addrs = append(addrs, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 60, byte(i >> 8), byte(i)}), 8333))
	}
	grouped := 0
	r := newBookRig(t, addrs, func(c *Config) {
		c.Limits.Inbound = 100
		c.NetGroup = func(a netip.AddrPort) string { grouped++; return netGroup(a) }
	})
	for group := PeerID(20); group <= 60; group++ {
		r.ready(group<<8, Outbound) // 10.group.0.1: the last one is of the group of all addresses
	}
	grouped = 0
	r.pass(dialEvery)
	if grouped == 0 || grouped > 4*len(addrs) {
		t.Errorf("%d groups were looked up for %d addresses", grouped, len(addrs))
	}
}

// When a peer is given up the time limits of others count it no more: the same step sees to those that had their turn
// before it, and leaves no deadline in the past (the sanity check looks).
func TestDropChangesTheDeadlinesOfOthers(t *testing.T) {
	r := newRig(t, nil)
	nodes := branch(rootNode, 2*maxInFlight, 1)
	r.ready(1, Outbound)
	r.ready(2, Outbound)
	r.announce(2, nodes...)
	r.now = r.now.Add(2 * time.Second)
	if n := len(asked(r.announce(1, nodes...), 1)); n != maxInFlight {
		t.Fatalf("asked peer 1 for %d blocks", n)
	}
	out := r.pass(2*blockTimeoutLeast - time.Second)
	if dropped(out, 2) != "block download timeout" || dropped(out, 1) != "block download timeout" {
		t.Errorf("the silent peers are disconnected for %q and %q", dropped(out, 1), dropped(out, 2))
	}
}

// Transactions alone never come to what stops the reading of blocks, however many peers send them; what was asked for is
// asked for again.
func TestTransactionsOfAllPeersAreBounded(t *testing.T) {
	for name, size := range map[string]int{"many": 0, "large": 90_000} {
		r := newRig(t, func(c *Config) { c.Limits.Inbound = 100 })
		r.chain.adopt(block(rootNode, 1))
		r.step(TipChanged{})
		submitted, bytes, sum := 0, 0, 0
		for id := PeerID(1); id <= 30; id++ {
			r.ready(id, Inbound)
			for i := range 100 {
				x := tx(uint32(id)<<16+uint32(i), types.Hash{1})
				x.Out[0].Script = make([]byte, size)
				sum++
				for _, s := range effects[SubmitTx](r.recv(id, wire.TxMsg{Tx: x})) {
					submitted++
					bytes += s.Tx.Size()
				}
			}
		}
		if submitted == sum || submitted > maxAllPending || bytes > maxAllPendingBytes+100_000 {
			t.Errorf("%s: %d of %d submitted, of %d bytes", name, submitted, sum, bytes)
		}
	}
}
