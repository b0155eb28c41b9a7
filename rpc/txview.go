package rpc

import (
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// txView is a transaction and what is known beside it.
type txView struct {
	tx       *types.Tx
	spent    []consensus.Coin // by input; nil if not known
	prevouts bool             // show spent
	hex      bool             // show the bytes
	block    *types.Hash      // show the block's hash
}

// fields describes the transaction as decoderawtransaction does.
func (v txView) fields(c *call) fields {
	tx := v.tx
	if len(v.spent) != len(tx.In) {
		v.spent = nil
	}
	f := append(make(fields, 0, 13), obj("txid", tx.ID(), "hash", tx.WitnessID(), "version", tx.Version, "size", tx.Size(), "vsize", tx.VSize(),
		"weight", tx.Weight(), "locktime", tx.LockTime)...)
	ins := make([]fields, len(tx.In))
	for i := range tx.In {
		ins[i] = v.input(c, i)
	}
	f.add("vin", ins)
	outs := make([]fields, len(tx.Out))
	var total int64
	for i := range tx.Out {
		out := &tx.Out[i]
		total += out.Value
		outs[i] = obj("value", Amount(out.Value), "n", i, "scriptPubKey", lockFields(c, out.Script))
	}
	f.add("vout", outs)
	if v.spent != nil {
		f.add("fee", Amount(sumCoins(v.spent)-total))
	}
	if v.block != nil {
		f.add("blockhash", *v.block)
	}
	if v.hex {
		f.add("hex", hexBytes(tx.Append(make([]byte, 0, tx.Size()))))
	}
	return f
}

func sumCoins(coins []consensus.Coin) (sum int64) {
	for i := range coins {
		sum += coins[i].Out.Value
	}
	return sum
}

func (v txView) input(c *call, i int) fields {
	in := &v.tx.In[i]
	var f fields
	if v.tx.IsCoinbase() {
		f.add("coinbase", hexBytes(in.ScriptSig))
	} else {
		f = obj("txid", in.PrevOut.TxID, "vout", in.PrevOut.Index,
			"scriptSig", obj("asm", script.DisassembleScriptSig(in.ScriptSig), "hex", hexBytes(in.ScriptSig)))
	}
	if len(in.Witness) > 0 {
		items := make([]hexBytes, len(in.Witness))
		for j, item := range in.Witness {
			items[j] = item
		}
		f.add("txinwitness", items)
	}
	if v.prevouts && v.spent != nil {
		coin := &v.spent[i]
		f.add("prevout", obj("generated", coin.Coinbase, "height", coin.Height, "value", Amount(coin.Out.Value),
			"scriptPubKey", lockFields(c, coin.Out.Script)))
	}
	f.add("sequence", in.Sequence)
	return f
}

// lockFields describes the script of an output; the result must not be changed.
func lockFields(c *call, lock []byte) fields {
	return c.locks.fields(c.Node.Params().Addresses(), lock)
}

func describeLock(params script.AddressParams, lock []byte) fields {
	class, _ := script.Classify(lock)
	f := obj("asm", script.Disassemble(lock), "desc", inferDescriptor(params, lock), "hex", hexBytes(lock))
	if address, ok := script.EncodeAddress(params, lock); ok {
		f.add("address", address)
	}
	f.add("type", class.String())
	return f
}
