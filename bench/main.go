// Command bench measures what docs/benchmarks.md shows: how fast networks of real processes start, how much memory an idle node takes, how
// fast a late node catches up, and how fast transactions, blocks, headers and signatures are judged.
//
// It is no profiler; it compares with another program, btcd, only where -btcd names one. Rates of work inside this process are also given per second of processor time,
// which says more than the clock where the machine has other work.
//
// scripts/bench.sh builds the program that is measured and calls this one. Start reading at suite.all.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	binary, btcd, date, commit, profiles string
	only                                 *regexp.Regexp
	quick, asJSON                        bool
}

func parseOptions(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.binary, "binary", "", "the built `program` cairn; without it only what runs in this process is measured")
	flags.StringVar(&o.btcd, "btcd", "", "the built `program` btcd, with which answers by RPC are compared")
	flags.StringVar(&o.date, "date", "", "the `day` that the page names")
	flags.StringVar(&o.commit, "commit", "", "the `version` that the page names")
	flags.StringVar(&o.profiles, "profiles", "", "`directory` for a CPU profile of each part that runs in this process; -tagfocus timed=yes leaves out what prepares it")
	flags.BoolVar(&o.quick, "quick", false, "small sizes, few runs: to see that it works")
	flags.BoolVar(&o.asJSON, "json", false, "print JSON instead of Markdown")
	only := flags.String("only", "", "measure only parts whose name matches this regular `expression`: "+strings.Join(partNames(), ", "))
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("no argument %q is known", flags.Arg(0))
	}
	o.only, err = regexp.Compile(*only)
	return o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cairn-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, program := range []*string{&o.binary, &o.btcd} {
		if *program == "" {
			continue
		}
		if *program, err = filepath.Abs(*program); err != nil {
			return err
		}
	}
	s := &suite{options: o, size: fullSizes, dir: dir, log: stderr}
	if o.quick {
		s.size = quickSizes
	}
	page := report{Date: o.date, Commit: o.commit, Quick: o.quick, Machine: thisMachine()}
	begin := time.Now()
	if page.Parts, err = s.all(ctx); err != nil {
		return err
	}
	page.Took = time.Since(begin).Round(time.Second).String()
	page.Machine.LoadAfter = loadAverage()
	if o.asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(page)
	}
	return page.markdown(stdout)
}

// sizes say how much is measured, how often.
type sizes struct {
	startRuns      map[int]int   // by nodes
	liveNodes      [2]int        // of the two networks that are compared
	liveIdle       time.Duration // before they are looked at
	liveRuns       int
	idle           time.Duration // before memory is looked at
	idleNets       int           // how many networks are looked at, at the same time
	idleNodes      int
	idleBlocks     int // of the networks that have grown
	syncBlocks     int
	syncTxs        int // a block
	syncRuns       int
	poolTxs        int // a run
	poolRuns       int
	rpcTxs         int // a run
	rpcRuns        int
	connectTxs     int
	connectRuns    int
	largestRuns    int // a kind of block
	largestPart    int // of a whole block, by which it is smaller
	snapshotBlocks int
	snapshotRuns   int
	relayRuns      int           // blocks that cross the line of nodes
	spin           time.Duration // one run of hashing or verifying
	spinRuns       int

	answerBlocks, answerTxs int // of the chain that is asked for by RPC; transactions a block
	answerRuns              int
	answerSpin              time.Duration // one run
	answerBatch             int           // calls in one batch

	simNodes, simRuns int
	simLength         time.Duration // virtual

	spinSigs int // signatures that are verified before the clock is looked at
}

var fullSizes = sizes{
	startRuns: map[int]int{5: 9, 20: 5, 100: 3}, liveNodes: [2]int{5, 100}, liveIdle: 10 * time.Second, liveRuns: 3, idle: time.Minute, idleNets: 3, idleNodes: 20, idleBlocks: 2000,
	syncBlocks: 2000, syncTxs: 10, syncRuns: 3, poolTxs: 2000, poolRuns: 7, rpcTxs: 1000, rpcRuns: 3,
	connectTxs: 2000, connectRuns: 7, largestRuns: 3, largestPart: 1, relayRuns: 5, snapshotBlocks: 1000, snapshotRuns: 9, spin: 500 * time.Millisecond, spinRuns: 7, spinSigs: 100,
	answerBlocks: 400, answerTxs: 20, answerRuns: 3, answerSpin: 500 * time.Millisecond, answerBatch: 10_000,
	simNodes: 1000, simRuns: 2, simLength: 24 * time.Hour,
}

var quickSizes = sizes{
	startRuns: map[int]int{5: 2, 20: 1}, liveNodes: [2]int{2, 12}, liveIdle: 2 * time.Second, liveRuns: 1, idle: 3 * time.Second, idleNets: 1, idleNodes: 20, idleBlocks: 200,
	syncBlocks: 300, syncTxs: 5, syncRuns: 1, poolTxs: 200, poolRuns: 2, rpcTxs: 100, rpcRuns: 1,
	connectTxs: 500, connectRuns: 1, largestRuns: 1, largestPart: 20, relayRuns: 2, snapshotBlocks: 200, snapshotRuns: 2, spin: 100 * time.Millisecond, spinRuns: 2, spinSigs: 100,
	answerBlocks: 150, answerTxs: 5, answerRuns: 1, answerSpin: 100 * time.Millisecond, answerBatch: 500,
	simNodes: 50, simRuns: 1, simLength: time.Hour,
}

// suite is one run of this program.
type suite struct {
	options
	size sizes
	dir  string // for everything that is written; removed at the end
	log  io.Writer
}

func (s *suite) say(format string, args ...any) { fmt.Fprintf(s.log, "bench: "+format+"\n", args...) }

// part is a section of the page.
type part struct {
	name      string
	processes bool // needs the built program
	measure   func(*suite, context.Context) (section, error)
}

var parts = []part{
	{"start", true, (*suite).starts},
	{"live", true, (*suite).live},
	{"memory", true, (*suite).memory},
	{"sync", true, (*suite).syncs},
	{"rpc", true, (*suite).rpcs},
	{"mempool", false, (*suite).mempool},
	{"connect", false, (*suite).connects},
	{"largest", true, (*suite).largest},
	{"simulation", true, (*suite).simulated},
	{"relay", false, (*suite).relays},
	{"snapshots", false, (*suite).snapshots},
	{"hashing", false, (*suite).hashing},
	{"signatures", false, (*suite).signatures},
}

func partNames() (names []string) {
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}

// all measures one part after another, so that they do not disturb each other.
func (s *suite) all(ctx context.Context) ([]section, error) {
	var done []section
	for _, p := range parts {
		if !s.only.MatchString(p.name) || (p.processes && s.binary == "") {
			continue
		}
		s.say("%s", p.name)
		sec, err := s.profiled(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		done = append(done, sec)
	}
	if len(done) == 0 {
		return nil, errors.New("nothing to measure: is --binary missing, or does --only match none of " + strings.Join(partNames(), ", ") + "?")
	}
	return done, nil
}

// profiled measures a part, with a CPU profile if asked for.
func (s *suite) profiled(ctx context.Context, p part) (sec section, err error) {
	if s.profiles == "" || p.processes {
		return p.measure(s, ctx)
	}
	f, err := os.Create(filepath.Join(s.profiles, p.name+".pprof"))
	if err != nil {
		return section{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return section{}, err
	}
	defer pprof.StopCPUProfile()
	return p.measure(s, ctx)
}
