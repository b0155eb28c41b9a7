package chain_test

import (
	"flag"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/chain/slowmodel"
)

// trees is how many trees of each network are played unless -rapid.checks says how many. From manyTrees on every reason for which a block
// can be refused must have occurred.
const (
	trees     = 1000
	fewTrees  = 100 // in short runs and under the race detector
	manyTrees = 1000
)

// setChecks makes rapid play n trees, unless the command line says how many, and returns how many it will play.
func setChecks(t *testing.T, n int) int {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	was := checks.Value.String()
	if was != checks.DefValue {
		n, err := strconv.Atoi(was)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if testing.Short() || raceDetector {
		n = fewTrees
	}
	set := func(v string) {
		if err := flag.Set("rapid.checks", v); err != nil {
			t.Fatal(err)
		}
	}
	set(strconv.Itoa(n))
	t.Cleanup(func() { set(was) })
	return n
}

// TestAgainstSlowModel plays random trees with random histories against the slow model: the same tip, the same coins, the same state of every
// branch and the same verdicts after every step. -rapid.checks=N plays N trees of each network.
func TestAgainstSlowModel(t *testing.T) {
	for _, net := range networks {
		t.Run(net.name, func(t *testing.T) {
			n := setChecks(t, trees)
			seen := map[string]int{}
			rapid.Check(t, func(t *rapid.T) {
				if err := play(t, net, nil, seen); err != nil {
					t.Fatal(err)
				}
			})
			for _, what := range slices.Sorted(maps.Keys(seen)) {
				t.Logf("%7d %s", seen[what], what)
			}
			for _, what := range reasons(net) {
				if n >= manyTrees && seen[what] == 0 {
					t.Errorf("%s never occurred: the generator has lost something", what)
				}
			}
		})
	}
}

// reasons are those for which blocks of a network can be refused, and the limits that good blocks reach.
func reasons(net network) []string {
	all := strings.Fields(`
		high-hash bad-diffbits time-too-old time-too-new bad-version(0x00000003) bad-version(0xffffffff) prev-blk-not-found bad-prevblk
		duplicate-invalid
		bad-txnmrklroot bad-txns-duplicate bad-blk-length bad-cb-missing bad-cb-multiple bad-cb-length bad-cb-height bad-blk-sigops bad-blk-weight
		unexpected-witness bad-witness-nonce-size bad-witness-merkle-match
		bad-txns-vin-empty bad-txns-vout-empty bad-txns-vout-negative bad-txns-vout-toolarge bad-txns-txouttotal-toolarge
		bad-txns-inputs-duplicate bad-txns-prevout-null bad-txns-nonfinal
		bad-txns-inputs-missingorspent bad-txns-premature-spend-of-coinbase bad-txns-in-belowout bad-cb-amount
		block-script-verify-flag-failed`)
	all = append(all, "lock time: last height", "lock time: last second", "relative lock: blocks", "relative lock: time",
		"signature operations: at the limit", "weight: at the limit", "time: after the median", "time: in two hours")
	if net.name == "cairn" {
		return append(all, "bad-txns-64byte", "64 bytes")
	}
	return append(all, "bad-txns-BIP30", "a spent coinbase again")
}

// flaws are deliberate faults of the model. The comparison must notice each.
var flaws = []struct {
	name   string
	net    int // 0 regtest, 1 cairn
	breaks func(*slowmodel.Rules)
}{
	{"maturity is one more", 0, func(r *slowmodel.Rules) { r.Maturity++ }},
	{"maturity is one less", 1, func(r *slowmodel.Rules) { r.Maturity-- }},
	{"subsidy is one more", 0, func(r *slowmodel.Rules) { r.Subsidy += 2 }},
	{"subsidy halves one block later", 0, func(r *slowmodel.Rules) { r.Halving++ }},
	{"half-life is a second longer", 1, func(r *slowmodel.Rules) { r.Asert.HalfLife++ }},
	{"spacing is a second longer", 1, func(r *slowmodel.Rules) { r.Asert.Spacing++ }},
	{"the anchor is one block later", 1, func(r *slowmodel.Rules) { r.Asert.AnchorHeight++ }},
	{"two hours are a second less", 0, func(r *slowmodel.Rules) { r.FutureSeconds-- }},
	{"the median is of twelve", 0, func(r *slowmodel.Rules) { r.MedianSpan = 12 }},
	{"64 bytes are allowed", 1, func(r *slowmodel.Rules) { r.Refuse64 = false }},
	{"one signature operation more", 0, func(r *slowmodel.Rules) { r.MaxSigOpCost += 4 }},
	{"a weight of ten more", 1, func(r *slowmodel.Rules) { r.MaxWeight *= 10 }},
	{"relative locks of 513 seconds", 0, func(r *slowmodel.Rules) { r.LockUnit = 513 }},
	{"BIP34 later", 1, func(r *slowmodel.Rules) { r.BIP34 = 5 }},
	{"version 3 for ever", 0, func(r *slowmodel.Rules) { r.BIP65 = 1000 }},
	{"relative locks later", 1, func(r *slowmodel.Rules) { r.CSV = 100 }},
	{"segwit later", 1, func(r *slowmodel.Rules) { r.Segwit = 6 }},
	{"last seen", 0, func(r *slowmodel.Rules) { r.Flaws.LastSeen = true }},
	{"height, not work", 1, func(r *slowmodel.Rules) { r.Flaws.ByHeight = true }},
	{"headers on invalid blocks", 0, func(r *slowmodel.Rules) { r.Flaws.Forgetful = true }},
	{"mutations are remembered", 0, func(r *slowmodel.Rules) { r.Flaws.Blaming = true }},
	{"repeated tails", 0, func(r *slowmodel.Rules) { r.Flaws.BlindMerkle = true }},
	{"spent twice", 0, func(r *slowmodel.Rules) { r.Flaws.DoubleSpend = true }},
	{"OP_RETURN is a coin", 0, func(r *slowmodel.Rules) { r.Flaws.KeepReturn = true }},
	{"no scripts", 1, func(r *slowmodel.Rules) { r.Flaws.NoScripts = true }},
	{"lock times one early", 0, func(r *slowmodel.Rules) { r.Flaws.LateFinality = true }},
	{"no commitment", 0, func(r *slowmodel.Rules) { r.Flaws.NoWitnessRule = true }},
	{"no BIP30", 0, func(r *slowmodel.Rules) { r.Flaws.NoBIP30 = true }},
	{"no spends within a block", 1, func(r *slowmodel.Rules) { r.Flaws.ChainedSpends = true }},
	{"the block's own time", 0, func(r *slowmodel.Rules) { r.Flaws.OwnTime = true }},
}

// TestFlawsAreSeen breaks one rule of the model at a time, each of which must lead to a disagreement within some hundred trees. The trees are the
// same at every run.
func TestFlawsAreSeen(t *testing.T) {
	if raceDetector {
		t.Skip("the same trees as without the race detector, ten times as long")
	}
	for _, flaw := range flaws {
		t.Run(flaw.name, func(t *testing.T) {
			game := rapid.Custom(func(t *rapid.T) error { return play(t, networks[flaw.net], flaw.breaks, map[string]int{}) })
			for seed := 1; ; seed++ {
				if err := game.Example(seed); err != nil {
					t.Logf("seen in tree %d: %v", seed, err)
					return
				}
				if seed == 2*manyTrees {
					t.Fatalf("not seen in %d trees", seed)
				}
			}
		})
	}
}
