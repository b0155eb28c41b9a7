package mainnet

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// span is a run of bytes of a block, from one offset up to another.
type span struct{ from, to int }

// fields are the spans of a block by the name of the field that they hold.
type fields map[string][]span

// fieldsOf walks over the bytes of a block. It reads nothing but the sizes.
func fieldsOf(t *testing.T, raw []byte) fields {
	t.Helper()
	d := types.NewDecoder(raw)
	f := fields{}
	// take notes that the next field has that many bytes, and passes over them.
	take := func(name string, size int) {
		from := len(raw) - d.Remaining()
		d.Bytes(size)
		if size > 0 {
			f[name] = append(f[name], span{from, from + size})
		}
	}
	count := func(name string) int {
		from := len(raw) - d.Remaining()
		n := int(d.VarInt())
		f[name] = append(f[name], span{from, len(raw) - d.Remaining()})
		return n
	}
	for _, part := range []struct {
		name string
		size int
	}{{"header version", 4}, {"header parent", 32}, {"header merkle root", 32}, {"header time", 4}, {"header bits", 4}, {"header nonce", 4}} {
		take(part.name, part.size)
	}
	for range count("number of transactions") {
		walkTx(raw, d, take, count)
	}
	if err := d.Finish(); err != nil {
		t.Fatal(err)
	}
	return f
}

func walkTx(raw []byte, d *types.Decoder, take func(string, int), count func(string) int) {
	take("version", 4)
	at := len(raw) - d.Remaining()
	witness := raw[at] == 0
	if witness {
		take("marker", 1)
		take("flag", 1)
	}
	inputs := count("number of inputs")
	for range inputs {
		take("spent id", 32)
		take("spent index", 4)
		take("script of an input", count("size of an input's script"))
		take("sequence", 4)
	}
	for range count("number of outputs") {
		take("value", 8)
		take("script of an output", count("size of an output's script"))
	}
	if witness {
		for range inputs {
			for range count("number of witness items") {
				take("witness item", count("size of a witness item"))
			}
		}
	}
	take("lock time", 4)
}

// bits returns places of single bits: up to n of each field, each in another span while there are enough.
func (f fields) bits(rng *rand.Rand, n int) (places []int) {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		spans := slices.Clone(f[name])
		rng.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
		for i := range n {
			s := spans[i%len(spans)]
			places = append(places, 8*s.from+rng.IntN(8*(s.to-s.from)))
		}
	}
	return places
}

// TestFields: the spans of a block cover it without a gap, and bits are taken from each.
func TestFields(t *testing.T) {
	raws := firstBlocks(t)
	raw := raws[170]
	f := fieldsOf(t, raw)
	var all []span
	for _, spans := range f {
		all = append(all, spans...)
	}
	slices.SortFunc(all, func(a, b span) int { return a.from - b.from })
	at := 0
	for _, s := range all {
		if s.from != at || s.to <= s.from {
			t.Fatalf("%v after %d", s, at)
		}
		at = s.to
	}
	if at != len(raw) || len(f) != 19 {
		t.Errorf("%d of %d bytes in %d fields", at, len(raw), len(f))
	}
	if got := f.bits(rand.New(rand.NewPCG(1, 1)), 3); len(got) != 3*len(f) {
		t.Errorf("%d places", len(got))
	}
}
