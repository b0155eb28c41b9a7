package scripts

import (
	"math/rand/v2"
	"slices"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// mutate returns a copy of a spend with one to three changes.
func mutate(rng *rand.Rand, s *spend) *spend {
	m := &spend{name: s.name + ", mutated", tx: s.tx.Clone(), input: s.input, flags: s.flags}
	for _, out := range s.spent {
		m.spent = append(m.spent, types.TxOut{Value: out.Value, Script: slices.Clone(out.Script)})
	}
	in := &m.tx.In[m.input]
	for range 1 + rng.IntN(3) {
		switch rng.IntN(12) {
		case 0, 1:
			in.ScriptSig = spoil(rng, in.ScriptSig)
		case 2, 3, 4:
			m.spent[m.input].Script = spoil(rng, m.spent[m.input].Script)
		case 5, 6, 7:
			in.Witness = spoilWitness(rng, in.Witness)
		case 8, 9:
			m.flags = spoilFlags(rng, m.flags)
		case 10:
			spoilTx(rng, m.tx, in)
		case 11:
			m.spent[m.input].Value ^= 1 << rng.IntN(40)
		}
	}
	return m
}

// spoil changes a string of bytes in one of the ways in which scripts and signatures go wrong.
func spoil(rng *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	if len(b) == 0 {
		return opcodes(rng, 1+rng.IntN(3))
	}
	at := rng.IntN(len(b))
	switch rng.IntN(8) {
	case 0:
		b[at] ^= 1 << rng.IntN(8)
	case 1:
		b[at] = byte(rng.Uint32())
	case 2:
		return slices.Delete(b, at, at+1)
	case 3:
		return slices.Insert(b, at, opcodes(rng, 1+rng.IntN(2))...)
	case 4:
		return b[:at]
	case 5:
		return append(b, opcodes(rng, 1+rng.IntN(3))...)
	case 6:
		end := min(len(b), at+1+rng.IntN(6))
		return slices.Insert(b, rng.IntN(len(b)), slices.Clone(b[at:end])...)
	case 7:
		return append(opcodes(rng, 1), b...)
	}
	return b
}

func spoilWitness(rng *rand.Rand, w [][]byte) [][]byte {
	w = slices.Clone(w)
	if len(w) == 0 {
		return [][]byte{opcodes(rng, 2)}
	}
	at := rng.IntN(len(w))
	switch rng.IntN(8) {
	case 0:
		return slices.Delete(w, at, at+1)
	case 1:
		return slices.Insert(w, at, []byte{byte(rng.IntN(3))}[:rng.IntN(2)])
	case 2:
		other := rng.IntN(len(w))
		w[at], w[other] = w[other], w[at]
	case 3:
		return append(w, append([]byte{0x50}, opcodes(rng, 2)...)) // an annex
	default:
		w[at] = spoil(rng, w[at])
	}
	return w
}

func spoilFlags(rng *rand.Rand, f script.Flags) script.Flags {
	switch rng.IntN(4) {
	case 0:
		return script.ConsensusFlags
	case 1:
		return script.StandardFlags
	default:
		return coherent(f ^ 1<<rng.IntN(21))
	}
}

func spoilTx(rng *rand.Rand, tx *types.Tx, in *types.TxIn) {
	switch rng.IntN(5) {
	case 0:
		tx.Version = uint32(rng.IntN(4)) - 1
	case 1:
		tx.LockTime ^= 1 << rng.IntN(32)
	case 2:
		in.Sequence ^= 1 << rng.IntN(32)
	case 3:
		if len(tx.Out) > 0 {
			tx.Out[rng.IntN(len(tx.Out))].Value ^= 1 << rng.IntN(40)
		}
	case 4:
		tx.Out = append(tx.Out, types.TxOut{Value: 5, Script: []byte{0x51}})
	}
}

// opcodes makes up a piece of script: mostly small numbers and opcodes that do something.
func opcodes(rng *rand.Rand, n int) (b []byte) {
	for range n {
		switch rng.IntN(6) {
		case 0:
			b = append(b, script.PushInt(int64(rng.IntN(40)-10))...)
		case 1:
			data := make([]byte, rng.IntN(80))
			for i := range data {
				data[i] = byte(rng.Uint32())
			}
			b = append(b, script.PushData(data)...)
		case 2:
			b = append(b, byte(0x4c+rng.IntN(0x15))) // PUSHDATA1 to 16
		default:
			b = append(b, byte(0x61+rng.IntN(0x5a))) // NOP to CHECKSIGADD
		}
	}
	return b
}
