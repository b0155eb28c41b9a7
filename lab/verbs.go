package lab

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/lab/shape"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet"
)

// Verb is an order as people write it, on the command line (`cairn testnet VERB`), in a scenario, or in an Order's Args and Flags.
type Verb struct {
	Name    string
	Args    string // as the help shows them
	Min     int    // of arguments
	Max     int
	Help    string // one line
	Example string // arguments and flags
	Flags   []VerbFlag

	// form tells what is wrong with the arguments whatever the network is; nil: nothing to tell.
	form func(args []string) error
	do   func(ctx context.Context, n *Net, c call) (Answer, error)
}

// VerbFlag is a flag of a verb. Without a Value it is a switch.
type VerbFlag struct{ Name, Value, Help string }

// Verbs are all verbs, by name.
func Verbs() []Verb {
	list := make([]Verb, 0, len(verbs))
	for _, v := range verbs {
		list = append(list, *v)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// verbs are all verbs; the files where they are at home fill it.
var verbs = map[string]*Verb{}

func addVerbs(list ...Verb) bool {
	for i := range list {
		verbs[list[i].Name] = &list[i]
	}
	return true
}

var nodeFlag = VerbFlag{"node", "I", "the node's number (default: the first that runs)"}

var _ = addVerbs(
	Verb{Name: "mine", Args: "[N]", Max: 1, Help: "mine N blocks now (default 1)", Example: "5 --node 1", Flags: []VerbFlag{nodeFlag}, do: doMine},
	Verb{Name: "faucet", Args: "ADDRESS [AMOUNT]", Min: 1, Max: 2, Help: "send coins to an address (default 1)", Example: "ADDRESS 2.5 --wait",
		Flags: []VerbFlag{nodeFlag, {"wait", "", "wait until the faucet can pay, and until the payment is in a block"}}, do: doFaucet},
	Verb{Name: "send", Args: "FROM TO AMOUNT", Min: 3, Max: 3, Help: "pay from one account to another", Example: "0 1 2.5",
		Flags: []VerbFlag{nodeFlag, {"fee-rate", "R", "units per vbyte (default 2)"}}, do: doSend},
	Verb{Name: "stop", Args: "NODES", Min: 1, Max: 1, Help: "stop nodes cleanly: a number, a range like 0-4, or all", Example: "2", form: nodesForm, do: doNodes((*Net).Stop, "stopped")},
	Verb{Name: "kill", Args: "NODES", Min: 1, Max: 1, Help: "end nodes without a clean shutdown", Example: "2", form: nodesForm, do: doNodes((*Net).Kill, "killed")},
	Verb{Name: "start", Args: "NODES", Min: 1, Max: 1, Help: "start nodes that were stopped or killed", Example: "2", form: nodesForm, do: doNodes((*Net).Start, "started")},
	Verb{Name: "partition", Args: "GROUPS", Min: 1, Max: 1, Help: "cut the network into groups that cannot reach each other", Example: "0,1/2,3",
		Flags: []VerbFlag{{"one-way", "", "connections stay, but what the first group sends does not arrive in the others"}}, do: doPartition},
	Verb{Name: "heal", Args: "[LINK]", Max: 1, Help: "end a partition and all cuts, or one cut", Example: "0-1", do: doHeal},
	Verb{Name: "cut", Args: "LINK", Min: 1, Max: 1, Help: "end the connection of a link and keep it from coming back", Example: "0-1", do: doCut},
	Verb{Name: "link", Args: "LINK", Min: 1, Max: 1, Help: "make a link slow, lossy or narrow, or --clear it: 0-1, 2-* (all of node 2) or all", Example: "0-1 --latency 200ms±20ms --bandwidth 1Mbit --loss 1%",
		Flags: []VerbFlag{
			{"latency", "D", "one way: 200ms, 200ms±20ms, lognormal:80ms:0.5 or europe/japan"},
			{"jitter", "D", "up to so much more or less for each piece"},
			{"loss", "P", "part of the segments that is lost and sent again: 1%"},
			{"bandwidth", "B", "1Mbit, 500kbit; 0: unbounded"},
			{"one-way", "", "only from the first node to the second"},
			{"clear", "", "as fast as it goes again"},
		}, do: doLink},
	Verb{Name: "slow", Args: "LINK", Min: 1, Max: 1, Help: "make a link as slow as a bad satellite line: 600 ms, 256 kbit a second, 2 % loss", Example: "2-*", do: doSlow},
	Verb{Name: "links", Help: "show every link and what it is like", do: doLinks},
	Verb{Name: "reorg", Help: "mine a branch that replaces the last blocks, and explain what it does", Example: "--depth 3 --drop TXID",
		Flags: []VerbFlag{nodeFlag, {"depth", "N", "how many blocks are taken off (default 1)"},
			{"drop", "TXID", "leave this transaction out of the new branch; several with commas"},
			{"replace", "HEX", "put this transaction into it, instead of those that it conflicts with; several with commas"}}, do: doReorg},
	Verb{Name: "time", Args: "SHIFT", Min: 1, Max: 1, Help: "move the clocks of all nodes", Example: "+1h", do: doTime},
)

// call is a verb's arguments while it is carried out.
type call struct {
	args  []string
	flags map[string]string
}

func (c call) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

func (c call) has(flag string) bool { _, ok := c.flags[flag]; return ok }

// on tells whether a switch is set.
func (c call) on(flag string) bool { return c.has(flag) && c.flags[flag] != "false" }

// count reads a whole number between lo and hi.
func (c call) count(what, text string, def, lo, hi int) (int, error) {
	if text == "" {
		return def, nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < lo || v > hi {
		return 0, fmt.Errorf("%s is a number between %d and %d, not %q", what, lo, hi, text)
	}
	return v, nil
}

func (c call) number(flag string, def, lo, hi int) (int, error) {
	return c.count("--"+flag, c.flags[flag], def, lo, hi)
}

// node is the node that --node names, or def.
func (c call) node(n *Net, def int) (int, error) {
	return c.count("a node", strings.TrimPrefix(c.flags["node"], "node"), def, 0, len(n.nodes)-1)
}

func (c call) share(flag string, def float64) (float64, error) {
	if !c.has(flag) {
		return def, nil
	}
	v, err := shape.ParseShare(c.flags[flag])
	if err != nil {
		return 0, fmt.Errorf("--%s: %w", flag, err)
	}
	return v, nil
}

func (c call) duration(flag string, def, lo, hi time.Duration) (time.Duration, error) {
	if !c.has(flag) {
		return def, nil
	}
	d, err := time.ParseDuration(c.flags[flag])
	if err != nil || d < lo || d > hi {
		return 0, fmt.Errorf("--%s is a time between %v and %v, not %q", flag, lo, hi, c.flags[flag])
	}
	return d, nil
}

// ParseOrder reads an order as people write it; the words are as a shell would split them. Flags may stand anywhere.
func ParseOrder(words []string) (Order, error) {
	if len(words) == 0 {
		return Order{}, fmt.Errorf("an order begins with a verb: %s", verbNames())
	}
	v, ok := verbs[words[0]]
	if !ok {
		return Order{}, fmt.Errorf("%q is none of the verbs: %s", words[0], verbNames())
	}
	o := Order{What: v.Name, Node: -1, Args: []string{}, Flags: map[string]string{}}
	for rest := words[1:]; len(rest) > 0; rest = rest[1:] {
		name, isFlag := strings.CutPrefix(rest[0], "--")
		if !isFlag {
			o.Args = append(o.Args, rest[0])
			continue
		}
		name, value, given := strings.Cut(name, "=")
		f, ok := v.flag(name)
		switch {
		case !ok:
			return o, fmt.Errorf("%s has no flag --%s: %s", v.Name, name, v.Usage())
		case f.Value == "" && !given:
			value = "true"
		case !given && len(rest) == 1:
			return o, fmt.Errorf("--%s needs a value: --%s %s", name, name, f.Value)
		case !given:
			rest = rest[1:]
			value = rest[0]
		}
		o.Flags[name] = value
	}
	return o, v.check(o)
}

func (v *Verb) flag(name string) (VerbFlag, bool) {
	for _, f := range v.Flags {
		if f.Name == name {
			return f, true
		}
	}
	return VerbFlag{}, false
}

// check tells whether an order has as many arguments as its verb takes, and only flags that it knows.
func (v *Verb) check(o Order) error {
	if len(o.Args) < v.Min || len(o.Args) > v.Max {
		return fmt.Errorf("the order is: %s; for example: %s", v.Usage(), strings.TrimSpace(v.Name+" "+v.Example))
	}
	for name := range o.Flags {
		if _, ok := v.flag(name); !ok {
			return fmt.Errorf("%s has no flag --%s: %s", v.Name, name, v.Usage())
		}
	}
	if v.form == nil {
		return nil
	}
	return v.form(o.Args)
}

// nodesForm checks NODES.
func nodesForm(args []string) error {
	for _, field := range strings.Split(args[0], ",") {
		if args[0] == "all" {
			continue
		}
		if checkNodeName(field) == nil {
			continue // if it is a node's, the network knows
		}
		if _, _, err := parseRange(field, MaxNodes); err != nil {
			return fmt.Errorf("%w, nor all", err)
		}
	}
	return nil
}

// Usage is the verb with its arguments and flags in one line.
func (v *Verb) Usage() string {
	parts := []string{v.Name}
	if v.Args != "" {
		parts = append(parts, v.Args)
	}
	for _, f := range v.Flags {
		parts = append(parts, strings.TrimSpace("[--"+f.Name+" "+f.Value)+"]")
	}
	return strings.Join(parts, " ")
}

func verbNames() string {
	var names []string
	for _, v := range Verbs() {
		names = append(names, v.Name)
	}
	return strings.Join(names, ", ")
}

// Carry carries out an order that has Args and Flags, and waits for what comes of it.
func (n *Net) Carry(ctx context.Context, o Order) (Answer, error) {
	v, ok := verbs[o.What]
	if !ok {
		return Answer{}, fmt.Errorf("unknown order %q: %s", o.What, verbNames())
	}
	if err := v.check(o); err != nil {
		return Answer{}, err
	}
	return v.do(ctx, n, n.byNumber(v, o))
}

// byNumber replaces names of nodes where nodes are meant.
func (n *Net) byNumber(v *Verb, o Order) call {
	c := call{args: slices.Clone(o.Args), flags: maps.Clone(o.Flags)}
	switch strings.Trim(v.Args, "[]") {
	case "LINK", "NODES", "GROUPS":
		for i, a := range c.args {
			c.args[i] = n.numbered(a)
		}
	}
	if text, ok := c.flags["node"]; ok {
		c.flags["node"] = n.numbered(text)
	}
	return c
}

func said(format string, a ...any) Answer { return Answer{Lines: []string{fmt.Sprintf(format, a...)}} }

func doMine(ctx context.Context, n *Net, c call) (a Answer, err error) {
	count, err := c.count("how many blocks are mined", c.arg(0), 1, 1, 100_000)
	if err != nil {
		return a, err
	}
	i, err := c.node(n, -1)
	if err != nil {
		return a, err
	}
	hashes, err := n.Mine(ctx, i, count)
	for _, h := range hashes {
		a.Hashes = append(a.Hashes, h.String())
	}
	a.Lines = a.Hashes
	return a, err
}

func doFaucet(ctx context.Context, n *Net, c call) (a Answer, err error) {
	amount := int64(DefaultFaucetAmount)
	if text := c.arg(1); text != "" {
		if amount, err = wallet.ParseAmount(text); err != nil {
			return a, err
		}
	}
	i, err := c.node(n, -1)
	if err != nil {
		return a, err
	}
	id, err := n.Faucet(ctx, i, c.arg(0), amount, c.on("wait"))
	if err != nil {
		return a, err
	}
	return Answer{TxID: id.String(), Lines: []string{id.String()}}, nil
}

func doSend(ctx context.Context, n *Net, c call) (a Answer, err error) {
	var who [2]int
	for i := range who {
		if who[i], err = c.count("an account", c.arg(i), 0, 0, Accounts-1); err != nil {
			return a, err
		}
	}
	amount, err := wallet.ParseAmount(c.arg(2))
	if err != nil {
		return a, err
	}
	i, err := c.node(n, -1)
	if err != nil {
		return a, err
	}
	rate, err := c.number("fee-rate", purseFeeRate/1000, 1, 100_000)
	if err != nil {
		return a, err
	}
	id, err := n.Send(ctx, i, who[0], who[1], amount, int64(rate)*1000)
	if err != nil {
		return a, err
	}
	return Answer{TxID: id.String(), Lines: []string{id.String()}}, nil
}

// doNodes does something to one node or to several.
func doNodes(f func(*Net, int) error, done string) func(context.Context, *Net, call) (Answer, error) {
	return func(_ context.Context, n *Net, c call) (a Answer, err error) {
		text := c.arg(0)
		if text == "all" {
			text = fmt.Sprintf("0-%d", len(n.nodes)-1)
		}
		for _, field := range strings.Split(text, ",") {
			from, to, err := parseRange(strings.TrimPrefix(field, "node"), len(n.nodes))
			if err != nil {
				return a, err
			}
			for i := from; i <= to; i++ {
				if err := f(n, i); err != nil {
					return a, err
				}
				a.Lines = append(a.Lines, fmt.Sprintf("node %d %s", i, done))
			}
		}
		return a, nil
	}
}

func doPartition(_ context.Context, n *Net, c call) (Answer, error) {
	group, err := ParseGroups(c.arg(0), len(n.nodes))
	if err != nil {
		return Answer{}, err
	}
	if c.on("one-way") {
		return said("what the first group of %s sends does not arrive in the others; `cairn testnet heal` ends it", c.arg(0)), n.PartitionOneWay(group)
	}
	return said("cut into %s; `cairn testnet heal` ends it", c.arg(0)), n.Partition(group)
}

func doHeal(_ context.Context, n *Net, c call) (Answer, error) {
	if c.arg(0) == "" {
		n.Heal()
		return said("healed: the nodes connect again"), nil
	}
	links, err := n.ParseLinks(c.arg(0))
	if err != nil {
		return Answer{}, err
	}
	n.Mend(links...)
	return said("healed %s", linksText(links, false)), nil
}

func doCut(_ context.Context, n *Net, c call) (Answer, error) {
	links, err := n.ParseLinks(c.arg(0))
	if err != nil {
		return Answer{}, err
	}
	n.Cut(links...)
	return said("cut %s; `cairn testnet heal %s` ends it", linksText(links, false), c.arg(0)), nil
}

func doLink(_ context.Context, n *Net, c call) (a Answer, err error) {
	links, err := n.ParseLinks(c.arg(0))
	if err != nil {
		return a, err
	}
	if c.on("clear") {
		return said("%s as fast as it goes", linksText(links, c.on("one-way"))), n.Shape(shape.Shape{}, c.on("one-way"), links...)
	}
	changed := false
	for _, name := range []string{"latency", "jitter", "loss", "bandwidth"} {
		changed = changed || c.has(name)
	}
	if !changed {
		return a, fmt.Errorf("say what the link is to be like: %s", verbs["link"].Usage())
	}
	// What is not named stays, for each link by itself.
	for _, l := range links {
		s, err := c.shape(n.ShapeOf(l))
		if err != nil {
			return a, err
		}
		if err := n.Shape(s, c.on("one-way"), l); err != nil {
			return a, err
		}
		a.Lines = append(a.Lines, linksText([]Link{l}, c.on("one-way"))+"  "+s.String())
	}
	return a, nil
}

// shape changes a shape as the flags say.
func (c call) shape(s shape.Shape) (_ shape.Shape, err error) {
	if c.has("latency") {
		if s.Latency, err = shape.ParseLatency(c.flags["latency"]); err != nil {
			return s, err
		}
	}
	if s.Jitter, err = c.duration("jitter", s.Jitter, 0, shape.MaxLatency); err != nil {
		return s, err
	}
	if s.Loss, err = c.share("loss", s.Loss); err != nil {
		return s, err
	}
	if c.has("bandwidth") {
		s.Bandwidth, err = shape.ParseBandwidth(c.flags["bandwidth"])
	}
	return s, err
}

// slowShape is what slow makes of a link.
var slowShape = shape.Shape{Latency: shape.Latency{Mid: 600 * time.Millisecond}, Jitter: 50 * time.Millisecond, Loss: 0.02, Bandwidth: 256_000}

func doSlow(_ context.Context, n *Net, c call) (Answer, error) {
	links, err := n.ParseLinks(c.arg(0))
	if err != nil {
		return Answer{}, err
	}
	return said("%s  %s; `cairn testnet link %s --clear` ends it", linksText(links, false), slowShape, c.arg(0)), n.Shape(slowShape, false, links...)
}

func doLinks(_ context.Context, n *Net, _ call) (a Answer, err error) {
	all := n.Links()
	a.Result = all
	for _, l := range all {
		state := "down"
		switch {
		case l.Cut:
			state = "cut"
		case l.Up:
			state = "up"
		}
		line := fmt.Sprintf("%d-%d  %s", l.A, l.B, state)
		switch {
		case l.AtoB != "" && l.AtoB == l.BtoA:
			line += "  " + l.AtoB
		default:
			if l.AtoB != "" {
				line += fmt.Sprintf("  %d→%d %s", l.A, l.B, l.AtoB)
			}
			if l.BtoA != "" {
				line += fmt.Sprintf("  %d→%d %s", l.B, l.A, l.BtoA)
			}
		}
		a.Lines = append(a.Lines, line)
	}
	return a, nil
}

func doReorg(ctx context.Context, n *Net, c call) (a Answer, err error) {
	var r Reorg
	if r.Node, err = c.node(n, -1); err != nil {
		return a, err
	}
	if r.Depth, err = c.number("depth", 1, 1, maxReorgDepth); err != nil {
		return a, err
	}
	for _, text := range split(c.flags["drop"]) {
		id, err := types.ParseHash(text)
		if err != nil {
			return a, fmt.Errorf("--drop: %w", err)
		}
		r.Drop = append(r.Drop, id)
	}
	for _, text := range split(c.flags["replace"]) {
		tx, err := parseTx(text)
		if err != nil {
			return a, fmt.Errorf("--replace: %w", err)
		}
		r.Replace = append(r.Replace, tx)
	}
	rep, err := n.Reorg(ctx, r)
	if err != nil {
		return a, err
	}
	return Answer{Lines: rep.Lines(), Result: rep}, nil
}

// parseTx reads a transaction in hex.
func parseTx(text string) (*types.Tx, error) {
	b, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	return types.DecodeTx(b)
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func doTime(_ context.Context, n *Net, c call) (Answer, error) {
	d, err := time.ParseDuration(c.arg(0))
	if err != nil {
		return Answer{}, fmt.Errorf("%q is not a shift of time like +1h or -30m", c.arg(0))
	}
	now, err := n.Advance(d)
	if err != nil {
		return Answer{}, err
	}
	a := said("it is %s in the network", now.UTC().Format("2006-01-02 15:04:05 MST"))
	limit := time.Duration(n.params.MaxFutureTime) * time.Second
	if ahead := n.tipTime().Sub(now); ahead > limit {
		a.Lines = append(a.Lines, fmt.Sprintf("the last block is %v ahead of that: no block is valid until the clocks are %v further", ahead.Round(time.Second), (ahead-limit).Round(time.Second)))
	}
	return a, nil
}
