package consensus_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
)

func TestRuleErrorSaysWhoseFaultItIs(t *testing.T) {
	err := fmt.Errorf("block 7: %w", consensus.Reject(consensus.HighHash, "over the target"))
	if !errors.Is(err, consensus.HighHash) || errors.Is(err, consensus.BadDiffBits) {
		t.Error("errors.Is does not find the kind")
	}
	if got := consensus.KindOf(err); got != consensus.HighHash {
		t.Errorf("KindOf is %q", got)
	}
	if got := consensus.KindOf(errors.New("disk full")); got != "" {
		t.Errorf("KindOf an error of ours is %q", got)
	}
	if got := consensus.KindOf(nil); got != "" {
		t.Errorf("KindOf nil is %q", got)
	}
	if got, want := err.Error(), "block 7: high-hash (over the target)"; got != want {
		t.Errorf("prints %q, want %q", got, want)
	}
	if got := consensus.Reject(consensus.Dust, "").Error(); got != "dust" {
		t.Errorf("without detail it prints %q", got)
	}
}

func TestBadVersionCarriesTheVersion(t *testing.T) {
	for v, want := range map[int32]string{
		1: "bad-version(0x00000001)", -1: "bad-version(0xffffffff)", -1 << 31: "bad-version(0x80000000)",
	} {
		err := consensus.Reject(consensus.BadVersionOf(v), "")
		if err.Error() != want {
			t.Errorf("version %d prints %q, want %q", v, err, want)
		}
		if !errors.Is(err, consensus.BadVersion) {
			t.Errorf("version %d is no bad-version", v)
		}
	}
	if errors.Is(consensus.Reject(consensus.HighHash, ""), consensus.BadVersion) {
		t.Error("high-hash is a bad-version")
	}
}

// TestKindsAreUnique reads kinds.go: no two kinds print the same, and policy kinds are exactly the last group.
func TestKindsAreUnique(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "kinds.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var groups [][]consensus.Kind
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		var group []consensus.Kind
		for _, spec := range gen.Specs {
			s, err := strconv.Unquote(spec.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if seen[s] {
				t.Errorf("%q is declared twice", s)
			}
			seen[s] = true
			group = append(group, consensus.Kind(s))
		}
		groups = append(groups, group)
	}
	if len(groups) < 4 || len(seen) < 60 {
		t.Fatalf("found %d kinds in %d groups", len(seen), len(groups))
	}
	for i, group := range groups {
		for _, k := range group {
			if want := i == len(groups)-1; consensus.IsPolicy(k) != want {
				t.Errorf("IsPolicy(%q) is %v", k, !want)
			}
		}
	}
}

func TestMutationsAreNotRemembered(t *testing.T) {
	for k, want := range map[consensus.Kind]bool{
		consensus.BadMerkleRoot: true, consensus.BadTxnsDuplicate: true, consensus.BadWitnessMerkleMatch: true,
		consensus.BadWitnessNonceSize: true, consensus.UnexpectedWitness: true, consensus.BadCbMissing: true,
		consensus.BadCbAmount: false, consensus.HighHash: false, consensus.BadTxnsMissingOrSpent: false, "": false,
	} {
		if consensus.IsMutation(k) != want {
			t.Errorf("IsMutation(%q) is %v", k, !want)
		}
	}
}
