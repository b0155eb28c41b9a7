package chainjson

import (
	"encoding/hex"
	"encoding/json"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// Hash reads parameter i as a hash.
func (c *Call) Hash(i int) (types.Hash, error) {
	return AsHash(c.Args[i], c.ParamName(i))
}

// AsHash reads a hash; name is the parameter's in the error.
func AsHash(v any, name string) (types.Hash, error) {
	s, err := jsonrpc.AsString(v)
	if err != nil {
		return types.Hash{}, err
	}
	if len(s) != 2*types.HashSize {
		return types.Hash{}, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "%s must be of length 64 (not %d, for '%s')", name, len(s), jsonrpc.Clip(s))
	}
	h, err := types.ParseHash(s)
	if err != nil {
		return types.Hash{}, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "%s must be hexadecimal string (not '%s')", name, jsonrpc.Clip(s))
	}
	return h, nil
}

// AsAmount reads coins within 0 and all the money.
func AsAmount(v any) (Amount, error) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return 0, jsonrpc.Fail(jsonrpc.CodeType, "Amount is not a number or string")
	}
	a, err := ParseAmount(text)
	if err != nil {
		return 0, jsonrpc.Fail(jsonrpc.CodeType, "Invalid amount")
	}
	if a < 0 || int64(a) > consensus.MaxMoney {
		return 0, jsonrpc.Fail(jsonrpc.CodeType, "Amount out of range")
	}
	return a, nil
}

// Amount reads parameter i as coins, def if it was left out.
func (c *Call) Amount(i int, def Amount) (Amount, error) {
	if c.Args[i] == nil {
		return def, nil
	}
	return AsAmount(c.Args[i])
}

// AsTx decodes a transaction in hexadecimal; whatever is wrong with it gets text.
func AsTx(v any, text string) (*types.Tx, error) {
	s, err := jsonrpc.AsString(v)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(s)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "%s", text)
	}
	tx, err := types.DecodeTx(raw)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "%s", text)
	}
	return tx, nil
}

// Script reads an address of this network.
func (c *Call) Script(address string) ([]byte, error) {
	s, err := script.DecodeAddress(c.Node.Params().Addresses(), address)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Invalid address: %s", err)
	}
	return s, nil
}

// AsOutPoint reads an object with txid and vout.
func AsOutPoint(v any) (op types.OutPoint, err error) {
	o, err := jsonrpc.AsObject(v)
	if err != nil {
		return op, err
	}
	if op.TxID, err = AsHash(o.Get("txid"), "txid"); err != nil {
		return op, err
	}
	if o.Get("vout") == nil {
		return op, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter, missing vout key")
	}
	n, err := jsonrpc.AsInt(o.Get("vout"))
	if err != nil {
		return op, err
	}
	if n < 0 {
		return op, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter, vout cannot be negative")
	}
	if n > 1<<32-1 {
		return op, jsonrpc.ErrIntRange
	}
	op.Index = uint32(n)
	return op, nil
}

// ChainName is what Bitcoin Core calls a network.
func ChainName(p *consensus.Params) string {
	switch p.Name {
	case "mainnet":
		return "main"
	case "testnet3":
		return "test"
	}
	return p.Name
}

// Unspendable tells whether an output can never be spent.
func Unspendable(out *types.TxOut) bool { return script.Unspendable(out.Script) }

// Hashes are shown as a list of hashes, an empty one if there are none.
type Hashes []types.Hash

// AppendJSON appends the list.
func (list Hashes) AppendJSON(b []byte) []byte {
	b = append(b, '[')
	for i, h := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = h.AppendJSON(b)
	}
	return append(b, ']')
}
