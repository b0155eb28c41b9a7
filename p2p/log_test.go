package p2p

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// lockedBuffer takes what a logger writes from several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A peer that floods with frames of wrong checksums, or with connections, gets only so many lines.
func TestLogIsRateLimited(t *testing.T) {
	var out lockedBuffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	bubble(t, func(c *Config) { c.Log = log; c.MaxConnections, c.Slack = 1, 1 }, func(w *world) {
		c := w.inbound("")
		bad := frameOf(wire.Ping{})
		bad[20]++
		for range 500 {
			w.write(c, bad)
		}
		w.inbound("")
		for range 500 {
			w.inbound("")
		}
		if n := strings.Count(out.String(), "\n"); n != logBurst {
			t.Errorf("%d lines, want %d", n, logBurst)
		}
		w.pass(3 * time.Second)
		for range 10 {
			w.inbound("")
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != logBurst+3 || !strings.Contains(lines[logBurst], fmt.Sprintf("lines_left_out=%d", 1000-logBurst)) {
			t.Errorf("after a pause there are %d lines, then %q", len(lines), lines[len(lines)-1])
		}
	})
}

// What a peer writes cannot begin a line of its own or speak to the terminal.
func TestLogIsEscaped(t *testing.T) {
	for name, handler := range map[string]func(*lockedBuffer) slog.Handler{
		"text":  func(b *lockedBuffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json":  func(b *lockedBuffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		"plain": func(b *lockedBuffer) slog.Handler { return plainHandler{slog.NewTextHandler(b, nil), b} },
	} {
		var out lockedBuffer
		bubble(t, func(c *Config) { c.Log = slog.New(handler(&out)) }, func(w *world) {
			frame := wire.AppendFrame(nil, testMagic, rawMessage{"x\" y=\"z\\", nil})
			copy(frame[16:], []byte{0xff, 0xff, 0xff, 0xff})
			w.write(w.inbound(""), frame)
			synctest.Wait()
			got := out.String()
			if strings.Count(got, "\n") != 1 || !strings.Contains(got, "malformed message") || strings.ContainsAny(got, "\x1b\r") {
				t.Errorf("%s: %q", name, got)
			}
			if strings.Contains(got, `x" y="z`) {
				t.Errorf("%s: the peer's quotes are not escaped: %q", name, got)
			}
		})
	}
}

// plainHandler writes attributes as they are.
type plainHandler struct {
	slog.Handler
	out *lockedBuffer
}

func (h plainHandler) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	_, err := fmt.Fprintln(h.out, line)
	return err
}
