package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/events"
)

func watchCommand() *cli.Command {
	flags := append(clientFlags(),
		&cli.StringFlag{Name: "topics", Usage: "what to print: any of tip, reorg, transaction, with commas between (default: all)"},
		&cli.IntFlag{Name: "count", Usage: "end after so many `EVENTS` (default: go on until Ctrl-C)"},
		&cli.StringFlag{Name: "after", Usage: "`ID` of the last event that was seen: begin with what came since"},
		&cli.BoolFlag{Name: "json", Usage: "print JSON, a line an event"})
	return &cli.Command{
		Name: "watch", Usage: "print what happens, as it happens: new tips, reorganizations, the mempool's comings and goings", Flags: flags,
		Action: chainWatch, Before: noArguments, OnUsageError: wrongUsage,
		Description: "Example:\n\n    cairn chain watch --topics tip,reorg",
	}
}

// errEnough ends a watch that has seen as many events as it was to.
var errEnough = errors.New("enough")

func chainWatch(c *cli.Context) error {
	node, err := dialNode(c)
	if err != nil {
		return err
	}
	var topics []events.Topic
	for _, t := range strings.FieldsFunc(c.String("topics"), func(r rune) bool { return r == ',' }) {
		topics = append(topics, events.Topic(t))
	}
	left := c.Int("count")
	err = node.Listen(c.Context, topics, c.String("after"), func(e client.Event) error {
		if err := printEvent(c.App.Writer, e, c.Bool("json")); err != nil {
			return err
		}
		if e.Topic == events.TopicReady {
			return nil
		}
		if left--; left == 0 {
			return errEnough
		}
		return nil
	})
	switch {
	case errors.Is(err, errEnough), errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the node has ended the stream: it stopped, or events came faster than they were read")
	}
	return err
}

// happened are the fields of all topics together.
type happened struct {
	Hash         string `json:"hash"`
	Height       int    `json:"height"`
	Disconnected int    `json:"disconnected"`
	Connected    int    `json:"connected"`
	Returned     int    `json:"returned"`
	ID           string `json:"txid"`
	Added        bool   `json:"added"`
	Reason       string `json:"reason"`
}

func printEvent(w io.Writer, e client.Event, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(w, "{\"id\":%q,\"topic\":%q,\"data\":%s}\n", e.ID, e.Topic, e.Data)
		return err
	}
	var h happened
	if err := json.Unmarshal(e.Data, &h); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s  %s\n", time.Now().Format(time.TimeOnly), h.sentence(e.Topic))
	return err
}

func (h *happened) sentence(topic events.Topic) string {
	switch topic {
	case events.TopicReady:
		return fmt.Sprintf("ready   height %d, tip %s", h.Height, h.Hash)
	case events.TopicTip:
		return fmt.Sprintf("tip     height %d, %s", h.Height, h.Hash)
	case events.TopicReorg:
		return fmt.Sprintf("reorg   %d off, %d on, %d transactions back; height %d, tip %s", h.Disconnected, h.Connected, h.Returned, h.Height, h.Hash)
	case events.TopicMissed:
		return "missed  " + h.Reason
	case events.TopicTransaction:
		if h.Added {
			return "tx in   " + h.ID
		}
		return fmt.Sprintf("tx out  %s (%s)", h.ID, h.Reason)
	}
	return string(topic)
}
