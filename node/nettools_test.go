package node

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// addconnection makes each kind of connection, in the transport that was asked for, and refuses what has no place.
func TestAddConnection(t *testing.T) {
	other, ctx := start(t, func(c *Config) { c.DataDir = "" })
	n, _ := start(t, nil)
	c := call(t, ctx, n)
	to := other.P2PAddr().String()
	for _, x := range []struct {
		kind string
		v2   bool
		want string
	}{{"block-relay-only", true, "v2"}, {"outbound-full-relay", false, "v1"}} {
		c.do("addconnection", to, x.kind, x.v2)
		until(t, ctx, "an "+x.kind, func() bool {
			for _, p := range ask[[]struct {
				Kind      string `json:"connection_type"`
				Transport string `json:"transport_protocol_type"`
				Version   int    `json:"version"`
			}](c, "getpeerinfo") {
				if p.Kind == x.kind && p.Version > 0 {
					if p.Transport != x.want {
						t.Errorf("%s speaks %s, want %s", x.kind, p.Transport, x.want)
					}
					return true
				}
			}
			return false
		})
	}
	c.do("addconnection", to, "addr-fetch", true)
	c.do("addconnection", to, "feeler", true)
	c.do("addconnection", to, "block-relay-only", false)
	c.refused(jsonrpc.CodeNodeCapacity, "addconnection", to, "block-relay-only", false)
	c.refused(jsonrpc.CodeMisc, "addconnection", "nonsense", "feeler", false)
}

func TestSendRawToAPeer(t *testing.T) {
	s := besiege(t, nil)
	p := s.meet()
	defer p.close()
	var list []peerJSON
	s.call(&list, "getpeerinfo")
	s.call(nil, "sendmsgtopeer", list[0].ID, "feefilter", "0102030400000000")
	awaitThat(p, func(m wire.FeeFilter) bool { return m.FeeRate == 0x04030201 })
	var e *jsonrpc.Error
	if err := s.rpc.Call(s.ctx, "sendmsgtopeer", nil, 1_000_000, "ping", ""); !errors.As(err, &e) || e.Message != "Error: Could not send message to peer" {
		t.Errorf("no such peer: %v", err)
	}
}

// getblockfrompeer fetches a block of a branch that was never downloaded.
func TestFetchBlockFromAPeer(t *testing.T) {
	s := besiege(t, nil)
	generate(t, s.ctx, s.node, 2)
	parent := s.node.chain.AtHeight(0)
	other, ctx := start(t, func(c *Config) { c.DataDir = "" })
	side := generate(t, ctx, other, 1)[0]
	b, err := other.chain.Block(side)
	must(t, err)
	if b.Header.PrevHash != parent.Hash() {
		t.Fatal("not a branch of genesis")
	}
	s.call(nil, "submitheader", hex.EncodeToString(b.Bytes()[:80]))
	p := s.meet()
	defer p.close()
	var list []peerJSON
	s.call(&list, "getpeerinfo")
	s.call(nil, "getblockfrompeer", side.String(), list[0].ID)
	p.asked(side)
	p.say(wire.BlockMsg{Block: b})
	until(t, s.ctx, "the block", func() bool { return s.node.chain.Lookup(side).HaveBlock() })
	for _, c := range []struct {
		want string
		args []any
	}{{"Block already downloaded", []any{side.String(), list[0].ID}}, {"Block header missing", []any{"00000000000000000000000000000000000000000000000000000000000000ff", list[0].ID}}} {
		var e *jsonrpc.Error
		if err := s.rpc.Call(s.ctx, "getblockfrompeer", nil, c.args...); !errors.As(err, &e) || e.Message != c.want {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// The address book as Bitcoin Core shows it, and its orphans and timers, through a node.
func TestBookAndOrphansOfANode(t *testing.T) {
	s := besiege(t, nil)
	for _, c := range []struct {
		ip    string
		tried bool
		want  string
	}{{"8.1.2.3", false, ""}, {"8.1.2.3", false, "failed-adding-to-new"}, {"9.1.2.3", true, ""}, {"2a00::1", false, ""}} {
		var got struct {
			Success bool   `json:"success"`
			Error   string `json:"error"`
		}
		s.call(&got, "addpeeraddress", c.ip, 8333, c.tried)
		if got.Error != c.want || got.Success != (c.want == "") {
			t.Errorf("addpeeraddress %s: %+v, want %q", c.ip, got, c.want)
		}
	}
	var info map[string]struct{ New, Tried, Total int }
	s.call(&info, "getaddrmaninfo")
	if v := info["ipv4"]; v.New != 1 || v.Tried != 1 || v.Total != 2 || info["ipv6"].New != 1 || info["all_networks"].Total != 3 || len(info) != 6 {
		t.Errorf("getaddrmaninfo %+v", info)
	}
	var raw map[string]map[string]struct{ Address, Source, Network string }
	s.call(&raw, "getrawaddrman")
	if len(raw["new"]) != 2 || len(raw["tried"]) != 1 {
		t.Fatalf("getrawaddrman %+v", raw)
	}
	for _, e := range raw["tried"] {
		if e.Address != "9.1.2.3" || e.Source != "9.1.2.3" || e.Network != "ipv4" {
			t.Errorf("tried %+v", e)
		}
	}
	generate(t, s.ctx, s.node, 102)
	parent := coinbaseSpend(t, s.node, 1, 1000)
	child := &types.Tx{Version: parent.Version, In: slices.Clone(parent.In), Out: parent.Out}
	child.In[0].PrevOut.TxID = parent.ID()
	p := s.meet()
	defer p.close()
	p.say(wire.TxMsg{Tx: child})
	until(t, s.ctx, "an orphan", func() bool {
		var ids []string
		s.call(&ids, "getorphantxs")
		return len(ids) == 1 && ids[0] == child.ID().String()
	})
	s.call(nil, "mockscheduler", 3600)
}

// --addnode is on the list of getaddednodeinfo and can be taken off it.
func TestAddedByConfiguration(t *testing.T) {
	other, _ := start(t, func(c *Config) { c.DataDir = "" })
	n, ctx := start(t, func(c *Config) { c.AddNodes = []netip.AddrPort{other.P2PAddr()} })
	c := call(t, ctx, n)
	type added struct {
		Node      string `json:"addednode"`
		Connected bool   `json:"connected"`
	}
	to := other.P2PAddr().String()
	until(t, ctx, "the connection", func() bool {
		list := ask[[]added](c, "getaddednodeinfo")
		return len(list) == 1 && list[0].Node == to && list[0].Connected
	})
	c.refused(jsonrpc.CodeNodeAlreadyAdded, "addnode", to, "add")
	c.do("addnode", to, "remove")
	c.refused(jsonrpc.CodeNodeNotAdded, "addnode", to, "remove")
	c.refused(jsonrpc.CodeNodeNotAdded, "getaddednodeinfo", to)
	if list := ask[[]added](c, "getaddednodeinfo"); len(list) != 0 {
		t.Errorf("%+v after it was removed", list)
	}
	until(t, ctx, "the connection, which stays", func() bool {
		return slices.ContainsFunc(n.machinePeers(), func(p proto.PeerInfo) bool { return p.Addr == other.P2PAddr() && p.Ready })
	})
}
