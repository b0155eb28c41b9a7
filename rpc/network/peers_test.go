package network

import (
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/rpc/backend"
)

// All fields of Bitcoin Core 28's getpeerinfo that a connection always has, in its order, and ours behind them.
func TestPeerInfoFields(t *testing.T) {
	peer := backend.PeerInfo{ID: 1, Addr: "10.0.0.2:1", AddrBind: "10.0.0.3:2", AddrLocal: "10.0.0.4:3", Network: "ipv4", PingTime: 1, MinPing: 1, PingWait: 1,
		SentPerMsg: map[string]uint64{"*other*": 1}, SentMessages: map[string]uint64{"*other*": 1}, TransportProtocol: "v2", SessionID: "ab", NetGroup: "10.0.0.0/16"}
	want := []string{"id", "addr", "addrbind", "addrlocal", "network", "services", "servicesnames", "relaytxes", "lastsend", "lastrecv", "last_transaction", "last_block",
		"bytessent", "bytesrecv", "conntime", "timeoffset", "pingtime", "minping", "pingwait", "version", "subver", "inbound", "bip152_hb_to", "bip152_hb_from",
		"startingheight", "presynced_headers", "synced_headers", "synced_blocks", "inflight", "addr_relay_enabled", "addr_processed", "addr_rate_limited", "permissions",
		"minfeefilter", "bytessent_per_msg", "bytesrecv_per_msg", "connection_type", "transport_protocol_type", "session_id",
		"messagessent_per_msg", "messagesrecv_per_msg", "netgroup"}
	var got []string
	for _, f := range fields(&peer) {
		got = append(got, f.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("fields\n%q, want\n%q", got, want)
	}
}
