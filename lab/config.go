package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/node"
)

// MaxNodes bounds a network of one process.
const MaxNodes = 1000

// DefaultBasePort is where the ports of a network begin: the control address and the page are there, node i
// has the ports from DefaultBasePort + 10·(i+1).
const DefaultBasePort = 21380

// Config says what a network is to be. Zero fields mean the defaults that the comments name.
type Config struct {
	Nodes      int      // 4
	Miners     int      // -1: 2; at most Nodes
	Hashpower  []string // one a miner: weights that share a tenth of a core a miner, or percentages of a core ("30%")
	Topology   Topology // ring
	Mining     Mining   // Poisson
	Guests     []string // host:port of nodes elsewhere that node 0 keeps a connection to
	BlockTime  time.Duration
	Network    string // "cairn" or "regtest"
	DataDir    string // required unless Ephemeral
	Ephemeral  bool   // everything in a temporary directory that is removed at the end
	Seed       uint64 // 1
	BasePort   int    // 0: every port from the system
	NoServices bool   // no RPC, no HTTP and no control: for tests that use Net's methods

	Log *slog.Logger // nil: none
	Now func() time.Time
	// ClockShift is how far the clocks of the network are moved from Now; a network that is resumed remembers its own.
	ClockShift time.Duration
	// State is a file that Net.Save has written: the network is made of it, in a data directory without one.
	State string
	// OnEvent is told what happens in the network; it must return at once.
	OnEvent func(Event)

	held      *os.File // the lock on the data directory, see hold
	temporary bool     // the data directory was made by vacant
	// carried is the topology file of a snapshot: its text, while the data directory has none or another.
	carried string
}

// saved is what a data directory remembers of the network in it.
type saved struct {
	Format    int           `json:"format"`
	Network   string        `json:"network"`
	BlockTime time.Duration `json:"block_time_ns"`
	Seed      uint64        `json:"seed"`
	Nodes     int           `json:"nodes"`
	Miners    int           `json:"miners"`
	Hashpower []string      `json:"hashpower,omitempty"`
	Topology  Topology      `json:"topology"`
	Mining    Mining        `json:"mining,omitempty"`
	Shift     time.Duration `json:"clock_shift_ns,omitempty"`
}

const (
	savedFormat = 1
	savedFile   = "network.json"
	paramsFile  = "network.toml"
)

// settle fills in what was left open: first from what the directory remembers, then with defaults. What
// makes a network what it is cannot be changed afterwards.
func (c *Config) settle() error {
	if c.DataDir == "" && !c.Ephemeral {
		return errors.New("a network needs a data directory, or --ephemeral")
	}
	if c.DataDir != "" {
		old, err := readSaved(c.DataDir)
		if err != nil {
			return err
		}
		if old != nil {
			if err := c.resume(old); err != nil {
				return err
			}
		}
	}
	if c.Nodes == 0 && c.Topology.isFile() {
		l, err := c.layout()
		if err != nil {
			return &ConfigError{err}
		}
		c.Nodes = l.nodes
	}
	c.fill()
	if err := c.validate(); err != nil {
		return &ConfigError{err}
	}
	if err := c.checkFiles(node.OpenFiles()); err != nil || c.DataDir != "" {
		return err
	}
	var err error
	c.DataDir, err = os.MkdirTemp("", "cairn-testnet-")
	return err
}

// ConfigError says that there is no network as a Config describes it, wherever it is to be.
type ConfigError struct{ error }

func readSaved(dir string) (*saved, error) {
	b, err := os.ReadFile(filepath.Join(dir, savedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := new(saved)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%s does not hold a network of this program: %w", filepath.Join(dir, savedFile), err)
	}
	if s.Format != savedFormat {
		return nil, fmt.Errorf("%s has format %d, this version reads format %d: use the version that wrote it, or another --data", dir, s.Format, savedFormat)
	}
	return s, nil
}

func (c *Config) resume(old *saved) error {
	switch {
	case c.Network != "" && c.Network != old.Network:
		return fmt.Errorf("%s holds a %s network, not %s: choose another --data, or remove it", c.DataDir, old.Network, c.Network)
	case c.BlockTime != 0 && c.BlockTime != old.BlockTime:
		return fmt.Errorf("%s holds a network with %v between blocks, not %v: choose another --data, or remove it", c.DataDir, old.BlockTime, c.BlockTime)
	case c.Seed != 0 && c.Seed != old.Seed:
		return fmt.Errorf("%s holds a network of seed %d, not %d: choose another --data, or remove it", c.DataDir, old.Seed, c.Seed)
	}
	c.Network, c.BlockTime, c.Seed = old.Network, old.BlockTime, old.Seed
	if c.Nodes == 0 {
		c.Nodes = old.Nodes
	}
	if c.Miners < 0 {
		c.Miners = min(old.Miners, c.Nodes)
	}
	if len(c.Hashpower) == 0 && c.Miners == old.Miners {
		c.Hashpower = old.Hashpower
	}
	if c.Topology == "" {
		c.Topology = old.Topology
	}
	if c.Mining == "" {
		c.Mining = old.Mining
	}
	if c.ClockShift == 0 {
		c.ClockShift = old.Shift
	}
	return nil
}

func (c *Config) fill() {
	if c.Nodes == 0 {
		c.Nodes = 4
	}
	if c.Miners < 0 {
		c.Miners = max(len(c.Hashpower), min(2, c.Nodes))
	}
	if c.Topology == "" {
		c.Topology = Ring
	}
	if c.Mining == "" {
		c.Mining = Poisson
	}
	if c.Network == "" {
		c.Network = "cairn"
	}
	if c.BlockTime == 0 {
		c.BlockTime = 15 * time.Second
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OnEvent == nil {
		c.OnEvent = func(Event) {}
	}
}

func (c *Config) validate() error {
	switch {
	case c.Nodes < 1 || c.Nodes > MaxNodes:
		return fmt.Errorf("a network has 1 to %d nodes, not %d", MaxNodes, c.Nodes)
	case c.Miners < 0 || c.Miners > c.Nodes:
		return fmt.Errorf("%d of %d nodes cannot mine: --miners is between 0 and --nodes", c.Miners, c.Nodes)
	case len(c.Hashpower) > 0 && len(c.Hashpower) != c.Miners:
		return fmt.Errorf("--hashpower names %d miners, --miners says %d", len(c.Hashpower), c.Miners)
	case c.BlockTime < time.Second || c.BlockTime > 24*time.Hour || c.BlockTime%time.Second != 0:
		return fmt.Errorf("the time between blocks is a whole number of seconds up to a day, not %v", c.BlockTime)
	case c.Network != "cairn" && c.Network != "regtest":
		return fmt.Errorf("a test network is of the kind cairn or regtest, not %q", c.Network)
	case c.BasePort < 0 || c.BasePort > 65535-10*(c.Nodes+1):
		return fmt.Errorf("--base-port %d leaves no room for the ports of %d nodes", c.BasePort, c.Nodes)
	}
	if err := c.Mining.check(); err != nil {
		return err
	}
	if _, err := c.layout(); err != nil {
		return err
	}
	_, err := c.shares()
	return err
}

// shares returns what part of a core each miner gets.
func (c *Config) shares() ([]float64, error) {
	shares := make([]float64, c.Miners)
	var weights, percent float64
	for i := range shares {
		shares[i] = 0.1
		if len(c.Hashpower) == 0 {
			continue
		}
		text := strings.TrimSpace(c.Hashpower[i])
		number, isPercent := strings.CutSuffix(text, "%")
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || !(v > 0 && v <= 1e6) {
			return nil, fmt.Errorf("hash power %q is neither a weight like 3 nor a percentage of a core like 30%%", text)
		}
		shares[i] = v
		if isPercent {
			percent++
			shares[i] = v / 100
		} else {
			weights += v
		}
	}
	if len(c.Hashpower) == 0 {
		return shares, nil
	}
	if percent > 0 && weights > 0 {
		return nil, errors.New("--hashpower is either all weights or all percentages")
	}
	for i := range shares {
		if weights > 0 {
			shares[i] *= 0.1 * float64(c.Miners) / weights
		}
		if shares[i] > 1 {
			return nil, fmt.Errorf("miner %d would need %.0f %% of a core; at most 100 %%", i, shares[i]*100)
		}
	}
	return shares, nil
}

// params are the network's rules. A block time of one's own makes a network of one's own: its params file is put into
// the data directory for other programs, and its name is returned, "" if the network is a known one.
func (c *Config) params() (p *consensus.Params, file string, err error) {
	p, toml, err := c.rules()
	if err != nil || toml == "" {
		return p, "", err
	}
	if file, err = filepath.Abs(filepath.Join(c.DataDir, paramsFile)); err != nil {
		return nil, "", err
	}
	return p, file, os.WriteFile(file, []byte(toml), 0o600)
}

// rules are the network's rules, and the params file that makes them if it is not a known network.
func (c *Config) rules() (p *consensus.Params, toml string, err error) {
	base, err := consensus.Network(c.Network)
	if err != nil {
		return nil, "", err
	}
	seconds := int64(c.BlockTime / time.Second)
	if base.Retarget == consensus.RetargetNone || seconds == base.TargetSpacing {
		return base, "", nil
	}
	toml = fmt.Sprintf("base = %q\nname = \"%s-%ds\"\ntarget_spacing = %d\nasert_half_life = %d\n", c.Network, c.Network, seconds,
		seconds, seconds*(base.AsertHalfLife/base.TargetSpacing))
	p, err = consensus.ParseParams([]byte(toml))
	return p, toml, err
}

func (c *Config) save() error {
	b, err := json.MarshalIndent(c.saved(), "", "  ")
	if err != nil {
		return err
	}
	return writeDurably(filepath.Join(c.DataDir, savedFile), append(b, '\n'))
}

// saved is what a data directory is to remember of the network.
func (c *Config) saved() saved {
	return saved{Format: savedFormat, Network: c.Network, BlockTime: c.BlockTime, Seed: c.Seed, Nodes: c.Nodes,
		Miners: c.Miners, Hashpower: c.Hashpower, Topology: c.Topology, Mining: c.Mining, Shift: c.ClockShift}
}
