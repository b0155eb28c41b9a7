package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// maxReply bounds, in bytes, what a Client reads as one reply.
const maxReply = 512 << 20

// Client calls a node's methods. It may be used from several goroutines and keeps its connections
// open between calls. It speaks JSON-RPC 2.0.
type Client struct {
	endpoint   string
	cookieFile string
	http       *http.Client

	mu         sync.Mutex
	user, pass string // from the URL, or last read from the cookie file
}

// BatchCall is one call of a Batch. Result is a pointer that the result is decoded into, nil to drop
// it. Err is set if this call failed.
type BatchCall struct {
	Method string
	Params []any
	Result any
	Err    error
}

// Named as the only parameter of a Call passes parameters by name.
type Named map[string]any

// Dial makes a Client for a node at rawURL, "http://host:port" or "host:port", with an optional
// user:password@ in front of the host. Otherwise the credentials are in cookieFile, which is read at
// the first call and again whenever the node refuses what it said before (it was restarted). No
// connection is made yet.
func Dial(rawURL, cookieFile string) (*Client, error) {
	if !strings.Contains(rawURL, "://") {
		rawURL = "http://" + rawURL
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("the node's URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the node's URL %q is not of the form http://host:port", u.Redacted())
	}
	c := &Client{cookieFile: cookieFile, http: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}}
	if u.User != nil {
		c.user = u.User.Username()
		c.pass, _ = u.User.Password()
		c.cookieFile, u.User = "", nil
	}
	if u.Path == "" {
		u.Path = "/"
	}
	c.endpoint = u.String()
	return c, nil
}

// Close closes idle connections. The Client may be used again.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Call calls one method and decodes its result into result, a pointer, or drops it if result is nil.
// Errors: *Error if the node answered with one, ctx's error, else that the node could not be reached.
func (c *Client) Call(ctx context.Context, method string, result any, params ...any) error {
	body, err := json.Marshal(newCall(0, method, params))
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	raw, err := c.post(ctx, body)
	if err != nil {
		return err
	}
	var r clientReply
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("%s: the node's reply: %w", method, err)
	}
	return r.into(method, result)
}

// Batch calls many methods in one request. Its error says that the request as a whole failed; each
// call has its own Err, which is set in that case too.
func (c *Client) Batch(ctx context.Context, calls []*BatchCall) error {
	if len(calls) == 0 {
		return nil
	}
	err := c.batch(ctx, calls)
	if err != nil {
		for _, call := range calls {
			call.Err = err
		}
	}
	return err
}

func (c *Client) batch(ctx context.Context, calls []*BatchCall) error {
	requests := make([]clientCall, len(calls))
	for i, call := range calls {
		requests[i] = newCall(i, call.Method, call.Params)
	}
	body, err := json.Marshal(requests)
	if err != nil {
		return err
	}
	raw, err := c.post(ctx, body)
	if err != nil {
		return err
	}
	replies, err := decodeReplies(raw, len(calls))
	if err != nil {
		return err
	}
	for i, call := range calls {
		call.Err = replies[i].into(call.Method, call.Result)
	}
	return nil
}

// decodeReplies returns the replies to a batch of n calls by their ids.
func decodeReplies(raw []byte, n int) ([]clientReply, error) {
	var list []clientReply
	if err := json.Unmarshal(raw, &list); err != nil {
		var one clientReply
		if json.Unmarshal(raw, &one) == nil && one.Error != nil {
			return nil, one.Error
		}
		return nil, fmt.Errorf("the node's reply to a batch: %w", err)
	}
	byID, seen := make([]clientReply, n), make([]bool, n)
	for _, r := range list {
		if r.ID < 0 || r.ID >= n || seen[r.ID] {
			return nil, fmt.Errorf("the node's reply to a batch has the id %d twice or out of range", r.ID)
		}
		byID[r.ID], seen[r.ID] = r, true
	}
	if len(list) != n {
		return nil, fmt.Errorf("the node answered %d of a batch's %d calls", len(list), n)
	}
	return byID, nil
}

type clientCall struct {
	Version string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
	ID      int    `json:"id"`
}

func newCall(id int, method string, params []any) clientCall {
	call := clientCall{Version: "2.0", Method: method, Params: params, ID: id}
	if params == nil {
		call.Params = []any{}
	}
	if len(params) == 1 {
		if named, ok := params[0].(Named); ok {
			call.Params = named
		}
	}
	return call
}

type clientReply struct {
	Result json.RawMessage `json:"result"`
	Error  *jsonrpc.Error  `json:"error"`
	ID     int             `json:"id"`
}

func (r clientReply) into(method string, result any) error {
	if r.Error != nil {
		return r.Error
	}
	if result == nil {
		return nil
	}
	if r.Result == nil {
		return fmt.Errorf("%s: the node's reply has neither result nor error", method)
	}
	if err := json.Unmarshal(r.Result, result); err != nil {
		return fmt.Errorf("%s: the node's result: %w", method, err)
	}
	return nil
}

// errUnauthorized says that the node refused our credentials.
var errUnauthorized = errors.New("the node refused the user name and password; check the cookie file or the credentials in the URL")

// post sends one body and returns the reply's body. A refused cookie is read anew once.
func (c *Client) post(ctx context.Context, body []byte) ([]byte, error) {
	user, pass, err := c.credentials(false)
	if err != nil {
		return nil, err
	}
	raw, err := c.postAs(ctx, body, user, pass)
	if !errors.Is(err, errUnauthorized) || c.cookieFile == "" {
		return raw, err
	}
	newUser, newPass, err := c.credentials(true)
	if err != nil {
		return nil, err
	}
	if newUser == user && newPass == pass {
		return nil, errUnauthorized
	}
	return c.postAs(ctx, body, newUser, newPass)
}

func (c *Client) credentials(again bool) (user, pass string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cookieFile == "" || c.user != "" && !again {
		return c.user, c.pass, nil
	}
	raw, err := os.ReadFile(c.cookieFile)
	if err != nil {
		return "", "", fmt.Errorf("the node's cookie file: %w; is the node running?", err)
	}
	user, pass, ok := strings.Cut(strings.TrimSpace(string(raw)), ":")
	if !ok {
		return "", "", fmt.Errorf("the node's cookie file %s is not of the form user:password", c.cookieFile)
	}
	c.user, c.pass = user, pass
	return user, pass, nil
}

func (c *Client) postAs(ctx context.Context, body []byte, user, pass string) (raw []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(user, pass)
	resp, err := c.do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	raw, err = io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the node's reply: %w", err)
	case len(raw) > maxReply:
		return nil, fmt.Errorf("the node's reply is over %d bytes", maxReply)
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, errUnauthorized
	case resp.Header.Get("Content-Type") == "application/json":
		return raw, nil
	}
	return nil, fmt.Errorf("the node answered %s: %.200s", resp.Status, bytes.TrimSpace(raw))
}

func (c *Client) do(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	switch {
	case err == nil:
		return resp, nil
	case req.Context().Err() != nil:
		return nil, req.Context().Err()
	}
	return nil, fmt.Errorf("no answer from the node: %w", err)
}
