package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/BurntSushi/toml"
)

// ErrConfig begins every error about a scenario.
var ErrConfig = errors.New("scenario")

// Config describes a network and what happens to it. It is written as a TOML file, whose keys are the tags; see docs/sim. What is
// left out has the value that Parse's comment gives.
type Config struct {
	Title    string        `toml:"title" json:"title"`
	Nodes    int           `toml:"nodes" json:"nodes"`
	Duration time.Duration `toml:"duration" json:"duration"`
	// Interval is the mean time between blocks of the whole network at the start.
	Interval time.Duration `toml:"interval" json:"interval"`
	// Blocks ends the run when so many were found after the beginning, whatever Duration says; 0: no bound.
	Blocks int `toml:"blocks" json:"blocks"`

	Topology Topology `toml:"topology" json:"topology"`
	// Regions are where the nodes stand. None: Regions2019, unless Link says that all links are alike.
	Regions []Region `toml:"region" json:"regions"`
	Link    *Link    `toml:"link" json:"link,omitempty"`
	// Miners have the power; none: every node has the same.
	Miners  []Miner `toml:"miner" json:"miners"`
	Block   Block   `toml:"block" json:"block"`
	Traffic Traffic `toml:"traffic" json:"traffic"`
	Judge   Judge   `toml:"judge" json:"judge"`
	Faults  []Fault `toml:"fault" json:"faults"`
	// NoCompactBlocks lets blocks be fetched whole.
	NoCompactBlocks bool `toml:"no_compact_blocks" json:"no_compact_blocks"`
	// OneSource lets a node wait for a late block instead of asking a second peer for it too.
	OneSource bool `toml:"one_source" json:"one_source,omitempty"`
	// Gamma is the chance in a hundred with which an honest miner mines on a selfish miner's branch in a tie; absent: it mines on
	// what its node heard first.
	Gamma *int `toml:"gamma" json:"gamma,omitempty"`
	// Retarget is "none", every block as hard as the first, or "asert".
	Retarget string        `toml:"retarget" json:"retarget"`
	HalfLife time.Duration `toml:"half_life" json:"half_life"` // of asert
}

// Topology says who dials whom.
type Topology struct {
	// Kind is "random": each node dials Outbound others for all and BlockRelay more for blocks alone, as Bitcoin's nodes do; or
	// "mesh", everybody is connected; "line", "ring" or "star".
	Kind       string `toml:"kind" json:"kind"`
	Outbound   int    `toml:"outbound" json:"outbound"`
	BlockRelay int    `toml:"block_relay" json:"block_relay"`
}

// Link makes all links and lines alike.
type Link struct {
	Latency   time.Duration `toml:"latency" json:"latency"`               // one way
	Bandwidth int64         `toml:"bandwidth_kbit" json:"bandwidth_kbit"` // of a link and of a node's line; 0: no bound
}

// Miner is a share of the power.
type Miner struct {
	Name  string `toml:"name" json:"name"`
	Share int64  `toml:"share" json:"share"` // a weight among all miners
	Node  int    `toml:"node" json:"node"`   // that it mines with
	// Region is where that node stands; absent: it is drawn, as for all nodes. Peers makes it well connected: it dials the nodes of all
	// other miners with Peers and so many more that it has as many connections; 0: it dials as all nodes do.
	Region string `toml:"region" json:"region,omitempty"`
	Peers  int    `toml:"peers" json:"peers,omitempty"`
	// Strategy is "honest", "selfish" (Eyal and Sirer), or "double-spend": Trials attacks on a merchant at the next node who waits
	// for Confirmations; the run ends with the last.
	Strategy      string `toml:"strategy" json:"strategy"`
	Confirmations int    `toml:"confirmations" json:"confirmations,omitempty"`
	Trials        int    `toml:"trials" json:"trials,omitempty"`
}

// Block says how large blocks are.
type Block struct {
	// Fill lets the coinbase be made so large that a block has so many bytes, in a script that nobody can spend; 0: as the
	// transactions make it.
	Fill int `toml:"fill" json:"fill"`
}

// Traffic is how transactions come.
type Traffic struct {
	// Interval is the mean time between two arrivals at some node; 0: there are none.
	Interval time.Duration `toml:"interval" json:"interval"`
	Batch    int           `toml:"batch" json:"batch"` // transactions of one arrival
}

// Judge is how long a node takes to judge a block.
type Judge struct {
	Base    time.Duration `toml:"base" json:"base"`
	PerByte time.Duration `toml:"per_byte" json:"per_byte"`
}

// Fault is something that happens to the network between At and Until.
type Fault struct {
	// Kind is "partition": the first Share of a hundred nodes cannot reach the others; "slow": all links of these nodes have Factor
	// times the latency and a Factor'th of the bandwidth; or "power": all miners have Percent of their power.
	Kind    string        `toml:"kind" json:"kind"`
	At      time.Duration `toml:"at" json:"at"`
	Until   time.Duration `toml:"until" json:"until"` // 0: the end
	Share   int           `toml:"share" json:"share,omitempty"`
	Factor  int64         `toml:"factor" json:"factor,omitempty"`
	Percent int64         `toml:"percent" json:"percent,omitempty"`
}

// Bounds of a Config.
const (
	maxNodes    = 20_000
	maxDuration = 10 * 365 * 24 * time.Hour
	maxFill     = 950_000
	maxBatch    = 1000
)

// Parse reads a scenario in TOML and fills what is left out: 20 nodes, 24 h, 10 minutes between blocks, a random topology with 8
// and 2 peers dialled, the regions of Regions2019, every node mining, no transactions, blocks judged in 2 ms and 50 ns for each byte,
// compact blocks, no retarget.
func Parse(text []byte) (Config, error) {
	var c Config
	meta, err := toml.Decode(string(text), &c)
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return Config{}, fmt.Errorf("%w: unknown field %q", ErrConfig, unknown[0].String())
	}
	if what := zeros(c, meta); what != "" {
		return Config{}, fmt.Errorf("%w: %s must not be 0; leave it out for the default", ErrConfig, what)
	}
	c = c.Complete()
	return c, c.Validate()
}

// zeros names a number that the file sets to 0, where Complete would take that for left out.
func zeros(c Config, meta toml.MetaData) string {
	for _, f := range []struct {
		name string
		zero bool
	}{
		{"nodes", c.Nodes == 0}, {"duration", c.Duration == 0}, {"interval", c.Interval == 0}, {"half_life", c.HalfLife == 0},
	} {
		if f.zero && meta.IsDefined(f.name) {
			return f.name
		}
	}
	return ""
}

func orElse[T comparable](v *T, standard T) {
	var zero T
	if *v == zero {
		*v = standard
	}
}

// Complete returns c with what is left out filled.
func (c Config) Complete() Config {
	orElse(&c.Title, "a network")
	orElse(&c.Nodes, 20)
	orElse(&c.Duration, 24*time.Hour)
	orElse(&c.Interval, 10*time.Minute)
	orElse(&c.Topology.Kind, "random")
	orElse(&c.Topology.Outbound, 8)
	orElse(&c.Retarget, "none")
	orElse(&c.HalfLife, 2*24*time.Hour)
	orElse(&c.Traffic.Batch, 1)
	if c.Judge == (Judge{}) {
		c.Judge = Judge{Base: 2 * time.Millisecond, PerByte: 50 * time.Nanosecond}
	}
	if c.Regions == nil && c.Link == nil {
		c.Regions = Regions2019()
	}
	c.Miners = slices.Clone(c.Miners)
	if len(c.Miners) == 0 {
		for i := range max(min(c.Nodes, maxNodes), 0) {
			c.Miners = append(c.Miners, Miner{Share: 1, Node: i})
		}
	}
	for i := range c.Miners {
		orElse(&c.Miners[i].Strategy, "honest")
		orElse(&c.Miners[i].Name, fmt.Sprintf("node %d", c.Miners[i].Node))
	}
	return c
}

// Validate says what is wrong with a complete Config.
func (c *Config) Validate() error {
	for _, check := range []func() string{c.checkNumbers, c.checkTopology, c.checkRegions, c.checkMiners, c.checkFaults} {
		if what := check(); what != "" {
			return fmt.Errorf("%w: %s", ErrConfig, what)
		}
	}
	return nil
}

func (c *Config) checkNumbers() string {
	switch {
	case c.Nodes < 1 || c.Nodes > maxNodes:
		return fmt.Sprintf("nodes must be 1 to %d", maxNodes)
	case c.Duration <= 0 || c.Duration > maxDuration:
		return "duration must be positive and at most ten years"
	case c.Interval < time.Millisecond || c.Interval > maxDuration:
		return "interval must be at least 1ms"
	case c.Block.Fill < 0 || c.Block.Fill > maxFill:
		return fmt.Sprintf("block.fill must be 0 to %d", maxFill)
	case c.Traffic.Interval < 0 || c.Traffic.Batch < 1 || c.Traffic.Batch > maxBatch:
		return fmt.Sprintf("traffic.interval must not be negative, traffic.batch must be 1 to %d", maxBatch)
	case c.Judge.Base < 0 || c.Judge.PerByte < 0 || c.Judge.Base > time.Hour || c.Judge.PerByte > time.Second:
		return "judge.base must be 0 to 1h, judge.per_byte 0 to 1s"
	case c.Retarget != "none" && c.Retarget != "asert":
		return `retarget must be "none" or "asert"`
	case c.HalfLife < time.Second:
		return "half_life must be at least 1s"
	case c.Blocks < 0:
		return "blocks must not be negative"
	case c.Gamma != nil && (*c.Gamma < 0 || *c.Gamma > 100):
		return "gamma must be 0 to 100"
	}
	return ""
}

func (c *Config) checkTopology() string {
	t := c.Topology
	switch {
	case !slices.Contains([]string{"random", "mesh", "line", "ring", "star"}, t.Kind):
		return fmt.Sprintf("unknown topology %q: use random, mesh, line, ring or star", t.Kind)
	case t.Outbound < 1 || t.BlockRelay < 0 || t.Outbound+t.BlockRelay > 100:
		return "topology.outbound must be at least 1, with block_relay at most 100"
	case t.Kind == "mesh" && c.Nodes > 200, t.Kind == "star" && c.Nodes > 100:
		return "so many nodes do not fit into one's connections: use a random topology"
	}
	return ""
}

func (c *Config) checkRegions() string {
	if c.Link != nil {
		if len(c.Regions) > 0 {
			return "either link or regions"
		}
		if c.Link.Latency < 0 || c.Link.Latency > time.Hour || c.Link.Bandwidth < 0 {
			return "link.latency must be 0 to 1h, link.bandwidth_kbit not negative"
		}
		return ""
	}
	var sum int64
	for _, r := range c.Regions {
		if what := r.check(len(c.Regions)); what != "" {
			return what
		}
		sum += r.Share
	}
	if sum == 0 {
		return "no region has a share"
	}
	return ""
}

func (r *Region) check(regions int) string {
	const most = 1_000_000_000
	switch {
	case r.Share < 0 || r.Share > most:
		return fmt.Sprintf("region %q: share must not be negative", r.Name)
	case min(r.Download, r.Upload) <= 0 || max(r.Download, r.Upload) > most:
		return fmt.Sprintf("region %q: download_kbit and upload_kbit must be positive", r.Name)
	case len(r.Latency) != regions || slices.Min(r.Latency) < 0 || slices.Max(r.Latency) > 3_600_000:
		return fmt.Sprintf("region %q needs a latency_ms to each of the %d regions", r.Name, regions)
	}
	return ""
}

func (c *Config) checkMiners() string {
	var sum int64
	for _, m := range c.Miners {
		for _, what := range []string{m.check(c.Nodes), m.checkPlace(c)} {
			if what != "" {
				return fmt.Sprintf("miner %q: %s", m.Name, what)
			}
		}
		sum += m.Share
	}
	if sum == 0 {
		return "no miner has a share"
	}
	return ""
}

func (m *Miner) check(nodes int) string {
	switch {
	case m.Node < 0 || m.Node >= nodes:
		return fmt.Sprintf("it mines with node %d, there are %d", m.Node, nodes)
	case m.Share < 0 || m.Share > 1e9:
		return "share must be 0 to 1000000000"
	case m.Strategy == "honest" || m.Strategy == "selfish":
		return ""
	case m.Strategy != "double-spend":
		return fmt.Sprintf("unknown strategy %q, use honest, selfish or double-spend", m.Strategy)
	case m.Confirmations < 1 || m.Confirmations > 100 || m.Trials < 1 || m.Trials > preludeCoins || nodes < 2:
		return fmt.Sprintf("it needs confirmations (1 to 100), trials (1 to %d), and a second node", preludeCoins)
	}
	return ""
}

func (c *Config) checkFaults() string {
	for _, f := range c.Faults {
		if what := f.check(); what != "" {
			return fmt.Sprintf("fault %q: %s", f.Kind, what)
		}
	}
	return ""
}

func (f *Fault) check() string {
	if f.At < 0 || (f.Until != 0 && f.Until <= f.At) {
		return "until must be after at"
	}
	switch f.Kind {
	case "partition":
		return f.checkShare()
	case "slow":
		if f.Factor < 1 || f.Factor > 1000 {
			return "factor must be 1 to 1000"
		}
		return f.checkShare()
	case "power":
		if f.Percent < 1 || f.Percent > 100_000 {
			return "percent must be 1 to 100000"
		}
		return ""
	}
	return "no such kind: use partition, slow or power"
}

func (f *Fault) checkShare() string {
	if f.Share < 1 || f.Share > 99 {
		return "share must be 1 to 99"
	}
	return ""
}
