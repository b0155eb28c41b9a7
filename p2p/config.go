package p2p

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/p2p/proto"
)

// Config is what a Net needs. Only Emit, and either Magic or Codec, have no default.
type Config struct {
	// Magic is the network's, read as little-endian; for the default Codec.
	Magic uint32

	Transport  Transport  // default TCP
	Codec      Codec      // default V1
	PortMapper PortMapper // default NoPortMapper

	// Emit takes the events Connected, DialFailed, Message, Malformed and Gone. It is called from many
	// goroutines, for one peer always in order. It may block: while it does, nothing is read from that
	// peer and TCP pushes back. It must return when ctx ends, which happens when the peer is closed (for
	// Message and Malformed) or the Net is (for all).
	Emit func(ctx context.Context, ev proto.Event)

	// Admit, if not nil, says of each new connection what the other end is allowed, and why it is not taken at all: a fixed phrase,
	// empty if it is. bound is what ListenFor was called with. It is called from many goroutines and must not block.
	Admit func(kind proto.ConnKind, addr netip.AddrPort, bound proto.Permissions) (perm proto.Permissions, refuse string)

	// MaxConnections is how many connections the node keeps; default 125. Inbound connections
	// are taken up to Slack (default 8) above it, so that the protocol machine can greet a newcomer and then evict
	// whom it likes least. Outbound ones are for the machine to bound; at most MaxDials (default 32)
	// are tried at once.
	MaxConnections, Slack, MaxDials int
	// MaxUngreeted bounds the inbound connections of one IP (or IPv6 /64) that have not said verack yet;
	// default 4. Loopback and proto.PermNoBan are exempt.
	MaxUngreeted int

	// QueueItems and QueueBytes bound what waits to be sent to one peer; defaults 5000 and 8 MB. A peer
	// for which more would wait is closed.
	QueueItems, QueueBytes int

	DialTimeout time.Duration // default 10 s
	OpenTimeout time.Duration // for Codec.Open; default 30 s
	ReadPace    Pace          // of one frame, for the default Codec; default 30 s and 16 KiB/s
	WritePace   Pace          // of one write; default 120 s and 16 KiB/s

	Log     *slog.Logger // default none
	Observe Observer     // default none
}

// Observer counts. Its methods are called from many goroutines and must not block.
type Observer interface {
	// Received and Sent count one message: its command, or "other" if the node does not know it, or
	// "dropped" if it was damaged, and the bytes of its frame. Decoys are "decoy", what a connection exchanges before its first
	// message is "opening".
	Received(command string, bytes int)
	Sent(command string, bytes int)
	// Decoded tells how long it took to decode the payload of a message.
	Decoded(command string, d time.Duration)
	// Refused counts an inbound connection that was not taken. The reasons are fixed phrases.
	Refused(reason string)
	// Closed counts the end of a connection. The reasons are the fixed phrases of this package and what
	// Disconnect was called with.
	Closed(reason string)
}

// NoObserver counts nothing.
type NoObserver struct{}

// Received does nothing.
func (NoObserver) Received(string, int) {}

// Sent does nothing.
func (NoObserver) Sent(string, int) {}

// Decoded does nothing.
func (NoObserver) Decoded(string, time.Duration) {}

// Refused does nothing.
func (NoObserver) Refused(string) {}

// Closed does nothing.
func (NoObserver) Closed(string) {}

// DefaultPace is the pace of frames that is used if a Config names none.
func DefaultPace() Pace { return Pace{30 * time.Second, 16 << 10} }

// withDefaults fills what was left open.
func (c Config) withDefaults() Config {
	orInt(&c.MaxConnections, 125)
	orInt(&c.Slack, 8)
	orInt(&c.MaxDials, 32)
	orInt(&c.MaxUngreeted, 4)
	orInt(&c.QueueItems, 5000)
	orInt(&c.QueueBytes, 8_000_000)
	orTime(&c.DialTimeout, 10*time.Second)
	orTime(&c.OpenTimeout, 30*time.Second)
	orPace(&c.ReadPace, DefaultPace())
	orPace(&c.WritePace, Pace{120 * time.Second, 16 << 10})
	if c.Transport == nil {
		c.Transport = TCP{}
	}
	if c.Codec == nil {
		c.Codec = V1{Magic: c.Magic, Pace: c.ReadPace}
	}
	if c.PortMapper == nil {
		c.PortMapper = NoPortMapper{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Observe == nil {
		c.Observe = NoObserver{}
	}
	return c
}

func orInt(v *int, def int) {
	if *v <= 0 {
		*v = def
	}
}

func orTime(v *time.Duration, def time.Duration) {
	if *v <= 0 {
		*v = def
	}
}

func orPace(v *Pace, def Pace) {
	if v.Base <= 0 {
		v.Base = def.Base
	}
	orInt(&v.BytesPerSecond, def.BytesPerSecond)
}
