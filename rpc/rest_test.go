package rpc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/rpc/events"
	"github.com/cairn-chain/cairn/rpc/rest"
	"github.com/cairn-chain/cairn/types"
)

// restRig is a rig with REST and the indexes; get asks without credentials.
func restRig(t *testing.T) *rig {
	t.Helper()
	r, _ := indexRig(t)
	for range 101 {
		r.extend()
	}
	r.server.rest = rest.New(rest.Config{Result: r.server.calls.Result, Log: r.server.cfg.Log, Observe: r.server.cfg.Observe})
	return r
}

// pending is a signed transaction of block 1's coinbase.
func (r *rig) pending(t *testing.T) *types.Tx {
	t.Helper()
	first, _ := r.AtHeight(1)
	return r.chain.Lookup(first.Hash()).SignedSpend(t, 1000)
}

func (r *rig) get(t *testing.T, path string, change ...func(*http.Request)) (status int, kind, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.http.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%s: pages of others may read this", path)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(raw)
}

// good gets a success of a kind.
func (r *rig) good(t *testing.T, path, wantKind string) string {
	t.Helper()
	status, kind, body := r.get(t, path)
	if status != http.StatusOK || kind != wantKind {
		t.Fatalf("%s: %d %s %.200s", path, status, kind, body)
	}
	return body
}

// forms gets a thing in its three forms, checks that hex is bin, and returns bin and json.
func (r *rig) forms(t *testing.T, path, query string) (raw, text string) {
	t.Helper()
	raw = r.good(t, path+".bin"+query, "application/octet-stream")
	if got := r.good(t, path+".hex"+query, "text/plain"); got != hex.EncodeToString([]byte(raw))+"\n" {
		t.Errorf("%s: hex is not bin: %.100s", path, got)
	}
	text = r.good(t, path+".json"+query, "application/json")
	if !json.Valid([]byte(text)) {
		t.Errorf("%s: no JSON: %.200s", path, text)
	}
	return raw, text
}

// sameJSON compares an answer with a method's result.
func sameJSON(t *testing.T, r *rig, rest, method string, params ...any) {
	t.Helper()
	want := call2[json.RawMessage](t, r, method, params...)
	if got := strings.TrimSpace(rest); got != string(want) {
		t.Errorf("%s %v:\nREST %.300s\nRPC  %.300s", method, params, got, want)
	}
}

func TestRESTBlocks(t *testing.T) {
	r := restRig(t)
	n := r.extend(r.pending(t))
	hash := n.Hash().String()
	raw, text := r.forms(t, "/rest/block/"+hash, "")
	if raw != string(n.Block.Bytes()) {
		t.Error("the block is another one")
	}
	sameJSON(t, r, text, "getblock", hash, 3)
	raw, text = r.forms(t, "/rest/block/notxdetails/"+hash, "")
	if raw != string(n.Block.Bytes()) {
		t.Error("without details bin is still the whole block")
	}
	sameJSON(t, r, text, "getblock", hash, 1)

	height := n.Height()
	raw = r.good(t, fmt.Sprintf("/rest/blockhashbyheight/%d.bin", height), "application/octet-stream")
	if h := n.Hash(); raw != string(h[:]) {
		t.Errorf("blockhashbyheight: %x", raw)
	}
	if got := r.good(t, fmt.Sprintf("/rest/blockhashbyheight/%d.hex", height), "text/plain"); got != hash+"\n" {
		t.Errorf("blockhashbyheight: %s", got)
	}
	if got := r.good(t, fmt.Sprintf("/rest/blockhashbyheight/%d.json", height), "application/json"); got != `{"blockhash":"`+hash+"\"}\n" {
		t.Errorf("blockhashbyheight: %s", got)
	}
}

func TestRESTHeaders(t *testing.T) {
	r := restRig(t)
	first, _ := r.AtHeight(1)
	hash := first.Hash().String()
	raw, text := r.forms(t, "/rest/headers/"+hash, "?count=3")
	var list []m
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 3 || len(raw) != 240 {
		t.Fatalf("%d headers, %d bytes, %v", len(list), len(raw), err)
	}
	if list[2]["height"] != 3.0 {
		t.Errorf("the third is %v", list[2])
	}
	if old, _ := r.forms(t, "/rest/headers/3/"+hash, ""); old != raw {
		t.Error("the older form differs")
	}
	if five, _ := r.forms(t, "/rest/headers/"+hash, ""); len(five) != 5*80 {
		t.Errorf("%d bytes without a count", len(five))
	}
	tip := r.Tip()
	if one, _ := r.forms(t, "/rest/headers/"+tip.Hash().String(), "?count=2000"); len(one) != 80 {
		t.Errorf("%d bytes from the tip on", len(one))
	}
	stale := r.chain.Extend(r.tip.Parent)
	for _, h := range []string{stale.Hash().String(), strings.Repeat("0", 64)} {
		if got := r.good(t, "/rest/headers/"+h+".json", "application/json"); got != "[]\n" {
			t.Errorf("%s is not on the best chain: %s", h, got)
		}
	}
}

func TestRESTFilters(t *testing.T) {
	r := restRig(t)
	r.filterAll(t)
	first, _ := r.AtHeight(1)
	hash := first.Hash()
	raw, text := r.forms(t, "/rest/blockfilter/basic/"+hash.String(), "")
	filter := r.filters[hash]
	if want := types.AppendVarBytes(append([]byte{0}, hash[:]...), filter); raw != string(want) {
		t.Errorf("filter %x, want %x", raw, want)
	}
	if want := `{"filter":"` + hex.EncodeToString(filter) + "\"}\n"; text != want {
		t.Errorf("filter %s, want %s", text, want)
	}
	raw, text = r.forms(t, "/rest/blockfilterheaders/basic/"+hash.String(), "?count=2")
	if len(raw) != 64 || strings.Count(text, `"`) != 4 {
		t.Errorf("filter headers %d bytes, %s", len(raw), text)
	}
	if old, _ := r.forms(t, "/rest/blockfilterheaders/basic/2/"+hash.String(), ""); old != raw {
		t.Error("the older form differs")
	}
	delete(r.filters, hash)
	r.wantREST(t, 404, "Filter not found. This error is unexpected and indicates index corruption.", "/rest/blockfilter/basic/"+hash.String()+".json")
	b := r.backend()
	b.Filters = nil
	r.server.Ready(b)
	r.wantREST(t, 400, "Index is not enabled for filtertype basic", "/rest/blockfilter/basic/"+hash.String()+".json")
	r.wantREST(t, 400, "Index is not enabled for filtertype basic", "/rest/blockfilterheaders/basic/"+hash.String()+".json")
}

func TestRESTChainAndPool(t *testing.T) {
	r := restRig(t)
	sameJSON(t, r, r.good(t, "/rest/chaininfo.json", "application/json"), "getblockchaininfo")
	sameJSON(t, r, r.good(t, "/rest/deploymentinfo.json", "application/json"), "getdeploymentinfo")
	hash := r.Tip().Hash().String()
	sameJSON(t, r, r.good(t, "/rest/deploymentinfo/"+hash+".json", "application/json"), "getdeploymentinfo", hash)
	if got := r.good(t, "/rest/mempool/contents.json", "application/json"); got != "{}\n" {
		t.Errorf("an empty pool is %s", got)
	}
	a := r.pending(t)
	r.put(a, 1000)
	sameJSON(t, r, r.good(t, "/rest/mempool/info.json", "application/json"), "getmempoolinfo")
	sameJSON(t, r, r.good(t, "/rest/mempool/contents.json", "application/json"), "getrawmempool", true)
	sameJSON(t, r, r.good(t, "/rest/mempool/contents.json?verbose=false", "application/json"), "getrawmempool", false)
	sameJSON(t, r, r.good(t, "/rest/mempool/contents.json?verbose=false&mempool_sequence=true", "application/json"), "getrawmempool", false, true)
	raw, text := r.forms(t, "/rest/tx/"+a.ID().String(), "")
	if raw != string(a.Bytes()) || strings.Contains(text, "blockhash") || !strings.Contains(text, `"hex":"`) {
		t.Errorf("the transaction: %s", text)
	}
	n := r.extend(a)
	if _, text = r.forms(t, "/rest/tx/"+a.ID().String(), ""); !strings.Contains(text, `"blockhash":"`+n.Hash().String()+`"`) {
		t.Errorf("of a block: %s", text)
	}
	spent, _ := r.forms(t, "/rest/spenttxouts/"+n.Hash().String(), "")
	d := types.NewDecoder([]byte(spent))
	if d.VarInt() != 2 || d.VarInt() != 0 || d.VarInt() != uint64(len(a.In)) {
		t.Errorf("spent outputs %x", spent)
	}
	if value := int64(d.Uint64()); value != n.Update.Undo[0][0].Out.Value {
		t.Errorf("the first spent output is of %d", value)
	}
	genesis, _ := r.AtHeight(0)
	if got := r.good(t, "/rest/spenttxouts/"+genesis.Hash().String()+".json", "application/json"); got != "[[]]\n" {
		t.Errorf("genesis spends %s", got)
	}
}

func TestRESTCoins(t *testing.T) {
	r := restRig(t)
	pending := r.pending(t)
	r.put(pending, 1000)
	spends := pending.In[0].PrevOut
	made := types.OutPoint{TxID: pending.ID()}
	path := func(ops ...types.OutPoint) string {
		var s strings.Builder
		for _, op := range ops {
			fmt.Fprintf(&s, "/%s-%d", op.TxID, op.Index)
		}
		return s.String()
	}
	bits := func(text string) string {
		var v struct {
			Height int    `json:"chainHeight"`
			Tip    string `json:"chaintipHash"`
			Bitmap string
			UTXOs  []struct {
				Height int64
				Value  json.Number
			}
		}
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if v.Height != int(r.tip.Height()) || v.Tip != r.tip.Hash().String() || strings.Count(v.Bitmap, "1") != len(v.UTXOs) {
			t.Errorf("getutxos: %s", text)
		}
		return v.Bitmap
	}
	raw, text := r.forms(t, "/rest/getutxos"+path(spends, made), "")
	if got := bits(text); got != "10" {
		t.Errorf("without the mempool: %s", got)
	}
	if bin := []byte(raw); binary.LittleEndian.Uint32(bin) != uint32(r.tip.Height()) || bin[36] != 1 || bin[37] != 1 || bin[38] != 1 {
		t.Errorf("bitmap and count in %x", bin)
	}
	poolRaw, text := r.forms(t, "/rest/getutxos/checkmempool"+path(spends, made), "")
	if got := bits(text); got != "01" || !strings.Contains(text, `"height":2147483647`) {
		t.Errorf("with the mempool: %s", text)
	}
	body := []byte{1, 2}
	for _, op := range []types.OutPoint{spends, made} {
		body = binary.LittleEndian.AppendUint32(append(body, op.TxID[:]...), op.Index)
	}
	post := func(suffix string, body []byte) (int, string) {
		status, _, got := r.get(t, "/rest/getutxos"+suffix, func(q *http.Request) {
			q.Method, q.Body, q.ContentLength = http.MethodPost, io.NopCloser(bytes.NewReader(body)), int64(len(body))
		})
		return status, got
	}
	if status, got := post(".bin", body); status != 200 || got != poolRaw {
		t.Errorf("by POST: %d %x", status, got)
	}
	if status, got := post(".hex", []byte(hex.EncodeToString(body)+"\n")); status != 200 || got != hex.EncodeToString([]byte(poolRaw))+"\n" {
		t.Errorf("by POST in hex: %d %s", status, got)
	}
	for _, c := range []struct {
		suffix string
		body   []byte
		status int
		text   string
	}{
		{".bin", body[:20], 400, "Parse error"},
		{".bin", []byte(`{"checkmempool`), 400, "Parse error"},
		{".bin", append([]byte{0, 16}, make([]byte, 16*36)...), 400, "Error: max outpoints exceeded (max: 15, tried: 16)"},
		{".bin", []byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 400, "Parse error"},
		{".bin", make([]byte, 64<<10+1), 413, "The request's body is over 65536 bytes"},
		{".hex", []byte("zz"), 400, "Parse error"},
		{".json", body, 400, "Error: empty request"},
		{"", body, 404, "output format not found (available: .bin, .hex, .json)"},
		{path(made) + ".bin", body, 400, "Combination of URI scheme inputs and raw post data is not allowed"},
	} {
		if status, got := post(c.suffix, c.body); status != c.status || got != c.text+"\r\n" {
			t.Errorf("%s: %d %q, want %d %q", c.suffix, status, got, c.status, c.text)
		}
	}
	many := strings.Repeat(path(made), 15)
	r.good(t, "/rest/getutxos"+many+".json", "application/json")
	r.wantREST(t, 400, "Error: max outpoints exceeded (max: 15, tried: 16)", "/rest/getutxos"+many+path(made)+".json")
}

func (r *rig) wantREST(t *testing.T, status int, text, path string) {
	t.Helper()
	got, kind, body := r.get(t, path)
	if got != status || body != text+"\r\n" || kind != "text/plain" {
		t.Errorf("%s: %d %s %q, want %d %q", path, got, kind, body, status, text)
	}
}

func TestRESTErrors(t *testing.T) {
	r := restRig(t)
	none := strings.Repeat("0", 64)
	tip := r.Tip().Hash().String()
	const formats = "output format not found (available: .bin, .hex, .json)"
	for path, want := range map[string]string{
		"/rest/tx/abc.json":                                 "400 Invalid hash: abc",
		"/rest/tx/" + none + ".json":                        "404 " + none + " not found",
		"/rest/tx/" + none + ".xml":                         "400 Invalid hash: " + none + ".xml",
		"/rest/block/abc.bin":                               "400 Invalid hash: abc",
		"/rest/block/" + none + ".bin":                      "404 " + none + " not found",
		"/rest/block/" + tip:                                "404 " + formats,
		"/rest/block/" + tip + ".":                          "404 " + formats,
		"/rest/headers/1/2/" + tip + ".json":                "400 Invalid URI format. Expected /rest/headers/<hash>.<ext>?count=<count>",
		"/rest/headers/abc.json":                            "400 Invalid hash: abc",
		"/rest/headers/" + tip + ".json?count=%zz":          "400 URI parsing failed, it likely contained RFC 3986 invalid characters",
		"/rest/blockhashbyheight/abc.json":                  "400 Invalid height: abc",
		"/rest/blockhashbyheight/-1.json":                   "400 Invalid height: -1",
		"/rest/blockhashbyheight/+1.json":                   "400 Invalid height: +1",
		"/rest/blockhashbyheight/%22%3Cb%3E.json":           "400 Invalid height: b",
		"/rest/blockhashbyheight/.json":                     "400 Invalid height: ",
		"/rest/blockhashbyheight/1000000.json":              "404 Block height out of range",
		"/rest/blockhashbyheight/1":                         "404 " + formats,
		"/rest/chaininfo":                                   "404 output format not found (available: json)",
		"/rest/chaininfo.bin":                               "404 output format not found (available: json)",
		"/rest/mempool/contents.hex":                        "404 output format not found (available: json)",
		"/rest/mempool/nonsense.json":                       "400 Invalid URI format. Expected /rest/mempool/<info|contents>.json",
		"/rest/mempool/contents.json?verbose=TRUE":          `400 The "verbose" query parameter must be either "true" or "false".`,
		"/rest/mempool/contents.json?mempool_sequence=1":    `400 The "mempool_sequence" query parameter must be either "true" or "false".`,
		"/rest/mempool/contents.json?mempool_sequence=true": `400 Verbose results cannot contain mempool sequence values. (hint: set "verbose=false")`,
		"/rest/getutxos":                                    "400 Error: empty request",
		"/rest/getutxos/checkmempool.json":                  "400 Error: empty request",
		"/rest/getutxos/checkmempool/abc-0.json":            "400 Parse error",
		"/rest/getutxos/" + tip + "--1.json":                "400 Parse error",
		"/rest/getutxos/" + tip + ".json":                   "400 Parse error",
		"/rest/blockfilter/basic.json":                      "400 Invalid URI format. Expected /rest/blockfilter/<filtertype>/<blockhash>",
		"/rest/blockfilter/abc/" + tip + ".json":            "400 Unknown filtertype abc",
		"/rest/blockfilter/basic/abc.json":                  "400 Invalid hash: abc",
		"/rest/blockfilter/basic/" + none + ".json":         "404 " + none + " not found",
		"/rest/blockfilterheaders/basic.json":               "400 Invalid URI format. Expected /rest/blockfilterheaders/<filtertype>/<blockhash>.<ext>?count=<count>",
		"/rest/blockfilterheaders/abc/" + tip + ".json":     "400 Unknown filtertype abc",
		"/rest/blockfilterheaders/basic/abc.json":           "400 Invalid hash: abc",
		"/rest/deploymentinfo/abc.json":                     "400 Invalid hash: abc",
		"/rest/deploymentinfo/" + none + ".json":            "400 Block not found",
		"/rest/spenttxouts/1/" + tip + ".json":              "400 Invalid URI format. Expected /rest/spenttxouts/<hash>.<ext>",
		"/rest/spenttxouts/" + none + ".json":               "404 " + none + " not found",
		"/rest/nonsense":                                    "404 Not found",
	} {
		status := 400
		if strings.HasPrefix(want, "404") {
			status = 404
		}
		r.wantREST(t, status, want[4:], path)
	}
	for _, n := range []string{"5a", "-5", "0", "2001", strings.Repeat("9", 35)} {
		text := "Header count is invalid or out of acceptable range (1-2000): " + n
		r.wantREST(t, 400, text, "/rest/headers/"+n+"/"+tip+".json")
		r.wantREST(t, 400, text, "/rest/blockfilterheaders/basic/"+tip+".json?count="+n)
	}
}

// TestRESTIsForNoPages: REST asks nobody who he is, so a page in a browser must not get at it.
func TestRESTIsForNoPages(t *testing.T) {
	r := restRig(t)
	for name, change := range map[string]func(*http.Request){
		"rebinding":  func(q *http.Request) { q.Host = "evil.example" },
		"origin":     func(q *http.Request) { q.Header.Set("Origin", "http://evil.example") },
		"cross-site": func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "cross-site") },
	} {
		for _, path := range []string{"/rest/chaininfo.json", events.Path} {
			if status, _, _ := r.get(t, path, change); status != http.StatusForbidden {
				t.Errorf("%s at %s: %d", name, path, status)
			}
		}
	}
	if status, _, _ := r.get(t, "/rest/chaininfo.json", func(q *http.Request) { q.Method = http.MethodDelete }); status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", status)
	}
	r.server.rest = nil
	if status, _, _ := r.get(t, "/rest/chaininfo.json"); status != http.StatusNotFound {
		t.Errorf("switched off: %d", status)
	}
}

func TestRESTFailures(t *testing.T) {
	r := restRig(t)
	r.blockPanics = true
	r.wantREST(t, 500, "Internal error; see the node's log", "/rest/block/"+r.Tip().Hash().String()+".bin")
	r.server.state.Store(nil)
	r.server.Warmup("Loading block index…")
	r.wantREST(t, 503, "Service temporarily unavailable: Loading block index…", "/rest/chaininfo.json")
}

// TestLargePool: the whole list of a large mempool, which is written piece by piece, is the same as RPC's.
func TestLargePool(t *testing.T) {
	r := restRig(t)
	tx := r.pending(t)
	for i := range 500 {
		next, err := types.DecodeTx(tx.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		next.LockTime = uint32(i)
		r.put(next, 1000)
	}
	sameJSON(t, r, r.good(t, "/rest/mempool/contents.json", "application/json"), "getrawmempool", true)
}
