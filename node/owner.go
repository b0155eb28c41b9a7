package node

import (
	"context"
	"time"

	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// owner is the one goroutine that owns the protocol machine. Events come to it, it lets the machine
// step, and carries the effects out; none of them blocks.
type owner struct {
	machine *proto.Machine
	net     *p2p.Net
	ledger  *ledger
	clock   *clock
	stats   *stats
	tell    func(Happening)
	filters func(proto.ServeFilters) wire.Message // nil if filters are not served
	older   func(proto.Dial) bool                 // whether to dial in version 1 from the start
	names   *names
	cmpct   *p2p.TalkLog // of compact blocks

	fromNet  chan proto.Event // bounded: when it is full, connections are not read
	fromHere chan proto.Event // the ledger's verdicts; always drained
	asked    chan func()      // the RPC's questions to the machine
}

func newOwner() *owner {
	return &owner{
		fromNet:  make(chan proto.Event, 16),
		fromHere: make(chan proto.Event, 256),
		asked:    make(chan func()),
	}
}

// run steps the machine until ctx ends.
func (o *owner) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		fromNet := o.fromNet
		if o.ledger.full() {
			fromNet = nil
		}
		timer.Reset(o.untilTick())
		select {
		case <-ctx.Done():
			return
		case ev := <-o.fromHere:
			o.step(ev)
		case ev := <-fromNet:
			o.step(ev)
		case ask := <-o.asked:
			ask()
		case <-timer.C:
			o.step(proto.Tick{})
		}
	}
}

// untilTick is how long the machine may sleep. A full ledger is looked at again soon; a mocked clock does not run, so
// that no deadline comes nearer, and is looked at every second.
func (o *owner) untilTick() time.Duration {
	d := o.machine.NextTick().Sub(o.clock.now())
	switch {
	case o.ledger.full():
		return min(max(d, 0), 10*time.Millisecond)
	case o.clock.mock.Load() != 0:
		return time.Second
	}
	return min(max(d, time.Millisecond), time.Second)
}

func (o *owner) step(ev proto.Event) {
	o.note(ev)
	o.names.note(ev)
	before := o.machine.CompactStats()
	for _, eff := range o.machine.Step(o.clock.now(), ev) {
		o.carryOut(eff)
	}
	o.tellCompact(before)
}

func (o *owner) carryOut(eff proto.Effect) {
	switch e := eff.(type) {
	case proto.Send:
		o.send(e)
	case proto.SubmitHeaders:
		o.ledger.submitFirst(len(e.Headers)*80, func() { o.ledger.addHeaders(e.Peer, e.Headers) })
	case proto.SubmitBlock:
		o.ledger.submitFirst(e.Block.Size(), func() { o.ledger.addBlock(e.Peer, e.Block) })
	case proto.SubmitTx:
		o.ledger.submitTx(e.Peer, e.Tx)
	case proto.SubmitPackage:
		o.ledger.submit(e.Txs[0].Size()+e.Txs[1].Size(), func() { o.ledger.addPackage(e.Peer, e.Txs, mempool.AddOptions{}) })
	case proto.ServeBlock:
		if e.Form == proto.FormFiltered {
			o.net.SendLazily(e.Peer, func() []wire.Message { return o.filteredBlock(e) })
			return
		}
		o.net.SendLazy(e.Peer, func() wire.Message { return o.blockFor(e) })
	case proto.ServeFilters:
		o.net.SendLazy(e.Peer, func() wire.Message { return o.filters(e) })
	case proto.ServeBlockTxns:
		o.net.SendLazy(e.Peer, func() wire.Message { return o.blockTxnsFor(e) })
	case proto.Dial:
		o.dial(e)
	case proto.Disconnect:
		o.stats.disconnected(e)
		o.net.Disconnect(e.Peer, e.Why)
	}
}

func (o *owner) dial(e proto.Dial) {
	if o.older(e) {
		o.net.DialOlder(e.Addr, e.Kind)
		return
	}
	o.net.Dial(e.Addr, e.Kind)
}

// send queues a message. A transaction that a peer has asked for is known to the network from then on.
func (o *owner) send(e proto.Send) {
	if o.net.Send(e.Peer, e.Msg) {
		if m, ok := e.Msg.(wire.TxMsg); ok {
			o.ledger.pool.MarkBroadcast(m.Tx.ID())
		}
	}
}

// blockFor reads a block for a peer, in the peer's own write loop and only when its turn has come, so that neither the
// owner waits for a disk nor blocks pile up in memory.
func (o *owner) blockFor(r proto.ServeBlock) wire.Message {
	b, ok := o.read(r.Hash)
	switch {
	case !ok:
		return wire.NotFound{Items: []wire.Inv{{Type: wire.InvBlock, Hash: r.Hash}}}
	case r.Form == proto.FormCompact:
		return wire.NewCmpctBlock(b, r.Nonce)
	}
	return wire.BlockMsg{Block: b, Base: r.Form == proto.FormBase}
}

// blockTxnsFor reads transactions of a block for a peer, as blockFor does. Nothing is sent if the block is gone or has not
// so many.
func (o *owner) blockTxnsFor(r proto.ServeBlockTxns) wire.Message {
	if b, ok := o.read(r.Hash); ok {
		if m, ok := wire.NewBlockTxn(b, r.Indexes); ok {
			return m
		}
	}
	return nil
}

func (o *owner) read(hash types.Hash) (*types.Block, bool) {
	b, err := o.ledger.chain.Block(hash)
	if err != nil {
		o.ledger.log.Warn("a block that a peer asked for could not be read", "block", hash, "err", err)
	}
	return b, err == nil
}

// note tells people of connections that come and go.
func (o *owner) note(ev proto.Event) {
	switch e := ev.(type) {
	case proto.Connected:
		o.tell(Happening{At: o.clock.now(), Kind: "peer", Peer: e.Addr.String()})
	case proto.Gone:
		o.tell(Happening{At: o.clock.now(), Kind: "gone"})
	}
}

// ask runs f between two steps, so that it may read the machine, and waits for it.
func (o *owner) ask(stopped <-chan struct{}, f func()) {
	done := make(chan struct{})
	select {
	case o.asked <- func() { f(); close(done) }:
		<-done
	case <-stopped:
	}
}

// emit hands over an event of the network; it blocks while the queue is full, so that TCP pushes back. When ctx has ended
// nothing is handed over: the machine shall not see its peers go when the whole node goes.
func (o *owner) emit(ctx context.Context, ev proto.Event) {
	if ctx.Err() != nil {
		return
	}
	select {
	case o.fromNet <- ev:
	case <-ctx.Done():
	}
}

// verdict hands over an event of the ledger.
func (o *owner) verdict(stopped <-chan struct{}) func(proto.Event) {
	return func(ev proto.Event) {
		select {
		case o.fromHere <- ev:
		case <-stopped:
		}
	}
}
