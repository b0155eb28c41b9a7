package rest

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// restBlock answers with a block; verbosity is getblock's, for JSON.
func restBlock(verbosity int64) func(context.Context, *request) (answer, error) {
	return func(_ context.Context, c *request) (answer, error) {
		e, err := c.found(c.param)
		if err != nil {
			return answer{}, err
		}
		raw, err := c.Blocks.RawBlock(e.Hash())
		switch {
		case errors.Is(err, backend.ErrNotFound):
			return answer{}, notFound("%s not found", c.param)
		case errors.Is(err, backend.ErrNotDownloaded):
			return answer{}, notFound("%s not available (not fully downloaded)", c.param)
		case errors.Is(err, backend.ErrPruned):
			return answer{}, notFound("%s not available (pruned data)", c.param)
		case err != nil:
			return answer{}, err
		}
		return answer{bin: func() ([]byte, error) { return raw, nil }, json: func() (any, error) {
			b, err := types.DecodeBlock(raw)
			if err != nil {
				return nil, err
			}
			return chainjson.Block(c.Call, e, b, verbosity)
		}}, nil
	}
}

// restCount reads how many headers are wanted.
func restCount(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < 1 || n > maxHeaders {
		return 0, badRequest("Header count is invalid or out of acceptable range (1-%d): %s", maxHeaders, text)
	}
	return int(n), nil
}

// following are the blocks of the best chain from a hash on, at most n; none if the hash is not on it.
func (c *request) following(h types.Hash, n int) []backend.Entry {
	e, ok := c.Chain.Lookup(h)
	if !ok || !chainjson.OnBest(c.Call, e) {
		return nil
	}
	list := []backend.Entry{e}
	for len(list) < n {
		next, ok := c.Chain.AtHeight(e.Height() + 1)
		if !ok {
			break
		}
		if h := next.Header(); h.PrevHash != e.Hash() {
			break // the best chain has changed meanwhile
		}
		list = append(list, next)
		e = next
	}
	return list
}

// countAndHash reads a path of so many words and the hash of the first block, with ?count=, or with the count before the hash, the older form.
func (c *request) countAndHash(words int, usage string) (before []string, count int, hash types.Hash, err error) {
	parts := strings.Split(c.param, "/")
	var text string
	switch len(parts) - words {
	case 2:
		text = parts[words]
	case 1:
		if text, err = c.parameter("count", "5"); err != nil {
			return nil, 0, hash, err
		}
	default:
		return nil, 0, hash, badRequest("%s", usage)
	}
	if count, err = restCount(text); err != nil {
		return nil, 0, hash, err
	}
	hash, err = restHash(parts[len(parts)-1])
	return parts[:words], count, hash, err
}

func restHeaders(_ context.Context, c *request) (answer, error) {
	_, n, h, err := c.countAndHash(0, "Invalid URI format. Expected /rest/headers/<hash>.<ext>?count=<count>")
	if err != nil {
		return answer{}, err
	}
	list := c.following(h, n)
	return answer{bin: func() ([]byte, error) {
		raw := make([]byte, 0, 80*len(list))
		for i := range list {
			h := list[i].Header()
			raw = h.Append(raw)
		}
		return raw, nil
	}, json: func() (any, error) {
		shown := make([]jsonrpc.Fields, len(list))
		for i := range list {
			shown[i] = chainjson.Header(c.Call, list[i])
		}
		return shown, nil
	}}, nil
}

func restBlockHash(_ context.Context, c *request) (answer, error) {
	height, err := strconv.ParseInt(c.param, 10, 32)
	if err != nil || height < 0 || c.param[0] == '+' {
		return answer{}, badRequest("Invalid height: %s", safeText(c.param))
	}
	e, ok := c.Chain.AtHeight(int32(height))
	if !ok {
		return answer{}, notFound("Block height out of range")
	}
	hash := e.Hash()
	return answer{
		bin:  func() ([]byte, error) { return hash[:], nil },
		text: func() (string, error) { return hash.String(), nil },
		json: func() (any, error) { return jsonrpc.Obj("blockhash", hash), nil },
	}, nil
}

// safeText keeps what may stand in a URI.
func safeText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("!*'();:@&=+$,/?#[]-_.~%", r)) {
			return r
		}
		return -1
	}, s)
}

func restDeployments(ctx context.Context, c *request) (answer, error) {
	if c.param == "" || c.form != formJSON {
		return c.method(ctx, "getdeploymentinfo", nil)
	}
	h, err := restHash(c.param)
	if err != nil {
		return answer{}, err
	}
	if _, ok := c.Chain.Lookup(h); !ok {
		return answer{}, badRequest("Block not found")
	}
	return c.method(ctx, "getdeploymentinfo", h.String())
}

// restSpent answers with the outputs that a block spent, by transaction; the coinbase has none.
func restSpent(_ context.Context, c *request) (answer, error) {
	if strings.Contains(c.param, "/") {
		return answer{}, badRequest("Invalid URI format. Expected /rest/spenttxouts/<hash>.<ext>")
	}
	e, err := c.found(c.param)
	if err != nil {
		return answer{}, err
	}
	var undo consensus.Undo
	if e.Height() > 0 {
		undo, err = c.Blocks.Undo(e.Hash())
		if errors.Is(err, backend.ErrNotFound) || errors.Is(err, backend.ErrPruned) {
			return answer{}, notFound("%s undo not available", c.param)
		}
		if err != nil {
			return answer{}, err
		}
	}
	return answer{bin: func() ([]byte, error) { return appendSpent(nil, undo), nil },
		json: func() (any, error) { return spentLists(c.Call, undo), nil }}, nil
}

// appendSpent appends the lists of spent outputs, the coinbase's empty one first.
func appendSpent(b []byte, undo consensus.Undo) []byte {
	b = types.AppendVarInt(b, uint64(len(undo))+1)
	b = types.AppendVarInt(b, 0)
	for _, coins := range undo {
		b = types.AppendVarInt(b, uint64(len(coins)))
		for i := range coins {
			b = coins[i].Out.Append(b)
		}
	}
	return b
}

func spentLists(c *chainjson.Call, undo consensus.Undo) []any {
	lists := []any{[]jsonrpc.Fields{}}
	for _, coins := range undo {
		list := make([]jsonrpc.Fields, len(coins))
		for i := range coins {
			out := &coins[i].Out
			list[i] = jsonrpc.Obj("value", chainjson.Amount(out.Value), "scriptPubKey", chainjson.Lock(c, out.Script))
		}
		lists = append(lists, list)
	}
	return lists
}

// filterName looks at the kind of a filter, of which there is one, and whether filters are kept.
func (c *request) filterName(kind string) error {
	switch {
	case kind != "basic":
		return badRequest("Unknown filtertype %s", kind)
	case c.Filters == nil:
		return badRequest("Index is not enabled for filtertype %s", kind)
	}
	return nil
}

// filter reads a block's filter. One that the index is about to have is waited for, as long as the index follows the tip.
func (c *request) filter(ctx context.Context, e backend.Entry) (filter []byte, header types.Hash, err error) {
	filter, header, err = c.Filters.Filter(e.Hash())
	if !errors.Is(err, backend.ErrNotFound) && !errors.Is(err, backend.ErrNotSynced) {
		return filter, header, err
	}
	height, synced := c.Filters.Synced()
	if !synced && height < c.Chain.Tip().Height()-maxBehind {
		return nil, header, notFound("Filter not found. Block filters are still in the process of being indexed.")
	}
	if err := c.Node.Settle(ctx); err != nil {
		return nil, header, fail(http.StatusServiceUnavailable, "The node does not follow its chain: %s", err)
	}
	filter, header, err = c.Filters.Filter(e.Hash())
	if errors.Is(err, backend.ErrNotFound) || errors.Is(err, backend.ErrNotSynced) {
		if !chainjson.OnBest(c.Call, e) {
			return nil, header, notFound("Filter not found. Block was not connected to active chain.")
		}
		return nil, header, notFound("Filter not found. This error is unexpected and indicates index corruption.")
	}
	return filter, header, err
}

// maxBehind is how many blocks an index may be behind the tip and still be waited for.
const maxBehind = 8

func restFilter(ctx context.Context, c *request) (answer, error) {
	parts := strings.Split(c.param, "/")
	if len(parts) != 2 {
		return answer{}, badRequest("Invalid URI format. Expected /rest/blockfilter/<filtertype>/<blockhash>")
	}
	if _, err := restHash(parts[1]); err != nil {
		return answer{}, err
	}
	if err := c.filterName(parts[0]); err != nil {
		return answer{}, err
	}
	e, err := c.found(parts[1])
	if err != nil {
		return answer{}, err
	}
	filter, _, err := c.filter(ctx, e)
	if err != nil {
		return answer{}, err
	}
	return answer{bin: func() ([]byte, error) {
		hash := e.Hash()
		return types.AppendVarBytes(append([]byte{0}, hash[:]...), filter), nil // kind 0: basic
	}, json: func() (any, error) { return jsonrpc.Obj("filter", hex.EncodeToString(filter)), nil }}, nil
}

func restFilterHeaders(ctx context.Context, c *request) (answer, error) {
	kind, n, h, err := c.countAndHash(1, "Invalid URI format. Expected /rest/blockfilterheaders/<filtertype>/<blockhash>.<ext>?count=<count>")
	if err != nil {
		return answer{}, err
	}
	if err := c.filterName(kind[0]); err != nil {
		return answer{}, err
	}
	headers := []types.Hash{}
	for _, e := range c.following(h, n) {
		_, header, err := c.filter(ctx, e)
		if err != nil {
			return answer{}, err
		}
		headers = append(headers, header)
	}
	return answer{bin: func() ([]byte, error) {
		raw := make([]byte, 0, types.HashSize*len(headers))
		for _, h := range headers {
			raw = append(raw, h[:]...)
		}
		return raw, nil
	}, json: func() (any, error) { return chainjson.Hashes(headers), nil }}, nil
}
