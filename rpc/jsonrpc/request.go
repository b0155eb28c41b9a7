package jsonrpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// request is one call as it came in.
type request struct {
	v2     bool            // JSON-RPC 2.0
	silent bool            // a notification: nothing is answered
	id     json.RawMessage // null if there is none
	method string
	params any
}

// parseRequest reads one call. The request is usable for a reply even if err is not nil.
func parseRequest(raw []byte) (req request, err error) {
	req.id = rawNull
	v, err := parseValue(raw)
	if err != nil {
		return req, Fail(CodeParse, "Parse error")
	}
	o, ok := v.(*Object)
	if !ok {
		return req, Fail(CodeInvalidRequest, "Invalid Request object")
	}
	if err := req.readID(o); err != nil {
		return req, err
	}
	if err := req.readVersion(o); err != nil {
		return req, err
	}
	if _, hasID := o.Values["id"]; req.v2 && !hasID {
		req.silent = true
	}
	switch m := o.Get("method").(type) {
	case nil:
		return req, Fail(CodeInvalidRequest, "Missing method")
	case string:
		req.method = m
	default:
		return req, Fail(CodeInvalidRequest, "Method must be a string")
	}
	switch p := o.Get("params").(type) {
	case nil, []any, *Object:
		req.params = p
	default:
		return req, Fail(CodeInvalidRequest, "Params must be an array or object")
	}
	return req, nil
}

// readID keeps the id to be sent back. Core echoes any JSON value; here it is at most 1,000 bytes.
func (r *request) readID(o *Object) error {
	id, err := Append(nil, o.Get("id"))
	if err != nil || len(id) > 1000 {
		return Fail(CodeInvalidRequest, "The id is too long")
	}
	r.id = id
	return nil
}

func (r *request) readVersion(o *Object) error {
	switch v := o.Get("jsonrpc").(type) {
	case nil:
	case string:
		if v != "2.0" && v != "1.0" && v != "1.1" {
			return Fail(CodeInvalidRequest, "JSON-RPC version not supported")
		}
		r.v2 = v == "2.0"
	default:
		return Fail(CodeInvalidRequest, "jsonrpc field must be a string")
	}
	return nil
}

// reply appends the JSON of a reply, whose result do appends: in version 2 either a result or an error, before it both keys.
func (r *request) reply(b []byte, do func([]byte) ([]byte, error)) ([]byte, error) {
	b = append(b, '{')
	if r.v2 {
		b = append(b, `"jsonrpc":"2.0",`...)
	}
	head := len(b)
	full, err := do(append(b, `"result":`...))
	switch {
	case err == nil && r.v2:
		b = full
	case err == nil:
		b = append(full, `,"error":null`...)
	case r.v2:
		b = append(append(b[:head], `"error":`...), errorJSON(asError(err))...)
	default:
		b = append(append(b[:head], `"result":null,"error":`...), errorJSON(asError(err))...)
	}
	b = append(append(b, `,"id":`...), r.id...)
	return append(b, '}'), err
}

func errorJSON(e *Error) []byte {
	b, err := appendFields(nil, Obj("code", e.Code, "message", e.Message))
	if err != nil { // numbers and strings always encode
		return []byte(`{"code":-32603,"message":"Internal error"}`)
	}
	return b
}

// status is the HTTP status of a single reply.
func (r *request) status(err error) int {
	if err == nil || r.v2 {
		return http.StatusOK
	}
	switch asError(err).Code {
	case CodeInvalidRequest:
		return http.StatusBadRequest
	case CodeMethodNotFound:
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

// answer does what a body asks for.
func (s *Server) answer(ctx context.Context, rep *replier, body []byte) {
	parts, batch, err := splitBody(body)
	switch {
	case errors.Is(err, errParse):
		rep.failure(Fail(CodeParse, "Parse error"))
	case err != nil:
		rep.failureAs(http.StatusBadRequest, Fail(CodeInvalidRequest, "%s", err))
	case batch:
		s.answerBatch(ctx, rep, parts)
	case parts[0][0] != '{':
		rep.failure(Fail(CodeParse, "Top-level object parse error"))
	default:
		s.answerOne(ctx, rep, parts[0])
	}
}

func (s *Server) answerOne(ctx context.Context, rep *replier, raw []byte) {
	buf := replyBuffers.take()
	defer func() { replyBuffers.give(buf) }()
	req, reply, err := s.run(ctx, raw, buf)
	buf = reply
	if req.silent {
		rep.w.WriteHeader(http.StatusNoContent)
		return
	}
	reply = append(reply, '\n')
	rep.w.Header().Set("Content-Length", strconv.Itoa(len(reply)))
	rep.start(req.status(err))
	rep.write(reply)
}

// buffers are those that replies are made in, kept for the next ones.
type buffers struct{ pool sync.Pool }

// maxKeptBuffer bounds, in bytes, the buffers that are kept.
const maxKeptBuffer = 1 << 20

var replyBuffers buffers

func (p *buffers) take() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, 1024)
}

// give takes back a buffer that nobody uses any more.
func (p *buffers) give(b []byte) {
	if cap(b) <= maxKeptBuffer {
		p.pool.Put(&b)
	}
}

// answerBatch answers call after call, each as soon as it is done, so that the replies are never all
// in memory. Once the caller is gone the rest is not begun.
func (s *Server) answerBatch(ctx context.Context, rep *replier, parts []json.RawMessage) {
	open := false
	buf := replyBuffers.take()
	defer func() { replyBuffers.give(buf) }()
	for _, raw := range parts {
		req, reply, _ := s.run(ctx, raw, buf[:0])
		buf = reply
		if rep.err != nil {
			return
		}
		if req.silent {
			continue
		}
		sep := []byte(",")
		if !open {
			rep.start(http.StatusOK)
			sep, open = []byte("["), true
		}
		rep.write(sep, reply)
	}
	switch {
	case open:
		rep.write([]byte("]\n"))
	case len(parts) == 0:
		rep.start(http.StatusOK)
		rep.write([]byte("[]\n"))
	default:
		rep.w.WriteHeader(http.StatusNoContent)
	}
}

// run does what one request asks for and appends the reply to b; err is what the reply says, too.
func (s *Server) run(ctx context.Context, raw, b []byte) (request, []byte, error) {
	req, err := parseRequest(raw)
	b, err = req.reply(b, func(b []byte) ([]byte, error) {
		if err != nil {
			return b, err
		}
		return s.execute(ctx, &req, b)
	})
	return req, b, err
}

// readBody reads the whole body, within its time and size. A status other than 0 says why not.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (body []byte, status int) {
	if r.ContentLength < 0 || r.ContentLength > largeBody {
		select {
		case s.large <- struct{}{}:
			defer func() { <-s.large }()
		case <-r.Context().Done():
			return nil, http.StatusServiceUnavailable
		}
	}
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, http.StatusInternalServerError
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge
	case err != nil:
		return nil, http.StatusBadRequest
	}
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, http.StatusInternalServerError
	}
	return body, 0
}

// replier writes a reply piece by piece; each piece must be taken within writeTimeout. Its error
// sticks: the caller is gone.
type replier struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func newReplier(w http.ResponseWriter) *replier {
	return &replier{w: w, control: http.NewResponseController(w)}
}

func (r *replier) start(status int) {
	r.w.Header().Set("Content-Type", "application/json")
	r.w.WriteHeader(status)
}

func (r *replier) write(pieces ...[]byte) {
	for _, p := range pieces {
		if r.err != nil {
			return
		}
		if err := r.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			r.err = err
			return
		}
		_, r.err = r.w.Write(p)
	}
}

// failure answers a request that could not be read, in the old shape, as Core does.
func (r *replier) failure(e *Error) {
	req := request{id: rawNull}
	r.failureAs(req.status(e), e)
}

func (r *replier) failureAs(status int, e *Error) {
	req := request{id: rawNull}
	raw, _ := req.reply(nil, func(b []byte) ([]byte, error) { return b, e })
	r.start(status)
	r.write(raw, []byte("\n"))
}
