package rpc

import (
	"context"
	"sync/atomic"
)

// State is the node as the handlers see it, and what is remembered for their calls.
type State struct {
	*Backend
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
func NewState(b *Backend) *State { return &State{Backend: b} }

// call is one call of a method, and the node.
type call struct {
	*Call
	*State
}

// apiMethod is a method that works on the node.
type apiMethod = Method[*call]

// apiHandler does what a method is there for. Its result is whatever appendValue takes; an error that is no *Error gets CodeMisc, or
// CodeVerifyRejected if it is a RuleError.
type apiHandler = func(ctx context.Context, c *call) (any, error)

// The topics, in the order in which help prints them.
const (
	topicBlockchain = "Blockchain"
	topicControl    = "Control"
	topicMining     = "Mining"
	topicNetwork    = "Network"
	topicRaw        = "Rawtransactions"
	topicUtil       = "Util"
)
