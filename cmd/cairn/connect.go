package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/lab"
	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/wallet"
)

// clientFlags say which node a command talks to.
func clientFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "node", EnvVars: env("node"), Usage: "the node's RPC `URL`, or the number of a node of the running testnet"},
		&cli.StringFlag{Name: "cookie", EnvVars: env("cookie"), Usage: "`FILE` with the node's RPC cookie"},
		&cli.StringFlag{Name: "testnet-data", Value: defaultTestnetDir, EnvVars: env("testnet-data"), Usage: "data `DIR` of the running testnet"},
		&cli.StringFlag{Name: "network", Value: "cairn", EnvVars: env("network"), Usage: "network of a node that is not of a testnet"},
	}
}

// dialNode connects to the node that the flags name: a URL, a node of the running testnet, or the daemon of
// this user.
func dialNode(c *cli.Context) (*client.Client, error) {
	url, cookie, err := findNode(c)
	if err != nil {
		return nil, err
	}
	return client.Dial(url, cookie)
}

func findNode(c *cli.Context) (url, cookie string, err error) {
	name := c.String("node")
	index, err := strconv.Atoi(name)
	if name != "" && err != nil {
		return name, c.String("cookie"), nil
	}
	sheet, err := lab.ReadSheet(c.String("testnet-data"))
	if err == nil {
		if name == "" {
			index = firstRunning(c)
		}
		if index < 0 || index >= len(sheet.Nodes) {
			return "", "", fmt.Errorf("the testnet has no node %d: its nodes are 0 to %d", index, len(sheet.Nodes)-1)
		}
		return sheet.Nodes[index].RPC, sheet.Nodes[index].Cookie, nil
	}
	if name != "" || !errors.Is(err, lab.ErrNotRunning) {
		return "", "", err
	}
	network := c.String("network")
	if network == "" {
		network = "cairn"
	}
	p, err := consensus.Network(network)
	if err != nil {
		return "", "", usageError{err}
	}
	cookie = filepath.Join(defaultDataDir(), p.Name, jsonrpc.CookieFile)
	if _, err := os.Stat(cookie); err != nil {
		return "", "", errors.New("no node is running: start a network with `cairn testnet up`, a node with `cairn node`, or name one with --node URL --cookie FILE")
	}
	return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(p.RPCPort)), cookie, nil
}

// firstRunning is the number of the testnet's first node that runs, 0 if that cannot be found out.
func firstRunning(c *cli.Context) int {
	client, err := lab.Find(c.String("testnet-data"), "")
	if err != nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(c.Context, 30*time.Second)
	defer cancel()
	s, err := client.Status(ctx)
	if err != nil {
		return 0
	}
	return max(0, slices.IndexFunc(s.Nodes, func(n lab.NodeStatus) bool { return n.Running }))
}

// noArguments is the Before of commands that take none.
func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("%s takes no argument %q; see `%s --help`", c.Command.Name, c.Args().First(), c.Command.HelpName)
	}
	return nil
}

// ageText says how long ago something was, in the units that people use for it.
func ageText(t time.Time) string { return agoText(time.Since(t)) }

func agoText(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < 0:
		return (-d).String() + " ahead"
	case d > 48*time.Hour:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
	return d.String() + " ago"
}

// parseCoins reads an amount in coins.
func parseCoins(s string) (int64, error) { return wallet.ParseAmount(s) }
