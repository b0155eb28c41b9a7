package descriptor

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/wallet/hd"
)

// keyExpr is a key as it stands in a descriptor.
type keyExpr struct {
	origin string // "[fingerprint/path]", h for hardened, or ""
	from   []byte // the origin on the wire: fingerprint and path; nil if there is none
	raw    []byte // a single public key of 32 (x-only), 33 or 65 bytes; nil if there is an extended one
	wif    *[32]byte
	ext    *hd.Key
	path   []uint32 // from ext
	wild   wildcard
	public string // how it prints, without anything private and without the origin
}

type wildcard uint8

const (
	noWildcard wildcard = iota
	unhardened
	hardened
)

// Key is a public key that a script needs, and where it comes from.
type Key struct {
	// PubKey is of 33 or 65 bytes, in taproot x-only of 32.
	PubKey []byte
	// Origin is the fingerprint of a master key and the path from it, 4 bytes each, as in BIP174. The path's numbers are
	// little-endian. A key that names no origin is its own.
	Origin []byte
	// Private is the private key, if the descriptor gives it.
	Private *[32]byte
}

// place tells where a key stands, which bounds its form.
type place struct {
	segwit  bool // no uncompressed keys
	taproot bool // x-only keys
}

func parseKey(p *consensus.Params, text string, at place) (*keyExpr, error) {
	k := &keyExpr{}
	body := text
	if strings.HasPrefix(text, "[") {
		inner, rest, ok := strings.Cut(text[1:], "]")
		if !ok || strings.ContainsAny(rest, "[]") {
			return nil, errors.New("key origin start '[ character expected but not found, or not closed")
		}
		if err := k.readOrigin(inner); err != nil {
			return nil, err
		}
		body = rest
	}
	if body == "" {
		return nil, errors.New("No key provided")
	}
	head, path, derived := strings.Cut(body, "/")
	if raw, err := hex.DecodeString(head); err == nil && !derived {
		return k, k.readRaw(raw, head, at)
	}
	if secret, compressed, err := hd.DecodeAnyWIF(p, head); err == nil && !derived {
		return k, k.readSecret(secret, compressed, at)
	}
	ext, err := hd.Parse(p, head)
	if errors.Is(err, hd.ErrKeyNetwork) {
		return nil, fmt.Errorf("key '%s' belongs to another network", clip(head))
	}
	if err != nil {
		return nil, fmt.Errorf("key '%s' is not valid", clip(head))
	}
	k.ext, k.public = ext, ext.Public().Text(p)
	return k, k.readPath(path, derived)
}

func (k *keyExpr) readOrigin(inner string) error {
	fingerprint, path, _ := strings.Cut(inner, "/")
	raw, err := hex.DecodeString(fingerprint)
	if err != nil || len(raw) != 4 {
		return fmt.Errorf("Fingerprint is not 4 bytes (%d characters instead of 8 characters)", len(fingerprint))
	}
	steps, text, err := parsePath(path)
	if err != nil {
		return err
	}
	k.from, k.origin = appendPath(raw, steps), "["+fingerprint+text+"]"
	return nil
}

func appendPath(b []byte, steps []uint32) []byte {
	for _, s := range steps {
		b = binary.LittleEndian.AppendUint32(b, s)
	}
	return b
}

// parsePath reads numbers between slashes, h, H or ' for hardened, and returns them in their usual form, each behind a slash.
func parsePath(path string) (steps []uint32, text string, err error) {
	if path == "" {
		return nil, "", nil
	}
	for step := range strings.SplitSeq(path, "/") {
		digits := strings.TrimRight(step, "'hH")
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || len(step)-len(digits) > 1 {
			return nil, "", fmt.Errorf("Key path value '%s' is not a valid uint32", clip(step))
		}
		if n >= uint64(hd.Hardened) {
			return nil, "", fmt.Errorf("Key path value %d is out of range", n)
		}
		text += "/" + strconv.FormatUint(n, 10)
		if len(digits) < len(step) {
			n += uint64(hd.Hardened)
			text += "h"
		}
		steps = append(steps, uint32(n))
	}
	return steps, text, nil
}

func (k *keyExpr) readRaw(raw []byte, text string, at place) error {
	k.raw, k.public = raw, text
	switch {
	case len(raw) == 32 && at.taproot:
		if _, err := schnorr.ParsePubKey(raw); err != nil {
			return fmt.Errorf("Pubkey '%s' is invalid", clip(text))
		}
		return nil
	case len(raw) == 65 && (at.segwit || at.taproot):
		return errors.New("Uncompressed keys are not allowed")
	case len(raw) != 33 && len(raw) != 65:
		return fmt.Errorf("Pubkey '%s' is invalid", clip(text))
	}
	if raw[0] == 6 || raw[0] == 7 {
		return errors.New("Hybrid public keys are not allowed")
	}
	if _, err := btcec.ParsePubKey(raw); err != nil {
		return fmt.Errorf("Pubkey '%s' is invalid", clip(text))
	}
	if at.taproot {
		k.raw = raw[1:]
	}
	return nil
}

func (k *keyExpr) readSecret(secret [32]byte, compressed bool, at place) error {
	priv, _ := btcec.PrivKeyFromBytes(secret[:])
	k.wif, k.raw = &secret, priv.PubKey().SerializeCompressed()
	switch {
	case !compressed && (at.segwit || at.taproot):
		return errors.New("Uncompressed keys are not allowed")
	case !compressed:
		k.raw = priv.PubKey().SerializeUncompressed()
	case at.taproot:
		k.raw = k.raw[1:]
	}
	k.public = hex.EncodeToString(k.raw)
	return nil
}

// readPath reads what follows an extended key, which may end in a wildcard.
func (k *keyExpr) readPath(path string, derived bool) error {
	if !derived {
		return nil
	}
	last := path[strings.LastIndexByte(path, '/')+1:]
	switch last {
	case "*":
		k.wild = unhardened
	case "*'", "*h", "*H":
		k.wild = hardened
	}
	if k.wild != noWildcard {
		path, _ = strings.CutSuffix(path, last)
		path, derived = strings.CutSuffix(path, "/")
	}
	if path == "" && derived {
		return errors.New("Key path value '' is not a valid uint32")
	}
	steps, text, err := parsePath(path)
	if err != nil {
		return err
	}
	k.path = steps
	k.public += text + [...]string{"", "/*", "/*h"}[k.wild]
	return nil
}

func (k *keyExpr) private() bool { return k.wif != nil || k.ext != nil && isPrivate(k.ext) }

func isPrivate(k *hd.Key) bool {
	_, ok := k.Secret()
	return ok
}

// text prints the key with its origin, without anything private.
func (k *keyExpr) text() string { return k.origin + k.public }

// at derives the key for an index.
func (k *keyExpr) at(index uint32, where place) (Key, error) {
	if k.ext == nil {
		key := Key{PubKey: k.raw, Origin: k.from, Private: k.wif}
		if key.Origin == nil {
			h := script.Hash160(k.raw)
			key.Origin = h[:4]
		}
		return key, nil
	}
	steps := k.path
	switch k.wild {
	case unhardened:
		steps = append(steps[:len(steps):len(steps)], index)
	case hardened:
		steps = append(steps[:len(steps):len(steps)], index+hd.Hardened)
	}
	ext := k.ext
	for _, s := range steps {
		var err error
		if ext, err = ext.Child(s); err != nil {
			return Key{}, fmt.Errorf("cannot derive the key: %w", err)
		}
	}
	pub := ext.PublicKey()
	key := Key{PubKey: pub[:], Origin: k.from}
	if key.Origin == nil {
		f := k.ext.Fingerprint()
		key.Origin = f[:]
	}
	key.Origin = appendPath(key.Origin[:len(key.Origin):len(key.Origin)], steps)
	if secret, ok := ext.Secret(); ok {
		key.Private = &secret
	}
	if where.taproot {
		key.PubKey = pub[1:]
	}
	return key, nil
}

// clip shortens what is repeated in an error.
func clip(s string) string {
	if len(s) > 128 {
		return s[:128] + "..."
	}
	return s
}
