package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func chainCommand() *cli.Command {
	asJSON := &cli.BoolFlag{Name: "json", Usage: "print JSON"}
	sub := func(name, args, usage, example string, action cli.ActionFunc, flags ...cli.Flag) *cli.Command {
		return &cli.Command{Name: name, ArgsUsage: args, Usage: usage, Action: action, Flags: append(clientFlags(), flags...),
			OnUsageError: wrongUsage, Description: "Example:\n\n    cairn chain " + example}
	}
	return &cli.Command{
		Name: "chain", Usage: "look at a node's chain, check it, carry it elsewhere", OnUsageError: wrongUsage,
		Description: "Example:\n\n    cairn chain info",
		Subcommands: []*cli.Command{
			sub("info", "", "the best chain and the coin set", "info", chainInfo, asJSON),
			sub("block", "HASH|HEIGHT", "one block", "block 12", chainBlock, asJSON),
			sub("tx", "TXID [BLOCK]", "one transaction: of the mempool, of a block, or of any block if the node runs with --txindex", "tx TXID", chainTx),
			addressCommand(),
			sub("tips", "", "the ends of all branches", "tips", chainTips, asJSON),
			sub("verify", "", "check stored blocks again", "verify --depth 100", chainVerify, &cli.IntFlag{Name: "depth", Value: 6, Usage: "how many `BLOCKS`, 0 for all"}),
			watchCommand(),
			sub("dump-utxo", "FILE", "write the coin set to a file", "dump-utxo utxo.dat", chainDumpUTXO, &cli.IntFlag{Name: "height", Value: -1, Usage: "as of the block at this `HEIGHT` (default: the tip)"}),
			sub("load-utxo", "FILE", "begin with a coin set from a file", "load-utxo utxo.dat", chainLoadUTXO),
			exportCommand(), importCommand(),
		},
	}
}

// chainSummary is what info shows of getblockchaininfo.
type chainSummary struct {
	Chain      string      `json:"chain"`
	Blocks     int         `json:"blocks"`
	Headers    int         `json:"headers"`
	Best       string      `json:"bestblockhash"`
	Bits       string      `json:"bits"`
	Difficulty json.Number `json:"difficulty"`
	Time       int64       `json:"time"`
	MedianTime int64       `json:"mediantime"`
	Work       string      `json:"chainwork"`
	Disk       uint64      `json:"size_on_disk"`
	Syncing    bool        `json:"initialblockdownload"`
}

type coinSummary struct {
	Coins  int64       `json:"txouts"`
	Amount json.Number `json:"total_amount"`
	Hash   string      `json:"muhash"`
}

func chainInfo(c *cli.Context) error {
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := client.Call(c.Context, "getblockchaininfo", &raw); err != nil {
		return err
	}
	if c.Bool("json") {
		return printResult(c.App.Writer, raw)
	}
	var s chainSummary
	var coins coinSummary
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if err := client.Call(c.Context, "gettxoutsetinfo", &coins, "muhash"); err != nil {
		return err
	}
	t := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "network\t%s\nheight\t%d\nheaders\t%d\ntip\t%s\n", s.Chain, s.Blocks, s.Headers, s.Best)
	fmt.Fprintf(t, "tip's time\t%s (%s)\n", time.Unix(s.Time, 0).UTC().Format(time.DateTime), ageText(time.Unix(s.Time, 0)))
	fmt.Fprintf(t, "bits\t%s\ndifficulty\t%s\nwork\t%s\n", s.Bits, shortNumber(s.Difficulty), s.Work)
	fmt.Fprintf(t, "coins\t%d\namount\t%s\ncoin set\t%s (muhash)\nblocks on disk\t%s\n", coins.Coins, coins.Amount, coins.Hash, bytesText(s.Disk))
	return t.Flush()
}

// shortNumber keeps four digits of what people only compare.
func shortNumber(n json.Number) string {
	f, err := n.Float64()
	if err != nil {
		return n.String()
	}
	return strconv.FormatFloat(f, 'g', 4, 64)
}

// blockHash reads a hash or a height.
func blockHash(c *cli.Context, client *client.Client, s string) (string, error) {
	height, err := strconv.Atoi(s)
	if err != nil || len(s) == 64 {
		return s, nil
	}
	var hash string
	err = client.Call(c.Context, "getblockhash", &hash, height)
	return hash, err
}

type blockSummary struct {
	Hash          string      `json:"hash"`
	Confirmations int         `json:"confirmations"`
	Height        int         `json:"height"`
	Time          int64       `json:"time"`
	Bits          string      `json:"bits"`
	Difficulty    json.Number `json:"difficulty"`
	Nonce         uint32      `json:"nonce"`
	Root          string      `json:"merkleroot"`
	Prev          string      `json:"previousblockhash"`
	Next          string      `json:"nextblockhash"`
	Size          int         `json:"size"`
	Weight        int         `json:"weight"`
	Tx            []string    `json:"tx"`
}

func chainBlock(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("block needs a hash or a height: `cairn chain block 12`")
	}
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	hash, err := blockHash(c, client, c.Args().First())
	if err != nil {
		return err
	}
	var raw json.RawMessage
	verbosity := 1
	if c.Bool("json") {
		verbosity = 2
	}
	if err := client.Call(c.Context, "getblock", &raw, hash, verbosity); err != nil {
		return err
	}
	if c.Bool("json") {
		return printResult(c.App.Writer, raw)
	}
	var b blockSummary
	if err := json.Unmarshal(raw, &b); err != nil {
		return err
	}
	t := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "hash\t%s\nheight\t%d\nconfirmations\t%d\ntime\t%s\n", b.Hash, b.Height, b.Confirmations, time.Unix(b.Time, 0).UTC().Format(time.DateTime))
	fmt.Fprintf(t, "before\t%s\nafter\t%s\nmerkle root\t%s\nbits\t%s (difficulty %s)\nnonce\t%d\n", b.Prev, b.Next, b.Root, b.Bits, shortNumber(b.Difficulty), b.Nonce)
	fmt.Fprintf(t, "size\t%d bytes, weight %d\ntransactions\t%d\n", b.Size, b.Weight, len(b.Tx))
	for _, id := range b.Tx {
		fmt.Fprintf(t, "\t%s\n", id)
	}
	return t.Flush()
}

func chainTx(c *cli.Context) error {
	if c.NArg() < 1 || c.NArg() > 2 {
		return usagef("tx needs a transaction's id, and the block's hash or height if it is confirmed: `cairn chain tx TXID 12`")
	}
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	params := []any{c.Args().First(), true}
	if c.NArg() == 2 {
		hash, err := blockHash(c, client, c.Args().Get(1))
		if err != nil {
			return err
		}
		params = append(params, hash)
	}
	var raw json.RawMessage
	err = client.Call(c.Context, "getrawtransaction", &raw, params...)
	var answer *jsonrpc.Error
	if errors.As(err, &answer) && answer.Code == jsonrpc.CodeNotFound && c.NArg() == 1 {
		return fmt.Errorf("%s. One that is in a block is found with the block's height (`cairn chain tx %s HEIGHT`), or without it if the node runs with --txindex", strings.TrimSuffix(answer.Message, ". Use gettransaction for wallet transactions."), c.Args().First())
	}
	if err != nil {
		return err
	}
	return printResult(c.App.Writer, raw)
}

func chainTips(c *cli.Context) error {
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := client.Call(c.Context, "getchaintips", &raw); err != nil {
		return err
	}
	if c.Bool("json") {
		return printResult(c.App.Writer, raw)
	}
	var tips []struct {
		Height int    `json:"height"`
		Hash   string `json:"hash"`
		Length int    `json:"branchlen"`
		Status string `json:"status"`
	}
	if err := json.Unmarshal(raw, &tips); err != nil {
		return err
	}
	t := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "height\thash\tbranch\tstatus")
	for _, tip := range tips {
		fmt.Fprintf(t, "%d\t%s\t%d\t%s\n", tip.Height, tip.Hash, tip.Length, tip.Status)
	}
	return t.Flush()
}

func chainVerify(c *cli.Context) error {
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	var good bool
	if err := client.Call(c.Context, "verifychain", &good, 4, c.Int("depth")); err != nil {
		return err
	}
	if !good {
		return fmt.Errorf("the stored blocks are damaged: the node's log says where")
	}
	depth := "all blocks"
	if n := c.Int("depth"); n > 0 {
		depth = fmt.Sprintf("the last %d blocks", n)
	}
	fmt.Fprintf(c.App.Writer, "%s are as they should be\n", depth)
	return nil
}

func printMempool(w io.Writer, entries map[string]mempoolLine, limit int) error {
	ids := make([]string, 0, len(entries))
	rate := func(id string) float64 {
		fee, err := entries[id].Fees.Base.Float64()
		if err != nil || entries[id].VSize == 0 {
			return 0
		}
		return fee * 1e8 / float64(entries[id].VSize)
	}
	for id := range entries {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		switch ra, rb := rate(a), rate(b); {
		case ra > rb:
			return -1
		case ra < rb:
			return 1
		}
		return slices.Compare([]byte(a), []byte(b))
	})
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "transaction\tvbytes\tfee\tper vbyte\twaiting")
	for _, id := range ids[:min(len(ids), max(limit, 0))] {
		e := entries[id]
		fmt.Fprintf(t, "%s\t%d\t%s\t%.2f\t%s\n", id, e.VSize, e.Fees.Base, rate(id), max(0, time.Since(time.Unix(e.Time, 0)).Round(time.Second)))
	}
	return t.Flush()
}
