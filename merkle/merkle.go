// Package merkle computes Bitcoin's merkle trees: roots, branches, partial trees (BIP37) and the
// witness commitment (BIP141).
//
// It knows nothing of transactions: leaves are any 32-byte hashes. It does not judge either: that a
// tree is mutated, or a proof too shallow, is told to the caller.
//
// Start reading at Root.
package merkle

import (
	"crypto/sha256"
)

// Root returns the root of the tree over leaves; no leaves give the zero hash, one leaf is its own
// root. A level of odd length pairs its last hash with itself, so a list whose tail is repeated has
// the same root as the list without the repetition (CVE-2012-2459). mutated says that two equal hashes
// were paired at some level: then the same root also belongs to a shorter list, and the block's hash
// must not be remembered as invalid. leaves is not changed.
func Root[H ~[32]byte](leaves []H) (root H, mutated bool) {
	if len(leaves) == 0 {
		return root, false
	}
	level := append([]H(nil), leaves...)
	for len(level) > 1 {
		half := level[:0]
		for i := 0; i < len(level); i += 2 {
			if i+1 == len(level) {
				half = append(half, pair(level[i], level[i]))
				continue
			}
			mutated = mutated || level[i] == level[i+1]
			half = append(half, pair(level[i], level[i+1]))
		}
		level = half
	}
	return level[0], mutated
}

// Branch returns the hashes that prove the leaf at index: its sibling at each level, from the leaves
// up. It returns nil if there is no such leaf or no level above it.
func Branch[H ~[32]byte](leaves []H, index int) []H {
	if index < 0 || index >= len(leaves) {
		return nil
	}
	var branch []H
	level := append([]H(nil), leaves...)
	for len(level) > 1 {
		if len(level)%2 == 1 {
			level = append(level, level[len(level)-1])
		}
		branch = append(branch, level[index^1])
		for i := 0; i < len(level); i += 2 {
			level[i/2] = pair(level[i], level[i+1])
		}
		level = level[:len(level)/2]
		index /= 2
	}
	return branch
}

// RootFromBranch returns the root that branch gives for the leaf at index. It proves something only
// to a caller that knows the height of the tree: an inner node can pass for a leaf of a shallower one
// (CVE-2017-12842), so compare len(branch) with what the number of leaves demands (Depth).
func RootFromBranch[H ~[32]byte](leaf H, branch []H, index uint32) H {
	for _, sibling := range branch {
		if index&1 == 1 {
			leaf = pair(sibling, leaf)
		} else {
			leaf = pair(leaf, sibling)
		}
		index >>= 1
	}
	return leaf
}

// Depth returns the number of levels above the leaves of a tree of n leaves: 0 for n ≤ 1.
func Depth(n int) int {
	depth := 0
	for width := n; width > 1; width = (width + 1) / 2 {
		depth++
	}
	return depth
}

// WitnessCommitment returns what the coinbase of a block commits to (BIP141): the double SHA-256 of
// the root over witness ids (zero for the coinbase) and the reserved value in the coinbase's witness.
func WitnessCommitment[H ~[32]byte](witnessRoot H, reserved [32]byte) H {
	return pair(witnessRoot, H(reserved))
}

// pair returns SHA-256(SHA-256(a ‖ b)).
func pair[H ~[32]byte](a, b H) H {
	var buf [64]byte
	copy(buf[:32], a[:])
	copy(buf[32:], b[:])
	first := sha256.Sum256(buf[:])
	return H(sha256.Sum256(first[:]))
}
