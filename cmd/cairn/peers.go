package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

func peersCommand() *cli.Command {
	return &cli.Command{
		Name: "peers", Usage: "list a node's peers", OnUsageError: wrongUsage, Before: noArguments, Action: runPeers,
		Flags: append(clientFlags(),
			&cli.BoolFlag{Name: "messages", Aliases: []string{"v"}, Usage: "also count each peer's messages and bytes by type"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON, as getpeerinfo has it"}),
		Description: "An arrow tells who dialled: `->` the node, `<-` the peer. Transport v2 is encrypted (BIP324), v1 is not. Services: n all blocks,\nl the last 288, w witnesses, f compact filters, b bloom filters, 2 encryption, ? others.\n" +
			"Examples:\n\n    cairn peers --node 1\n    cairn peers --messages\n",
	}
}

// peerLine is what is shown of getpeerinfo.
type peerLine struct {
	ID            int               `json:"id"`
	Addr          string            `json:"addr"`
	Inbound       bool              `json:"inbound"`
	Type          string            `json:"connection_type"`
	Version       int               `json:"version"`
	SubVer        string            `json:"subver"`
	Services      []string          `json:"servicesnames"`
	Ping          float64           `json:"pingtime"`
	MinPing       float64           `json:"minping"`
	Wait          float64           `json:"pingwait"`
	Sent          uint64            `json:"bytessent"`
	Received      uint64            `json:"bytesrecv"`
	SentBytes     map[string]uint64 `json:"bytessent_per_msg"`
	ReceivedBytes map[string]uint64 `json:"bytesrecv_per_msg"`
	SentCount     map[string]uint64 `json:"messagessent_per_msg"`
	ReceivedCount map[string]uint64 `json:"messagesrecv_per_msg"`
	Headers       int               `json:"synced_headers"`
	Blocks        int               `json:"synced_blocks"`
	Presynced     int               `json:"presynced_headers"`
	InFlight      []int             `json:"inflight"`
	Transport     string            `json:"transport_protocol_type"`
}

func runPeers(c *cli.Context) error {
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := client.Call(c.Context, "getpeerinfo", &raw); err != nil {
		return err
	}
	if c.Bool("json") {
		return printResult(c.App.Writer, raw)
	}
	var peers []peerLine
	if err := json.Unmarshal(raw, &peers); err != nil {
		return err
	}
	if err := printPeers(c.App.Writer, peers); err != nil || !c.Bool("messages") {
		return err
	}
	for _, p := range peers {
		fmt.Fprintf(c.App.Writer, "\npeer %d, %s\n", p.ID, p.Addr)
		if err := printMessages(c.App.Writer, p); err != nil {
			return err
		}
	}
	return nil
}

func printPeers(w io.Writer, peers []peerLine) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\t\taddress\tkind\tstate\ttransport\theaders\tblocks\tping\tleast\tsent\treceived\tservices\tprogram")
	for _, p := range peers {
		arrow := "->"
		if p.Inbound {
			arrow = "<-"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, arrow, p.Addr, p.Type, p.state(), p.Transport,
			knownHeight(p.Headers), knownHeight(p.Blocks), milliseconds(p.Ping), milliseconds(p.MinPing), bytesText(p.Sent), bytesText(p.Received),
			shortServices(p.Services), p.SubVer)
	}
	return t.Flush()
}

// printMessages lists traffic by the names of messages.
func printMessages(w io.Writer, p peerLine) error {
	names := slices.Collect(maps.Keys(p.SentCount))
	names = slices.AppendSeq(names, maps.Keys(p.ReceivedCount))
	slices.Sort(names)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "message\tsent\tbytes\treceived\tbytes\t")
	for _, name := range slices.Compact(names) {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t\n", name, p.SentCount[name], p.SentBytes[name], p.ReceivedCount[name], p.ReceivedBytes[name])
	}
	return t.Flush()
}

// state is what a peer is at, in a few words.
func (p *peerLine) state() string {
	switch {
	case p.Transport == "detecting":
		return "opening"
	case p.Version == 0:
		return "greeting"
	case len(p.InFlight) > 0:
		return "sends " + plural(len(p.InFlight), "block")
	case p.Presynced >= 0:
		return fmt.Sprintf("presync at %d", p.Presynced)
	case p.Wait > 10:
		return fmt.Sprintf("silent %.0f s", p.Wait)
	}
	return "ready"
}

// milliseconds is "-" for 0: not known.
func milliseconds(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", seconds*1000)
}

// shortServices are the letters of what a peer offers.
func shortServices(names []string) string {
	letters := map[string]string{"NETWORK": "n", "WITNESS": "w", "BLOOM": "b", "COMPACT_FILTERS": "f", "NETWORK_LIMITED": "l", "P2P_V2": "2"}
	var b strings.Builder
	for _, name := range names {
		letter, ok := letters[name]
		if !ok {
			letter = "?"
		}
		b.WriteString(letter)
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}

// knownHeight is "-" for −1: not known.
func knownHeight(h int) string {
	if h < 0 {
		return "-"
	}
	return fmt.Sprint(h)
}
