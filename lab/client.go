package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxAnswer bounds what a client reads of an answer.
const maxAnswer = 64 << 20

// Client gives orders to a network that runs in another process.
type Client struct {
	url, token string
	http       http.Client
}

// ErrNotRunning says that no network runs where one was looked for.
var ErrNotRunning = errors.New("no test network runs here: start one with `cairn testnet up`, or name its directory with --data")

// Find returns a client for the network that runs in a data directory. With a control URL the token is still read from the
// directory's sheet, unless the URL carries one as its user (http://TOKEN@host:port).
func Find(dataDir, control string) (*Client, error) {
	if u, err := url.Parse(control); control != "" && err == nil && u.User != nil {
		token := u.User.Username()
		u.User = nil
		return &Client{url: u.String(), token: token}, nil
	}
	sheet, err := ReadSheet(dataDir)
	if control != "" && errors.Is(err, ErrNotRunning) {
		return nil, errors.New("the token of the network is needed: name its directory with --data, or put the token of its testnet.json into the URL, http://TOKEN@host:port")
	}
	if err != nil {
		return nil, err
	}
	if control == "" {
		control = sheet.Control
	}
	return &Client{url: strings.TrimSuffix(control, "/"), token: sheet.Token}, nil
}

// ReadSheet reads the sheet of the network that runs in a data directory. ErrNotRunning if there is none.
func ReadSheet(dataDir string) (Sheet, error) {
	var s Sheet
	b, err := os.ReadFile(filepath.Join(dataDir, SheetFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, ErrNotRunning
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

// Do gives an order and waits for what comes of it.
func (c *Client) Do(ctx context.Context, o Order) (Answer, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return Answer{}, err
	}
	var a Answer
	return a, c.call(ctx, http.MethodPost, "/", bytes.NewReader(body), &a)
}

// Status asks for the network at a glance.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.call(ctx, http.MethodGet, "/status", nil, &s)
}

// Logs copies a node's log to w, with follow until ctx ends.
func (c *Client) Logs(ctx context.Context, i int, follow bool, w io.Writer) error {
	path := "/logs?node=" + strconv.Itoa(i)
	if follow {
		path += "&follow=1"
	}
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	_, err = io.Copy(w, resp.Body)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *Client) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("the network at %s does not answer (was it killed? start it again with `cairn testnet up`): %w", c.url, err)
	}
	return resp, err
}

func (c *Client) call(ctx context.Context, method, path string, body io.Reader, into any) error {
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into)
}

func refusal(resp *http.Response) error {
	var a Answer
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxOrder)).Decode(&a); err != nil || a.Error == "" {
		return fmt.Errorf("the network answered %s", resp.Status)
	}
	return errors.New(a.Error)
}
