package rpc

import (
	"context"
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func utilMethods() []chainjson.Method {
	var echoParams []jsonrpc.Param
	for i := range 10 {
		echoParams = append(echoParams, jsonrpc.Optional(fmt.Sprintf("arg%d", i), jsonrpc.TypeAny, "", "any JSON value"))
	}
	return []chainjson.Method{
		{Name: "echo", Topic: chainjson.TopicUtil, Help: "Simply echo back the input arguments. For testing.", Params: echoParams, Result: "[...]    the parameters", Example: "1 true", Run: echo},
		{Name: "echojson", Topic: chainjson.TopicUtil, Help: "Simply echo back the input arguments. For testing.", Params: echoParams, Result: "[...]    the parameters", Example: "1 true", Run: echo},
	}
}

func echo(_ context.Context, c *chainjson.Call) (any, error) {
	list := slices.Clone(c.Args)
	for len(list) > 0 && list[len(list)-1] == nil {
		list = list[:len(list)-1]
	}
	return list, nil
}
