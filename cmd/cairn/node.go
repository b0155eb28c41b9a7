package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/p2p"
)

func networkFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "network", Value: "cairn", EnvVars: env("network"), Usage: "rules to follow: cairn or regtest; for validation only mainnet, testnet4, signet or testnet3"},
		&cli.StringFlag{Name: "params", EnvVars: env("params"), Usage: "`FILE` in TOML that changes numbers of a network"},
	}
}

// networkParams are the rules that the flags name.
func networkParams(c *cli.Context) (*consensus.Params, error) {
	if file := c.String("params"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		return consensus.ParseParams(text)
	}
	p, err := consensus.Network(c.String("network"))
	if err != nil {
		return nil, usageError{err}
	}
	return p, nil
}

func nodeCommand() *cli.Command {
	flags := append(append(networkFlags(), peerFlags()...),
		&cli.StringSliceFlag{Name: "testactivationheight", EnvVars: env("testactivationheight"), Usage: "on regtest, activate a soft fork at a height: `NAME@HEIGHT`, the name one of bip34, dersig, cltv, csv, segwit (may be repeated)"},
		&cli.StringFlag{Name: "data", Value: defaultDataDir(), EnvVars: env("data"), Usage: "data `DIR`; each network has a folder in it"},
		&cli.StringFlag{Name: "listen", EnvVars: env("listen"), Usage: "`HOST:PORT` for peers (default: all interfaces, the network's port; \"none\": do not listen)", Aliases: []string{"bind"}},
		&cli.StringFlag{Name: "rpc-listen", EnvVars: env("rpc-listen"), Usage: "`HOST:PORT` for RPC (default: 127.0.0.1 and the network's port)"},
		&cli.StringSliceFlag{Name: "rpcauth", EnvVars: env("rpcauth"), Usage: "`USER:SALT$HASH` that may use RPC beside the cookie"},
		&cli.StringSliceFlag{Name: "rpc-allow-host", EnvVars: env("rpc-allow-host"), Usage: "a further `NAME` under which RPC may be reached"},
		&cli.BoolFlag{Name: "rest", EnvVars: env("rest"), Usage: "answer under /rest/ of the RPC address too, to anybody who can reach it (docs/rest.md)"},
		&cli.StringFlag{Name: "http-listen", EnvVars: env("http-listen"), Usage: "`HOST:PORT` for /metrics, /healthz and /readyz (default: 127.0.0.1 and the network's port)"},
		&cli.BoolFlag{Name: "mine", EnvVars: env("mine"), Usage: "mine; needs --mine-to"},
		&cli.StringFlag{Name: "mine-to", EnvVars: env("mine-to"), Usage: "`ADDRESS` that found blocks pay"},
		&cli.IntFlag{Name: "threads", Value: 1, EnvVars: env("threads"), Usage: "threads that mine"},
		&cli.Float64Flag{Name: "share", Value: 1, EnvVars: env("share"), Usage: "share of a core that each mining thread uses, 0 to 1"},
		&cli.DurationFlag{Name: "mine-interval", EnvVars: env("mine-interval"), Usage: "mean time between own blocks on networks without a retarget"},
		&cli.IntFlag{Name: "dbcache", Value: 64, EnvVars: env("dbcache"), Usage: "coin cache in `MiB`"},
		&cli.IntFlag{Name: "par", EnvVars: env("par"), Usage: "threads that check scripts (0: one a processor; negative: leave so many processors free)"},
		&cli.BoolFlag{Name: "reindex", EnvVars: env("reindex"), Usage: "make the coins and all indexes anew from the stored blocks, and judge all of them again"},
		&cli.StringFlag{Name: "minimumchainwork", EnvVars: env("minimumchainwork"), Usage: "least work of a chain that is followed and served, in `HEX`"},
		&cli.Int64Flag{Name: "maxtipage", Value: 86400, EnvVars: env("maxtipage"), Usage: "a node whose tip was never younger, in `SECONDS`, is in its first download"},
		&cli.BoolFlag{Name: "persistmempool", Value: true, EnvVars: env("persistmempool"), Usage: "save the mempool at the end and load it at the start"},
		&cli.IntFlag{Name: "maxmempool", Value: 300, EnvVars: env("maxmempool"), Usage: "mempool in `MB`"},
		&cli.StringFlag{Name: "minrelaytxfee", EnvVars: env("minrelaytxfee"), Usage: "least fee rate in `COINS` per 1000 vbytes (default 0.00001000)"},
		&cli.IntFlag{Name: "max-connections", Value: 125, EnvVars: env("max-connections"), Aliases: []string{"maxconnections"}, Usage: "connections in all"},
		&cli.BoolFlag{Name: "peerblockfilters", Value: true, EnvVars: env("peerblockfilters"), Usage: "serve compact block filters to peers (BIP157)"},
		&cli.BoolFlag{Name: "peerbloomfilters", EnvVars: env("peerbloomfilters"), Usage: "serve bloom filters (BIP37) and the mempool message (BIP35) to peers"},
		&cli.BoolFlag{Name: "blocksonly", EnvVars: env("blocksonly"), Usage: "take no transactions from peers"},
		&cli.BoolFlag{Name: "v2transport", Value: true, EnvVars: env("v2transport"), Usage: "encrypt connections (BIP324); --v2transport=false keeps to version 1"},
		&cli.BoolFlag{Name: "acceptnonstdtxn", EnvVars: env("acceptnonstdtxn"), Usage: "relay transactions of unusual form"},
		&cli.BoolFlag{Name: "txindex", EnvVars: env("txindex"), Usage: "keep an index of all transactions, for getrawtransaction"},
		&cli.BoolFlag{Name: "txospenderindex", EnvVars: env("txospenderindex"), Usage: "keep an index of what spent each output, for gettxspendingprevout"},
		&cli.BoolFlag{Name: "scripthashindex", EnvVars: env("scripthashindex"), Usage: "keep an index of the history and coins of each script, for getaddresshistory, getaddressbalance and getaddressutxos"},
		&cli.StringFlag{Name: "blockfilterindex", Value: "basic", EnvVars: env("blockfilterindex"), Usage: "keep compact block filters: `basic` (or 1), or 0 for none; wallets need them (on regtest not kept unless this is given)"},
		&cli.BoolFlag{Name: "no-blockfilterindex", EnvVars: env("no-blockfilterindex"), Usage: "the same as --blockfilterindex 0"},
		&cli.Int64Flag{Name: "prune", EnvVars: env("prune"), Usage: "remove old blocks: 1 when pruneblockchain says so, more to keep about so many `MiB`, at least 550 (default: keep all)"},
		&cli.StringSliceFlag{Name: "assumeutxo", EnvVars: env("assumeutxo"), Usage: "a coin set that loadtxoutset may load: `HEIGHT:BLOCKHASH:TXOUTSETHASH:NCHAINTX`, as cairn chain dump-utxo tells (may be repeated)"},
		&cli.BoolFlag{Name: "fastprune", EnvVars: env("fastprune"), Usage: "for tests: small files of blocks, and any number of MiB for --prune"},
		&cli.StringFlag{Name: "uacomment", EnvVars: env("uacomment"), Usage: "comment in the user agent"},
		&cli.StringSliceFlag{Name: "debug", EnvVars: env("debug"), Usage: "write the debug lines of a `CATEGORY`, as net, mempool, mempoolrej, validation, cmpctblock, bench, rpc, mining, index, or all (may be repeated); RPC method logging switches them while the node runs"},
		&cli.StringSliceFlag{Name: "debugexclude", EnvVars: env("debugexclude"), Usage: "do not write those of a `CATEGORY` (may be repeated)"},
		&cli.StringFlag{Name: "log-level", Value: "info", EnvVars: env("log-level"), Usage: "debug, info, warn or error"},
		&cli.StringFlag{Name: "log-format", Value: "text", EnvVars: env("log-format"), Usage: "text or json"},
		&cli.StringFlag{Name: "log-file", EnvVars: env("log-file"), Usage: "`FILE` for the log (default: node.log in the data directory; \"-\": standard error)"},
	)
	return &cli.Command{
		Name: "node", Usage: "run one node until it is interrupted", Flags: flags, Action: runNode, OnUsageError: wrongUsage,
		Description: "Example, two nodes on one machine:\n\n    cairn node --data /tmp/a --mine --mine-to ADDRESS\n" +
			"    cairn node --data /tmp/b --listen 127.0.0.1:21433 --rpc-listen 127.0.0.1:21432 --http-listen 127.0.0.1:21480 --connect 127.0.0.1:21333\n",
	}
}

func defaultDataDir() string {
	if dir := os.Getenv("CAIRN_HOME"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".cairn"
	}
	return filepath.Join(home, ".cairn")
}

func runNode(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("node takes no argument %q; see `cairn node --help`", c.Args().First())
	}
	cfg, err := nodeConfig(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return err
	}
	log, closeLog, err := openLog(c, cfg.DataDir, cfg.Categories)
	if err != nil {
		return err
	}
	defer closeLog()
	cfg.Log, cfg.LogFile = log, logFile(c, cfg.DataDir)
	// Start works on a context of its own: after a signal it is to end its steps, not to be torn.
	n, err := node.Start(c.Context, cfg)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}
	announce(c.App.Writer, cfg, n)
	<-n.Done()
	if err := n.Close(); err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, "stopped")
	return nil
}

func announce(w io.Writer, cfg node.Config, n *node.Node) {
	tip := n.Chain().Tip()
	fmt.Fprintf(w, "cairn %s on %s, height %d, tip %s\n", node.Version, cfg.Params.Name, tip.Height(), tip.Hash())
	if n.P2PAddr().IsValid() {
		fmt.Fprintf(w, "  peers    %s\n", n.P2PAddr())
	}
	fmt.Fprintf(w, "  rpc      http://%s (cookie %s)\n", n.RPCAddr(), n.CookiePath())
	fmt.Fprintf(w, "  page     http://%s/\n", n.HTTPAddr())
	fmt.Fprintf(w, "  metrics  http://%s/metrics\n", n.HTTPAddr())
	fmt.Fprintf(w, "  data     %s\n", cfg.DataDir)
	fmt.Fprintln(w, "Ctrl-C stops it.")
}

func nodeConfig(c *cli.Context) (node.Config, error) {
	p, err := networkParams(c)
	if err != nil {
		return node.Config{}, err
	}
	if err := moveForks(p, c.StringSlice("testactivationheight")); err != nil {
		return node.Config{}, usageError{err}
	}
	if err := assumeUTXO(p, c.StringSlice("assumeutxo")); err != nil {
		return node.Config{}, usageError{err}
	}
	cfg := node.Config{
		Params: p, DataDir: filepath.Join(c.String("data"), p.Name),
		Listen:    orDefault(c.String("listen"), net.JoinHostPort("", strconv.Itoa(p.P2PPort))),
		RPCListen: orDefault(c.String("rpc-listen"), net.JoinHostPort("127.0.0.1", strconv.Itoa(p.RPCPort))),
		RPCAuth:   c.StringSlice("rpcauth"), RPCHosts: c.StringSlice("rpc-allow-host"), REST: c.Bool("rest"),
		HTTPListen: orDefault(c.String("http-listen"), net.JoinHostPort("127.0.0.1", strconv.Itoa(p.HTTPPort))),
		Mine:       c.Bool("mine"), Threads: c.Int("threads"), Share: c.Float64("share"), MineInterval: c.Duration("mine-interval"),
		CacheBytes: int64(c.Int("dbcache")) << 20, MempoolBytes: int64(c.Int("maxmempool")) * 1_000_000,
		MaxConnections: c.Int("max-connections"), BlocksOnly: c.Bool("blocksonly"), NoV2Transport: !c.Bool("v2transport"), AcceptNonStd: c.Bool("acceptnonstdtxn"),
		NoFilterIndex: c.Bool("no-blockfilterindex"), NoPeerFilters: !c.Bool("peerblockfilters"), UserAgent: c.String("uacomment"),
		PeerBloomFilters: c.Bool("peerbloomfilters"),
		TxIndex:          c.Bool("txindex"), SpentIndex: c.Bool("txospenderindex"), ScriptHashIndex: c.Bool("scripthashindex"),
		Prune: c.Int64("prune"), FastPrune: c.Bool("fastprune"), Progress: startProgress(c.App.ErrWriter),
	}
	if cfg.Share <= 0 || cfg.Threads <= 0 {
		return cfg, usagef("--threads and --share are more than 0")
	}
	switch kind := c.String("blockfilterindex"); kind {
	case "basic", "1":
		cfg.FilterIndex = c.IsSet("blockfilterindex")
	case "0":
		cfg.NoFilterIndex = true
	default:
		return cfg, usagef("Unknown -blockfilterindex value %s: use basic, 1 or 0", kind)
	}
	if fee := c.String("minrelaytxfee"); fee != "" {
		if cfg.MinRelayFee, err = parseCoins(fee); err != nil {
			return cfg, usageError{err}
		}
	}
	if to := c.String("mine-to"); to != "" {
		if cfg.MineTo, err = script.DecodeAddress(p.Addresses(), to); err != nil {
			return cfg, usagef("--mine-to: %w", err)
		}
	}
	if cfg.Mine && cfg.MineTo == nil {
		return cfg, usagef("--mine needs --mine-to ADDRESS: make one with `cairn wallet create` and `cairn wallet address`")
	}
	return cfg, errors.Join(peerConfig(c, &cfg), workConfig(c, &cfg))
}

// moveForks applies --testactivationheight.
func moveForks(p *consensus.Params, list []string) error {
	for _, text := range list {
		name, number, ok := strings.Cut(text, "@")
		if !ok {
			return fmt.Errorf("invalid format (%s) for --testactivationheight: use NAME@HEIGHT, as segwit@432", text)
		}
		height, err := strconv.ParseInt(number, 10, 32)
		if err != nil || height < 0 || height == math.MaxInt32 {
			return fmt.Errorf("invalid height value (%s) for --testactivationheight: use NAME@HEIGHT, as segwit@432", text)
		}
		if err := p.SetActivation(name, int32(height)); err != nil {
			return fmt.Errorf("--testactivationheight: %w", err)
		}
	}
	return nil
}

// orDefault gives an address flag's value; "none" is no address.
func orDefault(value, standard string) string {
	switch value {
	case "":
		return standard
	case "none":
		return ""
	}
	return value
}

// openLog makes the logger that the flags ask for. Warnings go to standard error too, unless all does.
func openLog(c *cli.Context, dir string, set *node.Categories) (*slog.Logger, func(), error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return nil, nil, usagef("--log-level is debug, info, warn or error, not %q", c.String("log-level"))
	}
	format := c.String("log-format")
	if format != "text" && format != "json" {
		return nil, nil, usagef("--log-format is text or json, not %q", format)
	}
	file := logFile(c, dir)
	if file == "" {
		return slog.New(set.Handler(logHandler(os.Stderr, format, p2p.LevelTalk), level)), func() {}, nil
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	h := slog.NewMultiHandler(logHandler(f, format, p2p.LevelTalk), logHandler(os.Stderr, "text", slog.LevelWarn))
	return slog.New(set.Handler(h, level)), func() { f.Close() }, nil
}

// logFile is where the log goes, "" for standard error.
func logFile(c *cli.Context, dir string) string {
	switch file := c.String("log-file"); file {
	case "-":
		return ""
	case "":
		return filepath.Join(dir, "node.log")
	default:
		return file
	}
}

func logHandler(w io.Writer, format string, level slog.Level) slog.Handler {
	opt := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.NewJSONHandler(w, opt)
	}
	return slog.NewTextHandler(w, opt)
}

// startProgress prints how far a long start is, at most twice a second.
func startProgress(w io.Writer) func(stage string, done, total int64) {
	var last time.Time
	return func(stage string, done, total int64) {
		if now := time.Now(); now.Sub(last) > 500*time.Millisecond {
			if !last.IsZero() {
				fmt.Fprintf(w, "%s: %d of %d\n", stage, done, total)
			}
			last = now
		}
	}
}
