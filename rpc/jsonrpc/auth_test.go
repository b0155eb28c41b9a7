package jsonrpc

import (
	"strings"
	"testing"
)

// TestCredential uses the values of Bitcoin Core's own functional test of rpcauth.
func TestCredential(t *testing.T) {
	const auth = "rt:93648e835a54c573682c2eb19f882535$7681e9c5b74bdd85e78166031d2058e1069b3ed7ed967c93fc63abba06f31144"
	const password = "cA773lm788buwYe4g4WT+05pKyNruVKjQ25x3n0DQcM="
	c, err := ParseCredential(auth)
	if err != nil {
		t.Fatal(err)
	}
	if !c.accepts("rt", password) || c.accepts("rt", password+"x") || c.accepts("rt", "") || c.accepts("tr", password) {
		t.Error("the wrong ones are accepted")
	}
	for _, bad := range []string{"", "rt", "rt:salt", "rt:salt$zz", ":salt$" + strings.Repeat("0", 64), "rt:$" + strings.Repeat("0", 64), auth + "00"} {
		if _, err := ParseCredential(bad); err == nil {
			t.Errorf("ParseCredential(%q) works", bad)
		}
	}
}
