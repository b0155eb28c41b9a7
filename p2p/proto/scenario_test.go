package proto

import (
	"cmp"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

var rewrite = flag.Bool("rewrite", false, "write what the machine does into the scenario files")

// A scenario file holds paragraphs: lines with # are comments, then commands, one a line, then ---- and the effects
// that they had. The commands are the cases of scenario.do. Blocks and transactions have names; effects show
// them.
type scenario struct {
	*rig
	blocks map[string]*consensustest.Node
	txs    map[string]*types.Tx
	names  map[types.Hash]string
	pings  map[PeerID]uint64
	open   []Effect // submissions that are not judged yet
	out    []string
	sent   uint64
	floods int // so that no two floods are of the same things
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) < 5 {
		t.Fatalf("found %d scenario files: %v", len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { runFile(t, f) })
	}
}

func runFile(t *testing.T, path string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{
		blocks: map[string]*consensustest.Node{"g": rootNode}, txs: map[string]*types.Tx{},
		names: map[types.Hash]string{rootNode.Hash(): "g"}, pings: map[PeerID]uint64{},
	}
	var result []string
	for _, para := range strings.Split(strings.TrimSpace(string(raw)), "\n\n") {
		commands, want, _ := strings.Cut(para, "\n----")
		s.out = nil
		for _, line := range strings.Split(commands, "\n") {
			if !strings.HasPrefix(line, "#") && line != "----" {
				s.do(t, line)
			}
		}
		got := strings.Join(s.out, "\n")
		if want = strings.TrimPrefix(want, "\n"); got != want && !*rewrite {
			t.Errorf("%s\n%s\n---- got\n%s\n---- want\n%s", path, commands, got, want)
		}
		result = append(result, strings.TrimSuffix(commands+"\n----\n"+got, "\n"))
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(strings.Join(result, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// do carries out one command.
func (s *scenario) do(t *testing.T, line string) {
	f := strings.Fields(line)
	if len(f) == 0 {
		t.Fatal("empty command")
	}
	switch f[0] {
	case "machine": // machine [key=value]...: begins anew
		s.begin(t, args(f[1:]))
	case "block": // block a1 b2 on g: a chain of blocks, the first on the last name; "with t1 t2" before "on": what the last one holds
		s.makeBlocks(f[1:])
	case "chain": // chain a 300 on g: blocks a1 to a300
		n, _ := strconv.Atoi(f[2])
		var names []string
		for i := range n {
			names = append(names, f[1]+strconv.Itoa(i+1))
		}
		s.makeBlocks(append(names, "on", f[4]))
	case "adopt": // adopt a 300: the chain has a1 to a300, and its tip is the last
		n, _ := strconv.Atoi(f[2])
		var nodes []*consensustest.Node
		for i := range n {
			nodes = append(nodes, s.blocks[f[1]+strconv.Itoa(i+1)])
		}
		s.chain.adoptAll(nodes)
		s.show(s.step(TipChanged{}))
	case "prune": // prune a 10: a1 to a10 are no longer stored
		n, _ := strconv.Atoi(f[2])
		for i := range n {
			s.chain.have[s.hash(f[1]+strconv.Itoa(i+1))] = false
		}
	case "pool": // pool t1 t2: transactions lie in the mempool
		for _, x := range f[1:] {
			s.pool.put(s.txs[x])
		}
	case "replace": // replace t1 t2: t2 comes into the mempool and t1 leaves
		s.pool.drop(s.txs[f[1]])
		s.pool.put(s.txs[f[2]])
		s.show(s.step(TxVerdict{Tx: s.txs[f[2]], FeeRate: s.pool.rate, Removed: []*types.Tx{s.txs[f[1]]}}))
	case "found": // found a1: the chain gets a block on its tip from here and judges it
		b := s.blocks[f[1]]
		s.chain.addHeaders([]types.Header{b.Header()})
		s.show(s.step(BlockChecked{b.Block}))
		s.chain.adopt(b)
		s.show(s.step(TipChanged{}))
	case "checked": // checked a1: the chain has a block on its tip that is in order, and judges it
		b := s.blocks[f[1]]
		s.chain.addHeaders([]types.Header{b.Header()})
		s.show(s.step(BlockChecked{b.Block}))
	case "compact": // what became of compact blocks, and what they hold
		s.compact()
	case "bad": // bad a1 kind: what the chain says of a block
		s.chain.bad[s.blocks[f[1]].Hash()] = consensus.Reject(consensus.Kind(f[2]), "")
	case "tx": // tx t1 of PARENT...: spends output 0 of each; "coin" is a confirmed one
		s.makeTx(f[1], f[3:])
	case "refuse": // refuse t1 kind: what the mempool says of a transaction
		s.pool.bad[s.txs[f[1]].WitnessID()] = consensus.Reject(consensus.Kind(f[2]), "")
	case "poor": // poor t1 t2: the mempool takes them only with a child that pays for them
		for _, n := range f[1:] {
			s.pool.poor[s.txs[n].WitnessID()] = true
		}
	case "have": // have a1 a2: the chain gets blocks from elsewhere
		for _, n := range f[1:] {
			s.chain.adopt(s.blocks[n])
		}
		s.show(s.step(TipChanged{}))
	case "mine": // mine t1: the transaction enters the mempool from here
		x := s.txs[f[1]]
		s.pool.put(x)
		s.show(s.step(TxVerdict{Tx: x, FeeRate: s.pool.rate}))
	case "connect": // connect 1 inbound [addr=]
		s.show(s.step(s.connected(f[1:])))
	case "ready": // ready 1 inbound: connect and shake hands
		s.show(s.step(s.connected(f[1:])))
		id := peerID(f[1])
		s.show(s.recv(id, goodVersion(uint64(id)+1000)))
		for _, m := range []wire.Message{wire.WTxIDRelay{}, wire.SendHeaders{}, wire.Verack{}} {
			s.show(s.recv(id, m))
		}
	case "gone":
		s.show(s.step(Gone{peerID(f[1])}))
	case "dialfailed":
		s.show(s.step(DialFailed{Addr: netip.MustParseAddrPort(f[1]), Kind: kindOf(f[2])}))
	case "pass": // pass 2s: ticks at the machine's own deadlines
		s.pass(t, f[1])
	case "judge": // the chain and the mempool judge all that was submitted
		s.judgeAll()
	case "redial":
		s.show(s.step(Redial{}))
	case "manual":
		s.show(s.step(AddManual{Addr: netip.MustParseAddrPort(f[1])}))
	case "floor":
		s.pool.feeFloor, _ = strconv.ParseInt(f[1], 10, 64)
	case "orphans": // orphans 1 200 10: 200 transactions of 10 inputs each, with unknown parents, from peer 1, all judged
		s.orphanFlood(t, f[1:])
	case "measure":
		s.measure()
	case "crowd":
		s.crowd(f[1:])
	case "count":
		s.count()
	case "peers": // peers [1 2]: what is known of all, or of these
		s.peers(f[1:])
	default: // 1> message: a message from peer 1
		if s.doAsked(t, f) {
			return
		}
		id, ok := strings.CutSuffix(f[0], ">")
		if !ok {
			t.Fatalf("no such command: %s", line)
		}
		if f[1] == "deliver" { // 1> deliver 10
			n, _ := strconv.Atoi(f[2])
			s.deliver(peerID(id), n)
			return
		}
		if f[1] == "repeat" { // 1> repeat 10 MESSAGE
			n, _ := strconv.Atoi(f[2])
			for range n {
				s.show(s.recv(peerID(id), s.message(t, peerID(id), f[3:])))
			}
			return
		}
		s.show(s.recv(peerID(id), s.message(t, peerID(id), f[1:])))
	}
}

func args(f []string) map[string]string {
	m := map[string]string{}
	for _, a := range f {
		k, v, _ := strings.Cut(a, "=")
		m[k] = v
	}
	return m
}

func peerID(s string) PeerID { n, _ := strconv.ParseUint(s, 10, 64); return PeerID(n) }

func kindOf(s string) ConnKind {
	for _, k := range []ConnKind{Inbound, Outbound, Manual, BlockRelay, Feeler, AddrFetch} {
		if strings.HasPrefix(k.String(), s) {
			return k
		}
	}
	panic("no such kind of connection: " + s)
}

func (s *scenario) begin(t *testing.T, a map[string]string) {
	var addrs []netip.AddrPort
	if a["book"] != "" {
		for _, x := range strings.Split(a["book"], ",") {
			addrs = append(addrs, netip.MustParseAddrPort(x))
		}
	}
	limit := func(key string) int { n, _ := strconv.Atoi(a[key]); return n }
	change := func(c *Config) {
		c.Limits = Limits{Inbound: cmp.Or(limit("inbound"), 20), Outbound: limit("outbound"), BlockRelay: limit("blockrelay"), Feelers: a["feelers"] != ""}
		for _, x := range []struct {
			key string
			to  *[]netip.AddrPort
		}{{"manual", &c.Manual}, {"anchors", &c.Anchors}} {
			if v := a[x.key]; v != "" {
				*x.to = []netip.AddrPort{netip.MustParseAddrPort(v)}
			}
		}
		if v := a["listen"]; v != "" {
			c.Listen = netip.MustParseAddrPort(v)
		}
		_, c.BlocksOnly = a["blocksonly"]
		_, c.Pruned = a["pruned"]
		n, _ := strconv.ParseUint(a["services"], 0, 64)
		c.Services = wire.Services(n)
		_, c.NoCompactBlocks = a["nocompact"]
		_, c.OneSource = a["onesource"]
		s.askedConfig(t, a, c)
	}
	switch {
	case addrs != nil:
		s.rig = newBookRig(t, addrs, change)
	case a["later"] != "": // the network was asleep
		d, err := time.ParseDuration(a["later"])
		if err != nil {
			t.Fatal(err)
		}
		s.rig = newRigAt(t, testStart.Add(d), change)
	default:
		s.rig = newRig(t, change)
	}
	s.pool.outs[types.Hash{1}] = true
	s.open = nil
	s.show(s.all)
}

func (s *scenario) makeBlocks(f []string) {
	parent := s.blocks[f[len(f)-1]]
	names := f[:len(f)-2]
	var txs []*types.Tx // of the last one
	if i := slices.Index(names, "with"); i >= 0 {
		for _, x := range names[i+1:] {
			txs = append(txs, s.txs[x])
		}
		names = names[:i]
	}
	for i, name := range names {
		if i == len(names)-1 {
			parent = block(parent, uint64(name[0]), txs...)
		} else {
			parent = block(parent, uint64(name[0]))
		}
		s.blocks[name], s.names[parent.Hash()] = parent, name
	}
}

func (s *scenario) makeTx(name string, parents []string) {
	var hashes []types.Hash
	for _, p := range parents {
		h := types.Hash{1}
		if x := s.txs[p]; x != nil {
			h = x.ID()
		}
		hashes = append(hashes, h)
	}
	x := tx(uint32(len(s.txs)), hashes...)
	s.txs[name], s.names[x.ID()] = x, name
}

func (s *scenario) connected(f []string) Connected {
	id := peerID(f[0])
	a := testAddr(id)
	if v := args(f[2:])["addr"]; v != "" {
		a = netip.MustParseAddrPort(v)
	}
	e := Connected{Peer: id, Kind: kindOf(f[1]), Addr: a, NetGroup: netGroup(a)}
	if v := args(f[2:])["perm"]; v != "" {
		g, _, err := ParseGrant(v + "@")
		if err != nil {
			panic(err)
		}
		e.Permissions = g.Permissions.Resolve(true, false)
	}
	return e
}

func (s *scenario) pass(t *testing.T, d string) {
	dur, err := time.ParseDuration(d)
	if err != nil {
		t.Fatal(err)
	}
	start, end := s.now, s.now.Add(dur)
	for next := s.m.NextTick(); !next.After(end); next = s.m.NextTick() {
		s.now = next
		if out := s.step(Tick{}); len(out) > 0 {
			s.out = append(s.out, fmt.Sprintf("after %v:", next.Sub(start).Round(time.Millisecond)))
			s.show(out)
		}
	}
	s.now = end
}

func (s *scenario) judgeAll() {
	for len(s.open) > 0 {
		eff := s.open[0]
		s.open = s.open[1:]
		for _, ev := range s.judge(eff) {
			s.show(s.step(ev))
		}
	}
}

func (s *scenario) peers(only []string) {
	for _, p := range s.m.Peers() {
		if len(only) > 0 && !slices.Contains(only, fmt.Sprint(p.ID)) {
			continue
		}
		s.out = append(s.out, fmt.Sprintf("%d %s %s headers=%d blocks=%d inflight=%v ping=%v txs=%v", p.ID, p.Kind, p.UserAgent,
			p.SyncedHeaders, p.SyncedBlocks, p.InFlight, p.PingLast, p.RelayTx))
	}
}

// message builds a message from its text.
func (s *scenario) message(t *testing.T, id PeerID, f []string) wire.Message {
	hashes := func(names []string) (out []types.Hash) {
		for _, n := range names {
			out = append(out, s.hash(n))
		}
		return out
	}
	switch f[0] {
	case "flood":
		return s.flood(t, f[1:])
	case "version":
		v := goodVersion(uint64(id) + 1000)
		for k, x := range args(f[1:]) {
			n, _ := strconv.ParseInt(x, 10, 64)
			switch k {
			case "protocol":
				v.Protocol = int32(n)
			case "services":
				v.Services = wire.Services(n)
			case "relay":
				v.Relay = n != 0
			}
		}
		return v
	case "filterload", "filteradd":
		return s.bloomMessage(f)
	case "chain": // chain a 300: headers of a1 to a300
		n, _ := strconv.Atoi(f[2])
		var nodes []*consensustest.Node
		for i := range n {
			nodes = append(nodes, s.blocks[f[1]+strconv.Itoa(i+1)])
		}
		return wire.Headers{Headers: headersOf(nodes)}
	case "getcfilters", "getcfheaders", "getcfcheckpt":
		return s.filterRequest(f)
	case "headers":
		var nodes []*consensustest.Node
		for _, n := range f[1:] {
			nodes = append(nodes, s.blocks[n])
		}
		return wire.Headers{Headers: headersOf(nodes)}
	case "sendcmpct", "cmpctblock", "getblocktxn", "blocktxn":
		return s.compactMessage(f)
	case "block":
		return wire.BlockMsg{Block: s.blocks[f[1]].Block}
	case "tx":
		return wire.TxMsg{Tx: s.txs[f[1]]}
	case "inv":
		return wire.InvMsg{Items: s.items(f[1:])}
	case "getdata":
		return wire.GetData{Items: s.items(f[1:])}
	case "notfound":
		return wire.NotFound{Items: s.items(f[1:])}
	case "getheaders":
		return wire.GetHeaders{Locator: hashes(f[1:])}
	case "getblocks":
		return wire.GetBlocks{Locator: hashes(f[1:])}
	case "feefilter":
		n, _ := strconv.ParseInt(f[1], 10, 64)
		return wire.FeeFilter{FeeRate: n}
	case "pong":
		return wire.Pong{Nonce: s.pings[id]}
	case "ping":
		return wire.Ping{Nonce: 7}
	case "addrv2":
		return wire.AddrV2{Addrs: s.addrsV2(t, f[1:])}
	case "addr":
		var m wire.Addr
		for _, a := range f[1:] {
			m.Addrs = append(m.Addrs, wire.TimedAddr{Time: uint32(s.now.Unix()), NetAddr: wire.NetAddr{Services: 9, Addr: netip.MustParseAddrPort(a)}})
		}
		return m
	}
	simple := []wire.Message{wire.Verack{}, wire.WTxIDRelay{}, wire.SendHeaders{}, wire.GetAddr{}, wire.Mempool{}, wire.SendAddrV2{}, wire.FilterClear{}}
	i := slices.IndexFunc(simple, func(m wire.Message) bool { return m.Command() == f[0] })
	if i < 0 {
		t.Fatalf("no such message: %v", f)
	}
	return simple[i]
}

func (s *scenario) hash(name string) types.Hash {
	if n := s.blocks[name]; n != nil {
		return n.Hash()
	}
	if x := s.txs[name]; x != nil {
		return x.ID()
	}
	return types.DoubleSHA256([]byte(name))
}

// items reads "wtx:t1 tx:t2 block:a1 wblock:a2".
func (s *scenario) items(f []string) (out []wire.Inv) {
	kinds := map[string]wire.InvType{"tx": wire.InvTx, "wtx": wire.InvWTx, "block": wire.InvBlock, "wblock": wire.InvWitnessBlock, "filtered": wire.InvFiltered, "witnesstx": wire.InvWitnessTx, "cmpct": wire.InvCmpctBlock}
	for _, x := range f {
		k, name, _ := strings.Cut(x, ":")
		s.names[s.hash(name)] = name
		out = append(out, wire.Inv{Type: kinds[k], Hash: s.hash(name)})
	}
	return out
}

// show writes effects down and keeps what is to be judged or answered.
func (s *scenario) show(out []Effect) {
	for _, eff := range out {
		switch e := eff.(type) {
		case Send:
			if p, ok := e.Msg.(wire.Ping); ok {
				s.pings[e.Peer] = p.Nonce
			}
			s.out = append(s.out, fmt.Sprintf("%d< %s", e.Peer, s.text(e.Msg)))
		case SubmitHeaders:
			s.out = append(s.out, fmt.Sprintf("submit headers of %d: %s", e.Peer, s.headers(e.Headers)))
			s.open = append(s.open, eff)
		case SubmitBlock:
			s.out = append(s.out, fmt.Sprintf("submit block of %d: %s requested=%v", e.Peer, s.name(e.Block.Hash()), e.Requested))
			s.open = append(s.open, eff)
		case SubmitTx:
			s.out = append(s.out, fmt.Sprintf("submit tx of %d: %s", e.Peer, s.name(e.Tx.ID())))
			s.open = append(s.open, eff)
		case SubmitPackage:
			s.out = append(s.out, fmt.Sprintf("submit package of %d: %s %s", e.Peer, s.name(e.Txs[0].ID()), s.name(e.Txs[1].ID())))
			s.open = append(s.open, eff)
		case ServeBlock:
			s.out = append(s.out, fmt.Sprintf("serve %d: %s form=%s", e.Peer, s.name(e.Hash), []string{"full", "base", "compact", "filtered"}[e.Form]))
		case ServeBlockTxns:
			s.out = append(s.out, fmt.Sprintf("serve %d: %s txs=%v", e.Peer, s.name(e.Hash), e.Indexes))
		case ServeFilters:
			s.serveFilters(e)
		case Dial:
			s.out = append(s.out, fmt.Sprintf("dial %s %s", e.Addr, e.Kind))
		case Disconnect:
			s.out = append(s.out, fmt.Sprintf("disconnect %d: %s discourage=%v", e.Peer, e.Why, e.Discourage))
		}
	}
}

func (s *scenario) name(h types.Hash) string {
	if n := s.names[h]; n != "" {
		return n
	}
	return h.String()[:8]
}

func (s *scenario) headers(hs []types.Header) string {
	var names []string
	for i := range hs {
		names = append(names, s.name(hs[i].Hash()))
	}
	if n := len(names); n > 30 {
		return fmt.Sprintf("%s to %s (%d)", names[0], names[n-1], n)
	}
	return strings.Join(names, " ")
}

func (s *scenario) text(m wire.Message) string {
	words := []string{m.Command()}
	switch m := m.(type) {
	case wire.Version:
		words = append(words, fmt.Sprintf("%s height=%d relay=%v", m.UserAgent, m.StartHeight, m.Relay))
		if m.Services != wire.NodeNetwork|wire.NodeWitness {
			words = append(words, fmt.Sprintf("services=%#x", uint64(m.Services)))
		}
	case wire.Headers:
		words = append(words, s.headers(m.Headers))
	case wire.GetHeaders:
		for _, h := range m.Locator {
			words = append(words, s.name(h))
		}
	case wire.InvMsg:
		words = append(words, s.itemText(m.Items)...)
	case wire.GetData:
		words = append(words, s.itemText(m.Items)...)
	case wire.NotFound:
		words = append(words, s.itemText(m.Items)...)
	case wire.TxMsg:
		words = append(words, s.name(m.Tx.ID()))
	case wire.SendCmpct:
		words = append(words, fmt.Sprintf("%v %d", m.HighBandwidth, m.Version))
	case wire.CmpctBlock:
		words = append(words, fmt.Sprintf("%s short=%d", s.name(m.Header.Hash()), len(m.ShortIDs)))
	case wire.GetBlockTxn:
		words = append(words, s.name(m.Hash), fmt.Sprint(m.Indexes))
	case wire.BlockTxn:
		words = append(words, s.name(m.Hash))
		for _, x := range m.Txs {
			words = append(words, s.name(x.ID()))
		}
	case wire.FeeFilter:
		words = append(words, fmt.Sprint(m.FeeRate))
	case wire.AddrV2:
		words = append(words, addrsV2Text(m.Addrs)...)
	case wire.Addr:
		for _, a := range m.Addrs {
			words = append(words, a.Addr.String())
		}
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

func (s *scenario) itemText(items []wire.Inv) (out []string) {
	for _, it := range items {
		kind := map[wire.InvType]string{1: "tx", 2: "block", 4: "cmpct", 5: "wtx", wire.InvWitnessBlock: "wblock", wire.InvWitnessTx: "witnesstx"}[it.Type]
		out = append(out, kind+":"+s.name(it.Hash))
	}
	if n := len(out); n > 30 {
		return []string{out[0], "to", out[n-1], fmt.Sprintf("(%d)", n)}
	}
	return out
}
