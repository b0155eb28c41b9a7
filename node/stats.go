package node

import (
	"math"
	"math/big"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/types"
)

// stats holds what the node counts, in a registry of its own, so that many nodes can live in one
// process. What can be read at any time is collected when it is asked for, see gauges.
type stats struct {
	registry *prometheus.Registry
	clock    *clock
	foundAt  func(types.Hash) (time.Time, bool)

	blocksFound  prometheus.Counter
	phases       *prometheus.HistogramVec
	reorgDepth   prometheus.Histogram
	propagation  prometheus.Histogram
	messages     *prometheus.CounterVec
	messageBytes *prometheus.CounterVec
	disconnects  *prometheus.CounterVec
	discouraged  *prometheus.CounterVec
	refused      *prometheus.CounterVec
	rpcDuration  *prometheus.HistogramVec

	bytesSent, bytesReceived atomic.Uint64

	mu   sync.Mutex
	last lastReorg
}

// lastReorg is what status shows of the last reorganization.
type lastReorg struct {
	At                time.Time
	Count             int // of all since the start
	Off, On, Returned int
}

var (
	phaseBuckets       = prometheus.ExponentialBuckets(0.00005, 2.5, 14)
	propagationBuckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
)

func newStats(ck *clock, foundAt func(types.Hash) (time.Time, bool)) *stats {
	s := &stats{registry: prometheus.NewRegistry(), clock: ck, foundAt: foundAt}
	s.blocksFound = prometheus.NewCounter(prometheus.CounterOpts{Name: "cairn_blocks_found_total", Help: "Blocks that this node's miner found."})
	s.phases = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "cairn_block_phase_seconds",
		Help: "Time of each phase of a block: decode, check, coins, scripts, commit, disconnect and so on.", Buckets: phaseBuckets}, []string{"phase"})
	s.reorgDepth = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "cairn_reorg_depth_blocks", Help: "Blocks taken off at a reorganization.", Buckets: []float64{1, 2, 3, 4, 6, 10, 20, 50, 100, 500}})
	s.propagation = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "cairn_block_propagation_seconds", Help: "From when a block was found (its header's time, where nothing better is known) to when it was this node's tip.", Buckets: propagationBuckets})
	s.messages = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cairn_p2p_messages_total", Help: "Messages by type and direction."}, []string{"type", "direction"})
	s.messageBytes = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cairn_p2p_bytes_total", Help: "Bytes of messages by type and direction."}, []string{"type", "direction"})
	s.disconnects = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cairn_p2p_disconnects_total", Help: "Connections that ended, by reason."}, []string{"reason"})
	s.discouraged = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cairn_p2p_discouraged_total", Help: "Peers that were discouraged, by reason."}, []string{"reason"})
	s.refused = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cairn_p2p_refused_total", Help: "Inbound connections that were not taken, by reason."}, []string{"reason"})
	s.rpcDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "cairn_rpc_duration_seconds", Help: "Time of RPC calls by method.", Buckets: phaseBuckets}, []string{"method"})
	s.registry.MustRegister(s.blocksFound, s.phases, s.reorgDepth, s.propagation, s.messages, s.messageBytes, s.disconnects,
		s.discouraged, s.refused, s.rpcDuration, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), badgerCounters())
	return s
}

// badgerCounters are Badger's own, for all databases of the process together: Badger keeps them as expvars.
func badgerCounters() prometheus.Collector {
	exports := map[string]*prometheus.Desc{}
	for name, help := range map[string]string{
		"get_num_user":               "Reads asked of Badger.",
		"put_num_user":               "Writes asked of Badger.",
		"write_bytes_user":           "Bytes asked to be written.",
		"read_bytes_lsm":             "Bytes read from tables.",
		"read_num_vlog":              "Reads from the value log.",
		"read_bytes_vlog":            "Bytes read from the value log.",
		"write_num_vlog":             "Writes to the value log.",
		"write_bytes_vlog":           "Bytes written to the value log.",
		"write_bytes_l0":             "Bytes flushed from memory to tables.",
		"get_num_memtable":           "Reads that looked into memory tables.",
		"iterator_num_user":          "Iterators made.",
		"compaction_current_num_lsm": "Tables being compacted.",
	} {
		exports["badger_"+name] = prometheus.NewDesc("badger_"+name, help+" All databases of the process.", nil, nil)
	}
	return collectors.NewExpvarCollector(exports)
}

// Phase implements chain.Observer.
func (s *stats) Phase(name string, d time.Duration) {
	s.phases.WithLabelValues(name).Observe(d.Seconds())
}

// Reorg implements chain.Observer.
func (s *stats) Reorg(depth int) { s.reorgDepth.Observe(float64(depth)) }

// Received implements p2p.Observer.
func (s *stats) Received(command string, bytes int) { s.message(command, "received", bytes) }

// Sent implements p2p.Observer.
func (s *stats) Sent(command string, bytes int) { s.message(command, "sent", bytes) }

func (s *stats) message(command, direction string, bytes int) {
	if direction == "sent" {
		s.bytesSent.Add(uint64(bytes))
	} else {
		s.bytesReceived.Add(uint64(bytes))
	}
	s.messages.WithLabelValues(command, direction).Inc()
	s.messageBytes.WithLabelValues(command, direction).Add(float64(bytes))
}

// totals are all bytes of messages since the start.
func (s *stats) totals() (received, sent uint64) { return s.bytesReceived.Load(), s.bytesSent.Load() }

// Decoded implements p2p.Observer. Only blocks take long enough to be a phase.
func (s *stats) Decoded(command string, d time.Duration) {
	if command == "block" {
		s.Phase("decode", d)
	}
}

// Refused implements p2p.Observer.
func (s *stats) Refused(reason string) { s.refused.WithLabelValues(reason).Inc() }

// Closed implements p2p.Observer.
func (s *stats) Closed(reason string) { s.disconnects.WithLabelValues(reason).Inc() }

func (s *stats) disconnected(e proto.Disconnect) {
	if e.Discourage {
		s.discouraged.WithLabelValues(e.Why).Inc()
	}
}

// tip observes how long a new tip that a peer sent was under way, unless it is old: a block that was downloaded late
// says nothing of propagation.
func (s *stats) tip(n *chain.Node) {
	now := s.clock.now()
	found, known := time.Unix(int64(n.Header().Time), 0), false
	if s.foundAt != nil {
		if at, ok := s.foundAt(n.Hash()); ok {
			found, known = at, true
		}
	}
	d := now.Sub(found)
	if !known && (d < 0 || d > 2*time.Minute) {
		return
	}
	s.propagation.Observe(max(d, 0).Seconds())
}

// reorganized remembers the last reorganization.
func (s *stats) reorganized(off, on, returned int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = lastReorg{At: s.clock.now(), Count: s.last.Count + 1, Off: off, On: on, Returned: returned}
}

func (s *stats) lastReorg() lastReorg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// gauges collects, when a scraper asks, what the parts of the node can tell at any time.
type gauges struct {
	node  *Node
	descs map[string]*prometheus.Desc
}

func newGauges(n *Node) *gauges {
	g := &gauges{node: n, descs: map[string]*prometheus.Desc{}}
	for name, help := range map[string]string{
		"height":                 "Height of the best chain.",
		"headers":                "Height of the best header chain.",
		"tip_age_seconds":        "Time since the time in the tip's header.",
		"chain_work_log2":        "Binary logarithm of the work in the best chain.",
		"difficulty":             "Difficulty of the tip, as Bitcoin counts it.",
		"coin_cache_bytes":       "Memory of the coin cache.",
		"coin_cache_entries":     "Coins in the cache.",
		"mempool_transactions":   "Transactions in the mempool.",
		"mempool_vbytes":         "Virtual size of the mempool's transactions.",
		"mempool_usage_bytes":    "Memory of the mempool.",
		"mempool_floor_fee_rate": "Least fee rate that the mempool takes, smallest unit per 1000 vbytes.",
		"hash_rate":              "Hashes per second of this node's miner.",
		"ledger_queue_jobs":      "Blocks, headers and transactions waiting to be judged.",
	} {
		g.descs[name] = prometheus.NewDesc("cairn_"+name, help, nil, nil)
	}
	g.descs["coin_cache_hits_total"] = prometheus.NewDesc("cairn_coin_cache_hits_total", "Coins found in the cache.", nil, nil)
	g.descs["coin_cache_misses_total"] = prometheus.NewDesc("cairn_coin_cache_misses_total", "Coins read from disk.", nil, nil)
	g.descs["script_cache_entries"] = prometheus.NewDesc("cairn_script_cache_entries", "Signatures that were verified, and transactions of which all scripts were, in the cache.", []string{"kind"}, nil)
	g.descs["script_cache_bytes"] = prometheus.NewDesc("cairn_script_cache_bytes", "Memory of the cache of verified signatures and transactions.", nil, nil)
	g.descs["script_cache_hits_total"] = prometheus.NewDesc("cairn_script_cache_hits_total", "Signatures and transactions that were not verified again.", []string{"kind"}, nil)
	g.descs["script_cache_misses_total"] = prometheus.NewDesc("cairn_script_cache_misses_total", "Signatures and transactions that the cache did not know.", []string{"kind"}, nil)
	g.descs["mempool_rejections_total"] = prometheus.NewDesc("cairn_mempool_rejections_total", "Transactions that the mempool did not take, by reason.", []string{"reason"}, nil)
	g.descs["mempool_removals_total"] = prometheus.NewDesc("cairn_mempool_removals_total", "Transactions that left the mempool, by reason.", []string{"reason"}, nil)
	g.descs["compact_blocks_total"] = prometheus.NewDesc("cairn_compact_blocks_total", "Compact blocks by what became of them: put together from the mempool, after transactions were asked for, asked for whole.", []string{"outcome"}, nil)
	g.descs["compact_missing_transactions_total"] = prometheus.NewDesc("cairn_compact_missing_transactions_total", "Transactions of compact blocks that were asked for.", nil, nil)
	g.descs["peers"] = prometheus.NewDesc("cairn_peers", "Connected peers by direction.", []string{"direction"}, nil)
	g.descs["store_bytes"] = prometheus.NewDesc("cairn_store_bytes", "Bytes of Badger's databases on disk.", []string{"database"}, nil)
	return g
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range g.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	n := g.node
	st, cache, info := n.Status(), n.chain.CacheStats(), n.pool.Info(n.clock.now())
	work, _ := new(big.Float).SetInt(st.Work.Big()).Float64()
	gauge := func(name string, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(g.descs[name], prometheus.GaugeValue, v, labels...)
	}
	counter := func(name string, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(g.descs[name], prometheus.CounterValue, float64(v), labels...)
	}
	pool := n.pool.Stats()
	for kind, count := range pool.Rejected {
		counter("mempool_rejections_total", count, string(kind))
	}
	for why, count := range pool.Removed {
		counter("mempool_removals_total", count, string(why))
	}
	var compact proto.CompactStats
	n.read(func() { compact = n.machine.CompactStats() })
	counter("compact_blocks_total", compact.FromPool, "pool")
	counter("compact_blocks_total", compact.AfterRequest, "request")
	counter("compact_blocks_total", compact.FellBack, "whole")
	counter("compact_missing_transactions_total", compact.MissingTxs)
	gauge("height", float64(st.Height))
	gauge("headers", float64(st.Headers))
	gauge("tip_age_seconds", n.clock.now().Sub(st.TipTime).Seconds())
	gauge("chain_work_log2", math.Log2(max(work, 1)))
	gauge("difficulty", consensus.Difficulty(st.Bits))
	gauge("coin_cache_bytes", float64(cache.Bytes))
	gauge("coin_cache_entries", float64(cache.Entries))
	counter("coin_cache_hits_total", cache.Hits)
	counter("coin_cache_misses_total", cache.Misses)
	scripts := n.runner.Cache.Stats()
	gauge("script_cache_bytes", float64(scripts.Bytes))
	gauge("script_cache_entries", float64(scripts.Entries-scripts.Txs), "signature")
	gauge("script_cache_entries", float64(scripts.Txs), "transaction")
	counter("script_cache_hits_total", scripts.Hits, "signature")
	counter("script_cache_hits_total", scripts.TxHits, "transaction")
	counter("script_cache_misses_total", scripts.Misses, "signature")
	counter("script_cache_misses_total", scripts.TxMisses, "transaction")
	gauge("mempool_transactions", float64(info.Count))
	gauge("mempool_vbytes", float64(info.VBytes))
	gauge("mempool_usage_bytes", float64(info.Usage))
	gauge("mempool_floor_fee_rate", float64(info.FeeFloor))
	gauge("hash_rate", st.HashRate)
	gauge("ledger_queue_jobs", float64(n.ledger.waiting()))
	gauge("peers", float64(st.Inbound), "inbound")
	gauge("peers", float64(st.Outbound), "outbound")
	if size, err := n.store.Size(); err == nil {
		gauge("store_bytes", float64(size.State), "chainstate")
		gauge("store_bytes", float64(size.Blocks), "blocks")
	}
}
