package node

import (
	"time"

	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/types"
)

// What is told of single events when its category is on. All text of others stands in attributes, which the handlers quote.

// tellTx tells what became of a transaction.
func (l *ledger) tellTx(peer proto.PeerID, tx *types.Tx, res mempool.Result, err error) {
	switch {
	case err == nil && l.accepted.On():
		l.accepted.Say("transaction accepted", "peer", peer, "txid", tx.ID(), "wtxid", tx.WitnessID(), "feerate", res.FeeRate, "pool", l.pool.Info(l.clock.now()).Count)
	case err != nil && l.refused.On():
		l.refused.Say("transaction refused", "peer", peer, "txid", tx.ID(), "wtxid", tx.WitnessID(), "why", err)
	}
}

// tellCompact tells what became of a compact block in a step.
func (o *owner) tellCompact(before proto.CompactStats) {
	now := o.machine.CompactStats()
	if now == before || !o.cmpct.On() {
		return
	}
	switch {
	case now.FromPool > before.FromPool:
		o.cmpct.Say("compact block put together from the mempool")
	case now.AfterRequest > before.AfterRequest:
		o.cmpct.Say("compact block put together after a request")
	case now.FellBack > before.FellBack:
		o.cmpct.Say("compact block given up: the whole block is asked for")
	default:
		o.cmpct.Say("transactions of a compact block asked for", "transactions", now.MissingTxs-before.MissingTxs)
	}
}

// bench tells the log how long each phase of a block took, beside the metrics.
type bench struct {
	*stats
	log *p2p.TalkLog
}

// Phase implements chain.Observer.
func (b bench) Phase(name string, d time.Duration) {
	b.stats.Phase(name, d)
	if b.log.On() {
		b.log.Say("phase of a block", "phase", name, "took", d)
	}
}

// talkOf is what the lines of single events of a category are written with.
func (n *Node) talkOf(category string) *p2p.TalkLog { return p2p.NewTalkLog(n.logOf(category)) }
