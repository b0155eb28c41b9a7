package node

import (
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// jumper is a node whose clock is set, and its peers. A clock that was set stands still, so it is moved by hand when something
// is to be waited for.
type jumper struct {
	*siege
	crowd  []*stranger
	mock   int64 // 0: the real clock
	height int32
}

// jump sets the clock when nobody owes the node an answer to a ping: for the node it is as late as the clock says.
func (j *jumper) jump(to int64) {
	j.Helper()
	for _, p := range j.crowd {
		p.fence() // the node's ping, if one is due, comes behind the pong
		p.fence() // answers it
		p.fence() // so that the node has the answer
	}
	j.mock = to
	j.call(nil, "setmocktime", to)
}

// pass lets some seconds pass, if the clock does not run by itself.
func (j *jumper) pass(seconds int64) {
	j.Helper()
	if j.mock != 0 {
		j.jump(j.mock + seconds)
	}
}

// exchange moves a transaction from the first stranger to the second, a block from the node to the third, and one from the
// fourth to the node.
func (j *jumper) exchange(when string) {
	j.Helper()
	j.Log(when)
	for _, p := range j.crowd {
		p.fence()
	}
	j.height++
	tx := coinbaseSpend(j.T, j.node, j.height, 1000)
	j.crowd[0].offer(tx)
	j.crowd[0].fence()
	j.pass(10)
	j.crowd[0].asked(tx.WitnessID())
	j.crowd[0].say(wire.TxMsg{Tx: tx})
	j.awaitPool(tx.ID())
	j.settled(j.crowd[0])
	j.pass(60)
	awaitThat(j.crowd[1], func(m wire.InvMsg) bool { return m.Items[0].Hash == tx.WitnessID() })
	tip := generate(j.T, j.ctx, j.node, 1)[0]
	awaitThat(j.crowd[2], func(m wire.InvMsg) bool { return m.Items[0].Hash == tip })
	b := j.nextBlock()
	j.crowd[3].announce(b)
	j.crowd[3].asked(b.Hash())
	j.crowd[3].say(wire.BlockMsg{Block: b})
	awaitTip(j.T, j.ctx, j.node, b.Hash())
	if n := j.peers(); n != len(j.crowd) {
		j.Fatalf("%d of %d peers are left", n, len(j.crowd))
	}
}

// Bad input 5: the clock jumps ahead by ten years, back, back by an hour and home again. Nobody is disconnected for it or
// disliked, and after each jump blocks and transactions are exchanged as before.
func TestHostileClock(t *testing.T) {
	s := matured(t, 8, nil)
	j := &jumper{siege: s, crowd: []*stranger{s.meet(), s.meet(), s.meet(), s.meet()}}
	const decade = 10 * 365 * 24 * 3600
	now := time.Now().Unix()
	j.exchange("before")
	j.jump(now + decade)
	j.exchange("ten years ahead")
	j.jump(0)
	j.exchange("and home")
	j.jump(now - 3600)
	j.exchange("an hour back")
	j.jump(0)
	j.exchange("and home again")
	s.alive()
}
