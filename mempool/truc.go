package mempool

import (
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// TRUC: transactions of version 3, topologically restricted until confirmation (BIP431).
//
// The attack: whoever may spend an output of an unconfirmed transaction, say the other party to a payment channel, hangs
// something large and cheap on it. Replacing that costs its whole fee, so the honest party cannot afford to speed its own
// transaction up (pinning). The rules make the most that can hang on a transaction of version 3 small:
//
//  1. it has at most one unconfirmed ancestor, and at most one unconfirmed descendant;
//  2. it has at most 10,000 virtual bytes, 1,000 if it has an unconfirmed ancestor;
//  3. what is unconfirmed and related is of version 3 altogether or not at all;
//  4. it can always be replaced (so can everything here);
//  5. a second child may take the place of the first although they spend different outputs, if it keeps the rules of
//     replacement (sibling eviction): otherwise the first child would be the pin.
//
// Since the one child is known, a parent may pay less than the minimum if the two together pay enough.
//
// A reorganization may leave more than rule 1 allows, as in Bitcoin Core; then there is no sibling to evict and rule 1 refuses
// every further child.
const (
	trucVersion    = 3
	trucMaxSize    = 10_000
	trucChildSize  = 1_000
	trucMostInLine = 2 // a transaction and one relative
)

func trucViolation(format string, args ...any) error {
	return consensus.Reject(consensus.TRUCViolation, fmt.Sprintf(format, args...))
}

// label names a transaction by both its hashes.
func label(id, wid types.Hash) string { return fmt.Sprintf("%s (wtxid=%s)", id, wid) }

func (c *candidate) label() string { return label(c.id, c.wid) }
func (e *entry) label() string     { return label(e.id, e.wid) }

// checkTRUC judges the candidate among its relatives in the pool. A sibling that it may evict is added to the ruling.
func checkTRUC(c *candidate, r *ruling) error {
	for _, a := range r.ancestors.list {
		if err := mixes(c, a.tx.Version, a.label()); err != nil {
			return err
		}
	}
	if c.tx.Version != trucVersion {
		return nil
	}
	if c.vsize > trucMaxSize {
		return trucViolation("version=3 tx %s is too big: %d > %d virtual bytes", c.label(), c.vsize, trucMaxSize)
	}
	if len(r.ancestors.list)+1 > trucMostInLine {
		return tooManyTRUCAncestors(c)
	}
	if len(r.ancestors.list) == 0 {
		return nil
	}
	if err := c.checkTRUCChild(); err != nil {
		return err
	}
	return checkTRUCSiblings(c, r.ancestors.list[0], r)
}

// mixes refuses version 3 beside others.
func mixes(c *candidate, parentVersion uint32, parent string) error {
	switch truc := c.tx.Version == trucVersion; {
	case truc && parentVersion != trucVersion:
		return trucViolation("version=3 tx %s cannot spend from non-version=3 tx %s", c.label(), parent)
	case !truc && parentVersion == trucVersion:
		return trucViolation("non-version=3 tx %s cannot spend from version=3 tx %s", c.label(), parent)
	}
	return nil
}

func tooManyTRUCAncestors(c *candidate) error {
	return trucViolation("tx %s would have too many ancestors", c.label())
}

func tooManyTRUCDescendants(parent string) error {
	return trucViolation("tx %s would exceed descendant count limit", parent)
}

func (c *candidate) checkTRUCChild() error {
	if c.vsize > trucChildSize {
		return trucViolation("version=3 child tx %s is too big: %d > %d virtual bytes", c.label(), c.vsize, trucChildSize)
	}
	return nil
}

// checkTRUCSiblings lets the candidate be the only child of its parent: there is no other, or it goes.
func checkTRUCSiblings(c *candidate, parent *entry, r *ruling) error {
	if parent.desc.count+1 <= trucMostInLine || slices.ContainsFunc(parent.children, r.direct.has) {
		return nil
	}
	if !c.terms.evict || parent.desc.count != 2 || parent.children[0].anc.count != 2 {
		return tooManyTRUCDescendants(parent.label())
	}
	r.sibling = true
	r.conflict(parent.children[0])
	r.close()
	return nil
}

// checkPackageTRUC judges the transaction at i among the others of its package and its relatives in the pool.
func checkPackageTRUC(cs []*candidate, i int) error {
	c := cs[i]
	parents := parentsWithin(cs[:i], c)
	if c.tx.Version != trucVersion {
		for _, parent := range parents {
			if err := mixes(c, parent.tx.Version, parent.label()); err != nil {
				return err
			}
		}
		return nil
	}
	ancestors := c.ruling.ancestors.list
	if len(ancestors)+len(parents)+1 > trucMostInLine {
		return tooManyTRUCAncestors(c)
	}
	if len(ancestors)+len(parents) == 0 {
		return nil
	}
	if err := c.checkTRUCChild(); err != nil {
		return err
	}
	if len(ancestors) == 0 {
		return checkTRUCWithin(cs, c, parents[0].id, parents[0].tx.Version, parents[0].label())
	}
	parent := ancestors[0]
	if err := checkTRUCWithin(cs, c, parent.id, parent.tx.Version, parent.label()); err != nil {
		return err
	}
	if parent.desc.count > 1 {
		return tooManyTRUCDescendants(parent.label())
	}
	return nil
}

// parentsWithin are those that c spends.
func parentsWithin(before []*candidate, c *candidate) (parents []*candidate) {
	for _, other := range before {
		if spendsOf(c.tx, other.id) {
			parents = append(parents, other)
		}
	}
	return parents
}

func spendsOf(tx *types.Tx, parent types.Hash) bool {
	return slices.ContainsFunc(tx.In, func(in types.TxIn) bool { return in.PrevOut.TxID == parent })
}

// checkTRUCWithin refuses that another one of the package spends the same parent, or spends the child.
func checkTRUCWithin(cs []*candidate, c *candidate, parent types.Hash, version uint32, name string) error {
	if err := mixes(c, version, name); err != nil {
		return err
	}
	for _, other := range cs {
		switch {
		case other == c:
		case spendsOf(other.tx, parent):
			return tooManyTRUCDescendants(name)
		case spendsOf(other.tx, c.id):
			return tooManyTRUCAncestors(other)
		}
	}
	return nil
}
