package consensus

import "math/big"

// NextBits returns the bits that the block after parent must have. It reads only parent's own branch.
// parent nil asks for genesis.
func NextBits(p *Params, parent Ancestry) uint32 {
	if parent == nil {
		return p.Genesis.Header.Bits
	}
	if p.Retarget != RetargetASERT || parent.Height() < p.AsertAnchorHeight {
		return p.PowLimitBits
	}
	anchorParent := parent.Ancestor(max(p.AsertAnchorHeight-1, 0)).Header()
	head := parent.Header()
	timeDiff := int64(head.Time) - int64(anchorParent.Time)
	return asertBits(p, timeDiff, int64(parent.Height()-p.AsertAnchorHeight))
}

// asertBits is aserti3-2d (the public specification of 2020-11-15 for Bitcoin Cash), bit for bit.
//
// The schedule is absolute: a chain that is on time has the anchor's target, each half-life that it is
// late doubles the target and each that it is early halves it:
//
//	target = anchorTarget · 2^((timeDiff − spacing·(heightDiff+1)) / halfLife)
//
// timeDiff is the parent's time minus that of the anchor's parent, heightDiff the parent's height minus
// the anchor's. Since nothing is summed up along the way, errors of rounding do not add up, and a miner
// who lies about the time gains nothing that the next honest time does not take back. Both differences
// may be negative; all of it is integer arithmetic with 16 binary places, so every machine agrees:
//
//	exponent = (timeDiff − spacing·(heightDiff+1)) · 2^16 / halfLife, rounded toward zero
//	shifts, frac = exponent >> 16, exponent & 0xffff        (the shift rounds down)
//	2^frac ≈ 1 + 0.6955·x + 0.2262·x² + 0.0782·x³           (error under 0.013 %)
//
// A result of 0 becomes 1, one over the limit becomes the limit. O(1).
func asertBits(p *Params, timeDiff, heightDiff int64) uint32 {
	limit, _ := TargetFromBits(p.PowLimitBits)
	target, _ := TargetFromBits(p.AsertAnchorBits)

	exponent := (timeDiff - p.TargetSpacing*(heightDiff+1)) * 65536 / p.AsertHalfLife
	shifts := exponent>>16 - 16
	frac := uint64(exponent & 0xffff)
	factor := 65536 + (195766423245049*frac+971821376*frac*frac+5127*frac*frac*frac+1<<47)>>48
	target.Mul(target, new(big.Int).SetUint64(factor))
	switch {
	case shifts > 256:
		return p.PowLimitBits
	case shifts >= 0:
		target.Lsh(target, uint(shifts))
	case shifts < -512:
		target.SetInt64(0)
	default:
		target.Rsh(target, uint(-shifts))
	}
	if target.Sign() == 0 {
		target.SetInt64(1)
	}
	if target.Cmp(limit) > 0 {
		return p.PowLimitBits
	}
	return BitsFromTarget(target)
}
