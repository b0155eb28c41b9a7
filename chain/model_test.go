package chain_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/slowmodel"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// errKilled is what a mortal store answers to every write when its time has come.
var errKilled = errors.New("killed by the test")

// mortal is a store that can be told to fail from some write on, as the disk of a killed process.
type mortal struct {
	*memdb.Store
	writes int // how many are left; below 0: no end
}

func (s *mortal) Commit(b *chain.Batch) error {
	if s.writes == 0 {
		return errKilled
	}
	s.writes--
	return s.Store.Commit(b)
}

// world is a chain, the slow model of it, and all blocks that were made for them, told or not.
type world struct {
	t       *rapid.T
	params  *consensus.Params
	model   *slowmodel.Model
	store   *mortal
	c       *chain.Chain
	now     int64
	flushes int
	made    []*made
	twins   []*types.Block // bodies that do not belong to their headers
	count   int64
	turns   int
	seen    map[string]int // reasons of refusal, and features of accepted blocks

	pos   chain.Position // followed by UpdatesSince
	coins consensus.Coins
}

// made is a block that the generator made. coins are those after it, nil if the block or one before it is wrong.
type made struct {
	block  *types.Block
	parent *made
	height int
	coins  slowmodel.Coins
}

func (m *made) headers() (hs []types.Header) {
	for ; m != nil; m = m.parent {
		hs = append(hs, m.block.Header)
	}
	slices.Reverse(hs)
	return hs
}

// network is the rules of one network, once for each side.
type network struct {
	name   string
	params func() *consensus.Params
	rules  func(*types.Block) slowmodel.Rules
}

var networks = []network{
	{"regtest", consensus.Regtest, slowmodel.Regtest},
	{"cairn", consensus.Cairn, slowmodel.Cairn},
}

// vary draws rules under which a small tree meets what else takes long: maturity, halvings, soft forks, targets. It changes both
// sides.
func vary(t *rapid.T, p *consensus.Params, r *slowmodel.Rules) {
	maturity := rapid.SampledFrom([]int{1, 2, 3, 5}).Draw(t, "maturity")
	p.CoinbaseMaturity, r.Maturity = int32(maturity), maturity
	halving := rapid.SampledFrom([]int{4, 10, 150}).Draw(t, "halving")
	p.HalvingInterval, r.Halving = int32(halving), halving
	if p.Retarget == consensus.RetargetASERT {
		r.Asert.AnchorHeight = rapid.IntRange(0, 6).Draw(t, "anchor")
		r.Asert.HalfLife = rapid.SampledFrom([]int64{60, 300}).Draw(t, "half-life")
		r.Asert.AnchorBits = rapid.SampledFrom([]uint32{0x2007ffff, 0x201fffff}).Draw(t, "anchor bits")
		r.PowLimitBits = 0x207fffff
		p.AsertAnchorHeight, p.AsertHalfLife, p.AsertAnchorBits = int32(r.Asert.AnchorHeight), r.Asert.HalfLife, r.Asert.AnchorBits
		p.PowLimitBits = r.PowLimitBits
		return
	}
	if rapid.Bool().Draw(t, "forks") {
		fork := func(name string) int { return rapid.SampledFrom([]int{1, 100, 4, 9}).Draw(t, name) }
		r.BIP34, r.BIP66, r.BIP65, r.CSV, r.Segwit = fork("bip34"), fork("dersig"), fork("cltv"), fork("csv"), fork("segwit")
		p.BIP34Height, p.BIP66Height, p.BIP65Height = int32(r.BIP34), int32(r.BIP66), int32(r.BIP65)
		p.CSVHeight, p.SegwitHeight = int32(r.CSV), int32(r.Segwit)
	}
}

// newWorld starts both sides at genesis. breaks, if not nil, changes the rules of the model.
func newWorld(t *rapid.T, net network, breaks func(*slowmodel.Rules), seen map[string]int) *world {
	p := net.params()
	r := net.rules(p.Genesis)
	vary(t, p, &r)
	if breaks != nil {
		breaks(&r)
	}
	w := &world{
		t: t, params: p, model: slowmodel.New(r), coins: consensus.Coins{}, seen: seen,
		store: &mortal{memdb.NewLimited(rapid.SampledFrom([]int{1, 7, 1000}).Draw(t, "limit"), 1<<20), -1},
		now:   int64(p.Genesis.Header.Time) + 20_000, flushes: rapid.SampledFrom([]int{1, 3, 20, 500}).Draw(t, "flush after"),
	}
	w.made = []*made{{block: p.Genesis, coins: slowmodel.Coins{}}}
	return w
}

func (w *world) open() (err error) {
	w.c, err = chain.Open(w.t.Context(), chain.Config{
		Params: w.params, Store: w.store, Now: func() time.Time { return time.Unix(w.now, 0) }, Workers: 1, CacheBytes: 4 << 20,
		Verify: verifier, FlushBlocks: w.flushes,
	})
	return err
}

var verifier = &script.Runner{Verifier: script.NewVerifier()}

// play draws a tree and its history and returns the first disagreement, nil if there is none.
func play(t *rapid.T, net network, breaks func(*slowmodel.Rules), seen map[string]int) error {
	w := newWorld(t, net, breaks, seen)
	if err := w.open(); err != nil {
		return err
	}
	for i, n := 0, 8+w.choose(33, "steps"); i < n; i++ {
		do := w.step
		if i == 0 {
			do = w.growBranch
		}
		if err := do(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		if err := w.compare(); err != nil {
			return fmt.Errorf("after step %d: %w", i, err)
		}
	}
	if err := errors.Join(w.c.Verify(t.Context(), 0, nil), w.c.Close()); err != nil {
		return err
	}
	if err := w.c.Flush(); !errors.Is(err, chain.ErrClosed) {
		return fmt.Errorf("a closed chain takes a flush: %v", err)
	}
	return nil
}

// step does one thing to both sides.
func (w *world) step() error {
	switch k := w.choose(32, "step"); {
	case k < 14:
		return w.tell(w.grow(), k == 0)
	case k < 17:
		return w.giveHeader(w.grow())
	case k < 21:
		return w.giveBlock(w.pick("block").block)
	case k == 21:
		return w.giveHeaders()
	case k == 22:
		return w.giveTwin()
	case k < 25:
		return w.growBranch()
	case k < 29:
		return w.operate()
	case k == 29:
		return w.flush()
	case k == 30:
		w.now += rapid.Int64Range(1, 4000).Draw(w.t, "clock")
		return nil
	default:
		return w.restart()
	}
}

// choose draws a number under n, all of them as often; rapid itself prefers small ones.
func (w *world) choose(n int, label string) int {
	w.turns += 7
	return (rapid.IntRange(0, n-1).Draw(w.t, label) + w.turns) % n
}

// pick draws a block that was made: any, a late one, or often the tip.
func (w *world) pick(label string) *made {
	i := w.choose(len(w.made), label)
	switch w.choose(4, "which") {
	case 0:
		return w.made[i]
	case 1:
		return w.made[len(w.made)-1-i%min(3, len(w.made))]
	}
	tip := w.model.Tip().Hash
	return w.made[slices.IndexFunc(w.made, func(m *made) bool { return m.block.Hash() == tip })]
}

// tell gives the header and the block, or with its header withheld only the block.
func (w *world) tell(m *made, blockOnly bool) error {
	if !blockOnly {
		if err := w.giveHeader(m); err != nil {
			return err
		}
	}
	if n := len(w.twins); n > 0 && w.twins[n-1].Header == m.block.Header && w.choose(2, "twin first") == 0 {
		if err := w.giveBlock(w.twins[n-1]); err != nil {
			return err
		}
	}
	return w.giveBlock(m.block)
}

// giveHeader gives one header, mostly with those before it that were not told yet.
func (w *world) giveHeader(m *made) error {
	if w.model.Lookup(m.block.Header.PrevHash) == nil && w.choose(8, "alone") != 0 {
		return w.addHeaders(m.headers())
	}
	return w.addHeaders([]types.Header{m.block.Header})
}

// giveHeaders gives a row of headers up to some block, as a locator's answer would.
func (w *world) giveHeaders() error {
	hs := w.pick("headers").headers()
	return w.addHeaders(hs[rapid.IntRange(0, len(hs)-1).Draw(w.t, "from"):])
}

func (w *world) addHeaders(hs []types.Header) error {
	want, reason := w.model.AddHeaders(hs, w.now)
	w.seen[reason]++
	got, err := w.c.AddHeaders(hs)
	if got != want {
		return fmt.Errorf("%d of %d headers are taken, by the model %d", got, len(hs), want)
	}
	return agree("headers", err, reason)
}

func (w *world) giveBlock(b *types.Block) error {
	wantKnown, reason := w.model.AddBlock(b, w.now)
	w.seen[reason]++
	// The chain gets the bytes, as from a peer. What cannot be encoded is given as it is.
	if read, err := types.DecodeBlock(b.Bytes()); err == nil {
		b = read
	}
	known, err := w.c.AddBlock(b)
	if known != wantKnown {
		return fmt.Errorf("block known: %v, in the model %v", known, wantKnown)
	}
	return agree(fmt.Sprintf("block %s", b.Hash()), err, reason)
}

// agree compares a verdict with that of the model.
func agree(what string, err error, reason string) error {
	if err != nil && consensus.KindOf(err) == "" {
		return fmt.Errorf("%s: %w", what, err)
	}
	if got := string(consensus.KindOf(err)); got != reason {
		return fmt.Errorf("%s: verdict %q (%v), the model says %q", what, got, err, reason)
	}
	return nil
}

func (w *world) giveTwin() error {
	if len(w.twins) == 0 {
		return nil
	}
	return w.giveBlock(rapid.SampledFrom(w.twins).Draw(w.t, "twin"))
}

// growBranch makes and gives a row of blocks: a fork that overtakes, and perhaps not in order.
func (w *world) growBranch() error {
	var row []*made
	at := w.pick("fork")
	for range rapid.IntRange(1, 12).Draw(w.t, "length") {
		at = w.makeBlock(at, nil, rapid.IntRange(0, 3).Draw(w.t, "full") == 0)
		row = append(row, at)
	}
	if rapid.Bool().Draw(w.t, "headers first") {
		var hs []types.Header
		for _, m := range row {
			hs = append(hs, m.block.Header)
		}
		if err := w.addHeaders(hs); err != nil {
			return err
		}
		row = rapid.Permutation(row).Draw(w.t, "order")
	}
	for _, m := range row {
		if err := errors.Join(w.giveBlock(m.block), w.compareTip()); err != nil {
			return err
		}
	}
	return nil
}

// operate is what an operator may do to a block.
func (w *world) operate() error {
	m := w.pick("victim")
	hash := m.block.Hash()
	n := w.model.Lookup(hash)
	commands := []struct {
		name  string
		chain func(types.Hash) error
		model func(*slowmodel.Node)
	}{
		{"invalidate", w.c.Invalidate, w.model.Invalidate},
		{"reconsider", w.c.Reconsider, w.model.Reconsider},
		{"reconsider", w.c.Reconsider, w.model.Reconsider},
		{"precious", w.c.Precious, w.model.Precious},
	}
	command := commands[w.choose(len(commands), "command")]
	err := command.chain(hash)
	switch {
	case n == nil:
		if !errors.Is(err, chain.ErrUnknownBlock) {
			return fmt.Errorf("%s of a block that the model does not know: %v", command.name, err)
		}
		return nil
	case n.Parent == nil && command.name == "invalidate":
		if err == nil {
			return errors.New("genesis is invalid")
		}
		return nil
	}
	command.model(n)
	return err
}

// flush is done, or killed at some write.
func (w *world) flush() error {
	w.store.writes = rapid.IntRange(-1, 12).Draw(w.t, "writes")
	err := w.c.Flush()
	w.store.writes = -1
	if errors.Is(err, errKilled) {
		return w.reopen()
	}
	return err
}

// restart ends the chain, cleanly or not, and opens it again.
func (w *world) restart() error {
	if rapid.Bool().Draw(w.t, "clean") {
		if err := w.c.Close(); err != nil {
			return err
		}
	}
	return w.reopen()
}

func (w *world) reopen() error {
	w.store = &mortal{w.store.Reopen(), -1}
	w.model.Restart()
	return w.open()
}

// compareTip compares the best block.
func (w *world) compareTip() error {
	tip, want := w.c.Tip(), w.model.Tip()
	switch {
	case tip.Hash() != want.Hash:
		return fmt.Errorf("the tip is %d %s, the model's %d %s", tip.Height(), tip.Hash(), want.Height, want.Hash)
	case int(tip.Height()) != want.Height:
		return fmt.Errorf("the tip has height %d, the model's %d", tip.Height(), want.Height)
	case tip.Work().Big().Cmp(want.Work) != 0:
		return fmt.Errorf("the tip has work %v, the model's %v", tip.Work().Big(), want.Work)
	}
	return nil
}

// compare compares everything that both know.
func (w *world) compare() error {
	if err := errors.Join(w.compareTip(), w.compareTree()); err != nil {
		return err
	}
	want := w.model.Coins(w.model.Tip())
	left := len(want)
	tip, err := w.c.EachCoin(w.t.Context(), func(e consensus.CoinEntry) error {
		left--
		return sameCoin(e, want)
	})
	switch {
	case err != nil:
		return err
	case left != 0 || tip != w.c.Tip():
		return fmt.Errorf("%d coins are missing at %d", left, tip.Height())
	}
	return w.follow(want)
}

func sameCoin(e consensus.CoinEntry, want slowmodel.Coins) error {
	got := slowmodel.Coin{Value: e.Coin.Out.Value, Script: string(e.Coin.Out.Script), Height: int(e.Coin.Height), Coinbase: e.Coin.Coinbase}
	if model, ok := want[e.OutPoint]; !ok || got != model {
		return fmt.Errorf("coin %s is %+v, in the model %+v", e.OutPoint, got, model)
	}
	return nil
}

// compareTree compares all headers and the tips of the branches.
func (w *world) compareTree() error {
	for _, m := range w.made {
		n, want := w.c.Lookup(m.block.Hash()), w.model.Lookup(m.block.Hash())
		if (n == nil) != (want == nil) {
			return fmt.Errorf("block %s: in the tree %v, in the model's %v", m.block.Hash(), n != nil, want != nil)
		}
		if n != nil && n.Status() != w.model.Status(want) {
			return fmt.Errorf("block %s is %s, in the model %s", m.block.Hash(), n.Status(), w.model.Status(want))
		}
	}
	tips := map[types.Hash]string{}
	for _, n := range w.c.Tips() {
		tips[n.Hash()] = n.Status()
	}
	if want := w.model.Tips(); !maps.Equal(tips, want) {
		return fmt.Errorf("tips %v, in the model %v", tips, want)
	}
	if best := w.c.BestHeader(); best.Invalid() || best.Work().Big().Cmp(w.model.BestHeaderWork()) != 0 {
		return fmt.Errorf("the best header is %s with work %v, in the model %v", best.Status(), best.Work().Big(), w.model.BestHeaderWork())
	}
	return nil
}

// follow goes the way of UpdatesSince and compares where it leads.
func (w *world) follow(want slowmodel.Coins) error {
	for {
		updates, err := w.c.UpdatesSince(w.pos, 3)
		if err != nil {
			return err
		}
		if len(updates) == 0 {
			break
		}
		for i := range updates {
			in, out := updates[i].Created, updates[i].Spent
			if !updates[i].Connected {
				in, out = out, in
			}
			for _, e := range out {
				if had := w.coins[e.OutPoint]; !bytes.Equal(had.Out.Script, e.Coin.Out.Script) || had.Height != e.Coin.Height {
					return fmt.Errorf("an update takes away %s, which is not there", e.OutPoint)
				}
				delete(w.coins, e.OutPoint)
			}
			for _, e := range in {
				w.coins[e.OutPoint] = e.Coin
			}
			w.pos = chain.After(&updates[i])
		}
	}
	if len(w.coins) != len(want) {
		return fmt.Errorf("the updates lead to %d coins, in the model there are %d", len(w.coins), len(want))
	}
	for op, coin := range w.coins {
		if err := sameCoin(consensus.CoinEntry{OutPoint: op, Coin: coin}, want); err != nil {
			return fmt.Errorf("by updates: %w", err)
		}
	}
	return nil
}
