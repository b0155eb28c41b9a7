package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// Methods returns the methods of this package, in no order.
func Methods() []chainjson.Method {
	return slices.Concat(networkMethods(), banMethods(), networkToolMethods())
}

func networkMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "getnetworkinfo", Topic: chainjson.TopicNetwork, Help: "Returns an object containing various state info regarding P2P networking.",
			Result: "{...}    (json object) version, subversion, protocolversion, localservices, localservicesnames, localrelay, timeoffset, networkactive, connections, connections_in, connections_out, networks, relayfee, incrementalfee, localaddresses, warnings",
			Run:    getNetworkInfo},
		{Name: "getpeerinfo", Topic: chainjson.TopicNetwork, Help: "Returns data about each connected network peer as a json array of objects.",
			Result: "[{...}]    (json array) id, addr, addrbind, addrlocal, network, services, servicesnames, relaytxes, lastsend, lastrecv, last_transaction, last_block, bytessent, bytesrecv, conntime, timeoffset, pingtime, minping, pingwait, version, subver, inbound, bip152_hb_to, bip152_hb_from, startingheight, presynced_headers, synced_headers, synced_blocks, inflight, addr_relay_enabled, addr_processed, addr_rate_limited, permissions, minfeefilter, bytessent_per_msg, bytesrecv_per_msg, connection_type, transport_protocol_type, session_id, messagessent_per_msg, messagesrecv_per_msg, netgroup", Run: getPeerInfo},
		{Name: "getconnectioncount", Topic: chainjson.TopicNetwork, Help: "Returns the number of connections to other nodes.", Result: "n    (numeric) The connection count", Run: getConnectionCount},
		{Name: "getnettotals", Topic: chainjson.TopicNetwork, Help: "Returns information about network traffic, including bytes in, bytes out, and current system time.",
			Result: "{...}    (json object) totalbytesrecv, totalbytessent, timemillis, uploadtarget", Run: getNetTotals},
		{Name: "addnode", Topic: chainjson.TopicNetwork, Help: "Attempts to add or remove a node from the addnode list, or try a connection to a node once. Such connections are kept open and never evicted.",
			Params: []jsonrpc.Param{jsonrpc.Required("node", jsonrpc.TypeString, "The address of the peer to connect to"), jsonrpc.Required("command", jsonrpc.TypeString, "'add' to add a node to the list, 'remove' to remove a node from the list, 'onetry' to try a connection to the node once"),
				jsonrpc.Optional("v2transport", jsonrpc.TypeBool, "set by --v2transport", "Try the encrypted transport (BIP324) first; a node that does not know it is connected to in plain text")},
			Result: "null", Example: `"192.168.0.6:21333" "onetry"`, Run: addNode},
		{Name: "getaddednodeinfo", Topic: chainjson.TopicNetwork, Help: "Returns information about the given added node, or all added nodes (note that onetry addnodes are not listed here).",
			Params: []jsonrpc.Param{jsonrpc.Optional("node", jsonrpc.TypeString, "all nodes", "If provided, return information about this specific node, otherwise all nodes are returned.")},
			Result: "[{...}]    (json array) addednode, connected, addresses [address, connected]", Example: `"192.168.0.201"`, Run: getAddedNodeInfo},
		{Name: "disconnectnode", Topic: chainjson.TopicNetwork, Help: "Immediately disconnects from the specified peer node. Strictly one out of 'address' and 'nodeid' can be provided.",
			Params: []jsonrpc.Param{jsonrpc.Optional("address", jsonrpc.TypeString, "fallback to nodeid", "The IP address/port of the node"), jsonrpc.Optional("nodeid", jsonrpc.TypeNumber, "fallback to address", "The node ID (see getpeerinfo for node IDs)")},
			Result: "null", Example: `"192.168.0.6:21333"`, Run: disconnectNode},
		{Name: "ping", Topic: chainjson.TopicNetwork, Help: "Requests that a ping be sent to all other nodes, to measure ping time. Results are in getpeerinfo, pingtime and pingwait, decimal seconds.",
			Result: "null", Run: ping},
		{Name: "setnetworkactive", Topic: chainjson.TopicNetwork, Help: "Disable/enable all p2p network activity.",
			Params: []jsonrpc.Param{jsonrpc.Required("state", jsonrpc.TypeBool, "true to enable networking, false to disable")}, Result: "true|false    (boolean) The value that was passed in", Example: "true", Run: setNetworkActive},
		{Name: "getnodeaddresses", Topic: chainjson.TopicNetwork, Help: "Return known addresses, which can potentially be used to find new nodes in the network.",
			Params: []jsonrpc.Param{jsonrpc.Optional("count", jsonrpc.TypeNumber, "1", "The maximum number of addresses to return. Specify 0 to return all known addresses."), jsonrpc.Optional("network", jsonrpc.TypeString, "all networks", "Return only addresses of the specified network. Can be one of: ipv4, ipv6, onion, i2p, cjdns; the last three are never known.")},
			Result: "[{...}]    (json array) time, services, address, port, network", Example: "8", Run: getNodeAddresses},
		{Name: "addpeeraddress", Topic: chainjson.TopicNetwork, Help: "Add the address of a potential peer to the address book. For testing.",
			Params: []jsonrpc.Param{jsonrpc.Required("address", jsonrpc.TypeString, "The IP address of the peer"), jsonrpc.Required("port", jsonrpc.TypeNumber, "The port of the peer"), jsonrpc.Optional("tried", jsonrpc.TypeBool, "false", "If true, attempt to add the peer to the tried addresses table")},
			Result: "{...}    (json object) success; and error, failed-adding-to-new or failed-adding-to-tried", Example: `"1.2.3.4" 21333 true`, Run: addPeerAddress},
	}
}

// serviceP2PV2 is the bit of nodes that encrypt (BIP324).
const serviceP2PV2 = 1 << 11

var serviceNames = []struct {
	bit  uint
	name string
}{{0, "NETWORK"}, {2, "BLOOM"}, {3, "WITNESS"}, {6, "COMPACT_FILTERS"}, {10, "NETWORK_LIMITED"}, {11, "P2P_V2"}}

func servicesNames(services uint64) []string {
	names := []string{}
	for bit := range uint(64) {
		if services>>bit&1 == 0 {
			continue
		}
		name := fmt.Sprintf("UNKNOWN[2^%d]", bit)
		for _, s := range serviceNames {
			if s.bit == bit {
				name = s.name
			}
		}
		names = append(names, name)
	}
	return names
}

func getNetworkInfo(_ context.Context, c *chainjson.Call) (any, error) {
	self, info, peers := c.Node.Service(), c.Mempool.Info(), c.Peers.Infos()
	in := 0
	for i := range peers {
		if peers[i].Inbound {
			in++
		}
	}
	active := c.Peers.Active()
	networks := make([]jsonrpc.Fields, 0, 2)
	for _, name := range []string{"ipv4", "ipv6"} {
		networks = append(networks, jsonrpc.Obj("name", name, "limited", false, "reachable", true, "proxy", "", "proxy_randomize_credentials", false))
	}
	locals := []jsonrpc.Fields{}
	for _, hostport := range c.Peers.LocalAddresses() {
		host, port := splitHostPort(hostport)
		locals = append(locals, jsonrpc.Obj("address", host, "port", port, "score", 1))
	}
	return jsonrpc.Obj("version", self.Version, "subversion", self.SubVersion, "protocolversion", self.Protocol,
		"localservices", fmt.Sprintf("%016x", self.Services), "localservicesnames", servicesNames(self.Services),
		"localrelay", self.LocalRelay, "timeoffset", 0, "networkactive", active,
		"connections", len(peers), "connections_in", in, "connections_out", len(peers)-in, "networks", networks,
		"relayfee", chainjson.PerKVByte(info.MinRelay), "incrementalfee", chainjson.PerKVByte(info.IncrementalRelay), "localaddresses", locals, "warnings", chainjson.Warnings(c)), nil
}

func getPeerInfo(_ context.Context, c *chainjson.Call) (any, error) {
	peers := slices.Clone(c.Peers.Infos())
	slices.SortFunc(peers, func(a, b backend.PeerInfo) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	list := make([]jsonrpc.Fields, len(peers))
	for i := range peers {
		list[i] = fields(&peers[i])
	}
	return list, nil
}

// unixOrZero is 0 for the zero time.
func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fields(p *backend.PeerInfo) jsonrpc.Fields {
	f := jsonrpc.Obj("id", p.ID, "addr", p.Addr)
	if p.AddrBind != "" {
		f.Add("addrbind", p.AddrBind)
	}
	if p.AddrLocal != "" {
		f.Add("addrlocal", p.AddrLocal)
	}
	f = append(f, jsonrpc.Obj("network", p.Network, "services", fmt.Sprintf("%016x", p.Services), "servicesnames", servicesNames(p.Services),
		"relaytxes", p.RelayTxs, "lastsend", unixOrZero(p.LastSend), "lastrecv", unixOrZero(p.LastRecv),
		"last_transaction", unixOrZero(p.LastTx), "last_block", unixOrZero(p.LastBlock),
		"bytessent", p.BytesSent, "bytesrecv", p.BytesRecv, "conntime", unixOrZero(p.ConnTime), "timeoffset", int64(p.TimeOffset/time.Second))...)
	for _, t := range []struct {
		key string
		d   time.Duration
	}{{"pingtime", p.PingTime}, {"minping", p.MinPing}, {"pingwait", p.PingWait}} {
		if t.d > 0 {
			f.Add(t.key, t.d.Seconds())
		}
	}
	f = append(f, jsonrpc.Obj("version", p.Version, "subver", p.SubVer, "inbound", p.Inbound, "bip152_hb_to", p.HighBandwidthTo, "bip152_hb_from", p.HighBandwidthFrom,
		"startingheight", p.StartingHeight, "presynced_headers", p.PresyncedHeaders, "synced_headers", p.SyncedHeaders, "synced_blocks", p.SyncedBlocks)...)
	inflight := make([]any, len(p.Inflight))
	for i, h := range p.Inflight {
		inflight[i] = h
	}
	f = append(f, jsonrpc.Obj("inflight", inflight, "addr_relay_enabled", p.AddrRelay, "addr_processed", p.AddrProcessed, "addr_rate_limited", p.AddrRateLimited,
		"permissions", nonNil(p.Permissions), "minfeefilter", chainjson.PerKVByte(p.MinFeeFilter), "bytessent_per_msg", sortedCounts(p.SentPerMsg), "bytesrecv_per_msg", sortedCounts(p.RecvPerMsg),
		"connection_type", p.ConnectionType, "transport_protocol_type", p.TransportProtocol, "session_id", p.SessionID,
		"messagessent_per_msg", sortedCounts(p.SentMessages), "messagesrecv_per_msg", sortedCounts(p.RecvMessages), "netgroup", p.NetGroup)...)
	return f
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func sortedCounts(m map[string]uint64) jsonrpc.Fields {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	f := jsonrpc.Fields{}
	for _, k := range keys {
		f.Add(k, m[k])
	}
	return f
}

func getConnectionCount(_ context.Context, c *chainjson.Call) (any, error) {
	return len(c.Peers.Infos()), nil
}

func getNetTotals(_ context.Context, c *chainjson.Call) (any, error) {
	t := c.Peers.Totals()
	u := t.Upload
	return jsonrpc.Obj("totalbytesrecv", t.Recv, "totalbytessent", t.Sent, "timemillis", c.Node.Now().UnixMilli(),
		"uploadtarget", jsonrpc.Obj("timeframe", 86400, "target", u.Target, "target_reached", u.Reached, "serve_historical_blocks", u.ServesHistorical,
			"bytes_left_in_cycle", u.BytesLeft, "time_left_in_cycle", int64(u.TimeLeft/time.Second))), nil
}

func addNode(_ context.Context, c *chainjson.Call) (any, error) {
	node, able := c.Str(0), c.Node.Service().Services&serviceP2PV2 != 0
	encrypted := c.BoolOr(2, able)
	if encrypted && !able {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Error: v2transport requested but not enabled (see -v2transport)")
	}
	switch c.Str(1) {
	case "onetry":
		return nil, c.Peers.TryNode(node, encrypted)
	case "add":
		err := c.Peers.AddNode(node, encrypted)
		if errors.Is(err, backend.ErrAlreadyAdded) {
			return nil, jsonrpc.Fail(jsonrpc.CodeNodeAlreadyAdded, "Error: Node already added")
		}
		return nil, err
	case "remove":
		err := c.Peers.RemoveNode(node)
		if errors.Is(err, backend.ErrNotFound) {
			return nil, jsonrpc.Fail(jsonrpc.CodeNodeNotAdded, "Error: Node could not be removed. It has not been added previously.")
		}
		return nil, err
	}
	return nil, c.UsageError(jsonrpc.CodeMisc)
}

func getAddedNodeInfo(_ context.Context, c *chainjson.Call) (any, error) {
	list := []jsonrpc.Fields{}
	for _, n := range c.Peers.Added() {
		if c.Given(0) && n.Node != c.Str(0) {
			continue
		}
		addresses := make([]jsonrpc.Fields, len(n.Addresses))
		for i, a := range n.Addresses {
			addresses[i] = jsonrpc.Obj("address", a.Address, "connected", a.Connected)
		}
		list = append(list, jsonrpc.Obj("addednode", n.Node, "connected", len(addresses) > 0, "addresses", addresses))
	}
	if c.Given(0) && len(list) == 0 {
		return nil, jsonrpc.Fail(jsonrpc.CodeNodeNotAdded, "Error: Node has not been added.")
	}
	return list, nil
}

func disconnectNode(_ context.Context, c *chainjson.Call) (any, error) {
	var err error
	switch {
	case c.Str(0) != "" && !c.Given(1):
		err = c.Peers.DisconnectAddr(c.Str(0))
	case c.Str(0) == "" && c.Given(1):
		id, numErr := c.Num(1, 0)
		if numErr != nil {
			return nil, numErr
		}
		err = backend.ErrNotFound
		if id >= 0 {
			err = c.Peers.DisconnectID(uint64(id))
		}
	default:
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParams, "Only one of address and nodeid should be provided.")
	}
	if errors.Is(err, backend.ErrNotFound) {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotConnectedNode, "Node not found in connected nodes")
	}
	return nil, err
}

func ping(_ context.Context, c *chainjson.Call) (any, error) {
	c.Peers.PingAll()
	return nil, nil
}

func setNetworkActive(_ context.Context, c *chainjson.Call) (any, error) {
	c.Peers.SetActive(c.BoolOr(0, true))
	return c.Peers.Active(), nil
}

func getNodeAddresses(_ context.Context, c *chainjson.Call) (any, error) {
	count, err := c.Num32(0, 1)
	if err != nil {
		return nil, err
	}
	if count < 0 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Address count out of range")
	}
	network := c.Str(1)
	if c.Given(1) && !slices.Contains([]string{"ipv4", "ipv6", "onion", "i2p", "cjdns"}, network) {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Network not recognized: %s", jsonrpc.Clip(network))
	}
	ask := int(count)
	if network != "" {
		ask = 0
	}
	list := []jsonrpc.Fields{}
	for _, a := range c.Peers.Addresses(ask) {
		if network != "" && a.Network != network || count > 0 && len(list) == int(count) {
			continue
		}
		list = append(list, jsonrpc.Obj("time", a.Time.Unix(), "services", a.Services, "address", a.Host, "port", int(a.Port), "network", a.Network))
	}
	return list, nil
}

func addPeerAddress(_ context.Context, c *chainjson.Call) (any, error) {
	port, err := c.Num(1, 0)
	if err != nil {
		return nil, err
	}
	if port < 0 || port > 65535 {
		return nil, jsonrpc.ErrIntRange
	}
	ip, err := netip.ParseAddr(c.Str(0))
	if err != nil || ip.Zone() != "" {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidNet, "Invalid IP address")
	}
	if err := c.Peers.AddAddress(ip, uint16(port), c.BoolOr(2, false)); err != nil {
		return jsonrpc.Obj("success", false, "error", err.Error()), nil
	}
	return jsonrpc.Obj("success", true), nil
}

func splitHostPort(hostport string) (host string, port int) {
	host, text, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport, 0
	}
	port, err = strconv.Atoi(text)
	if err != nil {
		return host, 0
	}
	return host, port
}
