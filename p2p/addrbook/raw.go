package addrbook

import (
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// Raw is one slot of the tables that is taken, for people who look into the book (getrawaddrman). An address may have several in new.
type Raw struct {
	Tried        bool
	Bucket, Slot int
	Addr, Source netip.AddrPort // Source is the zero value if the address came from ourselves
	Services     wire.Services
	Seen         time.Time
}

// Raw returns all slots that are taken: those of new, then those of tried, by bucket and slot.
func (b *Book) Raw() []Raw {
	return b.tried.raw(b.fresh.raw(nil, false), true)
}

func (t *table) raw(out []Raw, tried bool) []Raw {
	for i, bucket := range t.buckets {
		if bucket == nil {
			continue
		}
		for j, e := range bucket.slots {
			if e != nil {
				out = append(out, Raw{tried, i, j, e.addr, e.source, e.services, time.Unix(max(e.seen, e.lastGood), 0)})
			}
		}
	}
	return out
}

// Count tells how many addresses of those that of picks stand in new and in tried.
func (b *Book) Count(of func(netip.AddrPort) bool) (fresh, tried int) {
	for _, e := range b.all {
		switch {
		case !of(e.addr):
		case e.tried:
			tried++
		default:
			fresh++
		}
	}
	return fresh, tried
}

// Tried tells whether an address stands in tried.
func (b *Book) Tried(addr netip.AddrPort) bool {
	e := b.byAddr[canonical(addr)]
	return e != nil && e.tried
}
