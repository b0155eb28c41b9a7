package node

import (
	"runtime"
	"sync"

	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/types"
)

// Helpers run the scripts of peers' transactions before the ledger comes to them. Nearly all of the time that a transaction takes
// goes into its scripts, and these depend on nothing that other transactions change (mempool.Proof). Everything else stays with
// the ledger and in order.
//
//   - The ledger takes the first job of the queue. A helper takes the first that nobody has looked at, but begins half the queue, at
//     most lead, in front of the ledger: both work, and the ledger soon comes to what is done. If it catches up with a helper,
//     it waits for that one job, or does a block meanwhile, and the helper begins in front of it again.
//   - Helpers begin only while several jobs wait: a node at rest does everything in one goroutine. They end when there is nothing
//     left to look at, when a block comes, and with the ledger.
//   - Blocks go first: while one waits or is being judged no helper begins, so a block shares the processor with at most one
//     transaction a helper.
//   - There are fewer helpers than processors, at most maxHelpers. The queue's bounds are the bounds of what they hold.

const (
	maxHelpers = 7
	lead       = 16
)

type aheadState uint8

const (
	notAhead aheadState = iota // nobody works on it
	inHand                     // a helper does
	isAhead                    // a helper has done its part
)

// helpers belong to a ledger and its lock.
type helpers struct {
	most  int
	now   int  // at work
	seen  int  // so many jobs of the queue, from the first, were looked at
	first bool // the ledger's job is one that goes first
	over  bool
	gone  *sync.Cond // now became zero
}

func newHelpers() helpers { return helpers{most: min(runtime.GOMAXPROCS(0)-1, maxHelpers)} }

// help lets another helper begin, if there is something for it to do. The lock is held.
func (l *ledger) help() {
	if l.now < l.most && len(l.queue) > 1 && l.seen < len(l.queue) && l.mayHelp() {
		l.now++
		go l.helpOut()
	}
}

func (l *ledger) mayHelp() bool { return !l.over && !l.first && len(l.urgent) == 0 }

// helpOut is one helper.
func (l *ledger) helpOut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		j := l.unseen()
		if j == nil {
			break
		}
		j.state = inHand
		l.mu.Unlock()
		j.ahead()
		l.mu.Lock()
		if j.state = isAhead; l.queue[0] == j {
			ring(l.bell)
		}
	}
	l.now--
	if l.now == 0 && l.gone != nil {
		l.gone.Broadcast()
	}
}

// unseen finds the next job with something that can be done ahead.
func (l *ledger) unseen() *job {
	if l.seen <= l.now { // the ledger is here, or about to be
		l.seen = max(l.seen, min(len(l.queue)/2, lead))
	}
	for l.mayHelp() && l.seen < len(l.queue) {
		l.seen++
		if j := l.queue[l.seen-1]; j.ahead != nil && j.state == notAhead {
			return j
		}
	}
	return nil
}

// dismiss waits for the helpers to end; none begins again.
func (l *ledger) dismiss() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	l.gone = sync.NewCond(&l.mu)
	for l.now > 0 {
		l.gone.Wait()
	}
}

// submitTx puts a peer's transaction into the queue.
func (l *ledger) submitTx(peer proto.PeerID, tx *types.Tx) {
	var proof *mempool.Proof
	l.push(&l.queue, &job{
		bytes: tx.Size(),
		ahead: func() { proof = l.prove(tx) },
		run:   func() { l.addTx(peer, tx, mempool.AddOptions{Proof: proof}) },
	})
}

// prove runs the scripts of a transaction in any goroutine. A disk that fails is left for the ledger to find.
func (l *ledger) prove(tx *types.Tx) *mempool.Proof {
	coins, tip, err := l.chain.CoinsAt(l.pool.Needs(tx))
	if err != nil {
		return nil
	}
	return l.pool.Prove(tx, coins, tip, l.clock.now())
}
