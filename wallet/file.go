package wallet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/internal/flock"
)

// Extension ends the name of a wallet's file; the file beside it with LockExtension is what the
// process that has the wallet open holds a lock on. Neither is ever deleted by this package.
const (
	Extension     = ".wallet"
	LockExtension = ".lock"
)

// lockPoll is how often a lock that another process holds is tried again.
const lockPoll = 20 * time.Millisecond

// Errors of finding a wallet's file.
var (
	ErrExists   = errors.New("a wallet of this name exists already")
	ErrNoWallet = errors.New("there is no wallet of this name")
	ErrInUse    = errors.New("the wallet is in use by another process")
	ErrName     = errors.New("a wallet's name is made of 1 to 64 letters, digits, dots, dashes and underscores and does not begin with a dot")
)

// checkName keeps a wallet's name from leaving its directory.
func checkName(name string) error {
	ok := name != "" && len(name) <= 64 && name[0] != '.'
	for _, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		ok = ok && (letter || strings.ContainsRune("._-", c))
	}
	if !ok {
		return ErrName
	}
	return nil
}

// fileStore is one wallet's place on disk, with its lock held.
type fileStore struct {
	path string
	lock *os.File
	// sync and rename are seams for tests of failing disks.
	sync   func(*os.File) error
	rename func(from, to string) error
}

// lockStore takes the lock of the wallet at dir/name, trying until ctx ends. The directory is made
// if it is missing, for its owner only.
func lockStore(ctx context.Context, dir, name string) (*fileStore, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the wallet directory: %w", err)
	}
	path := filepath.Join(dir, name+Extension)
	s := &fileStore{path: path, sync: (*os.File).Sync, rename: os.Rename}
	return s, s.relock(ctx)
}

// relock takes the lock again after unlock.
func (s *fileStore) relock(ctx context.Context) error {
	f, err := os.OpenFile(s.path+LockExtension, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the wallet's lock: %w", err)
	}
	for {
		held, err := flock.Try(f)
		if err != nil {
			return errors.Join(fmt.Errorf("lock the wallet: %w", err), f.Close())
		}
		if held {
			s.lock = f
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ErrInUse, f.Close())
		case <-time.After(lockPoll):
		}
	}
}

// unlock lets other processes have the wallet.
func (s *fileStore) unlock() error {
	if s.lock == nil {
		return nil
	}
	f := s.lock
	s.lock = nil
	return f.Close()
}

// exists tells whether the wallet's file is there.
func (s *fileStore) exists() (bool, error) {
	_, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// read returns the bytes of the file, at most maxFileBytes.
func (s *fileStore) read() ([]byte, error) { return readWalletFile(s.path) }

func readWalletFile(path string) (raw []byte, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoWallet
	}
	if err != nil {
		return nil, fmt.Errorf("open the wallet file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	raw, err = io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the wallet file: %w", err)
	}
	if len(raw) > maxFileBytes {
		return nil, ErrDamaged
	}
	return raw, nil
}

// write replaces the file by raw: a new file, readable by its owner only whatever the umask, is
// written and synced beside the old one, renamed over it, and the directory synced. Until the rename
// the old file is untouched; if anything fails before it, the old file is what remains.
func (s *fileStore) write(raw []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(s.path), "."+filepath.Base(s.path)+"-*")
	if err != nil {
		return fmt.Errorf("write the wallet file: %w", err)
	}
	err = s.fill(tmp, raw)
	if err == nil {
		err = s.rename(tmp.Name(), s.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the wallet file: %w", err), os.Remove(tmp.Name()))
	}
	return s.syncDir()
}

func (s *fileStore) fill(f *os.File, raw []byte) error {
	err := f.Chmod(0o600)
	if err == nil {
		_, err = f.Write(raw)
	}
	if err == nil {
		err = s.sync(f)
	}
	return errors.Join(err, f.Close())
}

func (s *fileStore) syncDir() error {
	dir, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return fmt.Errorf("sync the wallet directory: %w", err)
	}
	err = s.sync(dir)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}

// Info is what can be said of a wallet's file without its passphrase.
type Info struct {
	Name      string
	Path      string
	Network   string
	Encrypted bool
	Err       error // why the file cannot be read, nil if it can
}

// List returns the wallets in dir by name. A directory that does not exist has none.
func List(dir string) ([]Info, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the wallet directory: %w", err)
	}
	var infos []Info
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), Extension)
		if !ok || entry.IsDir() || checkName(name) != nil {
			continue
		}
		infos = append(infos, inspect(filepath.Join(dir, entry.Name()), name))
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

func inspect(path, name string) Info {
	info := Info{Name: name, Path: path}
	raw, err := readWalletFile(path)
	if err != nil {
		info.Err = err
		return info
	}
	e, err := parseEnvelope(raw)
	if err != nil {
		info.Err = err
		return info
	}
	info.Network, info.Encrypted = e.network, e.encrypted()
	return info
}

// Inspect returns the Info of one wallet, ErrNoWallet if there is none.
func Inspect(dir, name string) (Info, error) {
	if err := checkName(name); err != nil {
		return Info{}, err
	}
	info := inspect(filepath.Join(dir, name+Extension), name)
	return info, info.Err
}
