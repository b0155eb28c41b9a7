package proto

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/types"
)

// thorough lets rigs be made whose machines look at every peer after each event.
var thorough bool

// beside runs f with machines of both kinds and compares what they left.
func beside(t *testing.T, f func() []string) {
	t.Helper()
	quick := f()
	thorough = true
	defer func() { thorough = false }()
	slow := f()
	for i := range min(len(quick), len(slow)) {
		if quick[i] != slow[i] {
			t.Fatalf("line %d of %d: %q, and of a machine that looks at every peer %q", i, len(quick), quick[i], slow[i])
		}
	}
	if len(quick) != len(slow) {
		t.Fatalf("%d lines, and of a machine that looks at every peer %d", len(quick), len(slow))
	}
}

// Networks in turmoil say the same, message by message, whether machines look at all peers or not.
func TestQuickTurmoil(t *testing.T) {
	for seed := range uint64(12) {
		lines := 0
		beside(t, func() []string {
			x := newTurmoil(t, seed, 3+int(seed%6), 0)
			x.swallow = seed%3 == 2
			x.connect()
			for range 30 {
				x.event()
			}
			lines = len(x.log)
			return x.log
		})
		if lines < 200 {
			t.Errorf("seed %d: only %d messages", seed, lines)
		}
	}
}

// A network with transactions and blocks: most steps are narrow, and all is the same.
func TestQuickTraffic(t *testing.T) {
	beside(t, func() []string {
		w := newWorld(t, 8)
		for i := range w.nodes {
			for j := range i {
				w.link(i, j)
			}
			w.nodes[i].pool.outs[types.Hash{1}] = true
		}
		w.run(5*time.Second, func() bool { return false })
		rng, last, salt := rand.New(rand.NewPCG(5, 5)), types.Hash{1}, uint64(1)
		for i := range uint32(60) {
			r := w.nodes[rng.IntN(8)]
			if i%15 == 14 {
				salt++
				n := block(r.chain.tip, salt)
				r.chain.adopt(n)
				w.push(0, slices.Index(w.nodes, r), TipChanged{})
			} else if x := tx(i, last); true {
				last = x.ID()
				r.pool.put(x)
				w.push(0, slices.Index(w.nodes, r), TxVerdict{Tx: x, FeeRate: 5000})
			}
			w.run(time.Duration(rng.IntN(1500))*time.Millisecond, func() bool { return false })
		}
		w.run(time.Hour, func() bool { return false })
		if len(w.log) < 1000 {
			t.Fatal("almost nothing was said")
		}
		return w.log
	})
}

// FuzzQuick: whatever happens, both kinds of machine want the same and sleep equally long.
func FuzzQuick(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 20 {
		data := make([]byte, 2000)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 20_000)]
		beside(t, func() (lines []string) {
			c := newChaos(t, data)
			for i, kind := range []ConnKind{Outbound, Inbound, BlockRelay} { // so that there is somebody to talk to
				c.ready(PeerID(1000+i), kind)
				c.live = append(c.live, PeerID(1000+i))
			}
			for steps := 0; len(c.data) > 0 && steps < 2000; steps++ {
				out := c.step(c.event())
				c.feedback(out)
				lines = append(lines, c.m.NextTick().String()+" "+said(out))
			}
			return lines
		})
	})
}

// said writes effects as text, without addresses in memory.
func said(out []Effect) string {
	var b strings.Builder
	for _, eff := range out {
		switch e := eff.(type) {
		case Send:
			fmt.Fprintf(&b, "%d %s %x; ", e.Peer, e.Msg.Command(), types.DoubleSHA256(e.Msg.Append(nil)))
		case SubmitBlock:
			fmt.Fprintf(&b, "block %d %s; ", e.Peer, e.Block.Hash())
		case SubmitTx:
			fmt.Fprintf(&b, "tx %d %s; ", e.Peer, e.Tx.WitnessID())
		case SubmitHeaders:
			fmt.Fprintf(&b, "headers %d %d; ", e.Peer, len(e.Headers))
		case ServeBlock:
			fmt.Fprintf(&b, "serve %d %s %d; ", e.Peer, e.Hash, e.Form)
		case Disconnect:
			fmt.Fprintf(&b, "disconnect %d %s; ", e.Peer, e.Why)
		default:
			fmt.Fprintf(&b, "%T; ", eff)
		}
	}
	return b.String()
}
