package mempool

import (
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

var anchorScript = []byte{0x51, 0x02, 0x4e, 0x73} // pay to anchor

// anchored is a parent with an anchor of that value behind its n outputs.
func (w *world) anchored(version uint32, fee, value int64, n int, ops ...types.OutPoint) *types.Tx {
	w.t.Helper()
	tx := w.draft(fee+value, n, ops...)
	tx.Version = version
	tx.Out = append(tx.Out, types.TxOut{Value: value, Script: anchorScript})
	return w.sign(tx)
}

func TestEphemeralDust(t *testing.T) {
	w := newWorld(t, Config{}, 3)
	parent := w.anchored(3, 0, 0, 2, w.coinbase(1))
	if !w.pool.HasDust(parent) || w.pool.HasDust(w.spend(0, 1, w.coinbase(1))) {
		t.Error("HasDust is wrong")
	}
	good := w.truc(3000, 1, w.coinbase(2), out(parent, 2))
	w.packageFails([]*types.Tx{parent, w.truc(3000, 1, out(parent, 0))}, consensus.PackageUnspentDust,
		consensus.MinRelayFeeNotMet, consensus.MissingEphemeralSpends)
	w.packageFails([]*types.Tx{w.anchored(3, 1000, 0, 1, w.coinbase(1))}, consensus.PackageTxFailed, consensus.Dust)
	w.packageFails([]*types.Tx{w.anchored(3, 0, 239, 1, w.coinbase(1))}, consensus.PackageTxFailed, consensus.MinRelayFeeNotMet)
	w.add(w.anchored(2, 1000, 240, 1, w.coinbase(3))) // no dust any more
	res := w.packageEnters(parent, good)
	if want := []types.Hash{parent.WitnessID(), good.WitnessID()}; len(res.Txs[0].Includes) != 2 || res.Txs[0].Includes[1] != want[1] || res.Txs[0].FeeRate != res.Txs[1].FeeRate {
		t.Errorf("%+v", res)
	}
	// Whatever replaces the child spends the dust too, also by eviction of the sibling.
	w.refuse(w.truc(20_000, 1, out(parent, 0)), consensus.MissingEphemeralSpends)
	better := w.truc(20_000, 1, out(parent, 0), out(parent, 2))
	w.add(better)
	w.mustConnect(w.pool.Select(4_000_000, 80_000, 0))
	// In a block the dust is a coin like others.
	w.mine(parent, better)
	w.check()
}

func TestTwoDustOutputs(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	tx := w.anchored(3, 0, 0, 1, w.coinbase(1))
	tx.Out = append(tx.Out, types.TxOut{Value: 1, Script: w.lock})
	w.refuse(w.sign(tx.Clone()), consensus.Dust)
	// Nobody but whoever wants dust pays for it.
	w.pool.cfg.MinRelayFeeRate = 0
	one := w.anchored(3, 0, 1, 1, w.coinbase(1))
	w.pool.Prioritise(one.ID(), 5)
	w.refuse(one, consensus.Dust)
	w.pool.Prioritise(one.ID(), -5)
	w.add(one)
}

// The anchor may be made and spent by anybody, without any witness.
func TestPayToAnchor(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	parent := w.anchored(2, 1000, 240, 1, w.coinbase(1))
	if class, _ := script.Classify(anchorScript); class != script.Anchor || class.String() != "anchor" {
		t.Errorf("class %v", class)
	}
	w.add(parent)
	stuffed := w.spend(1000, 1, w.coinbase(2), out(parent, 1)).Clone()
	stuffed.In[1].Witness = [][]byte{{1}}
	if _, err := w.addOpt(stuffed, AddOptions{}); !errors.Is(err, consensus.WitnessNonStandard) {
		t.Errorf("an anchor with a witness: %v", err)
	}
	w.add(w.spend(1000, 1, w.coinbase(2), out(parent, 1)))
}
