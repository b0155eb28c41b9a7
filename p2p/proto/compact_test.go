package proto

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// compactMessage builds
//
//	sendcmpct true 2
//	cmpctblock a1 [prefill=0,2] [short=t1,t2] [twice]   short: of other transactions than the block's; twice: two equal short ids
//	getblocktxn a1 0 1
//	blocktxn a1 t1 t2                                   coinbase: the block's own
func (s *scenario) compactMessage(f []string) wire.Message {
	if f[0] == "sendcmpct" {
		version, _ := strconv.ParseUint(f[2], 10, 64)
		return wire.SendCmpct{HighBandwidth: f[1] == "true", Version: version}
	}
	b := &types.Block{}
	if n := s.blocks[f[1]]; n != nil {
		b = n.Block
	}
	switch f[0] {
	case "cmpctblock":
		return s.cmpctBlock(b, args(f[2:]))
	case "getblocktxn":
		m := wire.GetBlockTxn{Hash: b.Hash()}
		for _, x := range f[2:] {
			i, _ := strconv.ParseUint(x, 10, 16)
			m.Indexes = append(m.Indexes, uint16(i))
		}
		return m
	}
	m := wire.BlockTxn{Hash: b.Hash()}
	for _, x := range f[2:] {
		if x == "coinbase" {
			m.Txs = append(m.Txs, b.Txs[0])
		} else {
			m.Txs = append(m.Txs, s.txs[x])
		}
	}
	return m
}

func (s *scenario) cmpctBlock(b *types.Block, a map[string]string) wire.Message {
	m := wire.CmpctBlock{Header: b.Header, Nonce: 9}
	prefill := []string{"0"}
	if v, ok := a["prefill"]; ok {
		prefill = strings.Split(v, ",")
	}
	others := strings.Split(a["short"], ",")
	for i, x := range b.Txs {
		switch {
		case slices.Contains(prefill, fmt.Sprint(i)):
			m.Prefilled = append(m.Prefilled, wire.PrefilledTx{Index: uint16(i), Tx: x})
			continue
		case a["short"] != "":
			x, others = s.txs[others[0]], others[1:]
		}
		m.ShortIDs = append(m.ShortIDs, m.Key().Of(x.WitnessID()))
	}
	if _, twice := a["twice"]; twice {
		m.ShortIDs[1] = m.ShortIDs[0]
	}
	if _, empty := a["empty"]; empty {
		m.ShortIDs, m.Prefilled = nil, nil
	}
	return m
}

func (s *scenario) compact() {
	var high []string
	for _, p := range s.m.compact.chosen {
		high = append(high, fmt.Sprint(p.id))
	}
	c := s.m.CompactStats()
	s.out = append(s.out, fmt.Sprintf("compact: pool=%d asked=%d whole=%d missing=%d; %d bytes wait, %d extra; high bandwidth: %s",
		c.FromPool, c.AfterRequest, c.FellBack, c.MissingTxs, s.m.blocks.partBytes, s.m.compact.extra.Len(), strings.Join(high, " ")))
}

// A flood of compact blocks that nobody asked for, each with work and each with as much sent along as fits: what waits is
// bounded in bytes and, for each peer, in blocks; whoever floods has not taken what others need.
func TestCompactBlockFlood(t *testing.T) {
	r := newRig(t, nil)
	trunk := branch(rootNode, 3, 1)
	r.chain.adoptAll(trunk)
	r.auto = true
	r.step(TipChanged{})
	for id := range PeerID(8) {
		r.ready(id+1, Inbound)
	}
	large := tx(1)
	large.Out[0].Script = make([]byte, 1_000_000)
	most, waiting := 0, 0
	for i := range uint64(200) {
		b := block(trunk[2], 100+i, tx(77), large)
		msg := wire.NewCmpctBlock(b.Block, i)
		msg.ShortIDs = msg.ShortIDs[:1]
		msg.Prefilled = append(msg.Prefilled, wire.PrefilledTx{Index: 2, Tx: large})
		r.recv(PeerID(i%8)+1, msg)
		most = max(most, r.m.blocks.partBytes)
		waiting = 0
		for _, p := range r.m.order {
			waiting = max(waiting, len(p.dl.queue))
		}
		if waiting > maxInFlight {
			t.Fatalf("%d blocks wait for one peer", waiting)
		}
	}
	if most > maxCompactBytes || most < maxCompactBytes/2 {
		t.Errorf("%d bytes wait, the bound is %d", most, maxCompactBytes)
	}
	r.ready(20, Outbound)
	n := block(trunk[2], 1)
	out := r.recv(20, wire.Headers{Headers: headersOf(append(trunk, n))})
	out = append(out, r.recv(20, wire.BlockMsg{Block: n.Block})...)
	if r.chain.tip.Hash() != n.Hash() {
		t.Errorf("the honest block was not taken: %v", out)
	}
}

// Compact blocks that lead to too little work, or have none, cost no memory (CVE-2024-52916).
func TestLowWorkCompactBlocksCostNothing(t *testing.T) {
	r := newRig(t, nil)
	r.chain.adoptAll(branch(rootNode, 200, 1))
	r.step(TipChanged{})
	r.ready(1, Inbound)
	for i := range uint64(50) {
		n := block(rootNode, 1000+i)
		out := r.recv(1, wire.NewCmpctBlock(n.Block, i))
		if len(out) != 0 || r.m.blocks.partBytes != 0 || len(r.m.blocks.flights) != 0 {
			t.Fatalf("%v, %d bytes", out, r.m.blocks.partBytes)
		}
	}
	bad := wire.NewCmpctBlock(block(rootNode, 1).Block, 1)
	bad.Header.Bits = 0x1d00ffff
	if why := dropped(r.recv(1, bad), 1); why != "block without work!" {
		t.Errorf("dropped for %q", why)
	}
}

// Getblocktxn over and over, unread: after one window of answers the rest waits as requests of whole blocks, which cost nothing.
func TestGetBlockTxnUnread(t *testing.T) {
	r := newRig(t, nil)
	nodes := branch(rootNode, 5, 1)
	r.chain.adoptAll(nodes)
	r.step(TipChanged{})
	r.ready(1, Inbound)
	served := 0
	for range 10_000 {
		out := r.recv(1, wire.GetBlockTxn{Hash: nodes[3].Hash(), Indexes: []uint16{0}})
		served += len(effects[ServeBlockTxns](out)) + len(effects[ServeBlock](out))
	}
	if served > 2*serveWindow/servedTx || len(r.m.peers[1].serve.queue) > maxAsked {
		t.Errorf("%d answers, %d requests wait", served, len(r.m.peers[1].serve.queue))
	}
}

// A block goes down a line of machines that have its transactions in compact form, hop by hop before it is judged; only the
// one that lacks a transaction asks for it, and nobody is sent the whole block.
func TestCompactBlocksCrossALine(t *testing.T) {
	w := newWorld(t, 5)
	trunk := branch(rootNode, 5, 1)
	var txs []*types.Tx
	for i := range uint32(20) {
		txs = append(txs, tx(i, types.Hash{1}))
	}
	for i, r := range w.nodes {
		r.chain.adoptAll(trunk)
		r.step(TipChanged{})
		for _, x := range txs {
			r.pool.put(x)
		}
		if i > 0 {
			w.link(i, i-1)
		}
	}
	w.run(5*time.Second, func() bool { return false })
	n := trunk[4]
	find := func(txs ...*types.Tx) {
		n = block(n, 1, txs...)
		for _, eff := range w.nodes[0].judge(SubmitBlock{Block: n.Block}) {
			w.push(0, 0, eff)
		}
		w.mustAgree(n, 5*time.Second)
	}
	find() // lets each choose the one before
	w.run(time.Second, func() bool { return false })
	w.nodes[3].pool.drop(txs[7])
	w.log = nil
	begin := w.now
	find(txs...)
	counts := map[string]int{}
	for _, l := range w.log {
		counts[l[strings.LastIndexByte(l, ' ')+1:]]++
	}
	if counts["cmpctblock"] != 4 || counts["getblocktxn"] != 1 || counts["blocktxn"] != 1 || counts["block"]+counts["getdata"] != 0 {
		t.Errorf("messages: %v", counts)
	}
	// 10 ms a hop and 10 ms back and forth for what was missing; judging takes 2 ms a node.
	if d := w.now.Sub(begin); d > 80*time.Millisecond {
		t.Errorf("it took %v", d)
	}
	var sum CompactStats
	for _, r := range w.nodes {
		c := r.m.CompactStats()
		sum.FromPool, sum.AfterRequest, sum.FellBack, sum.MissingTxs = sum.FromPool+c.FromPool, sum.AfterRequest+c.AfterRequest, sum.FellBack+c.FellBack, sum.MissingTxs+c.MissingTxs
	}
	if sum.AfterRequest != 1 || sum.FellBack != 0 || sum.MissingTxs != 1 || sum.FromPool < 3 {
		t.Errorf("%+v", sum)
	}
}
