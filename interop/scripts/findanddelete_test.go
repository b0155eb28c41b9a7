package scripts

import (
	"math/rand/v2"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// findAndDelete makes up a spend whose script holds copies of the signature that it checks. In old scripts they are cut
// out, byte by byte, of what is signed: so the signature is made over the script without them.
func findAndDelete(rng *rand.Rand) *spend {
	s := generate(rng)
	s.name = "signature in its own script"
	s.flags = []script.Flags{0, script.VerifyP2SH, script.ConsensusFlags, s.flags &^ script.VerifyConstScriptCode}[rng.IntN(4)]
	a := &author{rng: rng, form: form(rng.IntN(2)), none: true}
	i := rng.IntN(len(keys))
	// The pieces of the script between which copies will stand, each with what takes one copy off the stack again.
	copies := 1 + rng.IntN(3)
	before, after := make([]int, 0, copies), 0
	for range copies {
		before = append(before, len(a.code))
		a.op(opDrop)
	}
	if a.chance(3) {
		a.separate()
	}
	a.key(i)
	a.op(opCheckSig)
	if a.chance(3) {
		after = 1 + rng.IntN(2)
	}
	kind := a.hashType()
	signed := a.code
	if !a.none {
		signed = signed[a.separator:]
	}
	for range after { // what stands behind the check is signed without the copies
		signed = append(append([]byte(nil), signed...), opDrop)
	}
	hash := script.LegacySigHash(s.tx, s.input, signed, uint32(kind))
	sig, err := script.SignECDSA([32]byte(keys[i].Serialize()), hash, kind)
	if err != nil {
		panic(err) // the keys are constants
	}
	a.withCopies(s, sig, before, after)
	return s
}

// withCopies inserts the copies and puts the script in its place. Now and then a copy is pushed in a longer form, which
// is no copy, or is not whole.
func (a *author) withCopies(s *spend, sig []byte, before []int, after int) {
	copied := func() []byte {
		switch {
		case a.chance(8):
			return append([]byte{0x4c, byte(len(sig))}, sig...)
		case a.chance(12):
			return script.PushData(spoil(a.rng, sig))
		}
		return script.PushData(sig)
	}
	code, last := []byte(nil), 0
	for _, at := range before {
		code = append(append(code, a.code[last:at]...), copied()...)
		last = at
	}
	code = append(code, a.code[last:]...)
	for range after {
		code = append(append(code, copied()...), opDrop)
	}
	a.code = code
	in, out := &s.tx.In[s.input], &s.spent[s.input]
	in.Witness, in.ScriptSig = nil, nil
	*out = types.TxOut{Value: out.Value}
	a.args = []item{{data: sig}}
	a.place(s)
}
