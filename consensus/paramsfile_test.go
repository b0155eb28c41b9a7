package consensus_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

func TestBuiltInNetworks(t *testing.T) {
	magics := map[string]string{"cairn": "ca19f0d3", "regtest": "fabfb5da", "mainnet": "f9beb4d9", "testnet3": "0b110907",
		"testnet4": "1c163f28", "signet": "0a03cf40"}
	for name, magic := range magics {
		p, err := consensus.Network(name)
		if err != nil || p.Name != name {
			t.Fatalf("%s: %v", name, err)
		}
		if got := hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, p.Magic)); got != magic {
			t.Errorf("%s: magic on the wire is %s, want %s", name, got, magic)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		a := p.Addresses()
		if a.HRP != p.Bech32HRP || a.PubKeyHashID != p.PubKeyHashAddrID || a.ScriptHashID != p.ScriptHashAddrID {
			t.Errorf("%s: addresses %+v", name, a)
		}
	}
	if _, err := consensus.Network("bitcoin"); err == nil || !strings.Contains(err.Error(), "bitcoin") {
		t.Errorf("bitcoin: %v", err)
	}
	if a, b := consensus.Cairn(), consensus.Cairn(); a == b {
		t.Error("callers share one Params")
	}
}

// TestNetworksDiffer: an address, a key or a port of one network is none of the other.
func TestNetworksDiffer(t *testing.T) {
	fields := func(p *consensus.Params) []any {
		return []any{p.Magic, p.PubKeyHashAddrID, p.ScriptHashAddrID, p.PrivateKeyID, p.HDPrivateID, p.HDPublicID,
			p.Bech32HRP, p.P2PPort, p.RPCPort, p.HTTPPort, p.Genesis.Hash()}
	}
	bitcoin := []any{uint32(0xd9b4bef9), byte(0), byte(5), byte(128), [4]byte{4, 0x88, 0xad, 0xe4}, [4]byte{4, 0x88, 0xb2, 0x1e},
		"bc", 8333, 8332, 0, types.Hash{}}
	cairn, regtest := fields(consensus.Cairn()), fields(consensus.Regtest())
	for i := range cairn {
		if cairn[i] == regtest[i] || cairn[i] == bitcoin[i] {
			t.Errorf("field %d is %v on two networks", i, cairn[i])
		}
	}
}

func TestSubsidy(t *testing.T) {
	p := consensus.Regtest()
	for height, want := range map[int32]int64{
		0: 50_0000_0000, 1: 50_0000_0000, 149: 50_0000_0000, 150: 25_0000_0000, 299: 25_0000_0000, 300: 12_5000_0000,
		150 * 32: 1, 150 * 33: 0, 150 * 63: 0, 150 * 64: 0, 1<<31 - 1: 0,
	} {
		if got := p.SubsidyAt(height); got != want {
			t.Errorf("height %d: %d, want %d", height, got, want)
		}
	}
	// All that is ever issued on cairn.
	c := consensus.Cairn()
	var total int64
	for halving := range int32(64) {
		total += c.SubsidyAt(halving*c.HalvingInterval) * int64(c.HalvingInterval)
	}
	if total != 2_099_999_997_690_000 || total > consensus.MaxMoney {
		t.Errorf("all subsidies sum to %d", total)
	}
}

func TestParseParams(t *testing.T) {
	p, err := consensus.ParseParams([]byte(`
		base = "cairn"
		name = "fast-net"
		p2p_port = 1
		rpc_port = 2
		http_port = 65535
		pow_limit_bits = "207fffff"
		retarget = "asert"
		target_spacing = 2
		asert_half_life = 60
		asert_anchor_height = 5
		asert_anchor_bits = "1f00ffff"
		max_future_time = 60
		coinbase_maturity = 3
		subsidy = 100
		halving_interval = 1000
		refuse_64_byte_tx = false
		minimum_work = "1ff"
		block_filter_index = false
	`))
	if err != nil {
		t.Fatal(err)
	}
	want := consensus.Cairn()
	want.Name, want.Magic, want.Genesis = "fast-net", p.Magic, p.Genesis
	want.P2PPort, want.RPCPort, want.HTTPPort = 1, 2, 65535
	want.PowLimitBits, want.TargetSpacing, want.AsertHalfLife = 0x207fffff, 2, 60
	want.AsertAnchorHeight, want.AsertAnchorBits = 5, 0x1f00ffff
	want.MaxFutureTime, want.CoinbaseMaturity, want.Subsidy, want.HalvingInterval = 60, 3, 100, 1000
	want.Refuse64ByteTx, want.BlockFilterIndex = false, false
	want.MinimumWork = consensus.WorkFromBig(big.NewInt(0x1ff))
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p, want)
	}
	if p.Genesis.Hash() != consensus.Cairn().Genesis.Hash() {
		t.Error("another genesis")
	}
}

// TestMagicFollowsTheRules: every rule changes the magic; a name, a port or an index does not.
func TestMagicFollowsTheRules(t *testing.T) {
	magic := func(line string) uint32 {
		t.Helper()
		p, err := consensus.ParseParams([]byte("base = \"cairn\"\nname = \"x\"\n" + line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return p.Magic
	}
	plain := magic("")
	if plain == consensus.Cairn().Magic || plain == consensus.Regtest().Magic {
		t.Error("a params file gives the magic of a built-in network")
	}
	seen := map[uint32]string{plain: "none"}
	for _, line := range []string{
		`pow_limit_bits = "1f00fffe"`, `retarget = "none"`, `target_spacing = 14`, `asert_half_life = 301`,
		`asert_anchor_height = 21`, `asert_anchor_bits = "1e03fffe"`, `max_future_time = 7201`, `coinbase_maturity = 11`,
		`subsidy = 1`, `halving_interval = 209999`, `refuse_64_byte_tx = false`,
	} {
		m := magic(line)
		if other, ok := seen[m]; ok {
			t.Errorf("%s has the magic of %s", line, other)
		}
		seen[m] = line
	}
	for _, line := range []string{`p2p_port = 5`, `rpc_port = 5`, `http_port = 5`, `minimum_work = "5"`, `block_filter_index = false`, `target_spacing = 15`} {
		if magic(line) != plain {
			t.Errorf("%s changes the magic", line)
		}
	}
	r, err := consensus.ParseParams([]byte("base = \"regtest\"\nname = \"x\"\n"))
	if err != nil || r.Magic == plain {
		t.Errorf("another base has the same magic: %v", err)
	}
}

func TestParseParamsRefuses(t *testing.T) {
	const head = "base = \"cairn\"\nname = \"x\"\n"
	for text, word := range map[string]string{
		"":                                                           "base",
		"base = \"cairn\"":                                           "name",
		"name = \"x\"":                                               "unknown network",
		"base = \"cairn\"\nname = \"cairn\"":                         "taken",
		"base = \"cairn\"\nname = \"regtest\"":                       "taken",
		"base = \"cairn\"\nname = \"A\"":                             "name",
		"base = \"cairn\"\nname = \"a b\"":                           "name",
		"base = \"mainnet\"\nname = \"x\"":                           "unknown network",
		"base = \"cairn\"\nname = \"signet\"":                        "taken",
		head + "retarget = \"period\"":                               "period",
		"base = \"main\"\nname = \"x\"":                              "unknown network",
		"this is no toml":                                            "toml",
		head + "colour = \"red\"":                                    "colour",
		head + "p2p_port = 0":                                        "port",
		head + "p2p_port = 65536":                                    "port",
		head + "p2p_port = \"1\"":                                    "p2p_port",
		head + "pow_limit_bits = \"1f00\"":                           "pow_limit_bits",
		head + "pow_limit_bits = \"0x1f00ff\"":                       "pow_limit_bits",
		head + "pow_limit_bits = \"1f80ffff\"":                       "pow_limit_bits",
		head + "pow_limit_bits = \"2100ffff\"":                       "pow_limit_bits",
		head + "pow_limit_bits = \"220000ff\"":                       "pow_limit_bits",
		head + "pow_limit_bits = \"20000001\"":                       "pow_limit_bits",
		head + "pow_limit_bits = \"1d00ffff\"":                       "over the limit",
		head + "retarget = \"often\"":                                "often",
		head + "target_spacing = 0":                                  "target_spacing",
		head + "target_spacing = 10000000":                           "target_spacing",
		head + "asert_half_life = 0":                                 "asert_half_life",
		head + "asert_half_life = -1":                                "asert_half_life",
		head + "asert_anchor_height = 0":                             "asert_anchor_height",
		head + "asert_anchor_bits = \"0\"":                           "asert_anchor_bits",
		head + "asert_anchor_bits = \"00000000\"":                    "asert_anchor_bits",
		head + "max_future_time = 0":                                 "max_future_time",
		head + "coinbase_maturity = 0":                               "coinbase_maturity",
		head + "subsidy = -1":                                        "subsidy",
		head + "subsidy = 5000000001":                                "subsidy",
		head + "halving_interval = 0":                                "halving_interval",
		head + "halving_interval = 2147483647":                       "halving_interval",
		head + "minimum_work = \"xyz\"":                              "minimum_work",
		head + "minimum_work = \"-1\"":                               "minimum_work",
		head + "minimum_work = \"1" + strings.Repeat("0", 64) + "\"": "minimum_work",
	} {
		_, err := consensus.ParseParams([]byte(text))
		if !errors.Is(err, consensus.ErrParams) || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, want something about %s", text, err, word)
		}
	}
}

func FuzzParseParams(f *testing.F) {
	f.Add("base = \"cairn\"\nname = \"x\"\n")
	f.Add("base = \"regtest\"\nname = \"y\"\nsubsidy = 1\nminimum_work = \"ff\"\npow_limit_bits = \"207fffff\"")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := consensus.ParseParams([]byte(text))
		if (p == nil) == (err == nil) {
			t.Fatalf("%v and %v", p, err)
		}
		if p != nil && p.Validate() != nil {
			t.Fatal("parsed, yet not valid")
		}
	})
}
