package psbt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// MaxBytes bounds an encoded packet.
const MaxBytes = 32 << 20

// magic begins every packet: "psbt" and a separator.
const magic = "psbt\xff"

// Types of fields, the first byte of their keys.
const (
	GlobalTx      = 0x00 // the unsigned transaction
	GlobalXPub    = 0x01 // key: an extended public key, 78 bytes; value: where it comes from
	GlobalVersion = 0xfb
	Proprietary   = 0xfc // in all three maps

	InNonWitnessUTXO = 0x00 // the whole transaction that is spent
	InWitnessUTXO    = 0x01 // the output that is spent
	InPartialSig     = 0x02 // key: public key; value: its signature
	InSigHashType    = 0x03
	InRedeemScript   = 0x04
	InWitnessScript  = 0x05
	InBIP32          = 0x06 // key: public key; value: where it comes from
	InFinalScriptSig = 0x07
	InFinalWitness   = 0x08
	InRIPEMD160      = 0x0a // key: a hash; value: its preimage, also of the next three
	InSHA256         = 0x0b
	InHash160        = 0x0c
	InHash256        = 0x0d
	InTapKeySig      = 0x13
	InTapScriptSig   = 0x14 // key: x-only key and leaf hash
	InTapLeafScript  = 0x15 // key: control block; value: script and leaf version
	InTapBIP32       = 0x16
	InTapInternalKey = 0x17
	InTapMerkleRoot  = 0x18

	OutRedeemScript   = 0x00
	OutWitnessScript  = 0x01
	OutBIP32          = 0x02
	OutTapInternalKey = 0x05
	OutTapTree        = 0x06
	OutTapBIP32       = 0x07
)

// Errors of Decode, beside those of types.Decoder and of single fields.
var (
	ErrMagic     = errors.New("Invalid PSBT magic bytes")
	ErrNoTx      = errors.New("No unsigned transaction was provided")
	ErrDuplicate = errors.New("Duplicate Key, a field is given twice")
)

// Pair is a field: Key is its type and what belongs to it, Value the rest.
type Pair struct{ Key, Value []byte }

// Map holds the fields of the whole, of an input or of an output, ordered by key, no key twice.
type Map []Pair

// Packet is a partially signed transaction. Its maps are changed through Set and Delete.
type Packet struct {
	Tx      *types.Tx // without any scriptSig or witness
	Global  Map       // all but the transaction
	In, Out []Map     // one an input, one an output
}

// New returns a packet for a transaction, of which it takes a copy without scriptSigs and witnesses.
func New(tx *types.Tx) *Packet {
	bare := tx.Clone()
	for i := range bare.In {
		bare.In[i].ScriptSig, bare.In[i].Witness = nil, nil
	}
	return &Packet{Tx: bare, In: make([]Map, len(bare.In)), Out: make([]Map, len(bare.Out))}
}

// Get returns the value of the field with this type and key data. It aliases the map.
func (m Map) Get(kind byte, data ...byte) ([]byte, bool) {
	for i := range m {
		if m[i].Key[0] == kind && bytes.Equal(m[i].Key[1:], data) {
			return m[i].Value, true
		}
	}
	return nil, false
}

// Each returns all fields of a type. They alias the map.
func (m Map) Each(kind byte) []Pair {
	var list []Pair
	for i := range m {
		if m[i].Key[0] == kind {
			list = append(list, m[i])
		}
	}
	return list
}

// Set writes a field over one with the same key.
func (m *Map) Set(kind byte, data, value []byte) {
	p := Pair{Key: append([]byte{kind}, data...), Value: bytes.Clone(value)}
	i, found := slices.BinarySearchFunc(*m, p, comparePairs)
	if found {
		(*m)[i] = p
		return
	}
	*m = slices.Insert(*m, i, p)
}

// Delete removes all fields of these types.
func (m *Map) Delete(kinds ...byte) {
	*m = slices.DeleteFunc(*m, func(p Pair) bool { return slices.Contains(kinds, p.Key[0]) })
}

func comparePairs(a, b Pair) int { return bytes.Compare(a.Key, b.Key) }

// inputOrder is the order in which an input is encoded: signatures are ordered by the hash of their public key.
func inputOrder(a, b Pair) int {
	if a.Key[0] == InPartialSig && b.Key[0] == InPartialSig {
		x, y := script.Hash160(a.Key[1:]), script.Hash160(b.Key[1:])
		return bytes.Compare(x[:], y[:])
	}
	return comparePairs(a, b)
}

func isKeyLen(n int) bool { return n == 33 || n == 65 }

// Bytes returns the encoding.
func (p *Packet) Bytes() []byte {
	b := types.AppendVarBytes([]byte(magic), []byte{GlobalTx})
	b = types.AppendVarBytes(b, p.Tx.AppendBase(nil))
	b = p.Global.append(b)
	for _, m := range p.In {
		m = slices.Clone(m)
		slices.SortStableFunc(m, inputOrder)
		b = m.append(b)
	}
	for _, m := range p.Out {
		b = m.append(b)
	}
	return b
}

func (m Map) append(b []byte) []byte {
	for i := range m {
		b = types.AppendVarBytes(types.AppendVarBytes(b, m[i].Key), m[i].Value)
	}
	return append(b, 0)
}

// Decode reads exactly one packet of at most MaxBytes. It refuses fields that are malformed, that stand twice, or
// that do not fit the transaction. The result does not alias b.
func Decode(b []byte) (*Packet, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("a PSBT has at most %d bytes", MaxBytes)
	}
	if !bytes.HasPrefix(b, []byte(magic)) {
		return nil, ErrMagic
	}
	d := types.NewDecoder(bytes.Clone(b[len(magic):]))
	global, err := readMap(d)
	if err != nil {
		return nil, err
	}
	p, err := fromGlobal(global)
	if err != nil {
		return nil, err
	}
	for i := range p.In {
		if p.In[i], err = readMap(d); err != nil {
			return nil, err
		}
		if err = p.checkInput(i); err != nil {
			return nil, err
		}
	}
	for i := range p.Out {
		if p.Out[i], err = readMap(d); err != nil {
			return nil, err
		}
		if err = check(p.Out[i], outputFields); err != nil {
			return nil, err
		}
	}
	return p, d.Finish()
}

// readMap reads fields up to the empty key that ends them.
func readMap(d *types.Decoder) (Map, error) {
	var m Map
	for {
		key := d.VarBytes(MaxBytes)
		if d.Err() != nil {
			return nil, d.Err()
		}
		if len(key) == 0 {
			break
		}
		m = append(m, Pair{Key: key, Value: d.VarBytes(MaxBytes)})
	}
	slices.SortStableFunc(m, comparePairs)
	for i := 1; i < len(m); i++ {
		if bytes.Equal(m[i-1].Key, m[i].Key) {
			return nil, ErrDuplicate
		}
	}
	return m, d.Err()
}

// fromGlobal makes a packet of the first map, which holds the transaction.
func fromGlobal(global Map) (*Packet, error) {
	raw, ok := global.Get(GlobalTx)
	if !ok {
		return nil, ErrNoTx
	}
	if err := check(global, globalFields); err != nil {
		return nil, err
	}
	tx, err := types.DecodeBaseTx(raw)
	if err != nil {
		return nil, err
	}
	for i := range tx.In {
		if len(tx.In[i].ScriptSig) > 0 {
			return nil, errors.New("Unsigned tx does not have empty scriptSigs and scriptWitnesses.")
		}
	}
	global.Delete(GlobalTx)
	return &Packet{Tx: tx, Global: global, In: make([]Map, len(tx.In)), Out: make([]Map, len(tx.Out))}, nil
}

// Spent returns the output that input i spends, if the packet tells.
func (p *Packet) Spent(i int) (types.TxOut, bool) {
	if raw, ok := p.In[i].Get(InNonWitnessUTXO); ok {
		if tx, err := types.DecodeTx(raw); err == nil && int64(p.Tx.In[i].PrevOut.Index) < int64(len(tx.Out)) {
			return tx.Out[p.Tx.In[i].PrevOut.Index], true
		}
	}
	if raw, ok := p.In[i].Get(InWitnessUTXO); ok {
		d := types.NewDecoder(raw)
		out := d.TxOut()
		return out, d.Finish() == nil
	}
	return types.TxOut{}, false
}
