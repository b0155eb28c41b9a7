package chain_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/chain/slowmodel"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// draft is a block that is being made.
type draft struct {
	*world
	parent   *made
	past     []types.Header // up to the parent
	median   int64          // of past
	height   int
	b        *types.Block
	coinbase *types.Tx
	coins    slowmodel.Coins // what may still be spent, nil on a wrong branch
	fees     int64
	keep     bool // the coinbase is complete
	bare     bool // no witness commitment
	unsolved bool
}

// keyLock is P2WPKH of consensustest's key.
var keyLock = consensustest.KeyLock()

// Bodies that P2SH and P2WSH hash here.
var plainBody = []byte{0x51}

// body is a script that succeeds and holds signature operations that never run.
func body(ops ...byte) []byte {
	return append(append([]byte{0x00, 0x63}, ops...), 0x68, 0x51)
}

func payToScriptHash(redeem []byte) []byte {
	h := script.Hash160(redeem)
	return append(append([]byte{0xa9, 0x14}, h[:]...), 0x87)
}

func payToWitnessScriptHash(redeem []byte) []byte {
	h := sha256.Sum256(redeem)
	return append([]byte{0x00, 0x20}, h[:]...)
}

// bodies finds what a hash hides.
var bodies = func() map[string][]byte {
	all := map[string][]byte{}
	for _, b := range [][]byte{plainBody, keyLock, manySigOps} {
		all[string(payToScriptHash(b))] = b
		all[string(payToWitnessScriptHash(b))] = b
	}
	return all
}()

// manySigOps holds 190 multisigs, 3,800 operations.
var manySigOps = body(bytes.Repeat([]byte{0xae}, 190)...)

// locks are what outputs are locked with.
var locks = [][]byte{
	{0x51}, {0x51}, {0x51}, keyLock, payToScriptHash(plainBody), payToWitnessScriptHash(plainBody),
	payToScriptHash(keyLock), payToScriptHash(manySigOps), payToWitnessScriptHash(manySigOps), {0x00}, {0x6a, 0x01, 0x07},
}

// grow makes a block somewhere.
func (w *world) grow() *made {
	if r := &w.model.Rules; len(w.made) > 4 && r.BIP34 > 1 && w.choose(8, "repeat") == 0 {
		return w.makeBlock(w.pick("parent"), repeatedCoinbase, true)
	}
	if len(w.made) > 4 && w.choose(2, "faulty") == 0 {
		return w.makeBlock(w.pick("parent"), faults[w.choose(len(faults), "fault")], true)
	}
	return w.makeBlock(w.pick("parent"), nil, true)
}

// makeBlock makes a block on parent, with transactions if full, and a fault if it can be had there.
func (w *world) makeBlock(parent *made, f *fault, full bool) *made {
	d := w.draft(parent)
	if slowmodel.Work(d.b.Header.Bits).BitLen() > 14 {
		return parent // too hard for a test
	}
	if full && d.coins != nil {
		d.fill()
	}
	good := true
	if f != nil && f.body != nil && d.coins != nil {
		good = !f.body(d)
	}
	d.finish()
	if f != nil && f.sealed != nil {
		good = !f.sealed(d)
	}
	d.solve()
	m := &made{block: d.b, parent: parent, height: d.height}
	if good && parent.coins != nil {
		m.coins = maps.Clone(parent.coins)
		w.model.Rules.Apply(m.coins, d.b, d.height)
	}
	w.made = append(w.made, m)
	d.twin()
	return m
}

func (w *world) draft(parent *made) *draft {
	past := parent.headers()
	r := &w.model.Rules
	d := &draft{world: w, parent: parent, past: past, median: r.Median(past), height: parent.height + 1, coins: maps.Clone(parent.coins)}
	w.count++
	extra := binary.LittleEndian.AppendUint32([]byte{4}, uint32(w.count))
	d.coinbase = &types.Tx{
		Version: 2,
		In:      []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: consensus.CoinbaseScript(int32(d.height), extra), Sequence: 0xffffffff}},
		Out:     []types.TxOut{{Script: locks[w.choose(6, "lock")]}},
	}
	d.b = &types.Block{Header: types.Header{
		Version: rapid.SampledFrom([]int32{4, 0x20000000, 0x7fffffff}).Draw(w.t, "version"), PrevHash: parent.block.Hash(), Bits: r.NextBits(past),
		Time: uint32(d.time()),
	}}
	return d
}

// time is mostly some seconds after the parent, but also the first that the median allows, and the last that the clock does.
func (d *draft) time() int64 {
	last := int64(d.past[len(d.past)-1].Time)
	spread := int64(600)
	if a := d.model.Rules.Asert; a != nil {
		spread = 2 * a.Spacing
	}
	switch d.choose(20, "when") {
	case 0:
		d.seen["time: after the median"]++
		return d.median + 1
	case 1:
		// The schedule of the targets begins at the anchor: what is late before it makes all that follows early, and hard.
		if a := d.model.Rules.Asert; last < d.now && (a == nil || d.height > a.AnchorHeight) {
			d.seen["time: in two hours"]++
			return max(d.median+1, d.now+d.params.MaxFutureTime)
		}
	}
	t := last + rapid.Int64Range(-spread/4, spread+spread/4).Draw(d.t, "seconds")
	if d.model.Rules.Asert == nil && d.choose(2, "snap") == 0 {
		// A unit of relative locks after genesis, or a second less, so that medians are whole units apart, or not quite.
		t += 511 - (t-int64(d.past[0].Time)-1)%512 - int64(d.choose(2, "short"))
	}
	return max(d.median+1, min(d.now, t))
}

// sorted returns outpoints of coins in their order.
func sorted(coins slowmodel.Coins) []types.OutPoint {
	return slices.SortedFunc(maps.Keys(coins), types.OutPoint.Compare)
}

// spendable returns the coins that a script opens and that are old enough.
func (d *draft) spendable() (ops []types.OutPoint) {
	for _, op := range sorted(d.coins) {
		coin := d.coins[op]
		if d.mature(coin) && coin.Script != "\x00" && coin.Value > 1000 && (d.height >= d.model.Rules.Segwit || !needsWitness(coin)) {
			ops = append(ops, op)
		}
	}
	return ops
}

func (d *draft) mature(coin slowmodel.Coin) bool {
	return !coin.Coinbase || d.height-coin.Height >= d.model.Rules.Maturity
}

func needsWitness(coin slowmodel.Coin) bool {
	return coin.Script[0] == 0 || bytes.Equal(bodies[coin.Script], keyLock)
}

// fill adds some good transactions, also such that spend from one another.
func (d *draft) fill() {
	for range d.choose(5, "transactions") {
		if tx := d.spend(); tx != nil {
			d.add(tx)
		}
	}
}

// spend makes a good transaction, nil if there is nothing to spend.
func (d *draft) spend() *types.Tx {
	ops := d.spendable()
	if len(ops) == 0 {
		return nil
	}
	tx := &types.Tx{Version: uint32(rapid.IntRange(1, 2).Draw(d.t, "tx version"))}
	for i := range rapid.IntRange(1, 2).Draw(d.t, "inputs") {
		if i < len(ops) {
			at := rapid.IntRange(i, len(ops)-1).Draw(d.t, "coin")
			ops[i], ops[at] = ops[at], ops[i]
			tx.In = append(tx.In, types.TxIn{PrevOut: ops[i], Sequence: 0xfffffffd})
		}
	}
	d.pay(tx, rapid.SampledFrom([]int64{0, 1, 700}).Draw(d.t, "fee"))
	switch d.choose(9, "locked") {
	case 0:
		tx.LockTime = uint32(d.height - 1)
		d.seen["lock time: last height"]++
	case 1:
		tx.LockTime = uint32(d.cutoff() - 1)
		d.seen["lock time: last second"]++
	case 2:
		tx.LockTime, tx.In[0].Sequence = 0xffffffff, 0xffffffff
		for i := range tx.In {
			tx.In[i].Sequence = 0xffffffff
		}
	case 3:
		d.lockBlocks(tx, 0)
	case 4:
		d.lockTime(tx, 0)
	}
	d.sign(tx)
	return tx
}

// pay shares what the inputs are worth among some outputs.
func (d *draft) pay(tx *types.Tx, fee int64) {
	sum := -fee
	for _, in := range tx.In {
		sum += d.coins[in.PrevOut].Value
	}
	n := rapid.IntRange(1, 3).Draw(d.t, "outputs")
	tx.Out = nil
	for range n {
		tx.Out = append(tx.Out, types.TxOut{Value: sum / int64(n), Script: locks[d.choose(len(locks), "lock")]})
	}
	tx.Out[0].Value += sum % int64(n)
	for len(tx.AppendBase(nil)) <= 64 {
		tx.Out = append(tx.Out, types.TxOut{Script: []byte{0x6a, 0x01, 0x01}})
	}
}

// cutoff is the time against which lock times are held.
func (d *draft) cutoff() int64 {
	if d.height >= d.model.Rules.CSV {
		return d.median
	}
	return int64(d.b.Header.Time)
}

// lockBlocks locks the first input for as many blocks as have passed, and more.
func (d *draft) lockBlocks(tx *types.Tx, more int) bool {
	lock := d.height - d.coins[tx.In[0].PrevOut].Height + more
	tx.Version, tx.In[0].Sequence = 2, uint32(lock)
	d.seen["relative lock: blocks"]++
	return d.height >= d.model.Rules.CSV
}

// lockTime locks the first input for as many units of 512 seconds as have passed, and more.
func (d *draft) lockTime(tx *types.Tx, more int64) bool {
	from := d.model.Rules.Median(d.past[:max(1, d.coins[tx.In[0].PrevOut].Height)])
	lock := max(d.median-from, 0)/512 + more
	tx.Version, tx.In[0].Sequence = 2, 1<<22|uint32(min(lock, 0xffff))
	d.seen["relative lock: time"]++
	return d.height >= d.model.Rules.CSV && lock <= 0xffff
}

// sign gives every input what its coin asks for.
func (d *draft) sign(tx *types.Tx) {
	spent := make([]types.TxOut, len(tx.In))
	for i, in := range tx.In {
		coin := d.coins[in.PrevOut]
		spent[i] = types.TxOut{Value: coin.Value, Script: []byte(coin.Script)}
		tx.In[i].ScriptSig, tx.In[i].Witness = nil, nil
	}
	unsigned := tx.Clone() // its hashes are asked for
	for i := range tx.In {
		hidden := bodies[string(spent[i].Script)]
		isKey := bytes.Equal(hidden, keyLock)
		switch {
		case bytes.Equal(spent[i].Script, keyLock):
			tx.In[i].Witness = d.signature(unsigned, spent, i)
		case isKey && spent[i].Script[0] == 0xa9:
			tx.In[i].ScriptSig = pushOf(hidden)
			under := slices.Clone(spent)
			under[i].Script = hidden
			tx.In[i].Witness = d.signature(unsigned, under, i)
		case hidden != nil && spent[i].Script[0] == 0xa9:
			tx.In[i].ScriptSig = pushOf(hidden)
		case hidden != nil:
			tx.In[i].Witness = [][]byte{hidden}
		}
	}
}

func (d *draft) signature(tx *types.Tx, spent []types.TxOut, i int) [][]byte {
	_, witness, err := script.SignInput(script.NewSigSums(tx, spent), i, consensustest.Key, [32]byte{})
	if err != nil {
		d.t.Fatalf("sign: %v", err)
	}
	return witness
}

func pushOf(b []byte) []byte {
	if len(b) >= 0x4c {
		return append([]byte{0x4c, byte(len(b))}, b...)
	}
	return append([]byte{byte(len(b))}, b...)
}

// add puts a transaction into the block, and its coins into the set if it is good.
func (d *draft) add(tx *types.Tx) {
	d.b.Txs = append(d.b.Txs, tx)
	for _, in := range tx.In {
		d.fees += d.coins[in.PrevOut].Value
	}
	for _, out := range tx.Out {
		d.fees -= out.Value
	}
	one := &types.Block{Txs: []*types.Tx{{}, tx}}
	d.model.Rules.Apply(d.coins, one, d.height)
}

// finish completes the coinbase, which takes all or all but one, the commitment and the merkle root.
func (d *draft) finish() {
	if !d.keep {
		d.coinbase.Out[0].Value += d.model.Rules.SubsidyAt(d.height) + d.fees - int64(rapid.IntRange(0, 1).Draw(d.t, "unclaimed"))
	}
	d.b.Txs = append([]*types.Tx{d.coinbase}, d.b.Txs...)
	witness := slices.ContainsFunc(d.b.Txs, (*types.Tx).HasWitness)
	for i, tx := range d.b.Txs {
		d.b.Txs[i] = tx.Clone()
	}
	if d.height >= d.model.Rules.Segwit && !d.bare && !d.keep && (witness || rapid.Bool().Draw(d.t, "commit")) {
		consensus.CommitWitness(d.b)
		return
	}
	d.reroot()
}

func (d *draft) reroot() {
	for i, tx := range d.b.Txs {
		d.b.Txs[i] = tx.Clone()
	}
	consensus.SetMerkleRoot(d.b)
}

// solve finds a nonce, where one can be found.
func (d *draft) solve() {
	if _, ok := consensus.TargetFromBits(d.b.Header.Bits); !ok {
		return
	}
	if d.unsolved {
		consensustest.Unsolve(d.b)
		return
	}
	consensustest.Solve(d.b)
}

// twin perhaps makes a body that has the header of the block and is not its own.
func (d *draft) twin() {
	k := d.choose(12, "twin")
	txs := slices.Clone(d.b.Txs)
	last := len(txs) - 1
	switch {
	case last < 0:
		return
	case k == 0 && len(txs) == 6:
		txs = append(txs, txs[4], txs[5])
	case k == 0 && len(txs) > 1 && len(txs)%2 == 1:
		txs = append(txs, txs[last])
	case k == 1 && last > 0:
		txs = txs[:last]
	case k == 2 && txs[last].HasWitness():
		changed := txs[last].Clone()
		for i, in := range changed.In {
			if len(in.Witness) > 0 {
				changed.In[i].Witness = append(in.Witness, []byte{1})
				break
			}
		}
		txs[last] = changed
	case k == 3 && txs[0].HasWitness():
		changed := txs[0].Clone()
		changed.In[0].Witness = nil
		txs[0] = changed
	case k == 4:
		changed := txs[0].Clone()
		changed.In[0].Witness = [][]byte{make([]byte, 32), {}}
		txs[0] = changed
	default:
		return
	}
	d.twins = append(d.twins, &types.Block{Header: d.b.Header, Txs: txs})
}
