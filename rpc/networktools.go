package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

func networkToolMethods() []apiMethod {
	return []apiMethod{
		{Name: "addconnection", Topic: topicNetwork, Help: "Open an outbound connection to a specified node. This RPC is for testing only.",
			Params: []Param{required("address", TypeString, "The IP address and port to attempt connecting to."),
				required("connection_type", TypeString, `Type of connection to open ("outbound-full-relay", "block-relay-only", "addr-fetch" or "feeler").`),
				required("v2transport", TypeBool, "Attempt to connect using BIP324 v2 transport protocol")},
			Result: "{...}    (json object) address, connection_type", Example: `"192.168.0.6:18444" "outbound-full-relay" true`, Run: addConnection},
		{Name: "sendmsgtopeer", Topic: topicNetwork, Help: "Send a p2p message to a peer specified by id. The message type and body must be provided, the message header will be generated. This RPC is for testing only.",
			Params: []Param{required("peer_id", TypeNumber, "The peer to send the message to."), required("msg_type", TypeString, "The message type (maximum length 12)"), required("msg", TypeHex, "The serialized message body to send, in hex, without a message header")},
			Result: "{}    (json object) empty", Example: `0 "addr" "ffffff"`, Run: sendMsgToPeer},
		{Name: "getblockfrompeer", Topic: topicBlockchain, Help: "Attempt to fetch block from a given peer. We must have the header for this block, e.g. using submitheader. The block will not have any undo data which can limit the usage of the block data in a context where the undo data is needed. " +
			"Subsequent calls for the same block may cause the response from the previous peer to be ignored. Peers generally ignore requests for a stale block that they never fully verified, or one that is more than a month old. When a peer does not respond with a block, we will disconnect. " +
			"A block that was pruned is not taken again.",
			Params: []Param{required("blockhash", TypeHex, "The block hash to try to fetch"), required("peer_id", TypeNumber, "The peer to fetch it from (see getpeerinfo for peer IDs)")},
			Result: "{}    (json object) empty if the request was sent", Example: `"00000000c937983704a73af28acdec37b049d214adbda81d7e2a3dd146f6ed09" 0`, Run: getBlockFromPeer},
		{Name: "getorphantxs", Topic: topicRaw, Help: "Shows transactions in the tx orphanage.",
			Params: []Param{optional("verbosity", TypeNumber, "0", "0 for an array of txids (may contain duplicates), 1 for an array of objects with tx details, and 2 for details from (1) and tx hex")},
			Result: "[...]    (json array) txids, or objects: txid, wtxid, bytes, vsize, weight, from, and hex for verbosity 2", Example: "2", Run: getOrphanTxs},
		{Name: "getaddrmaninfo", Topic: topicNetwork, Help: "Provides information about the node's address manager by returning the number of addresses in the `new` and `tried` tables and their sum for all networks.",
			Result: "{...}    (json object) by network, and for all_networks: new, tried, total", Run: getAddrManInfo},
		{Name: "getrawaddrman", Topic: topicNetwork, Help: "Returns information on all address manager entries for the new and tried tables. This RPC is for testing only.",
			Result: `{"new": {...}, "tried": {...}}    (json object) by "bucket/position": address, port, network, services, time, source, source_network`, Run: getRawAddrMan},
	}
}

func addConnection(_ context.Context, c *call) (any, error) {
	if c.Node.Params().ValidationOnly {
		return nil, fail(CodeMisc, "addconnection is for regression testing (-regtest mode) only.")
	}
	addr, kind, encrypted := c.str(0), c.str(1), c.boolOr(2, false)
	if !slices.Contains([]string{"outbound-full-relay", "block-relay-only", "addr-fetch", "feeler"}, kind) {
		return nil, c.usageError(CodeInvalidParameter)
	}
	if encrypted && c.Node.Service().Services&serviceP2PV2 == 0 {
		return nil, fail(CodeInvalidParameter, "Error: Adding v2transport connections requires -v2transport init flag to be set.")
	}
	err := c.Net.Connect(addr, kind, encrypted)
	if errors.Is(err, ErrNoPlace) {
		return nil, fail(CodeNodeCapacity, "Error: Already at capacity for specified connection type.")
	}
	if err != nil {
		return nil, err
	}
	return obj("address", addr, "connection_type", kind), nil
}

const maxCommand = 12

func sendMsgToPeer(_ context.Context, c *call) (any, error) {
	id, err := c.num(0, 0)
	if err != nil {
		return nil, err
	}
	command := c.str(1)
	if len(command) > maxCommand {
		return nil, fail(CodeInvalidParameter, "Error: msg_type too long, max length is %d", maxCommand)
	}
	payload, err := hex.DecodeString(c.str(2))
	if err != nil {
		return nil, fail(CodeInvalidParameter, "Error parsing input for msg")
	}
	if id < 0 || c.Net.SendRaw(uint64(id), command, payload) != nil {
		return nil, fail(CodeMisc, "Error: Could not send message to peer")
	}
	return obj(), nil
}

func getBlockFromPeer(_ context.Context, c *call) (any, error) {
	hash, err := c.hash(0)
	if err != nil {
		return nil, err
	}
	id, err := c.num(1, 0)
	if err != nil {
		return nil, err
	}
	entry, known := c.Chain.Lookup(hash)
	switch {
	case !known:
		return nil, fail(CodeMisc, "Block header missing")
	case c.Pruning != nil && entry.Height() > c.Chain.Tip().Height():
		return nil, fail(CodeMisc, "In prune mode, only blocks that the node has already synced previously can be fetched from a peer")
	case entry.HaveBlock:
		return nil, fail(CodeMisc, "Block already downloaded")
	case entry.Pruned:
		return nil, fail(CodeMisc, "Block was pruned, and is not taken again")
	case id < 0:
		return nil, fail(CodeMisc, "Peer does not exist")
	}
	if err := c.Net.FetchBlock(uint64(id), hash); err != nil {
		return nil, fail(CodeMisc, "%s", err.Error())
	}
	return obj(), nil
}

func getOrphanTxs(_ context.Context, c *call) (any, error) {
	verbosity, err := c.num(0, 0)
	if err != nil {
		return nil, err
	}
	if verbosity < 0 || verbosity > 2 {
		return nil, fail(CodeInvalidParameter, "Invalid verbosity value %d", verbosity)
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
		f := obj("txid", o.Tx.ID().String(), "wtxid", o.Tx.WitnessID().String(), "bytes", o.Tx.Size(), "vsize", (o.Tx.Weight()+3)/4, "weight", o.Tx.Weight(), "from", from)
		if verbosity == 2 {
			f.add("hex", hex.EncodeToString(o.Tx.Bytes()))
		}
		list = append(list, f)
	}
	return list, nil
}

func getAddrManInfo(_ context.Context, c *call) (any, error) {
	f := fields{}
	var fresh, tried int
	for _, n := range c.Net.BookCounts() {
		fresh, tried = fresh+n.New, tried+n.Tried
		f.add(n.Network, obj("new", n.New, "tried", n.Tried, "total", n.New+n.Tried))
	}
	f.add("all_networks", obj("new", fresh, "tried", tried, "total", fresh+tried))
	return f, nil
}

func getRawAddrMan(_ context.Context, c *call) (any, error) {
	tables := [2]fields{{}, {}}
	for _, s := range c.Net.BookSlots() {
		t := &tables[0]
		if s.Tried {
			t = &tables[1]
		}
		t.add(fmt.Sprintf("%d/%d", s.Bucket, s.Slot), obj("address", s.Host, "port", int(s.Port), "network", s.Network, "services", s.Services,
			"time", s.Time.Unix(), "source", s.Source, "source_network", s.SourceNetwork))
	}
	return obj("new", tables[0], "tried", tables[1]), nil
}
