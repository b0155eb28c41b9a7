package rpc

import (
	"encoding/hex"

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
	f := obj("txid", tx.ID(), "hash", tx.WitnessID(), "version", tx.Version, "size", tx.Size(), "vsize", tx.VSize(),
		"weight", tx.Weight(), "locktime", tx.LockTime)
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
		f.add("hex", hex.EncodeToString(tx.Bytes()))
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
		f.add("coinbase", hex.EncodeToString(in.ScriptSig))
	} else {
		f = obj("txid", in.PrevOut.TxID, "vout", in.PrevOut.Index,
			"scriptSig", obj("asm", script.DisassembleScriptSig(in.ScriptSig), "hex", hex.EncodeToString(in.ScriptSig)))
	}
	if len(in.Witness) > 0 {
		items := make([]string, len(in.Witness))
		for j, item := range in.Witness {
			items[j] = hex.EncodeToString(item)
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

// lockFields describes the script of an output.
func lockFields(c *call, lock []byte) fields {
	params := c.Node.Params().Addresses()
	class, _ := script.Classify(lock)
	f := obj("asm", script.Disassemble(lock), "desc", inferDescriptor(params, lock), "hex", hex.EncodeToString(lock))
	if address, ok := script.EncodeAddress(params, lock); ok {
		f.add("address", address)
	}
	f.add("type", class.String())
	return f
}
