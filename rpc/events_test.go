package rpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/events"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// errStopListening ends a Listen of a test.
var errStopListening = errors.New("enough")

// hear collects events until n came after the first, whose arrival is told on ready.
func hear(t *testing.T, r *rig, topics []events.Topic, seen string, n int, ready func()) []client.Event {
	t.Helper()
	var list []client.Event
	err := r.client.Listen(t.Context(), topics, seen, func(e client.Event) error {
		list = append(list, e)
		if e.Topic == events.TopicReady && ready != nil {
			ready()
		}
		if len(list) > n {
			return errStopListening
		}
		return nil
	})
	if !errors.Is(err, errStopListening) {
		t.Fatalf("heard %v, then %v", list, err)
	}
	return list
}

func line(list []client.Event) string {
	var s []string
	for _, e := range list {
		s = append(s, string(e.Topic)+" "+string(e.Data))
	}
	return strings.Join(s, "\n")
}

func TestEvents(t *testing.T) {
	r := newRig(t, 3)
	hash, id := types.Hash{1}, types.Hash{2}
	list := hear(t, r, nil, "", 4, func() {
		r.server.Events().PublishTransaction(events.PoolChange{ID: id, WitnessID: id, Sequence: 7, Added: true})
		r.server.Events().PublishReorg(events.Reorg{Hash: hash, Height: 4, Disconnected: 1, Connected: 2, Returned: 3})
		r.server.Events().PublishTip(events.Tip{Hash: hash, Height: 4, Connected: 2})
		r.server.Events().PublishTransaction(events.PoolChange{ID: id, WitnessID: id, Sequence: 8, Reason: "block"})
	})
	want := fmt.Sprintf(`ready {"hash":"%[1]s","height":3}
transaction {"txid":"%[2]s","wtxid":"%[2]s","added":true,"mempool_sequence":7}
reorg {"hash":"%[3]s","height":4,"disconnected":1,"connected":2,"returned":3}
tip {"hash":"%[3]s","height":4,"connected":2}
transaction {"txid":"%[2]s","wtxid":"%[2]s","added":false,"reason":"block","mempool_sequence":8}`, r.tip.Hash(), id, hash)
	if got := line(list); got != want {
		t.Errorf("heard\n%s\nwant\n%s", got, want)
	}
	// Only what was asked for, and its number goes on counting.
	later := hear(t, r, []events.Topic{events.TopicTip, events.TopicReorg}, list[1].ID, 2, nil)
	if got := line(later[1:]); got != strings.Join(strings.Split(want, "\n")[2:4], "\n") {
		t.Errorf("after %s: %s", list[1].ID, got)
	}
	if later[1].ID != list[2].ID || later[2].ID != list[3].ID {
		t.Errorf("ids %v and %v", later, list)
	}
}

// TestEventsAreResumed: who comes back hears all that came meanwhile, or that something is missing.
func TestEventsAreResumed(t *testing.T) {
	r := newRig(t, 1)
	publish := func(n int) {
		for i := range n {
			r.server.Events().PublishTip(events.Tip{Height: int32(i)})
		}
	}
	first := hear(t, r, nil, "", 1, func() { publish(1) })[1]
	const most = 4096 // events that are kept
	publish(most)
	list := hear(t, r, nil, first.ID, most, nil)
	for i, e := range list[1:] {
		if want := fmt.Sprintf(`"height":%d,`, i); !strings.Contains(string(e.Data), want) {
			t.Fatalf("event %d is %s", i, e.Data)
		}
	}
	publish(1)
	run, _, _ := strings.Cut(first.ID, "-")
	for _, seen := range []string{first.ID, "other-1", "nonsense", run + "-1152921504606846976"} {
		list = hear(t, r, nil, seen, 2, func() { publish(1) })
		if list[0].Topic != events.TopicMissed || list[1].Topic != events.TopicReady || list[2].Topic != events.TopicTip {
			t.Errorf("after %s: %s", seen, line(list))
		}
		if !strings.Contains(string(list[0].Data), `"last_event_id":"`+seen+`"`) {
			t.Errorf("after %s: %s", seen, list[0].Data)
		}
	}
	r.server.Events().PublishLost()
	list = hear(t, r, []events.Topic{events.TopicReorg}, list[2].ID, 1, nil)
	if list[1].Topic != events.TopicMissed {
		t.Errorf("a loss is told to all: %s", line(list))
	}
}

func TestEventsAreRefused(t *testing.T) {
	r := newRig(t, 1)
	if status, _, _ := r.get(t, events.Path); status != http.StatusUnauthorized {
		t.Errorf("without a password: %d", status)
	}
	auth := func(q *http.Request) { q.SetBasicAuth(testUser, testPass) }
	if status, _, text := r.get(t, events.Path+"?topics=tip,nonsense", auth); status != http.StatusBadRequest || !strings.Contains(text, `"nonsense"`) {
		t.Errorf("an unknown topic: %d %s", status, text)
	}
	if status, _ := r.post(t, "{}", func(q *http.Request) { q.URL.Path = events.Path }); status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", status)
	}
	r.server.state.Store(nil)
	if status, _, _ := r.get(t, events.Path, auth); status != http.StatusServiceUnavailable {
		t.Errorf("warming up: %d", status)
	}
}

// TestEventsKeepAliveAndEnd: signs of life while nothing happens, and an end with the server.
func TestEventsKeepAliveAndEnd(t *testing.T) {
	f := newFake(t, 1)
	s := New(Config{Credentials: []jsonrpc.Credential{jsonrpc.PlainCredential(testUser, testPass)}, KeepAlive: time.Millisecond})
	s.Ready(f.backend())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ln.Addr().String()+events.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(testUser, testPass)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	reader := bufio.NewReader(resp.Body)
	for text := ""; text != ": alive\n"; {
		if text, err = reader.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if _, err := io.Copy(io.Discard, reader); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
