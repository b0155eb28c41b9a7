package proto

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// addrsV2 reads "1.2.3.4:5" and "network/hex:port".
func (s *scenario) addrsV2(t *testing.T, words []string) (out []wire.TimedAddrV2) {
	for _, w := range words {
		a := wire.TimedAddrV2{Time: uint32(s.now.Unix()), Services: 9}
		network, rest, foreign := strings.Cut(w, "/")
		if !foreign {
			v1 := wire.TimedAddr{Time: a.Time, NetAddr: wire.NetAddr{Services: 9, Addr: netip.MustParseAddrPort(w)}}
			out = append(out, v1.V2())
			continue
		}
		digits, port, _ := strings.Cut(rest, ":")
		n, err := strconv.Atoi(network)
		if err != nil {
			t.Fatal(err)
		}
		short, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		p, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		size := map[wire.Network]int{wire.NetTorV3: 32, wire.NetI2P: 32, wire.NetCJDNS: 16, wire.NetIPv6: 16, wire.NetTorV2: 10}[wire.Network(n)]
		a.Network, a.Addr, a.Port = wire.Network(n), make([]byte, max(size, len(short))), uint16(p)
		copy(a.Addr, short)
		out = append(out, a)
	}
	return out
}

// addrsV2Text writes them down, what follows the first zero byte left out.
func addrsV2Text(addrs []wire.TimedAddrV2) (out []string) {
	for _, a := range addrs {
		if v1, ok := a.V1(); ok {
			out = append(out, v1.Addr.String())
			continue
		}
		short, _, _ := strings.Cut(string(a.Addr), "\x00")
		out = append(out, fmt.Sprintf("%d/%x:%d", a.Network, short, a.Port))
	}
	return out
}
