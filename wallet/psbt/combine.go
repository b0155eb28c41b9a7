package psbt

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/types"
)

// ErrOtherTx says that packets of different transactions cannot be combined.
var ErrOtherTx = errors.New("PSBTs not compatible (different transactions)")

// Combine returns a packet that knows all that the packets know, of which there must be at least one. Where two give one
// field different values, the first one's stays.
func Combine(packets ...*Packet) (*Packet, error) {
	sum := packets[0].clone()
	for _, p := range packets[1:] {
		if p.Tx.ID() != sum.Tx.ID() {
			return nil, ErrOtherTx
		}
		sum.Global = merge(sum.Global, p.Global)
		for i := range sum.In {
			sum.In[i] = merge(sum.In[i], p.In[i])
		}
		for i := range sum.Out {
			sum.Out[i] = merge(sum.Out[i], p.Out[i])
		}
	}
	return sum, nil
}

func (p *Packet) clone() *Packet {
	c := &Packet{Tx: p.Tx, Global: slices.Clone(p.Global), In: slices.Clone(p.In), Out: slices.Clone(p.Out)}
	for i := range c.In {
		c.In[i] = slices.Clone(c.In[i])
	}
	for i := range c.Out {
		c.Out[i] = slices.Clone(c.Out[i])
	}
	return c
}

// merge joins two ordered maps; a has precedence.
func merge(a, b Map) Map {
	m := make(Map, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := comparePairs(a[0], b[0]); {
		case c <= 0:
			m, a = append(m, a[0]), a[1:]
			if c == 0 {
				b = b[1:]
			}
		default:
			m, b = append(m, b[0]), b[1:]
		}
	}
	return append(append(m, a...), b...)
}

// SpentTwiceError says that two packets to be joined spend the same output.
type SpentTwiceError struct{ OutPoint types.OutPoint }

// Error names the output.
func (e *SpentTwiceError) Error() string { return fmt.Sprintf("two PSBTs spend %s", e.OutPoint) }

// Join makes one transaction of several: all inputs and outputs with their fields, the highest version, the least lock
// time, no output spent twice (*SpentTwiceError). Signatures that are there do not sign the new transaction. shuffle, given a number, permutes so many things by swaps, so
// that nobody can tell what came from whom; nil leaves the order. Bitcoin Core's joinpsbts.
func Join(packets []*Packet, shuffle func(n int, swap func(i, j int))) (*Packet, error) {
	tx := &types.Tx{Version: 1, LockTime: 0xffffffff}
	p := &Packet{Tx: tx}
	spent := map[types.OutPoint]bool{}
	for _, q := range packets {
		tx.Version, tx.LockTime = max(tx.Version, q.Tx.Version), min(tx.LockTime, q.Tx.LockTime)
		for i, in := range q.Tx.In {
			if spent[in.PrevOut] {
				return nil, &SpentTwiceError{in.PrevOut}
			}
			spent[in.PrevOut] = true
			tx.In, p.In = append(tx.In, in), append(p.In, slices.Clone(q.In[i]))
			p.In[len(p.In)-1].Delete(InPartialSig)
		}
		tx.Out = append(tx.Out, q.Tx.Out...)
		for i := range q.Out {
			p.Out = append(p.Out, slices.Clone(q.Out[i]))
		}
		p.Global = merge(p.Global, q.Global)
	}
	if shuffle != nil {
		shuffle(len(tx.In), func(i, j int) {
			tx.In[i], tx.In[j], p.In[i], p.In[j] = tx.In[j], tx.In[i], p.In[j], p.In[i]
		})
		shuffle(len(tx.Out), func(i, j int) {
			tx.Out[i], tx.Out[j], p.Out[i], p.Out[j] = tx.Out[j], tx.Out[i], p.Out[j], p.Out[i]
		})
	}
	return p, nil
}
