package consensus

import (
	"fmt"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Cairn returns the parameters of the network that is Cairn's own: Bitcoin's rules with real work, a target for
// each block and an interval of 15 seconds. Blocks 1 to 20 are at the limit of 2¹⁶ hashes; from block 21 on
// ASERT counts from 2²² hashes a block (4,194,320 on average), wherever in time block 19 stood. The result is the
// caller's own.
func Cairn() *Params {
	p := &Params{
		Name:  "cairn",
		Magic: 0xd3f019ca, // on the wire ca 19 f0 d3

		P2PPort: 21333, RPCPort: 21332, HTTPPort: 21380,

		Genesis: cairnGenesis(),

		PowLimitBits:      0x1f00ffff,
		Retarget:          RetargetASERT,
		TargetSpacing:     15,
		AsertHalfLife:     300,
		AsertAnchorHeight: 20,
		AsertAnchorBits:   0x1e03ffff,
		MaxFutureTime:     7200,

		CoinbaseMaturity: 10,
		Subsidy:          50 * CoinUnit,
		HalvingInterval:  210_000,

		Refuse64ByteTx: true,

		Bech32HRP:        "crn",
		PubKeyHashAddrID: 28,                              // C…
		ScriptHashAddrID: 88,                              // c…
		PrivateKeyID:     156,                             // 28 + 128
		HDCoinType:       1,                               // SLIP 44: coins without value
		HDPrivateID:      [4]byte{0x02, 0xe8, 0xda, 0x54}, // cprv…
		HDPublicID:       [4]byte{0x02, 0xe8, 0xde, 0x8f}, // cpub…

		SignalPeriod: 2016, SignalThreshold: 1815,
		Deployments: []Deployment{activeTaproot()},

		BlockFilterIndex: true,
	}
	p.forksFrom(1, 0)
	return p
}

// Regtest returns the parameters of Bitcoin's regression test network, byte for byte, with all soft forks active from
// block 1; SetActivation changes that. The result is the caller's own.
func Regtest() *Params {
	p := &Params{
		Name:  "regtest",
		Magic: 0xdab5bffa, // on the wire fa bf b5 da

		P2PPort: 18444, RPCPort: 18443, HTTPPort: 18480,

		Genesis: bitcoinGenesis(1296688602, 0x207fffff, 2),

		PowLimitBits:  0x207fffff,
		Retarget:      RetargetNone,
		TargetSpacing: 600,
		MaxFutureTime: 7200,

		CoinbaseMaturity: 100,
		Subsidy:          50 * CoinUnit,
		HalvingInterval:  150,

		Bech32HRP:        "bcrt",
		PubKeyHashAddrID: 111,
		ScriptHashAddrID: 196,
		PrivateKeyID:     239,
		HDCoinType:       1,
		HDPrivateID:      [4]byte{0x04, 0x35, 0x83, 0x94},
		HDPublicID:       [4]byte{0x04, 0x35, 0x87, 0xcf},

		SignalPeriod: 144, SignalThreshold: 108,
		Deployments: []Deployment{testDummy(0), activeTaproot()},

		Assume: regtestAssumed(),
	}
	p.forksFrom(1, 0)
	return p
}

// Network returns the parameters of the network with that name: "cairn", "regtest" or, for validation only,
// "mainnet", "testnet3", "testnet4" or "signet". Bitcoin Core's names "main" and "test" are understood too.
func Network(name string) (*Params, error) {
	switch name {
	case "cairn":
		return Cairn(), nil
	case "regtest":
		return Regtest(), nil
	case "mainnet", "main":
		return Mainnet(), nil
	case "testnet3", "test":
		return Testnet3(), nil
	case "testnet4":
		return Testnet4(), nil
	case "signet":
		return Signet(), nil
	}
	return nil, fmt.Errorf("unknown network %q: use cairn, regtest or a params file; mainnet, testnet4, signet or testnet3 to validate their blocks", name)
}

// Addresses returns what tells this network's addresses from others'.
func (p *Params) Addresses() script.AddressParams {
	return script.AddressParams{HRP: p.Bech32HRP, PubKeyHashID: p.PubKeyHashAddrID, ScriptHashID: p.ScriptHashAddrID}
}

// SubsidyAt returns what the coinbase of a block at that height may create beside the fees, in the smallest unit.
func (p *Params) SubsidyAt(height int32) int64 {
	halvings := height / p.HalvingInterval
	if halvings >= 63 {
		return 0
	}
	return p.Subsidy >> halvings
}

// cairnGenesis is mined at the limit like any other block. Its only output pays nothing to nobody.
func cairnGenesis() *types.Block {
	words := "Cairn: each stone rests on those below"
	return genesis(&types.Tx{
		Version: 1,
		In: []types.TxIn{{
			PrevOut:   types.NullOutPoint,
			ScriptSig: append([]byte{0x00, byte(len(words))}, words...),
			Sequence:  sequenceFinal,
		}},
		Out: []types.TxOut{{Script: []byte{0x6a}}},
	}, types.Header{Version: 4, Time: 1735689600, Bits: 0x1f00ffff, Nonce: cairnGenesisNonce})
}

// cairnGenesisNonce is found by TestCairnGenesis.
const cairnGenesisNonce = 4825

func genesis(coinbase *types.Tx, h types.Header) *types.Block {
	h.MerkleRoot = coinbase.ID()
	return &types.Block{Header: h, Txs: []*types.Tx{coinbase}}
}
