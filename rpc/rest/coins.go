package rest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

func restTx(ctx context.Context, c *request) (answer, error) {
	id, err := restHash(c.param)
	if err != nil {
		return answer{}, err
	}
	view := chainjson.TxView{Hex: true}
	if e, ok := c.Mempool.Entry(id); ok {
		view.Tx = e.Tx
	} else if err := c.indexed(ctx, id, &view); err != nil {
		return answer{}, err
	}
	return answer{bin: func() ([]byte, error) { return view.Tx.Bytes(), nil },
		json: func() (any, error) { return view.JSON(c.Call), nil }}, nil
}

// indexed finds a transaction in the index, if there is one.
func (c *request) indexed(ctx context.Context, id types.Hash, view *chainjson.TxView) error {
	if c.TxIndex == nil {
		return notFound("%s not found", c.param)
	}
	found, err := c.TxIndex.Find(ctx, id)
	switch {
	case errors.Is(err, backend.ErrNotFound), errors.Is(err, backend.ErrNotSynced), errors.Is(err, backend.ErrPruned):
		return notFound("%s not found", c.param)
	case err != nil:
		return err
	}
	view.Tx, view.Block = found.Tx, &found.Block
	return nil
}

// poolHeight is the height of a coin that is in the mempool only.
const poolHeight = 0x7fffffff

// coinQuery is what getutxos is asked (BIP64).
type coinQuery struct {
	pool bool // outputs of the mempool count, and what it spends does not
	ops  []types.OutPoint
}

// coinReply is what it answers.
type coinReply struct {
	height int32
	tip    types.Hash
	hits   []bool
	coins  []consensus.Coin // of the hits
}

func restCoins(_ context.Context, c *request) (answer, error) {
	q, err := c.coinQuery()
	if err != nil {
		return answer{}, err
	}
	if len(q.ops) > maxOutPoints {
		return answer{}, badRequest("Error: max outpoints exceeded (max: %d, tried: %d)", maxOutPoints, len(q.ops))
	}
	r, err := c.coins(q)
	if err != nil {
		return answer{}, err
	}
	return answer{bin: func() ([]byte, error) { return r.encode(), nil },
		json: func() (any, error) { return r.fields(c.Call), nil }}, nil
}

// coinQuery reads the question from the path, or from the body in the form that the answer shall have.
func (c *request) coinQuery() (q coinQuery, err error) {
	inPath := len(c.param) > 1
	if !inPath && len(c.body) == 0 {
		return q, badRequest("Error: empty request")
	}
	if inPath {
		if q, err = pathQuery(c.param[1:]); err != nil {
			return q, err
		}
	}
	switch {
	case c.form == formJSON && !inPath:
		return q, badRequest("Error: empty request")
	case c.form == formJSON:
		return q, nil
	case c.form == formNone:
		return q, notFound("output format not found (available: .bin, .hex, .json)")
	case len(c.body) == 0:
		return q, nil
	case inPath:
		return q, badRequest("Combination of URI scheme inputs and raw post data is not allowed")
	}
	body := c.body
	if c.form == formHex {
		if body, err = hex.DecodeString(string(bytes.TrimSpace(body))); err != nil {
			return q, badRequest("Parse error")
		}
	}
	return bodyQuery(body)
}

// pathQuery reads checkmempool/txid-n/txid-n/….
func pathQuery(path string) (q coinQuery, err error) {
	parts := strings.Split(path, "/")
	if parts[0] == "checkmempool" {
		q.pool, parts = true, parts[1:]
	}
	for _, p := range parts {
		id, index, ok := strings.Cut(p, "-")
		h, err := types.ParseHash(id)
		n, err2 := strconv.ParseUint(index, 10, 32)
		if !ok || err != nil || err2 != nil {
			return q, badRequest("Parse error")
		}
		q.ops = append(q.ops, types.OutPoint{TxID: h, Index: uint32(n)})
	}
	if len(q.ops) == 0 {
		return q, badRequest("Error: empty request")
	}
	return q, nil
}

// bodyQuery reads a byte for the mempool and a list of outpoints.
func bodyQuery(raw []byte) (q coinQuery, err error) {
	const size = types.HashSize + 4
	d := types.NewDecoder(raw)
	q.pool = d.Bool()
	for range d.Count(maxBody/size, size) {
		q.ops = append(q.ops, types.OutPoint{TxID: d.Hash(), Index: d.Uint32()})
	}
	if d.Err() != nil {
		return q, badRequest("Parse error")
	}
	return q, nil
}

// maxTipTries is how often coins are read again because the tip moved meanwhile.
const maxTipTries = 10

// coins answers as of one tip, unless blocks come faster than coins can be read.
func (c *request) coins(q coinQuery) (r coinReply, err error) {
	for range maxTipTries {
		tip := c.Chain.Tip()
		all, err := c.Ledger.Coins(q.ops)
		if err != nil {
			return r, err
		}
		r = coinReply{height: tip.Height(), tip: tip.Hash(), hits: make([]bool, len(q.ops))}
		for i, op := range q.ops {
			coin, ok := c.coin(op, all, q.pool)
			if r.hits[i] = ok; ok {
				r.coins = append(r.coins, coin)
			}
		}
		if c.Chain.Tip().Hash() == r.tip {
			break
		}
	}
	return r, nil
}

func (c *request) coin(op types.OutPoint, all consensus.Coins, pool bool) (consensus.Coin, bool) {
	if pool {
		if _, spent := c.Mempool.Spends(op); spent {
			return consensus.Coin{}, false
		}
		if e, ok := c.Mempool.Entry(op.TxID); ok {
			if int64(op.Index) >= int64(len(e.Tx.Out)) {
				return consensus.Coin{}, false
			}
			return consensus.Coin{Out: e.Tx.Out[op.Index], Height: poolHeight}, true
		}
	}
	coin, ok := all[op]
	return coin, ok
}

// encode is BIP64's form: height, tip, bitmap, coins.
func (r *coinReply) encode() []byte {
	bitmap := make([]byte, (len(r.hits)+7)/8)
	for i, hit := range r.hits {
		if hit {
			bitmap[i/8] |= 1 << (i % 8)
		}
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(r.height))
	b = append(b, r.tip[:]...)
	b = types.AppendVarBytes(b, bitmap)
	b = types.AppendVarInt(b, uint64(len(r.coins)))
	for i := range r.coins {
		b = binary.LittleEndian.AppendUint32(b, 0) // the transaction's version, which is not kept
		b = binary.LittleEndian.AppendUint32(b, uint32(r.coins[i].Height))
		b = r.coins[i].Out.Append(b)
	}
	return b
}

func (r *coinReply) fields(c *chainjson.Call) jsonrpc.Fields {
	bitmap := make([]byte, len(r.hits))
	for i, hit := range r.hits {
		if bitmap[i] = '0'; hit {
			bitmap[i] = '1'
		}
	}
	list := make([]jsonrpc.Fields, len(r.coins))
	for i := range r.coins {
		coin := &r.coins[i]
		list[i] = jsonrpc.Obj("height", coin.Height, "value", chainjson.Amount(coin.Out.Value), "scriptPubKey", chainjson.Lock(c, coin.Out.Script))
	}
	return jsonrpc.Obj("chainHeight", r.height, "chaintipHash", r.tip, "bitmap", string(bitmap), "utxos", list)
}
