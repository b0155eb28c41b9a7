package scripts

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"
	"time"
)

const (
	// cases of each kind in the run that the tests make; the fuzz target goes on from there.
	mutations = 20_000
	madeUp    = 12_000
	randoms   = 12_000
	deletions = 6_000
)

// tally counts what became of the spends.
type tally struct {
	asked, valid, unasked int
	known                 map[string]int
}

// compare asks both and fails the test if they disagree for a reason that is not known.
func (c *tally) compare(t *testing.T, s *spend) {
	t.Helper()
	theirs, ok := s.theirs()
	if !ok {
		c.unasked++
		return
	}
	ours := s.ours()
	c.asked++
	if ours == nil {
		c.valid++
	}
	if (ours == nil) == (theirs == nil) {
		return
	}
	if name := explain(s, ours, theirs); name != "" {
		if c.known == nil {
			c.known = map[string]int{}
		}
		c.known[name]++
		return
	}
	t.Errorf("cairn: %v\nbtcd: %v\n%v", ours, theirs, s)
}

func (c *tally) String() string {
	text := fmt.Sprintf("%d spends, %d of them valid, judged alike", c.asked, c.valid)
	var names []string
	for name := range c.known {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		text += fmt.Sprintf("; %d left out: %s", c.known[name], name)
	}
	if c.unasked > 0 {
		text += fmt.Sprintf("; %d that btcd can't be asked", c.unasked)
	}
	return text
}

// TestVectors judges all vectors as they are.
func TestVectors(t *testing.T) {
	var c tally
	for _, s := range vectors(t) {
		c.compare(t, s)
	}
	t.Log(&c)
}

// TestDifferential judges mutated vectors and made-up spends. Its seed is fixed, so a failure can be repeated.
func TestDifferential(t *testing.T) {
	base := vectors(t)
	for _, run := range []struct {
		name  string
		count int
		next  func(*rand.Rand) *spend
	}{
		{"mutated vectors", mutations, func(rng *rand.Rand) *spend { return mutate(rng, base[rng.IntN(len(base))]) }},
		{"made-up spends", madeUp, generate},
		{"random scripts", randoms, random},
		{"signatures in their own scripts", deletions, findAndDelete},
	} {
		t.Run(strings.ReplaceAll(run.name, " ", "-"), func(t *testing.T) {
			var c tally
			rng, begin := rand.New(rand.NewPCG(uint64(run.count), seed)), time.Now()
			for range run.count {
				c.compare(t, run.next(rng))
			}
			t.Logf("%s: %v, %.1f s", run.name, &c, time.Since(begin).Seconds())
			if c.valid < run.count/50 {
				t.Errorf("only %d of %d are valid: the generator does not reach far", c.valid, run.count)
			}
		})
	}
}

const seed = 1

// FuzzScripts lets the fuzzer choose the seed of a vector's mutation or a made-up spend.
func FuzzScripts(f *testing.F) {
	base := vectors(f)
	for i := range uint64(9) {
		f.Add(i, uint8(i))
	}
	f.Fuzz(func(t *testing.T, n uint64, kind uint8) {
		rng := rand.New(rand.NewPCG(n, uint64(kind)))
		var s *spend
		switch kind % 4 {
		case 0:
			s = mutate(rng, base[rng.IntN(len(base))])
		case 1:
			s = generate(rng)
		case 2:
			s = random(rng)
		case 3:
			s = findAndDelete(rng)
		}
		var c tally
		c.compare(t, s)
	})
}
