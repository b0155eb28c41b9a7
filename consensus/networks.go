package consensus

import (
	"encoding/hex"
	"fmt"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Cairn returns the parameters of the network that is Cairn's own: Bitcoin's rules with real work, a target for
// each block and an interval of 15 seconds. Blocks 1 to 20 are at the limit of 2¹⁶ hashes; from block 21 on
// ASERT counts from 2²² hashes a block (4,194,320 on average), wherever in time block 19 stood. The result is the
// caller's own.
func Cairn() *Params {
	return &Params{
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

		BlockFilterIndex: true,
	}
}

// Regtest returns the parameters of Bitcoin's regression test network, byte for byte, with all soft forks active from
// block 1. The result is the caller's own.
func Regtest() *Params {
	return &Params{
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
	}
}

// Network returns the parameters of the network with that name, "cairn" or "regtest".
func Network(name string) (*Params, error) {
	switch name {
	case "cairn":
		return Cairn(), nil
	case "regtest":
		return Regtest(), nil
	}
	return nil, fmt.Errorf("unknown network %q: use cairn, regtest or a params file", name)
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
	}, types.Header{Version: minVersion, Time: 1735689600, Bits: 0x1f00ffff, Nonce: cairnGenesisNonce})
}

// cairnGenesisNonce is found by TestCairnGenesis.
const cairnGenesisNonce = 4825

// bitcoinGenesis is the first block of Bitcoin's networks, which differ in time, bits and nonce.
func bitcoinGenesis(time, bits, nonce uint32) *types.Block {
	const times = "The Times 03/Jan/2009 Chancellor on brink of second bailout for banks"
	key, err := hex.DecodeString("04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6" +
		"49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f")
	if err != nil {
		panic(err) // a constant
	}
	sig := append([]byte{0x04, 0xff, 0xff, 0x00, 0x1d, 0x01, 0x04, byte(len(times))}, times...)
	lock := append(append([]byte{byte(len(key))}, key...), 0xac)
	return genesis(&types.Tx{
		Version: 1,
		In:      []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: sig, Sequence: sequenceFinal}},
		Out:     []types.TxOut{{Value: 50 * CoinUnit, Script: lock}},
	}, types.Header{Version: 1, Time: time, Bits: bits, Nonce: nonce})
}

func genesis(coinbase *types.Tx, h types.Header) *types.Block {
	h.MerkleRoot = coinbase.ID()
	return &types.Block{Header: h, Txs: []*types.Tx{coinbase}}
}
