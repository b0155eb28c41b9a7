package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/cairn-chain/cairn/types"
)

// MaxAddrBytes is the longest address of any network in an addrv2 message (BIP155).
const MaxAddrBytes = 512

// ErrAddrLength is returned for an addrv2 message with an address that has not the length of its network.
var ErrAddrLength = errors.New("an address has not the length of its network")

// Network is BIP155's number of the network that an address belongs to.
type Network uint8

// The networks of BIP155.
const (
	NetIPv4  Network = 1
	NetIPv6  Network = 2
	NetTorV2 Network = 3 // no longer exists
	NetTorV3 Network = 4
	NetI2P   Network = 5
	NetCJDNS Network = 6
)

// netSizes is how many bytes the addresses of a network have.
var netSizes = map[Network]int{NetIPv4: 4, NetIPv6: 16, NetTorV2: 10, NetTorV3: 32, NetI2P: 32, NetCJDNS: 16}

// onionCat is where Tor addresses of version 2 were written as IPv6 ones, cjdns where all CJDNS addresses lie.
var (
	onionCat = netip.MustParsePrefix("fd87:d87e:eb43::/48")
	cjdns    = netip.MustParsePrefix("fc00::/8")
)

// TimedAddrV2 is an entry of an addrv2 message. Time is in seconds since 1970. Addr holds at most MaxAddrBytes, and
// exactly as many as the network has if that is known.
type TimedAddrV2 struct {
	Time     uint32
	Services Services
	Network  Network
	Addr     []byte
	Port     uint16
}

// AddrV2 tells of other nodes (BIP155): at most MaxAddrs.
type AddrV2 struct{ Addrs []TimedAddrV2 }

// V2 returns the entry as it stands in an addrv2 message. The address must be valid.
func (a TimedAddr) V2() TimedAddrV2 {
	ip := a.Addr.Addr().Unmap()
	network := NetIPv6
	if ip.Is4() {
		network = NetIPv4
	}
	return TimedAddrV2{Time: a.Time, Services: a.Services, Network: network, Addr: ip.AsSlice(), Port: a.Addr.Port()}
}

// V1 returns the entry as it stands in an addr message. ok is false for what is no IPv4 or IPv6 address: another
// network, or an IPv6 address that stands for one of another network, which BIP155 wants ignored.
func (a TimedAddrV2) V1() (v1 TimedAddr, ok bool) {
	ip, _ := netip.AddrFromSlice(a.Addr)
	switch {
	case a.Network == NetIPv4 && ip.Is4():
	case a.Network == NetIPv6 && ip.Is6() && !ip.Is4In6() && !onionCat.Contains(ip):
	default:
		return TimedAddr{}, false
	}
	return TimedAddr{Time: a.Time, NetAddr: NetAddr{Services: a.Services, Addr: netip.AddrPortFrom(ip, a.Port)}}, true
}

// Gossiped tells whether an address of a network that this node cannot reach may be passed on: it belongs to a
// network that BIP155 names, that exists, and in which it can be.
func (a TimedAddrV2) Gossiped() bool {
	switch a.Network {
	case NetTorV3, NetI2P:
		return true
	case NetCJDNS:
		ip, ok := netip.AddrFromSlice(a.Addr)
		return ok && cjdns.Contains(ip)
	}
	return false
}

// Command returns "addrv2".
func (AddrV2) Command() string { return "addrv2" }

// Append appends a count and the addresses, each with its network and length.
func (m AddrV2) Append(b []byte) []byte {
	b = types.AppendVarInt(b, uint64(len(m.Addrs)))
	for i := range m.Addrs {
		a := &m.Addrs[i]
		b = binary.LittleEndian.AppendUint32(b, a.Time)
		b = append(types.AppendVarInt(b, uint64(a.Services)), byte(a.Network))
		b = binary.BigEndian.AppendUint16(types.AppendVarBytes(b, a.Addr), a.Port)
	}
	return b
}

// An addrv2 entry has at least time, services, network, length and port, at most the services in nine bytes and
// the longest address.
const (
	addrV2Min = 4 + 1 + 1 + 1 + 2
	addrV2Max = 4 + 9 + 1 + longCount + MaxAddrBytes + 2
)

func decodeAddrV2(d *types.Decoder) Message {
	addrs := make([]TimedAddrV2, d.Count(MaxAddrs, addrV2Min))
	for i := range addrs {
		a := TimedAddrV2{Time: d.Uint32(), Services: Services(d.VarInt()), Network: Network(d.Uint8())}
		a.Addr = append([]byte{}, d.VarBytes(MaxAddrBytes)...)
		if port := d.Bytes(2); port != nil {
			a.Port = binary.BigEndian.Uint16(port)
		}
		if size, known := netSizes[a.Network]; known && d.Err() == nil && len(a.Addr) != size {
			d.Fail(fmt.Errorf("%w: %d bytes in network %d", ErrAddrLength, len(a.Addr), a.Network))
		}
		if d.Err() != nil {
			return nil
		}
		addrs[i] = a
	}
	return AddrV2{addrs}
}
