package rpc

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// netFake is Bans, NetTools and Control.
type netFake struct {
	upload   backend.UploadTarget
	bookErrs map[uint16]error // of AddAddress, by port
	bans     []backend.Ban
	sentRaw  []string
	fetched  []string
	orphans  []backend.Orphan
	slots    []backend.BookSlot
	logs     map[string]bool
	hurried  time.Duration
}

func (f *netFake) ParseNet(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

func (f *netFake) Banned(a netip.Addr) bool {
	for _, b := range f.bans {
		if b.Net.Contains(a) {
			return true
		}
	}
	return false
}

func (f *netFake) Holds(net netip.Prefix) bool {
	for _, b := range f.bans {
		if b.Net == net {
			return true
		}
	}
	return false
}

func (f *netFake) Ban(net netip.Prefix, until time.Time) error {
	f.bans = append(f.bans, backend.Ban{Net: net, Created: time.Unix(1_700_000_000, 0), Until: until})
	return nil
}

func (f *netFake) Unban(net netip.Prefix) (bool, error) {
	for i, b := range f.bans {
		if b.Net == net {
			f.bans = append(f.bans[:i], f.bans[i+1:]...)
			return true, nil
		}
	}
	return false, nil
}

func (f *netFake) Clear() error              { f.bans = nil; return nil }
func (f *netFake) Bans() []backend.Ban       { return f.bans }
func (f *netFake) DefaultBan() time.Duration { return 24 * time.Hour }

func (f *netFake) Connect(_, kind string, _ bool) error {
	if kind == "feeler" {
		return backend.ErrNoPlace
	}
	return nil
}

func (f *netFake) SendRaw(peer uint64, command string, payload []byte) error {
	if peer != 7 {
		return backend.ErrNotFound
	}
	f.sentRaw = append(f.sentRaw, fmt.Sprintf("%s %x", command, payload))
	return nil
}

func (f *netFake) FetchBlock(peer uint64, hash types.Hash) error {
	if peer != 7 {
		return errors.New("Peer does not exist") //nolint:staticcheck // Core's sentence
	}
	f.fetched = append(f.fetched, hash.String())
	return nil
}

func (f *netFake) Orphans() []backend.Orphan     { return f.orphans }
func (f *netFake) BookSlots() []backend.BookSlot { return f.slots }
func (f *netFake) BookCounts() []backend.BookCount {
	return []backend.BookCount{{Network: "ipv4", New: 3, Tried: 1}, {Network: "ipv6", New: 2}, {Network: "onion"}}
}

func (f *netFake) LogCategories() []backend.LogCategory {
	return []backend.LogCategory{{Name: "mempool", On: f.logs["mempool"]}, {Name: "net", On: f.logs["net"]}}
}

func (f *netFake) SetLogCategory(name string, on bool) bool {
	if f.logs == nil {
		f.logs = map[string]bool{}
	}
	switch name {
	case "all":
		f.logs["net"], f.logs["mempool"] = on, on
	case "net", "mempool":
		f.logs[name] = on
	default:
		return false
	}
	return true
}

func (f *netFake) Hurry(d time.Duration) { f.hurried += d }

// Bitcoin Core's setban: its codes, sentences and times (rpc_setban.py).
func TestSetBan(t *testing.T) {
	r := newRig(t, 1)
	now := int64(1_700_000_000)
	for _, c := range []struct {
		code int
		text string
		args []any
	}{
		{jsonrpc.CodeInvalidNet, "Error: Invalid IP/Subnet", []any{"127.0.0.1/42", "add"}},
		{jsonrpc.CodeInvalidNet, "Error: Invalid IP/Subnet", []any{"host.name", "remove"}},
		{jsonrpc.CodeMisc, "setban", []any{"127.0.0.1", "onetry"}},
		{jsonrpc.CodeInvalidParameter, "Error: Absolute timestamp is in the past", []any{"127.27.0.1", "add", 123, true}},
		{jsonrpc.CodeInvalidNet, "Error: Unban failed. Requested address/subnet was not previously manually banned.", []any{"127.0.0.0/24", "remove"}},
		{jsonrpc.CodeType, "not of expected type", []any{"127.0.0.1", "add", "x"}},
	} {
		wantError(t, r, c.code, c.text, "setban", c.args...)
	}
	call2[any](t, r, "setban", "127.0.0.0/24", "add")
	call2[any](t, r, "setban", "10.0.0.1", "add", 3600)
	call2[any](t, r, "setban", "2001::/32", "add", now+99, true)
	call2[any](t, r, "setban", "10.0.0.2", "add", int64(1)<<62)
	wantError(t, r, jsonrpc.CodeNodeAlreadyAdded, "Error: IP/Subnet already banned", "setban", "127.0.0.0/24", "add")
	wantError(t, r, jsonrpc.CodeNodeAlreadyAdded, "Error: IP/Subnet already banned", "setban", "127.0.0.5", "add")
	call2[any](t, r, "setban", "127.0.0.0/16", "add", -5)
	got := call2[[]m](t, r, "listbanned")
	if len(got) != 5 || !reflect.DeepEqual(got[1], m{"address": "10.0.0.1/32", "ban_created": float64(now), "banned_until": float64(now + 3600), "ban_duration": 3600.0, "time_remaining": 3600.0}) ||
		got[0]["ban_duration"] != 86400.0 || got[2]["banned_until"] != float64(now+99) || got[3]["time_remaining"].(float64) < 1e12 || got[4]["ban_duration"] != 86400.0 {
		t.Errorf("listbanned %v", got)
	}
	call2[any](t, r, "setban", "10.0.0.1", "remove")
	if call2[any](t, r, "clearbanned"); len(call2[[]m](t, r, "listbanned")) != 0 {
		t.Error("clearbanned left bans")
	}
}

func TestAddConnection(t *testing.T) {
	r := newRig(t, 1)
	got := call2[m](t, r, "addconnection", "10.0.0.1:1", "outbound-full-relay", false)
	if !reflect.DeepEqual(got, m{"address": "10.0.0.1:1", "connection_type": "outbound-full-relay"}) {
		t.Errorf("addconnection %v", got)
	}
	wantError(t, r, jsonrpc.CodeNodeCapacity, "Error: Already at capacity for specified connection type.", "addconnection", "10.0.0.1:1", "feeler", false)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "addconnection", "addconnection", "10.0.0.1:1", "manual", false)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "requires -v2transport init flag", "addconnection", "10.0.0.1:1", "feeler", true)
	r.params.ValidationOnly = true
	wantError(t, r, jsonrpc.CodeMisc, "addconnection is for regression testing (-regtest mode) only.", "addconnection", "10.0.0.1:1", "feeler", false)
	wantError(t, r, jsonrpc.CodeMisc, "mockscheduler is for regression testing (-regtest mode) only", "mockscheduler", 1)
}

func TestSendMsgToPeer(t *testing.T) {
	r := newRig(t, 1)
	if got := call2[m](t, r, "sendmsgtopeer", 7, "addr", "FFff"); len(got) != 0 || !reflect.DeepEqual(r.sentRaw, []string{"addr ffff"}) {
		t.Errorf("%v, sent %q", got, r.sentRaw)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Error: msg_type too long, max length is 12", "sendmsgtopeer", 7, "long_test_typ", "ff")
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Error parsing input for msg", "sendmsgtopeer", 7, "addr", "fff")
	for _, peer := range []int64{8, -1} {
		wantError(t, r, jsonrpc.CodeMisc, "Error: Could not send message to peer", "sendmsgtopeer", peer, "addr", "ff")
	}
}

func TestGetBlockFromPeer(t *testing.T) {
	r := newRig(t, 3)
	wantError(t, r, jsonrpc.CodeMisc, "Block header missing", "getblockfrompeer", strings.Repeat("01", 32), 7)
	wantError(t, r, jsonrpc.CodeMisc, "Block already downloaded", "getblockfrompeer", r.tip.Hash().String(), 7)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "must be of length 64", "getblockfrompeer", "1234", 7)
}

func TestGetOrphanTxs(t *testing.T) {
	r := newRig(t, 1)
	if got := call2[[]any](t, r, "getorphantxs"); len(got) != 0 {
		t.Errorf("orphans %v", got)
	}
	tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{1}}}}, Out: []types.TxOut{{Value: 1, Script: []byte{0x51}}}}
	r.orphans = []backend.Orphan{{Tx: tx, Peers: []uint64{3, 5}}}
	if got := call2[[]string](t, r, "getorphantxs"); len(got) != 1 || got[0] != tx.ID().String() {
		t.Errorf("verbosity 0: %v", got)
	}
	one, two := call2[[]m](t, r, "getorphantxs", 1), call2[[]m](t, r, "getorphantxs", 2)
	want := m{"txid": tx.ID().String(), "wtxid": tx.WitnessID().String(), "bytes": float64(tx.Size()), "vsize": float64(tx.Size()), "weight": float64(tx.Weight()), "from": []any{3.0, 5.0}}
	if len(one) != 1 || !reflect.DeepEqual(one[0], want) {
		t.Errorf("verbosity 1: %v, want %v", one, want)
	}
	want["hex"] = fmt.Sprintf("%x", tx.Bytes())
	if len(two) != 1 || !reflect.DeepEqual(two[0], want) {
		t.Errorf("verbosity 2: %v", two)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid verbosity value 3", "getorphantxs", 3)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid verbosity value -1", "getorphantxs", -1)
	wantError(t, r, jsonrpc.CodeType, "not of expected type number", "getorphantxs", true)
}

func TestAddressBook(t *testing.T) {
	r := newRig(t, 1)
	info := call2[m](t, r, "getaddrmaninfo")
	if !reflect.DeepEqual(info["ipv4"], m{"new": 3.0, "tried": 1.0, "total": 4.0}) || !reflect.DeepEqual(info["all_networks"], m{"new": 5.0, "tried": 1.0, "total": 6.0}) || info["onion"] == nil {
		t.Errorf("getaddrmaninfo %v", info)
	}
	r.slots = []backend.BookSlot{{Bucket: 12, Slot: 3, Host: "1.2.3.4", Port: 8333, Network: "ipv4", Services: 9, Time: time.Unix(5, 0), Source: "5.6.7.8", SourceNetwork: "ipv4"},
		{Tried: true, Bucket: 1, Slot: 2, Host: "2.2.3.4", Port: 8333, Network: "ipv4", Services: 9, Time: time.Unix(6, 0)}}
	raw := call2[m](t, r, "getrawaddrman")
	want := m{"address": "1.2.3.4", "port": 8333.0, "network": "ipv4", "services": 9.0, "time": 5.0, "source": "5.6.7.8", "source_network": "ipv4"}
	if !reflect.DeepEqual(raw["new"], m{"12/3": want}) || raw["tried"].(m)["1/2"].(m)["address"] != "2.2.3.4" {
		t.Errorf("getrawaddrman %v", raw)
	}
	r.bookErrs = map[uint16]error{2: errors.New("failed-adding-to-new")}
	if got := call2[m](t, r, "addpeeraddress", "1.2.3.4", 1); !reflect.DeepEqual(got, m{"success": true}) {
		t.Errorf("addpeeraddress %v", got)
	}
	if got := call2[m](t, r, "addpeeraddress", "1.2.3.4", 2, true); !reflect.DeepEqual(got, m{"success": false, "error": "failed-adding-to-new"}) {
		t.Errorf("addpeeraddress %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidNet, "Invalid IP address", "addpeeraddress", "not_an_address", 8333)
	wantError(t, r, jsonrpc.CodeMisc, "JSON integer out of range", "addpeeraddress", "1.2.3.4", 65536)
	if got := call2[[]m](t, r, "getnodeaddresses", 0, "onion"); len(got) != 0 {
		t.Errorf("onion addresses %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Network not recognized: Foo", "getnodeaddresses", 1, "Foo")
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Address count out of range", "getnodeaddresses", -1)
}

func TestUploadTarget(t *testing.T) {
	r := newRig(t, 1)
	r.upload = backend.UploadTarget{Target: 800 << 20, Reached: true, BytesLeft: 7, TimeLeft: time.Hour}
	got := call2[m](t, r, "getnettotals")["uploadtarget"]
	want := m{"timeframe": 86400.0, "target": float64(800 << 20), "target_reached": true, "serve_historical_blocks": false, "bytes_left_in_cycle": 7.0, "time_left_in_cycle": 3600.0}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("uploadtarget %v, want %v", got, want)
	}
}

func TestLogging(t *testing.T) {
	r := newRig(t, 1)
	if got := call2[m](t, r, "logging"); !reflect.DeepEqual(got, m{"net": false, "mempool": false}) {
		t.Errorf("logging %v", got)
	}
	if got := call2[m](t, r, "logging", []any{"all"}, []any{"net"}); !reflect.DeepEqual(got, m{"net": false, "mempool": true}) {
		t.Errorf("logging %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "unknown logging category nonsense", "logging", []any{"nonsense"})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "unknown logging category ", "logging", []any{"net"}, []any{""})
	wantError(t, r, jsonrpc.CodeType, "not of expected type string", "logging", []any{1})
	wantError(t, r, jsonrpc.CodeType, "not of expected type array", "logging", "net")
	call2[any](t, r, "mockscheduler", 300)
	for _, bad := range []int{0, -1, 3601} {
		wantError(t, r, jsonrpc.CodeMisc, "delta_time must be between 1 and 3600 seconds (1 hr)", "mockscheduler", bad)
	}
	if r.hurried != 5*time.Minute {
		t.Errorf("hurried %v", r.hurried)
	}
}
