package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/lab"
	"github.com/cairn-chain/cairn/rpc"
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
func dialNode(c *cli.Context) (*rpc.Client, error) {
	url, cookie, err := findNode(c)
	if err != nil {
		return nil, err
	}
	return rpc.Dial(url, cookie)
}

func findNode(c *cli.Context) (url, cookie string, err error) {
	name := c.String("node")
	index, err := strconv.Atoi(name)
	if name != "" && err != nil {
		return name, c.String("cookie"), nil
	}
	sheet, err := lab.ReadSheet(c.String("testnet-data"))
	if err == nil {
		if index < 0 || index >= len(sheet.Nodes) {
			return "", "", fmt.Errorf("the testnet has no node %d: its nodes are 0 to %d", index, len(sheet.Nodes)-1)
		}
		return sheet.Nodes[index].RPC, sheet.Nodes[index].Cookie, nil
	}
	if name != "" || !errors.Is(err, lab.ErrNotRunning) {
		return "", "", err
	}
	p, err := consensus.Network(c.String("network"))
	if err != nil {
		return "", "", usageError{err}
	}
	cookie = filepath.Join(defaultDataDir(), p.Name, rpc.CookieFile)
	if _, err := os.Stat(cookie); err != nil {
		return "", "", errors.New("no node is running: start a network with `cairn testnet up`, a node with `cairn node`, or name one with --node URL --cookie FILE")
	}
	return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(p.RPCPort)), cookie, nil
}

// parseCoins reads an amount in coins.
func parseCoins(s string) (int64, error) { return wallet.ParseAmount(s) }
