package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/types"
)

// Config says what a Site shows. Source is required.
type Config struct {
	Source Source
	Orders Orders // nil: read-only
	About  About
	// Hosts are names under which the page may be reached, beside addresses and localhost.
	Hosts []string
}

// About is what never changes of what a page shows.
type About struct {
	Network string     `json:"network"`
	Genesis types.Hash `json:"genesis"`
	Version string     `json:"version"` // of the program
	Seed    uint64     `json:"seed"`    // of a laboratory; 0: a single node
	Spacing int64      `json:"spacing"` // mean seconds between blocks
}

// Bounds of what is worked on at once.
const (
	maxLookups    = 8
	maxOrdersOpen = 8
	lookupTimeout = 20 * time.Second
	orderTimeout  = 10 * time.Minute
	maxOrderBytes = 64 << 10
)

// Site is the page and what it asks for. It is made by New and ended by Close.
type Site struct {
	cfg    Config
	secret string // of orders
	// instance tells this Site from one before it at the same address.
	instance string
	files    map[string]file
	stream   *stream
	lookups  chan struct{}
	orders   chan struct{}
	handler  http.Handler
}

// file is a part of the page.
type file struct {
	kind, tag string
	body      []byte
}

//go:embed static
var static embed.FS

// New makes a Site. The only error is that the system gives no randomness.
func New(cfg Config) (*Site, error) {
	var random [24]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	s := &Site{cfg: cfg, secret: hex.EncodeToString(random[:16]), instance: hex.EncodeToString(random[16:]), lookups: make(chan struct{}, maxLookups), orders: make(chan struct{}, maxOrdersOpen)}
	var err error
	if s.files, err = readStatic(); err != nil { // all Sites share them
		return nil, err
	}
	s.stream = newStream(newWatcher(cfg.Source, time.Now))
	s.handler = s.guard(s.routes())
	return s, nil
}

// ServeHTTP answers one request.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close ends the streams of all pages. The server is not the Site's and goes on.
func (s *Site) Close() { s.stream.close() }

func (s *Site) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		s.giveCookie(w, r)
		s.serveFile(w, r, "index.html")
	})
	mux.HandleFunc("GET /static/{file}", func(w http.ResponseWriter, r *http.Request) { s.serveFile(w, r, r.PathValue("file")) })
	mux.HandleFunc("GET /events", s.stream.serve)
	mux.HandleFunc("GET /api/about", s.about)
	mux.HandleFunc("GET /api/block/{id}", s.lookup(block))
	mux.HandleFunc("GET /api/tx/{id}", s.lookup(transaction))
	mux.HandleFunc("GET /api/address/{id}", s.lookup(address))
	mux.HandleFunc("GET /api/mempool", s.lookup(mempool))
	mux.HandleFunc("GET /api/find", s.lookup(find))
	if s.cfg.Orders != nil {
		mux.HandleFunc("POST /api/order", s.order)
	}
	return mux
}

var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// readStatic reads the parts of the page once for all Sites of the process.
var readStatic = sync.OnceValues(func() (map[string]file, error) {
	files := map[string]file{}
	entries, err := fs.ReadDir(static, "static")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		body, err := fs.ReadFile(static, path.Join("static", e.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		files[e.Name()] = file{kind: kinds[path.Ext(e.Name())], tag: `"` + hex.EncodeToString(sum[:8]) + `"`, body: body}
	}
	return files, nil
})

// serveFile sends a part of the page; a browser asks each time whether it has changed.
func (s *Site) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := s.files[name]
	if !ok {
		refuse(w, http.StatusNotFound, "there is no such file")
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("ETag", f.tag)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(f.body))
}

// about tells the page what never changes.
func (s *Site) about(w http.ResponseWriter, _ *http.Request) {
	answer(w, struct {
		About
		Orders     bool      `json:"orders"`
		FeeBuckets []float64 `json:"fee_buckets"`
		Window     int       `json:"window"`
		Instance   string    `json:"instance"` // of the server: a page of another one has to be loaded anew
	}{s.cfg.About, s.cfg.Orders != nil, feeBuckets, treeHeights, s.instance})
}

// order carries out what a button asks for.
func (s *Site) order(w http.ResponseWriter, r *http.Request) {
	if why := s.mayOrder(r); why != "" {
		refuse(w, http.StatusForbidden, why)
		return
	}
	select {
	case s.orders <- struct{}{}:
		defer func() { <-s.orders }()
	default:
		refuse(w, http.StatusServiceUnavailable, "too many orders are under way")
		return
	}
	var o Order
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrderBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		refuse(w, http.StatusBadRequest, "this is not an order: "+err.Error())
		return
	}
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return // the connection is gone
	}
	ctx, cancel := context.WithTimeout(r.Context(), orderTimeout)
	defer cancel()
	result, err := s.cfg.Orders.Do(ctx, o)
	if err != nil {
		refuse(w, http.StatusConflict, err.Error())
		return
	}
	answer(w, result)
}

// answer sends JSON.
func answer(w http.ResponseWriter, v any) { send(w, http.StatusOK, v) }

// refuse sends the sentence that says why not.
func refuse(w http.ResponseWriter, status int, why string) {
	send(w, status, map[string]string{"error": why})
}

func send(w http.ResponseWriter, status int, v any) {
	body := encode(v)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // if the client is gone nobody is left to tell
}
