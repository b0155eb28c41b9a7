package addrbook

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

func TestRaw(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := New([32]byte{1}, rand.New(rand.NewPCG(1, 2)))
	source := netip.MustParseAddrPort("5.6.7.8:9")
	for i := range 200 {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{20, byte(i), 1, 1}), 8333)
		b.Add(now, []wire.TimedAddr{{Time: uint32(now.Unix()), NetAddr: wire.NetAddr{Services: 9, Addr: a}}}, source)
		if i%10 == 0 {
			b.Good(now, a, 9)
		}
	}
	six := netip.MustParseAddrPort("[2a00::1]:1")
	b.Add(now, []wire.TimedAddr{{Time: uint32(now.Unix()), NetAddr: wire.NetAddr{Services: 9, Addr: six}}}, netip.AddrPort{})
	raw := b.Raw()
	seen := map[place]bool{}
	var last Raw
	tried := 0
	for i, r := range raw {
		p := place{r.Bucket, r.Slot}
		if r.Tried {
			tried++
			p.bucket += newBuckets
		}
		if seen[p] || i > 0 && last.Tried && !r.Tried || !b.Tried(r.Addr) == r.Tried || r.Addr != six && r.Source != source {
			t.Fatalf("slot %+v", r)
		}
		seen[p], last = true, r
	}
	four := func(a netip.AddrPort) bool { return a.Addr().Is4() }
	n, m := b.Count(four)
	all, allTried := b.Len()
	if n+1 != all || m != allTried || m != tried || len(raw) < all+allTried || tried < 15 {
		t.Errorf("%d slots, %d tried; %d and %d of IPv4, %d and %d in all", len(raw), tried, n, m, all, allTried)
	}
}
