package p2p

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxBans is how many addresses and nets a Bans holds. MaxBansFile is the most that Decode reads, in bytes.
const (
	MaxBans     = 10_000
	MaxBansFile = 4 << 20
	banVersion  = 1
)

// ErrTooManyBans is returned by Ban when MaxBans are held.
var ErrTooManyBans = errors.New("too many addresses are banned: lift some bans first")

// Ban is an address or net that is kept out for a time.
type Ban struct {
	Net            netip.Prefix // masked
	Created, Until time.Time    // whole seconds
}

// Bans are the addresses that a person has banned: by hand only, since what the machine itself holds against an address it forgets
// in time (package proto). The zero value is empty. All methods may be called from many goroutines; a ban that is over is as good as
// none. Each lookup takes time in the number of different prefix lengths, not of bans.
type Bans struct {
	mu      sync.Mutex
	bans    map[netip.Prefix]Ban
	lengths map[int]int // prefix lengths that occur (IPv6: 1000 more), and how often
}

// CanonicalNet is the form in which a net is banned: of IPv4 where that was written as IPv6, masked, without a zone.
func CanonicalNet(p netip.Prefix) netip.Prefix {
	a, bits := p.Addr().WithZone(""), p.Bits()
	if a.Is4In6() && bits >= 96 {
		a, bits = a.Unmap(), bits-96
	}
	return netip.PrefixFrom(a, bits).Masked()
}

func lengthKey(p netip.Prefix) int {
	if p.Addr().Is6() {
		return 1000 + p.Bits()
	}
	return p.Bits()
}

// Ban keeps a net out from now until a time. A ban of the same net that ends later stays as it is. Error: ErrTooManyBans.
func (b *Bans) Ban(net netip.Prefix, now, until time.Time) error {
	net = CanonicalNet(net)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep(now)
	old, known := b.bans[net]
	switch {
	case known && !until.After(old.Until):
		return nil
	case !known && len(b.bans) >= MaxBans:
		return ErrTooManyBans
	}
	b.put(Ban{Net: net, Created: now.Truncate(time.Second), Until: until.Truncate(time.Second)})
	return nil
}

func (b *Bans) put(n Ban) {
	if b.bans == nil {
		b.bans, b.lengths = map[netip.Prefix]Ban{}, map[int]int{}
	}
	if _, known := b.bans[n.Net]; !known {
		b.lengths[lengthKey(n.Net)]++
	}
	b.bans[n.Net] = n
}

func (b *Bans) remove(net netip.Prefix) {
	k := lengthKey(net)
	if b.lengths[k]--; b.lengths[k] == 0 {
		delete(b.lengths, k)
	}
	delete(b.bans, net)
}

// sweep forgets what is over.
func (b *Bans) sweep(now time.Time) {
	for net, n := range b.bans {
		if !now.Before(n.Until) {
			b.remove(net)
		}
	}
}

// Unban lifts the ban of exactly this net. It tells whether there was one.
func (b *Bans) Unban(net netip.Prefix) bool {
	net = CanonicalNet(net)
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.bans[net]
	if ok {
		b.remove(net)
	}
	return ok
}

// Clear lifts all bans.
func (b *Bans) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bans, b.lengths = nil, nil
}

// Banned tells whether an address lies in a net that is banned now.
func (b *Bans) Banned(now time.Time, a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.lengths {
		if (k >= 1000) != a.Is6() {
			continue
		}
		net, err := a.Prefix(k % 1000)
		if n, ok := b.bans[net]; err == nil && ok && now.Before(n.Until) {
			return true
		}
	}
	return false
}

// Holds tells whether exactly this net is banned now.
func (b *Bans) Holds(now time.Time, net netip.Prefix) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, ok := b.bans[CanonicalNet(net)]
	return ok && now.Before(n.Until)
}

// List returns the bans that hold now, by net.
func (b *Bans) List(now time.Time) []Ban {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep(now)
	out := make([]Ban, 0, len(b.bans))
	for _, n := range b.bans {
		out = append(out, n)
	}
	slices.SortFunc(out, func(x, y Ban) int { return x.Net.Compare(y.Net) })
	return out
}

// jsonBan is an entry of banlist.json, as Bitcoin Core writes it.
type jsonBan struct {
	Version int    `json:"version"`
	Created int64  `json:"ban_created"`
	Until   int64  `json:"banned_until"`
	Address string `json:"address"`
}

type jsonBans struct {
	Nets []jsonBan `json:"banned_nets"`
}

// Encode returns the bans that hold now as the contents of banlist.json, in Bitcoin Core's form.
func (b *Bans) Encode(now time.Time) ([]byte, error) {
	list := jsonBans{Nets: []jsonBan{}}
	for _, n := range b.List(now) {
		list.Nets = append(list.Nets, jsonBan{banVersion, n.Created.Unix(), n.Until.Unix(), n.Net.String()})
	}
	return json.MarshalIndent(list, "", "    ")
}

// Decode adds what Encode wrote, but for what is over. A file that is not one is refused as a whole; an entry of a version or form that
// is not known is left out, and those over MaxBans are; the error then names the first.
func (b *Bans) Decode(data []byte, now time.Time) error {
	var list jsonBans
	if len(data) > MaxBansFile {
		return fmt.Errorf("a list of bans of %d bytes is too large", len(data))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&list); err != nil {
		return fmt.Errorf("not a list of bans: %w", err)
	}
	var first error
	for _, e := range list.Nets {
		if err := b.enter(e, now); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (b *Bans) enter(e jsonBan, now time.Time) error {
	if e.Version != banVersion {
		return fmt.Errorf("a ban of version %d is not known", e.Version)
	}
	net, err := ParseNet(e.Address)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !now.Before(time.Unix(e.Until, 0)) {
		return nil
	}
	if _, known := b.bans[net]; !known && len(b.bans) >= MaxBans {
		return ErrTooManyBans
	}
	b.put(Ban{Net: net, Created: time.Unix(e.Created, 0), Until: time.Unix(e.Until, 0)})
	return nil
}

// ParseNet reads an IP address, a net in CIDR notation, or an IPv4 net with a mask (1.2.3.0/255.255.255.0). The result is canonical.
func ParseNet(s string) (netip.Prefix, error) {
	ip, mask, slash := strings.Cut(s, "/")
	a, err := netip.ParseAddr(ip)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is no address and no net", s)
	}
	if !slash {
		a = a.Unmap()
	}
	bits := a.BitLen()
	if slash {
		if bits, err = maskBits(a, mask); err != nil {
			return netip.Prefix{}, fmt.Errorf("%q is no net: %w", s, err)
		}
	}
	return CanonicalNet(netip.PrefixFrom(a, bits)), nil
}

// maskBits reads what stands behind the slash of a net: a number of bits, or a mask.
func maskBits(a netip.Addr, mask string) (int, error) {
	if m, err := netip.ParseAddr(mask); err == nil && m.Is4() && a.Is4() {
		bytes := m.As4()
		n := uint32(bytes[0])<<24 | uint32(bytes[1])<<16 | uint32(bytes[2])<<8 | uint32(bytes[3])
		bits := 0
		for ; n&(1<<31) != 0; n <<= 1 {
			bits++
		}
		if n != 0 {
			return 0, fmt.Errorf("%s is no mask", mask)
		}
		return bits, nil
	}
	p, err := netip.ParsePrefix(netip.AddrFrom4([4]byte{}).String() + "/" + mask)
	if a.Is6() {
		p, err = netip.ParsePrefix("::/" + mask)
	}
	if err != nil {
		return 0, errors.New("bad mask")
	}
	return p.Bits(), nil
}
