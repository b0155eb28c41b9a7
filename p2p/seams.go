package p2p

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// Transport makes connections. TCP is the plain one; a laboratory passes its own, shaped and cut as
// it likes.
type Transport interface {
	// Dial connects to an address. It returns soon after ctx ends.
	Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
	// Listen takes connections on a local address, host:port; port 0 lets the system choose.
	Listen(addr string) (net.Listener, error)
}

// Grouper is what a net.Conn may implement if its RemoteAddr does not tell where the other end is. A
// connection that isn't a Grouper is grouped by the IP of its RemoteAddr.
type Grouper interface {
	// NetGroup returns the group by which eviction and the address book bound this connection, and the
	// other end's address, or the zero value if the transport has no IP addresses.
	NetGroup() (group string, addr netip.AddrPort)
}

// PortMapper asks a router to let connections through to a port.
type PortMapper interface {
	// Map opens a port on the router until ctx ends and returns the address under which the world reaches it; the
	// zero value says that there is no router, which is not an error.
	Map(ctx context.Context, port uint16) (netip.AddrPort, error)
}

// Codec turns a connection into frames. V1 is the plain one, V2 the encrypted one.
type Codec interface {
	// Open begins on a fresh connection; outbound says that we dialled it. It may talk with the other
	// end first: the connection has a deadline while it runs. It must not start goroutines. If it fails with ErrOlder
	// on a connection that we dialled, and the Codec is a Fallback, the address is dialled once more.
	Open(conn net.Conn, outbound bool) (Stream, error)
}

// Fallback is a Codec that has an older one for nodes that do not know it.
type Fallback interface {
	Codec
	// Fallback returns the older one.
	Fallback() Codec
}

// ErrOlder says that the other end closed as one does that does not know the Codec.
var ErrOlder = errors.New("the other end does not know this transport")

// Stream is a connection seen as frames. Read and Release are called from one goroutine, Append from one
// other.
type Stream interface {
	// Read waits for the next frame. For its first byte it waits without end, for the rest a bounded time;
	// it sets the read deadlines itself. It must refuse a payload over wire.Limit before reading it. A *MalformedError
	// says that the peer broke the protocol, any other error is the connection's.
	Read() (Frame, error)
	// Release takes back the payload of the last frame, which is not used any more.
	Release()
	// Append appends the message as it goes onto the wire.
	Append(b []byte, m wire.Message) []byte
	// Session tells how the connection was opened; always the same.
	Session() Session
}

// Session is what Codec.Open has come to.
type Session struct {
	Transport string // "v1" or "v2"
	ID        string // of an encrypted connection, in hex; the same at both ends
	// Sent and Received are the bytes that opening took.
	Sent, Received int
}

// Frame is what came on the wire for one message.
type Frame struct {
	Command string
	Payload []byte // valid until Release; nil if it was passed over
	Passed  int    // bytes of payload that were passed over, because the command is not Known
	Size    int    // bytes on the wire
	Dropped bool   // the frame was damaged: it is counted and nothing else
	Decoy   bool   // the frame says nothing: it is counted and nothing else
}

// MalformedError says that a peer sent bytes that are not a message, so that its stream cannot be
// followed further.
type MalformedError struct{ Err error }

// Error returns the text of Err, in which text of the peer is quoted.
func (e *MalformedError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *MalformedError) Unwrap() error { return e.Err }

// Pace bounds how long a transfer may take.
type Pace struct {
	Base           time.Duration // for anything
	BytesPerSecond int           // the slowest peer that is borne; more bytes get more time
}

// For returns the time that n bytes are given.
func (p Pace) For(n int) time.Duration {
	return p.Base + time.Duration(n)*time.Second/time.Duration(max(p.BytesPerSecond, 1))
}

// TCP is the Transport of the internet.
type TCP struct{}

// Dial connects over TCP.
func (TCP) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr.String())
}

// Listen takes TCP connections. If the port is taken the error says so, and what to do.
func (TCP) Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("cannot listen on %s: the port is taken, likely by another node; stop that one or choose another port: %w", addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	return l, nil
}

// NoPortMapper maps nothing: for hosts that are reached as they are.
type NoPortMapper struct{}

// Map returns the zero value.
func (NoPortMapper) Map(context.Context, uint16) (netip.AddrPort, error) {
	return netip.AddrPort{}, nil
}
