package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestAsker: a connection is kept as long as the node keeps it, credentials go along, and what is no success is an error.
func TestAsker(t *testing.T) {
	var connections, ends atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		user, pass, _ := r.BasicAuth()
		switch {
		case user != "u" || pass != "p":
			w.WriteHeader(http.StatusUnauthorized)
		case string(body) == "end":
			ends.Add(1)
			w.Header().Set("Connection", "close")
		}
		if _, err := io.WriteString(w, "four"); err != nil {
			t.Error(err)
		}
	}))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	a := &asker{target: target{srv.Listener.Addr().String(), "dTpw"}}
	defer a.close()
	for _, body := range []string{"stay", "stay", "end", "stay", "end"} {
		if err := a.ask(t.Context(), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if connections.Load() != 2 || ends.Load() != 2 || a.read != 20 {
		t.Errorf("%d connections, %d ends, %d bytes", connections.Load(), ends.Load(), a.read)
	}
	stranger := &asker{target: target{a.addr, "eDp5"}}
	defer stranger.close()
	if err := stranger.ask(t.Context(), []byte("stay")); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("with another password: %v", err)
	}
	s := tinySuite(t)
	s.size.answerSpin = time.Millisecond
	figs, err := s.ask(t.Context(), []target{a.target, a.target}, [][]byte{[]byte("stay"), []byte("end")}, 2)
	if err != nil || len(figs) != 3 || len(figs[2].Runs) != 1 {
		t.Errorf("figures %+v, %v", figs, err)
	}
}

// TestAnswers: the chain that is asked for has as many transactions as the page says, and no script twice.
func TestAnswers(t *testing.T) {
	s := tinySuite(t)
	m, err := s.makeAnswers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hashes := answerHashes(m)
	blocks := s.size.answerBlocks - int(m.params.CoinbaseMaturity)
	if len(m.blocks) != s.size.answerBlocks || len(hashes[false]) != blocks || len(hashes[true]) != 1+(blocks-1)*s.size.answerTxs {
		t.Errorf("%d blocks, %d of them with %d transactions", len(m.blocks), len(hashes[false]), len(hashes[true]))
	}
	seen := map[string]bool{}
	for _, b := range m.blocks[int(m.params.CoinbaseMaturity)+1:] {
		for _, tx := range b.Txs[1:] {
			if lock := string(tx.Out[1].Script); seen[lock] {
				t.Errorf("a script comes twice: %x", lock)
			} else {
				seen[lock] = true
			}
		}
	}
	if got := string(bodies("getblock", 2, hashes[false][:1])[0]); !strings.Contains(got, `"method":"getblock","params":["`+hashes[false][0].String()+`",2]`) {
		t.Errorf("the call is %s", got)
	}
}
