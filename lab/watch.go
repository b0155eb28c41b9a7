package lab

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

// Event is something that happened in the network.
type Event struct {
	At     time.Time  `json:"at"`
	Kind   string     `json:"kind"` // "found", "tip", "reorg", "partition", "heal", "start", "stop", "kill", "faucet", "link", "cut", "time", "snapshot", "revert", "note", "guest", "fatal"
	Node   int        `json:"node"` // −1: the network
	Hash   types.Hash `json:"hash"`
	Height int32      `json:"height,omitempty"`
	// Reorg: blocks off and on, transactions returned to the mempool.
	Off      int    `json:"off,omitempty"`
	On       int    `json:"on,omitempty"`
	Returned int    `json:"returned,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// maxSightings bounds for how many blocks the times are kept.
const maxSightings = 1000

// sighting is what is known of a block's way through the network.
type sighting struct {
	finder  int
	foundAt time.Time
	seen    map[int]time.Duration // after the finding, by node
}

// watch sees every block being found and arriving, and passes events on.
type watch struct {
	now  func() time.Time
	emit func(Event)

	mu     sync.Mutex
	blocks map[types.Hash]*sighting
	order  []types.Hash
}

func newWatch(now func() time.Time, emit func(Event)) *watch {
	return &watch{now: now, emit: emit, blocks: map[types.Hash]*sighting{}}
}

// foundAt tells the nodes' histograms when a block was found.
func (w *watch) foundAt(h types.Hash) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.blocks[h]
	if !ok {
		return time.Time{}, false
	}
	return s.foundAt, true
}

// happened takes what a node tells.
func (w *watch) happened(i int, h node.Happening) {
	switch h.Kind {
	case "found":
		w.mu.Lock()
		w.found(i, h)
		w.mu.Unlock()
	case "tip", "reorg":
		w.arrived(i, h)
	case "fatal":
	default:
		return
	}
	w.tell(Event{At: h.At, Kind: h.Kind, Node: i, Hash: h.Hash, Height: h.Height, Off: h.Off, On: h.On, Returned: h.Returned, Detail: h.Detail})
}

// mined notes a block that the laboratory itself has mined in secret and gives away now.
func (w *watch) mined(h types.Hash, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.blocks[h] == nil {
		w.found(-1, node.Happening{Hash: h, At: at})
	}
}

func (w *watch) found(i int, h node.Happening) {
	w.blocks[h.Hash] = &sighting{finder: i, foundAt: h.At, seen: map[int]time.Duration{}}
	w.order = append(w.order, h.Hash)
	if len(w.order) > maxSightings {
		delete(w.blocks, w.order[0])
		w.order = w.order[1:]
	}
}

func (w *watch) arrived(i int, h node.Happening) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, ok := w.blocks[h.Hash]; ok {
		if _, again := s.seen[i]; !again {
			s.seen[i] = max(h.At.Sub(s.foundAt), 0)
		}
	}
}

func (w *watch) tell(e Event) {
	if e.At.IsZero() {
		e.At = w.now()
	}
	w.emit(e)
}

// Propagation is the way of one block through the network.
type Propagation struct {
	Finder int `json:"finder"` // −1: not known
	Nodes  int `json:"nodes"`  // that have had it as their tip
	// Times after the block was found until half of them, and the last of them, had it.
	Median time.Duration `json:"median_ns"`
	Last   time.Duration `json:"last_ns"`
}

// propagation of a block; ok is false if it was not found while the network was watched.
func (w *watch) propagation(h types.Hash) (p Propagation, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.blocks[h]
	if !ok {
		return Propagation{Finder: -1}, false
	}
	var times []time.Duration
	for _, d := range s.seen {
		times = append(times, d)
	}
	slices.Sort(times)
	p = Propagation{Finder: s.finder, Nodes: len(times)}
	if len(times) > 0 {
		p.Median, p.Last = times[len(times)/2], times[len(times)-1]
	}
	return p, true
}

// partitionText is groupsText with a word on the direction.
func partitionText(group []int, oneWay bool) string {
	if oneWay {
		return groupsText(group) + " one way"
	}
	return groupsText(group)
}

// groupsText writes groups as ParseGroups reads them.
func groupsText(group []int) string {
	parts := map[int][]string{}
	var order []int
	for i, g := range group {
		if parts[g] == nil {
			order = append(order, g)
		}
		parts[g] = append(parts[g], fmt.Sprint(i))
	}
	var texts []string
	for _, g := range order {
		texts = append(texts, strings.Join(parts[g], ","))
	}
	return strings.Join(texts, "/")
}
