package node

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
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

// Bad input 26: no file descriptor is left. The node goes on: RPC answers on a connection that it has, the tip advances and is
// written, the peers that are connected are served; and when there are descriptors again, newcomers get in.
func TestHostileNoFiles(t *testing.T) {
	s := besiege(t, func(c *Config) { c.DataDir = t.TempDir() })
	generate(t, s.ctx, s.node, 1)
	must(t, awaitOK(s))
	old := s.meet()
	spare := useUpFiles(t)
	must(t, spare().Close())
	late := s.approach() // takes the last one: the node has none for its end
	for !strings.Contains(scrape(t, s.node), `cairn_p2p_refused_total{reason="accept failed"}`) {
		old.fence()
		if s.ctx.Err() != nil {
			t.Fatal("the node took a connection without a file descriptor")
		}
	}
	tip := generate(t, s.ctx, s.node, 20)[19]
	old.say(wire.GetData{Items: []wire.Inv{{Type: wire.InvWitnessBlock, Hash: tip}}})
	awaitThat(old, func(m wire.BlockMsg) bool { return m.Block.Hash() == tip })
	var height int32
	s.call(&height, "getblockcount")
	if height != 21 {
		t.Errorf("height %d", height)
	}
	for f := spare(); f != nil; f = spare() {
		must(t, f.Close())
	}
	late.greet(late.version())
	late.fence()
	s.alive()
}

// useUpFiles lowers the limit of open files to little more than is in use, and opens files until there are no more. It returns a
// function that gives them out again, one after the other.
func useUpFiles(t *testing.T) (spare func() *os.File) {
	t.Helper()
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	open, err := os.ReadDir("/dev/fd")
	must(t, err)
	low := limit
	low.Cur = uint64(len(open) + 40)
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	t.Cleanup(func() { must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) })
	var files []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if errors.Is(err, syscall.EMFILE) {
			break
		}
		must(t, err)
		files = append(files, f)
	}
	spare = func() (f *os.File) {
		if len(files) > 0 {
			f, files = files[0], files[1:]
		}
		return f
	}
	t.Cleanup(func() {
		for f := spare(); f != nil; f = spare() {
			f.Close()
		}
	})
	return spare
}

// Peers cannot take the files that the databases need.
func TestHostileFitFiles(t *testing.T) {
	cfg := Config{Params: consensus.Regtest(), MaxConnections: 100_000}
	must(t, cfg.Validate())
	files := OpenFiles()
	if cfg.MaxConnections > files-200 && cfg.MaxConnections > 16 {
		t.Errorf("%d connections with %d files", cfg.MaxConnections, files)
	}
	cfg.MaxConnections = 16
	must(t, cfg.Validate())
	if cfg.MaxConnections != 16 {
		t.Errorf("%d connections, not 16", cfg.MaxConnections)
	}
}
