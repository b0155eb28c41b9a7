package sim_test

import (
	"context"
	"fmt"

	"github.com/cairn-chain/cairn/sim"
)

// Five nodes mine for a day of virtual time.
func Example() {
	cfg, err := sim.Parse([]byte(`
nodes = 5
duration = "24h"
[topology]
kind = "ring"
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	w, err := sim.New(cfg, 7, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := w.Run(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	rep := w.Report()
	fmt.Println(rep.Found, "blocks,", rep.Stale, "stale,", rep.TipsAtEnd, "tip")
	// Output: 160 blocks, 0 stale, 1 tip
}
