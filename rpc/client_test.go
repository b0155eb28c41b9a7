package rpc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func TestClientBatch(t *testing.T) {
	r := newRig(t, 4)
	var count int
	var hash string
	calls := []*client.BatchCall{{Method: "getblockcount", Result: &count}, {Method: "nonsense"}, {Method: "getblockhash", Params: []any{4}, Result: &hash}}
	if err := r.client.Batch(t.Context(), calls); err != nil {
		t.Fatal(err)
	}
	var e *jsonrpc.Error
	if count != 4 || hash != r.tip.Hash().String() || calls[0].Err != nil || !errors.As(calls[1].Err, &e) || e.Code != jsonrpc.CodeMethodNotFound || calls[2].Err != nil {
		t.Errorf("batch: %d %s %v %v %v", count, hash, calls[0].Err, calls[1].Err, calls[2].Err)
	}
	if err := r.client.Batch(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if got := call2[[]any](t, r, "echo", client.Named{"arg1": "x", "args": []int{1}}); len(got) != 2 || got[1] != "x" {
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
		if _, err := client.Dial(bad, ""); err == nil {
			t.Errorf("Dial(%q) works", bad)
		}
	}
	if _, err := client.Dial("http://user:hunter2@", ""); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an error shows the password, or is none: %v", err)
	}
	denied, err := client.Dial("http://"+testUser+":wrong@"+r.http.Listener.Addr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer denied.Close()
	if err := denied.Call(t.Context(), "uptime", nil); err == nil || !strings.Contains(err.Error(), "refused the user name and password") {
		t.Errorf("wrong password: %v", err)
	}
	calls := []*client.BatchCall{{Method: "uptime"}}
	if err := denied.Batch(t.Context(), calls); err == nil || calls[0].Err == nil {
		t.Error("a batch that failed as a whole says so nowhere")
	}
	none, err := client.Dial("127.0.0.1:1", filepath.Join(t.TempDir(), "missing"))
	if err != nil {
		t.Fatal(err)
	}
	if err := none.Call(t.Context(), "uptime", nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "is the node running?") {
		t.Errorf("no cookie: %v", err)
	}
}
