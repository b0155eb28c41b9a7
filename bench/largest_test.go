package main

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/types"
)

// TestDeliver gives small blocks of each kind to a node and hears its pongs meanwhile.
func TestDeliver(t *testing.T) {
	s := tinySuite(t)
	for _, full := range consensustest.Fulls() {
		m, err := s.makeFull(t.Context(), full)
		if err != nil {
			t.Fatalf("%v: %v", full, err)
		}
		n, err := node.Start(t.Context(), node.Config{Params: m.params, Listen: "127.0.0.1:0", RPCListen: "127.0.0.1:0", RPCAuth: []string{login}, ConnectOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		api, err := client.Dial("http://mallory:mallory@"+n.RPCAddr(), "")
		if err != nil {
			t.Fatal(err)
		}
		d := &daemon{process: &process{}, client: api}
		for _, b := range m.blocks[:len(m.blocks)-1] {
			submit(t, api, b)
		}
		took, slowest, err := deliver(t.Context(), n.P2PAddr().String(), m.params.Magic, m.blocks[len(m.blocks)-1], func(ctx context.Context) error {
			return d.reach(ctx, len(m.blocks))
		})
		if err != nil || took <= 0 || slowest <= 0 || slowest > took+time.Minute {
			t.Errorf("%v: took %v, slowest pong %v, %v", full, took, slowest, err)
		}
		api.Close()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// login is mallory with the password "mallory", as rpcauth has it.
const login = "mallory:0a$388475087ef898a3c584421ed6974060db73df514a456a47947d19bfec1190cf"

func submit(t *testing.T, api *client.Client, b *types.Block) {
	t.Helper()
	var verdict *string
	if err := api.Call(t.Context(), "submitblock", &verdict, hex.EncodeToString(b.Bytes())); err != nil || verdict != nil {
		t.Fatalf("submitblock: %v %v", verdict, err)
	}
}
