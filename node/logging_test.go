package node

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// lines is a writer that several goroutines may use.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func debugLog(w *lines, set *Categories, least slog.Level) *slog.Logger {
	return slog.New(set.Handler(slog.NewTextHandler(w, &slog.HandlerOptions{Level: p2p.LevelTalk}), least))
}

func TestCategories(t *testing.T) {
	if !slices.IsSorted(categoryNames) || len(categoryNames) > 63 {
		t.Fatal("the categories are not sorted, or too many")
	}
	var set Categories
	var out lines
	log := debugLog(&out, &set, slog.LevelInfo)
	net, pool := log.With(CategoryKey, logNet), log.With(CategoryKey, logMempool)
	say := func() string {
		out.buf.Reset()
		net.Debug("one")
		pool.Debug("two")
		log.Debug("three", CategoryKey, logNet)
		log.Debug("four")
		net.Info("five")
		net.WithGroup("g").Debug("six", CategoryKey, logMempool)
		var got []string
		for _, word := range []string{"one", "two", "three", "four", "five", "six"} {
			if strings.Contains(out.String(), "msg="+word) {
				got = append(got, word)
			}
		}
		return strings.Join(got, " ")
	}
	for _, c := range []struct {
		name string
		on   bool
		want string
	}{{"", true, "five"}, {logNet, true, "one three five six"}, {"all", true, "one two three five six"}, {logNet, false, "two five"}, {"1", false, "five"}} {
		if set.Set(c.name, c.on) != (c.name != "") {
			t.Errorf("%q is a category: not %v", c.name, c.name != "")
		}
		if got := say(); got != c.want {
			t.Errorf("%s %v: lines %q, want %q", c.name, c.on, got, c.want)
		}
	}
	if net.Enabled(context.Background(), slog.LevelDebug) || set.Set("nonsense", true) {
		t.Error("a category is on that nobody switched on")
	}
	if log = debugLog(&out, &set, slog.LevelDebug); !log.Enabled(context.Background(), slog.LevelDebug) {
		t.Error("at level debug all lines pass")
	}
}

// The lines of each category come when it is switched on by RPC, and not before; text of a peer stays on its line.
func TestDebugLines(t *testing.T) {
	var out lines
	set := &Categories{}
	s := besiege(t, func(c *Config) { c.Categories, c.Log = set, debugLog(&out, set, slog.LevelInfo) })
	generate(t, s.ctx, s.node, 101)
	if strings.Contains(out.String(), "level=DEBUG") {
		t.Fatalf("debug lines: %s", out.String())
	}
	var got map[string]bool
	s.call(&got, "logging", []string{"net", "mempool", "mempoolrej", "bench", "rpc"}, []string{"rpc"})
	if !got["net"] || !got["bench"] || got["rpc"] || got["tor"] {
		t.Errorf("logging %v", got)
	}
	p := s.meet()
	defer p.close()
	p.say(wire.Raw{Name: "e\"v il=x"})
	good := coinbaseSpend(t, s.node, 1, 1000)
	bad := &types.Tx{Version: 77, In: good.In, Out: good.Out}
	p.say(wire.TxMsg{Tx: bad}, wire.TxMsg{Tx: good})
	generate(t, s.ctx, s.node, 1)
	p.fence()
	for _, want := range []string{`msg="message received" category=net command=verack`, `msg="message sent" category=net command=version`, `command="e\"v il=x"`,
		`msg="transaction accepted" category=mempool`, `msg="transaction refused" category=mempoolrej`, `msg="phase of a block" category=bench phase=connect`} {
		until(t, s.ctx, want, func() bool { return strings.Contains(out.String(), want) })
	}
	if strings.Contains(out.String(), "category=rpc") {
		t.Error("a line of a category that is off")
	}
}
