package consensus_test

import (
	"encoding/hex"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

func mustHash(t *testing.T, text string) types.Hash {
	t.Helper()
	h, err := types.ParseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestBitcoinGenesis(t *testing.T) {
	for name, want := range map[string][2]string{
		"mainnet":  {"000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f", "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"},
		"testnet3": {"000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943", "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"},
		"testnet4": {"00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043", "7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e"},
		"signet":   {"00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6", "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"},
	} {
		p, err := consensus.Network(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Genesis.Hash().String(); got != want[0] {
			t.Errorf("%s: %s", name, got)
		}
		if got := p.Genesis.Header.MerkleRoot.String(); got != want[1] {
			t.Errorf("%s: merkle root %s", name, got)
		}
		if err := consensus.CheckWork(p, &p.Genesis.Header, p.Genesis.Hash()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := consensus.CheckBlock(p, p.Genesis); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !p.ValidationOnly || p.BlockFilterIndex {
			t.Errorf("%s is a network for use", name)
		}
	}
	for alias, name := range map[string]string{"main": "mainnet", "test": "testnet3"} {
		if p, err := consensus.Network(alias); err != nil || p.Name != name {
			t.Errorf("%s: %v", alias, err)
		}
	}
}

// TestBitcoinAddresses are known addresses of the two kinds of networks.
func TestBitcoinAddresses(t *testing.T) {
	for _, v := range []struct {
		p             *consensus.Params
		address, want string
	}{
		{consensus.Mainnet(), "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "76a91477bff20c60e522dfaa3350c39b030a5d004e839a88ac"},
		{consensus.Mainnet(), "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"},
		{consensus.Signet(), "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "0014751e76e8199196d454941c45d1b3a323f1433bd6"},
	} {
		lock, err := script.DecodeAddress(v.p.Addresses(), v.address)
		if err != nil || hex.EncodeToString(lock) != v.want {
			t.Errorf("%s: %x, %v", v.address, lock, err)
		}
	}
}

func TestMainnetSubsidy(t *testing.T) {
	p := consensus.Mainnet()
	for height, want := range map[int32]int64{0: 50_0000_0000, 209_999: 50_0000_0000, 210_000: 25_0000_0000, 840_000: 3_1250_0000, 6_929_999: 1, 6_930_000: 0} {
		if got := p.SubsidyAt(height); got != want {
			t.Errorf("height %d: %d, want %d", height, got, want)
		}
	}
}

// TestScriptFlags walks over the heights of mainnet's forks.
func TestScriptFlags(t *testing.T) {
	p := consensus.Mainnet()
	always := script.VerifyP2SH | script.VerifyWitness | script.VerifyTaproot
	der, cltv := always|script.VerifyDERSig, always|script.VerifyDERSig|script.VerifyCLTV
	for height, want := range map[int32]script.Flags{
		0: always, 1: always, 363_724: always, 363_725: der, 388_380: der, 388_381: cltv, 419_327: cltv, 419_328: cltv | script.VerifyCSV,
		481_823: cltv | script.VerifyCSV, 481_824: script.ConsensusFlags, 709_632: script.ConsensusFlags, 1_000_000: script.ConsensusFlags,
	} {
		if got := consensus.ScriptFlags(p, height, types.Hash{}); got != want {
			t.Errorf("height %d: %b, want %b", height, got, want)
		}
	}
	bip16 := mustHash(t, "00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22")
	if got := consensus.ScriptFlags(p, 170_060, bip16); got != 0 {
		t.Errorf("the exception of BIP16 has %b", got)
	}
	taproot := mustHash(t, "0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad")
	if got := consensus.ScriptFlags(p, 692_261, taproot); got != script.ConsensusFlags&^script.VerifyTaproot {
		t.Errorf("the exception of taproot has %b", got)
	}
	if got := consensus.ScriptFlags(consensus.Testnet3(), 1, mustHash(t, "00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105")); got != 0 {
		t.Errorf("testnet3's exception has %b", got)
	}
	for _, p := range []*consensus.Params{consensus.Cairn(), consensus.Regtest(), consensus.Testnet4(), consensus.Signet()} {
		if got := consensus.ScriptFlags(p, 1, bip16); got != script.ConsensusFlags {
			t.Errorf("%s: %b", p.Name, got)
		}
	}
}

// TestSigOpsUnderFlags: what is not run does not count.
func TestSigOpsUnderFlags(t *testing.T) {
	redeem := []byte{0xac, 0xac, 0xac} // three CHECKSIG
	p2sh := script.PayToScriptHash(script.Hash160(redeem))
	p2wpkh := script.PayToWitnessPubKeyHash([20]byte{})
	tx := &types.Tx{
		In:  []types.TxIn{{ScriptSig: script.PushData(redeem)}, {PrevOut: types.OutPoint{Index: 1}, Witness: [][]byte{{1}, {2}}}},
		Out: []types.TxOut{{Script: []byte{0xac}}},
	}
	spent := []consensus.Coin{{Out: types.TxOut{Script: p2sh}}, {Out: types.TxOut{Script: p2wpkh}}}
	for flags, want := range map[script.Flags]int{
		0: 4, script.VerifyP2SH: 4 + 12, script.VerifyWitness: 4 + 1, script.VerifyP2SH | script.VerifyWitness: 4 + 12 + 1, script.ConsensusFlags: 4 + 12 + 1,
	} {
		if got := consensus.SigOpCostUnder(tx, spent, flags); got != want {
			t.Errorf("flags %b: cost %d, want %d", flags, got, want)
		}
	}
}
