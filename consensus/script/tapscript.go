package script

import (
	"bytes"

	"github.com/cairn-chain/cairn/types"
)

// Taproot's script path (BIP341) and the script that it runs (BIP342).

// LeafVersionTapscript is the version of a leaf that holds a tapscript.
const LeafVersionTapscript = 0xc0

const (
	leafVersionMask   = 0xfe // of a control block's first byte; the last bit is the parity of the output key
	controlBlockBase  = 33   // version and parity, then the internal key
	controlBlockNode  = 32   // a hash on the way to the root
	controlBlockDepth = 128  // nodes at most

	sigWeight    = 50 // what a signature check takes from the weight of its witness,
	weightBounty = 50 // and what every witness has beside it
	noSeparator  = 0xffffffff
)

var (
	tagTapLeaf   = newTag("TapLeaf")
	tagTapBranch = newTag("TapBranch")
)

// TapLeafHash returns the hash of a leaf of a script tree: its version, LeafVersionTapscript or another even
// number, and its script (BIP341).
func TapLeafHash(version byte, script []byte) [32]byte {
	b := append(make([]byte, 0, 1+9+len(script)), version)
	return taggedHash(&tagTapLeaf, types.AppendVarBytes(b, script))
}

// TapBranchHash returns the hash of two nodes of a script tree, in whichever order they are (BIP341).
func TapBranchHash(a, b [32]byte) [32]byte {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return taggedHash(&tagTapBranch, append(append(make([]byte, 0, 64), a[:]...), b[:]...))
}

// taproot decides a spend of witness version 1 with an output key.
func (s *spend) taproot(key []byte) Error {
	items := s.in().Witness
	if !s.Flags.has(VerifyTaproot) {
		return ""
	}
	if len(items) == 0 {
		return ErrWitnessEmpty
	}
	if annex := annexOf(items); annex != nil {
		s.annex, items = annexSum(annex), items[:len(items)-1]
	}
	if len(items) == 1 {
		return s.verifySchnorr(items[0], key, nil)
	}
	return s.scriptPath(items, key)
}

// annexOf returns the annex of a taproot witness, nil if it has none.
func annexOf(items [][]byte) []byte {
	if len(items) < 2 {
		return nil
	}
	if last := items[len(items)-1]; len(last) > 0 && last[0] == annexTag {
		return last
	}
	return nil
}

// scriptPath decides a witness that ends with a script and a control block.
func (s *spend) scriptPath(items [][]byte, key []byte) Error {
	n := len(items) - 2
	script, control := items[n], items[n+1]
	path := len(control) - controlBlockBase
	if path < 0 || path > controlBlockNode*controlBlockDepth || path%controlBlockNode != 0 {
		return ErrTaprootControlSize
	}
	version := control[0] & leafVersionMask
	leaf := TapLeafHash(version, script)
	if !commitsTo(key, control, leaf) {
		return ErrWitnessMismatch
	}
	if version == LeafVersionTapscript {
		s.leaf = TapLeaf{Hash: leaf, CodeSeparator: noSeparator}
		s.balance = witnessSize(s.in().Witness) + weightBounty
		return s.runTapscript(script, items[:n])
	}
	if s.Flags.has(DiscourageUpgradableTaprootVersion) {
		return ErrUpgradableTaproot
	}
	return ""
}

// commitsTo tells whether an output key is the internal key of a control block, tweaked with the root of the tree
// in which the leaf stands.
func commitsTo(key, control []byte, leaf [32]byte) bool {
	node := leaf
	for path := control[controlBlockBase:]; len(path) > 0; path = path[controlBlockNode:] {
		node = TapBranchHash(node, [32]byte(path))
	}
	out, odd, err := TweakPublicKey([32]byte(control[1:]), node[:])
	return err == nil && bytes.Equal(out[:], key) && odd == (control[0]&1 == 1)
}

// witnessSize returns the bytes of a serialized witness.
func witnessSize(items [][]byte) int64 {
	n := int64(types.VarIntSize(uint64(len(items))))
	for _, item := range items {
		n += int64(types.VarIntSize(uint64(len(item))) + len(item))
	}
	return n
}

// runTapscript runs a leaf's script. An OP_SUCCESS anywhere in it ends everything well, before even the sizes of
// the items are looked at.
func (s *spend) runTapscript(script []byte, items [][]byte) Error {
	for off := 0; off < len(script); {
		op, _, next, ok := readOp(script, off)
		if !ok {
			return ErrBadOpcode
		}
		if opSuccess[op] {
			if s.Flags.has(DiscourageOpSuccess) {
				return ErrOpSuccess
			}
			return ""
		}
		off = next
	}
	if len(items) > maxStackItems {
		return ErrStackSize
	}
	return s.runWitness(script, items, tapscript)
}

// opSuccess are the opcodes that a soft fork may give a meaning in tapscript, and that until then make a spend
// succeed (BIP342).
var opSuccess = func() (t [256]bool) {
	for _, r := range [][2]byte{{80, 80}, {98, 98}, {126, 129}, {131, 134}, {137, 138}, {141, 142}, {149, 153}, {187, 254}} {
		for op := r[0]; op <= r[1]; op++ {
			t[op] = true
		}
	}
	return t
}()

// schnorrSig decides one signature in tapscript. Keys of a size that has no meaning yet accept any.
func (m *machine) schnorrSig(sig, key []byte) (bool, Error) {
	given := len(sig) > 0
	if given {
		if m.balance -= sigWeight; m.balance < 0 {
			return false, ErrTapscriptWeight
		}
	}
	switch {
	case len(key) == 0:
		return false, ErrTapscriptEmptyPubKey
	case len(key) == 32 && given:
		if err := m.verifySchnorr(sig, key, &m.leaf); err != "" {
			return false, err
		}
	case len(key) != 32 && m.Flags.has(DiscourageUpgradablePubKeyType):
		return false, ErrUpgradablePubKeyType
	}
	return given, ""
}

// checkSigAdd is signature n key CHECKSIGADD: n, or n+1 if the signature is there and good.
func (m *machine) checkSigAdd() Error {
	if m.version != tapscript {
		return ErrBadOpcode
	}
	if err := m.need(3); err != "" {
		return err
	}
	n, err := m.number(2)
	if err != "" {
		return err
	}
	good, err := m.schnorrSig(m.top(3), m.top(1))
	if err != "" {
		return err
	}
	m.drop(3)
	m.pushNumber(n + boolNumber(good))
	return ""
}

// verifySchnorr decides a signature of 64 bytes, or of 65 with a hash type. leaf is nil for the key path.
func (s *spend) verifySchnorr(sig, key []byte, leaf *TapLeaf) Error {
	sig, hashType, err := splitSchnorr(sig)
	if err != "" {
		return err
	}
	hash, ok := s.Sums.taprootSigHash(s.Input, hashType, s.annex, leaf)
	if !ok {
		return ErrSchnorrSigHashType
	}
	if !s.seat.verifySig(&SigCheck{Hash: hash, Sig: sig, Key: key, Schnorr: true}) {
		return ErrSchnorrSig
	}
	return ""
}

// splitSchnorr takes the hash type off a Schnorr signature.
func splitSchnorr(sig []byte) (bare []byte, hashType byte, err Error) {
	switch len(sig) {
	case 64:
		return sig, SigHashDefault, ""
	case 65:
		if sig[64] == SigHashDefault {
			return nil, 0, ErrSchnorrSigHashType
		}
		return sig[:64], sig[64], ""
	}
	return nil, 0, ErrSchnorrSigSize
}
