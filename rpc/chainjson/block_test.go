package chainjson

import (
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func TestBlockErrors(t *testing.T) {
	if e := new(jsonrpc.Error); !errors.As(BlockError(backend.ErrNotFound), &e) || e.Code != jsonrpc.CodeNotFound || e.Message != "Block not found" {
		t.Error(e)
	}
	if e := new(jsonrpc.Error); !errors.As(BlockError(backend.ErrPruned), &e) || e.Code != jsonrpc.CodeMisc || e.Message != "Block not available (pruned data)" {
		t.Error(e)
	}
	if e := new(jsonrpc.Error); !errors.As(BlockError(backend.ErrNotDownloaded), &e) || e.Code != jsonrpc.CodeMisc || e.Message != "Block not available (not fully downloaded)" {
		t.Error(e)
	}
	own := errors.New("disk")
	if e := BlockError(own); e != own {
		t.Error(e)
	}
}
