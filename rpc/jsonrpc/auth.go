package jsonrpc

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// CookieUser is the user name in a cookie file.
const CookieUser = "__cookie__"

// CookieFile is the usual name of a cookie file in a node's data directory.
const CookieFile = ".cookie"

// Cookie is a random password that stands in a file which only the node's user can read. Whoever
// can read it may call the node.
type Cookie struct {
	path, secret string
}

// CreateCookie makes a new secret and writes "__cookie__:secret" to path: whole or not at all, in
// place of an older file, with mode 0600 whatever the umask.
func CreateCookie(path string) (*Cookie, error) {
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return nil, fmt.Errorf("cookie: %w", err)
	}
	c := &Cookie{path: path, secret: hex.EncodeToString(raw[:])}
	if err := c.write(); err != nil {
		return nil, fmt.Errorf("cookie: %w", err)
	}
	return c, nil
}

// KeepCookie is CreateCookie with the secret of an earlier cookie, so that those who know it need not read the file again; with "" it is
// CreateCookie.
func KeepCookie(path, secret string) (*Cookie, error) {
	if secret == "" {
		return CreateCookie(path)
	}
	c := &Cookie{path: path, secret: secret}
	if err := c.write(); err != nil {
		return nil, fmt.Errorf("cookie: %w", err)
	}
	return c, nil
}

// Secret is the password.
func (c *Cookie) Secret() string { return c.secret }

func (c *Cookie) write() (err error) {
	f, err := os.CreateTemp(filepath.Dir(c.path), filepath.Base(c.path)+".tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.WriteString(c.content())
	err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), c.path)
}

func (c *Cookie) content() string { return CookieUser + ":" + c.secret }

// Credential accepts this cookie.
func (c *Cookie) Credential() Credential { return PlainCredential(CookieUser, c.secret) }

// Remove removes the file, unless another node has meanwhile put its own cookie there.
func (c *Cookie) Remove() error {
	raw, err := os.ReadFile(c.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cookie: %w", err)
	}
	if string(raw) != c.content() {
		return nil
	}
	if err := os.Remove(c.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cookie: %w", err)
	}
	return nil
}

// Credential is a user who may call, known only by the salted hash of the password.
type Credential struct {
	user string
	salt []byte
	hash [sha256.Size]byte
}

// PlainCredential accepts one user name and password.
func PlainCredential(user, password string) Credential {
	c := Credential{user: user, salt: []byte("cairn rpc")}
	c.hash = c.sum(password)
	return c
}

// ParseCredential reads the form of Core's rpcauth option, user:salt$hash, where hash is the
// HMAC-SHA256 of the password with the salt's text as key, in hexadecimal.
func ParseCredential(s string) (Credential, error) {
	user, rest, ok := strings.Cut(s, ":")
	salt, sum, ok2 := strings.Cut(rest, "$")
	raw, err := hex.DecodeString(sum)
	if !ok || !ok2 || err != nil || len(raw) != sha256.Size || user == "" || salt == "" {
		return Credential{}, errors.New("rpcauth is of the form user:salt$hash, the hash 64 hexadecimal digits")
	}
	return Credential{user: user, salt: []byte(salt), hash: [sha256.Size]byte(raw)}, nil
}

func (c *Credential) sum(password string) (h [sha256.Size]byte) {
	mac := hmac.New(sha256.New, c.salt)
	mac.Write([]byte(password))
	mac.Sum(h[:0])
	return h
}

// accepts compares in a time that depends on the lengths of the arguments at most.
func (c *Credential) accepts(user, password string) bool {
	sum := c.sum(password)
	want, got := sha256.Sum256([]byte(c.user)), sha256.Sum256([]byte(user))
	return subtle.ConstantTimeCompare(want[:], got[:])&subtle.ConstantTimeCompare(c.hash[:], sum[:]) == 1
}
