package node

import (
	"context"
	"log/slog"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// server reads blocks for peers, so that the owner never waits for a disk. The machine bounds what each
// peer may have outstanding; the queue bounds all of them together.
type server struct {
	chain *chain.Chain
	net   *p2p.Net
	log   *slog.Logger
	queue chan proto.ServeBlock
}

func newServer(c *chain.Chain, net *p2p.Net, log *slog.Logger) *server {
	return &server{chain: c, net: net, log: log, queue: make(chan proto.ServeBlock, 1024)}
}

// request queues a block for a peer. A peer that asks while the queue is full is disconnected: it could
// not tell a block that never comes from one that comes late.
func (s *server) request(r proto.ServeBlock) {
	select {
	case s.queue <- r:
	default:
		s.net.Disconnect(r.Peer, "too many blocks asked for")
	}
}

func (s *server) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-s.queue:
			b, err := s.chain.Block(r.Hash)
			if err != nil {
				s.log.Warn("a block that a peer asked for could not be read", "block", r.Hash, "err", err)
				s.net.Send(r.Peer, &wire.NotFound{Items: []wire.Inv{{Type: wire.InvBlock, Hash: r.Hash}}})
				continue
			}
			s.net.Send(r.Peer, &wire.BlockMsg{Block: b, Base: r.Base})
		}
	}
}
