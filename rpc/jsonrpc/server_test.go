package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDialect(t *testing.T) {
	r := newDesk(t)
	const v2 = `"jsonrpc":"2.0",`
	for _, c := range []struct {
		name, body string
		status     int
		reply      string
	}{
		{"version 1", `{"method":"getblockcount","id":1}`, 200, `{"result":3,"error":null,"id":1}`},
		{"version 1.0 by name", `{"jsonrpc":"1.0","method":"getblockcount","params":[],"id":"x"}`, 200, `{"result":3,"error":null,"id":"x"}`},
		{"version 1 without id", `{"method":"getblockcount"}`, 200, `{"result":3,"error":null,"id":null}`},
		{"version 2", `{` + v2 + `"method":"getblockcount","id":1}`, 200, `{"jsonrpc":"2.0","result":3,"id":1}`},
		{"version 2, null result", `{` + v2 + `"method":"ping","id":1}`, 200, `{"jsonrpc":"2.0","result":null,"id":1}`},
		{"version 2, null id is no notification", `{` + v2 + `"method":"getblockcount","id":null}`, 200, `{"jsonrpc":"2.0","result":3,"id":null}`},
		{"id of any kind", `{` + v2 + `"method":"getblockcount","id":{"a":[1,"b"]}}`, 200, `{"jsonrpc":"2.0","result":3,"id":{"a":[1,"b"]}}`},
		{"notification", `{` + v2 + `"method":"getblockcount"}`, 204, ``},
		{"failing notification", `{` + v2 + `"method":"nonsense"}`, 204, ``},
		{"error in version 1", `{"method":"getblockhash","params":[99],"id":1}`, 500, `{"result":null,"error":{"code":-8,"message":"Block height out of range"},"id":1}`},
		{"error in version 2", `{` + v2 + `"method":"getblockhash","params":[99],"id":1}`, 200, `{"jsonrpc":"2.0","error":{"code":-8,"message":"Block height out of range"},"id":1}`},
		{"unknown method, 1", `{"method":"nonsense","id":1}`, 404, `{"result":null,"error":{"code":-32601,"message":"Method not found"},"id":1}`},
		{"unknown method, 2", `{` + v2 + `"method":"nonsense","id":1}`, 200, `{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}`},
		{"no method", `{"id":1}`, 400, `{"result":null,"error":{"code":-32600,"message":"Missing method"},"id":1}`},
		{"method is a number", `{"id":1,"method":7}`, 400, `{"result":null,"error":{"code":-32600,"message":"Method must be a string"},"id":1}`},
		{"params are a string", `{"id":1,"method":"help","params":"x"}`, 400, `{"result":null,"error":{"code":-32600,"message":"Params must be an array or object"},"id":1}`},
		{"version is a number", `{"id":1,"jsonrpc":2.0,"method":"help"}`, 400, `{"result":null,"error":{"code":-32600,"message":"jsonrpc field must be a string"},"id":1}`},
		{"version 3", `{"id":1,"jsonrpc":"3.0","method":"help"}`, 400, `{"result":null,"error":{"code":-32600,"message":"JSON-RPC version not supported"},"id":1}`},
		{"not JSON", `{"method"`, 500, `{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}`},
		{"nothing", ``, 500, `{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}`},
		{"a number", `7`, 500, `{"result":null,"error":{"code":-32700,"message":"Top-level object parse error"},"id":null}`},
		{"empty batch", `[]`, 200, `[]`},
		{"batch in order, versions mixed", `[{"method":"getblockcount","id":2},{` + v2 + `"method":"nonsense","id":1},7,{` + v2 + `"method":"getblockcount"}]`, 200,
			`[{"result":3,"error":null,"id":2},{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1},{"result":null,"error":{"code":-32600,"message":"Invalid Request object"},"id":null}]`},
		{"batch of notifications", ` [ {` + v2 + `"method":"getblockcount"} , {` + v2 + `"method":"uptime"} ] `, 204, ``},
		{"named", `{"id":1,"method":"getblockhash","params":{"height":99}}`, 500, `{"result":null,"error":{"code":-8,"message":"Block height out of range"},"id":1}`},
		{"args and named", `{"id":1,"method":"echo","params":{"args":[1,2],"arg3":4}}`, 200, `{"result":[1,2,null,4],"error":null,"id":1}`},
		{"unknown name", `{"id":1,"method":"getblockhash","params":{"hight":1}}`, 500, `{"result":null,"error":{"code":-8,"message":"Unknown named parameter hight"},"id":1}`},
		{"twice", `{"id":1,"method":"echo","params":{"args":[1],"arg0":4}}`, 500, `{"result":null,"error":{"code":-8,"message":"Parameter arg0 specified twice both as positional and named argument"},"id":1}`},
		{"older name", `{"id":1,"method":"getblock","params":{"blockhash":"00","verbose":true}}`, 500, `{"result":null,"error":{"code":-8,"message":"no block 00"},"id":1}`},
		{"both names", `{"id":1,"method":"getblock","params":{"blockhash":"00","verbose":true,"verbosity":1}}`, 500, `{"result":null,"error":{"code":-8,"message":"Parameter verbosity specified multiple times"},"id":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, reply := r.post(t, c.body)
			if status != c.status || strings.TrimSpace(reply) != c.reply {
				t.Errorf("got %d %s\nwant %d %s", status, reply, c.status, c.reply)
			}
		})
	}
}

func TestWarmingUp(t *testing.T) {
	s := New(Config{Credentials: []Credential{PlainCredential("u", "p")}}, deskMethods())
	s.Warmup("Checking the coin set")
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "http://localhost/", strings.NewReader(`{"method":"getblockcount","id":1}`))
	r.SetBasicAuth("u", "p")
	s.ServeHTTP(w, r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), `{"code":-28,"message":"Checking the coin set"}`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestRefusedBeforeTheBody(t *testing.T) {
	r := newDesk(t)
	header := func(key, value string) func(*http.Request) {
		return func(req *http.Request) { req.Header.Set(key, value) }
	}
	host := func(name string) func(*http.Request) { return func(req *http.Request) { req.Host = name } }
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"as it should be", func(*http.Request) {}, 200},
		{"rebinding", host("evil.example:8332"), 403},
		{"rebinding with a dot", host("localhost.evil.example"), 403},
		{"localhost", host("LOCALHOST:18443"), 200},
		{"another address", host("192.168.1.7:18443"), 200},
		{"IPv6", host("[::1]:18443"), 200},
		{"a page's script", header("Origin", "http://localhost:3000"), 403},
		{"a page's script without origin", header("Sec-Fetch-Site", "cross-site"), 403},
		{"a form", header("Content-Type", "application/x-www-form-urlencoded"), 415},
		{"nonsense type", header("Content-Type", ";;"), 415},
		{"JSON with parameters", header("Content-Type", "application/json; charset=utf-8"), 200},
		{"the old documentation's type", header("Content-Type", "text/plain;"), 200},
		{"GET", func(req *http.Request) { req.Method = http.MethodGet }, 405},
		{"OPTIONS (no CORS)", func(req *http.Request) { req.Method = http.MethodOptions }, 405},
		{"another path", func(req *http.Request) { req.URL.Path = "/admin" }, 404},
		{"a wallet", func(req *http.Request) { req.URL.Path = "/wallet/main" }, 500},
		{"no credentials", func(req *http.Request) { req.Header.Del("Authorization") }, 401},
		{"wrong password", func(req *http.Request) { req.SetBasicAuth(deskUser, "wrong") }, 401},
		{"wrong user", func(req *http.Request) { req.SetBasicAuth("bob", deskPass) }, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, reply := r.post(t, `{"method":"getblockcount","id":1}`, c.change)
			if status != c.status {
				t.Errorf("got %d %s, want %d", status, reply, c.status)
			}
		})
	}
	if len(r.slept) != 2 || r.slept[0] != authDelay {
		t.Errorf("wrong credentials were delayed by %v, want twice %v", r.slept, authDelay)
	}
}

func TestBodyLimits(t *testing.T) {
	r := newDesk(t)
	t.Run("2 GB are refused by their announcement", func(t *testing.T) {
		conn, err := net.Dial("tcp", r.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}()
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.SetBasicAuth(deskUser, deskPass)
		if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: 2147483648\r\nConnection: close\r\n\r\n",
			req.Header.Get("Authorization")); err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(conn) // nothing of the body was ever sent
		if err != nil || !strings.HasPrefix(string(raw), "HTTP/1.1 413 ") {
			t.Errorf("%v: %s", err, raw)
		}
	})
	t.Run("a body that does not say how long it is", func(t *testing.T) {
		endless := io.MultiReader(strings.NewReader(`{"method":"echo","params":["`), io.LimitReader(zeros{}, 3*MaxBody))
		req := httptest.NewRequest(http.MethodPost, "http://localhost/", endless)
		req.ContentLength = -1
		req.SetBasicAuth(deskUser, deskPass)
		w := httptest.NewRecorder()
		r.server.ServeHTTP(w, req)
		if w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
	for _, c := range []struct {
		name, body, text string
		status           int
	}{
		{"depth", strings.Repeat("[", 100_000), "nested more than", 400},
		{"depth in params", `{"method":"echo","params":[` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `]}`, "nested more than", 400},
		{"depth of objects", strings.Repeat(`{"a":`, 100_000), "nested more than", 400},
		{"values", `{"method":"echo","params":[` + strings.Repeat("0,", 300_000) + `0]}`, "values in one request", 400},
		{"batch", "[" + strings.Repeat("0,", 20_000) + "0]", "requests in one batch", 400},
		{"NaN", `{"method":"getblockhash","params":[NaN],"id":1}`, "Parse error", 500},
		{"Infinity", `{"method":"getblockhash","params":[Infinity],"id":1}`, "Parse error", 500},
		{"two texts", `{"method":"uptime"} {"method":"uptime"}`, "Parse error", 500},
		{"leading zero", `{"method":"getblockhash","params":[01]}`, "Parse error", 500},
		{"an id without end", `{"method":"uptime","id":"` + strings.Repeat("x", 5000) + `"}`, "The id is too long", 400},
		{"fraction", `{"method":"getblockhash","params":[1.5]}`, "JSON integer out of range", 500},
		{"exponent", `{"method":"getblockhash","params":[1e9]}`, "JSON integer out of range", 500},
		{"huge", `{"method":"getblockhash","params":[99999999999999999999]}`, "JSON integer out of range", 500},
		{"over 32 bits", `{"method":"getblockhash","params":[4294967296]}`, "JSON integer out of range", 500},
		{"negative", `{"method":"getblockhash","params":[-1]}`, "Block height out of range", 500},
		{"number as string", `{"method":"getblockhash","params":["1"]}`, "JSON value of type string is not of expected type number", 500},
		{"missing", `{"method":"getblockhash"}`, "getblockhash height\\n\\nReturns", 500},
		{"too many", `{"method":"getblockhash","params":[1,2]}`, "getblockhash height\\n\\nReturns", 500},
		{"null for a required one", `{"method":"getblockhash","params":[null]}`, "JSON value of type null is not of expected type number", 500},
		{"key in another case", `{"METHOD":"uptime"}`, "Missing method", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, reply := r.post(t, c.body)
			if status != c.status || !strings.Contains(reply, c.text) || !json.Valid([]byte(reply)) {
				t.Errorf("got %d %.300s, want %d with %q", status, reply, c.status, c.text)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// countingWriter is a reply that nobody keeps.
type countingWriter struct {
	header http.Header
	bytes  int
	most   int
}

func (w *countingWriter) Header() http.Header { return w.header }
func (w *countingWriter) WriteHeader(int)     {}
func (w *countingWriter) Write(p []byte) (int, error) {
	w.bytes += len(p)
	w.most = max(w.most, len(p))
	return len(p), nil
}

func TestLargestBatchIsStreamed(t *testing.T) {
	r := newDesk(t)
	arg := strings.Repeat("x", 1000)
	one := `{"jsonrpc":"2.0","method":"echo","params":["` + arg + `"],"id":1}`
	body := "[" + strings.Repeat(one+",", maxBatch-1) + one + "]"
	req := httptest.NewRequest(http.MethodPost, "http://localhost/", strings.NewReader(body))
	req.SetBasicAuth(deskUser, deskPass)
	w := &countingWriter{header: http.Header{}}
	r.server.ServeHTTP(w, req)
	if w.bytes < maxBatch*len(arg) {
		t.Errorf("the reply has %d bytes, fewer than %d answers", w.bytes, maxBatch)
	}
	if w.most > 2*len(one) {
		t.Errorf("one piece of the reply has %d bytes: answers were gathered", w.most)
	}
}

func TestConcurrencyLimit(t *testing.T) {
	r := newDesk(t)
	for range maxConcurrent {
		r.server.slots <- struct{}{}
	}
	if status, reply := r.post(t, `{"method":"uptime"}`); status != 503 || !strings.Contains(reply, "Work queue depth exceeded") {
		t.Errorf("got %d %s", status, reply)
	}
	<-r.server.slots
	if status, _ := r.post(t, `{"method":"uptime"}`); status != 200 {
		t.Errorf("got %d with a free place", status)
	}
}

func TestPanicIsAnError(t *testing.T) {
	r := newDesk(t)
	if status, reply := r.post(t, `{"method":"panic"}`); status != 500 || !strings.Contains(reply, `{"code":-32603,"message":"Internal error in panic; see the node's log"}`) {
		t.Errorf("got %d %s", status, reply)
	}
	if status, _ := r.post(t, `{"method":"getblockcount"}`); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

func TestTranslate(t *testing.T) {
	r := newDesk(t)
	if _, reply := r.post(t, `[{"method":"fail","params":["ours"]},{"method":"fail","params":["theirs"]}]`); !strings.Contains(reply, `{"code":-1,"message":"ours"}`) || !strings.Contains(reply, `{"code":-26,"message":"translated"}`) {
		t.Errorf("got %s", reply)
	}
}

func TestObserve(t *testing.T) {
	r := newDesk(t)
	r.post(t, `[{"method":"uptime"},{"method":"getblockhash","params":[77]},{"method":"made up by a caller"}]`)
	if got := strings.Join(r.seen, " "); got != "uptime getblockhash! unknown!" {
		t.Errorf("observed %q", got)
	}
}

func TestSplitBodyAgreesWithTheParser(t *testing.T) {
	for _, body := range []string{`[]`, `[1]`, ` [ "a,b" , {"x":[1,2]} , "\"," ] `, `{"a":",]"}`, `"\\"`, `[[],[1],{}]`} {
		checkSplit(t, []byte(body))
	}
}

// checkSplit compares splitBody with encoding/json.
func checkSplit(t *testing.T, body []byte) {
	t.Helper()
	parts, batch, err := splitBody(body)
	if err != nil {
		return
	}
	var whole any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if jsonErr := dec.Decode(&whole); jsonErr != nil {
		t.Fatalf("splitBody takes %q, encoding/json says %v", body, jsonErr)
	}
	list, isList := whole.([]any)
	if batch != isList || isList && len(list) != len(parts) || !isList && len(parts) != 1 {
		t.Fatalf("%q: %d parts, batch %v, want %v", body, len(parts), batch, whole)
	}
	for _, p := range parts {
		if !json.Valid(p) {
			t.Fatalf("%q: part %q is not JSON", body, p)
		}
	}
}

func FuzzRequest(f *testing.F) {
	for _, seed := range []string{`{"method":"getblockcount","id":1}`, `[{"jsonrpc":"2.0","method":"echo","params":{"args":[1],"arg1":null}}]`, `[]`, "\v0", `[[[`, `{"params":[1e999],"method":"uptime"}`,
		`{"method":"getblock","params":["00",true]}`, `{"method":"createrawtransaction","params":[[{"txid":"00","vout":-1}],{"data":"00"}]}`, "[\x00]", `{"id":"\ud800","method":"help"}`} {
		f.Add([]byte(seed))
	}
	methods := map[string]*Method[*Call]{}
	for _, m := range deskMethods() {
		methods[m.Name] = &m
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		checkSplit(t, body)
		parts, _, err := splitBody(body)
		if err != nil {
			return
		}
		for _, p := range parts {
			req, err := parseRequest(p)
			if reply, _ := req.reply(nil, func(b []byte) ([]byte, error) { return append(b, "null"...), err }); !json.Valid(reply) {
				t.Fatalf("%q: the reply %q is not JSON", p, reply)
			}
			m := methods[req.method]
			if err != nil || m == nil {
				continue
			}
			args, err := bind(m, req.params)
			if reply, _ := req.reply(nil, func(b []byte) ([]byte, error) { return b, err }); err != nil && !json.Valid(reply) {
				t.Fatalf("%q: the error %q is not JSON", p, err)
			}
			if err == nil && len(args) != len(m.Params) {
				t.Fatalf("%q: %d arguments for %d parameters", p, len(args), len(m.Params))
			}
		}
	})
}

func TestServeEndsWithItsContext(t *testing.T) {
	s := New(Config{Credentials: []Credential{PlainCredential(deskUser, deskPass)}}, deskMethods())
	s.Ready()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, ln, s, slog.New(slog.DiscardHandler)) }()
	url := "http://" + ln.Addr().String() + "/"
	type result struct {
		reply string
		err   error
	}
	waiting := make(chan result, 1)
	go func() {
		_, reply, err := ask(t.Context(), url, `{"method":"wait"}`)
		waiting <- result{reply, err}
	}()
	for len(s.activeJobs()) == 0 { // until the call is under way
		if _, _, err := ask(t.Context(), url, `{"method":"getblockcount"}`); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if got := <-waiting; got.err != nil || !strings.Contains(got.reply, `"result":"waited"`) {
		t.Errorf("a waiting call ended with %+v", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, _, err := ask(t.Context(), url, `{"method":"uptime"}`); err == nil {
		t.Error("the server still answers")
	}
}
