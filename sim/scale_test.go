package sim

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// BenchmarkDay is a day of a thousand nodes with Bitcoin's out-degree and about 600 transactions, docs/sim/day.toml. What it takes of memory
// is the most that the process has had of the system.
func BenchmarkDay(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(600)) // as cairn sim run does
	for range b.N {
		w := runTo(b, Config{
			Nodes: 1000, Duration: 24 * time.Hour, Topology: Topology{BlockRelay: 2}, Traffic: Traffic{Interval: 10 * time.Minute, Batch: 4},
		}, 7)
		if w.record.tips != 1 {
			b.Fatalf("%d tips", w.record.tips)
		}
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		b.ReportMetric(float64(w.record.events), "events")
		b.ReportMetric(float64(len(w.record.blocks)), "blocks")
		b.ReportMetric(float64(w.record.issued), "transactions")
		b.ReportMetric(float64(mem.Sys)/1e9, "GB")
	}
}
