package rpc

import (
	"cmp"
	"slices"

	"github.com/cairn-chain/cairn/rpc/blockchain"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/rpc/mining"
	"github.com/cairn-chain/cairn/rpc/network"
	"github.com/cairn-chain/cairn/rpc/pool"
	"github.com/cairn-chain/cairn/rpc/rawtx"
)

// Methods returns the table, ordered by topic and name.
func Methods() []chainjson.Method {
	all := slices.Concat(
		blockchain.Methods(),
		mining.Methods(),
		network.Methods(),
		pool.Methods(),
		rawtx.Methods(),
		controlMethods(),
		loggingMethods(),
		utilMethods(),
	)
	slices.SortFunc(all, func(a, b chainjson.Method) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// ParseArgs turns the words of a command line into parameters for a client's Call, by the table; see jsonrpc.ParseArgs.
func ParseArgs(method string, words []string) ([]any, error) {
	return jsonrpc.ParseArgs(Methods(), method, words)
}
