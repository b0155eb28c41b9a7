package jsonrpc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const deskUser, deskPass = "alice", "correct horse"

// desk is a server of a few methods behind real HTTP.
type desk struct {
	server *Server
	http   *httptest.Server

	mu    sync.Mutex
	slept []time.Duration
	seen  []string
}

var errTheirs = errors.New("theirs")

// deskMethods is a table that has something of everything.
func deskMethods() []Method[*Call] {
	const last = int32(3)
	value := func(v any) func(context.Context, *Call) (any, error) {
		return func(context.Context, *Call) (any, error) { return v, nil }
	}
	var echo []Param
	for _, name := range []string{"arg0", "arg1", "arg2", "arg3"} {
		echo = append(echo, Optional(name, TypeAny, "", "any JSON value"))
	}
	return []Method[*Call]{
		{Name: "getblockcount", Help: "The height.", Run: value(last)},
		{Name: "uptime", Help: "Seconds.", Run: value(42)},
		{Name: "ping", Help: "Nothing.", Run: value(nil)},
		{Name: "help", Params: []Param{Optional("command", TypeString, "", "a method")}, Run: value("help")},
		{Name: "panic", Help: "Fails badly.", Run: func(context.Context, *Call) (any, error) { panic("the desk was told to") }},
		{Name: "wait", Help: "Waits for the end.", Run: func(ctx context.Context, _ *Call) (any, error) { <-ctx.Done(); return "waited", nil }},
		{Name: "fail", Params: []Param{Required("whose", TypeString, "fault")}, Run: func(_ context.Context, c *Call) (any, error) {
			if c.Str(0) == "theirs" {
				return nil, errTheirs
			}
			return nil, errors.New(c.Str(0))
		}},
		{Name: "echo", Params: echo, Help: "Says the same.", Run: func(_ context.Context, c *Call) (any, error) {
			n := len(c.Args)
			for ; n > 0 && c.Args[n-1] == nil; n-- {
			}
			return c.Args[:n], nil
		}},
		{Name: "getblockhash", Params: []Param{Required("height", TypeNumber, "The height index")}, Help: "Returns the hash.", Run: func(_ context.Context, c *Call) (any, error) {
			if h, err := c.Num32(0, 0); err != nil {
				return nil, err
			} else if h < 0 || h > last {
				return nil, Fail(CodeInvalidParameter, "Block height out of range")
			}
			return Hex{1}, nil
		}},
		{Name: "getblock", Params: []Param{Required("blockhash", TypeHex, "The block hash"), Optional("verbosity|verbose", TypeAny, "1", "how much")}, Run: func(_ context.Context, c *Call) (any, error) {
			return nil, Fail(CodeInvalidParameter, "no block %s", c.Str(0))
		}},
	}
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	r := &desk{}
	r.server = New(Config{
		Credentials: []Credential{PlainCredential(deskUser, deskPass)},
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
		Translate: func(err error) *Error {
			if errors.Is(err, errTheirs) {
				return &Error{Code: CodeVerifyRejected, Message: "translated"}
			}
			return nil
		},
	}, deskMethods())
	r.server.Ready()
	r.http = httptest.NewServer(r.server)
	t.Cleanup(r.http.Close)
	return r
}

// post sends a raw body and returns status and reply.
func (r *desk) post(t *testing.T, body string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	status, reply, err := ask(t.Context(), r.http.URL, body, change...)
	if err != nil {
		t.Fatal(err)
	}
	return status, reply
}

func ask(ctx context.Context, url, body string, change ...func(*http.Request)) (status int, reply string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.SetBasicAuth(deskUser, deskPass)
	req.Header.Set("Content-Type", "application/json")
	for _, f := range change {
		f(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	raw, err := io.ReadAll(resp.Body)
	if resp.StatusCode == http.StatusOK && resp.Header.Get("Content-Type") != "application/json" {
		err = errors.Join(err, errors.New("Content-Type "+resp.Header.Get("Content-Type")))
	}
	return resp.StatusCode, string(raw), err
}
