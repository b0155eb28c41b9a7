package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"time"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/types"
)

// state is what the page shows, as JSON values under two names: a section ("nodes", "links", "blocks", …) and a key in it.
// So one rule makes the differences of all of it.
type state map[string]map[string]json.RawMessage

func (s state) put(section, key string, v any) {
	if s[section] == nil {
		s[section] = map[string]json.RawMessage{}
	}
	if raw, ok := v.(json.RawMessage); ok {
		s[section][key] = raw
		return
	}
	s[section][key] = encode(v)
}

// encode makes the JSON of a value of this package, all of which encode.
func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}

// since returns what of s is new or different, with null for what is gone. It is empty if nothing has changed.
func (s state) since(old state) state {
	diff := state{}
	for section, values := range s {
		for key, raw := range values {
			if !bytes.Equal(old[section][key], raw) {
				diff.put(section, key, raw)
			}
		}
	}
	for section, values := range old {
		for key := range values {
			if _, still := s[section][key]; !still {
				diff.put(section, key, json.RawMessage("null"))
			}
		}
	}
	return diff
}

// feeBuckets are the lower edges of the fee histogram's buckets, smallest units a virtual byte.
var feeBuckets = []float64{0, 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 500}

// Bounds of the work of a histogram: it is made at most so often, and takes at most this part of the time.
const (
	poolPause = time.Second
	poolShare = 20
)

// pool is a node's mempool as it was last looked at.
type pool struct {
	Txs    int     `json:"txs"`
	VBytes int64   `json:"vbytes"`
	Fees   int64   `json:"fees"`
	Hist   []int64 `json:"hist"` // virtual bytes by bucket

	mempool backend.Mempool
	seq     uint64
	again   time.Time // not to be made anew before
}

// look makes the histogram if the pool has changed and it is time.
func (p *pool) look(m backend.Mempool, now func() time.Time) {
	begin := now()
	seq := m.Sequence()
	if p.mempool == m && (seq == p.seq || begin.Before(p.again)) {
		return
	}
	info := m.Info()
	*p = pool{Txs: info.Count, VBytes: info.Bytes, Fees: info.TotalFee, Hist: make([]int64, len(feeBuckets)), mempool: m, seq: seq}
	for _, c := range m.Chunks() {
		if c.Weight <= 0 {
			continue
		}
		vbytes := float64(c.Weight) / 4
		i := sort.Search(len(feeBuckets), func(i int) bool { return feeBuckets[i] > float64(c.Fee)/vbytes }) - 1
		p.Hist[max(i, 0)] += (c.Weight + 3) / 4
	}
	p.again = begin.Add(max(poolPause, poolShare*now().Sub(begin)))
}

// nodeState is a node as it is sent to the page.
type nodeState struct {
	Running  bool        `json:"running"`
	Name     string      `json:"name,omitempty"`
	State    string      `json:"state"`
	Miner    bool        `json:"miner"`
	Share    float64     `json:"share"`
	Rate     float64     `json:"rate"`
	Height   int32       `json:"height"`
	Headers  int32       `json:"headers"`
	Tip      *types.Hash `json:"tip,omitempty"`
	Peers    int         `json:"peers"`
	PoolTxs  int         `json:"txs"`
	PoolSize int64       `json:"vbytes"`
	Reorgs   int         `json:"reorgs"`
	LastOff  int         `json:"last_off"`
	HTTP     string      `json:"http,omitempty"`
}

// way is the last block's way through the network.
type way struct {
	Hash   types.Hash   `json:"hash"`
	Height int32        `json:"height"`
	By     int          `json:"by"`
	Seen   [][2]float64 `json:"seen"` // node, milliseconds
}

// watcher looks at a Source again and again. It is not safe for several goroutines.
type watcher struct {
	src   Source
	now   func() time.Time
	tree  *tree
	pools map[int]*pool
}

func newWatcher(src Source, now func() time.Time) *watcher {
	return &watcher{src: src, now: now, tree: newTree(), pools: map[int]*pool{}}
}

// look returns the state of this moment.
func (w *watcher) look() state {
	p := w.src.Picture()
	s := state{}
	w.tree.begin()
	best := w.lookNodes(s, p.Nodes)
	for _, l := range p.Links {
		s.put("links", fmt.Sprintf("%d-%d", l.A, l.B), map[string]any{"a": l.A, "b": l.B, "up": l.Up, "cut": l.Cut, "note": l.Note})
	}
	for _, e := range p.Log {
		s.put("log", strconv.FormatUint(e.ID, 10), e)
	}
	w.tree.trim()
	for hash, b := range w.tree.blocks {
		s.put("blocks", hash.String(), b.raw)
	}
	s.put("net", "partition", p.Partition)
	s.put("net", "faucet", p.Faucet)
	s.put("net", "mining", p.Mining)
	s.put("net", "traffic", p.Traffic)
	s.put("net", "shift", int64(p.Shift/time.Second))
	if best != nil {
		s.put("net", "best", best.Hash())
		s.put("net", "way", w.wayOf(best))
	}
	return s
}

// lookNodes adds the nodes, and returns the tip with the most work.
func (w *watcher) lookNodes(s state, nodes []Member) (best *backend.Entry) {
	for i, m := range nodes {
		key := strconv.Itoa(i)
		n := nodeState{Running: m.Running, Name: m.Name, State: m.State, Miner: m.Miner, Share: m.Share, HTTP: m.HTTP}
		if m.View == nil {
			delete(w.pools, i)
			s.put("nodes", key, n)
			continue
		}
		w.tree.look(m.View.Chain, w.finder)
		tip := m.View.Chain.Tip()
		if best == nil || tip.Work().Cmp(best.Work()) > 0 {
			best = &tip
		}
		hash := tip.Hash()
		n.Tip, n.Height, n.Headers = &hash, tip.Height(), m.View.Chain.BestHeader().Height()
		n.Rate, n.Peers, n.Reorgs, n.LastOff = m.HashRate, m.Peers, m.Reorgs, m.LastOff
		pl := w.pools[i]
		if pl == nil {
			pl = &pool{}
			w.pools[i] = pl
		}
		pl.look(m.View.Mempool, w.now)
		n.PoolTxs, n.PoolSize = pl.Txs, pl.VBytes
		s.put("nodes", key, n)
		s.put("pools", key, pl)
	}
	return best
}

func (w *watcher) finder(h types.Hash) int {
	if s, ok := w.src.Sighting(h); ok {
		return s.Finder
	}
	return -1
}

func (w *watcher) wayOf(e *backend.Entry) way {
	v := way{Hash: e.Hash(), Height: e.Height(), By: -1, Seen: [][2]float64{}}
	s, ok := w.src.Sighting(v.Hash)
	if !ok {
		return v
	}
	v.By = s.Finder
	for i, d := range s.Seen {
		v.Seen = append(v.Seen, [2]float64{float64(i), float64(d.Microseconds()) / 1000})
	}
	sort.Slice(v.Seen, func(i, j int) bool { return v.Seen[i][0] < v.Seen[j][0] })
	return v
}
