package rpc

import (
	"context"
	"time"

	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func loggingMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "logging", Topic: chainjson.TopicControl, Help: "Gets and sets the logging configuration. When called without an argument, returns the list of categories with status that are currently being debug logged or not. When called with arguments, adds or removes categories from debug logging and returns the lists above. " +
			"The arguments are evaluated in order \"include\", \"exclude\". If an item is both included and excluded, it will thus end up being excluded. \"all\" and \"1\" stand for all categories. Categories of Bitcoin Core that this node has nothing to say of are taken and have no lines.",
			Params: []jsonrpc.Param{jsonrpc.Optional("include", jsonrpc.TypeArray, "", "The categories to add to debug logging"), jsonrpc.Optional("exclude", jsonrpc.TypeArray, "", "The categories to remove from debug logging")},
			Result: "{...}    (json object) whether each category is being debug logged", Example: `'["all"]' '["net"]'`, Run: logging},
		{Name: "mockscheduler", Topic: chainjson.TopicUtil, Help: "Bump the scheduler into the future: all timers of the network run out so much earlier. Only on regtest and cairn.",
			Params: []jsonrpc.Param{jsonrpc.Required("delta_time", jsonrpc.TypeNumber, "Number of seconds to forward the scheduler into the future, 1 to 3600.")},
			Result: "null", Example: "300", Run: mockScheduler},
	}
}

func logging(_ context.Context, c *chainjson.Call) (any, error) {
	for i, on := range []bool{true, false} {
		for _, v := range c.List(i) {
			name, ok := v.(string)
			if !ok {
				return nil, jsonrpc.WrongType(v, "string")
			}
			if !c.Control.SetLogCategory(name, on) {
				return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "unknown logging category %s", jsonrpc.Clip(name))
			}
		}
	}
	f := jsonrpc.Fields{}
	for _, l := range c.Control.LogCategories() {
		f.Add(l.Name, l.On)
	}
	return f, nil
}

func mockScheduler(_ context.Context, c *chainjson.Call) (any, error) {
	if c.Node.Params().ValidationOnly {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "mockscheduler is for regression testing (-regtest mode) only")
	}
	seconds, err := c.Num(0, 0)
	if err != nil {
		return nil, err
	}
	if seconds <= 0 || seconds > 3600 {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "delta_time must be between 1 and 3600 seconds (1 hr)")
	}
	c.Control.Hurry(time.Duration(seconds) * time.Second)
	return nil, nil
}
