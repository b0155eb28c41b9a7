package descriptor

import (
	"errors"
	"strings"

	"github.com/cairn-chain/cairn/consensus/script"
)

// MaxTreeDepth bounds a script tree (BIP341).
const MaxTreeDepth = 128

// treeLeaf is a node of a script tree: a leaf, or two subtrees.
type treeLeaf struct {
	leaf        *node
	left, right *treeLeaf
}

func (t *treeLeaf) leaves() []*node {
	switch {
	case t == nil:
		return nil
	case t.leaf != nil:
		return []*node{t.leaf}
	}
	return append(t.left.leaves(), t.right.leaves()...)
}

func (t *treeLeaf) print() string {
	if t.leaf != nil {
		return t.leaf.print()
	}
	return "{" + t.left.print() + "," + t.right.print() + "}"
}

// hash is BIP341's of the subtree.
func (t *treeLeaf) hash(index uint32) (h [32]byte, err error) {
	if t.leaf != nil {
		keys, err := t.leaf.derive(index)
		if err != nil {
			return h, err
		}
		return script.TapLeafHash(script.LeafVersionTapscript, t.leaf.keyScript(keys)), nil
	}
	left, err := t.left.hash(index)
	if err != nil {
		return h, err
	}
	right, err := t.right.hash(index)
	return script.TapBranchHash(left, right), err
}

// taproot reads KEY or KEY,TREE.
func (r reader) taproot(n *node, arg string) error {
	text, tree, has := strings.Cut(arg, ",")
	key, err := parseKey(r.params, text, n.at)
	if err != nil {
		return err
	}
	n.keys = []*keyExpr{key}
	if has {
		n.tree, err = r.tree(tree, 0)
	}
	return err
}

// tree reads SCRIPT or {TREE,TREE}.
func (r reader) tree(text string, depth int) (*treeLeaf, error) {
	if depth > MaxTreeDepth {
		return nil, errors.New("tr() supports at most 128 nesting levels")
	}
	if !strings.HasPrefix(text, "{") {
		leaf, err := r.function(text, inTR)
		return &treeLeaf{leaf: leaf}, err
	}
	inner, ok := strings.CutSuffix(text[1:], "}")
	at := topComma(inner)
	if !ok || at < 0 {
		return nil, errors.New("tr(): a pair of scripts in braces is expected")
	}
	left, err := r.tree(inner[:at], depth+1)
	if err != nil {
		return nil, err
	}
	right, err := r.tree(inner[at+1:], depth+1)
	return &treeLeaf{left: left, right: right}, err
}

// topComma finds the comma that is in no bracket, -1 if there is none.
func topComma(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(', '{', '[':
			depth++
		case ')', '}', ']':
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (n *node) taprootOutput(index uint32) (Output, error) {
	keys, err := n.derive(index)
	if err != nil {
		return Output{}, err
	}
	out := Output{InternalKey: keys[0].PubKey, Keys: keys}
	if n.tree != nil {
		root, err := n.tree.hash(index)
		if err != nil {
			return Output{}, err
		}
		out.MerkleRoot = root[:]
		for _, leaf := range n.tree.leaves() {
			more, err := leaf.derive(index)
			if err != nil {
				return Output{}, err
			}
			out.Keys = append(out.Keys, more...)
		}
	}
	key, _, err := script.TweakPublicKey([32]byte(out.InternalKey), out.MerkleRoot)
	out.Script = script.PayToTaproot(key)
	return out, err
}
