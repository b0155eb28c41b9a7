package node

import (
	"testing"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// Bad input 26: a thousand connections at once, all greeted, then as many again that the node has no place for. RPC answers, the
// tip advances, and a peer of the thousand hears of it.
func TestHostileCrowd(t *testing.T) {
	const many = 1000
	s := besiege(t, func(c *Config) { c.MaxConnections = many + 12 })
	generate(t, s.ctx, s.node, 1)
	before := heap()
	crowd := make([]*stranger, many)
	for i := range crowd {
		crowd[i] = s.approach()
		crowd[i].say(crowd[i].version(), wire.Verack{})
	}
	for _, p := range crowd {
		await[wire.Verack](p)
		p.fence()
	}
	if n := s.peers(); n != many {
		t.Fatalf("%d peers are connected, not %d", n, many)
	}
	within(t, "1,000 peers, both ends", before, 64<<20)
	s.alive()
	for _, p := range []*stranger{crowd[0], crowd[many/2], crowd[many-1]} {
		p.fence()
	}
	for range many {
		s.approach() // and nothing is said
	}
	s.call(nil, "getpeerinfo")
	tip := generate(t, s.ctx, s.node, 1)[0]
	crowd[7].say(wire.GetData{Items: []wire.Inv{{Type: wire.InvWitnessBlock, Hash: tip}}})
	awaitThat(crowd[7], func(m wire.BlockMsg) bool { return m.Block.Hash() == tip })
	if n := len(s.node.net.Peers()); n > many+12+8 {
		t.Errorf("%d connections are kept", n)
	}
}

// Bad input 26: with the usual number of places, a crowd of ten times as many that greet and then say nothing fills them. Who was
// there before the crowd and has delivered blocks stays, and a newcomer still gets in for others to go.
func TestHostileFullHouse(t *testing.T) {
	s := besiege(t, nil)
	generate(t, s.ctx, s.node, 1)
	old := s.meet()
	for range 3 {
		b := s.nextBlock()
		old.announce(b)
		old.asked(b.Hash())
		old.say(wire.BlockMsg{Block: b})
		awaitTip(t, s.ctx, s.node, b.Hash())
	}
	var crowd []*stranger
	for range 1250 {
		p := s.approach()
		p.say(p.version(), wire.Verack{})
		crowd = append(crowd, p)
	}
	b := s.nextBlock()
	old.announce(b)
	old.asked(b.Hash())
	old.say(wire.BlockMsg{Block: b})
	awaitTip(t, s.ctx, s.node, b.Hash())
	var height int32
	s.call(&height, "getblockcount")
	if n := s.peers(); height != 5 || n > 125 {
		t.Errorf("height %d, %d peers", height, n)
	}
	for _, p := range crowd {
		p.close()
	}
	s.awaitPeers(1)
	old.fence()
	s.alive()
}
