package peers

import (
	"context"
	"fmt"
	"testing"

	"github.com/cairn-chain/cairn/lab"
)

// TestGuest lets a btcd join a network of the laboratory: it takes the network's chain, the laboratory sees that it agrees,
// and what it mines becomes the network's.
func TestGuest(t *testing.T) {
	b := startBtcd(t, t.TempDir())
	net := lab.New(t, lab.Config{Nodes: 3, NoServices: true})
	agrees := func(height int32) {
		t.Helper()
		eventually(t, fmt.Sprintf("btcd agrees at %d", height), func() (string, bool) {
			g := net.Guests()[0]
			return fmt.Sprintf("%+v", g), g.State == "agrees" && g.Height == height
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := net.Mine(ctx, 2, 5); err != nil {
		t.Fatal(err)
	}
	// It joins when all have them: what is announced while it syncs it never asks for.
	if err := net.AwaitOneTip(ctx, 115); err != nil {
		t.Fatal(err)
	}
	if err := net.AddGuest(0, b.p2p); err != nil {
		t.Fatal(err)
	}
	agrees(115)
	b.generate(3)
	if err := net.AwaitOneTip(ctx, 118); err != nil {
		t.Fatal(err)
	}
	agrees(118)
}
