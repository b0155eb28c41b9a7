package descriptor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
)

// MaxIndex is the highest index of a ranged descriptor.
const MaxIndex = 1<<31 - 1

// Descriptor stands for a script, or with a wildcard for one at each index from 0 to MaxIndex. It is immutable.
type Descriptor struct {
	params *consensus.Params
	top    node
}

// Output is what a descriptor stands for at an index.
type Output struct {
	Script        []byte
	RedeemScript  []byte // of P2SH, else nil
	WitnessScript []byte // of P2WSH, else nil
	InternalKey   []byte // of taproot by tr(), 32 bytes, else nil
	MerkleRoot    []byte // of a tr() with a tree, else nil
	Keys          []Key
}

// node is a function of a descriptor.
type node struct {
	name string
	text string // the argument of addr and raw
	lock []byte // and its script
	need int    // signatures, of the multi family
	keys []*keyExpr
	in   *node     // of sh and wsh
	tree *treeLeaf // of tr
	at   place
}

// Parse reads a descriptor. Its checksum is checked if it has one, and must be there if needed is set. Errors are
// sentences for people, Bitcoin Core's where programs may look for them.
func Parse(p *consensus.Params, text string, needed bool) (*Descriptor, error) {
	body, err := CutChecksum(text, needed)
	if err != nil {
		return nil, err
	}
	r := reader{params: p}
	top, err := r.function(body, topLevel)
	if err != nil {
		return nil, err
	}
	return &Descriptor{params: p, top: *top}, nil
}

// context is what encloses a function.
type context uint8

const (
	topLevel context = iota
	inSH
	inWSH
	inTR
)

// allowed tells in which contexts a function may stand.
var allowed = map[string][]context{
	"addr": {topLevel}, "raw": {topLevel}, "combo": {topLevel}, "tr": {topLevel}, "rawtr": {topLevel}, "sh": {topLevel},
	"wsh": {topLevel, inSH}, "wpkh": {topLevel, inSH}, "pkh": {topLevel, inSH, inWSH}, "pk": {topLevel, inSH, inWSH, inTR},
	"multi": {topLevel, inSH, inWSH}, "sortedmulti": {topLevel, inSH, inWSH}, "multi_a": {inTR}, "sortedmulti_a": {inTR},
}

// contextNames are Core's words in "Can only have … at top level" and its like.
var contextNames = [...]string{"top level", "P2SH", "P2WSH", "P2TR"}

type reader struct{ params *consensus.Params }

// function reads "name(argument)".
func (r reader) function(text string, in context) (*node, error) {
	name, rest, ok := strings.Cut(text, "(")
	arg, closed := strings.CutSuffix(rest, ")")
	where, known := allowed[name]
	switch {
	case !ok || !closed || !known:
		return nil, fmt.Errorf("'%s' is not a valid descriptor function", clip(text))
	case !slices.Contains(where, in):
		return nil, fmt.Errorf("Cannot have %s() in %s", name, contextNames[in])
	}
	n := &node{name: name, at: place{segwit: in == inWSH || name == "wpkh", taproot: in == inTR || name == "tr" || name == "rawtr"}}
	switch name {
	case "addr", "raw":
		return n, r.literal(n, arg)
	case "sh", "wsh":
		inner := map[string]context{"sh": inSH, "wsh": inWSH}[name]
		var err error
		n.in, err = r.function(arg, inner)
		return n, err
	case "multi", "sortedmulti", "multi_a", "sortedmulti_a":
		return n, r.multi(n, arg, in)
	case "tr":
		return n, r.taproot(n, arg)
	}
	key, err := parseKey(r.params, arg, n.at)
	n.keys = []*keyExpr{key}
	return n, err
}

func (r reader) literal(n *node, arg string) (err error) {
	n.text = arg
	if n.name == "raw" {
		if n.lock, err = hex.DecodeString(arg); err != nil {
			return errors.New("Raw script is not hex")
		}
		return nil
	}
	if n.lock, err = script.DecodeAddress(r.params.Addresses(), arg); err != nil {
		return fmt.Errorf("Address is not valid: %w", err)
	}
	return nil
}

// Bounds of the multi family.
const (
	maxMultiBare = 3   // at top level
	maxMultiA    = 999 // keys that fit a tapscript's stack
)

func (r reader) multi(n *node, arg string, in context) error {
	parts := strings.Split(arg, ",")
	need, err := strconv.Atoi(parts[0])
	if err != nil {
		return fmt.Errorf("Multi threshold '%s' is not valid", clip(parts[0]))
	}
	most := script.MaxPubKeysMultiSig
	if in == inTR {
		most = maxMultiA
	}
	keys := parts[1:]
	switch {
	case len(keys) == 0 || len(keys) > most:
		return fmt.Errorf("Cannot have %d keys in multisig; must have between 1 and %d keys, inclusive", len(keys), most)
	case need < 1:
		return fmt.Errorf("Multisig threshold cannot be %d, must be at least 1", need)
	case need > len(keys):
		return fmt.Errorf("Multisig threshold cannot be larger than the number of keys; threshold is %d but only %d keys specified", need, len(keys))
	case in == topLevel && len(keys) > maxMultiBare:
		return fmt.Errorf("Cannot have %d pubkeys in bare multisig; only at most 3 pubkeys", len(keys))
	}
	n.need = need
	size := 3
	for _, text := range keys {
		key, err := parseKey(r.params, text, n.at)
		if err != nil {
			return err
		}
		n.keys = append(n.keys, key)
		if size++; key.raw != nil {
			size += len(key.raw)
		} else {
			size += 33
		}
	}
	if in == inSH && size > script.MaxElementSize {
		return fmt.Errorf("P2SH script is too large, %d bytes is larger than %d bytes", size, script.MaxElementSize)
	}
	return nil
}

// Ranged tells whether there is a wildcard.
func (d *Descriptor) Ranged() bool {
	return slices.ContainsFunc(d.top.allKeys(), func(k *keyExpr) bool { return k.wild != noWildcard })
}

// Private tells whether there is a private key in it.
func (d *Descriptor) Private() bool { return slices.ContainsFunc(d.top.allKeys(), (*keyExpr).private) }

// Solvable tells whether it says all that is needed to spend but signatures: all forms but addr and raw.
func (d *Descriptor) Solvable() bool { return d.top.name != "addr" && d.top.name != "raw" }

func (n *node) allKeys() []*keyExpr {
	keys := n.keys
	if n.in != nil {
		keys = append(keys[:len(keys):len(keys)], n.in.allKeys()...)
	}
	for _, leaf := range n.tree.leaves() {
		keys = append(keys[:len(keys):len(keys)], leaf.allKeys()...)
	}
	return keys
}

// Text prints the descriptor in its usual form, h for hardened, with the checksum, and without private keys: those appear as
// their public keys.
func (d *Descriptor) Text() string { return WithChecksum(d.top.print()) }

func (n *node) print() string {
	parts := []string{}
	switch {
	case n.in != nil:
		parts = append(parts, n.in.print())
	case n.lock != nil || n.text != "" || n.name == "raw":
		parts = append(parts, n.text)
	case n.need > 0:
		parts = append(parts, strconv.Itoa(n.need))
	}
	for _, k := range n.keys {
		parts = append(parts, k.text())
	}
	if n.tree != nil {
		parts = append(parts, n.tree.print())
	}
	return n.name + "(" + strings.Join(parts, ",") + ")"
}

// At returns what the descriptor stands for at an index, which does not matter unless it is Ranged. Only combo gives more
// than one output. An error says that a key cannot be derived: a hardened step from a public key.
func (d *Descriptor) At(index uint32) ([]Output, error) {
	if d.top.name == "combo" {
		return d.top.combo(index)
	}
	out, err := d.top.output(index)
	if err != nil {
		return nil, err
	}
	return []Output{out}, nil
}

func (n *node) derive(index uint32) ([]Key, error) {
	keys := make([]Key, len(n.keys))
	for i, k := range n.keys {
		var err error
		if keys[i], err = k.at(index, n.at); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// output builds the script of any function but combo.
func (n *node) output(index uint32) (Output, error) {
	switch n.name {
	case "addr", "raw":
		return Output{Script: n.lock}, nil
	case "sh":
		out, err := n.in.output(index)
		out.RedeemScript = out.Script
		out.Script = script.PayToScriptHash(script.Hash160(out.RedeemScript))
		return out, err
	case "wsh":
		out, err := n.in.output(index)
		out.WitnessScript = out.Script
		out.Script = script.PayToWitnessScriptHash(sha256.Sum256(out.WitnessScript))
		return out, err
	case "tr":
		return n.taprootOutput(index)
	}
	keys, err := n.derive(index)
	if err != nil {
		return Output{}, err
	}
	return Output{Script: n.keyScript(keys), Keys: keys}, nil
}

// keyScript builds the script of a function that has keys and nothing else.
func (n *node) keyScript(keys []Key) []byte {
	key := keys[0].PubKey
	switch n.name {
	case "pk":
		if n.at.taproot {
			return append(script.PushData(key), opCheckSig)
		}
		return script.PayToPubKey(key)
	case "pkh":
		return script.PayToPubKeyHash(script.Hash160(key))
	case "wpkh":
		return script.PayToWitnessPubKeyHash(script.Hash160(key))
	case "rawtr":
		return script.PayToTaproot([32]byte(key))
	}
	return n.multiScript(keys)
}

// Opcodes of the scripts that are built here.
const (
	opNumEqual      = 0x9c
	opCheckSig      = 0xac
	opCheckMultiSig = 0xae
	opCheckSigAdd   = 0xba
)

func (n *node) multiScript(keys []Key) []byte {
	if strings.HasPrefix(n.name, "sorted") {
		keys = slices.Clone(keys)
		slices.SortFunc(keys, func(a, b Key) int { return bytes.Compare(a.PubKey, b.PubKey) })
	}
	if strings.HasSuffix(n.name, "_a") {
		var b []byte
		for i, k := range keys {
			b = append(b, script.PushData(k.PubKey)...)
			if i == 0 {
				b = append(b, opCheckSig)
			} else {
				b = append(b, opCheckSigAdd)
			}
		}
		return append(append(b, script.PushInt(int64(n.need))...), opNumEqual)
	}
	b := script.PushInt(int64(n.need))
	for _, k := range keys {
		b = append(b, script.PushData(k.PubKey)...)
	}
	return append(append(b, script.PushInt(int64(len(keys)))...), opCheckMultiSig)
}

// combo stands for P2PK and P2PKH, and if the key is compressed for P2WPKH and that in P2SH.
func (n *node) combo(index uint32) ([]Output, error) {
	keys, err := n.derive(index)
	if err != nil {
		return nil, err
	}
	key := keys[0].PubKey
	hash := script.Hash160(key)
	outs := []Output{{Script: script.PayToPubKey(key), Keys: keys}, {Script: script.PayToPubKeyHash(hash), Keys: keys}}
	if len(key) == 33 {
		witness := script.PayToWitnessPubKeyHash(hash)
		outs = append(outs, Output{Script: witness, Keys: keys},
			Output{Script: script.PayToScriptHash(script.Hash160(witness)), RedeemScript: witness, Keys: keys})
	}
	return outs, nil
}
