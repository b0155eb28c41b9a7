package p2p

import (
	"context"
	"sync"

	"github.com/cairn-chain/cairn/p2p/proto"
)

// gate is an Emit that can be made to block, as an owner's full channel does.
type gate struct {
	mu     sync.Mutex
	closed chan struct{} // not nil while shut
}

func newGate() *gate { return &gate{} }

// into puts the gate before Emit. An event that is given up because its ctx ended is passed on only if
// it is Gone or Connected, so that their pairing can be checked.
func (g *gate) into(cfg *Config) {
	next := cfg.Emit
	cfg.Emit = func(ctx context.Context, ev proto.Event) {
		g.mu.Lock()
		wait := g.closed
		g.mu.Unlock()
		if wait != nil {
			select {
			case <-wait:
			case <-ctx.Done():
				if _, ok := ev.(proto.Message); ok {
					return
				}
			}
		}
		next(ctx, ev)
	}
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.closed)
	g.closed = nil
}
