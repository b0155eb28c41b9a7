package rpc

import (
	"encoding/hex"
	"encoding/json"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// hash reads parameter i as a hash.
func (c *call) hash(i int) (types.Hash, error) {
	return asHash(c.args[i], c.paramName(i))
}

// asHash reads a hash; name is the parameter's in the error.
func asHash(v any, name string) (types.Hash, error) {
	s, err := asString(v)
	if err != nil {
		return types.Hash{}, err
	}
	if len(s) != 2*types.HashSize {
		return types.Hash{}, fail(CodeInvalidParameter, "%s must be of length 64 (not %d, for '%s')", name, len(s), clip(s))
	}
	h, err := types.ParseHash(s)
	if err != nil {
		return types.Hash{}, fail(CodeInvalidParameter, "%s must be hexadecimal string (not '%s')", name, clip(s))
	}
	return h, nil
}

// asAmount reads coins within 0 and all the money.
func asAmount(v any) (Amount, error) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return 0, fail(CodeType, "Amount is not a number or string")
	}
	a, err := ParseAmount(text)
	if err != nil {
		return 0, fail(CodeType, "Invalid amount")
	}
	if a < 0 || int64(a) > consensus.MaxMoney {
		return 0, fail(CodeType, "Amount out of range")
	}
	return a, nil
}

// amount reads parameter i as coins, def if it was left out.
func (c *call) amount(i int, def Amount) (Amount, error) {
	if c.args[i] == nil {
		return def, nil
	}
	return asAmount(c.args[i])
}

// asTx decodes a transaction in hexadecimal; whatever is wrong with it gets text.
func asTx(v any, text string) (*types.Tx, error) {
	s, err := asString(v)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(s)
	if err != nil {
		return nil, fail(CodeDeserialization, "%s", text)
	}
	tx, err := types.DecodeTx(raw)
	if err != nil {
		return nil, fail(CodeDeserialization, "%s", text)
	}
	return tx, nil
}

// script reads an address of this network.
func (c *call) script(address string) ([]byte, error) {
	s, err := script.DecodeAddress(c.Node.Params().Addresses(), address)
	if err != nil {
		return nil, fail(CodeNotFound, "Invalid address: %s", err)
	}
	return s, nil
}

// asOutPoint reads an object with txid and vout.
func asOutPoint(v any) (op types.OutPoint, err error) {
	o, err := asObject(v)
	if err != nil {
		return op, err
	}
	if op.TxID, err = asHash(o.get("txid"), "txid"); err != nil {
		return op, err
	}
	if o.get("vout") == nil {
		return op, fail(CodeInvalidParameter, "Invalid parameter, missing vout key")
	}
	n, err := asInt(o.get("vout"))
	if err != nil {
		return op, err
	}
	if n < 0 {
		return op, fail(CodeInvalidParameter, "Invalid parameter, vout cannot be negative")
	}
	if n > 1<<32-1 {
		return op, errIntRange
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

// unspendable tells whether an output can never be spent.
func unspendable(out *types.TxOut) bool { return script.Unspendable(out.Script) }

// hashes are shown as a list of hashes, an empty one if there are none.
type hashes []types.Hash

// AppendJSON appends the list.
func (list hashes) AppendJSON(b []byte) []byte {
	b = append(b, '[')
	for i, h := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = h.AppendJSON(b)
	}
	return append(b, ']')
}
