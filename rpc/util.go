package rpc

import (
	"context"
	"fmt"
	"slices"
)

func utilMethods() []apiMethod {
	var echoParams []Param
	for i := range 10 {
		echoParams = append(echoParams, optional(fmt.Sprintf("arg%d", i), TypeAny, "", "any JSON value"))
	}
	return []apiMethod{
		{Name: "echo", Topic: topicUtil, Help: "Simply echo back the input arguments. For testing.", Params: echoParams, Result: "[...]    the parameters", Example: "1 true", Run: echo},
		{Name: "echojson", Topic: topicUtil, Help: "Simply echo back the input arguments. For testing.", Params: echoParams, Result: "[...]    the parameters", Example: "1 true", Run: echo},
	}
}

func echo(_ context.Context, c *call) (any, error) {
	list := slices.Clone(c.args)
	for len(list) > 0 && list[len(list)-1] == nil {
		list = list[:len(list)-1]
	}
	return list, nil
}
