package node

import (
	"encoding/binary"
	"math/bits"
	"testing"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// sipHash is SipHash-2-4 with a 64-bit result, from its paper.
func sipHash(k0, k1 uint64, data []byte) uint64 {
	v := [4]uint64{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
	rounds := func(n int) {
		for range n {
			v[0] += v[1]
			v[2] += v[3]
			v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
			v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
			v[0] = bits.RotateLeft64(v[0], 32)
			v[2] += v[1]
			v[0] += v[3]
			v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
			v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
			v[2] = bits.RotateLeft64(v[2], 32)
		}
	}
	last := uint64(len(data)) << 56
	for ; len(data) >= 8; data = data[8:] {
		m := binary.LittleEndian.Uint64(data)
		v[3] ^= m
		rounds(2)
		v[0] ^= m
	}
	for i, b := range data {
		last |= uint64(b) << (8 * i)
	}
	v[3] ^= last
	rounds(2)
	v[0] ^= last
	v[2] ^= 0xff
	rounds(4)
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

// filterMatches decodes a basic filter by hand, from BIP158, and tells whether a script is in it.
func filterMatches(t *testing.T, filter []byte, block types.Hash, lock []byte) bool {
	t.Helper()
	d := types.NewDecoder(filter)
	n := d.VarInt()
	coded := d.Bytes(d.Remaining())
	must(t, d.Finish())
	want, _ := bits.Mul64(sipHash(binary.LittleEndian.Uint64(block[:]), binary.LittleEndian.Uint64(block[8:]), lock), n*784931)
	at := 0
	bit := func() uint64 {
		if at >= 8*len(coded) {
			t.Fatalf("the filter of %v is cut off", block)
		}
		at++
		return uint64(coded[(at-1)/8]>>(7-(at-1)%8)) & 1
	}
	value := uint64(0)
	for range n {
		quotient := uint64(0)
		for bit() == 1 {
			quotient++
		}
		rest := uint64(0)
		for range 19 {
			rest = rest<<1 | bit()
		}
		if value += quotient<<19 | rest; value == want {
			return true
		}
	}
	return false
}

// lightClient is a wallet that believes no node: it has headers, filter headers, and asks for few blocks.
type lightClient struct {
	*stranger
	headers []types.Header // from genesis
	hashes  []types.Hash
	filters []types.Hash // their hashes
	head    types.Hash   // the last filter header
}

func (c *lightClient) syncHeaders(genesis types.Header) {
	c.t.Helper()
	c.headers, c.hashes = []types.Header{genesis}, []types.Hash{genesis.Hash()}
	for {
		last := c.hashes[len(c.hashes)-1]
		c.say(wire.GetHeaders{Protocol: wire.ProtocolVersion, Locator: []types.Hash{last}})
		got := awaitThat(c.stranger, func(m wire.Headers) bool { return len(m.Headers) == 0 || m.Headers[0].PrevHash == last })
		if len(got.Headers) == 0 {
			return
		}
		for _, h := range got.Headers {
			if h.PrevHash != c.hashes[len(c.hashes)-1] {
				c.t.Fatal("headers do not connect")
			}
			c.headers, c.hashes = append(c.headers, h), append(c.hashes, h.Hash())
		}
	}
}

// syncFilterHeaders asks for all filter hashes and chains them.
func (c *lightClient) syncFilterHeaders() {
	c.t.Helper()
	tip := len(c.hashes) - 1
	c.filters, c.head = nil, types.Hash{}
	for start := 0; start <= tip; start += 700 {
		stop := min(start+699, tip)
		c.say(wire.GetCFHeaders{Start: uint32(start), Stop: c.hashes[stop]})
		m := await[wire.CFHeaders](c.stranger)
		if m.Prev != c.head || m.Stop != c.hashes[stop] || len(m.Hashes) != stop-start+1 {
			c.t.Fatalf("filter headers from %d: %d of them, before them %v, not %v", start, len(m.Hashes), m.Prev, c.head)
		}
		for _, h := range m.Hashes {
			c.filters = append(c.filters, h)
			c.head = types.DoubleSHA256(append(h[:], c.head[:]...))
			if len(c.filters)-1 == wire.CFCheckptInterval {
				c.say(wire.GetCFCheckpt{Stop: c.hashes[tip]})
				if points := await[wire.CFCheckpt](c.stranger); len(points.Headers) != tip/wire.CFCheckptInterval || points.Headers[0] != c.head {
					c.t.Fatalf("checkpoints %v, the header there is %v", points.Headers, c.head)
				}
			}
		}
	}
}

// matching fetches all filters, checks them against their hashes, and returns the heights whose filter has a script.
func (c *lightClient) matching(lock []byte) (heights []int) {
	c.t.Helper()
	tip := len(c.hashes) - 1
	for start := 0; start <= tip; start += wire.MaxCFilters {
		stop := min(start+wire.MaxCFilters-1, tip)
		c.say(wire.GetCFilters{Start: uint32(start), Stop: c.hashes[stop]})
		for h := start; h <= stop; h++ {
			m := await[wire.CFilter](c.stranger)
			if m.Block != c.hashes[h] || types.DoubleSHA256(m.Filter) != c.filters[h] {
				c.t.Fatalf("filter at height %d is not the one promised", h)
			}
			if filterMatches(c.t, m.Filter, m.Block, lock) {
				heights = append(heights, h)
			}
		}
	}
	return heights
}

// pays fetches a block, checks it against its header and tells whether it pays a script.
func (c *lightClient) pays(height int, lock []byte) bool {
	c.t.Helper()
	c.say(wire.GetData{Items: []wire.Inv{{Type: wire.InvWitnessBlock, Hash: c.hashes[height]}}})
	b := awaitThat(c.stranger, func(m wire.BlockMsg) bool { return m.Block.Hash() == c.hashes[height] }).Block
	var ids []types.Hash
	found := false
	for _, tx := range b.Txs {
		ids = append(ids, tx.ID())
		for _, out := range tx.Out {
			found = found || string(out.Script) == string(lock)
		}
	}
	if root, mutated := merkle.Root(ids); root != c.headers[height].MerkleRoot || mutated {
		c.t.Fatalf("block at height %d is not that of its header", height)
	}
	return found
}

// filtering has regtest keep filters.
func filtering(c *Config) { c.Params.BlockFilterIndex = true }

// A light client that trusts nobody finds its coins: BIP157 and BIP158 from the outside.
func TestLightClient(t *testing.T) {
	s := besiege(t, filtering)
	mine := append([]byte{0x00, 0x14}, make([]byte, 20)...)
	pay := func(lock []byte, n int) {
		t.Helper()
		_, err := s.node.Generate(s.ctx, n, lock)
		must(t, err)
	}
	pay(consensustest.KeyLock(), 400)
	pay(mine, 2)
	pay(consensustest.KeyLock(), 700)
	pay(mine, 1)
	var none *string
	s.call(&none, "syncwithvalidationinterfacequeue") // what the index has not yet is not answered

	p := s.approach()
	p.say(p.version())
	if v := await[wire.Version](p); v.Services != wire.NodeNetwork|wire.NodeNetworkLimited|wire.NodeWitness|wire.NodeCompactFilters|wire.NodeP2PV2 {
		t.Fatalf("services %#x", uint64(v.Services))
	}
	p.say(wire.Verack{})
	c := &lightClient{stranger: p}
	c.syncHeaders(s.node.cfg.Params.Genesis.Header)
	if len(c.hashes) != 1104 {
		t.Fatalf("%d headers", len(c.hashes))
	}
	c.syncFilterHeaders()
	var info struct{ Filter, Header string }
	s.call(&info, "getblockfilter", c.hashes[1103].String())
	if info.Header != c.head.String() {
		t.Errorf("the last filter header is %v, RPC says %s", c.head, info.Header)
	}
	found := map[int]bool{}
	for _, h := range c.matching(mine) {
		if c.pays(h, mine) {
			found[h] = true
		}
	}
	if len(found) != 3 || !found[401] || !found[402] || !found[1103] {
		t.Errorf("coins at heights %v", found)
	}
	// The filter of a block is there as soon as the block is heard of.
	for range 20 {
		hash := generate(t, s.ctx, s.node, 1)[0]
		tip := s.node.chain.Tip().Height()
		c.say(wire.GetCFilters{Start: uint32(tip), Stop: hash})
		if m := await[wire.CFilter](p); m.Block != hash {
			t.Fatalf("filter of %v, not %v", m.Block, hash)
		}
	}
}

// Filters are not served when they are not kept, or not to be served; who asks is disconnected.
func TestFiltersNotServed(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"not kept":   func(c *Config) { filtering(c); c.NoFilterIndex = true },
		"not served": func(c *Config) { filtering(c); c.NoPeerFilters = true },
	} {
		t.Run(name, func(t *testing.T) {
			s := besiege(t, change)
			p := s.approach()
			p.say(p.version())
			if v := await[wire.Version](p); v.Services&wire.NodeCompactFilters != 0 {
				t.Errorf("services %#x", uint64(v.Services))
			}
			p.say(wire.Verack{}, wire.GetCFCheckpt{Stop: s.node.cfg.Params.Genesis.Hash()})
			p.hungUp()
		})
	}
}

// Bad input 20, with filters: a hundred thousand requested and none read cost what the requests take.
func TestHostileFilterLoop(t *testing.T) {
	s := besiege(t, filtering)
	tip := generate(t, s.ctx, s.node, 999)[998]
	var none *string
	s.call(&none, "syncwithvalidationinterfacequeue") // a filter that is more than a few blocks away is not waited for
	crowd := make([]*stranger, 10)
	for i := range crowd {
		crowd[i] = s.meet()
	}
	before := heap()
	for _, p := range crowd {
		for range 10 {
			p.say(wire.GetCFilters{Start: 0, Stop: tip}, wire.GetCFHeaders{Stop: tip})
		}
	}
	honest := s.meet()
	honest.say(wire.GetCFilters{Start: 990, Stop: tip})
	for range 10 {
		await[wire.CFilter](honest)
	}
	within(t, "10 peers with 10,000 unread filters each", before, 8<<20)
	s.alive()
}
