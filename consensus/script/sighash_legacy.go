package script

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"

	"github.com/cairn-chain/cairn/types"
)

// LegacySigHash returns what a signature of a script without witness signs. scriptCode is the
// script that runs, from its last executed CODESEPARATOR on and without the signature itself
// (FindAndDelete); remaining CODESEPARATORs are left out here. An input that does not exist,
// and SigHashSingle for an input without an output beside it, give the number one, little-endian:
// an old fault that is consensus.
func LegacySigHash(tx *types.Tx, input int, scriptCode []byte, hashType uint32) types.Hash {
	single := hashType&sigHashMask == SigHashSingle
	if input < 0 || input >= len(tx.In) || single && input >= len(tx.Out) {
		return legacyOne
	}
	buf := appendLegacy(nil, tx, input, stripCodeSeparators(scriptCode), hashType)
	return types.DoubleSHA256(binary.LittleEndian.AppendUint32(buf, hashType))
}

// appendLegacy appends the transaction as the legacy hash sees it, without the hash type.
func appendLegacy(b []byte, tx *types.Tx, input int, code []byte, hashType uint32) []byte {
	kind := hashType & sigHashMask
	b = binary.LittleEndian.AppendUint32(b, tx.Version)
	if hashType&SigHashAnyoneCanPay != 0 {
		b = types.AppendVarInt(b, 1)
		b = appendLegacyIn(b, &tx.In[input], code, tx.In[input].Sequence)
	} else {
		b = types.AppendVarInt(b, uint64(len(tx.In)))
		for i := range tx.In {
			in := &tx.In[i]
			switch {
			case i == input:
				b = appendLegacyIn(b, in, code, in.Sequence)
			case kind == SigHashNone || kind == SigHashSingle:
				b = appendLegacyIn(b, in, nil, 0)
			default:
				b = appendLegacyIn(b, in, nil, in.Sequence)
			}
		}
	}
	b = appendLegacyOuts(b, tx, input, kind)
	return binary.LittleEndian.AppendUint32(b, tx.LockTime)
}

func appendLegacyIn(b []byte, in *types.TxIn, script []byte, sequence uint32) []byte {
	b = appendOutPoint(b, &in.PrevOut)
	b = types.AppendVarBytes(b, script)
	return binary.LittleEndian.AppendUint32(b, sequence)
}

func appendLegacyOuts(b []byte, tx *types.Tx, input int, kind uint32) []byte {
	switch kind {
	case SigHashNone:
		return types.AppendVarInt(b, 0)
	case SigHashSingle:
		b = types.AppendVarInt(b, uint64(input+1))
		blank := types.TxOut{Value: -1}
		for range input {
			b = blank.Append(b)
		}
		return tx.Out[input].Append(b)
	}
	b = types.AppendVarInt(b, uint64(len(tx.Out)))
	for i := range tx.Out {
		b = tx.Out[i].Append(b)
	}
	return b
}

// Hashing is quadratic: each of the inputs of a transaction signs nearly all of it, and no two sign the same bytes. A
// transaction of 1 MB can have 5,300 inputs and 500 kB of outputs, which is 2.7 GB to hash, and its scripts can ask for
// more. No order of work changes that; what is shared is done once:
//
//   - The transaction is serialized once, with empty scripts (legacyPieces): twice if SigHashNone or SigHashSingle ask,
//     which see zeros for the sequences of the other inputs.
//   - What stands before a signature's own input is hashed once for all signatures, up to the mark before it: half of the
//     inputs on the average.
//   - Of one input, signatures over the same script code share everything but the hash type at the very end, whatever
//     number of them its scripts check (hashedCode).

// legacyPieces is a transaction as legacy signatures see it, cut so that each can be hashed without
// serializing it again.
type legacyPieces struct {
	ins, outs []byte // all scripts of ins empty
	marks     []hash.Hash

	blankOnce  sync.Once
	blankIns   []byte // with zeros for the sequences
	blankMarks []hash.Hash
}

const (
	emptyInputSize = 36 + 1 + 4 // what an input takes in the pieces: outpoint, empty script, sequence
	markEvery      = 32         // inputs
)

// legacyPieces cuts the transaction at the first use.
func (s *SigSums) legacyPieces() *legacyPieces {
	p := &s.legacy
	s.legacyOnce.Do(func() {
		p.ins, p.marks = s.emptyInputs(true)
		p.outs = types.AppendVarInt(nil, uint64(len(s.tx.Out)))
		for i := range s.tx.Out {
			p.outs = s.tx.Out[i].Append(p.outs)
		}
	})
	return p
}

// emptyInputs returns the inputs with empty scripts, and the sums of version, number of inputs and each markEvery-th
// beginning of them.
func (s *SigSums) emptyInputs(sequences bool) (ins []byte, marks []hash.Hash) {
	ins = make([]byte, 0, emptyInputSize*len(s.tx.In))
	for i := range s.tx.In {
		sequence := uint32(0)
		if sequences {
			sequence = s.tx.In[i].Sequence
		}
		ins = appendLegacyIn(ins, &s.tx.In[i], nil, sequence)
	}
	running := newHash(types.AppendVarInt(binary.LittleEndian.AppendUint32(nil, s.tx.Version), uint64(len(s.tx.In))))
	for from := 0; from < len(ins); from += markEvery * emptyInputSize {
		marks = append(marks, cloneHash(running))
		running.Write(ins[from:min(from+markEvery*emptyInputSize, len(ins))])
	}
	return ins, marks
}

func newHash(head []byte) hash.Hash {
	h := sha256.New()
	h.Write(head)
	return h
}

// cloneHash copies a running SHA-256, which crypto/sha256 always can.
func cloneHash(h hash.Hash) hash.Hash {
	c, err := h.(hash.Cloner).Clone()
	if err != nil {
		panic(err)
	}
	return c
}

// legacySigHash is LegacySigHash from pieces.
func (s *SigSums) legacySigHash(input int, scriptCode []byte, hashType uint32) types.Hash {
	state := s.legacyState(input, scriptCode, hashType)
	if state == nil {
		return legacyOne
	}
	return endLegacy(state, hashType)
}

// legacyState is the sum of everything that a signature signs but the hash type itself. It is nil where the signature hash is
// the number one. Of the hash type only sigHashMask and SigHashAnyoneCanPay count.
func (s *SigSums) legacyState(input int, scriptCode []byte, hashType uint32) hash.Hash {
	kind := hashType & sigHashMask
	if input < 0 || input >= len(s.tx.In) || kind == SigHashSingle && input >= len(s.tx.Out) {
		return nil
	}
	p := s.legacyPieces()
	h := s.hashInputs(p, input, stripCodeSeparators(scriptCode), hashType)
	switch kind {
	case SigHashNone:
		h.Write([]byte{0})
	case SigHashSingle:
		h.Write(types.AppendVarInt(nil, uint64(input+1)))
		for left := input; left > 0; {
			n := min(left, len(blankOutputs)/blankOutputSize)
			h.Write(blankOutputs[:n*blankOutputSize])
			left -= n
		}
		h.Write(s.tx.Out[input].Append(nil))
	default:
		h.Write(p.outs)
	}
	h.Write(binary.LittleEndian.AppendUint32(nil, s.tx.LockTime))
	return h
}

// legacyOne is what a signature signs that no output is for: a number, not a hash.
var legacyOne = types.Hash{0: 1}

// endLegacy ends a signature hash. state is of no use afterwards.
func endLegacy(state hash.Hash, hashType uint32) types.Hash {
	state.Write(binary.LittleEndian.AppendUint32(nil, hashType))
	var first [32]byte
	state.Sum(first[:0])
	return sha256.Sum256(first[:])
}

// hashInputs begins a signature hash: version and inputs.
func (s *SigSums) hashInputs(p *legacyPieces, input int, code []byte, hashType uint32) hash.Hash {
	if hashType&SigHashAnyoneCanPay != 0 {
		b := types.AppendVarInt(binary.LittleEndian.AppendUint32(nil, s.tx.Version), 1)
		return newHash(appendLegacyIn(b, &s.tx.In[input], code, s.tx.In[input].Sequence))
	}
	ins, marks := p.ins, p.marks
	if kind := hashType & sigHashMask; kind == SigHashNone || kind == SigHashSingle {
		p.blankOnce.Do(func() { p.blankIns, p.blankMarks = s.emptyInputs(false) })
		ins, marks = p.blankIns, p.blankMarks
	}
	at, mark := input*emptyInputSize, input/markEvery
	h := cloneHash(marks[mark])
	h.Write(ins[mark*markEvery*emptyInputSize : at])
	h.Write(appendLegacyIn(nil, &s.tx.In[input], code, s.tx.In[input].Sequence))
	h.Write(ins[at+emptyInputSize:])
	return h
}

// blankOutputs are outputs as SigHashSingle sees those before its own: an amount of −1 and no script.
const blankOutputSize = 9

var blankOutputs = bytes.Repeat([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, 128)

// stripCodeSeparators returns code without its CODESEPARATORs. What follows an instruction that
// cannot be read is kept as it is.
func stripCodeSeparators(code []byte) []byte {
	if bytes.IndexByte(code, opCodeSeparator) < 0 {
		return code
	}
	out := make([]byte, 0, len(code))
	for off := 0; off < len(code); {
		op, _, next, ok := readOp(code, off)
		if !ok {
			return append(out, code[off:]...)
		}
		if op != opCodeSeparator {
			out = append(out, code[off:next]...)
		}
		off = next
	}
	return out
}

// findAndDelete returns code without every occurrence of pattern that begins where an instruction
// begins, and how many there were: the legacy rule that a signature does not sign itself.
func findAndDelete(code, pattern []byte) ([]byte, int) {
	if len(pattern) == 0 || !bytes.Contains(code, pattern) {
		return code, 0
	}
	var out []byte
	found, kept := 0, 0
	for off := 0; ; {
		out = append(out, code[kept:off]...)
		for bytes.HasPrefix(code[off:], pattern) {
			off += len(pattern)
			found++
		}
		kept = off
		_, _, next, ok := readOp(code, off)
		if !ok {
			break
		}
		off = next
	}
	return append(out, code[kept:]...), found
}
