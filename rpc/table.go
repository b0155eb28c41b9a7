package rpc

import (
	"cmp"
	"slices"
)

// Methods returns the table, ordered by topic and name.
func Methods() []apiMethod {
	all := slices.Concat(
		chainTable(),
		miningTable(),
		networkTable(),
		poolTable(),
		rawTable(),
		controlMethods(),
		loggingMethods(),
		utilMethods(),
	)
	slices.SortFunc(all, func(a, b apiMethod) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// ParseArgs turns the words of a command line into parameters for a client's Call, by the table; see jsonrpc.ParseArgs.
func ParseArgs(method string, words []string) ([]any, error) {
	return parseArgs(Methods(), method, words)
}
