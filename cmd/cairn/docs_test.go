package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/cairn-chain/cairn/rpc"
)

// docs/rpc.md is made from the table of methods: `go run ./cmd/cairn docs > docs/rpc.md`.
func TestReferenceIsCurrent(t *testing.T) {
	var want bytes.Buffer
	if err := rpc.WriteReference(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/rpc.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/rpc.md is not what the table says: run `go run ./cmd/cairn docs > docs/rpc.md`")
	}
}
