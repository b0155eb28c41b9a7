package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/wallet"
)

// The faucet over HTTP is for programs under test: POST /faucet at the control address with {"address": "…", "amount": "2.5", "wait": true}. The
// control address listens on loopback only. Whoever has the token may ask for any amount at any pace. Others on this host may
// too, with bounds, unless a browser says that another site's page asks.
const (
	openFaucetMost  = 10 * consensus.CoinUnit
	openFaucetBurst = 20
	openFaucetPace  = time.Second // for one more
)

// faucetRequest is the body of a request. Wait waits until the payment is in a block, so that its coins can be spent whatever happens.
type faucetRequest struct {
	Address string `json:"address"`
	Amount  string `json:"amount"` // coins; "": 1
	Wait    bool   `json:"wait"`
}

// bucket bounds how often something may be done.
type bucket struct {
	mu    sync.Mutex
	used  int
	since time.Time
}

// take tells whether it may be done now; wait is how long it will take until it may if not.
func (b *bucket) take(now time.Time, burst int, pace time.Duration) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if back := int(min(now.Sub(b.since)/pace, time.Duration(burst))); back > 0 || b.used == 0 {
		b.used = max(b.used-max(back, 0), 0)
		b.since = now
	}
	if b.used >= burst {
		return max(pace-now.Sub(b.since), time.Millisecond), false
	}
	b.used++
	return 0, true
}

func (c *Control) faucet(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		reply(w, http.StatusMethodNotAllowed, Answer{Error: "the faucet takes POST"})
		return
	}
	trusted := c.allowed(r)
	if !trusted && (r.Header.Get("Authorization") != "" || !ownCaller(r)) {
		reply(w, http.StatusForbidden, Answer{Error: "the faucet is for programs on this host, without a browser's page of another site, or with the network's token"})
		return
	}
	var f faucetRequest
	dec := json.NewDecoder(io.LimitReader(r.Body, maxOrder))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		reply(w, http.StatusBadRequest, Answer{Error: `the faucet takes {"address": "…", "amount": "2.5", "wait": true}: ` + err.Error()})
		return
	}
	amount := int64(DefaultFaucetAmount)
	if f.Amount != "" {
		var err error
		if amount, err = wallet.ParseAmount(f.Amount); err != nil {
			reply(w, http.StatusBadRequest, Answer{Error: err.Error()})
			return
		}
	}
	if !trusted && !c.mayGive(w, amount) {
		return
	}
	ctx, cancel := bounded(r.Context(), maxWait)
	defer cancel()
	id, err := c.net.Faucet(ctx, -1, f.Address, amount, f.Wait)
	if err != nil {
		reply(w, http.StatusConflict, Answer{Error: err.Error()})
		return
	}
	reply(w, http.StatusOK, Answer{TxID: id.String()})
}

// mayGive refuses what somebody without the token may not have.
func (c *Control) mayGive(w http.ResponseWriter, amount int64) bool {
	if amount > openFaucetMost {
		reply(w, http.StatusForbidden, Answer{Error: fmt.Sprintf("without the network's token the faucet gives at most %s at once", coins(openFaucetMost))})
		return false
	}
	wait, ok := c.given.take(time.Now(), openFaucetBurst, openFaucetPace)
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		reply(w, http.StatusTooManyRequests, Answer{Error: "the faucet has been asked too often: try again in a second, or with the network's token"})
	}
	return ok
}

// ownCaller tells whether a request comes from a program, or from a page of this very server: by JSON, which other sites' pages cannot
// send unasked, by what browsers say of where it comes from, and by a Host that is no name of somebody else's.
func ownCaller(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || !jsonrpc.HostAllowed(r.Host, nil) {
		return false
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
			return false
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return true
	}
	return false
}
