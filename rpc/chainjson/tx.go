package chainjson

import (
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// TxView is a transaction and what is known beside it.
type TxView struct {
	Tx       *types.Tx
	Spent    []consensus.Coin // by input; nil if not known
	Prevouts bool             // show spent
	Hex      bool             // show the bytes
	Block    *types.Hash      // show the block's hash
}

// Fields describes the transaction as decoderawtransaction does.
func (v TxView) Fields(c *Call) jsonrpc.Fields {
	tx := v.Tx
	if len(v.Spent) != len(tx.In) {
		v.Spent = nil
	}
	f := append(make(jsonrpc.Fields, 0, 13), jsonrpc.Obj("txid", tx.ID(), "hash", tx.WitnessID(), "version", tx.Version, "size", tx.Size(), "vsize", tx.VSize(),
		"weight", tx.Weight(), "locktime", tx.LockTime)...)
	ins := make([]jsonrpc.Fields, len(tx.In))
	for i := range tx.In {
		ins[i] = v.input(c, i)
	}
	f.Add("vin", ins)
	outs := make([]jsonrpc.Fields, len(tx.Out))
	var total int64
	for i := range tx.Out {
		out := &tx.Out[i]
		total += out.Value
		outs[i] = jsonrpc.Obj("value", Amount(out.Value), "n", i, "scriptPubKey", LockFields(c, out.Script))
	}
	f.Add("vout", outs)
	if v.Spent != nil {
		f.Add("fee", Amount(SumCoins(v.Spent)-total))
	}
	if v.Block != nil {
		f.Add("blockhash", *v.Block)
	}
	if v.Hex {
		f.Add("hex", jsonrpc.Hex(tx.Append(make([]byte, 0, tx.Size()))))
	}
	return f
}

func SumCoins(coins []consensus.Coin) (sum int64) {
	for i := range coins {
		sum += coins[i].Out.Value
	}
	return sum
}

func (v TxView) input(c *Call, i int) jsonrpc.Fields {
	in := &v.Tx.In[i]
	var f jsonrpc.Fields
	if v.Tx.IsCoinbase() {
		f.Add("coinbase", jsonrpc.Hex(in.ScriptSig))
	} else {
		f = jsonrpc.Obj("txid", in.PrevOut.TxID, "vout", in.PrevOut.Index,
			"scriptSig", jsonrpc.Obj("asm", script.DisassembleScriptSig(in.ScriptSig), "hex", jsonrpc.Hex(in.ScriptSig)))
	}
	if len(in.Witness) > 0 {
		items := make([]jsonrpc.Hex, len(in.Witness))
		for j, item := range in.Witness {
			items[j] = item
		}
		f.Add("txinwitness", items)
	}
	if v.Prevouts && v.Spent != nil {
		coin := &v.Spent[i]
		f.Add("prevout", jsonrpc.Obj("generated", coin.Coinbase, "height", coin.Height, "value", Amount(coin.Out.Value),
			"scriptPubKey", LockFields(c, coin.Out.Script)))
	}
	f.Add("sequence", in.Sequence)
	return f
}

// LockFields describes the script of an output; the result must not be changed.
func LockFields(c *Call, lock []byte) jsonrpc.Fields {
	return c.locks.fields(c.Node.Params().Addresses(), lock)
}

func describeLock(params script.AddressParams, lock []byte) jsonrpc.Fields {
	class, _ := script.Classify(lock)
	f := jsonrpc.Obj("asm", script.Disassemble(lock), "desc", InferDescriptor(params, lock), "hex", jsonrpc.Hex(lock))
	if address, ok := script.EncodeAddress(params, lock); ok {
		f.Add("address", address)
	}
	f.Add("type", class.String())
	return f
}
