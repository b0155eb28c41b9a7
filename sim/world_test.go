package sim

import (
	"bytes"
	"context"
	"testing"
	"time"
)

func runTo(t testing.TB, cfg Config, seed uint64) *World {
	t.Helper()
	w, err := New(cfg.Complete(), seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return w
}

func small() Config {
	return Config{
		Nodes: 20, Duration: 200 * time.Minute, Topology: Topology{BlockRelay: 2}, Traffic: Traffic{Interval: time.Minute, Batch: 3},
	}
}

func reportOf(t testing.TB, cfg Config, seed uint64) []byte {
	t.Helper()
	out, err := runTo(t, cfg, seed).Report().JSON()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSameSeedSameReport(t *testing.T) {
	one, two := reportOf(t, small(), 7), reportOf(t, small(), 7)
	if !bytes.Equal(one, two) {
		t.Error("two runs of one seed differ")
	}
	if bytes.Equal(one, reportOf(t, small(), 8)) {
		t.Error("two seeds gave the same report")
	}
}

func TestNetworkAgrees(t *testing.T) {
	rep := runTo(t, small(), 1).Report()
	if rep.TipsAtEnd != 1 || rep.Found < 8 || rep.Height < 8 || rep.Disconnects != 0 {
		t.Errorf("tips %d, found %d, height %d, disconnects %d", rep.TipsAtEnd, rep.Found, rep.Height, rep.Disconnects)
	}
	if p := rep.Payments; p.Issued < 300 || p.Refused > 0 || p.Confirmed < 300 {
		t.Errorf("transactions: %+v", p)
	}
	if p := rep.Propagation.All; p.Count != 19*rep.Found || p.P50 < 10*time.Millisecond || p.Max > 10*time.Second {
		t.Errorf("propagation: %+v", p)
	}
	for _, b := range rep.Blocks {
		if b.All < 0 {
			t.Errorf("block %s did not reach everybody", b.Hash)
		}
	}
}
