package web

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Bounds of the stream.
const (
	maxClients   = 64 // that watch at once
	clientQueue  = 16 // messages that a client may be behind; then it is dropped and may come again
	lookPause    = 250 * time.Millisecond
	heartbeat    = 15 * time.Second // so often something is sent at least, so that both sides notice a dead connection
	writeTimeout = 10 * time.Second // for a message to be taken
)

// stream tells everybody who watches what has changed. While nobody watches it does nothing.
//
// A client first gets the whole state, then differences, all as the same kind of message: sections of keys with their new
// values, null for what is gone. Only the loop looks at the network, without the lock; clients come and go under it. What a
// client has been sent is always the loop's last state, or nothing yet.
type stream struct {
	watch *watcher // the loop's
	last  state    // the loop's

	mu      sync.Mutex
	clients map[*client]bool // whether it has had a state
	running bool
	closed  bool
	wake    chan struct{} // somebody has come; capacity 1
	stop    chan struct{}
}

// client is somebody who watches.
type client struct{ queue chan []byte }

func newStream(w *watcher) *stream {
	return &stream{watch: w, clients: map[*client]bool{}, wake: make(chan struct{}, 1), stop: make(chan struct{})}
}

// join adds a client; nil if there are too many or the stream is closed.
func (s *stream) join() *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.clients) >= maxClients {
		return nil
	}
	c := &client{queue: make(chan []byte, clientQueue)}
	s.clients[c] = false
	select {
	case s.wake <- struct{}{}:
	default: // the loop knows already
	}
	if !s.running {
		s.running = true
		go s.run()
	}
	return c
}

func (s *stream) leave(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(c)
}

// drop is called with the lock held; it may be called again.
func (s *stream) drop(c *client) {
	if _, ok := s.clients[c]; ok {
		delete(s.clients, c)
		close(c.queue)
	}
}

// run looks again and again until nobody watches.
func (s *stream) run() {
	tick := time.NewTicker(lookPause)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		case <-tick.C:
		}
		if !s.step() {
			return
		}
	}
}

// step looks and sends what has changed; false if nobody watches any more. Only the loop calls it.
func (s *stream) step() bool {
	now := s.watch.look()
	diff := now.since(s.last)
	s.last = now
	s.mu.Lock()
	defer s.mu.Unlock()
	var whole, change []byte
	for c, begun := range s.clients {
		switch {
		case !begun:
			if whole == nil {
				whole = message(now, true)
			}
			s.clients[c] = true
			c.queue <- whole // it is empty
		case len(diff) > 0:
			if change == nil {
				change = message(diff, false)
			}
			select {
			case c.queue <- change:
			default:
				s.drop(c)
			}
		}
	}
	s.running = len(s.clients) > 0
	return s.running
}

// close ends all streams and lets nobody in any more.
func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	close(s.stop)
	for c := range s.clients {
		s.drop(c)
	}
}

// message is an event of the stream, as server-sent events are written.
func message(s state, whole bool) []byte {
	name := "change"
	if whole {
		name = "whole"
	}
	raw, err := json.Marshal(s)
	if err != nil { // it is made of JSON
		raw = []byte("{}")
	}
	b := append([]byte("event: "+name+"\ndata: "), raw...)
	return append(b, "\n\n"...)
}

// serve sends the stream to one client until it goes, is too slow, or the stream is closed.
func (s *stream) serve(w http.ResponseWriter, r *http.Request) {
	c := s.join()
	if c == nil {
		refuse(w, http.StatusServiceUnavailable, "too many pages are open")
		return
	}
	defer s.leave(c)
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Time{}) != nil { // the server's is for requests, and would end the stream
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		msg, ok := []byte("event: beat\ndata:\n\n"), true
		select {
		case <-r.Context().Done():
			return
		case msg, ok = <-c.queue:
		case <-beat.C:
		}
		if !ok || control.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
			return
		}
		if _, err := w.Write(msg); err != nil || control.Flush() != nil {
			return
		}
	}
}
