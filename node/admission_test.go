package node

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// Bitcoin Core's permissions (p2p_permissions.py): which text gives which, by address and by listener.
func TestPermissions(t *testing.T) {
	implicit := []string{"noban", "relay", "mempool", "download"}
	for _, c := range []struct {
		name string
		net  NetConfig
		want []string
	}{
		{"none", NetConfig{}, []string{}},
		{"implicit", NetConfig{Whitelist: []string{"127.0.0.1"}}, implicit},
		{"of a net", NetConfig{Whitelist: []string{"127.0.0.0/255.0.0.0"}}, implicit},
		{"of another net", NetConfig{Whitelist: []string{"128.0.0.0/8"}}, []string{}},
		{"no relay", NetConfig{Whitelist: []string{"127.0.0.1"}, NoWhitelistRelay: true}, []string{"noban", "mempool", "download"}},
		{"forcerelay", NetConfig{Whitelist: []string{"127.0.0.1"}, WhitelistForceRelay: true}, []string{"noban", "forcerelay", "relay", "mempool", "download"}},
		{"named", NetConfig{Whitelist: []string{"noban@127.0.0.1"}}, []string{"noban", "download"}},
		{"named, empty", NetConfig{Whitelist: []string{"@127.0.0.1"}}, []string{}},
		{"all", NetConfig{Whitelist: []string{"all@127.0.0.1"}}, []string{"bloomfilter", "noban", "forcerelay", "relay", "mempool", "download", "addr"}},
		{"two entries", NetConfig{Whitelist: []string{"addr@127.0.0.1", "relay,download@127.0.0.1/31"}}, []string{"relay", "download", "addr"}},
		{"only outbound", NetConfig{Whitelist: []string{"noban,out@127.0.0.1"}}, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := besiege(t, func(cfg *Config) { cfg.Net = c.net })
			p := s.meet()
			defer p.close()
			if got := permissions(s); !slices.Equal(got, c.want) {
				t.Errorf("permissions %q, want %q", got, c.want)
			}
		})
	}
}

// permissions are those of the first peer.
func permissions(s *siege) []string {
	var list []peerJSON
	s.call(&list, "getpeerinfo")
	if len(list) == 0 {
		s.Fatal("no peer")
	}
	return list[0].Perms
}

// Who connects at a --whitebind has its permissions, and bound there a banned peer with noban is let in. Manual peers have those
// of an entry for outbound connections.
func TestWhitebind(t *testing.T) {
	s := besiege(t, func(c *Config) { c.Net.Whitebind = []string{"noban,addr@127.0.0.1:0"} })
	conn, err := net.Dial("tcp", s.node.bound[0].String())
	must(t, err)
	defer conn.Close()
	s.awaitKind(proto.Inbound)
	if got := permissions(s); !slices.Equal(got, []string{"noban", "download", "addr"}) {
		t.Errorf("permissions %q", got)
	}
	s.call(nil, "setban", "127.0.0.1", "add")
	s.awaitPeers(0)
	again, err := net.Dial("tcp", s.node.bound[0].String())
	must(t, err)
	defer again.Close()
	s.awaitKind(proto.Inbound)
	other, _ := start(t, func(c *Config) {
		c.DataDir, c.Connect = "", []netip.AddrPort{s.node.bound[0]}
		c.Net.Whitelist = []string{"out,forcerelay@127.0.0.1"}
	})
	until(t, s.ctx, "the manual peer's permissions", func() bool {
		return slices.ContainsFunc(other.machinePeers(), func(p proto.PeerInfo) bool { return p.Permissions == proto.PermForceRelay })
	})
}

// awaitKind waits for a peer of a kind.
func (s *siege) awaitKind(kind proto.ConnKind) {
	until(s.T, s.ctx, "a peer", func() bool {
		return slices.ContainsFunc(s.node.machinePeers(), func(p proto.PeerInfo) bool { return p.Kind == kind })
	})
}

func TestPermissionsRefused(t *testing.T) {
	for _, c := range []struct {
		net  NetConfig
		want string
	}{
		{NetConfig{Whitelist: []string{"oopsie@127.0.0.1"}}, "Invalid P2P permission: 'oopsie'"},
		{NetConfig{Whitelist: []string{"noban@127.0.0.1:230"}}, "Invalid netmask specified in -whitelist: '127.0.0.1:230'"},
		{NetConfig{Whitelist: []string{"in@127.0.0.1"}}, "Only direction was set, no permissions: 'in'"},
		{NetConfig{Whitelist: []string{"1.2.3.0/33"}}, "Invalid netmask specified in -whitelist"},
		{NetConfig{Whitebind: []string{"noban@127.0.0.1"}}, "Need to specify a port with -whitebind: '127.0.0.1'"},
		{NetConfig{Whitebind: []string{"noban,out@127.0.0.1:1"}}, "whitebind may only be used for incoming connections"},
		{NetConfig{Whitebind: []string{"noban@nonsense:1"}}, "Cannot resolve -whitebind address: 'nonsense:1'"},
		{NetConfig{SeedNodes: []string{"a b"}}, "is not HOST"},
	} {
		if err := c.net.check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.net, err, c.want)
		}
	}
}

// A banned peer is disconnected at once and not let in again, until the ban is lifted; the ban outlives the node.
func TestBansThroughANode(t *testing.T) {
	dir := t.TempDir()
	s := besiege(t, func(c *Config) { c.DataDir = dir })
	p := s.meet()
	other := s.meet()
	defer p.close()
	defer other.close()
	s.call(nil, "setban", "127.0.0.0/24", "add", 10_000)
	p.hungUp()
	other.hungUp()
	s.awaitPeers(0)
	s.approach().hungUp()
	must(t, s.node.Close())
	if info, err := os.Stat(filepath.Join(dir, bansFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	s = besiege(t, func(c *Config) { c.DataDir = dir })
	s.approach().hungUp()
	var list []struct {
		Address   string `json:"address"`
		Duration  int    `json:"ban_duration"`
		Remaining int    `json:"time_remaining"`
	}
	s.call(&list, "listbanned")
	if len(list) != 1 || list[0].Address != "127.0.0.0/24" || list[0].Duration != 10_000 || list[0].Remaining > 10_000 {
		t.Errorf("listbanned %+v", list)
	}
	s.call(nil, "setmocktime", time.Now().Unix()+20_000)
	if s.call(&list, "listbanned"); len(list) != 0 {
		t.Errorf("bans that are over: %+v", list)
	}
	s.meet().close()
}

// Another's file does not stop the node.
func TestDamagedBans(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, bansFile), []byte(`{"banned_nets": [`), 0o600))
	s := besiege(t, func(c *Config) { c.DataDir = dir })
	s.meet().close()
}

// Near the upload target old blocks are not served, new ones are, and who may download gets all.
func TestUploadTargetOfANode(t *testing.T) {
	var whitelist []string
	for _, free := range []bool{false, true} {
		if free {
			whitelist = []string{"download@127.0.0.1"}
		}
		s := besiege(t, func(c *Config) { c.Net.UploadTarget, c.Net.Whitelist = 100<<20, whitelist })
		s.call(nil, "setmocktime", time.Now().Unix()-9*24*3600)
		old := generate(t, s.ctx, s.node, 1)[0]
		s.call(nil, "setmocktime", 0)
		fresh := generate(t, s.ctx, s.node, 1)[0]
		p := s.meet()
		p.say(wire.GetData{Items: []wire.Inv{{Type: wire.InvWitnessBlock, Hash: fresh}}})
		await[wire.BlockMsg](p)
		p.say(wire.GetData{Items: []wire.Inv{{Type: wire.InvWitnessBlock, Hash: old}}})
		if free {
			await[wire.BlockMsg](p)
			p.close()
		} else {
			p.hungUp()
		}
		var totals struct {
			Upload struct {
				Target   uint64 `json:"target"`
				Reached  bool   `json:"target_reached"`
				Serves   bool   `json:"serve_historical_blocks"`
				Left     uint64 `json:"bytes_left_in_cycle"`
				TimeLeft int    `json:"time_left_in_cycle"`
			} `json:"uploadtarget"`
		}
		s.call(&totals, "getnettotals")
		if u := totals.Upload; u.Target != 100<<20 || u.Reached || u.Serves || u.Left == 0 || u.Left >= u.Target || u.TimeLeft <= 0 || u.TimeLeft > 86400 {
			t.Errorf("uploadtarget %+v", u)
		}
	}
}
