package lab_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/lab"
)

// A test of software that needs a chain: a network of five nodes, a payment, a fork.
func ExampleNew() {
	test := func(t *testing.T) {
		net := lab.New(t, lab.Config{Nodes: 5, Seed: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := net.Send(ctx, 0, 1, 2, 150_000_000, 0); err != nil { // 1.5 coins from account 1 to account 2
			t.Fatal(err)
		}
		if err := net.Partition([]int{0, 0, 0, 1, 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := net.Mine(ctx, 0, 2); err != nil {
			t.Fatal(err)
		}
		net.Heal()
		if err := net.AwaitOneTip(ctx, 112); err != nil {
			t.Fatal(err) // … node 3 at 110 with no peers …
		}
	}
	fmt.Println(test != nil)
	// Output: true
}

// A network of one's own, without a test around it.
func ExampleUp() {
	ctx := context.Background()
	net, err := lab.Up(ctx, lab.Config{Nodes: 2, Network: "regtest", Ephemeral: true, NoServices: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer net.Down()
	if _, err := net.Mine(ctx, 0, 3); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(net.AwaitOneTip(ctx, 113), net.Node(1).Chain().Tip().Height())
	// Output: <nil> 113
}
