package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/rpc/client"
)

func addressCommand() *cli.Command {
	return &cli.Command{
		Name: "address", ArgsUsage: "ADDRESS", Usage: "balance and history of an address, of a node with --scripthashindex", Action: chainAddress, OnUsageError: wrongUsage,
		Description: "Example:\n\n    cairn chain address ADDRESS --utxos",
		Flags: append(clientFlags(),
			&cli.BoolFlag{Name: "utxos", Usage: "show the unspent outputs, not the history"},
			&cli.IntFlag{Name: "limit", Value: 20, Usage: "at most so many `ENTRIES`, 1 to 1000"},
			&cli.StringFlag{Name: "after", Usage: "go on `WHERE` the output before says that there is more"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"}),
	}
}

// addressPage is what getaddresshistory and getaddressutxos answer.
type addressPage struct {
	Height  int    `json:"height"`
	Synced  bool   `json:"synced"`
	Next    string `json:"next"`
	History []struct {
		TxID     string      `json:"txid"`
		Height   int         `json:"height"`
		Received json.Number `json:"received"`
		Sent     json.Number `json:"sent"`
	} `json:"history"`
	UTXOs []struct {
		TxID     string      `json:"txid"`
		Out      uint32      `json:"vout"`
		Height   int         `json:"height"`
		Amount   json.Number `json:"amount"`
		Coinbase bool        `json:"coinbase"`
	} `json:"utxos"`
}

func chainAddress(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("address needs one address: `cairn chain address ADDRESS`")
	}
	if n := c.Int("limit"); n < 1 || n > 1000 {
		return usagef("--limit is between 1 and 1000, not %d", n)
	}
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	method := "getaddresshistory"
	if c.Bool("utxos") {
		method = "getaddressutxos"
	}
	var raw json.RawMessage
	if err := client.Call(c.Context, method, &raw, c.Args().First(), c.Int("limit"), c.String("after")); err != nil {
		return err
	}
	if c.Bool("json") {
		return printResult(c.App.Writer, raw)
	}
	var page addressPage
	if err := json.Unmarshal(raw, &page); err != nil {
		return err
	}
	if err := printBalance(c, client); err != nil {
		return err
	}
	return page.print(c.App.Writer)
}

func printBalance(c *cli.Context, client *client.Client) error {
	var balance struct {
		Balance json.Number `json:"balance"`
		Coins   int64       `json:"txouts"`
	}
	if err := client.Call(c.Context, "getaddressbalance", &balance, c.Args().First()); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.App.Writer, "balance %s in %d unspent outputs\n", balance.Balance, balance.Coins)
	return err
}

func (p *addressPage) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(p.History) > 0 {
		fmt.Fprintln(t, "height\treceived\tsent\ttransaction")
	}
	for _, e := range p.History {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", e.Height, e.Received, e.Sent, e.TxID)
	}
	if len(p.UTXOs) > 0 {
		fmt.Fprintln(t, "height\tamount\toutput\t")
	}
	for _, u := range p.UTXOs {
		note := ""
		if u.Coinbase {
			note = "coinbase"
		}
		fmt.Fprintf(t, "%d\t%s\t%s:%d\t%s\n", u.Height, u.Amount, u.TxID, u.Out, note)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if p.Next != "" {
		fmt.Fprintf(w, "there may be more: --after %s\n", p.Next)
	}
	if !p.Synced {
		fmt.Fprintf(w, "the node's index has come to height %d and is still being built\n", p.Height)
	}
	return nil
}
