package rpc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// fake is a node in memory: a chain of consensustest and a pool without rules.
type fake struct {
	t      *testing.T
	params *consensus.Params
	chain  *consensustest.Chain

	mu          sync.Mutex
	tip         *consensustest.Node
	tips        []*consensustest.Node
	invalid     map[types.Hash]bool
	bells       []chan struct{}
	pool        map[types.Hash]backend.MempoolEntry
	imported    backend.ImportOptions
	order       []types.Hash
	sequence    uint64
	deltas      map[types.Hash]int64
	pack        *backend.PackageResult // what a package comes to, if it is set
	packRate    int64
	submitErr   error
	testErr     error
	peers       []backend.PeerInfo
	added       []string
	now         time.Time
	stopped     bool
	mining      bool
	active      bool
	filters     map[types.Hash][]byte
	blockPanics bool
	netFake
}

func newFake(t *testing.T, blocks int) *fake {
	t.Helper()
	params := consensus.Regtest()
	f := &fake{t: t, params: params, chain: consensustest.NewChain(t, params), pool: map[types.Hash]backend.MempoolEntry{}, deltas: map[types.Hash]int64{},
		invalid: map[types.Hash]bool{}, now: time.Unix(1_700_000_000, 0), active: true, filters: map[types.Hash][]byte{}}
	f.chain.PayTo = consensustest.KeyLock()
	f.tip = f.chain.Tip()
	f.tips = []*consensustest.Node{f.tip}
	for range blocks {
		f.extend()
	}
	return f
}

// extend mines a block on the tip and makes it the tip.
func (f *fake) extend(txs ...*types.Tx) *consensustest.Node {
	n := f.chain.Extend(f.tip, txs...)
	f.setTip(n)
	return n
}

func (f *fake) setTip(n *consensustest.Node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tips = slices.DeleteFunc(f.tips, func(x *consensustest.Node) bool { return x == n.Parent })
	f.tips = append(f.tips, n)
	f.tip = n
	for _, tx := range n.Block.Txs {
		delete(f.pool, tx.ID())
		f.order = slices.DeleteFunc(f.order, func(h types.Hash) bool { return h == tx.ID() })
	}
	for _, b := range f.bells {
		select {
		case b <- struct{}{}:
		default:
		}
	}
}

func (f *fake) backend() *backend.Parts {
	return &backend.Parts{Chain: f, Blocks: f, Ledger: f, Steer: fakeSteer{f}, Mempool: fakePool{f}, Submit: fakeSubmit{f}, Peers: f, Mining: f, Filters: fakeFilters{f}, Node: f, Snapshots: fakeSnapshots{}, Bans: &f.netFake, Net: &f.netFake, Control: &f.netFake}
}

func (f *fake) entry(n *consensustest.Node) backend.Entry {
	e := backend.Entry{Ancestry: n, HaveBlock: true, Status: "valid-fork", TxCount: len(n.Block.Txs)}
	for a := n; a != nil; a = a.Parent {
		e.ChainTxCount += int64(len(a.Block.Txs))
	}
	switch {
	case f.invalid[n.Hash()]:
		e.Status = "invalid"
	case f.tip.Ancestor(n.Height()) != nil && f.tip.Ancestor(n.Height()).Hash() == n.Hash():
		e.Status = "active"
	}
	return e
}

func (f *fake) locked(do func() backend.Entry) backend.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return do()
}

func (f *fake) Tip() backend.Entry        { return f.locked(func() backend.Entry { return f.entry(f.tip) }) }
func (f *fake) BestHeader() backend.Entry { return f.Tip() }
func (f *fake) Syncing() bool             { return false }

func (f *fake) Lookup(h types.Hash) (backend.Entry, bool) {
	n := f.chain.Lookup(h)
	if n == nil {
		return backend.Entry{}, false
	}
	return f.locked(func() backend.Entry { return f.entry(n) }), true
}

func (f *fake) AtHeight(h int32) (backend.Entry, bool) {
	a := f.Tip().Ancestor(h)
	if a == nil {
		return backend.Entry{}, false
	}
	return f.Lookup(a.Hash())
}

func (f *fake) Tips() []backend.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]backend.Entry, len(f.tips))
	for i, n := range f.tips {
		list[i] = f.entry(n)
	}
	return list
}

func (f *fake) Subscribe() (<-chan struct{}, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	bell := make(chan struct{}, 1)
	f.bells = append(f.bells, bell)
	return bell, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.bells = slices.DeleteFunc(f.bells, func(b chan struct{}) bool { return b == bell })
	}
}

func (f *fake) Block(h types.Hash) (*types.Block, error) {
	if f.blockPanics {
		panic("the fake was told to")
	}
	if n := f.chain.Lookup(h); n != nil {
		return n.Block, nil
	}
	return nil, backend.ErrNotFound
}

func (f *fake) RawBlock(h types.Hash) ([]byte, error) {
	b, err := f.Block(h)
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (f *fake) Undo(h types.Hash) (consensus.Undo, error) { return f.chain.Lookup(h).Update.Undo, nil }
func (f *fake) DiskSize() int64                           { return 12345 }

func (f *fake) Coins(ops []types.OutPoint) (consensus.Coins, error) {
	all, found := f.chain.CoinsAt(f.tip), consensus.Coins{}
	for _, op := range ops {
		if c, ok := all[op]; ok {
			found[op] = c
		}
	}
	return found, nil
}

func (f *fake) SetInfo(_ context.Context, kind backend.SetKind) (backend.SetInfo, error) {
	all := f.chain.CoinsAt(f.tip)
	info := backend.SetInfo{Height: f.tip.Height(), Best: f.tip.Hash(), Coins: int64(len(all)), Txs: int64(len(all)), Hash: types.Hash{1}, HasHash: kind != backend.SetNone}
	for _, c := range all {
		info.Amount += c.Out.Value
	}
	return info, nil
}

func (f *fake) Scan(_ context.Context, do func(consensus.CoinEntry) error) (backend.Entry, error) {
	for op, c := range f.chain.CoinsAt(f.tip) {
		if err := do(consensus.CoinEntry{OutPoint: op, Coin: c}); err != nil {
			return backend.Entry{}, err
		}
	}
	return f.Tip(), nil
}

func (f *fake) Verify(context.Context, int, int) (bool, error) { return true, nil }

type fakeSteer struct{ f *fake }

func (s fakeSteer) Invalidate(_ context.Context, h types.Hash) error {
	s.f.mu.Lock()
	s.f.invalid[h] = true
	s.f.mu.Unlock()
	s.f.setTip(s.f.chain.Lookup(h).Parent)
	return nil
}

func (s fakeSteer) Reconsider(_ context.Context, h types.Hash) error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	delete(s.f.invalid, h)
	return nil
}

func (s fakeSteer) Precious(_ context.Context, h types.Hash) error {
	s.f.setTip(s.f.chain.Lookup(h))
	return nil
}
func (s fakeSteer) TestBlock(context.Context, *types.Block) error { return s.f.testErr }

type fakePool struct{ f *fake }

// put adds a transaction to the pool.
func (f *fake) put(tx *types.Tx, fee int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := backend.MempoolEntry{Tx: tx, VSize: int64(tx.VSize()), Fee: fee, ModifiedFee: fee, Time: f.now, Height: f.tip.Height()}
	e.Ancestors = backend.PackageSums{Count: 1, VSize: e.VSize, Fees: fee}
	e.Descendants = e.Ancestors
	for i := range tx.In {
		if _, ok := f.pool[tx.In[i].PrevOut.TxID]; ok {
			e.Depends = append(e.Depends, tx.In[i].PrevOut.TxID)
		}
	}
	f.pool[tx.ID()] = e
	f.order = append(f.order, tx.ID())
	f.sequence++
}

func (p fakePool) Info() backend.MempoolInfo {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	info := backend.MempoolInfo{Loaded: true, Count: len(p.f.pool), MaxBytes: 300_000_000, FeeFloor: 1000, MinRelay: 1000, IncrementalRelay: 1000, FullRBF: true}
	for _, e := range p.f.pool {
		info.Bytes += e.VSize
		info.TotalFee += e.Fee
	}
	return info
}

func (p fakePool) Sequence() uint64 {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	return p.f.sequence
}

func (p fakePool) IDs() []types.Hash {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	return slices.Clone(p.f.order)
}

func (p fakePool) Entry(id types.Hash) (backend.MempoolEntry, bool) {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	e, ok := p.f.pool[id]
	return e, ok
}

func (p fakePool) Ancestors(id types.Hash) []types.Hash {
	e, _ := p.Entry(id)
	return e.Depends
}

func (p fakePool) Descendants(id types.Hash) []types.Hash {
	var list []types.Hash
	for _, other := range p.IDs() {
		if e, _ := p.Entry(other); slices.Contains(e.Depends, id) {
			list = append(list, other)
		}
	}
	return list
}

func (p fakePool) Spends(op types.OutPoint) (types.Hash, bool) {
	for _, id := range p.IDs() {
		e, _ := p.Entry(id)
		for i := range e.Tx.In {
			if e.Tx.In[i].PrevOut == op {
				return id, true
			}
		}
	}
	return types.Hash{}, false
}

func (p fakePool) Cluster(id types.Hash) ([]backend.MempoolChunk, bool) {
	e, ok := p.f.pool[id]
	return []backend.MempoolChunk{{Fee: e.Fee, Weight: int64(4 * e.VSize), Txs: []types.Hash{id}}}, ok
}

func (p fakePool) Chunks() (list []backend.MempoolChunk) {
	for _, id := range p.IDs() {
		c, _ := p.Cluster(id)
		list = append(list, c...)
	}
	return list
}

func (p fakePool) Prioritise(id types.Hash, delta int64) { p.f.deltas[id] += delta }

func (p fakePool) Prioritised() []backend.Prioritised {
	var list []backend.Prioritised
	for id, d := range p.f.deltas {
		_, in := p.Entry(id)
		list = append(list, backend.Prioritised{ID: id, Delta: d, InMempool: in})
	}
	return list
}

func (p fakePool) HasDust(id types.Hash) bool {
	e, ok := p.Entry(id)
	return ok && slices.ContainsFunc(e.Tx.Out, func(o types.TxOut) bool { return o.Value == 0 && o.Script[0] == 0x51 })
}

func (p fakePool) Test(_ context.Context, txs []*types.Tx) (backend.PackageResult, error) {
	if p.f.pack != nil {
		return *p.f.pack, nil
	}
	res := backend.PackageResult{Txs: make([]backend.PackageTx, len(txs))}
	for i, tx := range txs {
		res.Txs[i] = backend.PackageTx{Judged: true, VSize: int64(tx.VSize()), Fee: 500, FeeRate: chainjson.FeeRate(500, int64(tx.VSize())),
			Includes: []types.Hash{tx.WitnessID()}, Err: p.f.submitErr}
	}
	return res, nil
}

func (p fakePool) Import(_ context.Context, file string, opt backend.ImportOptions) error {
	if file == "" {
		return errors.New("no such file")
	}
	p.f.imported = opt
	return nil
}

func (p fakePool) Save(context.Context) (string, error) { return "mempool.dat", nil }

type fakeSubmit struct{ f *fake }

func (s fakeSubmit) Block(_ context.Context, b *types.Block) (bool, error) {
	if s.f.chain.Lookup(b.Hash()) != nil {
		return true, nil
	}
	n, err := s.f.chain.Add(b)
	if err != nil {
		return false, err
	}
	s.f.setTip(n)
	return false, nil
}

func (s fakeSubmit) Header(context.Context, types.Header) error { return s.f.submitErr }

func (s fakeSubmit) Tx(_ context.Context, tx *types.Tx, _ int64) error {
	if s.f.submitErr != nil {
		return s.f.submitErr
	}
	s.f.put(tx, 500)
	return nil
}

func (s fakeSubmit) Package(ctx context.Context, txs []*types.Tx, rate int64) (backend.PackageResult, error) {
	s.f.packRate = rate
	return fakePool(s).Test(ctx, txs)
}

func (f *fake) Infos() []backend.PeerInfo { return f.peers }
func (f *fake) Totals() backend.NetTotals {
	return backend.NetTotals{Recv: 100, Sent: 200, Upload: f.upload}
}
func (f *fake) Active() bool          { return f.active }
func (f *fake) SetActive(active bool) { f.active = active }

func (f *fake) AddNode(addr string, _ bool) error {
	if slices.Contains(f.added, addr) {
		return backend.ErrAlreadyAdded
	}
	f.added = append(f.added, addr)
	return nil
}

func (f *fake) RemoveNode(addr string) error {
	if !slices.Contains(f.added, addr) {
		return backend.ErrNotFound
	}
	f.added = slices.DeleteFunc(f.added, func(a string) bool { return a == addr })
	return nil
}
func (f *fake) TryNode(string, bool) error { return nil }

func (f *fake) Added() []backend.AddedNode {
	var list []backend.AddedNode
	for _, a := range f.added {
		list = append(list, backend.AddedNode{Node: a})
	}
	return list
}

func (f *fake) DisconnectAddr(addr string) error {
	n := len(f.peers)
	f.peers = slices.DeleteFunc(f.peers, func(p backend.PeerInfo) bool { return p.Addr == addr })
	if len(f.peers) == n {
		return backend.ErrNotFound
	}
	return nil
}

func (f *fake) DisconnectID(id uint64) error {
	for _, p := range f.peers {
		if p.ID == id {
			return f.DisconnectAddr(p.Addr)
		}
	}
	return backend.ErrNotFound
}
func (f *fake) PingAll() {}
func (f *fake) Addresses(n int) []backend.KnownAddress {
	return []backend.KnownAddress{{Time: f.now, Services: 9, Host: "10.0.0.1", Port: 18444, Network: "ipv4"}, {Time: f.now, Services: 9, Host: "fc00::1", Port: 18444, Network: "ipv6"}}
}
func (f *fake) AddAddress(_ netip.Addr, port uint16, _ bool) error { return f.bookErrs[port] }
func (f *fake) LocalAddresses() []string                           { return []string{"10.0.0.9:18444"} }

func (f *fake) Template(context.Context, []byte) (backend.Template, error) {
	var txs []*types.Tx
	fees, ops := []int64{0}, []int64{0}
	for _, id := range (fakePool{f}).IDs() {
		txs, fees, ops = append(txs, f.pool[id].Tx), append(fees, f.pool[id].Fee), append(ops, 4)
	}
	return backend.Template{Block: f.chain.Build(f.tip, f.chain.PayTo, txs...), Fees: fees, SigOps: ops, MempoolSequence: f.sequence}, nil
}

func (f *fake) Generate(_ context.Context, n int, lock []byte, _ uint64) ([]types.Hash, error) {
	var list []types.Hash
	f.chain.PayTo = lock
	for range n {
		list = append(list, f.extend().Hash())
	}
	return list, nil
}

func (f *fake) GenerateBlock(_ context.Context, lock []byte, txs []*types.Tx, submit bool) (*types.Block, error) {
	b := f.chain.Build(f.tip, lock, txs...)
	consensustest.Solve(b)
	if !submit {
		return b, nil
	}
	n, err := f.chain.Add(b)
	if err == nil {
		f.setTip(n)
	}
	return b, err
}

func (f *fake) State() backend.MiningState {
	if f.mining {
		return backend.MiningState{On: true, Threads: 1, HashRate: 1000}
	}
	return backend.MiningState{}
}

func (f *fake) SetMining(on bool) error {
	f.mining = on
	return nil
}

type fakeFilters struct{ f *fake }

func (x fakeFilters) Filter(h types.Hash) ([]byte, types.Hash, error) {
	if raw, ok := x.f.filters[h]; ok {
		return raw, types.Hash{9}, nil
	}
	return nil, types.Hash{}, backend.ErrNotFound
}
func (x fakeFilters) Synced() (int32, bool) { return x.f.tip.Height(), true }

func (f *fake) Params() *consensus.Params { return f.params }
func (f *fake) Service() backend.LocalService {
	return backend.LocalService{Version: 100, SubVersion: "/Cairn:0.1.0/", Protocol: 70016, Services: 9, LocalRelay: true}
}
func (f *fake) Now() time.Time               { return f.now }
func (f *fake) SetMockTime(t time.Time)      { f.now = t }
func (f *fake) Uptime() time.Duration        { return 42 * time.Second }
func (f *fake) Warnings() []string           { return nil }
func (f *fake) Settle(context.Context) error { return nil }
func (f *fake) Stop()                        { f.stopped = true }

// rig is a fake behind a real HTTP server and a Client of it.
type rig struct {
	*fake
	server *Server
	http   *httptest.Server
	client *client.Client
	slept  []time.Duration
	seen   []string
	mu     sync.Mutex
}

const testUser, testPass = "alice", "correct horse"

func newRig(t *testing.T, blocks int) *rig {
	t.Helper()
	r := &rig{fake: newFake(t, blocks)}
	r.server = New(Config{
		Credentials: []jsonrpc.Credential{jsonrpc.PlainCredential(testUser, testPass)},
		Sleep: func(_ context.Context, d time.Duration) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.slept = append(r.slept, d)
		},
		Observe: func(method string, _ time.Duration, code int) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if code != 0 {
				method += "!"
			}
			r.seen = append(r.seen, method)
		},
	})
	r.server.Ready(r.backend())
	r.http = httptest.NewServer(r.server)
	t.Cleanup(r.http.Close)
	var err error
	if r.client, err = client.Dial("http://"+testUser+":"+strings.ReplaceAll(testPass, " ", "%20")+"@"+r.http.Listener.Addr().String(), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.client.Close)
	return r
}

// call calls and decodes the result.
func call2[R any](t *testing.T, r *rig, method string, params ...any) R {
	t.Helper()
	var result R
	if err := r.client.Call(t.Context(), method, &result, params...); err != nil {
		t.Fatalf("%s %v: %v", method, params, err)
	}
	return result
}

type m = map[string]any

// wantError calls and checks the code and a part of the message.
func wantError(t *testing.T, r *rig, code int, text, method string, params ...any) {
	t.Helper()
	err := r.client.Call(t.Context(), method, nil, params...)
	var e *jsonrpc.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("%s %v: got %v, want code %d with %q", method, params, err, code, text)
	}
}

// post sends a raw body and returns status and reply.
func (r *rig) post(t *testing.T, body string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.http.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(testUser, testPass)
	req.Header.Set("Content-Type", "application/json")
	for _, f := range change {
		f(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK && resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("Content-Type %q", resp.Header.Get("Content-Type"))
	}
	return resp.StatusCode, string(raw)
}

// fakeSnapshots pretends to write files.
type fakeSnapshots struct{}

func (fakeSnapshots) Declared() []int32 { return []int32{2, 3, 1000} }

func (fakeSnapshots) Chainstates() []backend.Chainstate { return nil }

func (fakeSnapshots) Load(_ context.Context, path string) (backend.Loaded, error) {
	return backend.Loaded{Path: "/data/" + path}, backend.ErrSnapshotFile
}

func (fakeSnapshots) Dump(_ context.Context, path string, at backend.Entry) (backend.Dumped, error) {
	switch path {
	case "there":
		return backend.Dumped{Path: "/data/there"}, backend.ErrSnapshotExists
	case "pruned":
		return backend.Dumped{}, backend.ErrPruned
	}
	return backend.Dumped{Coins: 7, Path: "/data/" + path, Hash: types.Hash{1}}, nil
}
