package events

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// Path is where events are.
const Path = "/events"

// Limits of events.
const (
	maxEvents     = 4096
	maxListeners  = 64
	eventPatience = 10 * time.Second
	keepAlive     = 15 * time.Second // between two signs of life
	eventBatch    = 64               // events that are written at once
)

// Topic is a kind of event.
type Topic string

// The topics. Missed and Ready are told to every listener, whatever it asked for.
const (
	TopicTip         Topic = "tip"         // the best chain has another end
	TopicReorg       Topic = "reorg"       // blocks were taken off the best chain; a tip follows
	TopicTransaction Topic = "transaction" // a transaction entered or left the mempool
	TopicMissed      Topic = "missed"      // events were lost
	TopicReady       Topic = "ready"       // the first thing that a listener hears
)

// topics are those that can be asked for.
var topics = []Topic{TopicTip, TopicReorg, TopicTransaction}

// Tip is the data of a tip event.
type Tip struct {
	Hash      types.Hash
	Height    int32
	Connected int // blocks that were put on the chain
}

// Reorg is the data of a reorg event. Hash and Height are the new tip's.
type Reorg struct {
	Hash                              types.Hash
	Height                            int32
	Disconnected, Connected, Returned int // blocks, and transactions that went back to the mempool
}

// PoolChange is the data of a transaction event.
type PoolChange struct {
	ID, WitnessID types.Hash
	Sequence      uint64
	Added         bool
	Reason        string // if it left: block, replaced, conflict, sizelimit, expiry, reorg
}

// PublishTip, PublishReorg and PublishTransaction tell listeners. They return at once.
func (l *Log) PublishTip(t Tip) {
	l.publish(TopicTip, jsonrpc.Obj("hash", t.Hash, "height", t.Height, "connected", t.Connected))
}

// PublishReorg tells that blocks were taken off the best chain.
func (l *Log) PublishReorg(r Reorg) {
	l.publish(TopicReorg, jsonrpc.Obj("hash", r.Hash, "height", r.Height, "disconnected", r.Disconnected, "connected", r.Connected, "returned", r.Returned))
}

// PublishTransaction tells that a transaction entered or left the mempool.
func (l *Log) PublishTransaction(c PoolChange) {
	f := jsonrpc.Obj("txid", c.ID, "wtxid", c.WitnessID, "added", c.Added)
	if !c.Added {
		f.Add("reason", c.Reason)
	}
	f.Add("mempool_sequence", c.Sequence)
	l.publish(TopicTransaction, f)
}

// PublishLost tells that changes of the mempool came faster than they could be told.
func (l *Log) PublishLost() {
	l.publish(TopicMissed, jsonrpc.Obj("reason", "changes of the mempool came too fast"))
}

// event is an entry of the ring.
type event struct {
	topic Topic
	data  []byte // JSON
}

// Log is the ring and the bells of those who listen.
type Log struct {
	run      string // names this run of the node in the ids of events
	patience time.Duration
	alive    time.Duration // between two signs of life

	mu    sync.Mutex
	ring  []event // event n, counted from 1, lies at (n−1) mod maxEvents
	last  uint64
	bells []chan struct{}
}

// New makes a Log; whoever listens hears something every alive, 0: 15 seconds.
func New(alive time.Duration) *Log {
	if alive == 0 {
		alive = keepAlive
	}
	return &Log{run: strings.ToLower(rand.Text()[:8]), patience: eventPatience, alive: alive}
}

func (l *Log) publish(topic Topic, f jsonrpc.Fields) {
	data, err := jsonrpc.Append(nil, f)
	if err != nil {
		return // numbers, hashes and strings always encode
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	if e := (event{topic, data}); len(l.ring) < maxEvents {
		l.ring = append(l.ring, e)
	} else {
		l.ring[(l.last-1)%maxEvents] = e
	}
	for _, bell := range l.bells {
		select {
		case bell <- struct{}{}:
		default:
		}
	}
}

// after returns up to n events behind the one numbered since, and whether the ring has lost some of them.
func (l *Log) after(since uint64, n int) (list []event, lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first := l.last - uint64(len(l.ring)) + 1; since > l.last || since+1 < first {
		return nil, true
	}
	for i := since; i < l.last && len(list) < n; i++ {
		list = append(list, l.ring[i%maxEvents])
	}
	return list, false
}

// listen returns a bell that rings after each event, and the number of the last one. ok is false if too many listen already.
func (l *Log) listen() (bell chan struct{}, last uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.bells) >= maxListeners {
		return nil, 0, false
	}
	bell = make(chan struct{}, 1)
	l.bells = append(l.bells, bell)
	return bell, l.last, true
}

func (l *Log) leave(bell chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bells = slices.DeleteFunc(l.bells, func(b chan struct{}) bool { return b == bell })
}

func (l *Log) listeners() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.bells)
}

func (l *Log) id(n uint64) string { return fmt.Sprintf("%s-%d", l.run, n) }

// number reads an id; ok is false for one of another run, or none at all.
func (l *Log) number(id string) (n uint64, ok bool) {
	run, text, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && run == l.run
}

// listener is somebody who listens.
type listener struct {
	log     *Log
	topics  []Topic
	w       http.ResponseWriter
	control *http.ResponseController
	bell    chan struct{}
	at      uint64 // the last event that it was told, or that was not for it
}

// wantedTopics reads the query.
func wantedTopics(r *http.Request) ([]Topic, error) {
	text := r.URL.Query().Get("topics")
	if text == "" {
		return topics, nil
	}
	var list []Topic
	for _, t := range strings.Split(text, ",") {
		if !slices.Contains(topics, Topic(t)) {
			return nil, fmt.Errorf("unknown topic %q: the topics are tip, reorg and transaction", jsonrpc.Clip(t))
		}
		list = append(list, Topic(t))
	}
	return list, nil
}

// Serve tells a listener what happens until it goes, is dropped, or the server stops. The caller has looked at who it is. tip is where the
// chain is now.
func (l *Log) Serve(w http.ResponseWriter, r *http.Request, tip func() (types.Hash, int32)) {
	wanted, err := wantedTopics(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	bell, last, ok := l.listen()
	if !ok {
		http.Error(w, fmt.Sprintf("%d listen already", maxListeners), http.StatusServiceUnavailable)
		return
	}
	defer l.leave(bell)
	who := &listener{log: l, topics: wanted, w: w, control: http.NewResponseController(w), bell: bell, at: last}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	hash, height := tip()
	if who.begin(hash, height, r.Header.Get("Last-Event-ID")) {
		who.follow(r.Context(), l.alive)
	}
}

// begin tells where the chain is, and what was missed if the listener was here before. The tip was read after the place in the ring was taken, so
// that no tip is lost between them.
func (l *listener) begin(tip types.Hash, height int32, seen string) bool {
	now := l.at
	var missed jsonrpc.Fields
	if n, ok := l.log.number(seen); seen != "" && ok {
		if _, lost := l.log.after(n, 0); !lost {
			l.at = n
		} else {
			missed = jsonrpc.Obj("reason", "too many events since", "last_event_id", jsonrpc.Clip(seen))
		}
	} else if seen != "" {
		missed = jsonrpc.Obj("reason", "the id is not of this run of the node", "last_event_id", jsonrpc.Clip(oneLine(seen)))
	}
	var b bytes.Buffer
	if missed != nil {
		l.append(&b, TopicMissed, mustJSON(missed), now)
	}
	l.append(&b, TopicReady, mustJSON(jsonrpc.Obj("hash", tip, "height", height)), l.at)
	return l.write(b.Bytes())
}

func oneLine(s string) string { return strings.Map(func(r rune) rune { return max(r, ' ') }, s) }

// mustJSON is for fields of strings, numbers and hashes, which always encode.
func mustJSON(f jsonrpc.Fields) []byte {
	raw, err := jsonrpc.Append(nil, f)
	if err != nil {
		return []byte("{}")
	}
	return raw
}

// follow tells what comes.
func (l *listener) follow(ctx context.Context, alive time.Duration) {
	tick := time.NewTicker(alive)
	defer tick.Stop()
	for {
		if !l.catchUp() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-l.bell:
		case <-tick.C:
			if !l.write([]byte(": alive\n\n")) {
				return
			}
		}
	}
}

// catchUp tells all that the ring has; false if the listener is gone or was overtaken.
func (l *listener) catchUp() bool {
	for {
		list, lost := l.log.after(l.at, eventBatch)
		if lost {
			return false
		}
		if len(list) == 0 {
			return true
		}
		var b bytes.Buffer
		for _, e := range list {
			l.at++
			if e.topic == TopicMissed || slices.Contains(l.topics, e.topic) {
				l.append(&b, e.topic, e.data, l.at)
			}
		}
		if b.Len() > 0 && !l.write(b.Bytes()) {
			return false
		}
	}
}

func (l *listener) append(b *bytes.Buffer, topic Topic, data []byte, n uint64) {
	fmt.Fprintf(b, "event: %s\nid: %s\ndata: %s\n\n", topic, l.log.id(n), data)
}

// write sends bytes; false if they are not taken in time.
func (l *listener) write(raw []byte) bool {
	if err := l.control.SetWriteDeadline(time.Now().Add(l.log.patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return false
	}
	if _, err := l.w.Write(raw); err != nil {
		return false
	}
	return l.control.Flush() == nil
}
