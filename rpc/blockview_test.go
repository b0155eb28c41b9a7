package rpc

import (
	"errors"
	"testing"
)

func TestBlockErrors(t *testing.T) {
	if e := new(Error); !errors.As(blockError(ErrNotFound), &e) || e.Code != CodeNotFound || e.Message != "Block not found" {
		t.Error(e)
	}
	if e := new(Error); !errors.As(blockError(ErrPruned), &e) || e.Code != CodeMisc || e.Message != "Block not available (pruned data)" {
		t.Error(e)
	}
	if e := new(Error); !errors.As(blockError(ErrNotDownloaded), &e) || e.Code != CodeMisc || e.Message != "Block not available (not fully downloaded)" {
		t.Error(e)
	}
	own := errors.New("disk")
	if e := blockError(own); e != own {
		t.Error(e)
	}
}
