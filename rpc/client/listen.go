package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/cairn-chain/cairn/rpc/events"
)

// maxEvent bounds, in bytes, what a Client reads as one line of an event.
const maxEvent = 1 << 20

// An Event is something that a node told. Data is its JSON; docs/rest.md has the fields of each topic.
type Event struct {
	ID    string
	Topic events.Topic
	Data  json.RawMessage
}

// Listen calls f for every event of some topics (none: of all) until ctx ends, f returns an error, or the node ends the stream. The first
// is TopicReady, with the tip as it is. seen is the ID of the last event that was heard before, "" for none: what came since is told first, or
// TopicMissed if that is no longer known. Errors: ctx's, f's, io.ErrUnexpectedEOF if the node ended the stream, else that the node could
// not be reached.
func (c *Client) Listen(ctx context.Context, topics []events.Topic, seen string, f func(Event) error) (err error) {
	user, pass, err := c.credentials(true)
	if err != nil {
		return err
	}
	resp, err := c.openEvents(ctx, topics, seen, user, pass)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return errUnauthorized
	case resp.StatusCode != http.StatusOK:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return fmt.Errorf("the node answered %s: %s", resp.Status, bytes.TrimSpace(text))
	}
	err = readEvents(resp.Body, f)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (c *Client) openEvents(ctx context.Context, topics []events.Topic, seen, user, pass string) (*http.Response, error) {
	u, err := url.Parse(c.endpoint)
	if err != nil {
		return nil, err
	}
	u.Path = events.Path
	if len(topics) > 0 {
		names := make([]string, len(topics))
		for i, t := range topics {
			names[i] = string(t)
		}
		u.RawQuery = "topics=" + strings.Join(names, ",")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(user, pass)
	if seen != "" {
		req.Header.Set("Last-Event-ID", seen)
	}
	return c.do(req)
}

// readEvents takes a stream apart: lines of a name, a colon and a value, and an empty line at the end of each event.
func readEvents(r io.Reader, f func(Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	var e Event
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "" && e.Data != nil:
			if err := f(e); err != nil {
				return err
			}
			e = Event{}
		case name == "event":
			e.Topic = events.Topic(value)
		case name == "id":
			e.ID = value
		case name == "data":
			e.Data = json.RawMessage(value)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}
