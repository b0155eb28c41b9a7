package sim

import (
	"time"

	"github.com/cairn-chain/cairn/p2p/proto"
)

// link is one connection. Side 0 has dialled, side 1 was dialled.
type link struct {
	node [2]int32
	peer [2]proto.PeerID // the name of the connection at each side
	kind proto.ConnKind  // as side 0 sees it
	way  [2]direction    // way[s] leads from side s to the other
}

// direction is one way of a link.
//
// A message waits for the sender's line, which all its links share, and takes it for its bytes over the sender's own bandwidth. From
// when it begins to leave it also waits until what was sent before it on this link is through, and takes the link for its bytes over the lower of
// both ends' bandwidths. What waits for a slow receiver waits in that connection's buffer and keeps nobody else from the line. The
// message arrives after latency and a random jitter, and never before what was sent earlier on the same link, as with TCP.
type direction struct {
	latency int64 // nanoseconds
	jitter  int64 // mean of what is added, exponentially distributed
	rate    int64 // bits a second; 0: no bound
	free    int64 // when the link has taken all that was sent
	last    int64 // when the last message arrives
}

// uplink is the line of a node by which all that it sends has to go.
type uplink struct {
	rate int64 // bits a second; 0: no bound
	free int64
}

// arrival reserves line and link for a message of size bytes sent at now, and returns when it arrives. jitter is what was drawn.
func (d *direction) arrival(now int64, up *uplink, size int, jitter int64) int64 {
	start := max(now, up.free)
	up.free = start + transmission(size, up.rate)
	d.free = max(max(start, d.free)+transmission(size, d.rate), up.free)
	d.last = max(d.last, d.free+d.latency+jitter)
	return d.last
}

// transmission is how long so many bytes take.
func transmission(size int, rate int64) int64 {
	if rate <= 0 {
		return 0
	}
	return int64(size) * 8 * int64(time.Second) / rate
}
