package proto

import (
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"
)

// askedConfig reads what a scenario's machine has of an upload target, permissions, seeds and bans.
func (s *scenario) askedConfig(t *testing.T, a map[string]string, c *Config) {
	c.UploadTarget, _ = strconv.ParseUint(a["upload"], 10, 64)
	s.sent = 0
	c.Sent = func() uint64 { return s.sent }
	if v := a["seed"]; v != "" {
		c.Seeds = []netip.AddrPort{netip.MustParseAddrPort(v)}
	}
	if v := a["banned"]; v != "" {
		net := netip.MustParsePrefix(v)
		c.Banned = func(_ time.Time, ip netip.Addr) bool { return net.Contains(ip) }
	}
	for _, x := range []struct {
		key string
		to  *time.Duration
	}{{"handshake", &c.HandshakeTimeout}, {"tipage", &c.MaxTipAge}} {
		if v := a[x.key]; v != "" {
			d, err := time.ParseDuration(v)
			if err != nil {
				t.Fatal(err)
			}
			*x.to = d
		}
	}
}

// doAsked carries out a command of what people ask for. It tells whether it is one.
func (s *scenario) doAsked(t *testing.T, f []string) bool {
	switch f[0] {
	case "sent": // sent 1000: so many bytes more went out
		n, err := strconv.ParseUint(f[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s.sent += n
	case "late": // late a1 200h on g: a block whose time lies so far after its parent's
		d, err := time.ParseDuration(f[2])
		if err != nil {
			t.Fatal(err)
		}
		n := blockAt(s.blocks[f[4]], d)
		s.blocks[f[1]], s.names[n.Hash()] = n, f[1]
	case "upload": // what is left of the target
		s.show(s.step(Tick{}))
		u := s.m.Upload()
		s.out = append(s.out, fmt.Sprintf("upload: left=%d reached=%v historical=%v time=%v", u.BytesLeft, u.Reached, u.ServesHistorical, u.TimeLeft))
	case "onetry":
		s.show(s.step(AddManual{Addr: netip.MustParseAddrPort(f[1]), Once: true}))
	case "drop":
		s.show(s.step(DropPeer{Peer: peerID(f[1])}))
	case "seed":
		s.show(s.step(Seed{Addr: netip.MustParseAddrPort(f[1])}))
	case "addconnection":
		s.out = append(s.out, fmt.Sprintf("place=%v", s.m.MayConnect(kindOf(f[2]))))
		s.show(s.step(Connect{Addr: netip.MustParseAddrPort(f[1]), Kind: kindOf(f[2])}))
	case "fetch": // fetch 1 a1
		if err := s.m.MayFetch(peerID(f[1]), s.hash(f[2])); err != nil {
			s.out = append(s.out, err.Error())
		}
		s.show(s.step(FetchBlock{Peer: peerID(f[1]), Hash: s.hash(f[2])}))
	case "hurry":
		d, err := time.ParseDuration(f[1])
		if err != nil {
			t.Fatal(err)
		}
		s.show(s.step(Hurry{By: d}))
	case "settled":
		s.out = append(s.out, fmt.Sprintf("settled=%v", s.m.Settled()))
	case "whose":
		for _, o := range s.m.Orphans() {
			s.out = append(s.out, fmt.Sprintf("orphan %s of %v", s.name(o.Tx.ID()), o.Peers))
		}
	case "permissions":
		for _, p := range s.m.Peers() {
			s.out = append(s.out, fmt.Sprintf("%d %s %v", p.ID, p.Kind, p.Permissions.Names()))
		}
	default:
		return false
	}
	return true
}
