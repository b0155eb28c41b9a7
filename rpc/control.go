package rpc

import (
	"context"
	"runtime"
	"time"

	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func controlMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "help", Topic: chainjson.TopicControl, Help: "List all commands, or get help for a specified command.",
			Params: []jsonrpc.Param{jsonrpc.Optional("command", jsonrpc.TypeString, "all commands", "The command to get help on")},
			Result: `"str"    (string) The help text`, Example: "getblock", Run: help},
		{Name: "stop", Topic: chainjson.TopicControl, Help: "Request a graceful shutdown of the node.",
			Params: []jsonrpc.Param{jsonrpc.Optional("wait", jsonrpc.TypeNumber, "", "how long to wait in ms; accepted and of no effect")},
			Result: `"str"    (string) A string with the content 'Cairn stopping'`, Run: stop},
		{Name: "uptime", Topic: chainjson.TopicControl, Help: "Returns the total uptime of the server in seconds. It does not follow setmocktime.",
			Result: "n    (numeric) The number of seconds that the server has been running", Run: uptime},
		{Name: "getrpcinfo", Topic: chainjson.TopicControl, Help: "Returns details of the RPC server.",
			Result: "{...}    (json object) active_commands [method, duration in microseconds], logpath", Run: getRPCInfo},
		{Name: "getmemoryinfo", Topic: chainjson.TopicControl, Help: "Returns figures of the Go runtime's memory, under Core's names where there is a counterpart.",
			Params: []jsonrpc.Param{jsonrpc.Optional("mode", jsonrpc.TypeString, "stats", "only stats is known")},
			Result: "{...}    (json object) locked {used, free, total, locked, chunks_used, chunks_free}: bytes and objects of the heap; nothing is locked", Run: getMemoryInfo},
		{Name: "setmocktime", Topic: chainjson.TopicUtil, Help: "Sets the node's clock, but for uptime, to a time that stands still. For testing.",
			Params: []jsonrpc.Param{jsonrpc.Required("timestamp", jsonrpc.TypeNumber, "Unix seconds; 0 lets the system's clock run again")},
			Result: "null", Example: "1700000000", Run: setMockTime},
	}
}

func help(_ context.Context, c *chainjson.Call) (any, error) {
	name := c.Str(0)
	if text, ok := c.Help(name); ok {
		return text, nil
	}
	return "help: unknown command: " + jsonrpc.Clip(name), nil
}

func stop(_ context.Context, c *chainjson.Call) (any, error) {
	c.Node.Stop()
	return "Cairn stopping", nil
}

func uptime(_ context.Context, c *chainjson.Call) (any, error) {
	return int64(c.Node.Uptime() / time.Second), nil
}

func getRPCInfo(_ context.Context, c *chainjson.Call) (any, error) {
	return jsonrpc.Obj("active_commands", c.Active(), "logpath", c.Node.Service().LogFile), nil
}

func getMemoryInfo(_ context.Context, c *chainjson.Call) (any, error) {
	if mode := c.StrOr(0, "stats"); mode != "stats" {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "unknown mode %s", jsonrpc.Clip(mode))
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return jsonrpc.Obj("locked", jsonrpc.Obj("used", m.HeapAlloc, "free", m.HeapIdle, "total", m.HeapSys, "locked", 0, "chunks_used", m.HeapObjects, "chunks_free", 0)), nil
}

func setMockTime(_ context.Context, c *chainjson.Call) (any, error) {
	at, err := c.Num(0, 0)
	if err != nil {
		return nil, err
	}
	const latest = 1<<63/1_000_000_000 - 1 // what nanoseconds can hold, as in Core
	if at < 0 || at > latest {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Mocktime must be in the range [0, %d], not %d.", int64(latest), at)
	}
	if at == 0 {
		c.Node.SetMockTime(time.Time{})
		return nil, nil
	}
	c.Node.SetMockTime(time.Unix(at, 0))
	return nil, nil
}
