package rpc

import (
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/rpc/chainjson"
)

// signalTo mines blocks with the version that is due, or 4 where it should not signal, until the tip has that height.
func (r *rig) signalTo(height int32, signal bool) {
	r.t.Helper()
	for r.tip.Height() < height {
		b := r.chain.Build(r.tip, consensustest.KeyLock())
		if b.Header.Version = 4; signal {
			b.Header.Version = consensus.BlockVersion(r.params, r.tip)
		}
		consensustest.Solve(b)
		n, err := r.chain.Add(b)
		if err != nil {
			r.t.Fatal(err)
		}
		r.setTip(n)
	}
}

// TestDeploymentInfo follows regtest's dummy through its states. The names and their order are Core's.
func TestDeploymentInfo(t *testing.T) {
	r := newRig(t, 0)
	for _, v := range []struct {
		height                   int32
		signal                   bool
		status, next, signalling string
		since                    float64
	}{
		{0, true, "defined", "defined", "", 0},
		{142, true, "defined", "defined", "", 0},
		{143, true, "defined", "started", "", 0},
		{144, false, "started", "started", "-", 144},
		{146, true, "started", "started", "-##", 144},
		{287, true, "started", "locked_in", "-" + strings.Repeat("#", 143), 144},
		{288, true, "locked_in", "locked_in", "#", 288},
		{431, false, "locked_in", "active", "#" + strings.Repeat("-", 143), 288},
		{432, true, "active", "active", "", 432},
	} {
		r.signalTo(v.height, v.signal)
		got := call2[m](t, r, "getdeploymentinfo")["deployments"].(m)
		dummy := got["testdummy"].(m)
		bip9 := dummy["bip9"].(m)
		if bip9["status"] != v.status || bip9["status_next"] != v.next || bip9["since"] != v.since || dummy["active"] != (v.next == "active") {
			t.Errorf("height %d: %v", v.height, dummy)
		}
		if text, _ := bip9["signalling"].(string); text != v.signalling {
			t.Errorf("height %d: signalling %q, want %q", v.height, text, v.signalling)
		}
		if _, ok := bip9["bit"]; ok != (v.signalling != "") {
			t.Errorf("height %d: %v", v.height, bip9)
		}
		if _, ok := dummy["height"]; ok != (v.next == "active") {
			t.Errorf("height %d: %v", v.height, dummy)
		}
		if stats, ok := bip9["statistics"].(m); ok {
			if _, ok := stats["threshold"]; ok != (v.status == "started") || stats["period"] != 144.0 {
				t.Errorf("height %d: %v", v.height, stats)
			}
		}
		taproot := got["taproot"].(m)
		if taproot["active"] != true || taproot["height"] != 0.0 || taproot["bip9"].(m)["start_time"] != -1.0 {
			t.Errorf("taproot: %v", taproot)
		}
	}
	var raw struct{ Deployments rawObject }
	if err := r.client.Call(t.Context(), "getdeploymentinfo", &raw); err != nil {
		t.Fatal(err)
	}
	at := -1
	for _, name := range []string{"bip34", "bip66", "bip65", "csv", "segwit", "testdummy", "taproot"} {
		next := strings.Index(string(raw.Deployments), `"`+name+`"`)
		if next <= at {
			t.Errorf("%s is out of order in %s", name, raw.Deployments)
		}
		at = next
	}
}

// rawObject keeps JSON as it came.
type rawObject string

func (o *rawObject) UnmarshalJSON(b []byte) error {
	*o = rawObject(b)
	return nil
}

// TestBuriedHeights: a fork is active from the block before its height on, since it holds for the next.
func TestBuriedHeights(t *testing.T) {
	r := newRig(t, 0)
	if err := r.params.SetActivation("segwit", 3); err != nil {
		t.Fatal(err)
	}
	rules := m{"rules": []string{"segwit"}}
	for height := int32(0); height <= 3; height++ {
		r.signalTo(height, true)
		segwit := call2[m](t, r, "getdeploymentinfo")["deployments"].(m)["segwit"].(m)
		if segwit["type"] != "buried" || segwit["height"] != 3.0 || segwit["active"] != (height >= 2) {
			t.Errorf("height %d: %v", height, segwit)
		}
		got := call2[m](t, r, "getblocktemplate", rules)
		_, weight := got["weightlimit"]
		if active := height >= 2; weight != active || got["sigoplimit"] != map[bool]float64{true: 80_000, false: 20_000}[active] {
			t.Errorf("height %d: sigoplimit %v, weightlimit %v, rules %v", height, got["sigoplimit"], got["weightlimit"], got["rules"])
		}
	}
}

// TestTemplateSignals: the template names the rules that hold and the deployments that are under way.
func TestTemplateSignals(t *testing.T) {
	r := newRig(t, 0)
	for _, v := range []struct {
		height    int32
		available float64 // bit of the dummy, 0 if there is none
		rules     string
	}{{0, 0, "csv !segwit taproot"}, {143, 28, "csv !segwit taproot"}, {287, 28, "csv !segwit taproot"}, {431, 0, "csv !segwit testdummy taproot"}} {
		r.signalTo(v.height, true)
		got := call2[m](t, r, "getblocktemplate", m{"rules": []string{"segwit"}})
		bit, _ := got["vbavailable"].(m)["testdummy"].(float64)
		var rules []string
		for _, rule := range got["rules"].([]any) {
			rules = append(rules, rule.(string))
		}
		if bit != v.available || strings.Join(rules, " ") != v.rules {
			t.Errorf("height %d: %v, %v", v.height, got["vbavailable"], got["rules"])
		}
	}
}

func TestChainNames(t *testing.T) {
	for name, want := range map[string]string{"mainnet": "main", "testnet3": "test", "testnet4": "testnet4", "signet": "signet", "regtest": "regtest", "cairn": "cairn"} {
		p, err := consensus.Network(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := chainjson.ChainName(p); got != want {
			t.Errorf("%s is called %s", name, got)
		}
	}
}
