package chainjson

import (
	"context"
	"sync/atomic"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// State is the node as the handlers see it, and what is remembered for their calls.
type State struct {
	*backend.Parts
	locks lockCache
	// CoinScan and BlockScan are the searches under way, of which there is one of each kind at most.
	CoinScan, BlockScan atomic.Pointer[Scan]
}

// Scan is a long search under way: other calls ask how far it is, and end it.
type Scan struct {
	Cancel context.CancelFunc
	Status func() any // what the action "status" shows
}

// NewState makes a State.
func NewState(b *backend.Parts) *State { return &State{Parts: b} }

// Call is one call of a method, and the node.
type Call struct {
	*jsonrpc.Call
	*State
}

// Method is a method that works on the node.
type Method = jsonrpc.Method[*Call]

// Handler does what a method is there for. Its result is whatever jsonrpc.Append takes; an error that is no *jsonrpc.Error gets CodeMisc, or
// CodeVerifyRejected if it is a RuleError.
type Handler = func(ctx context.Context, c *Call) (any, error)

// The topics, in the order in which help prints them.
const (
	TopicBlockchain = "Blockchain"
	TopicControl    = "Control"
	TopicMining     = "Mining"
	TopicNetwork    = "Network"
	TopicRaw        = "Rawtransactions"
	TopicUtil       = "Util"
)
