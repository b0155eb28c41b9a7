package rest

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/types"
)

// largePool has n transactions, each known by its number.
type largePool struct {
	backend.Mempool
	n int
}

func (p largePool) IDs() []types.Hash {
	list := make([]types.Hash, p.n)
	for i := range list {
		list[i] = types.Hash{byte(i), byte(i >> 8), 1}
	}
	return list
}

func (p largePool) Entry(types.Hash) (backend.MempoolEntry, bool) {
	return backend.MempoolEntry{Tx: &types.Tx{}}, true
}

// TestLargePoolIsStreamed: the whole list of the mempool is made piece by piece.
func TestLargePoolIsStreamed(t *testing.T) {
	pool := largePool{n: 500}
	var sizes []int
	var all []byte
	err := poolPieces(&chainjson.Call{State: chainjson.NewState(&backend.Parts{Mempool: pool})}, pool.IDs())(func(b []byte) error {
		sizes, all = append(sizes, len(b)), append(all, b...)
		return nil
	})
	if err != nil || len(sizes) < 3 {
		t.Fatalf("pieces of %v, %v", sizes, err)
	}
	for _, n := range sizes {
		if n > piece+4096 {
			t.Errorf("a piece of %d bytes", n)
		}
	}
	var list map[string]any
	if err := json.Unmarshal(all, &list); err != nil || len(list) != pool.n {
		t.Errorf("%d entries, %v", len(list), err)
	}
}

// TestPlacesAreBounded: what finds no place is turned away, and comes in when there is one again.
func TestPlacesAreBounded(t *testing.T) {
	s := New(Config{Log: slog.New(slog.DiscardHandler)})
	get := func() int {
		w := httptest.NewRecorder()
		s.Serve(w, httptest.NewRequest(http.MethodGet, "http://localhost/rest/mempool/nonsense.json", nil), chainjson.NewState(&backend.Parts{}), "")
		return w.Code
	}
	for range maxRequests {
		s.slots <- struct{}{}
	}
	if code := get(); code != http.StatusServiceUnavailable {
		t.Errorf("no place: %d", code)
	}
	<-s.slots
	if code := get(); code != http.StatusBadRequest {
		t.Errorf("a place: %d", code)
	}
}

func FuzzRESTPath(f *testing.F) {
	for _, p := range paths {
		f.Add(p.prefix+"00.json", []byte{1, 1})
		f.Add(p.prefix+"checkmempool/"+strings.Repeat("0", 64)+"-1.bin", []byte{})
	}
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		param, form := cutForm(path)
		if len(param) > len(path) || len(form) > 4 {
			t.Fatalf("%q became %q and %q", path, param, form)
		}
		if q, err := pathQuery(param); err == nil && len(q.ops) == 0 {
			t.Error("nothing is asked, and no error")
		}
		if q, err := bodyQuery(body); err == nil && len(q.ops)*36 > len(body) {
			t.Errorf("%d outpoints out of %d bytes", len(q.ops), len(body))
		}
	})
}
