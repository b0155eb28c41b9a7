package rpc

import (
	"context"
	"net"
	"testing"

	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// TestWaitsEndWithTheServer: a call that waits for a block returns the tip when the server ends.
func TestWaitsEndWithTheServer(t *testing.T) {
	f := newFake(t, 1)
	s := New(Config{Credentials: []jsonrpc.Credential{jsonrpc.PlainCredential("u", "p")}})
	s.Ready(f.backend())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	c, err := client.Dial("http://u:p@"+ln.Addr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	waiting := make(chan error, 1)
	var at struct{ Height int }
	go func() { waiting <- c.Call(t.Context(), "waitfornewblock", &at) }()
	var info struct {
		Active []any `json:"active_commands"`
	}
	for len(info.Active) < 2 { // until the call is under way, beside the one that asks
		if err := c.Call(t.Context(), "getrpcinfo", &info); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-waiting; err != nil || at.Height != 1 {
		t.Errorf("a waiting call ended with %v at height %d, want the tip", err, at.Height)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := c.Call(t.Context(), "uptime", nil); err == nil {
		t.Error("the server still answers")
	}
}
