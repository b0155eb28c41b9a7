package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/events"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/rpc/rest"
	"github.com/cairn-chain/cairn/types"
)

// Config is what a Server needs.
type Config struct {
	// Credentials are who may call. With none, nobody may.
	Credentials []jsonrpc.Credential
	// AllowedHosts are names that a Host header may have beside localhost and IP addresses.
	AllowedHosts []string
	// Observe, if set, is told of every call's method ("unknown" for those not in the table), duration
	// and error code, 0 for none.
	Observe func(method string, d time.Duration, code int)
	// Sleep waits for d or until ctx ends; nil: by the system's clock. Only a failed authentication
	// sleeps.
	Sleep func(ctx context.Context, d time.Duration)
	// Log is told of refused credentials and of handlers that panic; nil: nothing is logged.
	Log *slog.Logger
	// REST answers under /rest/, too, whoever asks.
	REST bool
	// KeepAlive is how often a listener to events hears something; 0: 15 seconds.
	KeepAlive time.Duration
}

// Server answers RPC requests, events and, if it shall, REST at one address. Until Ready is called it answers each that it is warming up.
type Server struct {
	cfg    Config
	calls  *jsonrpc.Server
	rest   *rest.Server // nil: no REST
	events *events.Log
	state  atomic.Pointer[chainjson.State]
}

// New makes a Server that is warming up.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, events: events.New(cfg.KeepAlive)}
	s.calls = jsonrpc.New(jsonrpc.Config{Credentials: cfg.Credentials, AllowedHosts: cfg.AllowedHosts, Observe: cfg.Observe, Sleep: cfg.Sleep, Log: cfg.Log, Translate: chainjson.Translate},
		jsonrpc.Adapt(Methods(), func(c *jsonrpc.Call) *chainjson.Call { return &chainjson.Call{Call: c, State: s.state.Load()} }))
	if cfg.REST {
		s.rest = rest.New(rest.Config{Result: s.calls.Result, Observe: cfg.Observe, Log: cfg.Log})
	}
	return s
}

// Warmup says what the node is busy with until it is ready: the message of code −28.
func (s *Server) Warmup(stage string) { s.calls.Warmup(stage) }

// Ready lets the methods work on b.
func (s *Server) Ready(b *backend.Parts) {
	s.state.Store(chainjson.NewState(b))
	s.calls.Ready()
}

// Events is where the node tells what happens.
func (s *Server) Events() *events.Log { return s.events }

// Call runs one method for the program's own pages: no credentials are asked for, so the caller decides which methods
// strangers may reach. It returns the result's JSON, or an *Error.
func (s *Server) Call(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	return s.calls.Call(ctx, method, params...)
}

// Serve answers on ln until ctx ends, then lets replies under way finish for a moment. It closes ln.
// Calls that wait for something see the end of ctx as theirs.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	return jsonrpc.Serve(ctx, ln, s, s.cfg.Log)
}

// ServeHTTP answers one HTTP request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return // the connection is gone
	}
	switch {
	case s.rest != nil && strings.HasPrefix(r.URL.Path, "/rest/"):
		if s.calls.Admit(w, r) {
			s.serveREST(w, r)
		}
	case r.URL.Path == events.Path:
		if s.calls.Admit(w, r) && s.calls.Authorize(w, r) {
			s.serveEvents(w, r)
		}
	default:
		s.calls.ServeHTTP(w, r)
	}
}

// serveREST answers what asks for a thing by its path.
func (s *Server) serveREST(w http.ResponseWriter, r *http.Request) {
	stage, _ := s.calls.Stage()
	s.rest.Serve(w, r, s.state.Load(), stage)
}

// serveEvents tells a listener what happens.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		http.Error(w, "Events are had by GET", http.StatusMethodNotAllowed)
		return
	}
	state := s.state.Load()
	if state == nil {
		stage, _ := s.calls.Stage()
		http.Error(w, stage, http.StatusServiceUnavailable)
		return
	}
	s.events.Serve(w, r, func() (types.Hash, int32) {
		tip := state.Chain.Tip()
		return tip.Hash(), tip.Height()
	})
}
