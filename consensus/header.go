package consensus

import (
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/types"
)

// maxTimewarp is by how many seconds the first block of a period may be older than its parent (BIP94).
const maxTimewarp = 600

// CheckHeader checks a header as a child of parent, its work first, since nothing else may be done for
// a header that cost nothing. now is the node's clock. It returns nil or a RuleError: high-hash,
// prev-blk-not-found, and those of CheckHeaderInPlace. A nil parent stands before genesis and has genesis as its
// only child.
func CheckHeader(p *Params, parent Ancestry, h *types.Header, now time.Time) error {
	hash := h.Hash()
	if parent == nil {
		if hash != p.Genesis.Hash() {
			return Reject(PrevBlkNotFound, "no parent and not genesis")
		}
		return nil
	}
	if err := CheckWork(p, h, hash); err != nil {
		return err
	}
	if h.PrevHash != parent.Hash() {
		return Reject(PrevBlkNotFound, "the header names another parent")
	}
	return CheckHeaderInPlace(p, parent, h, now)
}

// CheckHeaderInPlace checks a header as a child of parent but for its hash and the work in it: it serves blocks that
// are not mined yet. It returns nil or a RuleError: bad-diffbits, time-too-old, time-timewarp-attack, time-too-new,
// bad-version(0x…).
//
// A version may be any number that is not too old; bits that no deployment uses mean nothing.
func CheckHeaderInPlace(p *Params, parent Ancestry, h *types.Header, now time.Time) error {
	if want := NextBitsAt(p, parent, h.Time); h.Bits != want {
		return Reject(BadDiffBits, fmt.Sprintf("bits %08x, want %08x", h.Bits, want))
	}
	height := parent.Height() + 1
	if err := checkTime(p, parent, h, now); err != nil {
		return err
	}
	if least, bounded := leastVersion(p, height); bounded && h.Version < least {
		return Reject(BadVersionOf(h.Version), fmt.Sprintf("version %d, least is %d", h.Version, least))
	}
	return nil
}

func checkTime(p *Params, parent Ancestry, h *types.Header, now time.Time) error {
	if median := parent.MedianTime(); int64(h.Time) <= median {
		return Reject(TimeTooOld, fmt.Sprintf("time %d is not after the median time %d", h.Time, median))
	}
	if p.BIP94 && (parent.Height()+1)%retargetInterval == 0 {
		if head := parent.Header(); int64(h.Time) < int64(head.Time)-maxTimewarp {
			return Reject(TimeWarp, fmt.Sprintf("time %d is more than %d s before the parent's %d", h.Time, maxTimewarp, head.Time))
		}
	}
	if limit := now.Unix() + p.MaxFutureTime; int64(h.Time) > limit {
		return Reject(TimeTooNew, fmt.Sprintf("time %d is over %d", h.Time, limit))
	}
	return nil
}

// CheckWork checks that bits name a target no easier than the limit and that hash, which must be the
// header's, is not over it: a hash equal to the target is valid. It returns nil or high-hash.
func CheckWork(p *Params, h *types.Header, hash types.Hash) error {
	target, ok := TargetFromBits(h.Bits)
	limit, _ := TargetFromBits(p.PowLimitBits)
	if !ok || target.Cmp(limit) > 0 {
		return Reject(HighHash, fmt.Sprintf("bits %08x are out of range", h.Bits))
	}
	if !MeetsTarget(hash, target) {
		return Reject(HighHash, "hash "+hash.String()+" is over the target")
	}
	return nil
}
