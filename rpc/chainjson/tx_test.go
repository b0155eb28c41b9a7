package chainjson

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// onRegtest is a node of which nothing but the network is asked.
type onRegtest struct {
	backend.Node
	params *consensus.Params
}

func (n onRegtest) Params() *consensus.Params { return n.params }

func regtestCall() *Call {
	return &Call{State: NewState(&backend.Parts{Node: onRegtest{params: consensus.Regtest()}})}
}

// TestTxView compares what is written straight into a reply with what jsonrpc makes of an object of values.
func TestTxView(t *testing.T) {
	c := regtestCall()
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		got, err := jsonrpc.Append([]byte("x"), v.JSON(c))
		if err != nil {
			t.Fatal(err)
		}
		want, err := jsonrpc.Append([]byte("x"), plainTx(v))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("%s\nnot\n%s", got, want)
		}
		if !json.Valid(got[1:]) {
			t.Fatalf("no JSON: %s", got)
		}
		list, err := jsonrpc.Append(nil, txJSON{c, []TxView{v, v}, true})
		if err != nil || string(list) != fmt.Sprintf("[%s,%s]", want[1:], want[1:]) {
			t.Fatalf("%v: a list is %s", err, list)
		}
	})
	empty, err := jsonrpc.Append(nil, txJSON{c, nil, true})
	if err != nil || string(empty) != "[]" {
		t.Errorf("%v: an empty list is %s", err, empty)
	}
}

// BenchmarkTxView is a transaction of which no script was seen before, one of them taproot.
func BenchmarkTxView(b *testing.B) {
	c := regtestCall()
	locks := [][]byte{script.PayToWitnessPubKeyHash([20]byte{}), script.PayToTaproot([32]byte{})}
	tx := &types.Tx{In: []types.TxIn{{Witness: [][]byte{make([]byte, 64)}}}, Out: []types.TxOut{{Value: 1, Script: locks[0]}, {Value: 1000, Script: locks[1]}}}
	v := TxView{Tx: tx, Hex: true}
	tx.ID()
	var buf []byte
	b.ReportAllocs()
	for n := uint64(0); b.Loop(); n++ {
		for _, lock := range locks {
			binary.BigEndian.PutUint64(lock[len(lock)-8:], n)
		}
		buf = v.JSON(c).AppendJSON(buf[:0])
	}
}

func drawView(t *rapid.T) TxView {
	lock := rapid.Custom(drawLock)
	bytes := rapid.SliceOfN(rapid.Byte(), 0, 80)
	tx := &types.Tx{Version: rapid.Uint32().Draw(t, "version"), LockTime: rapid.Uint32().Draw(t, "locktime")}
	v := TxView{Tx: tx, Prevouts: rapid.Bool().Draw(t, "prevouts"), Hex: rapid.Bool().Draw(t, "hex")}
	out := func() types.TxOut {
		return types.TxOut{Value: rapid.Int64Range(0, consensus.MaxMoney).Draw(t, "value"), Script: lock.Draw(t, "lock")}
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "ins") {
		in := types.TxIn{PrevOut: types.OutPoint{TxID: types.DoubleSHA256([]byte{byte(i)}), Index: rapid.Uint32().Draw(t, "index")}, Sequence: rapid.Uint32().Draw(t, "sequence"),
			ScriptSig: bytes.Draw(t, "scriptSig"), Witness: rapid.SliceOfN(bytes, 0, 3).Draw(t, "witness")}
		tx.In = append(tx.In, in)
		v.Spent = append(v.Spent, consensus.Coin{Out: out(), Height: rapid.Int32Min(0).Draw(t, "height"), Coinbase: rapid.Bool().Draw(t, "generated")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "outs") {
		tx.Out = append(tx.Out, out())
	}
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		tx.In = tx.In[:1]
		tx.In[0].PrevOut, v.Spent = types.NullOutPoint, nil
	case 1:
		v.Spent = v.Spent[1:] // does not fit, so nothing is told of it
	}
	if rapid.Bool().Draw(t, "in a block") {
		hash, on := types.DoubleSHA256(nil), rapid.Bool().Draw(t, "on the best chain")
		v.Block, v.OnBest = &hash, &on
		v.Buried = &Buried{Confirmations: rapid.Int32Range(-1, 1000).Draw(t, "confirmations"), Time: rapid.Uint32().Draw(t, "time")}
	}
	return v
}

// drawLock draws scripts of all usual forms, and others.
func drawLock(t *rapid.T) []byte {
	data := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "data")
	key := append([]byte{33, 2}, data...)
	return rapid.SampledFrom([][]byte{
		script.PayToPubKeyHash([20]byte(data[:20])), script.PayToScriptHash([20]byte(data[:20])), script.PayToWitnessPubKeyHash([20]byte(data[:20])),
		script.PayToWitnessScriptHash([32]byte(data)), script.PayToTaproot([32]byte(data)), append(key, 0xac), append([]byte{0x6a, 32}, data...),
		data, nil, {0x51, 2, 0x4e, 0x73}, append([]byte{0x60, 32}, data...), append(data, data...), append([]byte{0x4c, 200}, data...),
	}).Draw(t, "script")
}

// plainTx is a TxView as an object of values.
func plainTx(v TxView) jsonrpc.Fields {
	tx := v.Tx
	if len(v.Spent) != len(tx.In) {
		v.Spent = nil
	}
	var f jsonrpc.Fields
	if v.OnBest != nil {
		f.Add("in_active_chain", *v.OnBest)
	}
	f = append(f, jsonrpc.Obj("txid", tx.ID(), "hash", tx.WitnessID(), "version", tx.Version, "size", tx.Size(), "vsize", tx.VSize(),
		"weight", tx.Weight(), "locktime", tx.LockTime)...)
	ins, outs := make([]jsonrpc.Fields, len(tx.In)), make([]jsonrpc.Fields, len(tx.Out))
	for i := range tx.In {
		ins[i] = plainInput(v, i)
	}
	var total int64
	for i, out := range tx.Out {
		total += out.Value
		outs[i] = jsonrpc.Obj("value", plainAmount(out.Value), "n", i, "scriptPubKey", plainLock(out.Script))
	}
	f.Add("vin", ins)
	f.Add("vout", outs)
	if v.Spent != nil {
		f.Add("fee", plainAmount(SumCoins(v.Spent)-total))
	}
	if v.Block != nil {
		f.Add("blockhash", *v.Block)
	}
	if v.Hex {
		f.Add("hex", hex.EncodeToString(tx.Bytes()))
	}
	if v.Buried != nil && v.Buried.Confirmations > 0 {
		f = append(f, jsonrpc.Obj("confirmations", v.Buried.Confirmations, "time", v.Buried.Time, "blocktime", v.Buried.Time)...)
	} else if v.Buried != nil {
		f.Add("confirmations", 0)
	}
	return f
}

func plainInput(v TxView, i int) (f jsonrpc.Fields) {
	in := &v.Tx.In[i]
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
		f.Add("prevout", jsonrpc.Obj("generated", coin.Coinbase, "height", coin.Height, "value", plainAmount(coin.Out.Value), "scriptPubKey", plainLock(coin.Out.Script)))
	}
	f.Add("sequence", in.Sequence)
	return f
}

func plainLock(lock []byte) jsonrpc.Fields {
	params := consensus.Regtest().Addresses()
	class, _ := script.Classify(lock)
	f := jsonrpc.Obj("asm", script.Disassemble(lock), "desc", InferDescriptor(params, lock), "hex", jsonrpc.Hex(lock))
	if address, ok := script.EncodeAddress(params, lock); ok {
		f.Add("address", address)
	}
	f.Add("type", class.String())
	return f
}

func plainAmount(v int64) json.Number {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	return json.Number(fmt.Sprintf("%s%d.%08d", sign, v/consensus.CoinUnit, v%consensus.CoinUnit))
}
