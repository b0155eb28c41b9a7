package node

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/rpc/backend"
)

// Categories are parts of the node whose debug lines can be switched on and off while it runs (logging, --debug). A logger of a part
// carries the attribute CategoryKey; Handler lets its lines of debug level, and of p2p.LevelTalk, pass while the category is on. Lines of info level and
// above are not touched. All methods may be called from many goroutines; the zero value has all categories off.
type Categories struct{ on atomic.Uint64 }

// CategoryKey is the attribute of a logger, or a line, that names its category.
const CategoryKey = "category"

// The categories that have lines.
const (
	logBench       = "bench"      // how long each phase of a block took
	logCmpctBlock  = "cmpctblock" // what became of compact blocks
	logHTTP        = "http"       // the servers
	logIndex       = "index"      // the indexes
	logMempool     = "mempool"    // transactions that were accepted
	logMempoolRej  = "mempoolrej" // and that were not
	logMining      = "mining"     // templates and found blocks
	logNet         = "net"        // connections and messages
	logRPC         = "rpc"        // calls
	logTxPackages  = "txpackages" // packages of transactions
	logValidation  = "validation" // blocks, headers, the chain's start
	allLogs        = "all"        // every one
	allLogsByDigit = "1"          // the same
)

// categoryNames are ours and those of Bitcoin Core that have no lines here, sorted.
var categoryNames = []string{
	"addrman", logBench, "blockstorage", logCmpctBlock, "coindb", "estimatefee", logHTTP, "i2p", logIndex, "ipc", "kernel", "leveldb", "libevent",
	logMempool, logMempoolRej, logMining, logNet, "proxy", "prune", "qt", "rand", "reindex", logRPC, "scan", "selectcoins", "tor",
	logTxPackages, "txreconciliation", logValidation, "walletdb", "zmq",
}

// Set switches a category, or all of them, and tells whether there is one of this name.
func (c *Categories) Set(name string, on bool) bool {
	bits := uint64(1)<<len(categoryNames) - 1
	if name != allLogs && name != allLogsByDigit {
		i, ok := slices.BinarySearch(categoryNames, name)
		if !ok {
			return false
		}
		bits = 1 << i
	}
	if on {
		c.on.Or(bits)
	} else {
		c.on.And(^bits)
	}
	return true
}

// Has tells whether a category is on.
func (c *Categories) Has(name string) bool {
	i, ok := slices.BinarySearch(categoryNames, name)
	return ok && c.on.Load()>>i&1 == 1
}

// List returns all categories by name.
func (c *Categories) List() []backend.LogCategory {
	out := make([]backend.LogCategory, len(categoryNames))
	for i, name := range categoryNames {
		out[i] = backend.LogCategory{Name: name, On: c.Has(name)}
	}
	return out
}

// Handler passes on to inner what is of level least and above, and the debug lines of the categories that are on. inner must take lines
// of p2p.LevelTalk.
func (c *Categories) Handler(inner slog.Handler, least slog.Level) slog.Handler {
	return &categoryHandler{set: c, inner: inner, least: least}
}

type categoryHandler struct {
	set      *Categories
	inner    slog.Handler
	least    slog.Level
	category string // of the logger; empty: the lines may name theirs
	grouped  bool   // attributes have another meaning now
}

// Enabled implements slog.Handler.
func (h *categoryHandler) Enabled(_ context.Context, level slog.Level) bool {
	switch {
	case level >= h.least:
		return true
	case level < p2p.LevelTalk:
		return false
	case h.category != "":
		return h.set.Has(h.category)
	}
	return h.set.on.Load() != 0
}

// Handle implements slog.Handler.
func (h *categoryHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < h.least && h.category == "" && !h.set.Has(categoryOf(r)) {
		return nil
	}
	return h.inner.Handle(ctx, r)
}

func categoryOf(r slog.Record) (name string) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == CategoryKey {
			name = a.Value.String()
		}
		return name == ""
	})
	return name
}

// WithAttrs implements slog.Handler.
func (h *categoryHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.inner = h.inner.WithAttrs(attrs)
	for _, a := range attrs {
		if a.Key == CategoryKey && !h.grouped {
			out.category = a.Value.String()
		}
	}
	return &out
}

// WithGroup implements slog.Handler.
func (h *categoryHandler) WithGroup(name string) slog.Handler {
	out := *h
	out.inner, out.grouped = h.inner.WithGroup(name), true
	return &out
}

// logOf is the logger of a part of the node.
func (n *Node) logOf(category string) *slog.Logger { return n.cfg.Log.With(CategoryKey, category) }
