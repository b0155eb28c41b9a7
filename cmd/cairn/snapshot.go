package main

import (
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/consensus"
)

// assumeUTXO applies --assumeutxo.
func assumeUTXO(p *consensus.Params, list []string) error {
	for _, text := range list {
		a, err := consensus.ParseAssumeUTXO(text)
		if err != nil {
			return fmt.Errorf("--assumeutxo: %w", err)
		}
		p.Assume = append(p.Assume, a)
	}
	return nil
}

// snapshotFile is the argument of dump-utxo and load-utxo, as the node's path.
func snapshotFile(c *cli.Context) (string, error) {
	if c.NArg() != 1 {
		return "", usagef("%s needs a file: `cairn chain %s utxo.dat`", c.Command.Name, c.Command.Name)
	}
	return filepath.Abs(c.Args().First())
}

func chainDumpUTXO(c *cli.Context) error {
	file, err := snapshotFile(c)
	if err != nil {
		return err
	}
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	params := []any{file, "latest"}
	if h := c.Int("height"); h >= 0 {
		params = []any{file, "rollback", map[string]any{"rollback": h}}
	}
	var d struct {
		Coins  int    `json:"coins_written"`
		Base   string `json:"base_hash"`
		Height int    `json:"base_height"`
		Hash   string `json:"txoutset_hash"`
		Txs    int    `json:"nchaintx"`
	}
	if err := client.Call(c.Context, "dumptxoutset", &d, params...); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%d coins as of block %d are in %s\nA node that is to load them is started with\n    --assumeutxo %d:%s:%s:%d\n", d.Coins, d.Height, file, d.Height, d.Base, d.Hash, d.Txs)
	return nil
}

func chainLoadUTXO(c *cli.Context) error {
	file, err := snapshotFile(c)
	if err != nil {
		return err
	}
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	var d struct {
		Coins  int    `json:"coins_loaded"`
		Tip    string `json:"tip_hash"`
		Height int    `json:"base_height"`
	}
	if err := client.Call(c.Context, "loadtxoutset", &d, file); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%d coins were loaded, the tip is block %d, %s\nThe blocks before it are validated from now on: `cairn rpc getchainstates` shows how far.\n", d.Coins, d.Height, d.Tip)
	return nil
}
