package consensus

import (
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/types"
)

// minVersion is the least header version: BIP34, BIP66 and BIP65 are active from block 1 on every
// network here and each took a version away. Versions are signed, so 0xffffffff is −1 and too low.
const minVersion = 4

// CheckHeader checks a header as a child of parent, its work first, since nothing else may be done for
// a header that cost nothing. now is the node's clock. It returns nil or a RuleError: high-hash,
// prev-blk-not-found, bad-diffbits, time-too-old, time-too-new, bad-version(0x…). A nil parent stands
// before genesis and has genesis as its only child.
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
	if want := NextBits(p, parent); h.Bits != want {
		return Reject(BadDiffBits, fmt.Sprintf("bits %08x, want %08x", h.Bits, want))
	}
	return checkTimeAndVersion(p, parent, h, now)
}

func checkTimeAndVersion(p *Params, parent Ancestry, h *types.Header, now time.Time) error {
	if median := parent.MedianTime(); int64(h.Time) <= median {
		return Reject(TimeTooOld, fmt.Sprintf("time %d is not after the median time %d", h.Time, median))
	}
	if limit := now.Unix() + p.MaxFutureTime; int64(h.Time) > limit {
		return Reject(TimeTooNew, fmt.Sprintf("time %d is over %d", h.Time, limit))
	}
	if h.Version < minVersion {
		return Reject(BadVersionOf(h.Version), fmt.Sprintf("version %d, least is %d", h.Version, minVersion))
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
