package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/rpc"
)

func rpcCommand() *cli.Command {
	return &cli.Command{
		Name: "rpc", Usage: "call a method of a node's JSON-RPC", ArgsUsage: "METHOD [PARAMETER...]", Action: runRPC, OnUsageError: wrongUsage,
		HideHelpCommand: true, // `cairn rpc help` is the node's
		Flags:           clientFlags(),
		Description:     "Parameters are text where the method takes text, else JSON. Examples:\n\n    cairn rpc getblockcount\n    cairn rpc --node 1 getblock HASH 2\n    cairn rpc help getblock\n",
	}
}

func runRPC(c *cli.Context) error {
	if !c.Args().Present() {
		return usagef("rpc needs a method: `cairn rpc help` lists them")
	}
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	params, err := rpc.ParseArgs(c.Args().First(), c.Args().Tail())
	if err != nil {
		return usageError{err}
	}
	var result json.RawMessage
	if err := client.Call(c.Context, c.Args().First(), &result, params...); err != nil {
		return err
	}
	return printResult(c.App.Writer, result)
}

// printResult prints text as it is and everything else as JSON.
func printResult(w io.Writer, result json.RawMessage) error {
	var text string
	if json.Unmarshal(result, &text) == nil {
		_, err := fmt.Fprintln(w, text)
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, result, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

func mineCommand() *cli.Command {
	return &cli.Command{
		Name: "mine", Usage: "let a node mine blocks now", ArgsUsage: "[N]", OnUsageError: wrongUsage,
		Flags:       append(clientFlags(), &cli.StringFlag{Name: "to", Usage: "`ADDRESS` that the blocks pay; needed"}),
		Description: "Example:\n\n    cairn mine --to ADDRESS 5",
		Action: func(c *cli.Context) error {
			count := 1
			if c.Args().Present() {
				if _, err := fmt.Sscan(c.Args().First(), &count); err != nil || count < 1 {
					return usagef("mine needs a number of blocks, not %q", c.Args().First())
				}
			}
			if c.String("to") == "" {
				return usagef("mine needs an address to pay: `cairn mine --to ADDRESS %d`", count)
			}
			client, err := dialNode(c)
			if err != nil {
				return err
			}
			var hashes []string
			err = client.Call(c.Context, "generatetoaddress", &hashes, count, c.String("to"))
			for _, h := range hashes {
				fmt.Fprintln(c.App.Writer, h)
			}
			return err
		},
	}
}

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func bytesText(n uint64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

func mempoolCommand() *cli.Command {
	return &cli.Command{
		Name: "mempool", Usage: "show a node's mempool", OnUsageError: wrongUsage, Before: noArguments, Action: runMempool,
		Flags:       append(clientFlags(), &cli.BoolFlag{Name: "json", Usage: "print JSON"}, &cli.IntFlag{Name: "limit", Value: 50, Usage: "list at most `N` transactions"}),
		Description: "Example:\n\n    cairn mempool --limit 10",
	}
}

type mempoolSummary struct {
	Size     int         `json:"size"`
	Bytes    int64       `json:"bytes"`
	Usage    int64       `json:"usage"`
	TotalFee json.Number `json:"total_fee"`
	Floor    json.Number `json:"mempoolminfee"`
}

type mempoolLine struct {
	VSize   int64 `json:"vsize"`
	Time    int64 `json:"time"`
	Parents int   `json:"ancestorcount"`
	Fees    struct {
		Base json.Number `json:"base"`
	} `json:"fees"`
}

func runMempool(c *cli.Context) error {
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		var raw json.RawMessage
		if err := client.Call(c.Context, "getrawmempool", &raw, true); err != nil {
			return err
		}
		return printResult(c.App.Writer, raw)
	}
	var info mempoolSummary
	if err := client.Call(c.Context, "getmempoolinfo", &info); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s, %d vbytes, fees %s, memory %s, least fee rate %s per 1000 vbytes\n",
		plural(info.Size, "transaction"), info.Bytes, info.TotalFee, bytesText(uint64(info.Usage)), info.Floor)
	if info.Size == 0 {
		return nil
	}
	var entries map[string]mempoolLine
	if err := client.Call(c.Context, "getrawmempool", &entries, true); err != nil {
		return err
	}
	return printMempool(c.App.Writer, entries, c.Int("limit"))
}
