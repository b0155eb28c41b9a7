package web

import (
	"context"
	"encoding/json"
	"time"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/types"
)

// Source is what a page shows: a network, or one node as a network of one. Its methods may be called from several
// goroutines, several times a second, and return at once.
type Source interface {
	Picture() Picture
	// Sighting tells of a block's way through the network; false if it is not known.
	Sighting(types.Hash) (Sighting, bool)
}

// Orders carries out what the buttons of a page ask for. An error is a sentence for people.
type Orders interface {
	Do(context.Context, Order) (Result, error)
}

// Picture is the network at one moment, but for what the nodes' own chains and mempools tell.
type Picture struct {
	Partition string        // as groups, "0,1/2,3"; empty: whole
	Faucet    string        // coins that it can give now; empty: there is none
	Mining    string        // when blocks come, in a word; empty: nobody decides
	Traffic   bool          // the accounts pay each other
	Shift     time.Duration // how far the network's clock is from that of the wall
	Nodes     []Member
	Links     []Link
	Log       []Event // oldest first
}

// Member is one node. For one that does not run only Running, Name, State, Miner and Share have a meaning, and View is nil.
type Member struct {
	Running  bool
	Name     string // beside its number; empty: it has none
	State    string // "running", "stopped", "killed", …
	Miner    bool
	Share    float64 // of a core
	HashRate float64 // hashes a second
	Peers    int
	Reorgs   int // since it started
	LastOff  int // blocks that the last of them took off
	HTTP     string
	View     *View
}

// View is what the page reads of a running node.
type View struct {
	Chain   backend.Chain
	Mempool backend.Mempool
	Calls   Caller
}

// Caller runs methods of the JSON-RPC; *rpc.Server is one.
type Caller interface {
	// Call returns the result as JSON, or an *jsonrpc.Error.
	Call(ctx context.Context, method string, params ...any) (json.RawMessage, error)
}

// Link is a connection that is there, or is to be there.
type Link struct {
	A, B int // nodes, the lower first
	Up   bool
	Cut  bool // by order: it stays down until it is healed
	// Note says what is special about it, for people: "200 ms". Empty: nothing.
	Note string
}

// Event is something that happened. Kind is as in the laboratory: "found", "reorg", "partition", "heal", "start", "stop",
// "kill", "faucet", "fatal".
type Event struct {
	ID       uint64     `json:"id"` // grows by one
	At       time.Time  `json:"at"`
	Kind     string     `json:"kind"`
	Node     int        `json:"node"` // −1: the network
	Hash     types.Hash `json:"hash"`
	Height   int32      `json:"height"`
	Off      int        `json:"off,omitempty"`
	On       int        `json:"on,omitempty"`
	Returned int        `json:"returned,omitempty"`
	Detail   string     `json:"detail,omitempty"`
}

// Sighting is what is known of a block's way through the network.
type Sighting struct {
	Finder int                   // −1: not known
	Seen   map[int]time.Duration // by node: how long after the block was found it was the node's tip
}

// Order is one order of the page. Which fields it needs depends on What. Verbs that the page has no fields for come with
// Args and Flags, as people write them.
type Order struct {
	What    string            `json:"what"` // mine, faucet, partition, heal, cut, join, or a verb
	Node    int               `json:"node"` // −1: any
	Count   int               `json:"count"`
	Address string            `json:"address"`
	Amount  int64             `json:"amount"` // smallest unit
	Groups  string            `json:"groups"`
	Links   [][2]int          `json:"links"` // of cut and join
	Args    []string          `json:"args"`
	Flags   map[string]string `json:"flags"`
}

// Result is what came of an order.
type Result struct {
	Hashes []string `json:"hashes,omitempty"`
	TxID   string   `json:"txid,omitempty"`
	Lines  []string `json:"lines,omitempty"`  // for people
	Result any      `json:"result,omitempty"` // what it is depends on the order
}
