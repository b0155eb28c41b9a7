package consensus

import "math/big"

// NextBits returns the bits that the block after parent must have if it does not come late; see NextBitsAt. It reads only
// parent's own branch. parent nil asks for genesis.
func NextBits(p *Params, parent Ancestry) uint32 {
	if parent == nil {
		return p.Genesis.Header.Bits
	}
	return NextBitsAt(p, parent, parent.Header().Time)
}

// NextBitsAt returns the bits that a block with that time must have as the child of parent. The time matters only under
// Params.MinDifficultyBlocks.
func NextBitsAt(p *Params, parent Ancestry, time uint32) uint32 {
	switch p.Retarget {
	case RetargetASERT:
		return nextAsert(p, parent)
	case RetargetPeriod:
		return nextOfPeriod(p, parent, time)
	}
	return p.PowLimitBits
}

// retargetInterval is the number of blocks in a period of RetargetPeriod.
const retargetInterval = 2016

// nextOfPeriod is Bitcoin's rule. All blocks of a period have the same bits; the first has those of the period before, times
// the seconds that it took over those it should have taken, which is bounded to a quarter and four times.
//
// The time is measured from the first block of a period to its last, not to the first of the next: 2,015 intervals
// count as 2,016. That is Bitcoin's famous error, and a rule.
//
// On test networks a block may have the limit's bits if it comes late (MinDifficultyBlocks). The next that
// does not come late goes back to the last bits that were not given away so. If the last of a period was such a block,
// the whole next period starts from the limit; BIP94 takes the bits of the first instead, which are never
// given away.
func nextOfPeriod(p *Params, parent Ancestry, time uint32) uint32 {
	head, height := parent.Header(), parent.Height()
	if (height+1)%retargetInterval == 0 {
		first := parent.Ancestor(height - (retargetInterval - 1)).Header()
		from := head.Bits
		if p.BIP94 {
			from = first.Bits
		}
		return retarget(p, from, int64(head.Time)-int64(first.Time))
	}
	switch {
	case !p.MinDifficultyBlocks:
		return head.Bits
	case int64(time) > int64(head.Time)+2*p.TargetSpacing:
		return p.PowLimitBits
	}
	for at := parent; ; head = at.Header() {
		if head.Bits != p.PowLimitBits || at.Height()%retargetInterval == 0 {
			return head.Bits
		}
		at = at.Ancestor(at.Height() - 1)
	}
}

// retarget scales the target of a period by the seconds that it took. Exact integer arithmetic, rounded down, then
// to the compact form.
func retarget(p *Params, bits uint32, took int64) uint32 {
	due := retargetInterval * p.TargetSpacing
	took = min(max(took, due/4), due*4)
	limit, _ := TargetFromBits(p.PowLimitBits)
	target, _ := TargetFromBits(bits)
	target.Mul(target, big.NewInt(took))
	target.Div(target, big.NewInt(due))
	if target.Cmp(limit) > 0 {
		return p.PowLimitBits
	}
	return BitsFromTarget(target)
}

// nextAsert gives the prelude the limit, and then asks asertBits.
func nextAsert(p *Params, parent Ancestry) uint32 {
	if parent.Height() < p.AsertAnchorHeight {
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
