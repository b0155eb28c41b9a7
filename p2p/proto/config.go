package proto

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// Config is what a Machine is made from. It is not changed afterwards.
type Config struct {
	Params *consensus.Params // required
	Rand   *rand.Rand        // required; the machine becomes its only user
	// History names up to n blocks that are wanted beside the tip's, in their order; nil: there never are any. See history.go.
	History func(n int) []consensus.Ancestry

	Chain ChainView // required
	Pool  PoolView  // nil: there are no transactions, as with BlocksOnly
	Book  Book      // nil: nobody is dialled but Manual and Anchors, no address is gossiped

	Services wire.Services // what we offer; 0: NodeNetwork|NodeWitness
	Pruned   bool          // old blocks are not stored: NodeNetworkLimited is offered in NodeNetwork's place (BIP159)
	Version  string        // the program's version, told in the user agent (BIP14)
	Comment  string        // in parentheses behind it, if not empty

	// Listen is the address that is told to others as ours; the zero value or an unspecified IP: none.
	Listen netip.AddrPort

	Limits  Limits
	Manual  []netip.AddrPort // to keep a connection to
	Anchors []netip.AddrPort // block-relay peers of the last run, dialled first, once

	// Seeds are asked for addresses, one after the other, as long as too few peers are found without; see seeds.go.
	Seeds []netip.AddrPort
	// Banned tells whether an address is banned: it is neither picked from the Book nor taken from others. nil: nobody is.
	Banned func(now time.Time, a netip.Addr) bool

	// UploadTarget is how many bytes are to be sent within a day at most; 0: any number. Sent is how many were, ever; it is required
	// with an UploadTarget. See upload.go for what follows.
	UploadTarget uint64
	Sent         func() uint64

	HandshakeTimeout time.Duration // from a connection to its verack; 0: 60 s
	// MaxTipAge: a node whose tip was never younger is taken to be in its first download of blocks. 0: a day.
	MaxTipAge time.Duration

	// BlocksOnly: no transactions are asked for, taken or announced, but for those of Broadcast and of peers with PermRelay.
	BlocksOnly bool

	// NoCompactBlocks: blocks are only announced by headers and fetched whole (BIP152 is not offered).
	NoCompactBlocks bool

	// OneSource: a block that is late is not asked of a second peer while the first one lives. For comparison only: a peer that announces a
	// block and stays silent then holds it back for a block spacing (CVE-2024-52922).
	OneSource bool

	// Quiet is for networks in which no connection dies without Gone (the simulator's): nobody is pinged only to see whether
	// he is alive, and a peer is told of our fee filter again only when it has changed by more than a third.
	Quiet bool

	// TrickleScale multiplies all delays that exist for privacy or politeness: the Poisson timers of
	// announcements, the delays of requests to inbound peers. 0 means 1. A network on one host uses 0.02.
	TrickleScale float64

	// NetGroup is the group by which addresses that are to be dialled are bounded. nil: /16 of IPv4,
	// /32 of IPv6.
	NetGroup func(netip.AddrPort) string

	thorough bool // look at every peer after each event, in tests; see quickWork
}

// Limits are numbers of connections. Zero means none of that kind.
type Limits struct {
	Inbound    int  // over this, an inbound peer is evicted or the newcomer refused
	Outbound   int  // full-relay peers picked from the Book
	BlockRelay int  // peers from the Book with whom only blocks are exchanged
	Feelers    bool // short connections that test whether addresses of the Book are alive
}

// DefaultLimits are Bitcoin Core's: 125 connections in all, 8 + 2 outbound, feelers.
func DefaultLimits() Limits { return Limits{Inbound: 114, Outbound: 8, BlockRelay: 2, Feelers: true} }

func (c *Config) validate() error {
	switch {
	case c.Params == nil:
		return errors.New("proto: Config.Params is missing")
	case c.Rand == nil:
		return errors.New("proto: Config.Rand is missing")
	case c.Chain == nil:
		return errors.New("proto: Config.Chain is missing")
	case c.UploadTarget > 0 && c.Sent == nil:
		return errors.New("proto: Config.UploadTarget needs Config.Sent")
	case c.TrickleScale < 0:
		return errors.New("proto: Config.TrickleScale is negative")
	}
	return nil
}

func (c *Config) fill() {
	c.Services = c.Offered()
	if c.TrickleScale == 0 {
		c.TrickleScale = 1
	}
	if c.HandshakeTimeout <= 0 {
		c.HandshakeTimeout = handshakeTimeout
	}
	if c.MaxTipAge <= 0 {
		c.MaxTipAge = nearPresent
	}
	if c.NetGroup == nil {
		c.NetGroup = netGroup
	}
	if c.Pool == nil {
		c.Pool, c.BlocksOnly = noPool{}, true
	}
}

// scaled is d times TrickleScale.
func (c *Config) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * c.TrickleScale)
}

// UserAgent is BIP14's /Name:Version(comment)/, at most wire.MaxUserAgent bytes. It needs no other field than
// Version and Comment.
func (c *Config) UserAgent() string {
	ua := "/Cairn:" + wire.SafeString(c.Version)
	if c.Comment != "" {
		ua += "(" + wire.SafeString(c.Comment) + ")"
	}
	return ua[:min(len(ua), wire.MaxUserAgent-1)] + "/"
}

func netGroup(a netip.AddrPort) string {
	ip := a.Addr().Unmap()
	bits := 32
	if ip.Is4() {
		bits = 16
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
