package node

import (
	"context"

	"github.com/cairn-chain/cairn/rpc/events"
)

// publish passes on to the listeners of the RPC server what they may hear of.
func (n *Node) publish(h Happening) {
	if n.web == nil || n.web.server == nil {
		return
	}
	switch h.Kind {
	case "reorg":
		n.web.server.Events().PublishReorg(events.Reorg{Hash: h.Hash, Height: h.Height, Disconnected: h.Off, Connected: h.On, Returned: h.Returned})
		n.web.server.Events().PublishTip(events.Tip{Hash: h.Hash, Height: h.Height, Connected: h.On})
	case "tip":
		n.web.server.Events().PublishTip(events.Tip{Hash: h.Hash, Height: h.Height, Connected: h.On})
	}
}

// changesAtOnce is how many changes of the mempool are taken over at a time.
const changesAtOnce = 256

// publishPool tells listeners of every change of the mempool until ctx ends.
func (n *Node) publishPool(ctx context.Context) {
	bell, cancel := n.pool.Subscribe()
	defer cancel()
	since := n.pool.Info(n.clock.now()).Seq
	for {
		list, lost := n.pool.Changes(since, changesAtOnce)
		switch {
		case lost:
			n.web.server.Events().PublishLost()
			since = n.pool.Info(n.clock.now()).Seq
			continue
		case len(list) > 0:
			for _, c := range list {
				n.web.server.Events().PublishTransaction(events.PoolChange{ID: c.ID, WitnessID: c.WitnessID, Sequence: c.Seq, Added: c.Added, Reason: string(c.Reason)})
			}
			since = list[len(list)-1].Seq
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-bell:
		}
	}
}
