package sim

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestScale(t *testing.T) {
	if os.Getenv("SIM_SCALE") == "" {
		t.Skip()
	}
	t0 := time.Now()
	w := runTo(t, Config{Nodes: 1000, Duration: 24 * time.Hour, Topology: Topology{BlockRelay: 2}, Traffic: Traffic{Interval: 7 * time.Minute, Batch: 5}}, 7)
	t.Log(len(w.record.blocks), w.record.tips, w.record.best.Height(), w.record.best.Hash(), w.record.events, time.Since(t0), w.record.disconnects, w.record.issued, w.record.refused)
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	t.Log(ms.Sys>>20, ms.HeapInuse>>20, ms.NumGC)
	for c, x := range w.record.traffic {
		t.Log(c, *x)
	}
}
