package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"net/netip"
	"runtime"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// lateSamples are messages of BIP155, BIP157 and BIP37.
func lateSamples() []Message {
	hashes := []types.Hash{{1}, {2}}
	return []Message{
		AddrV2{[]TimedAddrV2{}},
		AddrV2{[]TimedAddrV2{
			{Time: 1, Services: NodeNetwork, Network: NetIPv4, Addr: []byte{203, 0, 113, 7}, Port: 8333},
			{Time: math.MaxUint32, Services: math.MaxUint64, Network: NetIPv6, Addr: bytes.Repeat([]byte{0x20}, 16)},
			{Network: NetTorV2, Addr: make([]byte, 10)}, {Network: NetTorV3, Addr: make([]byte, 32), Port: 1},
			{Network: NetI2P, Addr: make([]byte, 32)}, {Network: NetCJDNS, Addr: append([]byte{0xfc}, make([]byte, 15)...)},
			{Network: 200, Addr: make([]byte, MaxAddrBytes)}, {Network: 0, Addr: []byte{}},
		}},
		GetCFilters{Start: 7, Stop: hashes[0]}, GetCFHeaders{Type: 9, Start: math.MaxUint32}, GetCFCheckpt{Stop: hashes[1]},
		CFilter{Block: hashes[0], Filter: []byte{1, 2, 3}}, CFHeaders{Stop: hashes[0], Prev: hashes[1], Hashes: hashes},
		CFHeaders{Hashes: []types.Hash{}}, CFCheckpt{Type: 1, Stop: hashes[0], Headers: hashes},
		FilterLoad{Data: []byte{1, 2}, Hashes: math.MaxUint32, Tweak: 5, Flags: 255}, FilterLoad{Data: make([]byte, MaxFilterBytes)},
		FilterAdd{Data: make([]byte, MaxFilterElement)}, FilterAdd{Data: []byte{}}, FilterClear{},
		MerkleBlock{Header: types.Header{Version: 2}, Total: 2, Hashes: hashes, Flags: []byte{7}},
	}
}

// Three addresses as Bitcoin Core's tests of its serialization have them.
func TestAddrV2KnownBytes(t *testing.T) {
	const core = "03" +
		"61bc6649" + "00" + "02" + "10" + "00000000000000000000000000000001" + "0000" +
		"79627683" + "01" + "02" + "10" + "00000000000000000000000000000001" + "00f1" +
		"ffffffff" + "fd4804" + "02" + "10" + "00000000000000000000000000000001" + "f1f2"
	payload, err := hex.DecodeString(core)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode("addrv2", payload)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		time     uint32
		services Services
		port     uint16
	}{{0x4966bc61, 0, 0}, {0x83766279, NodeNetwork, 0xf1}, {0xffffffff, 0x448, 0xf1f2}}
	for i, a := range m.(AddrV2).Addrs {
		v1, ok := a.V1()
		if !ok || v1.Time != want[i].time || v1.Services != want[i].services || v1.Addr != netip.AddrPortFrom(netip.IPv6Loopback(), want[i].port) {
			t.Errorf("address %d is %+v, %v", i, v1, ok)
		}
	}
	if got := m.Append(nil); !bytes.Equal(got, payload) {
		t.Errorf("encoded again: %x", got)
	}
}

func addrV2(network Network, addr []byte) []byte {
	return AddrV2{[]TimedAddrV2{{Network: network, Addr: addr}}}.Append(nil)
}

// BIP155: a wrong length for a known network, over 512 bytes for any, and over 1000 entries are refused; unknown
// networks are taken.
func TestAddrV2Refuses(t *testing.T) {
	for network, size := range netSizes {
		for _, n := range []int{0, size - 1, size + 1, 512} {
			if _, err := Decode("addrv2", addrV2(network, make([]byte, n))); !errors.Is(err, ErrAddrLength) {
				t.Errorf("network %d with %d bytes: %v", network, n, err)
			}
		}
		if _, err := Decode("addrv2", addrV2(network, make([]byte, size))); err != nil {
			t.Errorf("network %d: %v", network, err)
		}
	}
	for _, network := range []Network{0, 7, 255} {
		for _, n := range []int{0, 1, 511, 512} {
			if _, err := Decode("addrv2", addrV2(network, make([]byte, n))); err != nil {
				t.Errorf("unknown network %d with %d bytes: %v", network, n, err)
			}
		}
		if _, err := Decode("addrv2", addrV2(network, make([]byte, 513))); !errors.Is(err, types.ErrTooLarge) {
			t.Errorf("513 bytes: %v", err)
		}
	}
	many := AddrV2{make([]TimedAddrV2, MaxAddrs+1)}
	if _, err := Decode("addrv2", many.Append(nil)); !errors.Is(err, types.ErrTooLarge) {
		t.Errorf("1001 addresses: %v", err)
	}
	if _, err := Decode("addrv2", AddrV2{many.Addrs[:MaxAddrs]}.Append(nil)); err != nil {
		t.Errorf("1000 addresses: %v", err)
	}
	full := AddrV2{make([]TimedAddrV2, MaxAddrs)}
	for i := range full.Addrs {
		full.Addrs[i] = TimedAddrV2{Services: math.MaxUint64, Network: 99, Addr: make([]byte, MaxAddrBytes)}
	}
	if b := full.Append(nil); len(b) != Limit("addrv2") {
		t.Errorf("the largest addrv2 has %d bytes, the limit is %d", len(b), Limit("addrv2"))
	} else if _, err := Decode("addrv2", b); err != nil {
		t.Error(err)
	}
}

// What stands for an address of another network inside an IPv6 one is no address; TorV2 is dead, CJDNS has its prefix.
func TestAddrV2Meaning(t *testing.T) {
	for _, c := range []struct {
		network Network
		addr    string
		v1      string // "": none
		gossip  bool
	}{
		{NetIPv4, "01020304", "1.2.3.4:5", false},
		{NetIPv6, "20010db8000000000000000000000001", "[2001:db8::1]:5", false},
		{NetIPv6, "00000000000000000000ffff01020304", "", false},
		{NetIPv6, "fd87d87eeb4300000000000000000001", "", false},
		{NetTorV2, "01020304050607080910", "", false},
		{NetTorV3, "0102030405060708091011121314151601020304050607080910111213141516", "", true},
		{NetI2P, "0102030405060708091011121314151601020304050607080910111213141516", "", true},
		{NetCJDNS, "fc000000000000000000000000000001", "", true},
		{NetCJDNS, "20010db8000000000000000000000001", "", false},
		{77, "010203", "", false},
	} {
		addr, err := hex.DecodeString(c.addr)
		if err != nil {
			t.Fatal(err)
		}
		a := TimedAddrV2{Time: 9, Services: 3, Network: c.network, Addr: addr, Port: 5}
		v1, ok := a.V1()
		if ok != (c.v1 != "") || (ok && v1.Addr.String() != c.v1) || a.Gossiped() != c.gossip {
			t.Errorf("network %d %s: %v %v, passed on %v", c.network, c.addr, v1.Addr, ok, a.Gossiped())
		}
		if ok && !bytes.Equal(AddrV2{[]TimedAddrV2{v1.V2()}}.Append(nil), AddrV2{[]TimedAddrV2{a}}.Append(nil)) {
			t.Errorf("%v does not come back", v1)
		}
	}
}

func TestLateLimits(t *testing.T) {
	for _, c := range []struct {
		m    Message
		want error
	}{
		{FilterLoad{Data: make([]byte, MaxFilterBytes+1)}, ErrLength},
		{FilterAdd{Data: make([]byte, MaxFilterElement+1)}, ErrLength},
		{CFHeaders{Hashes: make([]types.Hash, MaxCFHeaders+1)}, ErrLength},
		{MerkleBlock{Hashes: make([]types.Hash, maxMerkleLeaves+1)}, types.ErrTooLarge},
	} {
		if _, err := Decode(c.m.Command(), c.m.Append(nil)); !errors.Is(err, c.want) {
			t.Errorf("%s over its limit: %v", c.m.Command(), err)
		}
	}
	if n := len(CFHeaders{Hashes: make([]types.Hash, MaxCFHeaders)}.Append(nil)); n != Limit("cfheaders") {
		t.Errorf("the largest cfheaders has %d bytes, the limit is %d", n, Limit("cfheaders"))
	}
}

// A count that the bytes behind it cannot hold costs no memory, and a full addrv2 a small multiple of its bytes.
func TestAddrV2Memory(t *testing.T) {
	cost := func(payload []byte) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 100 {
			if _, err := Decode("addrv2", payload); err == nil && len(payload) < 100 {
				t.Fatal("taken")
			}
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / 100
	}
	if n := cost(append(types.AppendVarInt(nil, MaxAddrs), 1, 2, 3)); n > 1024 {
		t.Errorf("%d bytes for an empty promise", n)
	}
	least := AddrV2{make([]TimedAddrV2, MaxAddrs)}.Append(nil)
	if n := cost(least); n > 8*uint64(len(least)) {
		t.Errorf("%d bytes allocated for a payload of %d", n, len(least))
	}
}
