package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/proto"
)

// NetConfig is the part of Config about what single peers may, and by which names they are found. The zero value of a field means
// the default that its comment names.
type NetConfig struct {
	// Whitelist has texts of the form [permissions@]ip[/net], Whitebind of the form [permissions@]host:port: further addresses to listen on.
	// proto.ParseGrant reads the permissions. Who is named without any has the implicit ones: relay, unless NoWhitelistRelay,
	// forcerelay with WhitelistForceRelay, mempool, noban, download.
	Whitelist, Whitebind []string
	NoWhitelistRelay     bool
	WhitelistForceRelay  bool

	BanTime time.Duration // of setban, if nothing is said; 0: a day

	UploadTarget uint64        // bytes a day, see proto.Config; 0: any number
	PeerTimeout  time.Duration // for the handshake; 0: 60 s
	MaxTipAge    time.Duration // see proto.Config; 0: a day

	// ConnectNames and AddNames are host:port with a name for a host: as Connect and AddNodes, but the name is looked up, and looked up
	// again when its address cannot be reached. SeedNodes are host:port, by name or address, that are asked for addresses once; they are
	// left out if Connect, ConnectNames or ConnectOnly is set.
	ConnectNames, AddNames, SeedNodes []string
	// Lookup finds the addresses of a name; nil asks the system's resolver.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)
}

const (
	maxGrants      = 1000
	defaultBanTime = 24 * time.Hour
)

// grantNet is an entry of Whitelist that was read.
type grantNet struct {
	proto.Grant
	net netip.Prefix
}

// listening is an entry of Whitebind that was read.
type listening struct {
	perm proto.Permissions
	addr string
}

func (c *NetConfig) check() error {
	if _, err := c.grants(); err != nil {
		return err
	}
	if _, err := c.listenings(); err != nil {
		return err
	}
	if c.BanTime < 0 || c.PeerTimeout < 0 || c.MaxTipAge < 0 {
		return errors.New("times are not negative")
	}
	for _, list := range [][]string{c.ConnectNames, c.AddNames, c.SeedNodes} {
		for _, text := range list {
			if _, _, err := splitPeer(text, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *NetConfig) fill() {
	setDefault(&c.BanTime, defaultBanTime)
	if c.Lookup == nil {
		c.Lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		}
	}
}

// said is an error in Bitcoin Core's words, which begin with capital letters.
type said string

func (s said) Error() string { return string(s) }

// grants reads Whitelist.
func (c *NetConfig) grants() ([]grantNet, error) {
	if len(c.Whitelist) > maxGrants {
		return nil, fmt.Errorf("more than %d entries of --whitelist", maxGrants)
	}
	out := make([]grantNet, len(c.Whitelist))
	for i, text := range c.Whitelist {
		g, rest, err := proto.ParseGrant(text)
		if err != nil {
			return nil, err
		}
		net, err := p2p.ParseNet(rest)
		if err != nil {
			return nil, said(fmt.Sprintf("Invalid netmask specified in -whitelist: '%s'", rest))
		}
		out[i] = grantNet{g, net}
	}
	return out, nil
}

// listenings reads Whitebind.
func (c *NetConfig) listenings() ([]listening, error) {
	if len(c.Whitebind) > maxGrants {
		return nil, fmt.Errorf("more than %d entries of --whitebind", maxGrants)
	}
	out := make([]listening, len(c.Whitebind))
	for i, text := range c.Whitebind {
		g, rest, err := proto.ParseGrant(text)
		switch host, port, splitErr := net.SplitHostPort(rest); {
		case err != nil:
			return nil, err
		case g.Out:
			return nil, errors.New(`whitebind may only be used for incoming connections ("out" was passed)`)
		case splitErr != nil || port == "":
			return nil, said(fmt.Sprintf("Need to specify a port with -whitebind: '%s'", rest))
		case host != "":
			if _, err := netip.ParseAddr(host); err != nil {
				return nil, said(fmt.Sprintf("Cannot resolve -whitebind address: '%s'", rest))
			}
		}
		out[i] = listening{g.Permissions, rest}
	}
	return out, nil
}

// splitPeer reads host[:port].
func splitPeer(text string, port uint16) (host string, at uint16, err error) {
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		host, portText = text, strconv.Itoa(int(port))
	}
	n, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || n == 0 || !isHost(host) {
		return "", 0, fmt.Errorf("%q is not HOST or HOST:PORT", text)
	}
	return host, uint16(n), nil
}

// isHost tells whether a text may be an address or a name of the domain name system.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for _, r := range s {
		if !(r == '-' || r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return true
}

// connectOnly tells whether nobody is dialled but whom a person named.
func (c *Config) connectOnly() bool {
	return c.ConnectOnly || len(c.Connect)+len(c.Net.ConnectNames) > 0
}

// listenFor opens the addresses of Whitebind.
func (n *Node) listenFor() error {
	list, err := n.cfg.Net.listenings()
	if err != nil {
		return err
	}
	for _, l := range list {
		at, err := n.net.ListenFor(l.addr, l.perm)
		if err != nil {
			return err
		}
		n.bound = append(n.bound, at)
	}
	return nil
}

// addNames tells the machine's configuration and the lookups of the peers that were named.
func (n *Node) addNames(pc *proto.Config) {
	port := uint16(n.cfg.Params.P2PPort)
	add := func(text string, seed bool) netip.AddrPort {
		host, at, err := splitPeer(text, port)
		if err != nil {
			return netip.AddrPort{} // check has refused it
		}
		if ip, err := netip.ParseAddr(host); err == nil {
			return netip.AddrPortFrom(ip.Unmap(), at)
		}
		n.names.add(text, host, at, seed)
		return netip.AddrPort{}
	}
	for _, text := range append(append([]string{}, n.cfg.Net.ConnectNames...), n.cfg.Net.AddNames...) {
		if a := add(text, false); a.IsValid() {
			pc.Manual = append(pc.Manual, a)
		}
	}
	if n.cfg.connectOnly() {
		return
	}
	for _, text := range n.cfg.Net.SeedNodes {
		if a := add(text, true); a.IsValid() {
			pc.Seeds = append(pc.Seeds, a)
		}
	}
}

// limitPeers tells the machine's configuration of bans, the upload target and times.
func (n *Node) limitPeers(pc *proto.Config) {
	pc.Banned = n.admission.bans.Banned
	pc.UploadTarget = n.cfg.Net.UploadTarget
	pc.Sent = func() uint64 { _, sent := n.stats.totals(); return sent }
	pc.HandshakeTimeout, pc.MaxTipAge = n.cfg.Net.PeerTimeout, n.cfg.Net.MaxTipAge
}
