package chain_test

import (
	"bytes"
	"maps"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// fault is one way to break one rule. Its functions return whether it could be had; then the block is wrong.
type fault struct {
	name   string
	body   func(*draft) bool // before the coinbase takes its share
	sealed func(*draft) bool // after the merkle root, before the nonce
}

var repeatedCoinbase = &fault{name: "repeated coinbase", body: (*draft).repeat}

// faults are the ways, most of them one step over a limit that good blocks reach.
var faults = []*fault{
	// Headers.
	{name: "bits", sealed: func(d *draft) bool { d.b.Header.Bits--; return true }},
	{name: "bits over the limit", sealed: func(d *draft) bool { d.b.Header.Bits = 0x2100ffff; return true }},
	{name: "negative bits", sealed: func(d *draft) bool { d.b.Header.Bits |= 0x800000; return true }},
	{name: "no work", sealed: func(d *draft) bool { d.unsolved = true; return true }},
	{name: "median time", sealed: func(d *draft) bool { d.b.Header.Time = uint32(d.median); return true }},
	{name: "over two hours", sealed: func(d *draft) bool {
		d.b.Header.Time = uint32(d.now + d.params.MaxFutureTime + 1)
		return true
	}},
	{name: "version", sealed: func(d *draft) bool {
		d.b.Header.Version = rapid.SampledFrom([]int32{3, 2, 1, 0, -1}).Draw(d.t, "old")
		r := &d.model.Rules
		return d.b.Header.Version < 1 && d.height >= min(r.BIP34, r.BIP65, r.BIP66) || d.height >= r.BIP65 && d.height >= r.BIP66 && d.height >= r.BIP34
	}},
	{name: "no parent", sealed: func(d *draft) bool { d.b.Header.PrevHash[3] ^= 1; return true }},

	// The shape of the block.
	{name: "root", sealed: func(d *draft) bool { d.b.Header.MerkleRoot[7] ^= 4; return true }},
	{name: "no transactions", sealed: func(d *draft) bool { d.b.Txs = nil; d.reroot(); return true }},
	{name: "no coinbase", sealed: func(d *draft) bool {
		if d.b.Txs = d.b.Txs[1:]; len(d.b.Txs) == 0 {
			d.b.Txs = []*types.Tx{{In: []types.TxIn{{}}, Out: []types.TxOut{{Script: bytes.Repeat([]byte{0x51}, 20)}}}}
		}
		d.reroot()
		return true
	}},
	{name: "two coinbases", sealed: func(d *draft) bool {
		second := d.b.Txs[0].Clone()
		second.LockTime++
		d.b.Txs = append(d.b.Txs, second)
		d.reroot()
		return true
	}},
	{name: "long block", body: func(d *draft) bool { return d.huge(d.coinbase, 1_000_000) }},
	{name: "signature operations", body: func(d *draft) bool {
		extra := d.choose(2, "over")
		if d.clear(); extra == 0 {
			d.seen["signature operations: at the limit"]++
		}
		script := append(bytes.Repeat([]byte{0xae}, 1000), bytes.Repeat([]byte{0xac}, extra)...)
		d.coinbase.Out = append(d.coinbase.Out, types.TxOut{Script: append([]byte{0x6a}, script...)})
		return extra > 0
	}},
	{name: "height", body: func(d *draft) bool {
		d.coinbase.In[0].ScriptSig = consensus.CoinbaseScript(int32(d.height+1), d.coinbase.In[0].ScriptSig)
		return d.height >= d.model.Rules.BIP34
	}},
	{name: "short coinbase", body: func(d *draft) bool { d.coinbase.In[0].ScriptSig = []byte{0x51}; return true }},
	{name: "long coinbase", body: func(d *draft) bool {
		s := d.coinbase.In[0].ScriptSig
		d.coinbase.In[0].ScriptSig = append(s, make([]byte, 101-len(s))...)
		return true
	}},
	{name: "weight", body: func(d *draft) bool {
		if d.height < d.model.Rules.Segwit || d.choose(4, "heavy") != 0 {
			return false
		}
		return d.change(func(tx *types.Tx) bool { tx.In[0].Witness = [][]byte{make([]byte, 4_000_000)}; return true })
	}},

	{name: "full block", sealed: (*draft).full},

	// Witnesses.
	{name: "no commitment", body: func(d *draft) bool {
		d.bare = true
		for _, tx := range d.b.Txs {
			if tx.HasWitness() {
				return true
			}
		}
		return false
	}},
	{name: "commitment before segwit", sealed: func(d *draft) bool {
		consensus.CommitWitness(d.b)
		return d.height < d.model.Rules.Segwit
	}},
	{name: "commitment", sealed: func(d *draft) bool {
		at := consensus.CommitmentIndex(d.b.Txs[0])
		if at < 0 {
			return false
		}
		d.b.Txs[0].Out[at].Script[20] ^= 1
		d.reroot()
		return true
	}},
	{name: "reserved value", sealed: func(d *draft) bool {
		d.b.Txs[0].In[0].Witness = [][]byte{make([]byte, 31)}
		d.reroot()
		return true
	}},

	// Transactions by themselves.
	{name: "no inputs", body: func(d *draft) bool { return d.change(func(tx *types.Tx) bool { tx.In = nil; return true }) }},
	{name: "no outputs", body: func(d *draft) bool { return d.change(func(tx *types.Tx) bool { tx.Out = nil; return true }) }},
	{name: "negative", body: func(d *draft) bool { return d.value(-1) }},
	{name: "too much", body: func(d *draft) bool { return d.value(consensus.MaxMoney + 1) }},
	{name: "overflow", body: func(d *draft) bool { return d.value(1<<63 - 1) }},
	{name: "sum", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool {
			tx.Out = append(tx.Out, types.TxOut{Value: consensus.MaxMoney}, types.TxOut{Value: 1})
			return true
		})
	}},
	{name: "input twice", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool { tx.In = append(tx.In, tx.In[0]); return true })
	}},
	{name: "null input", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool { tx.In = append(tx.In, types.TxIn{PrevOut: types.NullOutPoint}); return true })
	}},
	{name: "64 bytes", body: func(d *draft) bool {
		d.change(func(tx *types.Tx) bool {
			tx.In = tx.In[:1]
			tx.Out = []types.TxOut{{Value: 1, Script: []byte{0x6a, 0x02, 1, 1}}}
			if d.sign(tx); len(tx.In[0].ScriptSig) == 0 && d.params.Refuse64ByteTx {
				d.seen["64 bytes"]++
			}
			return true
		})
		return true // on regtest it may be good: then nothing is built on it
	}},

	// Locks.
	{name: "lock time height", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool { return d.lock(tx, uint32(d.height)) })
	}},
	{name: "lock time second", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool { return d.lock(tx, uint32(d.cutoff())) })
	}},
	{name: "relative blocks", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool { defer d.sign(tx); return d.lockBlocks(tx, 1) })
	}},
	{name: "relative time", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool { defer d.sign(tx); return d.lockTime(tx, 1) })
	}},

	// Coins.
	{name: "missing", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool { tx.In[0].PrevOut.TxID[0] ^= 1; return true })
	}},
	{name: "of another branch", body: (*draft).foreign},
	{name: "spent twice", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool {
			again := tx.Clone()
			again.LockTime ^= 1
			d.b.Txs = append(d.b.Txs, again)
			return true
		})
	}},
	{name: "spent before made", body: func(d *draft) bool {
		n := len(d.b.Txs)
		if n < 2 || !d.spends(d.b.Txs[n-1], d.b.Txs[n-2]) {
			return false
		}
		d.b.Txs[n-1], d.b.Txs[n-2] = d.b.Txs[n-2], d.b.Txs[n-1]
		return true
	}},
	{name: "OP_RETURN spent", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool {
			tx.In[0].ScriptSig, tx.In[0].Witness = nil, nil
			tx.Out = append(tx.Out, types.TxOut{Value: 0, Script: []byte{0x6a}})
			next := &types.Tx{Version: 2, Out: []types.TxOut{{Script: bytes.Repeat([]byte{0x51}, 20)}}}
			d.sign(tx)
			next.In = []types.TxIn{{PrevOut: types.OutPoint{TxID: tx.Clone().ID(), Index: uint32(len(tx.Out) - 1)}}}
			d.b.Txs = append(d.b.Txs, next)
			return true
		})
	}},
	{name: "early", body: (*draft).early},
	{name: "more than there is", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool {
			var sum int64
			for _, in := range tx.In {
				sum += d.coins[in.PrevOut].Value
			}
			tx.Out = []types.TxOut{{Value: sum + 1, Script: bytes.Repeat([]byte{0x51}, 20)}}
			d.sign(tx)
			return true
		})
	}},
	{name: "coinbase amount", body: func(d *draft) bool {
		d.coinbase.Out[0].Value = 2 // one may stay unclaimed
		return true
	}},
	repeatedCoinbase,
	{name: "signature operations of spent coins", body: (*draft).sigOpsOfSpent},

	// Scripts.
	{name: "signature", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool {
			for i := range tx.In {
				if w := tx.In[i].Witness; len(w) == 2 {
					w[0][len(w[0])/2] ^= 1
					return true
				}
			}
			return false
		})
	}},
	{name: "changed output", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool {
			for i := range tx.In {
				if len(tx.In[i].Witness) == 2 {
					tx.Out[0].Value--
					return true
				}
			}
			return false
		})
	}},
	{name: "no redeem script", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool {
			for i := range tx.In {
				if len(tx.In[i].ScriptSig) > 0 && len(tx.In[i].Witness) == 0 {
					tx.In[i].ScriptSig = pushOf([]byte{0x52})
					return true
				}
			}
			return false
		})
	}},
	{name: "unexpected witness", body: func(d *draft) bool {
		return d.change(func(tx *types.Tx) bool {
			if d.coins[tx.In[0].PrevOut].Script != "\x51" {
				return false
			}
			tx.In[0].Witness = [][]byte{{1}}
			return true
		})
	}},
	{name: "OP_0", body: func(d *draft) bool {
		for _, op := range sorted(d.coins) {
			if coin := d.coins[op]; coin.Script == "\x00" && coin.Value > 0 {
				tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: op}}}
				d.pay(tx, 0)
				d.add(tx)
				return true
			}
		}
		return false
	}},
}

// change makes one more transaction and breaks it. If that is not possible it is left out.
func (d *draft) change(wrong func(*types.Tx) bool) bool {
	tx := d.spend()
	if tx == nil || !wrong(tx) {
		return false
	}
	txs, n := d.b.Txs, len(d.b.Txs)
	d.b.Txs = append(append(append([]*types.Tx{}, txs...), tx), txs[n:]...)
	for i := range d.b.Txs {
		d.b.Txs[i] = d.b.Txs[i].Clone()
	}
	return true
}

func (d *draft) value(v int64) bool {
	return d.change(func(tx *types.Tx) bool { tx.Out[0].Value = v; return true })
}

// lock sets a lock time that is one too late.
func (d *draft) lock(tx *types.Tx, at uint32) bool {
	tx.Version, tx.LockTime = 1, at
	for i := range tx.In {
		tx.In[i].Sequence = 0xfffffffe
	}
	d.sign(tx)
	return true
}

// clear takes all transactions out again.
func (d *draft) clear() {
	d.b.Txs, d.fees = nil, 0
}

// huge makes a transaction's outputs that many bytes long. It is rare, because it is slow.
func (d *draft) huge(tx *types.Tx, n int) bool {
	if d.choose(4, "huge") != 0 {
		return false
	}
	tx.Out = append(tx.Out, types.TxOut{Script: append([]byte{0x6a}, make([]byte, n)...)})
	return true
}

// full pads the block to the last weight unit, or four over it.
func (d *draft) full() bool {
	if d.choose(3, "full") != 0 {
		return false
	}
	over := 4 * d.choose(2, "over")
	d.b.Txs[0].Out = append(d.b.Txs[0].Out, types.TxOut{})
	pad := &d.b.Txs[0].Out[len(d.b.Txs[0].Out)-1]
	pad.Script = []byte{0x6a}
	for range 3 { // the length of the script takes up to five bytes itself
		room := (d.model.Rules.MaxWeight + over - weightOf(d.b)) / 4
		pad.Script = append(pad.Script, make([]byte, max(room-4, 0))...)
		if room < 4 {
			pad.Script = append(pad.Script, make([]byte, room)...)
		}
	}
	d.reroot()
	if over == 0 {
		d.seen["weight: at the limit"]++
	}
	return over > 0
}

// weightOf is the weight of a block whose hashes are still open.
func weightOf(b *types.Block) int {
	base, all := b.AppendBase(nil), b.Append(nil)
	return 3*len(base) + len(all)
}

// spends tells whether b spends an output of a.
func (d *draft) spends(b, a *types.Tx) bool {
	id := a.Clone().ID()
	for _, in := range b.In {
		if in.PrevOut.TxID == id {
			return true
		}
	}
	return false
}

// foreign spends a coin that only another branch has.
func (d *draft) foreign() bool {
	for _, m := range d.made {
		for _, op := range sorted(m.coins) {
			if _, ours := d.parent.coins[op]; !ours && m.coins[op].Script == "\x51" {
				tx := &types.Tx{Version: 1, In: []types.TxIn{{PrevOut: op}}, Out: []types.TxOut{{Script: bytes.Repeat([]byte{0x51}, 20)}}}
				d.b.Txs = append(d.b.Txs, tx)
				return true
			}
		}
	}
	return false
}

// early spends a coinbase one block too soon.
func (d *draft) early() bool {
	for _, op := range sorted(d.coins) {
		coin := d.coins[op]
		if coin.Coinbase && d.height-coin.Height == d.model.Rules.Maturity-1 && coin.Value > 0 && coin.Script == "\x51" {
			tx := &types.Tx{Version: 1, In: []types.TxIn{{PrevOut: op, Sequence: 0xffffffff}}}
			d.pay(tx, 0)
			d.add(tx)
			return true
		}
	}
	return false
}

// repeat takes over the coinbase of a block before, which only before BIP34 can be good, and only if its outputs are spent.
func (d *draft) repeat() bool {
	var before []*made
	for m := d.parent; m.parent != nil; m = m.parent {
		if cb := m.block.Txs[0]; !cb.HasWitness() && cb.Out[0].Value <= d.model.Rules.SubsidyAt(d.height) {
			before = append(before, m)
		}
	}
	if len(before) == 0 || d.height >= d.model.Rules.BIP34 {
		return false
	}
	m := rapid.SampledFrom(before).Draw(d.t, "before")
	d.clear()
	d.coinbase, d.keep = m.block.Txs[0], true
	id := d.coinbase.ID()
	for i := range d.coinbase.Out {
		if _, unspent := d.parent.coins[types.OutPoint{TxID: id, Index: uint32(i)}]; unspent {
			return true
		}
	}
	d.seen["a spent coinbase again"]++
	return false
}

// sigOpsOfSpent fills the block up to the limit, or over it by one, with the operations of one hashed script.
func (d *draft) sigOpsOfSpent() bool {
	for _, op := range d.spendable() {
		coin := d.coins[op]
		if !bytes.Equal(bodies[coin.Script], manySigOps) {
			continue
		}
		d.clear()
		d.coins = maps.Clone(d.parent.coins)
		if d.coins[op] != coin {
			return false
		}
		tx := &types.Tx{Version: 1, In: []types.TxIn{{PrevOut: op, Sequence: 0xffffffff}}, Out: []types.TxOut{{Script: bytes.Repeat([]byte{0x51}, 20)}}}
		d.sign(tx)
		cost := 3800
		if coin.Script[0] == 0xa9 {
			cost *= 4
		}
		left := (80_000 - cost) / 4
		over := d.choose(2, "over")
		if over == 0 {
			d.seen["signature operations: at the limit"]++
		}
		filler := append(bytes.Repeat([]byte{0xae}, left/20), bytes.Repeat([]byte{0xac}, left%20+over)...)
		d.coinbase.Out = append(d.coinbase.Out, types.TxOut{Script: append([]byte{0x6a}, filler...)})
		d.coinbase.Out[0].Script = []byte{0x51}
		d.add(tx)
		return over > 0
	}
	return false
}
