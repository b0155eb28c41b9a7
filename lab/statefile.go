package lab

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cairn-chain/cairn/internal/sparse"
)

// A state file is a snapshot in one file, to carry a network elsewhere:
//
//	8 bytes    "CairnLab"
//	4 bytes    the format, little-endian, as all numbers
//	4 bytes    the length of the head
//	32 bytes   SHA-256 of the head
//	           the head: JSON, as in head.json
//	           for each node, for each of its files, in the head's order: its bytes up to the last that is not zero
//
// and nothing after. The head has the length and a checksum of each file. Names in it are chosen from a list, so nothing is ever written outside of
// the data directory, and what the lengths add up to is compared with the file's before anything is written.
//
// Checksums find damage, not malice: a state file is believed as a data directory is.

const stateMagic = "CairnLab"

// stateName is under which name the snapshot of a state file is kept that was not made from a named one.
const stateName = "state"

const stateHeader = 8 + 4 + 4 + sha256.Size

// Save writes what the network is now to a new file; Config.State makes a network of it in another place.
func (n *Net) Save(ctx context.Context, file string) error {
	n.steer.Lock()
	defer n.steer.Unlock()
	dir, h, err := n.take(ctx, stateName)
	if err != nil {
		return err
	}
	return errors.Join(pack(file, dir, h), os.RemoveAll(dir))
}

// SaveSnapshot writes a snapshot to a new file.
func (n *Net) SaveSnapshot(name, file string) error {
	if err := checkName(name); err != nil {
		return err
	}
	n.steer.Lock()
	defer n.steer.Unlock()
	h, err := readHead(n.snapshotDir(name))
	if err != nil {
		return err
	}
	return pack(file, n.snapshotDir(name), h)
}

// pack writes a snapshot to a file, whole or not at all.
func pack(file, dir string, h *head) (err error) {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s is there already: choose another name", file)
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".new-*")
	if err != nil {
		return fmt.Errorf("the state cannot be written: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	err = packTo(w, dir, h)
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

func packTo(w io.Writer, dir string, h *head) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	begin := append([]byte(stateMagic), make([]byte, 8)...)
	binary.LittleEndian.PutUint32(begin[8:], snapshotFormat)
	binary.LittleEndian.PutUint32(begin[12:], uint32(len(b)))
	for _, part := range [][]byte{begin, sum[:], b} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	for i := range h.Nodes {
		for _, f := range h.Nodes[i].Files {
			if err := packFile(w, filepath.Join(dir, nodeName(i), filepath.FromSlash(f.Name)), f.Data); err != nil {
				return err
			}
		}
	}
	return nil
}

func packFile(w io.Writer, name string, bytes int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyN(w, f, bytes); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// takeIn makes the data directory one whose network is on its way back to the snapshot in a state file. A process that is killed meanwhile leaves a
// directory without a network, or that one.
func (c *Config) takeIn(ctx context.Context, file string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	h, err := readState(file, f, r)
	if err != nil {
		return err
	}
	if err := c.matches(file, h); err != nil {
		return err
	}
	if err := c.vacant(ctx); err != nil {
		return err
	}
	all := filepath.Join(c.DataDir, snapshotsDir)
	dir := filepath.Join(all, newSnapshot+"state")
	if err := errors.Join(os.MkdirAll(all, 0o700), os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := unpack(ctx, r, dir, h); err != nil {
		return fmt.Errorf("%s is damaged: %w", file, err)
	}
	if err := h.write(dir); err != nil {
		return err
	}
	final := filepath.Join(all, h.Name)
	if err := errors.Join(os.RemoveAll(final), os.Rename(dir, final)); err != nil {
		return err
	}
	return writeDurably(filepath.Join(c.DataDir, revertingFile), []byte(h.Name+"\n"))
}

// vacant makes sure that there is a data directory, that it is this process's, and no network in it.
func (c *Config) vacant(ctx context.Context) (err error) {
	if c.DataDir == "" && c.Ephemeral {
		if c.DataDir, err = os.MkdirTemp("", "cairn-testnet-"); err != nil {
			return err
		}
		c.temporary = true
		return c.hold(ctx)
	}
	if c.DataDir == "" {
		return errors.New("a network needs a data directory, or --ephemeral")
	}
	if err := c.hold(ctx); err != nil {
		return err
	}
	for _, name := range []string{savedFile, nodeName(0)} {
		if _, err := os.Lstat(filepath.Join(c.DataDir, name)); err == nil {
			return fmt.Errorf("%s holds a network already: choose another --data for the one in the state file, or leave out --state", c.DataDir)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// readState reads a state file up to the end of its head.
func readState(name string, f *os.File, r io.Reader) (*head, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	return parseState(name, r, info.Size())
}

// parseState reads and checks the beginning of a state file of size bytes.
func parseState(name string, r io.Reader, size int64) (*head, error) {
	damaged := func(why string) error { return fmt.Errorf("%s is damaged: %s", name, why) }
	begin := make([]byte, stateHeader)
	if n, err := io.ReadFull(r, begin); err != nil || string(begin[:8]) != stateMagic {
		if bytes.HasPrefix([]byte(stateMagic), begin[:min(n, 8)]) {
			return nil, damaged("it is cut off")
		}
		return nil, fmt.Errorf("%s is not a state file: `cairn testnet snapshot --state FILE` writes one", name)
	}
	if format := binary.LittleEndian.Uint32(begin[8:]); format != snapshotFormat {
		return nil, fmt.Errorf("%s has format %d, this version reads format %d: use the version that wrote it", name, format, snapshotFormat)
	}
	length := int64(binary.LittleEndian.Uint32(begin[12:]))
	if length > maxHead || length > size-stateHeader {
		return nil, damaged("it is cut off")
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, damaged("it is cut off")
	}
	if sum := sha256.Sum256(b); !bytes.Equal(sum[:], begin[16:]) {
		return nil, damaged("the checksum of its head does not fit")
	}
	h, err := parseHead(name, b)
	if err != nil {
		return nil, err
	}
	left := size - stateHeader - length
	for i := range h.Nodes {
		for _, f := range h.Nodes[i].Files {
			if left -= f.Data; left < 0 {
				return nil, damaged("it is cut off")
			}
		}
	}
	if left != 0 {
		return nil, damaged(fmt.Sprintf("%d bytes too many", left))
	}
	return h, nil
}

// matches tells whether what is asked for beside the state file can be, and whether this version has its rules.
func (c *Config) matches(file string, h *head) error {
	then := c.of(h)
	if then.Topology.isFile() && h.Topology == "" {
		return fmt.Errorf("%s is of a network with a topology file, which this early file does not hold: snapshot it again with this version", file)
	}
	if err := then.validate(); err != nil {
		return fmt.Errorf("%s is damaged: %w", file, err)
	}
	p, _, err := then.rules()
	if err != nil {
		return fmt.Errorf("%s is damaged: %w", file, err)
	}
	if rules := rulesText(p); rules != h.Rules {
		return fmt.Errorf("%s is of a network with other rules (%s) than this version has (%s)", file, h.Rules, rules)
	}
	s := h.Network
	switch {
	case c.Network != "" && c.Network != s.Network:
		return fmt.Errorf("%s holds a %s network, not %s: leave out --network", file, s.Network, c.Network)
	case c.BlockTime != 0 && c.BlockTime != s.BlockTime:
		return fmt.Errorf("%s holds a network with %v between blocks, not %v: leave out --block-time", file, s.BlockTime, c.BlockTime)
	case c.Seed != 0 && c.Seed != s.Seed:
		return fmt.Errorf("%s holds a network of seed %d, not %d: leave out --seed", file, s.Seed, c.Seed)
	case c.Nodes != 0 && c.Nodes != s.Nodes:
		return fmt.Errorf("%s holds a network of %d nodes, not %d: leave out --nodes", file, s.Nodes, c.Nodes)
	}
	return nil
}

// unpack writes the files behind the head into dir.
func unpack(ctx context.Context, r io.Reader, dir string, h *head) error {
	for i := range h.Nodes {
		home := filepath.Join(dir, nodeName(i))
		if err := makeFolders(home, h.Nodes[i].Files); err != nil {
			return err
		}
		for _, f := range h.Nodes[i].Files {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := sparse.Unpack(filepath.Join(home, filepath.FromSlash(f.Name)), r, f.Info); err != nil {
				return err
			}
		}
	}
	return nil
}
