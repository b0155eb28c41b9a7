package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/cairn-chain/cairn/lab"
	"github.com/cairn-chain/cairn/node"
)

// view shows a running network: on a terminal a table that is drawn anew every second, elsewhere a line an
// event.
type view struct {
	w        io.Writer
	quiet    bool
	terminal bool

	mu    sync.Mutex
	ready bool
	lines int // of the table that stands on the terminal
	last  []string
}

func newView(w io.Writer, quiet bool) *view {
	v := &view{w: w, quiet: quiet}
	if f, ok := w.(*os.File); ok {
		v.terminal = term.IsTerminal(int(f.Fd()))
	}
	return v
}

// event prints or keeps what happened.
func (v *view) event(e lab.Event) {
	text := eventText(e)
	if text == "" {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.ready || v.quiet {
		return
	}
	line := e.At.Format("15:04:05") + "  " + text
	if !v.terminal {
		fmt.Fprintln(v.w, line)
		return
	}
	v.last = append(v.last, line)
	if len(v.last) > 6 {
		v.last = v.last[1:]
	}
}

// eventText is "" for events that are too many to show: every node's new tip.
func eventText(e lab.Event) string {
	switch e.Kind {
	case "found":
		return fmt.Sprintf("node %d found block %s", e.Node, short(e.Hash.String()))
	case "reorg":
		return fmt.Sprintf("node %d reorganized: %d off, %d on, %d transactions returned, now at %d %s", e.Node, e.Off, e.On, e.Returned, e.Height, short(e.Hash.String()))
	case "partition":
		return "network cut into " + e.Detail
	case "heal":
		return strings.TrimSpace("network healed " + e.Detail)
	case "link", "cut":
		return e.Kind + " " + e.Detail
	case "time":
		return "all clocks moved by " + e.Detail
	case "snapshot":
		return "kept as " + e.Detail
	case "revert":
		return "back at " + e.Detail
	case "guest":
		return "guest " + e.Detail
	case "note":
		return e.Detail
	case "start", "stop", "kill":
		if e.Detail != "" {
			return fmt.Sprintf("node %d: %s, %s", e.Node, e.Kind, e.Detail)
		}
		return fmt.Sprintf("node %d: %s", e.Node, e.Kind)
	case "faucet":
		return "faucet: " + e.Detail
	case "fatal":
		return fmt.Sprintf("node %d stopped itself: %s", e.Node, e.Detail)
	}
	return ""
}

// short is the part of a hash by which people tell blocks apart: its end, the beginning being zeros.
func short(hash string) string {
	if len(hash) < 12 {
		return hash
	}
	return "…" + hash[len(hash)-12:]
}

// banner prints what a user needs to use the network.
func (v *view) banner(s lab.Sheet, took time.Duration, c *cli.Context) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ready = true
	if v.quiet {
		fmt.Fprintf(v.w, "ready %s\n", s.Control)
		return
	}
	fmt.Fprintf(v.w, "cairn %s: a test network\n\n", node.Version)
	fmt.Fprintln(v.w, "Accounts. Everybody knows these keys: use them on this network only.")
	t := tabwriter.NewWriter(v.w, 0, 0, 2, ' ', 0)
	for i, a := range s.Accounts {
		fmt.Fprintf(t, "  %d\t%s\t%s\t%s\n", i, a.Address, a.Balance, a.WIF)
	}
	t.Flush()
	fmt.Fprintf(v.w, "\n  mnemonic  %s\n  path      %s\n\n", s.Mnemonic, s.Path)
	fmt.Fprintf(v.w, "  network   %s\n  genesis   %s\n  seed      %d\n\n", s.Network, s.Genesis, s.Seed)
	for _, n := range s.Nodes {
		mines := "-"
		if n.Mining {
			mines = minerText(s, n)
		}
		fmt.Fprintf(t, "  %s\tp2p %s\trpc %s\thttp %s\t%s\t%s\n", n.Name, n.P2P, n.RPC, n.HTTP, n.Data, mines)
	}
	t.Flush()
	where := ""
	if c.String("data") != defaultTestnetDir || c.Bool("ephemeral") {
		where = " --data " + s.Data
	}
	fmt.Fprintf(v.w, "\n  faucet    cairn testnet faucet ADDRESS [AMOUNT]%s\n  control   %s  (cairn testnet status%s)\n  page      %s/\n", where, s.Control, where, s.Control)
	fmt.Fprintf(v.w, "\nReady after %.2f s. %s\n\n", took.Seconds(), v.farewell(c))
}

// minerText says what a miner has: a share of a core where work sets the pace, else a share of the blocks.
func minerText(s lab.Sheet, n lab.SheetNode) string {
	if s.Network != "regtest" {
		return fmt.Sprintf("mines with %.3g %% of a core", n.Share*100)
	}
	var all float64
	for _, other := range s.Nodes {
		all += other.Share
	}
	return fmt.Sprintf("mines %.0f %% of the blocks", n.Share/all*100)
}

func (v *view) farewell(c *cli.Context) string {
	if c.Bool("ephemeral") {
		return "Ctrl-C stops the network and removes it."
	}
	return "Ctrl-C stops the network, the same command resumes it."
}

// follow shows the network until ctx ends.
func (v *view) follow(ctx context.Context, net *lab.Net) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if v.terminal && !v.quiet {
			v.draw(net.Status())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// draw replaces the table on the terminal.
func (v *view) draw(s lab.Status) {
	var b strings.Builder
	if err := printStatus(&b, s); err != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, line := range v.last {
		b.WriteString(line + "\n")
	}
	width, _, err := term.GetSize(int(v.w.(*os.File).Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	if v.lines > 0 {
		fmt.Fprintf(v.w, "\x1b[%dA\x1b[J", v.lines)
	}
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for _, line := range lines {
		if r := []rune(line); len(r) >= width {
			line = string(r[:width-1])
		}
		fmt.Fprintln(v.w, line)
	}
	v.lines = len(lines)
}

func (v *view) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ready = false
}

// printStatus writes the network as a table.
func printStatus(w io.Writer, s lab.Status) error {
	state := "all on one tip"
	switch {
	case s.Partition != "":
		state = "cut into " + s.Partition
	case !s.OneTip:
		state = "tips differ"
	}
	fmt.Fprintf(w, "%s  %s  faucet %s\n", s.Network, state, s.Faucet)
	if b := s.LastBlock; b != nil {
		fmt.Fprintf(w, "block %d %s, %s, difficulty %.3g\n%s", b.Height, short(b.Hash.String()), agoText(s.Time.Sub(b.Time)), b.Difficulty, wayText(b.Way))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "node\theight\ttip\tpeers\tmempool\thash rate\tlast reorg")
	for _, n := range s.Nodes {
		if !n.Running {
			fmt.Fprintf(t, "%d\t%s\t\t\t\t\t\n", n.Index, n.State)
			continue
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%d\t%d tx\t%s\t%s\n", n.Index, heightText(n), short(n.Tip.String()), n.Peers, n.MempoolTxs, rateText(n.HashRate), reorgText(s.Time, n.LastReorg))
	}
	for _, g := range s.Guests {
		fmt.Fprintf(t, "guest %s\t%s\t%s\n", g.Addr, g.State, g.Detail)
	}
	return t.Flush()
}

func wayText(p lab.Propagation) string {
	if p.Nodes == 0 {
		return ""
	}
	nodes := "1 node"
	if p.Nodes != 1 {
		nodes = fmt.Sprintf("%d nodes", p.Nodes)
	}
	return fmt.Sprintf("found by node %d, reached %s in %s\n", p.Finder, nodes, p.Last.Round(100*time.Microsecond))
}

func heightText(n lab.NodeStatus) string {
	if n.Headers > n.Height {
		return fmt.Sprintf("%d/%d", n.Height, n.Headers)
	}
	return fmt.Sprint(n.Height)
}

func rateText(r float64) string {
	switch {
	case r <= 0:
		return "-"
	case r >= 1e6:
		return fmt.Sprintf("%.2f MH/s", r/1e6)
	}
	return fmt.Sprintf("%.0f kH/s", r/1e3)
}

func reorgText(now time.Time, r *lab.ReorgStatus) string {
	if r == nil {
		return "-"
	}
	return fmt.Sprintf("depth %d: %d off, %d on, %d tx returned, %s", r.Depth, r.Off, r.On, r.Returned, agoText(now.Sub(r.At)))
}
