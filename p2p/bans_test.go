package p2p

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var banTime = time.Unix(1_700_000_000, 0)

func banNet(t testing.TB, s string) netip.Prefix {
	t.Helper()
	p, err := ParseNet(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBans(t *testing.T) {
	var b Bans
	at := func(s string) bool { return b.Banned(banTime, netip.MustParseAddr(s)) }
	for _, net := range []string{"10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::ffff:198.51.100.0/120"} {
		if err := b.Ban(banNet(t, net), banTime, banTime.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for addr, want := range map[string]bool{"10.255.0.1": true, "::ffff:10.1.1.1": true, "11.0.0.1": false, "192.0.2.7": true, "192.0.2.8": false,
		"2001:db8:1::5": true, "2001:db9::5": false, "198.51.100.9": true, "198.51.101.9": false} {
		if at(addr) != want {
			t.Errorf("%s banned: %v, want %v", addr, at(addr), want)
		}
	}
	if !b.Holds(banTime, banNet(t, "10.0.0.0/8")) || b.Holds(banTime, banNet(t, "10.0.0.1")) {
		t.Error("a net is not the same as one of its addresses")
	}
	if b.Unban(banNet(t, "10.0.0.1")) || !b.Unban(banNet(t, "10.0.0.0/8")) || at("10.0.0.1") {
		t.Error("only the net itself is unbanned")
	}
	if b.Banned(banTime.Add(time.Hour), netip.MustParseAddr("192.0.2.7")) || len(b.List(banTime.Add(time.Hour))) != 0 {
		t.Error("a ban that is over still holds")
	}
}

// Of two bans of a net the longer one counts.
func TestBanAgain(t *testing.T) {
	var b Bans
	net := banNet(t, "192.0.2.0/24")
	for i, d := range []time.Duration{time.Hour, time.Minute, 2 * time.Hour} {
		if err := b.Ban(net, banTime.Add(time.Duration(i)*time.Second), banTime.Add(d)); err != nil {
			t.Fatal(err)
		}
	}
	list := b.List(banTime)
	if len(list) != 1 || !list[0].Until.Equal(banTime.Add(2*time.Hour)) || !list[0].Created.Equal(banTime.Add(2*time.Second)) {
		t.Errorf("list %v", list)
	}
}

func TestBansFile(t *testing.T) {
	var b, back Bans
	for i, net := range []string{"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"} {
		if err := b.Ban(banNet(t, net), banTime, banTime.Add(time.Duration(i+1)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := b.Encode(banTime)
	if err != nil || !strings.Contains(string(data), `"address": "192.0.2.7/32"`) || !strings.Contains(string(data), `"banned_nets"`) {
		t.Fatalf("%s %v", data, err)
	}
	if err := back.Decode(data, banTime.Add(90*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(back.List(banTime)); got != fmt.Sprint(b.List(banTime)[1:]) {
		t.Errorf("came back as %v", got)
	}
	for _, bad := range []string{"", "[]", "{", `{"banned_nets": 3}`, strings.Repeat(" ", MaxBansFile+1)} {
		if err := back.Decode([]byte(bad), banTime); err == nil {
			t.Errorf("%.20q was taken", bad)
		}
	}
	mixed := `{"banned_nets":[{"version":2,"banned_until":9999999999,"address":"1.1.1.1/32"},{"version":1,"banned_until":9999999999,"address":"x"},{"version":1,"ban_created":5,"banned_until":9999999999,"address":"9.9.9.9/32"}]}`
	if err := back.Decode([]byte(mixed), banTime); err == nil || !back.Banned(banTime, netip.MustParseAddr("9.9.9.9")) || back.Banned(banTime, netip.MustParseAddr("1.1.1.1")) {
		t.Errorf("of a list with bad entries the good ones are taken: %v", err)
	}
}

func TestBansAreBounded(t *testing.T) {
	var b Bans
	for i := range MaxBans {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if err := b.Ban(netip.PrefixFrom(a, 32), banTime, banTime.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	one := banNet(t, "192.0.2.1")
	if err := b.Ban(one, banTime, banTime.Add(time.Hour)); !errors.Is(err, ErrTooManyBans) {
		t.Errorf("one more: %v", err)
	}
	if err := b.Ban(one, banTime.Add(time.Hour), banTime.Add(2*time.Hour)); err != nil {
		t.Errorf("after the others are over: %v", err)
	}
}

func TestParseNet(t *testing.T) {
	for in, want := range map[string]string{"1.2.3.4": "1.2.3.4/32", "1.2.3.4/24": "1.2.3.0/24", "1.2.3.4/255.255.0.0": "1.2.0.0/16", "::1": "::1/128",
		"2001:db8::1/16": "2001::/16", "::ffff:1.2.3.4": "1.2.3.4/32", "0.0.0.0/0": "0.0.0.0/0"} {
		if got := banNet(t, in).String(); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
	for _, bad := range []string{"", "/", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/255.0.255.0", "::1/129", "fe80::1%eth0", "host", "1.2.3.4/24/8", "::1/255.0.0.0"} {
		if p, err := ParseNet(bad); err == nil {
			t.Errorf("%q is taken as %s", bad, p)
		}
	}
}

// Bans agree with a list that is looked through.
func TestBansAgainstList(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	var b Bans
	dumb := map[netip.Prefix]bool{}
	addr := func() netip.Addr {
		if rng.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{10, byte(rng.IntN(2)), byte(rng.IntN(4)), byte(rng.IntN(8))})
		}
		return netip.AddrFrom16([16]byte{0x20, byte(rng.IntN(2)), 15: byte(rng.IntN(4))})
	}
	for range 20_000 {
		a := addr()
		net := CanonicalNet(netip.PrefixFrom(a, rng.IntN(a.BitLen()+1)))
		switch rng.IntN(3) {
		case 0:
			if err := b.Ban(net, banTime, banTime.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			dumb[net] = true
		default:
			if b.Unban(net) != dumb[net] {
				t.Fatalf("unban %s: want %v", net, dumb[net])
			}
			delete(dumb, net)
		}
		want := false
		for n := range dumb {
			want = want || n.Contains(a)
		}
		if b.Banned(banTime, a) != want {
			t.Fatalf("%s banned is not %v, with %v", a, want, dumb)
		}
	}
}

func FuzzBans(f *testing.F) {
	f.Add([]byte(`{"banned_nets":[{"version":1,"ban_created":1,"banned_until":9999999999,"address":"10.0.0.0/8"}]}`))
	f.Add([]byte(`{"banned_nets":[{"version":1,"ban_created":-9223372036854775808,"banned_until":9223372036854775807,"address":"::/0"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b, again Bans
		if b.Decode(data, banTime) != nil {
			return
		}
		out, err := b.Encode(banTime)
		if err != nil || again.Decode(out, banTime) != nil || fmt.Sprint(b.List(banTime)) != fmt.Sprint(again.List(banTime)) {
			t.Fatalf("%q came back otherwise: %s %v", data, out, err)
		}
	})
}
