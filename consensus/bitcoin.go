package consensus

import (
	"encoding/hex"
	"math/big"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// The networks of this file belong to others. Cairn validates their blocks and has no other business there:
// ValidationOnly is set, so no wallet and no miner of ours runs on them. All numbers are those of Bitcoin Core's
// chainparams.cpp. There are no checkpoints and no block whose scripts are assumed to be valid.

// Mainnet returns the parameters of Bitcoin. The result is the caller's own.
func Mainnet() *Params {
	p := bitcoin("mainnet", 0xd9b4bef9, 8333) // on the wire f9 be b4 d9
	p.Genesis = bitcoinGenesis(1231006505, 0x1d00ffff, 2083236893)

	p.BIP34Height, p.BIP34Hash = 227_931, hashOf("000000000000024b89b42a942fe0d9fea3bb44ab7bd1b19115dd6a759c0808b8")
	p.BIP65Height = 388_381
	p.BIP66Height = 363_725
	p.CSVHeight = 419_328
	p.SegwitHeight = 481_824
	p.FlagExceptions = []FlagException{
		{hashOf("00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22"), 0},                                        // breaks BIP16
		{hashOf("0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad"), script.VerifyP2SH | script.VerifyWitness}, // breaks BIP341
	}
	p.SignalThreshold = 1815
	p.WarningHeight = 483_840
	p.Deployments = []Deployment{testDummy(NeverActive), bip9Taproot(709_632)}
	p.MinimumWork = workOf("dee8e2a309ad8a9820433c68") // of block 912,683

	p.Bech32HRP = "bc"
	p.PubKeyHashAddrID, p.ScriptHashAddrID, p.PrivateKeyID = 0, 5, 128
	p.HDCoinType = 0
	p.HDPrivateID = [4]byte{0x04, 0x88, 0xad, 0xe4} // xprv…
	p.HDPublicID = [4]byte{0x04, 0x88, 0xb2, 0x1e}  // xpub…
	return p
}

// Testnet3 returns the parameters of Bitcoin's third test network. The result is the caller's own.
func Testnet3() *Params {
	p := bitcoin("testnet3", 0x0709110b, 18333) // on the wire 0b 11 09 07
	p.Genesis = bitcoinGenesis(1296688602, 0x1d00ffff, 414098458)
	p.MinDifficultyBlocks = true

	p.BIP34Height, p.BIP34Hash = 21_111, hashOf("0000000023b3a96d3484e5abb3755c413e7d41500f8e2a5c3f0dd01299cd8ef8")
	p.BIP65Height = 581_885
	p.BIP66Height = 330_776
	p.CSVHeight = 770_112
	p.SegwitHeight = 834_624
	p.FlagExceptions = []FlagException{
		{hashOf("00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105"), 0}, // breaks BIP16
	}
	p.WarningHeight = 836_640
	p.Deployments = []Deployment{testDummy(NeverActive), bip9Taproot(0)}
	p.MinimumWork = workOf("16dd270dd94fac1d7632") // of block 4,550,000
	return p
}

// Testnet4 returns the parameters of Bitcoin's fourth test network (BIP94). The result is the caller's own.
func Testnet4() *Params {
	p := bitcoin("testnet4", 0x283f161c, 48333) // on the wire 1c 16 3f 28
	p.Genesis = genesisOf("03/May/2024 000000000000000000001ebd58c244970b3aa9d783bb001011fbe8ea8e98e00e",
		make([]byte, 33), types.Header{Version: 1, Time: 1714777860, Bits: 0x1d00ffff, Nonce: 393743547})
	p.MinDifficultyBlocks = true
	p.BIP94 = true
	p.forksFrom(1, 1)
	p.Deployments = []Deployment{testDummy(NeverActive), activeTaproot()}
	p.MinimumWork = workOf("034a4690fe592dc49c7c") // of block 91,000
	return p
}

// Signet returns the parameters of Bitcoin's default signet (BIP325). The result is the caller's own.
func Signet() *Params {
	p := bitcoin("signet", 0x40cf030a, 38333) // on the wire the first four bytes of the challenge's double SHA-256
	p.Genesis = bitcoinGenesis(1598918400, 0x1e0377ae, 52613770)
	p.PowLimitBits = 0x1e0377ae
	p.SignetChallenge = constantBytes("512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430" +
		"210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae") // 1 of 2 keys
	p.forksFrom(1, 1)
	p.SignalThreshold = 1815
	p.Deployments = []Deployment{testDummy(NeverActive), activeTaproot()}
	p.MinimumWork = workOf("067d328e681a") // of block 267,665
	return p
}

// bitcoin is what the public networks of Bitcoin share; the addresses are those of the test networks.
func bitcoin(name string, magic uint32, port int) *Params {
	return &Params{
		Name: name, Magic: magic, ValidationOnly: true,
		P2PPort: port, RPCPort: port - 1, HTTPPort: port + 36,

		PowLimitBits:  0x1d00ffff,
		Retarget:      RetargetPeriod,
		TargetSpacing: 600,
		MaxFutureTime: 7200,

		CoinbaseMaturity: 100,
		Subsidy:          50 * CoinUnit,
		HalvingInterval:  210_000,

		SignalPeriod: 2016, SignalThreshold: 1512,

		Bech32HRP:        "tb",
		PubKeyHashAddrID: 111,
		ScriptHashAddrID: 196,
		PrivateKeyID:     239,
		HDCoinType:       1,
		HDPrivateID:      [4]byte{0x04, 0x35, 0x83, 0x94},
		HDPublicID:       [4]byte{0x04, 0x35, 0x87, 0xcf},
	}
}

// forksFrom activates all soft forks that go by height.
func (p *Params) forksFrom(height, segwit int32) {
	p.BIP34Height, p.BIP65Height, p.BIP66Height, p.CSVHeight, p.SegwitHeight = height, height, height, height, segwit
}

// testDummy is Core's deployment for tests, on a bit that nothing else uses.
func testDummy(start int64) Deployment {
	return Deployment{Name: "testdummy", Bit: 28, Start: start, Timeout: NoTimeout}
}

// bip9Taproot is the deployment of taproot as it was on mainnet and testnet3. Its rules are applied to all blocks
// but FlagExceptions; what BIP9 says of it is for people only.
func bip9Taproot(minHeight int32) Deployment {
	return Deployment{Name: "taproot", Bit: 2, Start: 1619222400, Timeout: 1628640000, MinHeight: minHeight}
}

func activeTaproot() Deployment {
	return Deployment{Name: "taproot", Bit: 2, Start: AlwaysActive, Timeout: NoTimeout}
}

// bitcoinGenesis is the first block of Bitcoin's older networks, which differ in time, bits and nonce.
func bitcoinGenesis(time, bits, nonce uint32) *types.Block {
	key := constantBytes("04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6" +
		"49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f")
	return genesisOf("The Times 03/Jan/2009 Chancellor on brink of second bailout for banks", key,
		types.Header{Version: 1, Time: time, Bits: bits, Nonce: nonce})
}

// genesisOf is a first block in the form of Bitcoin's: 50 coins to a bare key, which nobody can ever spend.
func genesisOf(words string, key []byte, h types.Header) *types.Block {
	sig := append([]byte{0x04, 0xff, 0xff, 0x00, 0x1d, 0x01, 0x04}, script.PushData([]byte(words))...)
	return genesis(&types.Tx{
		Version: 1,
		In:      []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: sig, Sequence: sequenceFinal}},
		Out:     []types.TxOut{{Value: 50 * CoinUnit, Script: append(script.PushData(key), 0xac)}},
	}, h)
}

func constantBytes(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err) // a constant
	}
	return b
}

func hashOf(text string) types.Hash {
	h, err := types.ParseHash(text)
	if err != nil {
		panic(err) // a constant
	}
	return h
}

func workOf(text string) Work { return WorkFromBig(new(big.Int).SetBytes(constantBytes(text))) }
