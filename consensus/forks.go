package consensus

import (
	"fmt"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Fork is a soft fork with a fixed height.
type Fork struct {
	Name   string // as getdeploymentinfo calls it
	Option string // as SetActivation calls it
	Height int32  // the first height at which its rules hold
}

// Forks returns the soft forks that have a height on this network, in the order in which Bitcoin Core lists them.
func (p *Params) Forks() []Fork {
	return []Fork{
		{"bip34", "bip34", p.BIP34Height},
		{"bip66", "dersig", p.BIP66Height},
		{"bip65", "cltv", p.BIP65Height},
		{"csv", "csv", p.CSVHeight},
		{"segwit", "segwit", p.SegwitHeight},
	}
}

// SetActivation moves the soft fork that Bitcoin Core's option -testactivationheight calls option (bip34, dersig,
// cltv, csv or segwit) to a height of 0 or more. It is for regtest; on any other network, and for any other name or
// height, it returns an error for people. BIP34Hash is left: regtest has none, so BIP30 is checked wherever the
// height is over 1.
func (p *Params) SetActivation(option string, height int32) error {
	if p.Name != "regtest" {
		return fmt.Errorf("soft forks can be moved on regtest only, not on %s", p.Name)
	}
	if height < 0 {
		return fmt.Errorf("invalid height value (%s@%d): it is 0 or more", option, height)
	}
	switch option {
	case "bip34":
		p.BIP34Height = height
	case "dersig":
		p.BIP66Height = height
	case "cltv":
		p.BIP65Height = height
	case "csv":
		p.CSVHeight = height
	case "segwit":
		p.SegwitHeight = height
	default:
		return fmt.Errorf("invalid name (%s@%d): use bip34, dersig, cltv, csv or segwit", option, height)
	}
	return nil
}

// ScriptFlags returns the script rules of the block with that height and hash. P2SH, witness and taproot hold
// everywhere but in FlagExceptions: they were made active at some time, but no other block of the networks known here
// breaks them, so they need no height (Bitcoin Core does the same). The rest come with their forks.
func ScriptFlags(p *Params, height int32, hash types.Hash) script.Flags {
	flags := script.VerifyP2SH | script.VerifyWitness | script.VerifyTaproot
	for i := range p.FlagExceptions {
		if p.FlagExceptions[i].Block == hash {
			flags = p.FlagExceptions[i].Flags
		}
	}
	if height >= p.BIP66Height {
		flags |= script.VerifyDERSig
	}
	if height >= p.BIP65Height {
		flags |= script.VerifyCLTV
	}
	if height >= p.CSVHeight {
		flags |= script.VerifyCSV
	}
	if height >= p.SegwitHeight {
		flags |= script.VerifyNullDummy
	}
	return flags
}

// leastVersion is the least header version at a height: BIP34, BIP66 and BIP65 each took one away. Versions are
// signed, so 0xffffffff is −1 and too low as soon as any of them holds.
func leastVersion(p *Params, height int32) (least int32, bounded bool) {
	switch {
	case height >= p.BIP65Height:
		return 4, true
	case height >= p.BIP66Height:
		return 3, true
	case height >= p.BIP34Height:
		return 2, true
	}
	return 0, false
}

// BIP30: no transaction may have the id of an earlier one of which an output is unspent, since it would overwrite
// it. Before BIP34 nothing kept two coinbases from being the same (CVE-2012-1909).
//
// Two blocks of mainnet did it before the rule, and stay valid. In all descendants of a block from which on BIP34
// holds, the rule follows from it: the height in the coinbase makes it unlike any other, and so are all transactions that
// descend from it. The exception are older coinbases that happen to begin with the number of a height to come;
// from block 1,983,702 on such a height could be reached, and the rule is checked again.

// repeatedCoinbases are the blocks of mainnet whose coinbase is that of an earlier block, whose height is given. Its
// output was unspent and is lost.
var repeatedCoinbases = map[types.Hash]int32{
	hashOf("00000000000a4d0a398161ffcc163c503763b1f4360639393e0e4c8e300e0eec"): 91_812, // at 91,842
	hashOf("00000000000743f190a18c5577a3c2d2a1f610ae9601ac046a38084ccb7cd721"): 91_722, // at 91,880
}

// bip34Limit is the least height that a coinbase from before BIP34 names and that no block of mainnet had then.
const bip34Limit = 1_983_702

// bip30Holds tells whether BIP30 is a rule of its own in the block after parent.
func bip30Holds(p *Params, parent Ancestry, hash types.Hash) bool {
	if _, ok := repeatedCoinbases[hash]; ok {
		return false
	}
	if parent.Height()+1 >= bip34Limit {
		return true
	}
	first := parent.Ancestor(p.BIP34Height)
	return first == nil || first.Hash() != p.BIP34Hash
}

// BIP30 is judged before anything else of a block that needs coins. Where BIP34 holds from block 1 on, a block that breaks
// it also spends what is not there: a transaction with the id of an earlier one spends the same outputs, and so back to
// two coinbases with one id, which two heights rule out. So the coin set need not be asked about every output of every
// block. It is asked only about a block that was refused, for the name of its fault (OwnOutpoints).

// mayOverwrite tells whether the block after parent could be good but for BIP30, so that its own outpoints have to be looked
// up: where there are blocks from before BIP34.
func mayOverwrite(p *Params, parent Ancestry, hash types.Hash) bool {
	return p.BIP34Height > 1 && bip30Holds(p, parent, hash)
}

// NeededOutpoints returns what Connect looks up in its coins for b as the child of parent: SpentOutpoints, and where
// there are blocks from before BIP34 and BIP30 has to be checked, also the outpoints that b makes. Each once, sorted.
func NeededOutpoints(p *Params, parent Ancestry, b *types.Block) []types.OutPoint {
	ops := SpentOutpoints(b)
	if parent == nil || !mayOverwrite(p, parent, b.Hash()) {
		return ops
	}
	return sortedOnce(appendOutpoints(ops, b))
}

// OwnOutpoints returns the outpoints that b makes, sorted, where BIP30 holds and NeededOutpoints leaves them out, and
// nothing elsewhere. When Connect has refused b with the coins of NeededOutpoints, and some of these outpoints stand in
// the coin set, b breaks BIP30 too: Connect with all these coins says so, as Bitcoin Core does.
func OwnOutpoints(p *Params, parent Ancestry, b *types.Block) []types.OutPoint {
	if parent == nil || !bip30Holds(p, parent, b.Hash()) || mayOverwrite(p, parent, b.Hash()) {
		return nil
	}
	return sortedOnce(appendOutpoints(nil, b))
}

// appendOutpoints appends the outpoints that b makes.
func appendOutpoints(ops []types.OutPoint, b *types.Block) []types.OutPoint {
	for _, tx := range b.Txs {
		id := tx.ID()
		for i := range tx.Out {
			ops = append(ops, types.OutPoint{TxID: id, Index: uint32(i)})
		}
	}
	return ops
}
