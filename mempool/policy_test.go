package mempool

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

func TestStandardForm(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	keys := bytes.Repeat([]byte{2}, 33)
	multisig := func(n int) []byte {
		s := []byte{0x51}
		for range n {
			s = append(s, script.PushData(keys)...)
		}
		if n > 16 {
			s = append(s, 1, byte(n))
		} else {
			s = append(s, byte(0x50+n))
		}
		return append(s, 0xae)
	}
	carrier := func(n int) types.TxOut { // n bytes of script
		return types.TxOut{Script: script.NullDataScript(make([]byte, n-3))}
	}
	for name, c := range map[string]struct {
		change func(tx *types.Tx)
		want   consensus.Kind
	}{
		"plain":               {func(*types.Tx) {}, ""},
		"version 0":           {func(tx *types.Tx) { tx.Version = 0 }, consensus.PolicyVersion},
		"version 1":           {func(tx *types.Tx) { tx.Version = 1 }, ""},
		"version 3":           {func(tx *types.Tx) { tx.Version = 3 }, ""},
		"version 4":           {func(tx *types.Tx) { tx.Version = 4 }, consensus.PolicyVersion},
		"version 2³¹-1":       {func(tx *types.Tx) { tx.Version = 1<<31 - 1 }, consensus.PolicyVersion},
		"version -2³¹":        {func(tx *types.Tx) { tx.Version = 1 << 31 }, consensus.PolicyVersion},
		"version -1":          {func(tx *types.Tx) { tx.Version = 1<<32 - 1 }, consensus.PolicyVersion},
		"long scriptSig":      {func(tx *types.Tx) { tx.In[0].ScriptSig = make([]byte, 1651) }, consensus.PolicyScriptSigSize},
		"opcode in scriptSig": {func(tx *types.Tx) { tx.In[0].ScriptSig = []byte{0x51, 0x76} }, consensus.PolicyScriptSigPush},
		"cut push":            {func(tx *types.Tx) { tx.In[0].ScriptSig = []byte{0x4d, 0x01} }, consensus.PolicyScriptSigPush},
		"no template":         {func(tx *types.Tx) { tx.Out[0].Script = []byte{0x51} }, consensus.PolicyScriptPubKey},
		"bare multisig of 3":  {func(tx *types.Tx) { tx.Out[0].Script = multisig(3) }, ""},
		"bare multisig of 4":  {func(tx *types.Tx) { tx.Out[0].Script = multisig(4) }, consensus.PolicyScriptPubKey},
		"bare multisig of 16": {func(tx *types.Tx) { tx.Out[0].Script = multisig(16) }, consensus.PolicyScriptPubKey},
		"bare multisig of 17": {func(tx *types.Tx) { tx.Out[0].Script = multisig(17) }, consensus.PolicyScriptPubKey},
		"bare multisig of 20": {func(tx *types.Tx) { tx.Out[0].Script = multisig(20) }, consensus.PolicyScriptPubKey},
		"carrier of 83":       {func(tx *types.Tx) { tx.Out = append(tx.Out, carrier(83)) }, ""},
		"carrier of 84":       {func(tx *types.Tx) { tx.Out = append(tx.Out, carrier(84)) }, consensus.PolicyScriptPubKey},
		"two carriers":        {func(tx *types.Tx) { tx.Out = append(tx.Out, carrier(80), carrier(80)) }, consensus.PolicyMultiOpReturn},
		"dust":                {func(tx *types.Tx) { tx.Out = append(tx.Out, types.TxOut{Value: 293, Script: w.lock}) }, consensus.Dust},
		"not quite dust": {func(tx *types.Tx) {
			tx.Out[0].Value -= 294
			tx.Out = append(tx.Out, types.TxOut{Value: 294, Script: w.lock})
		}, ""},
		"over weight": {func(tx *types.Tx) {
			for range 3300 {
				tx.Out = append(tx.Out, types.TxOut{Value: 300, Script: w.lock})
			}
		}, consensus.PolicyTxSize},
		"small":           {func(tx *types.Tx) { tx.Out[0].Script = []byte{0x6a, 0x01, 0x00} }, consensus.PolicyTxSizeSmall},
		"negative output": {func(tx *types.Tx) { tx.Out[0].Value = -1 }, consensus.BadTxnsVoutNegative},
		"output sum overflows": {func(tx *types.Tx) {
			tx.Out[0].Value = consensus.MaxMoney
			tx.Out = append(tx.Out, tx.Out[0])
		}, consensus.BadTxnsTxOutTotalTooLarge},
		"more than it has":   {func(tx *types.Tx) { tx.Out[0].Value = 51 * consensus.CoinUnit }, consensus.BadTxnsInBelowOut},
		"one outpoint twice": {func(tx *types.Tx) { tx.In = append(tx.In, tx.In[0]) }, consensus.BadTxnsInputsDuplicate},
		"no outputs":         {func(tx *types.Tx) { tx.Out = nil }, consensus.BadTxnsVoutEmpty},
		"not final":          {func(tx *types.Tx) { tx.LockTime = 5000; tx.In[0].Sequence = 0 }, consensus.NonFinal},
		"relative lock":      {func(tx *types.Tx) { tx.In[0].Sequence = 1000 }, consensus.NonBIP68Final},
	} {
		t.Run(name, func(t *testing.T) {
			tx := w.draft(50_000, 1, w.coinbase(1))
			c.change(tx)
			if len(tx.In[0].ScriptSig) == 0 {
				tx = w.sign(tx)
			}
			_, err := w.addOpt(tx, AddOptions{TestOnly: true})
			if consensus.KindOf(err) != c.want || (err != nil) != (c.want != "") {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if IsPolicy(err) != consensus.IsPolicy(c.want) {
				t.Errorf("IsPolicy(%v) is %v", err, IsPolicy(err))
			}
		})
	}
	if n := w.pool.Info(w.now).Count; n != 0 {
		t.Errorf("%d entries after tests only", n)
	}
}

func TestCoinbaseNeverEnters(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	w.refuse(w.chain.Tip().Block.Txs[0], consensus.CoinbaseAlone)
}

func TestImmatureCoinbase(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	w.refuse(w.spend(1000, 1, w.coinbase(2)), consensus.BadTxnsPrematureSpend)
	w.mine()
	w.add(w.spend(1000, 1, w.coinbase(2)))
}

// Core's own figures, at 3000 per kvB.
func TestDustLimit(t *testing.T) {
	for name, c := range map[string]struct {
		lock []byte
		want int64
	}{
		"P2PKH":     {script.PayToPubKeyHash([20]byte{}), 546},
		"P2SH":      {script.PayToScriptHash([20]byte{}), 540},
		"P2WPKH":    {script.PayToWitnessPubKeyHash([20]byte{}), 294},
		"P2WSH":     {script.PayToWitnessScriptHash([32]byte{}), 330},
		"P2TR":      {script.PayToTaproot([32]byte{}), 330},
		"anchor":    {[]byte{0x51, 0x02, 0x4e, 0x73}, 240},
		"OP_RETURN": {[]byte{0x6a}, 0},
	} {
		if got := DustLimit(c.lock, DefaultDustRelayFeeRate); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := DustLimit(script.PayToPubKeyHash([20]byte{}), 0); got != 0 {
		t.Errorf("%d at no feerate", got)
	}
}

func TestVSizeCountsSigOps(t *testing.T) {
	for _, c := range []struct {
		weight, sigops int
		want           int64
	}{{400, 0, 100}, {401, 0, 101}, {400, 20, 100}, {400, 21, 105}, {400, 1, 100}} {
		if got := VSize(c.weight, c.sigops); got != c.want {
			t.Errorf("weight %d, cost %d: %d, want %d", c.weight, c.sigops, got, c.want)
		}
	}
}

func TestTooManySigOps(t *testing.T) {
	w := newWorld(t, Config{AcceptNonStandard: true}, 1)
	tx := w.draft(1_000_000, 1, w.coinbase(1))
	for range 51 { // each counts as 20 keys, four times: 80
		tx.Out = append(tx.Out, types.TxOut{Script: bytes.Repeat([]byte{0xae}, 4)})
	}
	if _, err := w.addOpt(w.sign(tx), AddOptions{}); !errors.Is(err, consensus.TooManySigOps) {
		t.Errorf("cost over 16,000: %v", err)
	}
}

func TestStandardSpends(t *testing.T) {
	item := func(n int) []byte { return make([]byte, n) }
	items := func(n int) (w [][]byte) {
		for range n {
			w = append(w, []byte{1})
		}
		return w
	}
	wsh, tr := script.PayToWitnessScriptHash([32]byte{}), script.PayToTaproot([32]byte{})
	control := append([]byte{0xc0}, make([]byte, 32)...)
	nested := script.PayToWitnessPubKeyHash([20]byte{})
	manyKeys := append(bytes.Repeat([]byte{0xac}, 16), 0x51)
	for name, c := range map[string]struct {
		lock, sig []byte
		witness   [][]byte
		want      consensus.Kind
	}{
		"nonstandard lock":         {[]byte{0x51}, nil, nil, consensus.NonStandardInputs},
		"unknown witness version":  {script.PayToWitness(2, item(32)), nil, nil, consensus.NonStandardInputs},
		"P2SH of 16 sigops":        {script.PayToScriptHash([20]byte{}), script.PushData(manyKeys), nil, consensus.NonStandardInputs},
		"P2SH of 15 sigops":        {script.PayToScriptHash([20]byte{}), script.PushData(manyKeys[1:]), nil, ""},
		"P2SH of 1001 items":       {script.PayToScriptHash([20]byte{}), bytes.Repeat([]byte{0x51}, 1001), nil, consensus.NonStandardInputs},
		"P2SH of 1000 items":       {script.PayToScriptHash([20]byte{}), bytes.Repeat([]byte{0x51}, 1000), nil, ""},
		"P2SH of nothing":          {script.PayToScriptHash([20]byte{}), nil, nil, consensus.NonStandardInputs},
		"P2SH of OP_RESERVED":      {script.PayToScriptHash([20]byte{}), []byte{0x50}, nil, consensus.NonStandardInputs},
		"P2SH of 521 bytes":        {script.PayToScriptHash([20]byte{}), script.PushData(item(521)), nil, consensus.NonStandardInputs},
		"P2SH of a small number":   {script.PayToScriptHash([20]byte{}), []byte{0x51}, nil, ""},
		"P2SH of the anchor":       {script.PayToScriptHash([20]byte{}), script.PushData([]byte{0x51, 0x02, 0x4e, 0x73}), items(1), ""},
		"P2SH-P2WSH, item of 81":   {script.PayToScriptHash([20]byte{}), script.PushData(wsh), [][]byte{item(81), item(1)}, consensus.WitnessNonStandard},
		"P2SH-P2TR, annex":         {script.PayToScriptHash([20]byte{}), script.PushData(tr), [][]byte{item(64), {0x50}}, ""},
		"P2SH with witness":        {script.PayToScriptHash([20]byte{}), script.PushData(manyKeys[1:]), items(1), consensus.WitnessNonStandard},
		"P2SH-P2WPKH":              {script.PayToScriptHash([20]byte{}), script.PushData(nested), items(2), ""},
		"witness for P2PKH":        {script.PayToPubKeyHash([20]byte{}), nil, items(1), consensus.WitnessNonStandard},
		"witness for the anchor":   {[]byte{0x51, 0x02, 0x4e, 0x73}, nil, items(1), consensus.WitnessNonStandard},
		"the anchor":               {[]byte{0x51, 0x02, 0x4e, 0x73}, nil, nil, ""},
		"witness script of 3600":   {wsh, nil, [][]byte{item(3600)}, ""},
		"witness script of 3601":   {wsh, nil, [][]byte{item(3601)}, consensus.WitnessNonStandard},
		"100 items":                {wsh, nil, items(101), ""},
		"101 items":                {wsh, nil, items(102), consensus.WitnessNonStandard},
		"item of 80":               {wsh, nil, [][]byte{item(80), item(1)}, ""},
		"item of 81":               {wsh, nil, [][]byte{item(81), item(1)}, consensus.WitnessNonStandard},
		"key path":                 {tr, nil, [][]byte{item(64)}, ""},
		"annex":                    {tr, nil, [][]byte{item(64), {0x50}}, consensus.WitnessNonStandard},
		"script path, item of 80":  {tr, nil, [][]byte{item(80), item(500), control}, ""},
		"script path, item of 81":  {tr, nil, [][]byte{item(81), item(500), control}, consensus.WitnessNonStandard},
		"unknown leaf, item of 81": {tr, nil, [][]byte{item(81), item(500), {0xc2}}, ""},
		"empty control block":      {tr, nil, [][]byte{item(1), {}}, consensus.WitnessNonStandard},
		"empty witness script":     {wsh, nil, [][]byte{{}}, ""},
	} {
		tx := &types.Tx{In: []types.TxIn{{ScriptSig: c.sig, Witness: c.witness}}}
		err := checkInputs(tx, []consensus.Coin{{Out: types.TxOut{Script: c.lock}}})
		if consensus.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
