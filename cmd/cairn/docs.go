package main

import (
	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/rpc"
)

// docsCommand writes the pages that are made from the code; scripts/docs.sh calls it.
func docsCommand() *cli.Command {
	return &cli.Command{
		Name: "docs", Hidden: true, Usage: "write the reference of the RPC methods as Markdown",
		Description: "Example:\n\n    cairn docs > docs/rpc.md",
		Action:      func(c *cli.Context) error { return rpc.WriteReference(c.App.Writer) },
	}
}
