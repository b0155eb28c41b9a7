package shape

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pair is a connection whose writes are shaped, and what has arrived at its other end, with the time since the start.
type pair struct {
	*testing.T
	conn  *Conn
	dir   *Direction
	begin time.Time
	far   net.Conn
}

func newPair(t *testing.T, s Shape) *pair {
	near, far := net.Pipe()
	dir := NewDirection(1, 2)
	dir.Set(s)
	p := &pair{T: t, conn: NewConn(near, dir), dir: dir, begin: time.Now(), far: far}
	t.Cleanup(func() { p.conn.Close(); far.Close() })
	return p
}

func (p *pair) write(b []byte) {
	p.Helper()
	if n, err := p.conn.Write(b); err != nil || n != len(b) {
		p.Errorf("wrote %d of %d: %v", n, len(b), err)
	}
}

// reads takes n bytes and returns them with when the last of them came.
func (p *pair) reads(n int) ([]byte, time.Duration) {
	p.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(p.far, b); err != nil {
		p.Fatal(err)
	}
	return b, time.Since(p.begin)
}

func TestLatencyAndBandwidth(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape Shape
		size  int
		want  time.Duration
	}{
		{"latency", Shape{Latency: Latency{Mid: 200 * time.Millisecond}}, 100, 200 * time.Millisecond},
		{"bandwidth", Shape{Bandwidth: 1_000_000}, 12_500, 100 * time.Millisecond},
		{"both", Shape{Latency: Latency{Mid: 50 * time.Millisecond}, Bandwidth: 8_000_000}, 100_000, 150 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t, c.shape)
				go p.write(make([]byte, c.size))
				if _, took := p.reads(c.size); took != c.want {
					t.Errorf("arrived after %v, not %v", took, c.want)
				}
			})
		})
	}
}

// Whatever the jitter, the bytes come in order, all of them.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, Shape{Latency: Latency{Mid: 80 * time.Millisecond, Sigma: 1}, Jitter: 50 * time.Millisecond, Loss: 0.3, Bandwidth: 10_000_000})
		var sent []byte
		for i := range 500 {
			sent = append(sent, bytes.Repeat([]byte{byte(i)}, 1+i*7%2000)...)
		}
		go func() {
			for rest := sent; len(rest) > 0; {
				n := min(len(rest), 777)
				p.write(rest[:n])
				rest = rest[n:]
			}
		}()
		got, took := p.reads(len(sent))
		if !bytes.Equal(got, sent) {
			t.Error("the stream came out of order")
		}
		if took < 80*time.Millisecond {
			t.Errorf("it came after %v", took)
		}
	})
}

// The shape changes while pieces are under way: they keep their time, later ones have the new one, and without a
// shape the carrier ends and writes go straight through.
func TestChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, Shape{Latency: Latency{Mid: time.Second}})
		p.write([]byte("a"))
		p.dir.Set(Shape{Latency: Latency{Mid: 3 * time.Second}})
		p.write([]byte("b"))
		p.dir.Set(Shape{})
		p.write([]byte("c")) // behind b, whose time it cannot overtake
		for _, want := range []struct {
			what string
			at   time.Duration
		}{{"a", time.Second}, {"b", 3 * time.Second}, {"c", 3 * time.Second}} {
			if got, at := p.reads(1); string(got) != want.what || at != want.at {
				t.Errorf("%s came after %v, not %s after %v", got, at, want.what, want.at)
			}
		}
		synctest.Wait()
		p.conn.mu.Lock()
		if p.conn.active {
			t.Error("the carrier still runs")
		}
		p.conn.mu.Unlock()
		go p.write([]byte("d"))
		if got, at := p.reads(1); string(got) != "d" || at != 3*time.Second {
			t.Errorf("%s came after %v", got, at)
		}
		p.dir.Set(Shape{Latency: Latency{Mid: time.Second}})
		p.write([]byte("e"))
		if got, at := p.reads(1); string(got) != "e" || at != 4*time.Second {
			t.Errorf("%s came after %v", got, at)
		}
	})
}

// A blocked direction carries nothing, then all at once; the other direction is another Direction.
func TestBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, Shape{Latency: Latency{Mid: time.Second}})
		p.write([]byte("under way"))
		p.dir.Set(Shape{Blocked: true})
		p.write([]byte(" held"))
		time.AfterFunc(time.Hour, func() { p.dir.Set(Shape{}) })
		if got, at := p.reads(14); string(got) != "under way held" || at != time.Hour {
			t.Errorf("%q came after %v", got, at)
		}
	})
}

// Too much on the way blocks the writer, until its deadline or until the connection is closed.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, Shape{Blocked: true})
		must(t, p.conn.SetWriteDeadline(time.Now().Add(time.Minute)))
		n, err := p.conn.Write(make([]byte, 10<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n > maxQueue || n < maxQueue-pieceBytes {
			t.Errorf("%d bytes are under way, %v", n, err)
		}
		if took := time.Since(p.begin); took != time.Minute {
			t.Errorf("the deadline passed after %v", took)
		}
		must(t, p.conn.SetDeadline(time.Time{}))
		time.AfterFunc(time.Second, func() { p.conn.Close() })
		if _, err := p.conn.Write(make([]byte, pieceBytes)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write to a connection that is closed meanwhile: %v", err)
		}
		if _, err := p.conn.Write([]byte("x")); err == nil {
			t.Error("a closed connection was written to")
		}
	})
}

// A slow line holds no more than its latency and a router's buffer.
func TestBoundedQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, Shape{Latency: Latency{Mid: 300 * time.Millisecond}, Bandwidth: 8_000_000})
		must(t, p.conn.SetWriteDeadline(time.Now()))
		n, err := p.conn.Write(make([]byte, 1<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n != 0 {
			t.Errorf("after its deadline %d bytes were written, %v", n, err)
		}
		must(t, p.conn.SetWriteDeadline(time.Now().Add(time.Nanosecond)))
		if n, _ = p.conn.Write(make([]byte, 1<<20)); n > 500_000 || n < 500_000-pieceBytes {
			t.Errorf("%d bytes are under way, not half a second of a megabyte a second", n)
		}
	})
}

// The other end fails: the writer hears of it.
func TestFarEndGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, Shape{Latency: Latency{Mid: time.Millisecond}})
		p.write([]byte("x"))
		p.far.Close()
		time.AfterFunc(time.Second, func() {
			if _, err := p.conn.Write([]byte("y")); err == nil {
				t.Error("the writer does not know that the other end is gone")
			}
		})
		<-time.After(2 * time.Second)
	})
}

// An end that learns late who it talks to asks once, and may learn that it is nobody.
func TestLateConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		for _, dir := range []*Direction{nil, NewDirection(0, 0)} {
			near, far := net.Pipe()
			defer far.Close()
			begin := time.Now()
			want := time.Duration(0)
			if dir != nil {
				want = time.Second
				dir.Set(Shape{Latency: Latency{Mid: want}})
			}
			c := NewLateConn(near, func() *Direction { asked++; return dir })
			defer c.Close()
			go func() {
				c.Write([]byte("a"))
				c.Write([]byte("b"))
			}()
			b := make([]byte, 2)
			if _, err := io.ReadFull(far, b); err != nil || string(b) != "ab" || time.Since(begin) != want {
				t.Errorf("%q, %v, after %v", b, err, time.Since(begin))
			}
		}
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// Loss costs time, about as much as its rounds say, and the same seeds cost the same.
func TestLoss(t *testing.T) {
	took := func(seed uint64) (sum time.Duration) {
		d := NewDirection(seed, 0)
		d.Set(Shape{Loss: 0.1, Latency: Latency{Mid: 50 * time.Millisecond}})
		for range 1000 {
			sum += d.arrival(time.Time{}, 1000).Sub(time.Time{})
		}
		return sum
	}
	a := took(1)
	if a != took(1) || a == took(2) {
		t.Error("what is lost does not follow from the seed")
	}
	// One segment a piece: a tenth is lost once, for 200 ms, a hundredth twice, for 600 ms: 50 + 24.4 ms on average.
	if a < 65*time.Second || a > 90*time.Second {
		t.Errorf("1000 pieces took %v", a)
	}
	full := NewDirection(1, 1)
	full.Set(Shape{Loss: MaxLoss})
	if got := full.arrival(time.Time{}, 1000).Sub(time.Time{}); got > 15*MaxLatency {
		t.Errorf("a piece takes %v", got)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"200ms": "200ms", "200ms±20ms": "200ms±20ms", "1s+-100ms": "1s±100ms", "lognormal:80ms:0.5": "lognormal:80ms:0.5",
		"europe/japan": "252ms±25.2ms", "asia-pacific/north-america": "198ms±19.8ms", "europe/moon": "", "0s": "0s", "": "", "fast": "", "-1s": "", "2h": "", "10ms±-1ms": "",
		"lognormal:80ms": "", "lognormal:80ms:NaN": "", "lognormal:x:1": "", "lognormal:1s:99": "", "200": "", "±1ms": "",
	} {
		l, err := ParseLatency(text)
		if (err == nil) != (want != "") || (err == nil && l.String() != want) {
			t.Errorf("%q is %v, %v", text, l, err)
		}
	}
	for text, want := range map[string]int64{"1Mbit": 1_000_000, "2.5Gbit/s": 2_500_000_000, "64kbit": 64_000, "0": 0, "1bit": -1, "x": -1,
		"-1Mbit": -1, "NaNMbit": -1, "1e99Mbit": -1, "1MB": -1, "": -1} {
		if got, err := ParseBandwidth(text); (err == nil && got != want) || (err != nil) != (want == -1) {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	for text, want := range map[string]float64{"1%": 0.01, "0.25": 0.25, "100%": 1, "101%": -1, "-1%": -1, "NaN": -1, "": -1} {
		if got, err := ParseShare(text); (err == nil && got != want) || (err != nil) != (want == -1) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

func TestValidateAndString(t *testing.T) {
	s := Shape{Latency: Latency{Mid: 200 * time.Millisecond, Dev: 20 * time.Millisecond}, Jitter: 5 * time.Millisecond, Loss: 0.01, Bandwidth: 1_500_000, Blocked: true}
	if want := "latency 200ms±20ms, jitter 5ms, loss 1%, bandwidth 1.5Mbit, blocked"; s.String() != want || s.Validate() != nil {
		t.Errorf("%q, %v", s, s.Validate())
	}
	if (Shape{}).String() != "" || (Shape{}).Validate() != nil {
		t.Error("no shape is not nothing")
	}
	for want, s := range map[string]Shape{"jitter": {Jitter: -1}, "loss": {Loss: 0.95}, "bandwidth": {Bandwidth: 999}} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for i, a := range Regions {
		for j, b := range Regions {
			if regionLatency[i][j] != regionLatency[j][i] {
				t.Errorf("from %s to %s is not as far as back", a, b)
			}
		}
	}
	if _, err := Between("europe", "moon"); err == nil || !strings.Contains(err.Error(), "japan") {
		t.Errorf("a region that is none: %v", err)
	}
}
