package consensus

import (
	"bytes"
	"encoding/binary"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/types"
)

// signetHeader begins the push of the witness commitment that holds a block's solution (BIP325).
var signetHeader = []byte{0xec, 0xc7, 0xda, 0xa2}

// signetFlags are the script rules of a solution.
const signetFlags = script.VerifyP2SH | script.VerifyWitness | script.VerifyDERSig | script.VerifyNullDummy

// SignetCheck returns the script check that proves that a block was signed for the signet of p (BIP325). It is nil
// on networks without a challenge, and for genesis. The error is a RuleError, bad-signet-blksig: there is no witness
// commitment, or its solution cannot be read. Whoever runs the check gives the same kind to a block that fails it.
//
// Neither CheckBlock nor Connect does this, since a template that is tested has no signature yet. b must have passed
// CheckBlock: then what is wrong lies in what its hash commits to.
//
// The solution spends an output that nobody made, locked by the challenge; the transaction that made it contains
// the block's version, parent, time, and its merkle root without the solution.
func SignetCheck(p *Params, b *types.Block) (*script.Check, error) {
	if p.SignetChallenge == nil || b.Hash() == p.Genesis.Hash() {
		return nil, nil
	}
	toSpend, toSign, ok := signetTxs(p.SignetChallenge, b)
	if !ok {
		return nil, Reject(BadSignetBlockSig, "no witness commitment, or a solution that cannot be read")
	}
	spent := toSpend.Out
	return &script.Check{Tx: toSign, Input: 0, Spent: spent, Flags: signetFlags, Sums: script.NewSigSums(toSign, spent)}, nil
}

// signetTxs returns the two virtual transactions of BIP325.
func signetTxs(challenge []byte, b *types.Block) (toSpend, toSign *types.Tx, ok bool) {
	if len(b.Txs) == 0 {
		return nil, nil, false
	}
	at := CommitmentIndex(b.Txs[0])
	if at < 0 {
		return nil, nil, false
	}
	bare, solution := splitSolution(b.Txs[0].Out[at].Script)
	coinbase := b.Txs[0].Clone()
	coinbase.Out[at].Script = bare
	ids := txIDs(b)
	ids[0] = coinbase.ID()
	root, _ := merkle.Root(ids)

	data := binary.LittleEndian.AppendUint32(nil, uint32(b.Header.Version))
	data = append(data, b.Header.PrevHash[:]...)
	data = append(data, root[:]...)
	data = binary.LittleEndian.AppendUint32(data, b.Header.Time)
	toSpend = &types.Tx{
		In:  []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: append([]byte{0}, script.PushData(data)...)}},
		Out: []types.TxOut{{Script: challenge}},
	}
	in := types.TxIn{PrevOut: types.OutPoint{TxID: toSpend.ID()}}
	if solution != nil {
		if in.ScriptSig, in.Witness, ok = readSolution(solution); !ok {
			return nil, nil, false
		}
	}
	return toSpend, &types.Tx{In: []types.TxIn{in}, Out: []types.TxOut{{Script: []byte{0x6a}}}}, true
}

// readSolution reads a scriptSig and a witness that fill b.
func readSolution(b []byte) (scriptSig []byte, witness [][]byte, ok bool) {
	d := types.NewDecoder(b)
	scriptSig = bytes.Clone(d.VarBytes(len(b)))
	for n := d.Count(len(b), 1); n > 0 && d.Err() == nil; n-- {
		witness = append(witness, bytes.Clone(d.VarBytes(len(b))))
	}
	return scriptSig, witness, d.Finish() == nil
}

// splitSolution takes the solution out of a commitment script: the first push that begins with signetHeader and is longer
// keeps the header alone, and all pushes are written in their shortest form. Without such a push the script comes back as
// it is and the solution is nil. What follows an instruction that is cut off is dropped, as Core does.
func splitSolution(commitment []byte) (bare, solution []byte) {
	rest := commitment
	for len(rest) > 0 {
		op := rest[0]
		data, after, ok := pushedData(rest)
		if !ok {
			break
		}
		rest = after
		if len(data) == 0 {
			bare = append(bare, op)
			continue
		}
		if solution == nil && len(data) > len(signetHeader) && bytes.HasPrefix(data, signetHeader) {
			data, solution = data[:len(signetHeader)], data[len(signetHeader):]
		}
		bare = append(bare, script.PushData(data)...)
	}
	if solution == nil {
		return commitment, nil
	}
	return bare, solution
}

// pushedData reads the first instruction of a script that is not empty: what it pushes, if it is one of the
// instructions with data, and what follows it.
func pushedData(s []byte) (data, rest []byte, ok bool) {
	const pushData1, pushData2, pushData4 = 0x4c, 0x4d, 0x4e
	op, rest := s[0], s[1:]
	var size uint64
	width := 0
	switch {
	case op < pushData1:
		size = uint64(op)
	case op == pushData1:
		width = 1
	case op == pushData2:
		width = 2
	case op == pushData4:
		width = 4
	}
	if len(rest) < width {
		return nil, nil, false
	}
	for i := range width {
		size |= uint64(rest[i]) << (8 * i)
	}
	rest = rest[width:]
	if size > uint64(len(rest)) {
		return nil, nil, false
	}
	return rest[:size], rest[size:], true
}
