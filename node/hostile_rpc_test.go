package node

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/rpc"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// zeros is a body of so many bytes that nobody has to keep.
type zeros struct{ left int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), z.left))
	for i := range n {
		b[i] = '['
	}
	z.left -= int64(n)
	return n, nil
}

// post sends a request by hand and returns the status and the body. A server that hangs up instead gives 0.
func (s *siege) post(body io.Reader, change func(*http.Request)) (status int, reply string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, "http://"+s.node.RPCAddr()+"/", body)
	must(s.T, err)
	req.SetBasicAuth("mallory", "mallory")
	req.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(req)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

const harmless = `{"jsonrpc":"2.0","id":1,"method":"getblockcount","params":[]}`

// Bad inputs 31 and 32 on the assembled node: whom the RPC server does not answer, and what it does with bodies that are too large,
// too deep or no JSON at all. The heap stays flat.
func TestHostileRPC(t *testing.T) {
	s := besiege(t, func(c *Config) { c.DataDir = t.TempDir(); c.RPCHosts = []string{"node.example"} })
	must(t, awaitOK(s))
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for _, c := range []struct {
		name   string
		want   int
		change func(*http.Request)
	}{
		{"nothing wrong", http.StatusOK, nil},
		{"an allowed host", http.StatusOK, host("node.example:1234")},
		{"another host", http.StatusForbidden, host("evil.example")},
		{"a host that begins like ours", http.StatusForbidden, host("localhost.evil.example")},
		{"a host that looks like an address", http.StatusForbidden, host("127.0.0.1.evil.example")},
		{"a web page's origin", http.StatusForbidden, header("Origin", "http://evil.example")},
		{"no origin at all", http.StatusForbidden, header("Origin", "null")},
		{"cross site", http.StatusForbidden, header("Sec-Fetch-Site", "cross-site")},
		{"a form", http.StatusUnsupportedMediaType, header("Content-Type", "application/x-www-form-urlencoded")},
		{"no credentials", http.StatusUnauthorized, func(r *http.Request) { r.Header.Del("Authorization") }},
		{"a wrong password", http.StatusUnauthorized, func(r *http.Request) { r.SetBasicAuth("mallory", "Mallory") }},
		{"the cookie's user with our password", http.StatusUnauthorized, func(r *http.Request) { r.SetBasicAuth(jsonrpc.CookieUser, "mallory") }},
		{"no password", http.StatusUnauthorized, func(r *http.Request) { r.SetBasicAuth("mallory", "") }},
		{"another method", http.StatusMethodNotAllowed, func(r *http.Request) { r.Method = http.MethodGet }},
		{"another path", http.StatusNotFound, func(r *http.Request) { r.URL.Path = "/admin" }},
	} {
		status, reply := s.post(strings.NewReader(harmless), c.change)
		if status != c.want {
			t.Errorf("%s: %d %s", c.name, status, reply)
		}
		if status == http.StatusOK != strings.Contains(reply, `"result":0`) {
			t.Errorf("%s: %s", c.name, reply)
		}
	}
	before := heap()
	if status, reply := s.post(&zeros{2 << 30}, func(r *http.Request) { r.ContentLength = 2 << 30 }); status != http.StatusRequestEntityTooLarge && status != 0 {
		t.Errorf("2 GB: %d %s", status, reply)
	}
	if status, reply := s.post(&zeros{2 << 30}, nil); status != http.StatusRequestEntityTooLarge && status != 0 {
		t.Errorf("2 GB in chunks: %d %s", status, reply)
	}
	for name, body := range map[string]string{
		"deep":         strings.Repeat("[", 1<<20),
		"deep params":  `{"id":1,"method":"getblockcount","params":` + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20) + `}`,
		"many":         "[" + strings.Repeat(harmless+",", 20_000) + harmless + "]",
		"empty":        "",
		"NaN":          `{"id":1,"method":"getblockhash","params":[NaN]}`,
		"huge number":  `{"id":1,"method":"getblockhash","params":[1e999]}`,
		"bytes":        "\x00\xff\xfe",
		"wrong hex":    `{"id":1,"method":"submitblock","params":["zz"]}`,
		"half a block": `{"id":1,"method":"submitblock","params":["` + strings.Repeat("00", 80) + `"]}`,
		"a wild count": `{"id":1,"method":"sendrawtransaction","params":["02000000feffffffff"]}`,
	} {
		status, reply := s.post(bytes.NewReader([]byte(body)), nil)
		if status < 400 && !strings.Contains(reply, `"error"`) {
			t.Errorf("%s: %d %.200s", name, status, reply)
		}
	}
	within(t, "bodies of all kinds", before, 4<<20)
	must(t, awaitOK(s))
	s.alive()
}

func awaitOK(s *siege) error { return s.rpc.Call(s.ctx, "getblockcount", nil) }

// Bad input 32: every method that there is, with parameters of every kind and number that make no sense or come close to it. Whatever
// it answers, the node goes on.
func TestHostileMethods(t *testing.T) {
	s := matured(t, 1, nil)
	genesis, tip := s.node.cfg.Params.Genesis.Hash().String(), s.node.chain.Tip().Hash().String()
	coinbase := s.block().Txs[0]
	odd := []any{nil, true, -1, 0, 1, 1 << 31, int64(1) << 62, 1.5, "", "x", genesis, tip, strings.Repeat("00", 32), strings.Repeat("f", 64),
		hex.EncodeToString(coinbase.Bytes()), rawHex(s.node.cfg.Params.Genesis), []any{}, []any{nil}, map[string]any{}, map[string]any{"txid": tip},
		"127.0.0.1:1", "[::1]", "onetry", "add", "start", "template", strings.Repeat("9", 1000)}
	rng := rand.New(rand.NewPCG(3, 2))
	called := 0
	for _, m := range rpc.Methods() {
		if m.Name == "stop" || strings.HasPrefix(m.Name, "wait") || strings.HasPrefix(m.Name, "generate") {
			continue // they do what they say, or take as long as they are told
		}
		for n := range 60 {
			params := make([]any, min(n, 1+rng.IntN(len(m.Params)+2)))
			for i := range params {
				params[i] = odd[rng.IntN(len(odd))]
			}
			if len(params) == 1 && n <= len(odd) {
				params[0] = odd[n-1]
			}
			var reply *jsonrpc.Error
			if err := s.rpc.Call(s.ctx, m.Name, nil, params...); err != nil && !errors.As(err, &reply) {
				t.Fatalf("%s %v: %v", m.Name, params, err)
			}
			if reply != nil && reply.Code == jsonrpc.CodeInternal {
				t.Errorf("%s %v: %v", m.Name, params, reply)
			}
			called++
		}
		must(t, s.node.SetMining(false)) // no block shall have a time of those that setmocktime is given below
	}
	t.Logf("%d calls", called)
	s.call(nil, "setmocktime", 0)
	s.call(nil, "setnetworkactive", true)
	s.alive()
}
