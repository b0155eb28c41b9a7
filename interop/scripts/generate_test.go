package scripts

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Opcodes that the pieces below name.
const (
	opIf, opNotIf, opElse, opEndIf   = 0x63, 0x64, 0x67, 0x68
	opVerify, opDrop, opDup          = 0x69, 0x75, 0x76
	opEqualVerify, opCodeSeparator   = 0x88, 0xab
	opHash160, opSHA256              = 0xa9, 0xa8
	opCheckSig, opCheckSigVerify     = 0xac, 0xad
	opCheckMultisig, opCheckSigAdd   = 0xae, 0xba
	opCheckLockTime, opCheckSequence = 0xb1, 0xb2
	opNumEqualVerify                 = 0x9d
)

// form is where a made-up script stands.
type form int

const (
	bare form = iota
	inP2SH
	inWitness
	inWitnessInP2SH
	inTaproot
	forms
)

func (f form) tapscript() bool { return f == inTaproot }
func (f form) witness() bool   { return f == inWitness || f == inWitnessInP2SH }

// item is what a piece of script finds on the stack: bytes, or a signature to be made when the script is complete.
type item struct {
	data      []byte
	key       int // index of the signing key + 1; 0: data
	separator int // where the code that it signs begins, or the position of the CODESEPARATOR in a tapscript
	none      bool
}

// author makes up scripts and spends that fit them, more or less.
type author struct {
	rng  *rand.Rand
	form form
	code []byte
	ops  int // opcodes in code, for tapscript
	// args are the items for the pieces in their order: the first is to be on top of the stack.
	args      []item
	separator int
	none      bool // no CODESEPARATOR yet
}

// keys are private keys with small numbers.
var keys = func() (list []*btcec.PrivateKey) {
	for i := range 8 {
		var b [32]byte
		b[31] = byte(i + 1)
		key, _ := btcec.PrivKeyFromBytes(b[:])
		list = append(list, key)
	}
	return list
}()

func (a *author) chance(n int) bool { return a.rng.IntN(n) == 0 }

func (a *author) op(codes ...byte) {
	a.code = append(a.code, codes...)
	a.ops += len(codes)
}

func (a *author) push(data []byte) {
	a.code = append(a.code, script.PushData(data)...)
	a.ops++
}

func (a *author) number(n int64) {
	a.code = append(a.code, script.PushInt(n)...)
	a.ops++
}

// key pushes the public key with an index, sometimes in another form or spoiled.
func (a *author) key(i int) {
	pub := keys[i].PubKey()
	enc := pub.SerializeCompressed()
	if a.form.tapscript() {
		enc = enc[1:]
		if a.chance(12) {
			enc = append(enc, 7) // a key of a kind that is not known yet
		}
	} else if a.chance(6) {
		enc = pub.SerializeUncompressed()
		if a.chance(4) {
			enc[0] = 6 | enc[64]&1 // hybrid
		}
	}
	if a.chance(30) {
		enc = spoil(a.rng, enc)
	}
	a.push(enc)
}

func (a *author) signature(i int) item {
	if a.chance(14) {
		return item{} // empty
	}
	if a.chance(12) {
		i = a.rng.IntN(len(keys))
	}
	return item{key: i + 1, separator: a.separator, none: a.none}
}

// checkSig: <key> CHECKSIGVERIFY, in one of its forms.
func (a *author) checkSig() {
	i := a.rng.IntN(len(keys))
	a.args = append(a.args, a.signature(i))
	a.key(i)
	switch a.rng.IntN(4) {
	case 0:
		a.op(opCheckSig, opDrop)
	case 1:
		a.op(opCheckSig, opVerify)
	default:
		a.op(opCheckSigVerify)
	}
}

// multisig: m of n keys by CHECKMULTISIG, or by CHECKSIGADD in a tapscript.
func (a *author) multisig() {
	n := 1 + a.rng.IntN(4)
	m := 1 + a.rng.IntN(n)
	if a.form.tapscript() && !a.chance(12) {
		a.number(0)
		for i := range n {
			sig := item{}
			if i < m {
				sig = a.signature(i)
			}
			a.args = append(a.args, sig)
			a.op(0x7c) // SWAP
			a.key(i)
			a.op(opCheckSigAdd)
		}
		a.number(int64(m))
		a.op(opNumEqualVerify)
		return
	}
	first := a.rng.IntN(n - m + 1)
	for i := m - 1; i >= 0; i-- {
		a.args = append(a.args, a.signature(first+i))
	}
	dummy := item{}
	if a.chance(8) {
		dummy.data = []byte{1}
	}
	a.args = append(a.args, dummy)
	a.number(int64(m))
	for i := range n {
		a.key(i)
	}
	a.number(int64(n))
	a.op(opCheckMultisig)
	a.op([]byte{opVerify, opDrop}[a.rng.IntN(2)])
}

// branch: IF … ELSE … ENDIF with an argument of many shapes.
func (a *author) branch() {
	truths := [][]byte{{1}, {}, {0}, {2}, {0x80}, {1, 0}, {0, 0x80}}
	which := a.rng.IntN(len(truths))
	if !a.chance(4) {
		which %= 2
	}
	a.args = append(a.args, item{data: truths[which]})
	a.op([]byte{opIf, opNotIf}[a.rng.IntN(2)])
	a.op(opcodeQuiet[a.rng.IntN(len(opcodeQuiet))])
	if a.chance(5) {
		a.op(0x50 + byte(a.rng.IntN(3))) // RESERVED or numbers
	}
	a.op(opElse)
	if a.chance(5) {
		a.op(opCodeSeparator)
	}
	a.op(opEndIf)
}

// opcodeQuiet leave the stack as it is.
var opcodeQuiet = []byte{0x61, 0xb0, 0xb3, 0x61}

func (a *author) separate() {
	a.separator, a.none = len(a.code)+1, false
	if a.form.tapscript() {
		a.separator = a.ops
	}
	a.op(opCodeSeparator)
}

func (a *author) lockTime(tx *types.Tx, input int) {
	n := int64(a.rng.IntN(1000))
	if a.chance(2) {
		a.number(n)
		a.op(opCheckLockTime, opDrop)
		if !a.chance(4) {
			tx.LockTime, tx.In[input].Sequence = uint32(n)+uint32(a.rng.IntN(2)), 0xfffffffe
		}
		return
	}
	a.number(n)
	a.op(opCheckSequence, opDrop)
	if !a.chance(4) {
		tx.Version, tx.In[input].Sequence = 2, uint32(n)+uint32(a.rng.IntN(2))
	}
}

func (a *author) hashLock() {
	secret := make([]byte, a.rng.IntN(40))
	for i := range secret {
		secret[i] = byte(a.rng.Uint32())
	}
	a.args = append(a.args, item{data: secret})
	if a.chance(2) {
		h := script.Hash160(secret)
		a.op(opHash160)
		a.push(h[:])
	} else {
		h := sha256.Sum256(secret)
		a.op(opSHA256)
		a.push(h[:])
	}
	a.op(opEqualVerify)
}

// arithmetic works on two or three numbers of the stack and drops what comes out.
func (a *author) arithmetic() {
	numbers := [][]byte{{}, {1}, {2}, {0x81}, {0x7f}, {0xff}, {0xff, 0}, {0, 1}, {0xff, 0xff, 0xff, 0x7f}, {0xff, 0xff, 0xff, 0xff}, {0x80}, {0, 0x80}, {1, 2, 3, 4, 5}}
	op := byte(0x8b + a.rng.IntN(0xa6-0x8b)) // 1ADD to WITHIN
	takes := 2
	if op < 0x93 {
		takes = 1
	} else if op == 0xa5 {
		takes = 3
	}
	for range takes {
		which := a.rng.IntN(len(numbers))
		if !a.chance(3) {
			which %= 4
		}
		a.args = append(a.args, item{data: numbers[which]})
	}
	a.op(op)
	if op != 0x9d { // NUMEQUALVERIFY leaves nothing
		a.op(opDrop)
	}
}

// stackwork moves items about; it may leave some behind.
func (a *author) stackwork() {
	for range 1 + a.rng.IntN(4) {
		a.args = append(a.args, item{data: []byte{byte(a.rng.IntN(4))}[:a.rng.IntN(2)]})
	}
	for range 1 + a.rng.IntN(3) {
		a.op(byte(0x6b + a.rng.IntN(0x83-0x6b))) // TOALTSTACK to SIZE
	}
}

// write makes up the pieces.
func (a *author) write(tx *types.Tx, input int) {
	for range 1 + a.rng.IntN(4) {
		switch a.rng.IntN(14) {
		case 0, 1, 2, 3:
			a.checkSig()
		case 4, 5, 6:
			a.multisig()
		case 7:
			a.branch()
		case 8:
			a.separate()
		case 9:
			a.lockTime(tx, input)
		case 10:
			a.hashLock()
		case 11:
			a.arithmetic()
		case 12:
			a.stackwork()
		case 13:
			if a.chance(3) {
				a.code = append(a.code, opcodes(a.rng, 1+a.rng.IntN(4))...)
				a.ops += 2
			}
		}
	}
	if !a.chance(20) {
		a.number(1)
	}
}

var hashTypes = []byte{1, 1, 1, 2, 3, 0x81, 0x82, 0x83}

// hashType is one that a signature may name, now and then one that it may not.
func (a *author) hashType() byte {
	if a.chance(20) {
		return []byte{0, 4, 0x41, 0x80, 0xff, 0x84}[a.rng.IntN(6)]
	}
	return hashTypes[a.rng.IntN(len(hashTypes))]
}

// generate makes up a spend.
func generate(rng *rand.Rand) *spend {
	a := &author{rng: rng, form: form(rng.IntN(int(forms))), none: true}
	s := &spend{name: "made up", tx: &types.Tx{Version: uint32(rng.IntN(3))}, flags: spoilFlags(rng, script.ConsensusFlags)}
	if a.chance(3) {
		s.flags = coherent(script.Flags(rng.Uint32()) & (1<<21 - 1))
	}
	inputs := 1 + rng.IntN(3)
	s.input = rng.IntN(inputs)
	for i := range inputs {
		s.tx.In = append(s.tx.In, types.TxIn{PrevOut: types.OutPoint{TxID: types.Hash{byte(i), 9}, Index: uint32(i)}, Sequence: rng.Uint32()})
		s.spent = append(s.spent, types.TxOut{Value: int64(rng.IntN(1e9)), Script: []byte{0x51, byte(i)}})
	}
	for i := range 1 + rng.IntN(3) {
		s.tx.Out = append(s.tx.Out, types.TxOut{Value: int64(rng.IntN(1e9)), Script: []byte{0x51, byte(i)}})
	}
	a.write(s.tx, s.input)
	a.place(s)
	if a.chance(3) {
		m := mutate(rng, s)
		m.name = "made up, mutated"
		return m
	}
	return s
}

// place puts the script where its form says and writes what spends it.
func (a *author) place(s *spend) {
	in, out := &s.tx.In[s.input], &s.spent[s.input]
	program := sha256.Sum256(a.code)
	switch a.form {
	case bare:
		out.Script = a.code
		in.ScriptSig = pushes(a.stack(s))
	case inP2SH:
		out.Script = script.PayToScriptHash(script.Hash160(a.code))
		in.ScriptSig = append(pushes(a.stack(s)), script.PushData(a.code)...)
	case inWitness:
		out.Script = script.PayToWitnessScriptHash(program)
		in.Witness = append(a.stack(s), a.code)
	case inWitnessInP2SH:
		redeem := script.PayToWitnessScriptHash(program)
		out.Script = script.PayToScriptHash(script.Hash160(redeem))
		in.ScriptSig = script.PushData(redeem)
		in.Witness = append(a.stack(s), a.code)
	case inTaproot:
		a.placeLeaf(s)
	}
}

func pushes(items [][]byte) (b []byte) {
	for _, it := range items {
		switch {
		case len(it) == 1 && it[0] >= 1 && it[0] <= 16:
			b = append(b, 0x50+it[0])
		case len(it) == 1 && it[0] == 0x81:
			b = append(b, 0x4f)
		default:
			b = append(b, script.PushData(it)...)
		}
	}
	return b
}

// stack makes the items, the first one for the bottom.
func (a *author) stack(s *spend) (items [][]byte) {
	sums := script.NewSigSums(s.tx, s.spent)
	for _, it := range slices.Backward(a.args) {
		if it.key == 0 {
			items = append(items, it.data)
			continue
		}
		code := a.code
		if !it.none {
			code = code[it.separator:]
		}
		kind := a.hashType()
		var hash types.Hash
		if a.form.witness() {
			hash = script.WitnessV0SigHash(sums, s.input, code, uint32(kind))
		} else {
			hash = script.LegacySigHash(s.tx, s.input, code, uint32(kind))
		}
		sig, err := script.SignECDSA([32]byte(keys[it.key-1].Serialize()), hash, kind)
		if err != nil {
			panic(err) // the keys are constants
		}
		if a.chance(25) {
			sig = spoil(a.rng, sig)
		}
		items = append(items, sig)
	}
	return items
}

// placeLeaf puts the script into a taproot tree of one to three levels.
func (a *author) placeLeaf(s *spend) {
	in, out := &s.tx.In[s.input], &s.spent[s.input]
	version := byte(0xc0)
	if a.chance(15) {
		version = 0xc2
	}
	leaf := tagged("TapLeaf", []byte{version}, types.AppendVarBytes(nil, a.code))
	root, path := leaf, []byte(nil)
	for range a.rng.IntN(3) {
		sibling := sha256.Sum256([]byte{byte(a.rng.Uint32())})
		path = append(path, sibling[:]...)
		low, high := root, [32]byte(sibling)
		if string(low[:]) > string(high[:]) {
			low, high = high, low
		}
		root = tagged("TapBranch", low[:], high[:])
	}
	internal := [32]byte(keys[0].PubKey().SerializeCompressed()[1:])
	output, odd, err := script.TweakPublicKey(internal, root[:])
	if err != nil {
		panic(err) // the key is a constant
	}
	out.Script = script.PayToTaproot(output)
	if a.chance(20) { // instead by the key
		a.keyPath(s, root)
		return
	}
	control := append([]byte{version}, internal[:]...)
	if odd {
		control[0]++
	}
	control = append(control, path...)
	var annex []byte
	if a.chance(8) {
		annex = []byte{0x50, byte(a.rng.Uint32())}
	}
	in.Witness = append(a.leafStack(s, leaf, annex), a.code, control)
	if annex != nil {
		in.Witness = append(in.Witness, annex)
	}
}

func (a *author) keyPath(s *spend, root [32]byte) {
	kind := a.hashType()
	tweaked, err := script.TweakPrivateKey([32]byte(keys[0].Serialize()), root[:])
	if err != nil {
		panic(err) // the key is a constant
	}
	hash, _ := script.TaprootSigHash(script.NewSigSums(s.tx, s.spent), s.input, kind, nil, nil)
	sig, err := script.SignTaprootKeyPath(tweaked, hash, kind, [32]byte{})
	if err != nil {
		panic(err)
	}
	s.tx.In[s.input].Witness = [][]byte{sig}
}

func (a *author) leafStack(s *spend, leaf [32]byte, annex []byte) (items [][]byte) {
	sums := script.NewSigSums(s.tx, s.spent)
	for _, it := range slices.Backward(a.args) {
		if it.key == 0 {
			items = append(items, it.data)
			continue
		}
		at := uint32(0xffffffff)
		if !it.none {
			at = uint32(it.separator)
		}
		kind := a.hashType()
		if a.chance(2) {
			kind = script.SigHashDefault
		}
		hash, _ := script.TaprootSigHash(sums, s.input, kind, annex, &script.TapLeaf{Hash: leaf, CodeSeparator: at})
		sig, err := script.SignTaprootKeyPath([32]byte(keys[it.key-1].Serialize()), hash, kind, [32]byte{})
		if err != nil {
			panic(err)
		}
		if a.chance(25) {
			sig = spoil(a.rng, sig)
		}
		items = append(items, sig)
	}
	return items
}

// tagged is a hash with a tag (BIP340).
func tagged(tag string, parts ...[]byte) [32]byte {
	return *chainhash.TaggedHash([]byte(tag), parts...)
}

// random makes up a spend of opcodes without plan.
func random(rng *rand.Rand) *spend {
	s := generate(rng)
	s.name = "random"
	in, out := &s.tx.In[s.input], &s.spent[s.input]
	code := opcodes(rng, 1+rng.IntN(12))
	var stack [][]byte
	for range rng.IntN(6) {
		n := make([]byte, 4)
		binary.LittleEndian.PutUint32(n, rng.Uint32())
		stack = append(stack, n[:rng.IntN(5)])
	}
	a := &author{rng: rng, form: form(rng.IntN(int(forms))), none: true, code: code}
	in.Witness, in.ScriptSig = nil, nil
	for _, it := range stack {
		a.args = append(a.args, item{data: it})
	}
	out.Script = nil
	a.place(s)
	return s
}
