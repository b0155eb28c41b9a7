package sim

import (
	"testing"
	"time"
)

// BenchmarkDay is a day of a thousand nodes with Bitcoin's out-degree, with about 600 transactions.
func BenchmarkDay(b *testing.B) {
	for range b.N {
		w := runTo(b, Config{
			Nodes: 1000, Duration: 24 * time.Hour, Topology: Topology{BlockRelay: 2}, Traffic: Traffic{Interval: 10 * time.Minute, Batch: 4},
		}, 7)
		if w.record.tips != 1 {
			b.Fatalf("%d tips", w.record.tips)
		}
		b.ReportMetric(float64(w.record.events), "events")
		b.ReportMetric(float64(len(w.record.blocks)), "blocks")
		b.ReportMetric(float64(w.record.issued), "transactions")
	}
}
