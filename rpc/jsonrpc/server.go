package jsonrpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of the server. All of them answer with an error of their own.
const (
	MaxBody       = 32 << 20 // bytes of one request's body
	maxBatch      = 10_000   // requests in a batch
	maxConcurrent = 128      // HTTP requests at work or waiting
	maxLarge      = 4        // of these, with a body over largeBody
	largeBody     = 1 << 20

	bodyTimeout  = 60 * time.Second // for a body to arrive
	writeTimeout = 60 * time.Second // for a piece of a reply to be taken
	authDelay    = 250 * time.Millisecond
	stopTimeout  = 5 * time.Second // for replies under way when the server stops
)

// Config is what a Server needs.
type Config struct {
	// Credentials are who may call. With none, nobody may.
	Credentials []Credential
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
	// Translate gives a handler's error that is no *Error its code and sentence; nil, or if it returns nil: CodeMisc and the error's text.
	Translate func(error) *Error
}

// Server answers calls of methods over HTTP. Until Ready is called it answers each with code −28 (warming up).
type Server struct {
	cfg     Config
	methods []Method[*Call]
	byName  map[string]*Method[*Call]
	large   chan struct{}
	slots   chan struct{}

	ready  atomic.Bool
	warmup atomic.Pointer[string]

	mu      sync.Mutex
	nextJob uint64
	active  map[uint64]job
}

// job is a call under way.
type job struct {
	method string
	start  time.Time
}

// New makes a Server that is warming up.
func New(cfg Config, methods []Method[*Call]) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	s := &Server{cfg: cfg, methods: methods, byName: map[string]*Method[*Call]{}, active: map[uint64]job{},
		large: make(chan struct{}, maxLarge), slots: make(chan struct{}, maxConcurrent)}
	for i := range s.methods {
		s.byName[s.methods[i].Name] = &s.methods[i]
	}
	s.Warmup("RPC server started")
	return s
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Warmup says what the node is busy with until it is ready: the message of code −28.
func (s *Server) Warmup(stage string) { s.warmup.Store(&stage) }

// Ready lets the methods be called.
func (s *Server) Ready() { s.ready.Store(true) }

// Stage is what the program is busy with until Ready is called; false afterwards.
func (s *Server) Stage() (string, bool) { return *s.warmup.Load(), !s.ready.Load() }

// Serve answers on ln by h until ctx ends, then lets replies under way finish for a moment. It closes ln.
// Requests that wait for something see the end of ctx as theirs. log hears what net/http has to say of connections.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	done := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := srv.Shutdown(grace); err != nil {
			done <- srv.Close()
			return
		}
		done <- nil
	}()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("rpc: %w", err)
	}
	return <-done
}

// Admit looks at where a request comes from. If it says no it has answered: a browser was led here under another name (rebinding) or by
// another site.
func (s *Server) Admit(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case !HostAllowed(r.Host, s.cfg.AllowedHosts):
		http.Error(w, "The Host header names neither an IP address nor localhost nor an allowed host", http.StatusForbidden)
	case r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") == "cross-site":
		http.Error(w, "Requests from web pages are not answered", http.StatusForbidden)
	default:
		return true
	}
	return false
}

// ServeHTTP answers one HTTP request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Admit(w, r) {
		s.serveCalls(w, r)
	}
}

// serveCalls answers a request that was admitted.
func (s *Server) serveCalls(w http.ResponseWriter, r *http.Request) {
	if status, text := s.refuse(r); status != 0 {
		http.Error(w, text, status)
		return
	}
	if !s.Authorize(w, r) {
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		http.Error(w, "Work queue depth exceeded", http.StatusServiceUnavailable)
		return
	}
	rep := newReplier(w)
	if name, ok := strings.CutPrefix(r.URL.Path, "/wallet/"); ok {
		rep.failure(Fail(CodeWallet, "Requested wallet does not exist or is not loaded: %q; this node keeps no wallets", Clip(name)))
		return
	}
	body, status := s.readBody(w, r)
	if status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	s.answer(r.Context(), rep, body)
}

// refuse looks at all else that can be told from the headers, but for the credentials.
func (s *Server) refuse(r *http.Request) (status int, text string) {
	switch {
	case r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, "/wallet/"):
		return http.StatusNotFound, "Not found"
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, "JSONRPC server handles only POST requests"
	case !contentTypeAllowed(r.Header.Get("Content-Type")):
		return http.StatusUnsupportedMediaType, "Content-Type must be application/json"
	case r.ContentLength > MaxBody:
		return http.StatusRequestEntityTooLarge, "The request's body is too large"
	}
	return 0, ""
}

// contentTypeAllowed takes JSON, none, and the text/plain that Core's documentation used for long.
func contentTypeAllowed(v string) bool {
	if v == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(v)
	return err == nil && (kind == "application/json" || kind == "text/plain")
}

// Authorize checks the credentials, all of them so that the time tells nothing. A failure is
// delayed and answered.
func (s *Server) Authorize(w http.ResponseWriter, r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	accepted := false
	for i := range s.cfg.Credentials {
		accepted = s.cfg.Credentials[i].accepts(user, password) || accepted
	}
	if ok && accepted {
		return true
	}
	if ok {
		s.cfg.Log.Warn("rpc: wrong user name or password", "from", r.RemoteAddr)
		s.cfg.Sleep(r.Context(), authDelay)
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="jsonrpc"`)
	http.Error(w, "Unauthorized", http.StatusUnauthorized)
	return false
}

// execute runs one call and appends the JSON of its result to b. Its error is an *Error.
func (s *Server) execute(ctx context.Context, req *request, b []byte) (raw []byte, err error) {
	start := time.Now()
	name := "unknown"
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Log.Error("rpc: a handler panicked", "method", name, "panic", p, "stack", string(debug.Stack()))
			raw, err = nil, Fail(CodeInternal, "Internal error in %s; see the node's log", name)
		}
		err = s.coded(err)
		if s.cfg.Observe != nil {
			code := 0
			if err != nil {
				code = asError(err).Code
			}
			s.cfg.Observe(name, time.Since(start), code)
		}
	}()
	if stage, warming := s.Stage(); warming {
		return nil, Fail(CodeWarmUp, "%s", stage)
	}
	m := s.byName[req.method]
	if m == nil {
		return nil, Fail(CodeMethodNotFound, "Method not found")
	}
	name = m.Name
	args, err := bind(m, req.params)
	if err != nil {
		return nil, err
	}
	defer s.track(name, start)()
	result, err := m.Run(ctx, &Call{server: s, method: m, Args: args})
	if err != nil {
		return nil, err
	}
	return Append(b, result)
}

// coded gives an error of a handler its code.
func (s *Server) coded(err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if s.cfg.Translate != nil && !errors.As(err, &e) {
		if e = s.cfg.Translate(err); e != nil {
			return e
		}
	}
	return asError(err)
}

// Result is what a method returns for positional args, as it is before it becomes JSON: for other interfaces that show the same. Nobody's
// credentials are asked for, nothing is observed, and no code is given to errors. The method must be in the table, and the program ready.
func (s *Server) Result(ctx context.Context, method string, args ...any) (any, error) {
	m := s.byName[method]
	all := make([]any, len(m.Params))
	copy(all, args)
	return m.Run(ctx, &Call{server: s, method: m, Args: all})
}

// track notes a call as active until the returned function is called.
func (s *Server) track(method string, start time.Time) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextJob++
	id := s.nextJob
	s.active[id] = job{method, start}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.active, id)
	}
}

// activeJobs lists calls under way, oldest first.
func (s *Server) activeJobs() []Fields {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]uint64, 0, len(s.active))
	for id := range s.active {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	list := make([]Fields, len(ids))
	for i, id := range ids {
		list[i] = Obj("method", s.active[id].method, "duration", time.Since(s.active[id].start).Microseconds())
	}
	return list
}

// rawNull is JSON's null.
var rawNull = json.RawMessage("null")
