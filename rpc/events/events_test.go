package events

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/types"
)

func TestOvertakenListenerIsDropped(t *testing.T) {
	log := New(0)
	l := &listener{log: log, topics: topics}
	for range maxEvents + 1 {
		log.publish(TopicTip, nil)
	}
	if l.catchUp() {
		t.Error("a listener that the ring has overtaken goes on")
	}
	if len(log.ring) != maxEvents {
		t.Errorf("the ring holds %d", len(log.ring))
	}
}

// TestEventDataIsJSON: every kind of event has an object as its data.
func TestEventDataIsJSON(t *testing.T) {
	s := New(0)
	s.PublishTip(Tip{})
	s.PublishReorg(Reorg{})
	s.PublishTransaction(PoolChange{Added: true})
	s.PublishTransaction(PoolChange{Reason: "expiry"})
	s.PublishLost()
	list, lost := s.after(0, 10)
	if lost || len(list) != 5 {
		t.Fatalf("%d events, lost %v", len(list), lost)
	}
	for _, e := range list {
		var o map[string]any
		if err := json.Unmarshal(e.data, &o); err != nil || len(o) == 0 {
			t.Errorf("%s: %s, %v", e.topic, e.data, err)
		}
	}
}

// TestSlowListenerIsDropped: who does not read is cut off; nothing is kept for him.
func TestSlowListenerIsDropped(t *testing.T) {
	log := New(0)
	log.patience = 10 * time.Millisecond
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { log.Serve(w, r, noTip) }))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	for text := ""; !strings.HasPrefix(text, "event: ready"); {
		if text, err = reader.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; log.listeners() > 0; i++ {
		if t.Context().Err() != nil {
			t.Fatal("still there")
		}
		log.PublishTip(Tip{Height: int32(i)})
	}
}

func noTip() (types.Hash, int32) { return types.Hash{}, 0 }

func TestListenersAreBounded(t *testing.T) {
	log := New(0)
	for range maxListeners {
		if _, _, ok := log.listen(); !ok {
			t.Fatal("too early")
		}
	}
	w := httptest.NewRecorder()
	if log.Serve(w, httptest.NewRequest(http.MethodGet, "http://localhost/", nil), noTip); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", w.Code)
	}
}
