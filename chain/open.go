package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Open loads the block tree and brings the coin set to the best tip that is stored, whatever happened to the last run; see the package
// comment. The store belongs to the Chain from here on and is closed if Open fails. ctx ends long work early; the next Open goes on.
func Open(ctx context.Context, cfg Config) (*Chain, error) {
	if cfg.Params == nil || cfg.Store == nil || cfg.Now == nil || cfg.Verify == nil {
		return nil, errors.New("chain: Params, Store, Now and Verify must be set")
	}
	cfg.Workers = max(cfg.Workers, 1)
	cfg.CacheBytes = max(cfg.CacheBytes, MinCacheBytes)
	if cfg.KeepBlocks <= 0 {
		cfg.KeepBlocks = KeepBlocks
	}
	if cfg.FlushBlocks <= 0 {
		cfg.FlushBlocks = 500
	}
	c := &Chain{cfg: cfg, store: cfg.Store, log: cfg.Log, tree: newTree(), cache: newCache(), dirty: map[*Node]struct{}{}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.starting = true
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.store.Close())
	}
	c.starting = false
	return c, nil
}

func (c *Chain) progress(stage string, done, total int64) {
	if c.cfg.Progress != nil {
		c.cfg.Progress(stage, done, total)
	}
}

// start is Open after the arguments.
func (c *Chain) start(ctx context.Context) error {
	meta, err := c.load(ctx)
	if err != nil {
		return err
	}
	if meta, err = c.settleSnapshot(ctx, meta); err != nil {
		return err
	}
	why := "it was asked for"
	if c.cfg.Reindex {
		meta, err = c.forget(ctx, meta)
	} else {
		why, meta, err = c.restoreSet(ctx, meta)
	}
	if err != nil {
		return err
	}
	if why != "" {
		if err := c.rebuild(ctx, meta, why); err != nil {
			return err
		}
	}
	if err := c.weighBlocks(ctx); err != nil {
		return err
	}
	if c.snap.Phase == SnapshotAssumed {
		if err := c.openHistory(ctx); err != nil {
			return err
		}
	}
	return c.activate(ctx, consensus.Placed{})
}

// restoreSet is restore; a snapshot whose coins are damaged is given up.
func (c *Chain) restoreSet(ctx context.Context, meta Meta) (why string, _ Meta, err error) {
	why, err = c.restore(ctx, meta)
	if why != "" && err == nil && c.snap.Phase == SnapshotAssumed {
		if meta, err = c.refuteAtStart(ctx, why); err == nil {
			why, err = c.restore(ctx, meta)
		}
	}
	return why, meta, err
}

// load builds the tree from the stored index.
func (c *Chain) load(ctx context.Context) (Meta, error) {
	var entries, lost int64
	meta, err := c.store.Load(ctx, func(e IndexEntry) error {
		if entries++; entries%10_000 == 0 {
			c.progress("load", entries, 0)
		}
		ok, err := c.loadEntry(&e)
		if !ok && err == nil {
			lost++
		}
		return err
	})
	if err != nil {
		return Meta{}, err
	}
	if lost > 0 {
		c.log.Warn("entries of the block index have lost their parents and are left out", "entries", lost)
	}
	if c.tree.genesis == nil {
		c.insertGenesis()
	}
	c.loadSnapshot(&meta)
	for _, n := range c.tree.all() {
		if n.Pruned() && n.parent != nil {
			c.pruning.height.Store(max(c.pruning.height.Load(), n.height))
		}
		if n.HaveBlock() || n.Pruned() || n.Assumed() {
			had := n.seq
			if c.tree.link(n); n.seq != had {
				c.touch(n)
			}
		}
	}
	return meta, nil
}

// loadEntry adds one stored header to the tree; ok is false if its parent is not there.
func (c *Chain) loadEntry(e *IndexEntry) (ok bool, err error) {
	genesis := c.cfg.Params.Genesis.Hash()
	parent := c.tree.lookup(e.Header.PrevHash)
	if e.Height == 0 && e.Hash != genesis {
		return false, fmt.Errorf("the data directory holds another network: its genesis is %s, that of %s is %s", e.Hash, c.cfg.Params.Name, genesis)
	}
	if e.Height != 0 && (parent == nil || parent.height+1 != e.Height) {
		return false, nil
	}
	n := newNode(parent, e.Header, e.Hash)
	n.set(e.Status)
	n.seq = e.Seq
	if n.txCount.Store(e.TxCount); e.TxCount == 0 {
		n.clear(StatusBlock | StatusPruned)
	}
	c.tree.nextSeq = max(c.tree.nextSeq, e.Seq+1)
	c.tree.precious = min(c.tree.precious, e.Seq-1)
	c.tree.insert(n)
	return true, nil
}

func (c *Chain) insertGenesis() {
	g := c.cfg.Params.Genesis
	n := newNode(nil, g.Header, g.Hash())
	n.set(StatusBlock | StatusUndo | StatusValid)
	n.txCount.Store(uint32(len(g.Txs)))
	c.tree.insert(n)
	c.touch(n)
}

// restore takes the stored coin set over, after an unclean stop only when it was checked. It returns why that is not possible, or "".
func (c *Chain) restore(ctx context.Context, meta Meta) (why string, err error) {
	if meta.Record == nil {
		return "there is no coin set yet", nil
	}
	if !meta.Clean {
		if err := c.checkStored(ctx); err != nil {
			return "", err
		}
	}
	record := *meta.Record
	if meta.Flushing != nil {
		if why, err = c.finishFlush(ctx, meta.Flushing); why != "" || err != nil {
			return why, err
		}
		record = meta.Flushing.To
	}
	tip := c.tree.lookup(record.Block)
	if why = incomplete(tip, &record); why != "" {
		return why, nil
	}
	if !meta.Clean {
		c.log.Info("the last stop was not clean: checking the coin set", "coins", record.Coins)
		if why, err = c.audit(ctx, &record); why != "" || err != nil {
			return why, err
		}
	}
	c.stand(tip, record)
	return "", nil
}

// incomplete tells why tip, the block that the record names, cannot be the tip, or "".
func incomplete(tip *Node, record *Record) string {
	if tip == nil || tip.height != record.Height {
		return "the block of the last record is not in the index"
	}
	for n := tip; n.parent != nil; n = n.parent {
		if !n.Pruned() && !n.Assumed() && (!n.HaveBlock() || !n.HaveUndo()) {
			return fmt.Sprintf("block %d does not read back", n.height)
		}
	}
	return ""
}

// stand makes tip the published tip, with the stored coins as its coins.
func (c *Chain) stand(tip *Node, record Record) {
	c.flushed = record
	c.tip.Store(tip)
	for n := tip; n != nil; n = n.parent {
		n.set(StatusActive)
	}
	c.tree.findCandidates()
}

// checkStored compares the index with what is stored of each block, without reading blocks.
func (c *Chain) checkStored(ctx context.Context) error {
	all := c.tree.all()
	for i, n := range all {
		if i%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			c.progress("check", int64(i), int64(len(all)))
		}
		if n.parent == nil {
			continue
		}
		if n.Pruned() {
			if err := c.dropLeftover(n); err != nil {
				return err
			}
		}
		for _, part := range []struct {
			bit Status
			has func(types.Hash) (bool, error)
		}{{StatusBlock, c.store.HasBlock}, {StatusUndo, c.store.HasUndo}} {
			if !n.has(part.bit) {
				continue
			}
			if ok, err := part.has(n.hash); err != nil {
				return err
			} else if !ok {
				c.lose(n, part.bit)
			}
		}
	}
	return nil
}

// finishFlush brings a store that is between two records to the second one.
func (c *Chain) finishFlush(ctx context.Context, f *Flushing) (why string, err error) {
	from, to := c.tree.lookup(f.From.Block), c.tree.lookup(f.To.Block)
	if f.To.Block.IsZero() || from == nil || to == nil {
		return "the coin set was being made anew", nil
	}
	fork := forkOf(from, to)
	steps := from.height - fork.height + to.height - fork.height
	c.log.Info("ending the flush that was broken off", "from", from.height, "to", to.height)
	r := replay{c: c, last: map[types.OutPoint]*consensus.Coin{}}
	at := from
	for i := int32(0); at != to; i++ {
		c.progress("replay", int64(i), int64(steps))
		n, connected := next(at, to)
		u, err := c.update(n, connected)
		if unreadable(err) {
			return err.Error(), nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return "", err
		}
		if err := r.apply(&u); err != nil {
			return "", err
		}
		if at = n; !connected {
			at = n.parent
		}
	}
	return "", r.write(&f.To)
}

// replay gathers what a row of updates leaves at each outpoint that it touches.
type replay struct {
	c    *Chain
	last map[types.OutPoint]*consensus.Coin
	size int
}

func (r *replay) apply(u *consensus.Update) error {
	in, out := u.Created, u.Spent
	if !u.Connected {
		in, out = out, in
	}
	for i := range out {
		r.last[out[i].OutPoint] = nil
		r.size += entryBytes
	}
	for i := range in {
		r.last[in[i].OutPoint] = ownCoin(&in[i].Coin)
		r.size += entryBytes + coinBytes + len(in[i].Coin.Out.Script)
	}
	if r.size > r.c.cfg.CacheBytes {
		return r.write(nil)
	}
	return nil
}

// write writes what was gathered, and the record if it is the end. Pieces in between may be written, and written again by a
// later start, because what follows overwrites them.
func (r *replay) write(record *Record) error {
	changes := make([]CoinChange, 0, len(r.last))
	for op, coin := range r.last {
		changes = append(changes, CoinChange{op, coin})
	}
	sortChanges(changes)
	clear(r.last)
	r.size = 0
	for _, piece := range r.c.pieces(changes) {
		if err := r.c.set().Commit(&Batch{Coins: piece}); err != nil {
			return err
		}
	}
	if record == nil {
		return nil
	}
	return r.c.set().Commit(&Batch{Record: record})
}

// rebuild forgets the stored coins and starts again from genesis; what is stored of blocks is connected afterwards. Blocks that the
// index has lost are taken from the store.
func (c *Chain) rebuild(ctx context.Context, meta Meta, why string) error {
	if meta.Record != nil {
		c.log.Warn("the coin set is made anew from the blocks", "why", why)
		if err := c.wipeCoins(ctx, *meta.Record); err != nil {
			return err
		}
	}
	c.forgetPruned()
	if err := c.adoptBlocks(ctx); err != nil {
		return err
	}
	g := c.cfg.Params.Genesis
	if err := c.store.PutBlock(g.Hash(), g.Bytes()); err != nil {
		return err
	}
	if err := c.store.PutUndo(g.Hash(), consensus.Undo{}); err != nil {
		return err
	}
	record := Record{Block: g.Hash()}
	if err := c.writeIndex(); err != nil {
		return err
	}
	if err := c.set().Commit(&Batch{Record: &record}); err != nil {
		return err
	}
	c.stand(c.tree.genesis, record)
	return nil
}

// wipeCoins removes all coins, after a marker that makes the next start do it again if it is broken off.
func (c *Chain) wipeCoins(ctx context.Context, from Record) error {
	if err := c.set().Commit(&Batch{Flushing: &Flushing{From: from}}); err != nil {
		return err
	}
	return c.wipeSet(ctx, c.set(), int64(from.Coins))
}

// adoptBlocks puts stored blocks that the tree does not know, or not as stored, into the tree.
func (c *Chain) adoptBlocks(ctx context.Context) error {
	children := map[types.Hash][]types.Hash{}
	err := c.store.EachBlock(ctx, func(hash types.Hash, h types.Header) error {
		if n := c.tree.lookup(hash); n == nil || !n.HaveBlock() {
			children[h.PrevHash] = append(children[h.PrevHash], hash)
		}
		return nil
	})
	if err != nil || len(children) == 0 {
		return err
	}
	for _, n := range c.tree.all() {
		for queue := []*Node{n}; len(queue) > 0; queue = queue[1:] {
			hashes := children[queue[0].hash]
			delete(children, queue[0].hash)
			for _, hash := range hashes {
				if err := ctx.Err(); err != nil {
					return err
				}
				if child := c.adopt(hash); child != nil {
					queue = append(queue, child)
				}
			}
		}
	}
	return nil
}

// adopt adds one stored block to the tree, if it reads back and passes what a new block has to pass.
func (c *Chain) adopt(hash types.Hash) *Node {
	b, err := c.store.Block(hash)
	if err != nil {
		c.log.Warn("a stored block is left out", "block", hash, "why", err)
		return nil
	}
	n, err := c.addHeader(&b.Header)
	if err == nil {
		_, err = c.check(n, b)
	}
	if err != nil {
		c.log.Warn("a stored block is left out", "block", hash, "why", err)
		return nil
	}
	c.linkBlock(n, len(b.Txs))
	return n
}
