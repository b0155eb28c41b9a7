package client

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func TestCookie(t *testing.T) {
	old := syscall.Umask(0) // whatever it is, the file is ours alone
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), jsonrpc.CookieFile)
	if err := os.WriteFile(path, []byte("left over"), 0o666); err != nil {
		t.Fatal(err)
	}
	first, err := jsonrpc.CreateCookie(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	raw, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(raw), "__cookie__:") || len(raw) != len("__cookie__:")+64 {
		t.Fatalf("%q, %v", raw, err)
	}

	s := countingNode(first.Credential())
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(w, r) }))
	defer web.Close()
	c, err := Dial(web.URL, path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var n int
	if err := c.Call(t.Context(), "getblockcount", &n); err != nil || n != 2 {
		t.Fatalf("%d, %v", n, err)
	}

	// The node is started anew: another secret, which the client reads when the old one is refused.
	second, err := jsonrpc.CreateCookie(path)
	if err != nil {
		t.Fatal(err)
	}
	s = countingNode(second.Credential())
	if err := c.Call(t.Context(), "getblockcount", &n); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := first.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the stopped node removed its successor's cookie: %v", err)
	}
	if err := second.Remove(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if err := second.Remove(); err != nil {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := jsonrpc.CreateCookie(filepath.Join(path, "no", "such")); err == nil {
		t.Error("a cookie in a folder that does not exist")
	}
}

// countingNode knows one method, which says 2.
func countingNode(who jsonrpc.Credential) *jsonrpc.Server {
	s := jsonrpc.New(jsonrpc.Config{Credentials: []jsonrpc.Credential{who}, Sleep: func(context.Context, time.Duration) {}},
		[]jsonrpc.Method[*jsonrpc.Call]{{Name: "getblockcount", Run: func(context.Context, *jsonrpc.Call) (any, error) { return 2, nil }}})
	s.Ready()
	return s
}
