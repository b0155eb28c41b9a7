package node

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/types"
)

// Version is the program's version.
const Version = "0.1.0"

// versionNumber is what getnetworkinfo calls the version: that of Bitcoin Core whose dialect the RPC speaks, since
// programs decide by it what they may ask.
const versionNumber = 280000

// dialectAgent stands before the node's own name in getnetworkinfo's subversion (BIP14 lets names be stacked): some programs read there,
// and not in the version, what they may ask. Peers are told the node's own name only.
const dialectAgent = "/Satoshi:28.0.0"

// Config says what a node is to be. The zero value of a field means the default that its comment names.
type Config struct {
	Params  *consensus.Params
	DataDir string // "": everything in memory, nothing survives

	Listen      string           // host:port for peers; "": does not listen
	Connect     []netip.AddrPort // if set, these peers and no others are dialled
	ConnectOnly bool             // dial nobody but Connect and AddNodes, even if both are empty
	AddNodes    []netip.AddrPort // peers to keep a connection to, beside those that are found
	Sources     []p2p.Source     // where further endpoints come from
	Net         NetConfig        // what single peers may, and names
	Transport   p2p.Transport    // nil: TCP
	Snappy      bool             // relay delays cut to a fiftieth, for networks on one host

	RPCListen  string   // host:port; "": no RPC
	HTTPListen string   // host:port for metrics and health; "": none
	RPCCookie  string   // the secret of the cookie, if it is to be that of an earlier run; "": a new one
	RPCAuth    []string // USER:SALT$HASH, who may call beside those who can read the cookie
	RPCHosts   []string // names under which RPC may be reached, beside addresses and localhost
	REST       bool     // answer under /rest/ of RPCListen too, whoever asks

	Mine         bool
	MineTo       []byte        // the script that is paid; required with Mine
	Threads      int           // of the miner; 0: 1
	Share        float64       // of one core a thread, 0..1; 0: 1
	MineInterval time.Duration // mean time between own blocks where the network has no retarget; 0: as fast as it goes

	// PeerBloomFilters: light clients may search this node by bloom filters (BIP37) and ask for its mempool (BIP35).
	PeerBloomFilters bool

	CacheBytes      int64 // coin cache; 0: 64 MiB
	MempoolBytes    int64 // 0: 300 MB
	MinRelayFee     int64 // per 1000 vbytes; 0: 1000
	MaxConnections  int   // 0: 125; fewer if the process may not open so many files
	BlocksOnly      bool
	NoCompactBlocks bool // blocks are exchanged whole, for comparison
	NoV2Transport   bool // no encrypted connections (BIP324)
	FilterIndex     bool // keep the filter index also on networks whose nodes do not unless told
	NoFilterIndex   bool
	NoPeerFilters   bool // the filter index, if it is kept, is not served to peers
	NoMempoolFile   bool
	AcceptNonStd    bool
	// Prune is as in Bitcoin Core: 0 keeps all blocks, 1 removes those that pruneblockchain is told to, more is the MiB of blocks that
	// are kept on disk, at least 550. FastPrune makes small numbers possible, for tests: any target, and files of blocks of 1 MiB.
	Prune     int64
	FastPrune bool
	UserAgent string // comment in the user agent
	// Indexes beside the filter index, all built in the background. Switching one on later builds it from the stored blocks;
	// switching it off keeps what is there.
	TxIndex, SpentIndex, ScriptHashIndex bool

	Workers int  // goroutines that check scripts; 0: one a processor
	Reindex bool // make the coins and the indexes anew from the stored blocks

	Categories *Categories // of Log's debug lines; nil: own ones, which switch nothing

	Log     *slog.Logger     // nil: none
	LogFile string           // where Log goes, for getrpcinfo; may be empty
	Now     func() time.Time // nil: time.Now
	// FoundAt tells when a block was found, if somebody knows better than its header: the lab does. It is
	// what the propagation histogram counts from.
	FoundAt func(types.Hash) (time.Time, bool)
	// Progress is told how far a long start-up stage is.
	Progress func(stage string, done, total int64)
	// OnEvent is told what happened in the node; it must return at once. Nil: nobody is.
	OnEvent func(Happening)
}

// Validate fills in defaults and returns an error that says what to change.
func (c *Config) Validate() error {
	if c.Params == nil {
		return errors.New("no network is chosen")
	}
	if c.Mine && c.Params.ValidationOnly {
		return errValidationOnly(c.Params)
	}
	if c.Mine && len(c.MineTo) == 0 {
		return errors.New("mining needs an address to pay: set --mine-to")
	}
	if c.Share < 0 || c.Share > 1 {
		return fmt.Errorf("the share of a core is between 0 and 1, not %v", c.Share)
	}
	if c.Threads < 0 || c.Threads > 1024 {
		return fmt.Errorf("threads are between 0 and 1024, not %d", c.Threads)
	}
	if c.MaxConnections < 0 || c.MaxConnections > 100_000 {
		return fmt.Errorf("connections are between 0 and 100000, not %d", c.MaxConnections)
	}
	if c.CacheBytes < 0 || c.MempoolBytes < 0 || c.MinRelayFee < 0 {
		return errors.New("sizes and fees are not negative")
	}
	c.fill()
	c.fitFiles()
	return cmp.Or(c.Net.check(), c.checkPrune())
}

// filesForOthers is how many files the node needs beside those of its peers: databases, dials, RPC. Without them it
// could not go on writing its chain, so peers may not take them.
const filesForOthers = 256

// fitFiles bounds the connections by the files that the process may open.
func (c *Config) fitFiles() {
	if _, plain := c.Transport.(p2p.TCP); !plain {
		return
	}
	files := OpenFiles()
	if most := max(files-filesForOthers, 16); files > 0 && c.MaxConnections > most {
		c.Log.Warn("fewer connections than asked for: the process may not open more files", "connections", most, "files", files)
		c.MaxConnections = most
	}
}

// errValidationOnly is what everybody hears who wants to mine on a network of others.
func errValidationOnly(p *consensus.Params) error {
	return fmt.Errorf("%s is here for validation only: nothing is mined on it", p.Name)
}

func (c *Config) fill() {
	setDefault(&c.Threads, 1)
	setDefault(&c.Share, 1)
	setDefault(&c.CacheBytes, 64<<20)
	setDefault(&c.MempoolBytes, 300_000_000)
	setDefault(&c.MinRelayFee, 1000)
	setDefault(&c.MaxConnections, 125)
	c.Net.fill()
	setDefault(&c.Workers, runtime.GOMAXPROCS(0))
	if c.Categories == nil {
		c.Categories = &Categories{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Transport == nil {
		c.Transport = p2p.TCP{}
	}
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// A Happening is something that people watch for: a new tip, a reorganization, a found block.
type Happening struct {
	At     time.Time
	Kind   string // "tip", "reorg", "found", "peer", "gone", "fatal"
	Hash   types.Hash
	Height int32
	// Reorg: blocks taken off and put on, transactions that went back to the mempool.
	Off, On, Returned int
	Peer              string
	Detail            string
}
