package main

import (
	"math"
	"math/big"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/p2p"
)

// peerFlags are the flags of `cairn node` about its peers, under Bitcoin Core's names where it has them.
func peerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "connect", EnvVars: env("connect"), Usage: "connect to these peers only (`HOST:PORT`, may be repeated); a name is looked up again when its address cannot be reached"},
		&cli.StringSliceFlag{Name: "addnode", EnvVars: env("addnode"), Usage: "keep a connection to this peer beside others (`HOST:PORT`, may be repeated); names as with --connect"},
		&cli.StringSliceFlag{Name: "seednode", EnvVars: env("seednode"), Usage: "connect to this node (`HOST:PORT`, may be repeated) to ask it for addresses, and disconnect, while too few peers are known"},
		&cli.StringSliceFlag{Name: "dnsseed", EnvVars: env("dnsseed"), Usage: "ask for the addresses of `NAME` (may be repeated), all of them nodes at the network's port; there are no built-in names"},
		&cli.StringSliceFlag{Name: "peers", EnvVars: env("peers"), Usage: "`FILE` of nodes, one IP:PORT a line (may be repeated)"},
		&cli.StringSliceFlag{Name: "whitelist", EnvVars: env("whitelist"), Usage: "`[PERMISSIONS@]IP[/NET]` (may be repeated): what peers from there may beyond others, of bloomfilter, noban, forcerelay, relay, mempool, download, addr, all; in, out: for inbound (default) or manual connections. Without permissions: relay, mempool, noban, download"},
		&cli.StringSliceFlag{Name: "whitebind", EnvVars: env("whitebind"), Usage: "`[PERMISSIONS@]IP:PORT` (may be repeated): listen there too; who connects there has these permissions, see --whitelist"},
		&cli.BoolFlag{Name: "whitelistrelay", Value: true, EnvVars: env("whitelistrelay"), Usage: "relay is among the permissions of who is on a whitelist without any"},
		&cli.BoolFlag{Name: "whitelistforcerelay", EnvVars: env("whitelistforcerelay"), Usage: "forcerelay is, too"},
		&cli.StringFlag{Name: "maxuploadtarget", Value: "0", EnvVars: env("maxuploadtarget"), Usage: "try to send no more than `SIZE` a day: in MiB, or with k, m, g, t (1000) or K, M, G, T (1024) behind it; 0: no limit. Blocks older than a week are not served near it"},
		&cli.Int64Flag{Name: "bantime", Value: 86400, EnvVars: env("bantime"), Usage: "how many `SECONDS` a ban by setban lasts"},
		&cli.Int64Flag{Name: "peertimeout", Value: 60, EnvVars: env("peertimeout"), Usage: "how many `SECONDS` a peer has for its first words"},
	}
}

// peerConfig reads peerFlags.
func peerConfig(c *cli.Context, cfg *node.Config) (err error) {
	cfg.Connect, cfg.Net.ConnectNames, err = splitPeers(c.StringSlice("connect"), cfg.Params.P2PPort)
	if err != nil {
		return err
	}
	if cfg.AddNodes, cfg.Net.AddNames, err = splitPeers(c.StringSlice("addnode"), cfg.Params.P2PPort); err != nil {
		return err
	}
	cfg.Net.SeedNodes = c.StringSlice("seednode")
	if names := c.StringSlice("dnsseed"); len(names) > 0 {
		cfg.Sources = append(cfg.Sources, p2p.DNSSeeds{Names: names, Port: uint16(cfg.Params.P2PPort)})
	}
	for _, path := range c.StringSlice("peers") {
		if _, err := os.Stat(path); err != nil {
			return usagef("--peers: %w", err)
		}
		cfg.Sources = append(cfg.Sources, p2p.PeersFile{Path: path})
	}
	cfg.Net.Whitelist, cfg.Net.Whitebind = c.StringSlice("whitelist"), c.StringSlice("whitebind")
	cfg.Net.NoWhitelistRelay, cfg.Net.WhitelistForceRelay = !c.Bool("whitelistrelay"), c.Bool("whitelistforcerelay")
	if cfg.Net.UploadTarget, err = byteUnits(c.String("maxuploadtarget")); err != nil {
		return err
	}
	if cfg.Net.BanTime, err = seconds(c, "bantime"); err != nil {
		return err
	}
	if cfg.Net.PeerTimeout, err = seconds(c, "peertimeout"); err != nil {
		return usagef("peertimeout must be a positive integer.")
	}
	cfg.Categories = &node.Categories{}
	for i, flag := range []string{"debug", "debugexclude"} {
		for _, name := range c.StringSlice(flag) {
			if !cfg.Categories.Set(name, i == 0) {
				return usagef("Unsupported logging category -%s=%s.", flag, name)
			}
		}
	}
	return nil
}

// workConfig reads the flags about the chain that are Bitcoin Core's and need more than a look.
func workConfig(c *cli.Context, cfg *node.Config) (err error) {
	if cfg.Net.MaxTipAge, err = seconds(c, "maxtipage"); err != nil {
		return err
	}
	cfg.Workers = workers(c.Int("par"), runtime.GOMAXPROCS(0))
	cfg.Reindex, cfg.NoMempoolFile = c.Bool("reindex"), !c.Bool("persistmempool")
	text := c.String("minimumchainwork")
	if text == "" {
		return nil
	}
	digits := strings.TrimPrefix(text, "0x")
	work, ok := new(big.Int).SetString(digits, 16)
	if !ok || len(digits) > 64 || strings.ContainsAny(digits, "+-_") {
		return usagef("Invalid minimum work specified (%s), must be up to 64 hex digits", text)
	}
	cfg.Params.MinimumWork = consensus.WorkFromBig(work)
	return nil
}

// maxWorkers is Bitcoin Core's most.
const maxWorkers = 16

// workers reads --par: 0 is one a processor, less leaves processors free.
func workers(par, processors int) int {
	if par <= 0 {
		par += processors
	}
	return min(max(par, 1), maxWorkers)
}

// mostSeconds is what more seconds count as: a hundred years.
const mostSeconds = 100 * 365 * 86400

// seconds reads a flag that is a number of seconds, at least 1.
func seconds(c *cli.Context, flag string) (time.Duration, error) {
	n := c.Int64(flag)
	if n < 1 {
		return 0, usagef("--%s is a number of seconds, at least 1", flag)
	}
	return time.Duration(min(n, mostSeconds)) * time.Second, nil
}

// byteUnits reads --maxuploadtarget: a number of MiB, or of what a letter behind it names.
func byteUnits(text string) (uint64, error) {
	bad := usagef("Unable to parse -maxuploadtarget: '%s'", text)
	units := map[byte]uint64{'k': 1e3, 'm': 1e6, 'g': 1e9, 't': 1e12, 'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40}
	if text == "" {
		return 0, bad
	}
	unit, named := units[text[len(text)-1]]
	if named {
		text = text[:len(text)-1]
	} else {
		unit = 1 << 20
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > math.MaxUint64/unit {
		return 0, bad
	}
	return n * unit, nil
}

// splitPeers tells addresses and names apart; the port may be left out.
func splitPeers(hosts []string, port int) (addrs []netip.AddrPort, names []string, err error) {
	for _, h := range hosts {
		host, portText, err := net.SplitHostPort(h)
		if err != nil {
			host, portText = h, strconv.Itoa(port)
		}
		n, err := strconv.ParseUint(portText, 10, 16)
		if err != nil || n == 0 || host == "" {
			return nil, nil, usagef("%q is not HOST:PORT", h)
		}
		if ip, err := netip.ParseAddr(host); err == nil {
			addrs = append(addrs, netip.AddrPortFrom(ip.Unmap(), uint16(n)))
			continue
		}
		names = append(names, net.JoinHostPort(host, portText))
	}
	return addrs, names, nil
}
