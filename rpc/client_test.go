package rpc

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestClientBatch(t *testing.T) {
	r := newRig(t, 4)
	var count int
	var hash string
	calls := []*BatchCall{{Method: "getblockcount", Result: &count}, {Method: "nonsense"}, {Method: "getblockhash", Params: []any{4}, Result: &hash}}
	if err := r.client.Batch(t.Context(), calls); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if count != 4 || hash != r.tip.Hash().String() || calls[0].Err != nil || !errors.As(calls[1].Err, &e) || e.Code != CodeMethodNotFound || calls[2].Err != nil {
		t.Errorf("batch: %d %s %v %v %v", count, hash, calls[0].Err, calls[1].Err, calls[2].Err)
	}
	if err := r.client.Batch(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if got := call2[[]any](t, r, "echo", Named{"arg1": "x", "args": []int{1}}); len(got) != 2 || got[1] != "x" {
		t.Errorf("named: %v", got)
	}
}

func TestClientErrors(t *testing.T) {
	r := newRig(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.client.Call(ctx, "uptime", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	var wrong struct{}
	if err := r.client.Call(t.Context(), "uptime", &wrong); err == nil {
		t.Error("a number went into a struct")
	}
	for _, bad := range []string{"ftp://x", "http://", "http://a b", "://"} {
		if _, err := Dial(bad, ""); err == nil {
			t.Errorf("Dial(%q) works", bad)
		}
	}
	if _, err := Dial("http://user:hunter2@", ""); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an error shows the password, or is none: %v", err)
	}
	denied, err := Dial("http://"+testUser+":wrong@"+r.http.Listener.Addr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer denied.Close()
	if err := denied.Call(t.Context(), "uptime", nil); !errors.Is(err, errUnauthorized) {
		t.Errorf("wrong password: %v", err)
	}
	calls := []*BatchCall{{Method: "uptime"}}
	if err := denied.Batch(t.Context(), calls); err == nil || calls[0].Err == nil {
		t.Error("a batch that failed as a whole says so nowhere")
	}
	none, err := Dial("127.0.0.1:1", filepath.Join(t.TempDir(), "missing"))
	if err != nil {
		t.Fatal(err)
	}
	if err := none.Call(t.Context(), "uptime", nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "is the node running?") {
		t.Errorf("no cookie: %v", err)
	}
	for _, reply := range []string{`[]`, `[{"id":1,"result":1}]`, `[{"id":0,"result":1},{"id":0,"result":1}]`, `{"error":{"code":-1,"message":"x"},"id":null}`, `x`} {
		if _, err := decodeReplies([]byte(reply), 1); err == nil {
			t.Errorf("a batch reply of %s is taken", reply)
		}
	}
}

func TestCookie(t *testing.T) {
	old := syscall.Umask(0) // whatever it is, the file is ours alone
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), CookieFile)
	if err := os.WriteFile(path, []byte("left over"), 0o666); err != nil {
		t.Fatal(err)
	}
	first, err := CreateCookie(path)
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

	f := newFake(t, 2)
	s := New(Config{Credentials: []Credential{first.Credential()}})
	s.Ready(f.backend())
	web := httptest.NewServer(s)
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
	second, err := CreateCookie(path)
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Credentials = []Credential{second.Credential()}
	s.cfg.Sleep = func(context.Context, time.Duration) {}
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
	if _, err := CreateCookie(filepath.Join(path, "no", "such")); err == nil {
		t.Error("a cookie in a folder that does not exist")
	}
}

// TestCredential uses the values of Bitcoin Core's own functional test of rpcauth.
func TestCredential(t *testing.T) {
	const auth = "rt:93648e835a54c573682c2eb19f882535$7681e9c5b74bdd85e78166031d2058e1069b3ed7ed967c93fc63abba06f31144"
	const password = "cA773lm788buwYe4g4WT+05pKyNruVKjQ25x3n0DQcM="
	c, err := ParseCredential(auth)
	if err != nil {
		t.Fatal(err)
	}
	if !c.accepts("rt", password) || c.accepts("rt", password+"x") || c.accepts("rt", "") || c.accepts("tr", password) {
		t.Error("the wrong ones are accepted")
	}
	for _, bad := range []string{"", "rt", "rt:salt", "rt:salt$zz", ":salt$" + strings.Repeat("0", 64), "rt:$" + strings.Repeat("0", 64), auth + "00"} {
		if _, err := ParseCredential(bad); err == nil {
			t.Errorf("ParseCredential(%q) works", bad)
		}
	}
}

func TestAmount(t *testing.T) {
	for text, want := range map[string]Amount{"0": 0, "0.00000001": 1, "1": 1e8, "-0.5": -5e7, "20999999.97690000": 2099999997690000, "1e-8": 1, "0.1e-7": 1, "0.01e-6": 1,
		"1.23E2": 123e8, "0.0000000000000000001e+11": 1, "0.000000010": 1, "92233720368.54775799": 1<<63 - 9} {
		if got, err := ParseAmount(text); err != nil || got != want {
			t.Errorf("ParseAmount(%s) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "-", ".", "1.", ".5", "01", "1e", "e1", "1e-9", "0.000000001", "1,0", "+1", "0x1", "NaN", "Inf", "1 ", "1e1000", "92233720369", "--1", "1.5.5", strings.Repeat("9", 5000), "1e99", "1e-99"} {
		if got, err := ParseAmount(bad); err == nil {
			t.Errorf("ParseAmount(%.30s) = %d", bad, got)
		}
	}
}

// TestAmountRoundTrip compares with big.Rat, which is slow and certain.
func TestAmountRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Amount(rapid.Int64Range(-(1<<63-10)/10, (1<<63-10)/10).Draw(t, "amount"))
		text := a.String()
		whole, _, _ := strings.Cut(text, ".")
		if len(text)-len(whole) != 9 {
			t.Fatalf("%s does not have eight decimals", text)
		}
		back, err := ParseAmount(text)
		if err != nil || back != a {
			t.Fatalf("%s reads as %d, %v", text, back, err)
		}
		rat, ok := new(big.Rat).SetString(text)
		if !ok || rat.Cmp(new(big.Rat).SetFrac64(int64(a), 1e8)) != 0 {
			t.Fatalf("%d prints as %s", int64(a), text)
		}
		raw, err := a.MarshalJSON()
		var again Amount
		if err != nil || again.UnmarshalJSON(raw) != nil || again != a {
			t.Fatalf("JSON %s reads as %d", raw, again)
		}
	})
}

func Example() {
	server := New(Config{Credentials: []Credential{PlainCredential("alice", "secret")}})
	server.Warmup("Loading the block index")
	web := httptest.NewServer(server)
	defer web.Close()

	client, err := Dial("http://alice:secret@"+web.Listener.Addr().String(), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	var height int
	fmt.Println(client.Call(context.Background(), "getblockcount", &height))
	// Output: Loading the block index (code -28)
}
