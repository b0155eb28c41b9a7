package rpc

import (
	"testing"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func TestPeerInfo(t *testing.T) {
	r := newRig(t, 1)
	r.peers = []backend.PeerInfo{{ID: 1, Addr: "10.0.0.2:1", AddrBind: "10.0.0.3:2", AddrLocal: "10.0.0.4:3", Network: "ipv4", PingTime: 1, MinPing: 1, PingWait: 1,
		SentPerMsg: map[string]uint64{"*other*": 1}, SentMessages: map[string]uint64{"*other*": 1}, TransportProtocol: "v2", SessionID: "ab", NetGroup: "10.0.0.0/16"}}
	peers := call2[[]m](t, r, "getpeerinfo")
	if p := peers[0]; p["session_id"] != "ab" || p["messagessent_per_msg"].(m)["*other*"] != 1.0 || len(p["permissions"].([]any)) != 0 {
		t.Errorf("getpeerinfo %v", p)
	}
}

func TestAddNodeTransport(t *testing.T) {
	r := newRig(t, 1)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "v2transport requested but not enabled", "addnode", "10.0.0.5:1", "add", true)
	call2[any](t, r, "addnode", "10.0.0.5:1", "add", false)
	call2[any](t, r, "addnode", "10.0.0.5:1", "onetry")
}
