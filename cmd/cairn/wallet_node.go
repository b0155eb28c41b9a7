package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet"
)

// node connects to the node that the flags name; see findNode.
func (s *walletSession) node() (*walletNode, error) {
	client, err := dialNode(s.c)
	if err != nil {
		return nil, err
	}
	return &walletNode{client}, nil
}

// walletNode is wallet.Node over a node's RPC.
type walletNode struct{ rpc *client.Client }

var _ wallet.Node = (*walletNode)(nil)

// walletAsk asks one method for each item in one request and returns the results in order.
func walletAsk[T, R any](ctx context.Context, n *walletNode, method string, items []T, params func(T) []any) ([]R, error) {
	results := make([]R, len(items))
	calls := make([]*client.BatchCall, len(items))
	for i := range items {
		calls[i] = &client.BatchCall{Method: method, Params: params(items[i]), Result: &results[i]}
	}
	if err := n.rpc.Batch(ctx, calls); err != nil {
		return nil, err
	}
	for _, call := range calls {
		if call.Err != nil {
			return nil, fmt.Errorf("%s: %w", method, call.Err)
		}
	}
	return results, nil
}

// Tip implements wallet.Node.
func (n *walletNode) Tip(ctx context.Context) (int32, types.Hash, error) {
	var info struct {
		Blocks        int32      `json:"blocks"`
		BestBlockHash types.Hash `json:"bestblockhash"`
	}
	err := n.rpc.Call(ctx, "getblockchaininfo", &info)
	return info.Blocks, info.BestBlockHash, err
}

// Hashes implements wallet.Node.
func (n *walletNode) Hashes(ctx context.Context, from int32, count int) ([]types.Hash, error) {
	heights := make([]int32, count)
	for i := range heights {
		heights[i] = from + int32(i)
	}
	return walletAsk[int32, types.Hash](ctx, n, "getblockhash", heights, func(h int32) []any { return []any{h} })
}

// Headers implements wallet.Node.
func (n *walletNode) Headers(ctx context.Context, blocks []types.Hash) ([]types.Header, error) {
	raws, err := walletAsk[types.Hash, string](ctx, n, "getblockheader", blocks, func(h types.Hash) []any { return []any{h, false} })
	if err != nil {
		return nil, err
	}
	headers := make([]types.Header, len(raws))
	for i, text := range raws {
		raw, err := hex.DecodeString(text)
		if err == nil {
			headers[i], err = types.DecodeHeader(raw)
		}
		if err != nil {
			return nil, fmt.Errorf("getblockheader: %w", err)
		}
	}
	return headers, nil
}

// Filters implements wallet.Node. A node without the index says so in Bitcoin Core's words.
func (n *walletNode) Filters(ctx context.Context, blocks []types.Hash) ([]wallet.Filter, error) {
	type reply struct {
		Filter string     `json:"filter"`
		Header types.Hash `json:"header"`
	}
	replies, err := walletAsk[types.Hash, reply](ctx, n, "getblockfilter", blocks, func(h types.Hash) []any { return []any{h} })
	var refused *jsonrpc.Error
	if errors.As(err, &refused) && strings.Contains(refused.Message, "not enabled") {
		return nil, wallet.ErrNoFilters
	}
	if err != nil {
		return nil, err
	}
	filters := make([]wallet.Filter, len(replies))
	for i, r := range replies {
		raw, err := hex.DecodeString(r.Filter)
		if err != nil {
			return nil, fmt.Errorf("getblockfilter: %w", err)
		}
		filters[i] = wallet.Filter{Data: raw, Header: r.Header}
	}
	return filters, nil
}

// Block implements wallet.Node.
func (n *walletNode) Block(ctx context.Context, hash types.Hash) (*types.Block, error) {
	var text string
	if err := n.rpc.Call(ctx, "getblock", &text, hash, 0); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("getblock: %w", err)
	}
	return types.DecodeBlock(raw)
}

// Broadcast implements wallet.Node. The node's own limit on feerates is switched off, since the
// wallet has asked its user.
func (n *walletNode) Broadcast(ctx context.Context, tx *types.Tx) error {
	err := n.rpc.Call(ctx, "sendrawtransaction", nil, hex.EncodeToString(tx.Bytes()), 0)
	var refused *jsonrpc.Error
	if !errors.As(err, &refused) {
		return err
	}
	switch {
	case refused.Code == jsonrpc.CodeAlreadyInChain || strings.Contains(refused.Message, "txn-already-"):
		return nil
	case refused.Code == jsonrpc.CodeVerify || refused.Code == jsonrpc.CodeVerifyRejected || refused.Code == jsonrpc.CodeDeserialization:
		return &wallet.Rejected{Reason: refused.Message}
	}
	return err
}

// FeeRate implements wallet.Node: the node's estimate for six blocks if it has one, and at least what
// its mempool takes at present.
func (n *walletNode) FeeRate(ctx context.Context) (int64, error) {
	var info struct {
		Floor json.Number `json:"mempoolminfee"`
		Relay json.Number `json:"minrelaytxfee"`
	}
	if err := n.rpc.Call(ctx, "getmempoolinfo", &info); err != nil {
		return 0, err
	}
	var estimate struct {
		FeeRate json.Number `json:"feerate"`
	}
	err := n.rpc.Call(ctx, "estimatesmartfee", &estimate, 6)
	var refused *jsonrpc.Error
	if err != nil && !errors.As(err, &refused) {
		return 0, err
	}
	rate := wallet.MinFeeRate
	for _, number := range []json.Number{info.Floor, info.Relay, estimate.FeeRate} {
		if number == "" {
			continue
		}
		perKvB, err := wallet.ParseAmount(number.String())
		if err == nil {
			rate = max(rate, perKvB)
		}
	}
	return rate, nil
}

// Mempool implements wallet.Node.
func (n *walletNode) Mempool(ctx context.Context) (ids []types.Hash, err error) {
	err = n.rpc.Call(ctx, "getrawmempool", &ids)
	return ids, err
}

// MempoolTxs implements wallet.Node.
func (n *walletNode) MempoolTxs(ctx context.Context, ids []types.Hash) ([]*types.Tx, error) {
	calls := make([]*client.BatchCall, len(ids))
	texts := make([]string, len(ids))
	for i := range ids {
		calls[i] = &client.BatchCall{Method: "getrawtransaction", Params: []any{ids[i]}, Result: &texts[i]}
	}
	if err := n.rpc.Batch(ctx, calls); err != nil {
		return nil, err
	}
	var txs []*types.Tx
	for i := range calls {
		if calls[i].Err != nil {
			continue // it left the mempool in between
		}
		raw, err := hex.DecodeString(texts[i])
		if err != nil {
			return nil, fmt.Errorf("getrawtransaction: %w", err)
		}
		tx, err := types.DecodeTx(raw)
		if err != nil {
			return nil, fmt.Errorf("getrawtransaction: %w", err)
		}
		txs = append(txs, tx)
	}
	return txs, nil
}
