package psbt

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// field is what is known of a type of field.
type field struct {
	name string
	// key and value look at what follows the type, and at the value. A nil key says that there is nothing
	// but the type; a nil value that anything will do.
	key   func(data []byte) error
	value func(data, value []byte) error
}

var globalFields = map[byte]field{
	GlobalTx:      {name: "unsigned transaction"},
	GlobalXPub:    {name: "global xpub", key: size(78), value: origin},
	GlobalVersion: {name: "version", value: version},
	Proprietary:   {name: "proprietary", key: proprietary},
}

var inputFields = map[byte]field{
	InNonWitnessUTXO: {name: "non-witness utxo", value: wholeTx},
	InWitnessUTXO:    {name: "witness utxo", value: txOut},
	InPartialSig:     {name: "partial signature", key: publicKey, value: ecdsaSignature},
	InSigHashType:    {name: "sighash type", value: valueSize(4)},
	InRedeemScript:   {name: "redeemScript"},
	InWitnessScript:  {name: "witnessScript"},
	InBIP32:          {name: "keypath", key: publicKey, value: origin},
	InFinalScriptSig: {name: "final scriptSig"},
	InFinalWitness:   {name: "final scriptWitness", value: witness},
	InRIPEMD160:      {name: "ripemd160 preimage", key: size(20)},
	InSHA256:         {name: "sha256 preimage", key: size(32)},
	InHash160:        {name: "hash160 preimage", key: size(20)},
	InHash256:        {name: "hash256 preimage", key: size(32)},
	InTapKeySig:      {name: "Taproot key signature", value: schnorrSignature},
	InTapScriptSig:   {name: "Taproot script signature", key: tapScriptSig, value: schnorrSignature},
	InTapLeafScript:  {name: "Taproot leaf script", key: controlBlock, value: leafScript},
	InTapBIP32:       {name: "Taproot BIP 32 keypath", key: xOnly, value: tapOrigin},
	InTapInternalKey: {name: "Taproot internal key", value: xOnlyValue},
	InTapMerkleRoot:  {name: "Taproot merkle root", value: valueSize(32)},
	Proprietary:      {name: "proprietary", key: proprietary},
}

var outputFields = map[byte]field{
	OutRedeemScript:   {name: "redeemScript"},
	OutWitnessScript:  {name: "witnessScript"},
	OutBIP32:          {name: "keypath", key: publicKey, value: origin},
	OutTapInternalKey: {name: "Taproot internal key", value: xOnlyValue},
	OutTapTree:        {name: "Taproot tree", value: tapTree},
	OutTapBIP32:       {name: "Taproot BIP 32 keypath", key: xOnly, value: tapOrigin},
	Proprietary:       {name: "proprietary", key: proprietary},
}

// check holds the fields of a map against the table; those that it does not know may be anything.
func check(m Map, table map[byte]field) error {
	for _, p := range m {
		f, known := table[p.Key[0]]
		if !known {
			continue
		}
		var err error
		switch {
		case f.key != nil:
			err = f.key(p.Key[1:])
		case len(p.Key) != 1:
			err = errSize
		}
		if err == nil && f.value != nil {
			err = f.value(p.Key[1:], p.Value)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// checkInput checks the fields of input i, and that the transaction it carries is the one that is spent.
func (p *Packet) checkInput(i int) error {
	if err := check(p.In[i], inputFields); err != nil {
		return err
	}
	raw, ok := p.In[i].Get(InNonWitnessUTXO)
	if !ok {
		return nil
	}
	tx, err := types.DecodeTx(raw)
	if err != nil {
		return err
	}
	op := p.Tx.In[i].PrevOut
	if tx.ID() != op.TxID {
		return errors.New("Non-witness UTXO does not match outpoint hash")
	}
	if int64(op.Index) >= int64(len(tx.Out)) {
		return errors.New("Input specifies output index that does not exist")
	}
	return nil
}

var errSize = errors.New("size of key was not the expected size")

func size(n int) func([]byte) error {
	return func(data []byte) error {
		if len(data) != n {
			return errSize
		}
		return nil
	}
}

func valueSize(n int) func(_, value []byte) error {
	return func(_, value []byte) error {
		if len(value) != n {
			return fmt.Errorf("size of value was not %d", n)
		}
		return nil
	}
}

func version(_, value []byte) error {
	if len(value) != 4 || binary.LittleEndian.Uint32(value) != 0 {
		return errors.New("Unsupported version number")
	}
	return nil
}

func publicKey(data []byte) error {
	if !isKeyLen(len(data)) {
		return errSize
	}
	_, err := btcec.ParsePubKey(data)
	return err
}

func xOnly(data []byte) error {
	if len(data) != schnorr.PubKeyBytesLen {
		return errSize
	}
	_, err := schnorr.ParsePubKey(data)
	return err
}

func xOnlyValue(_, value []byte) error { return xOnly(value) }

// ecdsaSignature: DER and the byte of the hash type.
func ecdsaSignature(_, value []byte) error {
	if len(value) < 2 {
		return errors.New("Signature is not a valid encoding")
	}
	_, err := ecdsa.ParseDERSignature(value[:len(value)-1])
	return err
}

// schnorrSignature: 64 bytes, and the byte of the hash type unless that is the default.
func schnorrSignature(_, value []byte) error {
	if len(value) != 64 && (len(value) != 65 || value[64] == script.SigHashDefault) {
		return errors.New("signature is neither of 64 nor of 65 bytes")
	}
	return nil
}

func tapScriptSig(data []byte) error {
	if len(data) != 64 {
		return errSize
	}
	return xOnly(data[:32])
}

func controlBlock(data []byte) error {
	if len(data) < 33 || (len(data)-33)%32 != 0 || (len(data)-33)/32 > 128 {
		return errSize
	}
	return nil
}

func leafScript(_, value []byte) error {
	if len(value) == 0 {
		return errors.New("leaf script must be at least 1 byte")
	}
	return nil
}

// origin is the fingerprint of a master key and a path from it, 4 bytes each.
func origin(_, value []byte) error {
	if len(value) == 0 || len(value)%4 != 0 {
		return errors.New("Invalid length for HD key path")
	}
	return nil
}

// tapOrigin is a list of leaf hashes before an origin.
func tapOrigin(_, value []byte) error {
	d := types.NewDecoder(value)
	n := d.Count(len(value)/types.HashSize, types.HashSize)
	d.Bytes(n * types.HashSize)
	if d.Err() != nil {
		return d.Err()
	}
	return origin(nil, d.Bytes(d.Remaining()))
}

func wholeTx(_, value []byte) error {
	_, err := types.DecodeTx(value)
	return err
}

func txOut(_, value []byte) error {
	d := types.NewDecoder(value)
	d.TxOut()
	return d.Finish()
}

func witness(_, value []byte) error {
	_, err := decodeWitness(value)
	return err
}

func decodeWitness(value []byte) ([][]byte, error) {
	d := types.NewDecoder(value)
	items := make([][]byte, d.Count(len(value), 1))
	for i := range items {
		items[i] = d.VarBytes(len(value))
	}
	return items, d.Finish()
}

func appendWitness(b []byte, items [][]byte) []byte {
	b = types.AppendVarInt(b, uint64(len(items)))
	for _, item := range items {
		b = types.AppendVarBytes(b, item)
	}
	return b
}

// proprietary: the length of an identifier, the identifier, a subtype, anything.
func proprietary(data []byte) error {
	_, _, _, err := SplitProprietary(data)
	return err
}

// SplitProprietary takes the key data of a Proprietary field apart: who defined it, which of his fields it is, and its key.
func SplitProprietary(data []byte) (identifier []byte, subtype uint64, key []byte, err error) {
	d := types.NewDecoder(data)
	identifier, subtype = d.VarBytes(len(data)), d.VarInt()
	key = d.Bytes(d.Remaining())
	return identifier, subtype, key, d.Err()
}

// TapLeaf is a leaf of a script tree as BIP371 lists them, from left to right.
type TapLeaf struct {
	Depth, Version byte
	Script         []byte
}

// DecodeTapTree reads the value of OutTapTree. Depths must be those of a whole binary tree.
func DecodeTapTree(value []byte) ([]TapLeaf, error) {
	d := types.NewDecoder(value)
	var leaves []TapLeaf
	var open []byte // the depths of whole subtrees that wait for their right sibling
	for d.Remaining() > 0 {
		leaf := TapLeaf{Depth: d.Uint8(), Version: d.Uint8(), Script: d.VarBytes(len(value))}
		if leaf.Depth > 128 || leaf.Version&1 != 0 || len(leaves) > 0 && len(open) == 1 && open[0] == 0 {
			return nil, errors.New("Output Taproot tree is malformed")
		}
		leaves = append(leaves, leaf)
		depth := leaf.Depth
		for len(open) > 0 && open[len(open)-1] == depth && depth > 0 {
			open, depth = open[:len(open)-1], depth-1
		}
		if len(open) > 0 && open[len(open)-1] > depth {
			return nil, errors.New("Output Taproot tree is malformed")
		}
		open = append(open, depth)
	}
	if d.Err() == nil && (len(open) != 1 || open[0] != 0) {
		return nil, errors.New("Output Taproot tree is incomplete")
	}
	return leaves, d.Err()
}

func tapTree(_, value []byte) error {
	_, err := DecodeTapTree(value)
	return err
}
