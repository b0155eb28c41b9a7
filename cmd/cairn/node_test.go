package main

import (
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
)

func TestMoveForks(t *testing.T) {
	p := consensus.Regtest()
	if err := moveForks(p, []string{"segwit@432", "csv@0"}); err != nil || p.SegwitHeight != 432 || p.CSVHeight != 0 {
		t.Errorf("segwit at %d, csv at %d, %v", p.SegwitHeight, p.CSVHeight, err)
	}
	for text, word := range map[string]string{
		"segwit": "format", "segwit=5": "format", "segwit@": "height", "segwit@-1": "height", "segwit@x": "height", "segwit@2147483647": "height",
		"segwit@99999999999": "height", "taproot@5": "name", "@5": "name",
	} {
		if err := moveForks(consensus.Regtest(), []string{text}); err == nil || !strings.Contains(err.Error(), "invalid "+word) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := moveForks(consensus.Cairn(), []string{"csv@5"}); err == nil || !strings.Contains(err.Error(), "regtest") {
		t.Errorf("cairn: %v", err)
	}
	if err := moveForks(consensus.Cairn(), nil); err != nil {
		t.Error(err)
	}
}
