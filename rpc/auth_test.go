package rpc

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
