package rest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// Limits of REST. The first two are Core's.
const (
	maxHeaders   = 2000             // headers or filter headers in an answer
	maxOutPoints = 15               // of one getutxos
	maxBody      = 64 << 10         // bytes that come in
	maxRequests  = 16               // requests at work
	piece        = 64 << 10         // bytes of a long answer that are written at once
	patience     = 60 * time.Second // for a body to arrive, and for a piece of an answer to be taken
)

// The forms of an answer: the suffix of the path.
const (
	formBin  = "bin"
	formHex  = "hex"
	formJSON = "json"
	formNone = ""
)

// failure is an answer that is no success; its text is Core's.
type failure struct {
	status int
	text   string
}

func (e *failure) Error() string { return e.text }

func fail(status int, format string, args ...any) error {
	return &failure{status, fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return fail(http.StatusNotFound, format, args...)
}

func badRequest(format string, args ...any) error {
	return fail(http.StatusBadRequest, format, args...)
}

// Config is what a Server needs.
type Config struct {
	// Result is what a method returns for positional parameters.
	Result func(ctx context.Context, method string, args ...any) (any, error)
	// Observe, if set, is told of every request's path, its duration, and 0 if it succeeded.
	Observe func(path string, d time.Duration, code int)
	// Log is told of what went wrong on our side.
	Log *slog.Logger
}

// Server answers requests, maxRequests at a time.
type Server struct {
	cfg   Config
	slots chan struct{}
}

// New makes a Server.
func New(cfg Config) *Server {
	return &Server{cfg: cfg, slots: make(chan struct{}, maxRequests)}
}

// request is one request.
type request struct {
	*chainjson.Call
	result func(ctx context.Context, method string, args ...any) (any, error)
	param  string // what is behind the prefix of the path, without the suffix
	form   string
	query  url.Values
	bad    error  // why query could not be read
	body   []byte // of getutxos
}

// answer is a thing in the forms that it has; a form that is nil does not exist for it. Only the form that is wanted is made.
type answer struct {
	bin  func() ([]byte, error)
	text func() (string, error) // hexadecimal, if that is not bin's
	json func() (any, error)
}

// path is an entry of the table of paths.
type path struct {
	prefix string
	run    func(ctx context.Context, c *request) (answer, error)
}

// paths are looked at in order; the first prefix that fits is taken.
var paths = []path{
	{"/rest/tx/", restTx},
	{"/rest/block/notxdetails/", restBlock(1)},
	{"/rest/block/", restBlock(3)},
	{"/rest/blockfilter/", restFilter},
	{"/rest/blockfilterheaders/", restFilterHeaders},
	{"/rest/chaininfo", restMethod("getblockchaininfo")},
	{"/rest/mempool/", restMempool},
	{"/rest/headers/", restHeaders},
	{"/rest/getutxos", restCoins},
	{"/rest/deploymentinfo/", restDeployments},
	{"/rest/deploymentinfo", restDeployments},
	{"/rest/blockhashbyheight/", restBlockHash},
	{"/rest/spenttxouts/", restSpent},
}

// Serve answers a request whose host and origin were looked at. state is nil while the node is busy with stage.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, state *chainjson.State, stage string) {
	rep := &reply{w: w, control: http.NewResponseController(w)}
	path := find(r.URL.Path)
	switch {
	case path == nil:
		rep.failure(&failure{http.StatusNotFound, "Not found"})
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		rep.failure(&failure{http.StatusMethodNotAllowed, "REST answers GET and POST"})
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		rep.failure(&failure{http.StatusServiceUnavailable, "Work queue depth exceeded"})
		return
	}
	start, code := time.Now(), 0
	if err := s.answer(w, r, path, state, stage, rep); err != nil {
		code = jsonrpc.CodeMisc
		rep.failure(s.failureOf(r, err))
	}
	if s.cfg.Observe != nil {
		s.cfg.Observe(strings.Trim(path.prefix, "/"), time.Since(start), code)
	}
}

func find(path string) *path {
	for i := range paths {
		if strings.HasPrefix(path, paths[i].prefix) {
			return &paths[i]
		}
	}
	return nil
}

// failureOf gives an error its status. What is our own fault is told to the log only.
func (s *Server) failureOf(r *http.Request, err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	s.cfg.Log.Error("rpc: a REST request failed", "path", jsonrpc.Clip(r.URL.Path), "err", err)
	return &failure{http.StatusInternalServerError, "Internal error; see the node's log"}
}

// answer does what a request asks for; nothing is written if it returns an error.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, path *path, state *chainjson.State, stage string, rep *reply) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if state == nil {
		return fail(http.StatusServiceUnavailable, "Service temporarily unavailable: %s", stage)
	}
	c := &request{Call: &chainjson.Call{State: state}, result: s.cfg.Result}
	c.param, c.form = cutForm(strings.TrimPrefix(r.URL.Path, path.prefix))
	c.query, c.bad = url.ParseQuery(r.URL.RawQuery)
	if c.body, err = restBody(w, r, rep); err != nil {
		return err
	}
	a, err := path.run(r.Context(), c)
	if err != nil {
		return err
	}
	return a.write(c.form, rep)
}

// restBody reads what a request brings along, which only getutxos looks at.
func restBody(w http.ResponseWriter, r *http.Request, rep *reply) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	if err := rep.control.SetReadDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, fail(http.StatusRequestEntityTooLarge, "The request's body is over %d bytes", maxBody)
	case err != nil:
		return nil, badRequest("The request's body could not be read")
	}
	if err := rep.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	return body, nil
}

// cutForm takes the suffix off a path. One that names no form stays.
func cutForm(s string) (param, form string) {
	if i := strings.LastIndexByte(s, '.'); i >= 0 {
		switch suffix := s[i+1:]; suffix {
		case formBin, formHex, formJSON, formNone:
			return s[:i], suffix
		}
	}
	return s, formNone
}

// write sends the answer in a form.
func (a answer) write(form string, rep *reply) error {
	switch {
	case form == formBin && a.bin != nil:
		raw, err := a.bin()
		if err == nil {
			rep.send("application/octet-stream", raw)
		}
		return err
	case form == formHex && a.text != nil:
		text, err := a.text()
		if err == nil {
			rep.send("text/plain", []byte(text+"\n"))
		}
		return err
	case form == formHex && a.bin != nil:
		raw, err := a.bin()
		if err == nil {
			rep.send("text/plain", append(hex.AppendEncode(make([]byte, 0, 2*len(raw)+1), raw), '\n'))
		}
		return err
	case form == formJSON:
		v, err := a.json()
		if err != nil {
			return err
		}
		return rep.sendJSON(v)
	case a.bin == nil:
		return notFound("output format not found (available: json)")
	}
	return notFound("output format not found (available: .bin, .hex, .json)")
}

// reply writes an answer piece by piece; each piece must be taken in time. Its error sticks: whoever asked is gone.
type reply struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (r *reply) write(raw []byte) {
	if r.err != nil {
		return
	}
	if err := r.control.SetWriteDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		r.err = err
		return
	}
	_, r.err = r.w.Write(raw)
}

// send writes a whole answer.
func (r *reply) send(kind string, raw []byte) {
	r.w.Header().Set("Content-Type", kind)
	r.w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	r.w.WriteHeader(http.StatusOK)
	r.write(raw)
}

// pieces is a JSON value that is made piece by piece, since the whole could be large: it hands each piece to emit, which returns an error when
// nobody reads any more.
type pieces func(emit func([]byte) error) error

func (r *reply) sendJSON(v any) error {
	if p, ok := v.(pieces); ok {
		r.w.Header().Set("Content-Type", "application/json")
		r.w.WriteHeader(http.StatusOK)
		err := p(func(raw []byte) error { r.write(raw); return r.err })
		if err == nil {
			r.write([]byte("\n"))
		}
		return nil // the reader is gone
	}
	raw, err := jsonrpc.Append(nil, v)
	if err != nil {
		return err
	}
	r.send("application/json", append(raw, '\n'))
	return nil
}

func (r *reply) failure(e *failure) {
	r.w.Header().Set("Content-Type", "text/plain")
	r.w.Header().Set("X-Content-Type-Options", "nosniff")
	r.w.WriteHeader(e.status)
	r.write([]byte(e.text + "\r\n"))
}

// parameter returns a value of the query, def if it is not there.
func (c *request) parameter(name, def string) (string, error) {
	if c.bad != nil {
		return "", badRequest("URI parsing failed, it likely contained RFC 3986 invalid characters")
	}
	if v, ok := c.query[name]; ok {
		return v[0], nil
	}
	return def, nil
}

func restHash(s string) (types.Hash, error) {
	h, err := types.ParseHash(s)
	if err != nil {
		return h, badRequest("Invalid hash: %s", s)
	}
	return h, nil
}

// found is the block of a hash.
func (c *request) found(hash string) (backend.Entry, error) {
	h, err := restHash(hash)
	if err != nil {
		return backend.Entry{}, err
	}
	e, ok := c.Chain.Lookup(h)
	if !ok {
		return backend.Entry{}, notFound("%s not found", hash)
	}
	return e, nil
}

// restMethod shows the result of a method without its parameters.
func restMethod(name string) func(context.Context, *request) (answer, error) {
	return func(ctx context.Context, c *request) (answer, error) { return c.method(ctx, name, nil) }
}

// method answers with the result of a method; first is its first parameter, nil for none.
func (c *request) method(ctx context.Context, name string, first any) (answer, error) {
	return answer{json: func() (any, error) { return c.result(ctx, name, first) }}, nil
}

func restMempool(ctx context.Context, c *request) (answer, error) {
	switch c.param {
	case "info":
		return c.method(ctx, "getmempoolinfo", nil)
	case "contents":
		if c.form == formJSON {
			return restMempoolContents(c)
		}
		return answer{}, nil
	}
	return answer{}, badRequest("Invalid URI format. Expected /rest/mempool/<info|contents>.json")
}

// flag reads a parameter that is "true" or "false".
func (c *request) flag(name, def string) (bool, error) {
	v, err := c.parameter(name, def)
	if err == nil && v != "true" && v != "false" {
		err = badRequest("The \"%s\" query parameter must be either \"true\" or \"false\".", name)
	}
	return v == "true", err
}

func restMempoolContents(c *request) (answer, error) {
	verbose, err := c.flag("verbose", "true")
	if err != nil {
		return answer{}, err
	}
	sequence, err := c.flag("mempool_sequence", "false")
	if err != nil {
		return answer{}, err
	}
	if verbose && sequence {
		return answer{}, badRequest(`Verbose results cannot contain mempool sequence values. (hint: set "verbose=false")`)
	}
	return answer{json: func() (any, error) {
		if verbose {
			return poolPieces(c.Call, c.Mempool.IDs()), nil
		}
		number := c.Mempool.Sequence()
		if ids := c.Mempool.IDs(); !sequence {
			return chainjson.Hashes(ids), nil
		} else {
			return jsonrpc.Obj("txids", chainjson.Hashes(ids), "mempool_sequence", number), nil
		}
	}}, nil
}

// poolPieces is what getrawmempool says with verbose, piece by piece.
func poolPieces(c *chainjson.Call, ids []types.Hash) pieces {
	return func(emit func([]byte) error) error {
		buf := bytes.NewBuffer(nil)
		sep := "{"
		for _, id := range ids {
			e, ok := c.Mempool.Entry(id)
			if !ok {
				continue
			}
			raw, err := jsonrpc.Append(nil, chainjson.PoolEntry(e))
			if err != nil {
				return err
			}
			fmt.Fprintf(buf, `%s"%s":`, sep, id)
			buf.Write(raw)
			sep = ","
			if buf.Len() < piece {
				continue
			}
			if err := emit(buf.Bytes()); err != nil {
				return err
			}
			buf.Reset()
		}
		if sep == "{" {
			buf.WriteByte('{')
		}
		buf.WriteByte('}')
		return emit(buf.Bytes())
	}
}
