package lab

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/web"
)

// maxOrder bounds the body of an order.
const maxOrder = 64 << 10

// maxWait bounds how long an order may wait for blocks.
const maxWait = 30 * time.Minute

// Control takes orders for a network over HTTP on loopback: GET /status, GET /logs, and POST of an Order to / with
// the token of the data directory's testnet.json in the Authorization header, which another site's page cannot know. What
// comes without a token is answered by the network's own page (package web).
type Control struct {
	given bucket // what the faucet gave to those without the token
	net   *Net
	token string
	lis   net.Listener
	srv   *http.Server
	site  *web.Site
	over  chan struct{} // closed when no more orders are taken
}

// Order is one order. Which fields it needs depends on What.
type Order struct {
	What    string `json:"what"` // a verb, or down
	Node    int    `json:"node"` // −1: any
	Count   int    `json:"count,omitempty"`
	Address string `json:"address,omitempty"`
	Amount  int64  `json:"amount,omitempty"` // smallest unit
	Wait    bool   `json:"wait,omitempty"`
	Groups  string `json:"groups,omitempty"`
	// Args and Flags are those of the verb What as people write it, see Verbs. If either is there, the fields above do not count.
	Args  []string          `json:"args,omitempty"`
	Flags map[string]string `json:"flags,omitempty"`
}

// Answer is what came of an order.
type Answer struct {
	Error  string   `json:"error,omitempty"`
	Hashes []string `json:"hashes,omitempty"`
	TxID   string   `json:"txid,omitempty"`
	Lines  []string `json:"lines,omitempty"` // for people
	// Values are numbers that scenarios can ask for.
	Values map[string]float64 `json:"values,omitempty"`
	Result any                `json:"result,omitempty"` // for programs; what it is depends on the verb
}

func openControl(n *Net) (*Control, error) {
	var secret [16]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, err
	}
	lis, err := p2p.TCP{}.Listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(n.cfg.BasePort)))
	if err != nil {
		return nil, err
	}
	site, err := n.page.open()
	if err != nil {
		return nil, errors.Join(err, lis.Close())
	}
	c := &Control{net: n, token: hex.EncodeToString(secret[:]), lis: lis, site: site, over: make(chan struct{})}
	c.srv = &http.Server{Handler: c.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() {
		if err := c.srv.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
			n.cfg.Log.Error("the control address stopped", "err", err)
		}
	}()
	n.ctl = c
	sheet, err := n.Sheet()
	if err != nil {
		return c, err
	}
	return c, errors.Join(sheet.write(n.cfg.DataDir), sheet.writeTargets(n.cfg.DataDir))
}

// URL is where the network takes orders.
func (c *Control) URL() string { return "http://" + c.lis.Addr().String() }

// closePatience is what orders under way get when the network ends.
const closePatience = 5 * time.Second

// close takes no more orders.
func (c *Control) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	close(c.over)
	c.site.Close()
	if c.srv.Shutdown(ctx) != nil {
		c.srv.Close()
	}
}

// removeSheet tells others that the network has ended; nothing of it may run any more.
func (c *Control) removeSheet() {
	if err := os.Remove(filepath.Join(c.net.cfg.DataDir, SheetFile)); err != nil {
		c.net.cfg.Log.Warn("testnet.json was not removed", "err", err)
	}
}

func (c *Control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, c.net.Status()) })
	mux.HandleFunc("GET /logs", c.logs)
	mux.HandleFunc("POST /{$}", c.order)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/faucet" {
			c.faucet(w, r)
			return
		}
		if forPage(r) {
			c.site.ServeHTTP(w, r)
			return
		}
		if !c.allowed(r) {
			reply(w, http.StatusForbidden, Answer{Error: "the token of the network's testnet.json is needed"})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (c *Control) allowed(r *http.Request) bool {
	want := "Bearer " + c.token
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) == 1
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the client is gone: nobody is left to tell
}

func (c *Control) order(w http.ResponseWriter, r *http.Request) {
	var o Order
	dec := json.NewDecoder(io.LimitReader(r.Body, maxOrder))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		reply(w, http.StatusBadRequest, Answer{Error: "this is not an order: " + err.Error()})
		return
	}
	ctx, cancel := bounded(r.Context(), maxWait)
	defer cancel()
	a, err := c.net.carryOut(ctx, o)
	if err != nil {
		reply(w, http.StatusConflict, Answer{Error: err.Error()})
		return
	}
	reply(w, http.StatusOK, a)
}

// carryOut does what an order says.
func (n *Net) carryOut(ctx context.Context, o Order) (a Answer, err error) {
	if o.Args != nil || o.Flags != nil {
		return n.Carry(ctx, o)
	}
	switch o.What {
	case "mine":
		hashes, err := n.Mine(ctx, o.Node, o.Count)
		for _, h := range hashes {
			a.Hashes = append(a.Hashes, h.String())
		}
		return a, err
	case "faucet":
		id, err := n.Faucet(ctx, o.Node, o.Address, o.Amount, o.Wait)
		a.TxID = id.String()
		return a, err
	case "partition":
		group, err := ParseGroups(o.Groups, len(n.nodes))
		if err != nil {
			return a, err
		}
		return a, n.Partition(group)
	case "stop":
		return a, n.Stop(o.Node)
	case "kill":
		return a, n.Kill(o.Node)
	case "start":
		return a, n.Start(o.Node)
	case "down":
		go n.Down()
		return a, nil
	}
	return n.Carry(ctx, o)
}

// logName is the log's name in a node's data directory.
const logName = "node.log"

// logs streams a node's log; with follow=1 until the client goes.
func (c *Control) logs(w http.ResponseWriter, r *http.Request) {
	i, err := strconv.Atoi(r.URL.Query().Get("node"))
	if err != nil || i < 0 || i >= len(c.net.nodes) {
		reply(w, http.StatusNotFound, Answer{Error: c.net.noSuchNode(i).Error()})
		return
	}
	f, err := os.Open(filepath.Join(c.net.nodes[i].dir, logName))
	if err != nil {
		reply(w, http.StatusNotFound, Answer{Error: err.Error()})
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	flush := http.NewResponseController(w)
	for {
		if _, err := io.Copy(w, f); err != nil || r.URL.Query().Get("follow") != "1" || flush.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-c.over:
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func nodeName(i int) string { return fmt.Sprintf("node%d", i) }
