package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/lab"
)

const defaultTestnetDir = ".cairn/testnet"

func testnetCommand() *cli.Command {
	sub := func(name, args, usage string, action cli.ActionFunc, flags ...cli.Flag) *cli.Command {
		return &cli.Command{Name: name, ArgsUsage: args, Usage: usage, Action: action, Flags: append(controlFlags(), flags...), OnUsageError: wrongUsage,
			Description: "Example:\n\n    cairn testnet " + strings.TrimSpace(name+" "+exampleOf[name])}
	}
	anyNode := &cli.IntFlag{Name: "node", Value: -1, DefaultText: "the first that runs", Usage: "`I`, the node's number"}
	asJSON := &cli.BoolFlag{Name: "json", Usage: "print JSON"}
	all := &cli.Command{
		Name: "testnet", Usage: "a network of nodes on this machine", OnUsageError: wrongUsage,
		Description: "Example:\n\n    cairn testnet up",
		Subcommands: []*cli.Command{
			upCommand(),
			sub("status", "", "show every node, the last block and the last reorganizations", testnetStatus, asJSON),
			sub("mine", "[N]", "mine N blocks now, or one", testnetMine, anyNode),
			sub("faucet", "ADDRESS [AMOUNT]", "send so many coins to an address, or one", testnetFaucet, anyNode,
				&cli.BoolFlag{Name: "wait", Usage: "wait until the faucet can pay, and until the payment is in a block"}),
			sub("logs", "NODE", "print a node's log", testnetLogs, &cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on as it grows"}),
			sub("down", "", "stop the network", testnetDown),
		},
	}
	all.Subcommands = append(all.Subcommands, runCommand())
	all.Subcommands = append(all.Subcommands, verbCommands(all.Subcommands)...)
	return all
}

var exampleOf = map[string]string{
	"status": "--json", "mine": "5 --node 1", "faucet": "crn1p… 2.5 --wait", "logs": "0 -f",
}

func controlFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "data", Value: defaultTestnetDir, EnvVars: env("testnet-data"), Usage: "data `DIR` of the network"},
		&cli.StringFlag{Name: "control", EnvVars: env("control"), Usage: "control `URL` of the network, if it is not the one in testnet.json"},
	}
}

func upCommand() *cli.Command {
	return &cli.Command{
		Name: "up", Usage: "start a network, or resume the one in the data directory", Action: testnetUp, OnUsageError: wrongUsage,
		Description: "Example:\n\n    cairn testnet up --nodes 5 --miners 3 --hashpower 3,2,1 --topology star",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "nodes", DefaultText: "4", EnvVars: env("testnet-nodes"), Usage: "how many nodes"},
			&cli.IntFlag{Name: "miners", Value: -1, DefaultText: "2", EnvVars: env("testnet-miners"), Usage: "how many of them mine"},
			&cli.StringFlag{Name: "hashpower", EnvVars: env("testnet-hashpower"), Usage: "the miners' power: weights that share a tenth of a core a miner (3,1), or percentages of a core (30%,10%)"},
			&cli.StringFlag{Name: "topology", DefaultText: "ring", EnvVars: env("testnet-topology"), Usage: "ring, line, star, mesh, random, k-out, small-world, erdos-renyi, or a `FILE`.toml that names nodes, links and what they are like"},
			&cli.DurationFlag{Name: "block-time", DefaultText: "15s", EnvVars: env("testnet-block-time"), Usage: "mean time between blocks"},
			&cli.StringFlag{Name: "network", DefaultText: "cairn", EnvVars: env("testnet-network"), Usage: "rules: cairn or regtest"},
			&cli.StringFlag{Name: "data", Value: defaultTestnetDir, EnvVars: env("testnet-data"), Usage: "data `DIR`"},
			&cli.StringFlag{Name: "state", EnvVars: env("testnet-state"), Usage: "make the network that a state `FILE` holds, which snapshot --state wrote"},
			&cli.StringFlag{Name: "mining", DefaultText: "poisson", EnvVars: env("testnet-mining"), Usage: "when blocks come: poisson, interval, instant (when a transaction waits) or manual"},
			&cli.StringSliceFlag{Name: "guest", EnvVars: env("testnet-guest"), Usage: "`ADDRESS` of a node of any make that joins; may be given several times"},
			&cli.BoolFlag{Name: "ephemeral", EnvVars: env("testnet-ephemeral"), Usage: "keep nothing: use a temporary directory"},
			&cli.Uint64Flag{Name: "seed", DefaultText: "1", EnvVars: env("testnet-seed"), Usage: "what the accounts and random topologies follow from"},
			&cli.IntFlag{Name: "base-port", Value: lab.DefaultBasePort, EnvVars: env("testnet-base-port"), Usage: "the `PORT` of the control address; node i has those from PORT + 10·(i+1)"},
			&cli.StringFlag{Name: "ports", EnvVars: env("testnet-ports"), Usage: "\"auto\": let the system choose every port"},
			&cli.StringFlag{Name: "config-out", EnvVars: env("testnet-config-out"), Usage: "write what the banner says to `FILE` as JSON"},
			&cli.BoolFlag{Name: "quiet", EnvVars: env("testnet-quiet"), Usage: "print nothing but errors and one line when ready"},
		},
	}
}

func upConfig(c *cli.Context) (lab.Config, error) {
	if c.Args().Present() {
		return lab.Config{}, usagef("up takes no argument %q", c.Args().First())
	}
	cfg := lab.Config{
		Nodes: c.Int("nodes"), Miners: c.Int("miners"), Topology: lab.Topology(c.String("topology")), BlockTime: c.Duration("block-time"),
		Network: c.String("network"), DataDir: c.String("data"), Ephemeral: c.Bool("ephemeral"), Mining: lab.Mining(c.String("mining")), Guests: c.StringSlice("guest"), Seed: c.Uint64("seed"), BasePort: c.Int("base-port"),
		State: c.String("state"),
	}
	if c.IsSet("nodes") && cfg.Nodes < 1 {
		return cfg, usagef("--nodes is at least 1")
	}
	if c.IsSet("block-time") && cfg.BlockTime <= 0 {
		return cfg, usagef("--block-time is above 0; --mining instant or manual does without")
	}
	if h := c.String("hashpower"); h != "" {
		cfg.Hashpower = strings.Split(h, ",")
	}
	if cfg.Ephemeral {
		cfg.DataDir = ""
	}
	switch c.String("ports") {
	case "auto":
		cfg.BasePort = 0
	case "":
	default:
		return cfg, usagef("--ports knows only \"auto\"; --base-port sets a number")
	}
	return cfg, nil
}

func testnetUp(c *cli.Context) error {
	cfg, err := upConfig(c)
	if err != nil {
		return err
	}
	// Most of the heap of idle nodes is Badger's memory tables, hardly written to; with the usual 100 % as much garbage
	// again would stay resident.
	debug.SetGCPercent(50)
	view := newView(c.App.Writer, c.Bool("quiet"))
	cfg.OnEvent = view.event
	begin := time.Now()
	net, err := lab.Up(c.Context, cfg)
	var wrong *lab.ConfigError
	if errors.As(err, &wrong) {
		return usageError{err}
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w (`--ports auto` takes free ones, --base-port others)", err)
	}
	if err != nil {
		return err
	}
	err = showNetwork(c, view, net, time.Since(begin))
	view.close()
	if !c.Bool("quiet") {
		fmt.Fprintln(c.App.Writer, "stopping …")
	}
	if downErr := net.Down(); err == nil {
		err = downErr
	}
	return err
}

// showNetwork prints the banner and follows the network until it is interrupted or down.
func showNetwork(c *cli.Context, view *view, net *lab.Net, took time.Duration) error {
	sheet, err := net.Sheet()
	if err != nil {
		return err
	}
	if file := c.String("config-out"); file != "" {
		if err := writeJSONFile(file, sheet); err != nil {
			return err
		}
	}
	view.banner(sheet, took, c)
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	go func() {
		select {
		case <-net.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	view.follow(ctx, net)
	return nil
}

func writeJSONFile(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".new")
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// order gives one order to the running network.
func order(c *cli.Context, o lab.Order) (lab.Answer, error) {
	client, err := lab.Find(c.String("data"), c.String("control"))
	if err != nil {
		return lab.Answer{}, err
	}
	return client.Do(c.Context, o)
}

// nodeNumber reads the one argument of commands about a node.
func nodeNumber(c *cli.Context) (int, error) {
	i, err := strconv.Atoi(strings.TrimPrefix(c.Args().First(), "node"))
	if c.NArg() != 1 || err != nil || i < 0 {
		return 0, usagef("%s needs the number of one node: `cairn testnet %s 0`", c.Command.Name, c.Command.Name)
	}
	return i, nil
}

func testnetMine(c *cli.Context) error {
	count := 1
	if c.Args().Present() {
		n, err := strconv.Atoi(c.Args().First())
		if err != nil || n < 1 || c.NArg() > 1 {
			return usagef("mine needs a number of blocks: `cairn testnet mine 5`")
		}
		count = n
	}
	a, err := order(c, lab.Order{What: "mine", Node: c.Int("node"), Count: count})
	for _, h := range a.Hashes {
		fmt.Fprintln(c.App.Writer, h)
	}
	return err
}

func testnetFaucet(c *cli.Context) error {
	if c.NArg() < 1 || c.NArg() > 2 {
		return usagef("faucet needs an address: `cairn testnet faucet ADDRESS 2.5`")
	}
	amount := int64(lab.DefaultFaucetAmount)
	if c.NArg() == 2 {
		var err error
		if amount, err = parseCoins(c.Args().Get(1)); err != nil {
			return usageError{err}
		}
	}
	a, err := order(c, lab.Order{What: "faucet", Node: c.Int("node"), Address: c.Args().First(), Amount: amount, Wait: c.Bool("wait")})
	if err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, a.TxID)
	return nil
}

func testnetLogs(c *cli.Context) error {
	i, err := nodeNumber(c)
	if err != nil {
		return err
	}
	client, err := lab.Find(c.String("data"), c.String("control"))
	if err != nil {
		return err
	}
	return client.Logs(c.Context, i, c.Bool("follow"), c.App.Writer)
}

// downPoll is how often `testnet down` looks whether the network has ended.
const downPoll = 20 * time.Millisecond

// testnetDown waits until the network's sheet is gone: then nothing of it runs any more.
func testnetDown(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	sheet, err := lab.ReadSheet(c.String("data"))
	if err != nil && c.String("control") == "" {
		return err
	}
	if _, err := order(c, lab.Order{What: "down"}); err != nil {
		return err
	}
	tick := time.NewTicker(downPoll)
	defer tick.Stop()
	for {
		now, err := lab.ReadSheet(c.String("data"))
		if errors.Is(err, lab.ErrNotRunning) || (err == nil && now.Token != sheet.Token) {
			fmt.Fprintln(c.App.Writer, "the network has stopped")
			return nil
		}
		select {
		case <-c.Context.Done():
			return c.Context.Err()
		case <-tick.C:
		}
	}
}

func testnetStatus(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	client, err := lab.Find(c.String("data"), c.String("control"))
	if err != nil {
		return err
	}
	s, err := client.Status(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, s)
	}
	return printStatus(c.App.Writer, s)
}
