package types

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync/atomic"
)

// WitnessScale is how many weight units one byte outside of a witness has (BIP141).
const WitnessScale = 4

// The least bytes that parts of a transaction can take; counts are checked against them.
const (
	minTxInBytes  = 32 + 4 + 1 + 4
	minTxOutBytes = 8 + 1
	minTxBytes    = 4 + 1 + minTxInBytes + 1 + minTxOutBytes + 4
)

// OutPoint names one output of a transaction. Index is 2³²−1 with a zero hash in a
// coinbase's input.
type OutPoint struct {
	TxID  Hash
	Index uint32
}

// NullOutPoint is what a coinbase spends.
var NullOutPoint = OutPoint{Index: 0xffffffff}

// String returns txid:index.
func (o OutPoint) String() string { return fmt.Sprintf("%s:%d", o.TxID, o.Index) }

// Compare orders outpoints by the bytes of their transaction id, then by index.
func (o OutPoint) Compare(p OutPoint) int {
	for i := range o.TxID {
		if o.TxID[i] != p.TxID[i] {
			return int(o.TxID[i]) - int(p.TxID[i])
		}
	}
	switch {
	case o.Index < p.Index:
		return -1
	case o.Index > p.Index:
		return 1
	}
	return 0
}

// TxIn spends an output. Witness is nil when the input has none (BIP144).
type TxIn struct {
	PrevOut   OutPoint
	ScriptSig []byte
	Sequence  uint32
	Witness   [][]byte
}

// TxOut is an amount in the smallest unit (10⁻⁸ coin) and the script that locks it.
type TxOut struct {
	Value  int64
	Script []byte
}

// Tx is a transaction. It is immutable once any of ID, WitnessID, Size or Weight was
// called, or once it was decoded; Clone gives a copy that may be changed. All methods may
// be called from several goroutines.
type Tx struct {
	Version  uint32
	In       []TxIn
	Out      []TxOut
	LockTime uint32

	sums atomic.Pointer[txSums]
}

// txSums is what is computed once for a transaction.
type txSums struct {
	id, wid     Hash
	base, total int
}

// ID returns the transaction id: the hash without witnesses.
func (tx *Tx) ID() Hash { return tx.summed().id }

// WitnessID returns the hash with witnesses (BIP141), equal to ID if there are none. For a
// coinbase it is still this hash; the zero that stands for it in the witness commitment is
// consensus's business.
func (tx *Tx) WitnessID() Hash { return tx.summed().wid }

// BaseSize returns the bytes of the encoding without witnesses.
func (tx *Tx) BaseSize() int { return tx.summed().base }

// Size returns the bytes of the encoding.
func (tx *Tx) Size() int { return tx.summed().total }

// Weight returns 3·BaseSize + Size (BIP141).
func (tx *Tx) Weight() int {
	s := tx.summed()
	return (WitnessScale-1)*s.base + s.total
}

// VSize returns the weight in virtual bytes, rounded up.
func (tx *Tx) VSize() int { return (tx.Weight() + WitnessScale - 1) / WitnessScale }

// HasWitness tells whether any input has a witness.
func (tx *Tx) HasWitness() bool {
	for i := range tx.In {
		if len(tx.In[i].Witness) > 0 {
			return true
		}
	}
	return false
}

// IsCoinbase tells whether the transaction has the one null input of a coinbase.
func (tx *Tx) IsCoinbase() bool {
	return len(tx.In) == 1 && tx.In[0].PrevOut == NullOutPoint
}

// Clone returns a copy that shares no memory with tx and has no hashes computed yet.
func (tx *Tx) Clone() *Tx {
	c := &Tx{Version: tx.Version, LockTime: tx.LockTime, In: make([]TxIn, len(tx.In)), Out: make([]TxOut, len(tx.Out))}
	for i, in := range tx.In {
		in.ScriptSig = append([]byte(nil), in.ScriptSig...)
		if in.Witness != nil {
			w := make([][]byte, len(in.Witness))
			for j, item := range in.Witness {
				w[j] = append([]byte(nil), item...)
			}
			in.Witness = w
		}
		c.In[i] = in
	}
	for i, out := range tx.Out {
		c.Out[i] = TxOut{Value: out.Value, Script: append([]byte(nil), out.Script...)}
	}
	return c
}

func (tx *Tx) summed() *txSums {
	if s := tx.sums.Load(); s != nil {
		return s
	}
	base := tx.AppendBase(nil)
	s := &txSums{id: DoubleSHA256(base), base: len(base), total: len(base)}
	s.wid = s.id
	if tx.HasWitness() {
		full := tx.Append(make([]byte, 0, len(base)+64))
		s.wid, s.total = DoubleSHA256(full), len(full)
	}
	tx.sums.Store(s)
	return s
}

// Append appends the encoding with witnesses, if there are any (BIP144).
func (tx *Tx) Append(b []byte) []byte {
	if !tx.HasWitness() {
		return tx.AppendBase(b)
	}
	b = binary.LittleEndian.AppendUint32(b, tx.Version)
	b = append(b, 0, 1)
	b = tx.appendBody(b)
	for i := range tx.In {
		b = AppendVarInt(b, uint64(len(tx.In[i].Witness)))
		for _, item := range tx.In[i].Witness {
			b = AppendVarBytes(b, item)
		}
	}
	return binary.LittleEndian.AppendUint32(b, tx.LockTime)
}

// AppendBase appends the encoding without witnesses.
func (tx *Tx) AppendBase(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, tx.Version)
	b = tx.appendBody(b)
	return binary.LittleEndian.AppendUint32(b, tx.LockTime)
}

// Bytes returns Append(nil).
func (tx *Tx) Bytes() []byte { return tx.Append(nil) }

func (tx *Tx) appendBody(b []byte) []byte {
	b = AppendVarInt(b, uint64(len(tx.In)))
	for i := range tx.In {
		in := &tx.In[i]
		b = append(b, in.PrevOut.TxID[:]...)
		b = binary.LittleEndian.AppendUint32(b, in.PrevOut.Index)
		b = AppendVarBytes(b, in.ScriptSig)
		b = binary.LittleEndian.AppendUint32(b, in.Sequence)
	}
	b = AppendVarInt(b, uint64(len(tx.Out)))
	for i := range tx.Out {
		b = tx.Out[i].Append(b)
	}
	return b
}

// Append appends the encoding of an output: value, script length, script.
func (out *TxOut) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(out.Value))
	return AppendVarBytes(b, out.Script)
}

// DecodeTx reads exactly one transaction. The result does not alias b.
func DecodeTx(b []byte) (*Tx, error) {
	d := NewDecoder(b)
	tx := d.Tx()
	if err := d.Finish(); err != nil {
		return nil, err
	}
	return tx, nil
}

// DecodeBaseTx reads exactly one transaction without witnesses. Unlike DecodeTx it knows no marker of BIP144, so that a
// transaction without inputs is one, as in unsigned ones that are still being made. The result does not alias b.
func DecodeBaseTx(b []byte) (*Tx, error) {
	d := NewDecoder(append([]byte(nil), b...))
	tx := &Tx{Version: d.Uint32()}
	d.readIns(tx)
	d.readOuts(tx)
	tx.LockTime = d.Uint32()
	if err := d.Finish(); err != nil {
		return nil, err
	}
	return tx, nil
}

// Tx reads one transaction. Unlike slices that a Decoder returns, it shares no memory with the
// input: its scripts and witnesses lie in one allocation of its own, so keeping a transaction
// does not keep its block.
func (d *Decoder) Tx() *Tx {
	start := d.off
	skim := Decoder{buf: d.buf, off: d.off, err: d.err}
	skim.readTx(nil)
	if d.err = skim.err; d.err != nil {
		return nil
	}
	raw := append([]byte(nil), d.buf[start:skim.off]...)
	own := Decoder{buf: raw}
	tx := new(Tx)
	bodyEnd := own.readTx(tx)
	d.off = skim.off
	tx.sums.Store(sum(raw, bodyEnd))
	return tx
}

// sum hashes an encoded transaction whose outputs end at bodyEnd; 0 says that it has no
// witness part.
func sum(raw []byte, bodyEnd int) *txSums {
	s := &txSums{wid: DoubleSHA256(raw), total: len(raw)}
	if bodyEnd == 0 {
		s.id, s.base = s.wid, s.total
		return s
	}
	h := sha256.New()
	h.Write(raw[:4])
	h.Write(raw[6:bodyEnd])
	h.Write(raw[len(raw)-4:])
	var first Hash
	h.Sum(first[:0])
	s.id, s.base = sha256.Sum256(first[:]), 4+bodyEnd-6+4
	return s
}

// readTx reads a transaction into tx, or only passes over it if tx is nil. It returns where the
// outputs ended if a witness part followed, else 0.
func (d *Decoder) readTx(tx *Tx) (bodyEnd int) {
	version := d.Uint32()
	segwit := false
	if d.Remaining() >= 2 && d.buf[d.off] == 0 {
		// No inputs is how the marker of BIP144 looks to a reader that does not know it.
		if d.buf[d.off+1] != 1 {
			d.Fail(ErrUnknownFlag)
			return 0
		}
		d.off += 2
		segwit = true
	}
	ins := d.readIns(tx)
	d.readOuts(tx)
	if segwit {
		bodyEnd = d.off
		if !d.readWitnesses(tx, ins) && d.err == nil {
			d.err = ErrSuperfluous
		}
	}
	lock := d.Uint32()
	if tx != nil {
		tx.Version, tx.LockTime = version, lock
	}
	return bodyEnd
}

func (d *Decoder) readIns(tx *Tx) int {
	n := d.Count(MaxBlockBytes/minTxInBytes, minTxInBytes)
	if tx != nil {
		tx.In = make([]TxIn, n)
	}
	for i := 0; i < n && d.err == nil; i++ {
		in := TxIn{
			PrevOut:   OutPoint{TxID: d.Hash(), Index: d.Uint32()},
			ScriptSig: d.VarBytes(MaxBlockBytes),
			Sequence:  d.Uint32(),
		}
		if tx != nil {
			tx.In[i] = in
		}
	}
	return n
}

func (d *Decoder) readOuts(tx *Tx) {
	n := d.Count(MaxBlockBytes/minTxOutBytes, minTxOutBytes)
	if tx != nil {
		tx.Out = make([]TxOut, n)
	}
	for i := 0; i < n && d.err == nil; i++ {
		out := d.TxOut()
		if tx != nil {
			tx.Out[i] = out
		}
	}
}

// TxOut reads an output. Its script aliases the input.
func (d *Decoder) TxOut() TxOut {
	return TxOut{Value: int64(d.Uint64()), Script: d.VarBytes(MaxBlockBytes)}
}

// readWitnesses reads a stack an input and tells whether any was not empty.
func (d *Decoder) readWitnesses(tx *Tx, ins int) (any bool) {
	for i := 0; i < ins && d.err == nil; i++ {
		n := d.Count(MaxBlockBytes, 1)
		any = any || n > 0
		var stack [][]byte
		if tx != nil && n > 0 {
			stack = make([][]byte, n)
			tx.In[i].Witness = stack
		}
		for j := 0; j < n && d.err == nil; j++ {
			item := d.VarBytes(MaxBlockBytes)
			if stack != nil {
				stack[j] = item
			}
		}
	}
	return any
}
