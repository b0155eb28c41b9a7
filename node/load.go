package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/utxofile"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
)

// Load reads a snapshot of the coin set and stands on it from then on. The file is read by the caller's goroutine; only the beginning and the end
// are the ledger's.
func (r snapshotRPC) Load(ctx context.Context, path string) (l backend.Loaded, err error) {
	if l.Path, err = r.snapshotPath(path); err != nil {
		return l, err
	}
	f, err := os.Open(l.Path)
	if err != nil {
		return l, fmt.Errorf("%w: %w", backend.ErrSnapshotFile, err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	head, err := r.readHead(in)
	if err != nil {
		return l, err
	}
	want, ok := r.n.cfg.Params.AssumedAt(head.Base)
	if !ok {
		return l, refusal(loadError("assumeutxo block hash in snapshot metadata not recognized (hash: %s). The following snapshot heights are available: %s", head.Base, r.heights()))
	}
	var load *chain.SnapshotLoad
	err = r.n.doFirst(ctx, func() (err error) {
		if r.n.pool.Info(r.n.clock.now()).Count > 0 {
			return loadError("Can't activate a snapshot when mempool not empty")
		}
		load, err = r.n.chain.BeginSnapshot(head.Base)
		return r.checked(err)
	})
	if err != nil {
		return l, refusal(err)
	}
	if err := r.fill(ctx, load, utxofile.NewReader(in, head, load.Base().Height()), want); err != nil {
		return l, errors.Join(refusal(err), r.undo(load))
	}
	if err := r.n.doFirst(ctx, func() error { return r.activate(load, want) }); err != nil {
		return l, refusal(err)
	}
	l.Coins, l.Base = int64(head.Coins), entryOf(load.Base())
	return l, nil
}

// loadError is what is wrong with a snapshot that is to be loaded.
func loadError(format string, args ...any) error {
	return &chain.SnapshotError{Text: fmt.Sprintf(format, args...)}
}

// refusal marks what is the file's fault or the moment's, not ours.
func refusal(err error) error {
	var s *chain.SnapshotError
	if errors.As(err, &s) {
		return fmt.Errorf("%w: %w", backend.ErrSnapshotRefused, err)
	}
	return err
}

// checked stops the node for errors of its own.
func (r snapshotRPC) checked(err error) error {
	var s *chain.SnapshotError
	if err != nil && !errors.As(err, &s) {
		r.n.ledger.check(err)
	}
	return err
}

func (r snapshotRPC) readHead(in io.Reader) (utxofile.Header, error) {
	head, err := utxofile.ReadHeader(in)
	var bad *utxofile.FormatError
	if errors.As(err, &bad) {
		return head, fmt.Errorf("%w: %w", backend.ErrSnapshotMetadata, err)
	}
	if err != nil || head.Network == r.n.cfg.Params.Magic {
		return head, err
	}
	for _, name := range []string{"mainnet", "testnet3", "testnet4", "signet", "regtest", "cairn"} {
		if p, err := consensus.Network(name); err == nil && p.Magic == head.Network {
			return head, badMetadata(fmt.Sprintf("The network of the snapshot (%s) does not match the network of this node (%s).", chainjson.ChainName(p), chainjson.ChainName(r.n.cfg.Params)))
		}
	}
	return head, badMetadata("This snapshot has been created for an unrecognized network. This could be a custom signet, a new testnet or possibly caused by data corruption.")
}

func badMetadata(text string) error { return fmt.Errorf("%w: %s", backend.ErrSnapshotMetadata, text) }

// heights lists those of the declared sets, once each.
func (r snapshotRPC) heights() string {
	all := r.Declared()
	slices.Sort(all)
	var texts []string
	for _, h := range slices.Compact(all) {
		texts = append(texts, fmt.Sprint(h))
	}
	return strings.Join(texts, ", ") + "."
}

// fill reads all coins and compares them with what was declared.
func (r snapshotRPC) fill(ctx context.Context, load *chain.SnapshotLoad, in *utxofile.Reader, want consensus.AssumeUTXO) error {
	if load.Base().Height() != want.Height {
		return loadError("Population failed: the block that was declared for height %d has height %d", want.Height, load.Base().Height())
	}
	for i := 0; ; i++ {
		if i%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *utxofile.FormatError
		if errors.As(err, &bad) {
			return loadError("Population failed: %s", bad.Text)
		}
		if err == nil {
			err = load.Add(e)
		}
		if err != nil {
			return err
		}
	}
	_, hash, err := load.Finish()
	if err == nil && hash != want.Hash {
		err = loadError("Population failed: Bad snapshot content hash: expected %s, got %s.", want.Hash, hash)
	}
	return err
}

// undo removes what was loaded, also if the caller has gone.
func (r snapshotRPC) undo(load *chain.SnapshotLoad) error {
	err := load.Wipe(r.n.ctx)
	if err == nil {
		err = r.n.doFirst(r.n.ctx, func() error { return r.checked(r.n.chain.EndSnapshot()) })
	}
	if r.n.ctx.Err() != nil {
		return nil // the next start removes it
	}
	return err
}

// activate makes the snapshot's block the tip. It runs in the ledger's goroutine.
func (r snapshotRPC) activate(load *chain.SnapshotLoad, want consensus.AssumeUTXO) error {
	if err := r.n.chain.ActivateSnapshot(r.n.ctx, load, want.ChainTx); err != nil {
		return r.checked(err)
	}
	r.n.ledger.jumped()
	r.n.tellOffers()
	return nil
}

// jumped is to be called when the chain stands somewhere else without the blocks on the way. The mempool is empty or nearly so: what it holds
// is judged again.
func (l *ledger) jumped() {
	tip := l.chain.Tip()
	l.seenAt = chain.Position{Hash: tip.Hash(), Height: tip.Height()}
	l.pool.RemoveInvalid(tip, l.clock.now())
	l.out(proto.TipChanged{})
	l.logTip(tip)
	l.tell(Happening{At: l.clock.now(), Kind: "tip", Hash: tip.Hash(), Height: tip.Height()})
}

// tellOffers tells the machine that what we offer, or look for, has changed.
func (n *Node) tellOffers() { n.ledger.out(proto.Offer{Services: n.offers()}) }

// history names the blocks that are wanted beside the tip's.
func (n *Node) history(max int) []consensus.Ancestry {
	nodes := n.chain.Wanted(max)
	list := make([]consensus.Ancestry, len(nodes))
	for i, b := range nodes {
		list[i] = b
	}
	return list
}

// Chainstates is backend.Snapshots'.
func (r snapshotRPC) Chainstates() (states []backend.Chainstate) {
	for _, s := range r.n.chain.Chainstates() {
		states = append(states, backend.Chainstate{Tip: entryOf(s.Tip), Base: s.Base, Validated: s.Validated, CacheBytes: int64(s.Cache.Limit)})
	}
	return states
}
