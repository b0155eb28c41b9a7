package chainjson

import (
	"encoding/hex"
	"strconv"

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
	OnBest   *bool            // show, before all, whether that block is on the best chain
	Buried   *Buried          // show, after all, how deep it lies
}

// Buried is how deep a transaction lies in the best chain.
type Buried struct {
	Confirmations int32  // at most 0: its block is not on the best chain, and no time is shown
	Time          uint32 // of its block
}

// JSON describes the transaction as decoderawtransaction does. It is written when the reply is, without values in between: a block has
// thousands of them. The view's memory must stay as it is until then.
func (v TxView) JSON(c *Call) jsonrpc.Appender { return txJSON{c, []TxView{v}, false} }

// txJSON is views on their way into a reply: one object, or a list of them.
type txJSON struct {
	c     *Call
	views []TxView
	list  bool
}

// AppendJSON appends the object or the list.
func (t txJSON) AppendJSON(b []byte) []byte {
	w := txWriter{locks: &t.c.locks, params: t.c.Node.Params().Addresses(), b: b}
	if !t.list {
		w.tx(&t.views[0])
		return w.b
	}
	w.byte('[')
	for i := range t.views {
		w.comma(i)
		w.tx(&t.views[i])
	}
	w.byte(']')
	return w.b
}

// txWriter appends to b. Nothing that it writes needs an escape: digits, and names that stand here or in package script.
type txWriter struct {
	locks  *lockCache
	params script.AddressParams
	b      []byte
	raw    []byte // a transaction's bytes, for a moment
}

func (w *txWriter) byte(ch byte)      { w.b = append(w.b, ch) }
func (w *txWriter) text(s string)     { w.b = append(w.b, s...) }
func (w *txWriter) int(n int64)       { w.b = strconv.AppendInt(w.b, n, 10) }
func (w *txWriter) hash(h types.Hash) { w.b = h.AppendJSON(w.b) }
func (w *txWriter) amount(v int64)    { w.b = Amount(v).AppendJSON(w.b) }
func (w *txWriter) lock(lock []byte)  { w.b = w.locks.append(w.b, w.params, lock) }

func (w *txWriter) hex(raw []byte) {
	w.b = append(hex.AppendEncode(append(w.b, '"'), raw), '"')
}

// comma separates element i from the one before it.
func (w *txWriter) comma(i int) {
	if i > 0 {
		w.byte(',')
	}
}

func (w *txWriter) tx(v *TxView) {
	tx := v.Tx
	w.byte('{')
	if v.OnBest != nil {
		w.text(`"in_active_chain":`)
		w.b = append(strconv.AppendBool(w.b, *v.OnBest), ',')
	}
	w.sums(tx)
	w.text(`,"vin":[`)
	for i := range tx.In {
		w.comma(i)
		w.input(v, i)
	}
	w.text(`],"vout":[`)
	var total int64
	for i := range tx.Out {
		w.comma(i)
		w.output(i, &tx.Out[i])
		total += tx.Out[i].Value
	}
	w.byte(']')
	if v.spentKnown() {
		w.text(`,"fee":`)
		w.amount(SumCoins(v.Spent) - total)
	}
	w.beside(v)
	w.byte('}')
}

// spentKnown tells whether the coins that the transaction spends are at hand.
func (v *TxView) spentKnown() bool { return v.Spent != nil && len(v.Spent) == len(v.Tx.In) }

func (w *txWriter) sums(tx *types.Tx) {
	w.text(`"txid":`)
	w.hash(tx.ID())
	w.text(`,"hash":`)
	w.hash(tx.WitnessID())
	w.text(`,"version":`)
	w.int(int64(tx.Version))
	w.text(`,"size":`)
	w.int(int64(tx.Size()))
	w.text(`,"vsize":`)
	w.int(int64(tx.VSize()))
	w.text(`,"weight":`)
	w.int(int64(tx.Weight()))
	w.text(`,"locktime":`)
	w.int(int64(tx.LockTime))
}

// beside appends what does not follow from the transaction itself.
func (w *txWriter) beside(v *TxView) {
	if v.Block != nil {
		w.text(`,"blockhash":`)
		w.hash(*v.Block)
	}
	if v.Hex {
		w.text(`,"hex":`)
		w.raw = v.Tx.Append(w.raw[:0])
		w.hex(w.raw)
	}
	if v.Buried == nil {
		return
	}
	w.text(`,"confirmations":`)
	w.int(int64(max(v.Buried.Confirmations, 0)))
	if v.Buried.Confirmations > 0 {
		w.text(`,"time":`)
		w.int(int64(v.Buried.Time))
		w.text(`,"blocktime":`)
		w.int(int64(v.Buried.Time))
	}
}

func (w *txWriter) input(v *TxView, i int) {
	in := &v.Tx.In[i]
	w.byte('{')
	if v.Tx.IsCoinbase() {
		w.text(`"coinbase":`)
		w.hex(in.ScriptSig)
	} else {
		w.text(`"txid":`)
		w.hash(in.PrevOut.TxID)
		w.text(`,"vout":`)
		w.int(int64(in.PrevOut.Index))
		w.text(`,"scriptSig":{"asm":"`)
		w.b = script.AppendScriptSigAsm(w.b, in.ScriptSig)
		w.text(`","hex":`)
		w.hex(in.ScriptSig)
		w.byte('}')
	}
	if len(in.Witness) > 0 {
		w.text(`,"txinwitness":[`)
		for j, item := range in.Witness {
			w.comma(j)
			w.hex(item)
		}
		w.byte(']')
	}
	if v.Prevouts && v.spentKnown() {
		w.prevout(&v.Spent[i])
	}
	w.text(`,"sequence":`)
	w.int(int64(in.Sequence))
	w.byte('}')
}

func (w *txWriter) prevout(coin *consensus.Coin) {
	w.text(`,"prevout":{"generated":`)
	w.b = strconv.AppendBool(w.b, coin.Coinbase)
	w.text(`,"height":`)
	w.int(int64(coin.Height))
	w.text(`,"value":`)
	w.amount(coin.Out.Value)
	w.text(`,"scriptPubKey":`)
	w.lock(coin.Out.Script)
	w.byte('}')
}

func (w *txWriter) output(n int, out *types.TxOut) {
	w.text(`{"value":`)
	w.amount(out.Value)
	w.text(`,"n":`)
	w.int(int64(n))
	w.text(`,"scriptPubKey":`)
	w.lock(out.Script)
	w.byte('}')
}

// SumCoins is the value of coins together.
func SumCoins(coins []consensus.Coin) (sum int64) {
	for i := range coins {
		sum += coins[i].Out.Value
	}
	return sum
}
