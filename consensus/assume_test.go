package consensus_test

import (
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
)

func TestParseAssumeUTXO(t *testing.T) {
	a, b := strings.Repeat("1a", 32), strings.Repeat("2b", 32)
	got, err := consensus.ParseAssumeUTXO("120:" + a + ":" + b + ":345")
	if err != nil || got.Height != 120 || got.Block.String() != a || got.Hash.String() != b || got.ChainTx != 345 {
		t.Fatalf("%+v %v", got, err)
	}
	for _, text := range []string{"", "120", "0:" + a + ":" + b + ":3", "1:" + a + ":" + b + ":0", "1:" + a + ":" + b + ":3:4", "1:" + a[1:] + ":" + b + ":3",
		"1:" + a + ":x:3", "99999999999:" + a + ":" + b + ":3", "-1:" + a + ":" + b + ":3"} {
		if _, err := consensus.ParseAssumeUTXO(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	p := consensus.Regtest()
	for _, want := range p.Assume {
		if got, ok := p.AssumedAt(want.Block); !ok || got != want {
			t.Errorf("%+v", got)
		}
	}
	if _, ok := p.AssumedAt(p.Genesis.Hash()); ok || len(p.Assume) != 6 {
		t.Error(len(p.Assume))
	}
}
