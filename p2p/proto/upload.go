package proto

import (
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// The upload target: how many bytes are to be sent within a day (--maxuploadtarget).
//
// The rules, Bitcoin Core's:
//   - A day begins with the first look at the clock after the last one has ended, and counts all bytes that are sent to
//     anybody.
//   - Part of the target is kept for new blocks: one full block for each block spacing that is left of the day. What is over
//     that is for historical blocks, those that are a week older than our best header, and for blocks that are filtered for
//     light clients. Who asks for one of these when nothing is left is disconnected: it will find them elsewhere.
//   - New blocks and transactions are sent in any case. The mempool is told to nobody once the whole target is used up.
//   - Peers with PermDownload (and PermMempool for the mempool) are not refused anything.
//
// So the target is not a bound: what it saves is what those cost who download the whole chain from us.
const (
	uploadCycle   = 24 * time.Hour
	historicalAge = 7 * 24 * time.Hour
	fullBlock     = types.MaxBlockWeight // bytes, if all of them are witness
)

// uploadState counts a day.
type uploadState struct {
	since time.Time // when the day began
	base  uint64    // what had been sent then
}

// UploadInfo is the state of the upload target, for getnettotals. All but Target is zero without one, and ServesHistorical true.
type UploadInfo struct {
	Target           uint64 // bytes a day; 0: none
	Reached          bool
	ServesHistorical bool // blocks older than a week are given to everybody
	BytesLeft        uint64
	TimeLeft         time.Duration
}

// Upload tells how much of the day's target is left.
func (m *Machine) Upload() UploadInfo {
	i := UploadInfo{Target: m.cfg.UploadTarget, Reached: m.uploadReached(false), ServesHistorical: !m.uploadReached(true)}
	if i.Target > 0 {
		i.TimeLeft = m.uploadTimeLeft()
		if sent := m.uploaded(); sent < i.Target {
			i.BytesLeft = i.Target - sent
		}
	}
	return i
}

// countUpload begins a new day when one has ended.
func (m *Machine) countUpload() {
	if m.cfg.UploadTarget > 0 && (m.upload.since.IsZero() || m.due(m.upload.since.Add(uploadCycle))) {
		m.upload = uploadState{since: m.now, base: m.cfg.Sent()}
	}
}

// uploaded are the bytes sent today.
func (m *Machine) uploaded() uint64 { return m.cfg.Sent() - m.upload.base }

func (m *Machine) uploadTimeLeft() time.Duration {
	if m.upload.since.IsZero() {
		return uploadCycle
	}
	return max(m.upload.since.Add(uploadCycle).Sub(m.now), 0)
}

// uploadReached tells whether the target is used up: all of it, or what there is of it for historical blocks.
func (m *Machine) uploadReached(historical bool) bool {
	target := m.cfg.UploadTarget
	if target == 0 {
		return false
	}
	var kept uint64
	if historical {
		spacing := time.Duration(max(m.cfg.Params.TargetSpacing, 1)) * time.Second
		kept = uint64(m.uploadTimeLeft()/spacing) * fullBlock
	}
	return kept >= target || m.uploaded() >= target-kept
}

// overUpload tells whether a block is refused to a peer.
func (m *Machine) overUpload(p *peer, n consensus.Ancestry, form BlockForm) bool {
	if p.perm.Has(PermDownload) || !m.uploadReached(true) {
		return false
	}
	age := int64(m.cfg.Chain.BestHeader().Header().Time) - int64(n.Header().Time)
	return form == FormFiltered || age > int64(historicalAge/time.Second)
}
