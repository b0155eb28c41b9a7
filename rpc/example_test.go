package rpc_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/cairn-chain/cairn/rpc"
	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func Example() {
	server := rpc.New(rpc.Config{Credentials: []jsonrpc.Credential{jsonrpc.PlainCredential("alice", "secret")}})
	server.Warmup("Loading the block index")
	web := httptest.NewServer(server)
	defer web.Close()

	client, err := client.Dial("http://alice:secret@"+web.Listener.Addr().String(), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	var height int
	fmt.Println(client.Call(context.Background(), "getblockcount", &height))
	// Output: Loading the block index (code -28)
}
