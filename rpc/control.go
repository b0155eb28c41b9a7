package rpc

import (
	"context"
	"runtime"
	"time"
)

func controlMethods() []apiMethod {
	return []apiMethod{
		{Name: "help", Topic: topicControl, Help: "List all commands, or get help for a specified command.",
			Params: []Param{optional("command", TypeString, "all commands", "The command to get help on")},
			Result: `"str"    (string) The help text`, Example: "getblock", Run: help},
		{Name: "stop", Topic: topicControl, Help: "Request a graceful shutdown of the node.",
			Params: []Param{optional("wait", TypeNumber, "", "how long to wait in ms; accepted and of no effect")},
			Result: `"str"    (string) A string with the content 'Cairn stopping'`, Run: stop},
		{Name: "uptime", Topic: topicControl, Help: "Returns the total uptime of the server in seconds. It does not follow setmocktime.",
			Result: "n    (numeric) The number of seconds that the server has been running", Run: uptime},
		{Name: "getrpcinfo", Topic: topicControl, Help: "Returns details of the RPC server.",
			Result: "{...}    (json object) active_commands [method, duration in microseconds], logpath", Run: getRPCInfo},
		{Name: "getmemoryinfo", Topic: topicControl, Help: "Returns figures of the Go runtime's memory, under Core's names where there is a counterpart.",
			Params: []Param{optional("mode", TypeString, "stats", "only stats is known")},
			Result: "{...}    (json object) locked {used, free, total, locked, chunks_used, chunks_free}: bytes and objects of the heap; nothing is locked", Run: getMemoryInfo},
		{Name: "setmocktime", Topic: topicUtil, Help: "Sets the node's clock, but for uptime, to a time that stands still. For testing.",
			Params: []Param{required("timestamp", TypeNumber, "Unix seconds; 0 lets the system's clock run again")},
			Result: "null", Example: "1700000000", Run: setMockTime},
	}
}

func help(_ context.Context, c *call) (any, error) {
	name := c.str(0)
	if text, ok := c.help(name); ok {
		return text, nil
	}
	return "help: unknown command: " + clip(name), nil
}

func stop(_ context.Context, c *call) (any, error) {
	c.Node.Stop()
	return "Cairn stopping", nil
}

func uptime(_ context.Context, c *call) (any, error) {
	return int64(c.Node.Uptime() / time.Second), nil
}

func getRPCInfo(_ context.Context, c *call) (any, error) {
	return obj("active_commands", c.active(), "logpath", c.Node.Service().LogFile), nil
}

func getMemoryInfo(_ context.Context, c *call) (any, error) {
	if mode := c.strOr(0, "stats"); mode != "stats" {
		return nil, fail(CodeInvalidParameter, "unknown mode %s", clip(mode))
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return obj("locked", obj("used", m.HeapAlloc, "free", m.HeapIdle, "total", m.HeapSys, "locked", 0, "chunks_used", m.HeapObjects, "chunks_free", 0)), nil
}

func setMockTime(_ context.Context, c *call) (any, error) {
	at, err := c.num(0, 0)
	if err != nil {
		return nil, err
	}
	const latest = 1<<63/1_000_000_000 - 1 // what nanoseconds can hold, as in Core
	if at < 0 || at > latest {
		return nil, fail(CodeInvalidParameter, "Mocktime must be in the range [0, %d], not %d.", int64(latest), at)
	}
	if at == 0 {
		c.Node.SetMockTime(time.Time{})
		return nil, nil
	}
	c.Node.SetMockTime(time.Unix(at, 0))
	return nil, nil
}
