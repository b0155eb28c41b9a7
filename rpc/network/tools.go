package network

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func networkToolMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "addconnection", Topic: chainjson.TopicNetwork, Help: "Open an outbound connection to a specified node. This RPC is for testing only.",
			Params: []jsonrpc.Param{jsonrpc.Required("address", jsonrpc.TypeString, "The IP address and port to attempt connecting to."),
				jsonrpc.Required("connection_type", jsonrpc.TypeString, `Type of connection to open ("outbound-full-relay", "block-relay-only", "addr-fetch" or "feeler").`),
				jsonrpc.Required("v2transport", jsonrpc.TypeBool, "Attempt to connect using BIP324 v2 transport protocol")},
			Result: "{...}    (json object) address, connection_type", Example: `"192.168.0.6:18444" "outbound-full-relay" true`, Run: addConnection},
		{Name: "sendmsgtopeer", Topic: chainjson.TopicNetwork, Help: "Send a p2p message to a peer specified by id. The message type and body must be provided, the message header will be generated. This RPC is for testing only.",
			Params: []jsonrpc.Param{jsonrpc.Required("peer_id", jsonrpc.TypeNumber, "The peer to send the message to."), jsonrpc.Required("msg_type", jsonrpc.TypeString, "The message type (maximum length 12)"), jsonrpc.Required("msg", jsonrpc.TypeHex, "The serialized message body to send, in hex, without a message header")},
			Result: "{}    (json object) empty", Example: `0 "addr" "ffffff"`, Run: sendMsgToPeer},
		{Name: "getblockfrompeer", Topic: chainjson.TopicBlockchain, Help: "Attempt to fetch block from a given peer. We must have the header for this block, e.g. using submitheader. The block will not have any undo data which can limit the usage of the block data in a context where the undo data is needed. " +
			"Subsequent calls for the same block may cause the response from the previous peer to be ignored. Peers generally ignore requests for a stale block that they never fully verified, or one that is more than a month old. When a peer does not respond with a block, we will disconnect. " +
			"A block that was pruned is not taken again.",
			Params: []jsonrpc.Param{jsonrpc.Required("blockhash", jsonrpc.TypeHex, "The block hash to try to fetch"), jsonrpc.Required("peer_id", jsonrpc.TypeNumber, "The peer to fetch it from (see getpeerinfo for peer IDs)")},
			Result: "{}    (json object) empty if the request was sent", Example: `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09" 0`, Run: getBlockFromPeer},
		{Name: "getorphantxs", Topic: chainjson.TopicRaw, Help: "Shows transactions in the tx orphanage.",
			Params: []jsonrpc.Param{jsonrpc.Optional("verbosity", jsonrpc.TypeNumber, "0", "0 for an array of txids (may contain duplicates), 1 for an array of objects with tx details, and 2 for details from (1) and tx hex")},
			Result: "[...]    (json array) txids, or objects: txid, wtxid, bytes, vsize, weight, from, and hex for verbosity 2", Example: "2", Run: getOrphanTxs},
		{Name: "getaddrmaninfo", Topic: chainjson.TopicNetwork, Help: "Provides information about the node's address manager by returning the number of addresses in the `new` and `tried` tables and their sum for all networks.",
			Result: "{...}    (json object) by network, and for all_networks: new, tried, total", Run: getAddrManInfo},
		{Name: "getrawaddrman", Topic: chainjson.TopicNetwork, Help: "Returns information on all address manager entries for the new and tried tables. This RPC is for testing only.",
			Result: `{"new": {...}, "tried": {...}}    (json object) by "bucket/position": address, port, network, services, time, source, source_network`, Run: getRawAddrMan},
	}
}

func addConnection(_ context.Context, c *chainjson.Call) (any, error) {
	if c.Node.Params().ValidationOnly {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "addconnection is for regression testing (-regtest mode) only.")
	}
	addr, kind, encrypted := c.Str(0), c.Str(1), c.BoolOr(2, false)
	if !slices.Contains([]string{"outbound-full-relay", "block-relay-only", "addr-fetch", "feeler"}, kind) {
		return nil, c.UsageError(jsonrpc.CodeInvalidParameter)
	}
	if encrypted && c.Node.Service().Services&serviceP2PV2 == 0 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Error: Adding v2transport connections requires -v2transport init flag to be set.")
	}
	err := c.Net.Connect(addr, kind, encrypted)
	if errors.Is(err, backend.ErrNoPlace) {
		return nil, jsonrpc.Fail(jsonrpc.CodeNodeCapacity, "Error: Already at capacity for specified connection type.")
	}
	if err != nil {
		return nil, err
	}
	return jsonrpc.Obj("address", addr, "connection_type", kind), nil
}

const maxCommand = 12

func sendMsgToPeer(_ context.Context, c *chainjson.Call) (any, error) {
	id, err := c.Num(0, 0)
	if err != nil {
		return nil, err
	}
	command := c.Str(1)
	if len(command) > maxCommand {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Error: msg_type too long, max length is %d", maxCommand)
	}
	payload, err := hex.DecodeString(c.Str(2))
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Error parsing input for msg")
	}
	if id < 0 || c.Net.SendRaw(uint64(id), command, payload) != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Error: Could not send message to peer")
	}
	return jsonrpc.Obj(), nil
}

func getBlockFromPeer(_ context.Context, c *chainjson.Call) (any, error) {
	hash, err := c.Hash(0)
	if err != nil {
		return nil, err
	}
	id, err := c.Num(1, 0)
	if err != nil {
		return nil, err
	}
	entry, known := c.Chain.Lookup(hash)
	switch {
	case !known:
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Block header missing")
	case c.Pruning != nil && entry.Height() > c.Chain.Tip().Height():
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "In prune mode, only blocks that the node has already synced previously can be fetched from a peer")
	case entry.HaveBlock:
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Block already downloaded")
	case entry.Pruned:
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Block was pruned, and is not taken again")
	case id < 0:
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Peer does not exist")
	}
	if err := c.Net.FetchBlock(uint64(id), hash); err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "%s", err.Error())
	}
	return jsonrpc.Obj(), nil
}

func getOrphanTxs(_ context.Context, c *chainjson.Call) (any, error) {
	verbosity, err := c.Num(0, 0)
	if err != nil {
		return nil, err
	}
	if verbosity < 0 || verbosity > 2 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid verbosity value %d", verbosity)
	}
	list := []any{}
	for _, o := range c.Net.Orphans() {
		if verbosity == 0 {
			list = append(list, o.Tx.ID().String())
			continue
		}
		from := make([]any, len(o.Peers))
		for i, p := range o.Peers {
			from[i] = p
		}
		f := jsonrpc.Obj("txid", o.Tx.ID().String(), "wtxid", o.Tx.WitnessID().String(), "bytes", o.Tx.Size(), "vsize", (o.Tx.Weight()+3)/4, "weight", o.Tx.Weight(), "from", from)
		if verbosity == 2 {
			f.Add("hex", hex.EncodeToString(o.Tx.Bytes()))
		}
		list = append(list, f)
	}
	return list, nil
}

func getAddrManInfo(_ context.Context, c *chainjson.Call) (any, error) {
	f := jsonrpc.Fields{}
	var fresh, tried int
	for _, n := range c.Net.BookCounts() {
		fresh, tried = fresh+n.New, tried+n.Tried
		f.Add(n.Network, jsonrpc.Obj("new", n.New, "tried", n.Tried, "total", n.New+n.Tried))
	}
	f.Add("all_networks", jsonrpc.Obj("new", fresh, "tried", tried, "total", fresh+tried))
	return f, nil
}

func getRawAddrMan(_ context.Context, c *chainjson.Call) (any, error) {
	tables := [2]jsonrpc.Fields{{}, {}}
	for _, s := range c.Net.BookSlots() {
		t := &tables[0]
		if s.Tried {
			t = &tables[1]
		}
		t.Add(fmt.Sprintf("%d/%d", s.Bucket, s.Slot), jsonrpc.Obj("address", s.Host, "port", int(s.Port), "network", s.Network, "services", s.Services,
			"time", s.Time.Unix(), "source", s.Source, "source_network", s.SourceNetwork))
	}
	return jsonrpc.Obj("new", tables[0], "tried", tables[1]), nil
}
