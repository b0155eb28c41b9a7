package addrbook

import (
	"net/netip"
)

// Networks that carry an IPv4 address inside of an IPv6 one.
var (
	sixToFour = netip.MustParsePrefix("2002::/16")    // RFC 3964: bytes 2 to 5
	teredo    = netip.MustParsePrefix("2001::/32")    // RFC 4380: the last four bytes, inverted
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: the last four bytes
	sharedNet = netip.MustParsePrefix("100.64.0.0/10")
)

// Group returns the network group of an address: addresses of one group are thought to be in one hand.
// It is text to compare, not to parse.
//
//   - A public IPv4 address is grouped by its /16, IPv6 by its /32, an IPv6 address that carries an IPv4 one
//     (6to4, Teredo, NAT64) by that one, as in Bitcoin Core.
//   - A private address is a group by itself: a network at home or of containers is one /16, and would
//     else be worth one connection. Nobody gains by it from outside, since a Book does not take private
//     addresses from public sources.
//   - A loopback address with its port is a group by itself, so that the nodes of a testnet on one host are as
//     many groups as they are nodes.
//   - The zero value, for transports without addresses, is one group.
func Group(a netip.AddrPort) string {
	ip := a.Addr().Unmap().WithZone("")
	switch scopeOf(ip) {
	case scopeNone:
		return "none"
	case scopeHost:
		return "host " + netip.AddrPortFrom(ip, a.Port()).String()
	case scopePrivate:
		return "private " + ip.String()
	}
	bits := 32
	if v4, ok := carried(ip); ok {
		ip, bits = v4, 16
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return "none"
	}
	return p.String()
}

// carried returns the IPv4 address that ip is or carries.
func carried(ip netip.Addr) (netip.Addr, bool) {
	if ip.Is4() {
		return ip, true
	}
	b := ip.As16()
	switch {
	case sixToFour.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case teredo.Contains(ip):
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), true
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:])), true
	}
	return ip, false
}

// scope says how far an address reaches.
type scope uint8

const (
	scopeNone    scope = iota // cannot be dialled: unspecified, multicast, link-local
	scopeHost                 // loopback
	scopePrivate              // a network at home or of containers
	scopePublic
)

func scopeOf(ip netip.Addr) scope {
	switch {
	case !ip.IsValid(), ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast(),
		ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}), ip.Is4() && ip.As4()[0] == 0:
		return scopeNone
	case ip.IsLoopback():
		return scopeHost
	case ip.IsPrivate(), sharedNet.Contains(ip):
		return scopePrivate
	}
	return scopePublic
}

// believable tells whether source may speak of addr: only of addresses that reach at least as far as its
// own. So nobody on the internet can make us dial into the network that we are in, or fill the book with
// our own ports. The zero source is ourselves.
func believable(addr, source netip.AddrPort) bool {
	to := scopeOf(addr.Addr())
	if to == scopeNone || addr.Port() == 0 {
		return false
	}
	return !source.IsValid() || to >= scopeOf(source.Addr().Unmap())
}
