package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
)

// tiny sizes: the measurements run, their figures mean nothing.
var tiny = sizes{
	startRuns: map[int]int{1: 1}, liveNodes: [2]int{1, 2}, liveIdle: time.Millisecond, liveRuns: 1, idle: time.Millisecond, idleNets: 1, idleNodes: 2, idleBlocks: 1,
	syncBlocks: 110, syncTxs: 2, syncRuns: 1, poolTxs: 4, poolRuns: 2, rpcTxs: 2, rpcRuns: 1,
	connectTxs: 4, connectRuns: 1, largestRuns: 1, largestPart: 300, relayRuns: 2, spin: time.Millisecond, spinRuns: 2, spinSigs: 3,
	answerBlocks: 104, answerTxs: 2, answerRuns: 1, answerSpin: time.Millisecond, answerBatch: 20,
	snapshotBlocks: 120, snapshotRuns: 1,
	simNodes: 20, simRuns: 2, simLength: 10 * time.Minute,
}

func tinySuite(t *testing.T) *suite {
	t.Helper()
	return &suite{options: options{only: regexp.MustCompile("")}, size: tiny, dir: t.TempDir(), log: io.Discard}
}

func TestMedianAndNumber(t *testing.T) {
	for _, c := range []struct {
		xs   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := median(c.xs); got != c.want {
			t.Errorf("median of %v: %v, want %v", c.xs, got, c.want)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("nothing has a median")
	}
	for v, want := range map[float64]string{
		0: "0.000", 0.12345: "0.123", 1: "1.00", 9.994: "9.99", 9.996: "10.0", 99.94: "99.9", 99.96: "100", 999.6: "1,000", 1234567.8: "1,234,568", -2: "−2.00",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestMachine(t *testing.T) {
	const text = "processor\t: 0\nmodel name\t: Fast One\nMemTotal:       24641234 kB\nVmRSS:\t   27560 kB\nOdd: 5 MB\n"
	if got := value(text, "model name"); got != "Fast One" {
		t.Errorf("model %q", got)
	}
	if got := value(text, "name"); got != "" {
		t.Errorf("half a name found %q", got)
	}
	if kib, ok := kibibytes(text, "VmRSS"); !ok || kib != 27560 {
		t.Errorf("%d KiB, %v", kib, ok)
	}
	for _, name := range []string{"Odd", "processor", "none"} {
		if _, ok := kibibytes(text, name); ok {
			t.Errorf("%s is no number of kB", name)
		}
	}
	if m := thisMachine(); m.Cores < 1 || !strings.HasPrefix(m.Go, "go") {
		t.Errorf("%+v", m)
	}
}

// TestMarkdown: columns that nothing fills are left out, and a table's rows are of equal length.
func TestMarkdown(t *testing.T) {
	r := report{Quick: true, Machine: machine{CPU: "Fast One", Cores: 2, LoadBefore: "1 2 3"}, Parts: []section{
		{Title: "Plain", Text: "How.", Figures: []figure{{Name: "a", Unit: "s", Runs: []float64{1, 2, 3}}}},
		{Title: "Rich", Text: "How.", Figures: []figure{
			{Name: "b", Unit: "x/s", Runs: []float64{2000}, PerCPU: []float64{3000}, Aim: "over 1"}, {Name: "c", Unit: "ms", Runs: []float64{4}}}},
	}}
	var b strings.Builder
	if err := r.markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Benchmarks\n", "**A quick run", "| Processor | Fast One |", "| Load average before and after (1, 5, 15 min) | 1 2 3 |",
		"\n|  | median | min–max | unit | runs |\n| --- | --: | --: | --- | --: |\n| a | 2.00 | 1.00–3.00 | s | 3 |\n",
		"\n|  | median | min–max | unit | runs | per CPU second | aim |\n", "\n| b | 2,000 |  | x/s | 1 | 3,000 | over 1 |\n", "\n| c | 4.00 |  | ms | 1 |  |  |\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	for _, not := range []string{"| Kernel |", "NaN"} {
		if strings.Contains(b.String(), not) {
			t.Errorf("%q in\n%s", not, b.String())
		}
	}
}

// TestMakerIsValid: a chain accepts what the maker makes, scripts included.
func TestMakerIsValid(t *testing.T) {
	now := time.Now()
	m, err := newMaker(now, 110)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.mature(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	tx, coins, err := m.fan(m.coinbase(0), 4, alternate)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.mine(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if err := m.lanes(t.Context(), 3, coins); err != nil {
		t.Fatal(err)
	}
	c, err := chain.Open(t.Context(), chain.Config{Params: m.params, Store: memdb.New(), Now: func() time.Time { return now }, Verify: newRunner(), Workers: 1, CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, b := range m.blocks {
		if _, err := c.AddBlock(b); err != nil {
			t.Fatalf("block at height %d: %v", c.Tip().Height()+1, err)
		}
	}
	if c.Tip().Hash() != m.tip.Hash() || c.Tip().Height() != 104 || len(m.blocks[103].Txs) != 5 {
		t.Errorf("height %d, %d transactions in the last block", c.Tip().Height(), len(m.blocks[103].Txs))
	}
	poor := coins[0]
	poor.Coin.Out.Value = fee
	if _, err := m.spend(poor); err == nil {
		t.Error("a coin paid its transaction and left nothing")
	}
}

// TestMeasures runs every part within this process with the smallest sizes: each figure has its runs, all above zero but differences.
func TestMeasures(t *testing.T) {
	s := tinySuite(t)
	s.profiles = t.TempDir()
	sections, err := s.all(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(sections) != 6 {
		t.Fatalf("%d parts run without the program", len(sections))
	}
	for _, sec := range sections {
		checkFigures(t, sec)
	}
	for _, name := range []string{"mempool", "connect", "relay", "hashing", "signatures"} {
		if info, err := os.Stat(filepath.Join(s.profiles, name+".pprof")); err != nil || info.Size() == 0 {
			t.Errorf("no profile of %s: %v", name, err)
		}
	}
}

func checkFigures(t *testing.T, sec section) {
	t.Helper()
	if len(sec.Figures) == 0 {
		t.Errorf("%s: no figures", sec.Title)
	}
	for _, f := range sec.Figures {
		if f.Name == "" || f.Unit == "" || len(f.Runs) == 0 {
			t.Errorf("%s: %+v", sec.Title, f)
		}
		for _, v := range f.Runs {
			if (v < 0 && !f.Difference) || math.IsNaN(v) || math.IsInf(v, 0) || (v == 0 && f.Unit != "ms") {
				t.Errorf("%s, %s: %v %s", sec.Title, f.Name, v, f.Unit)
			}
		}
	}
}

// TestSupply: the file holds as many blocks as it says, and the transactions for RPC are shared out fully.
func TestSupply(t *testing.T) {
	s := tinySuite(t)
	for _, perBlock := range []int{0, s.size.syncTxs} {
		sup, err := s.makeSupply(t.Context(), perBlock)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(sup.file)
		if err != nil || info.Size() < int64(200*sup.blocks) || sup.blocks != s.size.syncBlocks {
			t.Errorf("%d blocks, %v", sup.blocks, err)
		}
		want := 0
		if perBlock > 0 {
			want = len(clients) * s.size.rpcRuns
			if sup.txs < perBlock || !strings.Contains(sup.name, "transactions") {
				t.Errorf("%q has %d transactions", sup.name, sup.txs)
			}
		}
		if len(sup.rpcTxs) != want {
			t.Errorf("%d parts for RPC, want %d", len(sup.rpcTxs), want)
		}
		for _, f := range sup.figures("somehow", []took{{wall: 2 * time.Second}}) {
			if f.Unit == "blocks/s" && f.Runs[0] != float64(sup.blocks)/2 {
				t.Errorf("%v blocks/s in 2 s", f.Runs)
			}
		}
	}
}

// TestRun calls the program as a user does.
func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"-quick", "-only", "hashing", "-json", "-date", "2030-01-02"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		t.Fatal(err)
	}
	if r.Date != "2030-01-02" || !r.Quick || len(r.Parts) != 1 {
		t.Errorf("%+v", r)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-only", "start"}, "nothing to measure"},
		{[]string{"-only", "("}, "missing closing"},
		{[]string{"more"}, `"more"`},
		{[]string{"-none"}, "not defined"},
		{[]string{"-binary", "/does/not/exist", "-only", "start"}, "no such file"},
	} {
		err := run(t.Context(), c.args, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
	if err := run(t.Context(), []string{"-help"}, io.Discard, io.Discard); err != nil && !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
}

// TestEnds: what is measured ends with the context, with its error.
func TestEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := tinySuite(t)
	for _, p := range parts {
		if p.processes {
			continue
		}
		if _, err := p.measure(s, ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}
