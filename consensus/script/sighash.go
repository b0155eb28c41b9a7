package script

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/cairn-chain/cairn/types"
)

// The hash types: which parts of a transaction a signature covers. SigHashDefault is BIP341's,
// it covers what SigHashAll does.
const (
	SigHashDefault      = 0x00
	SigHashAll          = 0x01
	SigHashNone         = 0x02
	SigHashSingle       = 0x03
	SigHashAnyoneCanPay = 0x80

	sigHashMask = 0x1f // what BIP143 and the legacy hash read beside AnyoneCanPay
)

// annexTag is the first byte of an annex (BIP341).
const annexTag = 0x50

// SigSums are the hashes that the signature hashes of one transaction share, each computed at its
// first use. With them the cost of all signatures of a transaction is linear in its size (BIP143,
// BIP341); the legacy hash stays quadratic, see sighash_legacy.go. Safe for
// several goroutines.
type SigSums struct {
	tx    *types.Tx
	spent []types.TxOut

	segwitOnce sync.Once
	segwit     segwitSums

	spentOnce             sync.Once
	amounts, spentScripts [32]byte
	legacyOnce            sync.Once
	legacy                legacyPieces

	singleMu sync.Mutex
	single   map[int][32]byte // of outputs that SigHashSingle covers
}

// segwitSums are single SHA-256 sums, as BIP341 uses them; BIP143 hashes each once more.
type segwitSums struct{ prevouts, sequences, outputs [32]byte }

// NewSigSums prepares the sums of tx, which spends the outputs spent, one an input and in their
// order. Nothing is computed yet. Neither tx nor spent may change afterwards. spent may be nil
// if only legacy hashes are asked for.
func NewSigSums(tx *types.Tx, spent []types.TxOut) *SigSums {
	return &SigSums{tx: tx, spent: spent}
}

func (s *SigSums) segwitSums() *segwitSums {
	s.segwitOnce.Do(func() {
		buf := make([]byte, 0, max(36*len(s.tx.In), 64))
		for i := range s.tx.In {
			buf = appendOutPoint(buf, &s.tx.In[i].PrevOut)
		}
		s.segwit.prevouts = sha256.Sum256(buf)
		buf = buf[:0]
		for i := range s.tx.In {
			buf = binary.LittleEndian.AppendUint32(buf, s.tx.In[i].Sequence)
		}
		s.segwit.sequences = sha256.Sum256(buf)
		buf = buf[:0]
		for i := range s.tx.Out {
			buf = s.tx.Out[i].Append(buf)
		}
		s.segwit.outputs = sha256.Sum256(buf)
	})
	return &s.segwit
}

// spentSums returns the sums of BIP341 over the amounts and the scripts of all spent outputs.
func (s *SigSums) spentSums() (amounts, scripts *[32]byte) {
	s.spentOnce.Do(func() {
		buf := make([]byte, 0, 8*len(s.spent))
		for i := range s.spent {
			buf = binary.LittleEndian.AppendUint64(buf, uint64(s.spent[i].Value))
		}
		s.amounts = sha256.Sum256(buf)
		buf = buf[:0]
		for i := range s.spent {
			buf = types.AppendVarBytes(buf, s.spent[i].Script)
		}
		s.spentScripts = sha256.Sum256(buf)
	})
	return &s.amounts, &s.spentScripts
}

// singleSum returns the SHA-256 of one output. Many signatures may ask for the same large one.
func (s *SigSums) singleSum(output int) [32]byte {
	s.singleMu.Lock()
	defer s.singleMu.Unlock()
	sum, ok := s.single[output]
	if !ok {
		if s.single == nil {
			s.single = make(map[int][32]byte)
		}
		sum = sha256.Sum256(s.tx.Out[output].Append(nil))
		s.single[output] = sum
	}
	return sum
}

// WitnessV0SigHash returns what a signature in a witness of version 0 signs (BIP143). scriptCode
// runs from the last executed CODESEPARATOR on; for P2WPKH it is the P2PKH script of the key's
// hash. input must be one of the transaction's, and s know its spent output.
func WitnessV0SigHash(s *SigSums, input int, scriptCode []byte, hashType uint32) types.Hash {
	kind := hashType & sigHashMask
	all := kind != SigHashSingle && kind != SigHashNone
	anyone := hashType&SigHashAnyoneCanPay != 0
	sums := s.segwitSums()
	var prevouts, sequences, outputs [32]byte
	if !anyone {
		prevouts = sha256.Sum256(sums.prevouts[:])
	}
	if !anyone && all {
		sequences = sha256.Sum256(sums.sequences[:])
	}
	switch {
	case all:
		outputs = sha256.Sum256(sums.outputs[:])
	case kind == SigHashSingle && input < len(s.tx.Out):
		sum := s.singleSum(input)
		outputs = sha256.Sum256(sum[:])
	}
	in := &s.tx.In[input]
	b := make([]byte, 0, 4+32+32+36+9+len(scriptCode)+8+4+32+4+4)
	b = binary.LittleEndian.AppendUint32(b, s.tx.Version)
	b = append(b, prevouts[:]...)
	b = append(b, sequences[:]...)
	b = appendOutPoint(b, &in.PrevOut)
	b = types.AppendVarBytes(b, scriptCode)
	b = binary.LittleEndian.AppendUint64(b, uint64(s.spent[input].Value))
	b = binary.LittleEndian.AppendUint32(b, in.Sequence)
	b = append(b, outputs[:]...)
	b = binary.LittleEndian.AppendUint32(b, s.tx.LockTime)
	return types.DoubleSHA256(binary.LittleEndian.AppendUint32(b, hashType))
}

// TapLeaf is what a signature inside of a tapscript signs beside the transaction (BIP342).
type TapLeaf struct {
	Hash          [32]byte // the leaf's tagged hash
	CodeSeparator uint32   // position of the last executed CODESEPARATOR, 2³²−1 if none was
}

// TaprootSigHash returns what a Schnorr signature signs (BIP341). annex is nil or begins with 50;
// leaf is nil for the key path. It reports false if the hash type is not one of the seven that are
// defined, or is SigHashSingle for an input without an output beside it. s must know the spent
// outputs of all inputs.
func TaprootSigHash(s *SigSums, input int, hashType byte, annex []byte, leaf *TapLeaf) (types.Hash, bool) {
	return s.taprootSigHash(input, hashType, annexSum(annex), leaf)
}

// annexSum returns the hash of an annex as signatures sign it, nil for none.
func annexSum(annex []byte) *[32]byte {
	if annex == nil {
		return nil
	}
	sum := sha256.Sum256(types.AppendVarBytes(nil, annex))
	return &sum
}

// taprootSigHash is TaprootSigHash with the annex hashed: a large one is hashed once for all signatures.
func (s *SigSums) taprootSigHash(input int, hashType byte, annex *[32]byte, leaf *TapLeaf) (types.Hash, bool) {
	kind := hashType & 3
	if hashType&^(SigHashAnyoneCanPay|3) != 0 || hashType == SigHashAnyoneCanPay ||
		kind == SigHashSingle && input >= len(s.tx.Out) {
		return types.Hash{}, false
	}
	b := make([]byte, 0, 256)
	b = append(b, 0, hashType) // the first byte is the epoch
	b = binary.LittleEndian.AppendUint32(b, s.tx.Version)
	b = binary.LittleEndian.AppendUint32(b, s.tx.LockTime)
	if hashType&SigHashAnyoneCanPay == 0 {
		sums := s.segwitSums()
		amounts, scripts := s.spentSums()
		b = append(b, sums.prevouts[:]...)
		b = append(b, amounts[:]...)
		b = append(b, scripts[:]...)
		b = append(b, sums.sequences[:]...)
	}
	if kind != SigHashNone && kind != SigHashSingle {
		b = append(b, s.segwitSums().outputs[:]...)
	}
	b = s.appendTaprootInput(b, input, hashType, annex, leaf)
	if kind == SigHashSingle {
		sum := s.singleSum(input)
		b = append(b, sum[:]...)
	}
	if leaf != nil {
		b = append(b, leaf.Hash[:]...)
		b = append(b, 0) // key version
		b = binary.LittleEndian.AppendUint32(b, leaf.CodeSeparator)
	}
	return taggedHash(&tagTapSighash, b), true
}

func (s *SigSums) appendTaprootInput(b []byte, input int, hashType byte, annex *[32]byte, leaf *TapLeaf) []byte {
	var spendType byte
	if leaf != nil {
		spendType |= 2
	}
	if annex != nil {
		spendType |= 1
	}
	b = append(b, spendType)
	if hashType&SigHashAnyoneCanPay != 0 {
		in := &s.tx.In[input]
		b = appendOutPoint(b, &in.PrevOut)
		b = s.spent[input].Append(b)
		b = binary.LittleEndian.AppendUint32(b, in.Sequence)
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(input))
	}
	if annex != nil {
		b = append(b, annex[:]...)
	}
	return b
}

func appendOutPoint(b []byte, o *types.OutPoint) []byte {
	return binary.LittleEndian.AppendUint32(append(b, o.TxID[:]...), o.Index)
}

// A tag is the doubled hash of a name with which a tagged hash begins (BIP340).
type tag [64]byte

func newTag(name string) (t tag) {
	sum := sha256.Sum256([]byte(name))
	copy(t[:32], sum[:])
	copy(t[32:], sum[:])
	return t
}

var (
	tagTapSighash = newTag("TapSighash")
	tagTapTweak   = newTag("TapTweak")
)

func taggedHash(t *tag, data []byte) [32]byte {
	h := sha256.New()
	h.Write(t[:])
	h.Write(data)
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}
