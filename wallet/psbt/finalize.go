package psbt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Final tells whether input i holds all that it needs, in its last form.
func (p *Packet) Final(i int) bool {
	_, sig := p.In[i].Get(InFinalScriptSig)
	_, wit := p.In[i].Get(InFinalWitness)
	return sig || wit
}

// Finalize makes the final scriptSig and witness of each input that has the signatures for it, and tells whether all inputs
// are final then. It knows P2PK, P2PKH and multisig, bare, in P2SH, in P2WSH and in both; P2WPKH, also in
// P2SH; P2TR by its key, or by a leaf that is a single CHECKSIG. What it makes is run by the interpreter first, under the
// standard flags; an input for which that fails stays as it is, as does one with a signature of another hash type than the
// input asks for. What is not needed any more is removed from a final input.
func (p *Packet) Finalize(runner *script.Runner) bool {
	all := true
	for i := range p.In {
		all = (p.Final(i) || p.finalize(runner, i)) && all
	}
	return all
}

func (p *Packet) finalize(runner *script.Runner, i int) bool {
	out, ok := p.Spent(i)
	if !ok || !p.hashTypesFit(i) {
		return false
	}
	s := solver{fields: p.In[i]}
	u, ok := s.solve(out.Script)
	if !ok || !p.verify(runner, i, u) {
		return false
	}
	m := &p.In[i]
	m.Delete(InPartialSig, InSigHashType, InRedeemScript, InWitnessScript, InBIP32, InRIPEMD160, InSHA256, InHash160, InHash256,
		InTapKeySig, InTapScriptSig, InTapLeafScript, InTapBIP32, InTapInternalKey, InTapMerkleRoot)
	if len(u.scriptSig) > 0 {
		m.Set(InFinalScriptSig, nil, u.scriptSig)
	}
	if len(u.witness) > 0 {
		m.Set(InFinalWitness, nil, appendWitness(nil, u.witness))
	}
	return true
}

// hashTypesFit tells whether all signatures of an input have the hash type that it asks for, if it does.
func (p *Packet) hashTypesFit(i int) bool {
	raw, ok := p.In[i].Get(InSigHashType)
	if !ok {
		return true
	}
	want := binary.LittleEndian.Uint32(raw)
	for _, sig := range p.In[i].Each(InPartialSig) {
		if uint32(sig.Value[len(sig.Value)-1]) != want {
			return false
		}
	}
	for _, sig := range append(p.In[i].Each(InTapKeySig), p.In[i].Each(InTapScriptSig)...) {
		have := uint32(script.SigHashDefault)
		if len(sig.Value) == 65 {
			have = uint32(sig.Value[64])
		}
		if have != want {
			return false
		}
	}
	return true
}

// verify runs the scripts of an input that is unlocked by u. A taproot input signs what all others spend, so that all of it
// must be known.
func (p *Packet) verify(runner *script.Runner, i int, u unlocked) bool {
	spent, all := make([]types.TxOut, len(p.In)), true
	for j := range spent {
		out, ok := p.Spent(j)
		spent[j], all = out, all && ok
	}
	if class, _ := script.Classify(spent[i].Script); class == script.Taproot && !all {
		return false
	}
	tx := p.Tx.Clone()
	tx.In[i].ScriptSig, tx.In[i].Witness = u.scriptSig, u.witness
	check := script.Check{Tx: tx, Input: i, Spent: spent, Flags: script.StandardFlags, Sums: script.NewSigSums(tx, spent)}
	return runner.Run([]script.Check{check}) == nil
}

// ErrNotFinal says that inputs are still to be signed or finalized.
var ErrNotFinal = errors.New("PSBT is not final: inputs are still to be signed or finalized")

// Extract returns the transaction that can be sent.
func (p *Packet) Extract() (*types.Tx, error) {
	tx := p.Tx.Clone()
	for i := range tx.In {
		if !p.Final(i) {
			return nil, ErrNotFinal
		}
		if sig, ok := p.In[i].Get(InFinalScriptSig); ok {
			tx.In[i].ScriptSig = bytes.Clone(sig)
		}
		if raw, ok := p.In[i].Get(InFinalWitness); ok {
			items, err := decodeWitness(bytes.Clone(raw))
			if err != nil {
				return nil, err
			}
			tx.In[i].Witness = items
		}
	}
	return tx, nil
}

// Missing is what an input lacks before it can be final.
type Missing struct {
	PubKeys       [][20]byte // hashes of keys that are not given
	Signatures    [][20]byte // Hash160 of keys whose signature is not given, for a taproot input the first 20 bytes of the x-only key
	RedeemScript  *[20]byte
	WitnessScript *[32]byte
	Unknown       bool // the form of the output is not one that Finalize knows
}

// OnlySignatures tells whether nothing but signatures is missing.
func (m *Missing) OnlySignatures() bool {
	return len(m.PubKeys) == 0 && m.RedeemScript == nil && m.WitnessScript == nil && !m.Unknown
}

// unlocked is what unlocks an output.
type unlocked struct {
	scriptSig []byte
	witness   [][]byte
}

// solver puts together what unlocks the output of one input. With dummy set, signatures that are missing are taken as 72
// bytes of nothing (64 for taproot), to learn the size.
type solver struct {
	fields  Map
	dummy   bool
	missing Missing
}

// solve returns false if something is missing; what it is, is noted.
func (s *solver) solve(lock []byte) (u unlocked, ok bool) {
	class, data := script.Classify(lock)
	switch class {
	case script.ScriptHash:
		return s.solveP2SH(data)
	case script.WitnessPubKeyHash, script.WitnessScriptHash:
		u.witness, ok = s.solveWitness(class, data)
	case script.Taproot:
		u.witness, ok = s.solveTaproot()
	default:
		items, solved := s.solveScript(lock)
		u.scriptSig, ok = pushes(items), solved
	}
	return u, ok
}

func (s *solver) solveP2SH(hash []byte) (u unlocked, ok bool) {
	redeem, given := s.fields.Get(InRedeemScript)
	if h := script.Hash160(redeem); !given || !bytes.Equal(h[:], hash) {
		s.missing.RedeemScript = (*[20]byte)(hash)
		return u, false
	}
	class, data := script.Classify(redeem)
	if class == script.WitnessPubKeyHash || class == script.WitnessScriptHash {
		u.witness, ok = s.solveWitness(class, data)
		u.scriptSig = script.PushData(redeem)
		return u, ok
	}
	items, ok := s.solveScript(redeem)
	u.scriptSig = append(pushes(items), script.PushData(redeem)...)
	return u, ok
}

func (s *solver) solveWitness(class script.Class, data []byte) ([][]byte, bool) {
	if class == script.WitnessPubKeyHash {
		return s.solveScript(script.PayToPubKeyHash([20]byte(data)))
	}
	inner, given := s.fields.Get(InWitnessScript)
	if h := sha256.Sum256(inner); !given || !bytes.Equal(h[:], data) {
		s.missing.WitnessScript = (*[32]byte)(data)
		return nil, false
	}
	items, ok := s.solveScript(inner)
	return append(items, inner), ok
}

// solveScript returns the stack on which a plain script ends well.
func (s *solver) solveScript(lock []byte) ([][]byte, bool) {
	switch class, data := script.Classify(lock); class {
	case script.PubKey:
		sig, ok := s.signature(data)
		return [][]byte{sig}, ok
	case script.PubKeyHash:
		key, known := s.key(data)
		if !known {
			s.missing.PubKeys = append(s.missing.PubKeys, [20]byte(data))
			return nil, false
		}
		sig, ok := s.signature(key)
		return [][]byte{sig, key}, ok
	case script.MultiSig:
		return s.solveMultiSig(lock)
	}
	s.missing.Unknown = true
	return nil, false
}

// solveMultiSig returns the empty item that CHECKMULTISIG drops and the first signatures that are there, in the order of
// the keys.
func (s *solver) solveMultiSig(lock []byte) ([][]byte, bool) {
	need, keys, _ := script.MultiSigKeys(lock)
	items := [][]byte{{}}
	absent := [][20]byte{}
	for _, key := range keys {
		if sig, ok := s.fields.Get(InPartialSig, key...); ok && len(items) <= need {
			items = append(items, sig)
		} else if !ok {
			absent = append(absent, script.Hash160(key))
		}
	}
	if len(items) == need+1 {
		return items, true
	}
	s.missing.Signatures = append(s.missing.Signatures, absent...)
	for s.dummy && len(items) <= need {
		items = append(items, make([]byte, dummyECDSA))
	}
	return items, s.dummy
}

// Sizes of signatures that are not there yet, with the hash type.
const (
	dummyECDSA   = 72
	dummySchnorr = 64
)

// signature finds the signature of a public key.
func (s *solver) signature(key []byte) ([]byte, bool) {
	if sig, ok := s.fields.Get(InPartialSig, key...); ok {
		return sig, true
	}
	s.missing.Signatures = append(s.missing.Signatures, script.Hash160(key))
	return make([]byte, dummyECDSA), s.dummy
}

// key finds the public key of a hash.
func (s *solver) key(hash []byte) ([]byte, bool) {
	for _, kind := range []byte{InPartialSig, InBIP32} {
		for _, p := range s.fields.Each(kind) {
			if h := script.Hash160(p.Key[1:]); bytes.Equal(h[:], hash) {
				return p.Key[1:], true
			}
		}
	}
	return nil, false
}

// solveTaproot spends by the key if there is a signature for it, else by the smallest leaf that is one CHECKSIG.
func (s *solver) solveTaproot() ([][]byte, bool) {
	if sig, ok := s.fields.Get(InTapKeySig); ok {
		return [][]byte{sig}, true
	}
	var best [][]byte
	size := 0
	for _, leaf := range s.fields.Each(InTapLeafScript) {
		control, code := leaf.Key[1:], leaf.Value[:len(leaf.Value)-1]
		hash := script.TapLeafHash(leaf.Value[len(leaf.Value)-1], code)
		const checkSig = 0xac
		if len(code) != 34 || code[0] != 32 || code[33] != checkSig {
			continue
		}
		sig, ok := s.fields.Get(InTapScriptSig, append(bytes.Clone(code[1:33]), hash[:]...)...)
		if n := len(sig) + len(code) + len(control); ok && (best == nil || n < size) {
			best, size = [][]byte{sig, code, control}, n
		}
	}
	if best != nil {
		return best, true
	}
	if key, ok := s.fields.Get(InTapInternalKey); ok {
		s.missing.Signatures = append(s.missing.Signatures, [20]byte(key[:20]))
	}
	return [][]byte{make([]byte, dummySchnorr)}, s.dummy
}

func pushes(items [][]byte) []byte {
	var b []byte
	for _, item := range items {
		b = append(b, script.PushData(item)...)
	}
	return b
}

// Needs returns what input i lacks; the second value is false if not even the output that it spends is known.
func (p *Packet) Needs(i int) (Missing, bool) {
	out, ok := p.Spent(i)
	if !ok {
		return Missing{}, false
	}
	s := solver{fields: p.In[i]}
	if !p.Final(i) {
		s.solve(out.Script)
	}
	return s.missing, true
}

// Estimate returns the transaction as it will be, with signatures of the usual size where they are missing. The second
// value is false if too little is known.
func (p *Packet) Estimate() (*types.Tx, bool) {
	final := p.clone()
	for i := range final.In {
		out, ok := p.Spent(i)
		if !ok {
			return nil, false
		}
		if p.Final(i) {
			continue
		}
		s := solver{fields: p.In[i], dummy: true}
		u, ok := s.solve(out.Script)
		if !ok {
			return nil, false
		}
		final.In[i].Set(InFinalScriptSig, nil, u.scriptSig)
		final.In[i].Set(InFinalWitness, nil, appendWitness(nil, u.witness))
	}
	whole, err := final.Extract()
	return whole, err == nil
}
