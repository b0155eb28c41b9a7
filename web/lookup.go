package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// maxAsked bounds how many nodes are asked for one thing: one for each tip that nodes have.
const maxAsked = 8

// errNoNode: nobody can be asked.
var errNoNode = errors.New("this node does not run")

// asked is a question of the explorer to one node.
type asked struct {
	*View
	r *http.Request
}

// lookup answers a question of the explorer from the node that the query names; if it names none, from the first whose
// chain knows the answer.
func (s *Site) lookup(find func(context.Context, asked) (map[string]any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.lookups <- struct{}{}:
			defer func() { <-s.lookups }()
		case <-r.Context().Done():
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
		defer cancel()
		members := s.cfg.Source.Picture().Nodes
		err := errNoNode
		for _, i := range whomToAsk(members, r.URL.Query().Get("node")) {
			var v map[string]any
			if v, err = find(ctx, asked{members[i].View, r}); err == nil {
				v["node"] = i
				answer(w, v)
				return
			}
		}
		refuse(w, statusOf(err), sentence(err))
	}
}

// whomToAsk returns the nodes to be asked, one after the other.
func whomToAsk(members []Member, name string) (list []int) {
	if name != "" {
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(members) || members[i].View == nil {
			return nil
		}
		return []int{i}
	}
	var tips []types.Hash
	for i, m := range members {
		if m.View == nil {
			continue
		}
		if tip := m.View.Chain.Tip().Hash(); !slices.Contains(tips, tip) && len(list) < maxAsked {
			tips = append(tips, tip)
			list = append(list, i)
		}
	}
	return list
}

func statusOf(err error) int {
	var e *jsonrpc.Error
	switch {
	case !errors.As(err, &e):
		return http.StatusNotFound
	case e.Code == jsonrpc.CodeInternal || e.Code == jsonrpc.CodeDatabase:
		return http.StatusInternalServerError
	case e.Code == jsonrpc.CodeWarmUp || e.Code == jsonrpc.CodeInInitial:
		return http.StatusServiceUnavailable
	}
	return http.StatusNotFound
}

func sentence(err error) string {
	var e *jsonrpc.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// ask calls a method and decodes what it returns.
func (a asked) ask(ctx context.Context, into any, method string, params ...any) error {
	raw, err := a.Calls.Call(ctx, method, params...)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// id is the last part of the path.
func (a asked) id() string { return a.r.PathValue("id") }

// number reads a number of the query, 0 if there is none.
func (a asked) number(name string) int {
	n, err := strconv.Atoi(a.r.URL.Query().Get(name))
	if err != nil || n < 0 {
		return 0
	}
	return n
}
