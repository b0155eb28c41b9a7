package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// place is a block of a tree that is drawn by hand.
type place struct {
	hash   types.Hash
	height int32
	work   uint64
	parent *place
}

func (p *place) Height() int32    { return p.height }
func (p *place) Hash() types.Hash { return p.hash }
func (p *place) Work() (w consensus.Work) {
	w[0] = p.work
	return w
}
func (p *place) MedianTime() int64 { return int64(p.height) }
func (p *place) Ancestor(h int32) consensus.Ancestry {
	for p != nil && p.height > h {
		p = p.parent
	}
	return p
}
func (p *place) Header() types.Header {
	h := types.Header{Time: uint32(p.height)}
	if p.parent != nil {
		h.PrevHash = p.parent.hash
	}
	return h
}

// drawn is a node with such a tree, and a mempool of chunks.
type drawn struct {
	backend.Chain
	backend.Mempool

	mu     sync.Mutex
	all    map[types.Hash]*place
	tips   []*place // the best first
	seq    uint64
	chunks []backend.MempoolChunk
	looked int
}

func newDrawn() *drawn {
	d := &drawn{all: map[types.Hash]*place{}}
	d.grow(nil, "0")
	return d
}

// grow puts a block on parent and makes it the best tip.
func (d *drawn) grow(parent *place, name string) *place {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &place{hash: types.DoubleSHA256([]byte(name)), parent: parent, work: 1}
	if parent != nil {
		p.height, p.work = parent.height+1, parent.work+1
	}
	d.all[p.hash] = p
	tips := []*place{p}
	for _, t := range d.tips {
		if t != parent {
			tips = append(tips, t)
		}
	}
	d.tips = tips
	return p
}

func (d *drawn) entry(p *place) backend.Entry {
	return backend.Entry{Ancestry: p, HaveBlock: true, Status: "active", TxCount: 1}
}
func (d *drawn) Tip() backend.Entry        { return d.Tips()[0] }
func (d *drawn) BestHeader() backend.Entry { return d.Tips()[0] }
func (d *drawn) Tips() (list []backend.Entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.tips {
		list = append(list, d.entry(t))
	}
	return list
}
func (d *drawn) Lookup(h types.Hash) (backend.Entry, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.all[h]
	if !ok {
		return backend.Entry{}, false
	}
	return d.entry(p), true
}
func (d *drawn) Info() backend.MempoolInfo { return backend.MempoolInfo{Count: len(d.chunks)} }
func (d *drawn) Sequence() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seq
}
func (d *drawn) Chunks() []backend.MempoolChunk {
	d.looked++
	return d.chunks
}
func (d *drawn) Entry(types.Hash) (backend.MempoolEntry, bool) { return backend.MempoolEntry{}, false }

// Call knows one block, and nothing else.
func (d *drawn) Call(_ context.Context, method string, params ...any) (json.RawMessage, error) {
	switch {
	case method == "getblockhash" && params[0] == int64(7):
		return json.RawMessage(`"ab"`), nil
	case method == "getblockheader" && params[0] == "ab":
		return json.RawMessage(`{"hash":"ab","height":7,"nTx":60,"confirmations":1,"difficulty":1}`), nil
	case method == "getblock":
		var txs []string
		for i := range 60 {
			txs = append(txs, fmt.Sprintf(`{"txid":"%d","vsize":100,"fee":0.00000100,"vin":[{}],"vout":[{},{}]}`, i))
		}
		return json.RawMessage(`{"nTx":60,"size":9,"weight":36,"tx":[` + strings.Join(txs, ",") + `]}`), nil
	case method == "validateaddress":
		return json.RawMessage(`{"isvalid":false,"error":"bad"}`), nil
	}
	return nil, &jsonrpc.Error{Code: jsonrpc.CodeNotFound, Message: "Block not found"}
}

// network is a Source of drawn nodes that takes orders.
type network struct {
	mu     sync.Mutex
	nodes  []*drawn
	orders []Order
	fail   error
}

func (n *network) Picture() Picture {
	p := Picture{Links: []Link{{A: 0, B: 1, Up: true}}}
	for _, d := range n.nodes {
		p.Nodes = append(p.Nodes, Member{Running: true, View: &View{Chain: d, Mempool: d, Calls: d}})
	}
	p.Nodes = append(p.Nodes, Member{State: "stopped"})
	return p
}
func (n *network) Sighting(types.Hash) (Sighting, bool) { return Sighting{}, false }
func (n *network) Do(_ context.Context, o Order) (Result, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.orders = append(n.orders, o)
	return Result{Hashes: []string{"cd"}}, n.fail
}

func serve(t *testing.T, n *network, orders Orders) (*Site, *httptest.Server) {
	t.Helper()
	s, err := New(Config{Source: n, Orders: orders, About: About{Network: "regtest", Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		srv.Close()
	})
	return s, srv
}

func get(t *testing.T, url string, head ...string) (*http.Response, string) {
	t.Helper()
	return send2(t, http.MethodGet, url, "", head...)
}

func send2(t *testing.T, method, url, body string, head ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(head); i += 2 {
		if head[i] == "Host" {
			req.Host = head[i+1]
		}
		req.Header.Set(head[i], head[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestPageIsWholeAndSmall(t *testing.T) {
	s, srv := serve(t, &network{nodes: []*drawn{newDrawn()}}, nil)
	total := 0
	for name, f := range s.files {
		total += len(f.body)
		resp, body := get(t, srv.URL+"/static/"+name)
		if resp.StatusCode != http.StatusOK || body != string(f.body) || f.kind == "" || resp.Header.Get("Content-Type") != f.kind {
			t.Errorf("%s: %s, %q", name, resp.Status, resp.Header.Get("Content-Type"))
		}
		again, _ := get(t, srv.URL+"/static/"+name, "If-None-Match", resp.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s is sent again: %s", name, again.Status)
		}
		for _, foreign := range []string{"http://", "https://", "innerHTML", "insertAdjacentHTML", "eval(", "style="} {
			text := strings.ReplaceAll(body, "http://www.w3.org/2000/svg", "")
			if strings.Contains(text, foreign) {
				t.Errorf("%s contains %q: the page is its own and makes no markup of texts", name, foreign)
			}
		}
	}
	if len(s.files) < 8 || total > 300_000 {
		t.Errorf("%d files of %d bytes", len(s.files), total)
	}
	resp, body := get(t, srv.URL+"/")
	if !strings.Contains(body, "<title>Cairn") || len(resp.Cookies()) != 0 {
		t.Errorf("the page of a read-only site: %q, cookies %v", body[:60], resp.Cookies())
	}
	for name, want := range map[string]string{"Content-Security-Policy": contentPolicy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if resp, _ := get(t, srv.URL+"/static/nothing.js"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a file that is not there: %s", resp.Status)
	}
	if resp, _ := send2(t, http.MethodPost, srv.URL+"/api/order", "{}"); resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a read-only site takes an order: %s", resp.Status)
	}
}

// Lines 31 and 32 of the bad inputs: other sites' pages can neither read nor order.
func TestForeignPagesAreRefused(t *testing.T) {
	n := &network{nodes: []*drawn{newDrawn()}}
	_, srv := serve(t, n, n)
	for _, c := range []struct {
		path string
		head []string
		want int
	}{
		{"/", []string{"Host", "evil.example"}, 403},
		{"/api/about", []string{"Host", "evil.example:80"}, 403},
		{"/api/about", []string{"Host", "localhost:21380"}, 200},
		{"/api/about", []string{"Host", "[::1]:21380"}, 200},
		{"/api/about", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"/api/about", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"/events", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"/", []string{"Sec-Fetch-Site", "cross-site"}, 200}, // somebody followed a link
		{"/api/about", []string{"Sec-Fetch-Site", "same-origin"}, 200},
	} {
		resp, _ := get(t, srv.URL+c.path, c.head...)
		if resp.StatusCode != c.want || resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s with %q: %s", c.path, c.head, resp.Status)
		}
	}

	page, _ := get(t, srv.URL+"/")
	if len(page.Cookies()) != 1 || !page.Cookies()[0].HttpOnly || page.Cookies()[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("the page's cookies are %v", page.Cookies())
	}
	cookie := page.Cookies()[0].Name + "=" + page.Cookies()[0].Value
	good := map[string]string{"Origin": srv.URL, "Content-Type": "application/json", "Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
	try := func(change ...string) (*http.Response, string) {
		var head []string
		for name, v := range good {
			head = append(head, name, v)
		}
		return send2(t, http.MethodPost, srv.URL+"/api/order", `{"what":"mine","node":1,"count":2}`, append(head, change...)...)
	}
	for _, change := range [][]string{
		{"Origin", ""}, {"Origin", "null"}, {"Origin", "http://evil.example"}, {"Origin", "http://127.0.0.1:1"}, {"Content-Type", "text/plain"}, {"Content-Type", ""},
		{"Cookie", ""}, {"Cookie", page.Cookies()[0].Name + "=00"}, {"Cookie", "cairn-1=" + page.Cookies()[0].Value}, {"Sec-Fetch-Site", "same-site"},
	} {
		if resp, body := try(change...); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "error") {
			t.Errorf("an order with %q: %s %s", change, resp.Status, body)
		}
	}
	if len(n.orders) != 0 {
		t.Fatalf("orders came through: %v", n.orders)
	}
	if resp, body := try(); resp.StatusCode != http.StatusOK || body != `{"hashes":["cd"]}` || len(n.orders) != 1 || n.orders[0].Count != 2 {
		t.Errorf("the page's own order: %s %s %v", resp.Status, body, n.orders)
	}
	n.fail = errors.New("there is no node 9")
	if resp, body := try(); resp.StatusCode != http.StatusConflict || body != `{"error":"there is no node 9"}` {
		t.Errorf("an order that fails: %s %s", resp.Status, body)
	}
	for _, bad := range []string{"", "[]", `{"what":1}`, `{"who":"me"}`, `{"links":[["a",2]]}`, `{"address":"` + strings.Repeat("x", maxOrderBytes) + `"}`} {
		head := []string{}
		for name, v := range good {
			head = append(head, name, v)
		}
		if resp, _ := send2(t, http.MethodPost, srv.URL+"/api/order", bad, head...); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("an order %.40q: %s", bad, resp.Status)
		}
	}
}

func TestExplorerAnswers(t *testing.T) {
	d := newDrawn()
	_, srv := serve(t, &network{nodes: []*drawn{d, newDrawn()}}, nil)
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/api/block/7", 200, `"from":0,"header":{"hash":"ab"`},
		{"/api/block/7?from=50", 200, `"txs":[{"txid":"50","vsize":100,"fee":0.00000100,"in":1,"out":2},`},
		{"/api/block/7?from=-3", 200, `"from":0`},
		{"/api/block/7?from=99999999999999999999", 200, `"from":0`},
		{"/api/block/7?from=1000", 200, `"txs":[]`},
		{"/api/block/7?node=1", 200, `"node":1`},
		{"/api/block/7?node=2", 404, "this node does not run"},
		{"/api/block/7?node=-1", 404, "this node does not run"},
		{"/api/block/7?node=x", 404, "this node does not run"},
		{"/api/block/8", 404, "Block not found"},
		{"/api/block/99999999999999999999999", 404, "Block not found"},
		{"/api/block/..%2f..%2fetc", 404, "Block not found"},
		{"/api/tx/zz", 404, "Block not found"},
		{"/api/address/zz", 404, "not an address of this network: bad"},
		{"/api/find?q=7", 200, `{"id":"ab","kind":"block","node":0}`},
		{"/api/find?q=" + strings.Repeat("f", 64) + ":1", 404, "no block, transaction or address"},
		{"/api/find?q=" + strings.Repeat("f", 64) + ":x", 404, "no block, transaction or address"},
		{"/api/find?q=8", 404, "the best branch has no block 8"},
		{"/api/find?q=", 404, "no block, transaction or address"},
		{"/api/find?q=" + strings.Repeat("f", 64), 404, "no block, transaction or address"},
		{"/api/find?q=" + strings.Repeat("9", 4000), 404, "no block, transaction or address"},
		{"/api/mempool", 200, `"count":0`},
	} {
		resp, body := get(t, srv.URL+c.path)
		if resp.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%.60s: %s %.200s", c.path, resp.Status, body)
		}
	}
}

// watching reads a stream, event by event.
type watching struct {
	t *testing.T
	r *bufio.Reader
}

func watch(t *testing.T, url string) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("the stream answers %s", resp.Status)
	}
	return &watching{t, bufio.NewReader(resp.Body)}
}

func (w *watching) next() (kind string, change map[string]map[string]json.RawMessage) {
	w.t.Helper()
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			w.t.Fatal(err)
		}
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			kind = strings.TrimSpace(name)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if err := json.Unmarshal([]byte(data), &change); err != nil {
				w.t.Fatal(err)
			}
			return kind, change
		}
	}
}

// The first message is everything, the next only what has changed; a client that comes later gets everything, too.
func TestStreamSendsDifferences(t *testing.T) {
	d := newDrawn()
	s, srv := serve(t, &network{nodes: []*drawn{d}}, nil)
	w := watch(t, srv.URL)
	kind, all := w.next()
	if kind != "whole" || len(all["blocks"]) != 1 || len(all["nodes"]) != 2 || len(all["links"]) != 1 {
		t.Fatalf("the first message is %q: %v", kind, all)
	}
	d.grow(d.tips[0], "1")
	kind, change := w.next()
	if kind != "change" || len(change["blocks"]) != 1 || len(change["nodes"]) != 1 || change["links"] != nil {
		t.Fatalf("after a block comes %q: %v", kind, change)
	}
	if kind, all := watch(t, srv.URL).next(); kind != "whole" || len(all["blocks"]) != 2 {
		t.Errorf("who comes later gets %q: %v", kind, all)
	}
	s.Close()
	if rest, err := io.ReadAll(w.r); err != nil || bytes.Contains(rest, []byte("data:")) {
		t.Errorf("after the end came %q, %v", rest, err)
	}
	if resp, _ := get(t, srv.URL+"/events"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a closed site opens a stream: %s", resp.Status)
	}
}

// A client that reads nothing is dropped when its queue is full, and clients beyond the bound are not let in.
func TestStreamIsBounded(t *testing.T) {
	d := newDrawn()
	s := newStream(newWatcher(&network{nodes: []*drawn{d}}, func() time.Time { return time.Unix(0, 0) }))
	s.running = true // the test is the loop
	slow := s.join()
	for i := range clientQueue {
		if !s.step() {
			t.Fatalf("dropped after %d messages", i)
		}
		d.grow(d.tips[0], fmt.Sprint("b", i))
	}
	if s.step() || len(s.clients) != 0 || len(slow.queue) != clientQueue {
		t.Errorf("%d clients, %d messages wait", len(s.clients), len(slow.queue))
	}
	for range maxClients {
		s.running = true
		if s.join() == nil {
			t.Fatal("a client was not let in")
		}
	}
	if s.join() != nil {
		t.Error("more clients than the bound were let in")
	}
	s.close()
	s.close()
	if s.join() != nil || len(s.clients) != 0 {
		t.Error("a closed stream has clients")
	}
}

// A branch that lost stays in the tree, until it falls out of the window; the number of blocks is bounded.
//
//	0 ── 1 ── a2 ── a3
//	     └─── b2
func TestTreeWindow(t *testing.T) {
	d := newDrawn()
	one := d.grow(d.tips[0], "1")
	b := d.grow(one, "b2")
	a := d.grow(d.grow(one, "a2"), "a3")
	w := newTree()
	nobody := func(types.Hash) int { return -1 }
	w.look(d, nobody)
	w.trim()
	if len(w.blocks) != 5 || w.blocks[b.hash] == nil || w.blocks[b.hash].Parent != one.hash {
		t.Fatalf("the tree has %d blocks", len(w.blocks))
	}
	d.tips = []*place{a} // no node shows the other branch any more
	w.look(d, nobody)
	w.trim()
	if w.blocks[b.hash] == nil {
		t.Error("the branch that lost is gone")
	}
	tip := a
	for i := range treeHeights - 1 {
		tip = d.grow(tip, fmt.Sprint("c", i))
	}
	w.look(d, nobody)
	w.trim()
	if w.blocks[b.hash] != nil || w.blocks[one.hash] != nil || len(w.blocks) != treeHeights {
		t.Errorf("%d blocks are in the window", len(w.blocks))
	}
	for i := range 10 {
		side := d.all[tip.Ancestor(tip.height-190).Hash()]
		for j := range 150 {
			side = d.grow(side, fmt.Sprint("s", i, "-", j))
		}
	}
	d.tips[0], d.tips[len(d.tips)-1] = tip, d.tips[0]
	w.look(d, nobody)
	w.trim()
	if len(w.blocks) != treeBlocks || w.blocks[tip.hash] == nil {
		t.Errorf("%d blocks, at most %d", len(w.blocks), treeBlocks)
	}
}

// After a revert all nodes are below the window: the tree begins anew. While no node runs it stays as it is.
func TestTreeAfterRevert(t *testing.T) {
	d := newDrawn()
	n := &network{nodes: []*drawn{d}}
	w := newWatcher(n, time.Now)
	low := d.grow(d.tips[0], "1")
	for i := range treeHeights + 50 {
		d.grow(d.tips[0], fmt.Sprint("c", i))
	}
	w.look()
	if w.tree.low <= low.height {
		t.Fatalf("the window begins at %d", w.tree.low)
	}
	n.nodes = nil
	w.look()
	if got := len(w.look()["blocks"]); got != treeHeights {
		t.Errorf("without nodes %d blocks are shown", got)
	}
	n.nodes, d.tips = []*drawn{d}, []*place{low}
	w.look()
	if got := w.look()["blocks"]; len(got) != 2 || got[low.hash.String()] == nil {
		t.Errorf("after the revert %d blocks are shown", len(got))
	}
}

func TestLocksAreShort(t *testing.T) {
	var o output
	o.Lock.Asm, o.Lock.Hex, o.Lock.Type = strings.Repeat("a", 3000), "6a", "nulldata"
	o.shorten()
	if len(o.Lock.Asm) != maxLockText || o.Lock.Hex != "6a" {
		t.Errorf("%d characters, hex %q", len(o.Lock.Asm), o.Lock.Hex)
	}
	o.Lock.Type = "pubkeyhash"
	if o.shorten(); o.Lock.Hex != "" {
		t.Errorf("the bytes of a lock are sent: %q", o.Lock.Hex)
	}
}

// A histogram is made when the pool has changed, and not more often than once a second.
func TestHistogram(t *testing.T) {
	now := time.Unix(100, 0)
	clock := func() time.Time { return now }
	d := newDrawn()
	var p pool
	p.look(d, clock)
	d.seq = 1
	d.chunks = []backend.MempoolChunk{{Fee: 400, Weight: 400}, {Fee: 399, Weight: 400}, {Fee: 1e9, Weight: 401}, {Fee: -5, Weight: 4}, {Fee: 5, Weight: 0}}
	p.look(d, clock)
	if d.looked != 1 {
		t.Fatalf("the pool was looked through %d times within a second", d.looked)
	}
	now = now.Add(time.Second)
	p.look(d, clock)
	p.look(d, clock)
	last := len(feeBuckets) - 1
	// 4 and 3.99 a virtual byte are both in the bucket that begins at 3.
	if d.looked != 2 || p.Hist[3] != 200 || p.Hist[last] != 101 || p.Hist[0] != 1 {
		t.Errorf("looked %d times: %v", d.looked, p.Hist)
	}
}
