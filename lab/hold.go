package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/internal/flock"
)

// One process has a data directory. It holds a lock on lockFile from before it reads anything there until all nodes have ended, and the system
// takes the lock from it when it dies. So a process that hangs keeps its files to itself, and one that was killed keeps nobody out. Where there is
// no such lock (flock.Works), the control address is asked instead.

// lockFile holds the number of the process that has the lock. It stays when the lock ends.
const lockFile = "network.lock"

const (
	// holdPatience is how long a network whose sheet is not there yet, or not any more, gets to come up or to end.
	holdPatience = 5 * time.Second
	holdPoll     = 20 * time.Millisecond
	// answerPatience is how long a network that may run in the data directory gets to say so.
	answerPatience = 30 * time.Second
)

// holdEarly takes the data directory if there is one: nothing in it may be looked at before.
func (c *Config) holdEarly(ctx context.Context) error {
	if c.DataDir == "" || !exists(c.DataDir) {
		return nil
	}
	return c.hold(ctx)
}

// holdNew takes the data directory of a settled network, and makes it. One that was not there when the network was settled must hold none.
func (c *Config) holdNew(ctx context.Context) error {
	if c.held != nil {
		return nil
	}
	if err := c.hold(ctx); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(c.DataDir, savedFile)); flock.Works && err == nil {
		return fmt.Errorf("somebody else has just made a network in %s: try again", c.DataDir)
	}
	return nil
}

// hold takes the data directory for this process, until release, and removes the sheet of one that was killed.
func (c *Config) hold(ctx context.Context) error {
	if c.held != nil {
		return nil
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return err
	}
	if !flock.Works {
		return c.alone(ctx)
	}
	f, err := c.lock(ctx)
	if err != nil {
		return err
	}
	err = os.Remove(filepath.Join(c.DataDir, SheetFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	c.held = f
	return nil
}

// lock takes the lock on the file that has its name. The network that has it now is waited for only if it is about to end, or to come up.
func (c *Config) lock(ctx context.Context) (*os.File, error) {
	patience, cancel := bounded(ctx, holdPatience)
	defer cancel()
	tick := time.NewTicker(holdPoll)
	defer tick.Stop()
	for {
		f, err := os.OpenFile(filepath.Join(c.DataDir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		got, err := flock.Try(f)
		if err == nil && got && isNamed(f) {
			return f, nil
		}
		holder := holderOf(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s cannot be locked: %w", f.Name(), err)
		}
		if exists(filepath.Join(c.DataDir, SheetFile)) {
			return nil, fmt.Errorf("the network in %s runs already, in %s: `cairn testnet status` shows it, `cairn testnet down` stops it", c.DataDir, holder)
		}
		select {
		case <-tick.C:
		case <-patience.Done():
			return nil, fmt.Errorf("the network in %s runs already, in %s, which starts or ends it just now and has not come to an end with that", c.DataDir, holder)
		}
	}
}

// isNamed tells whether an open file still is the one of its name: a network that is gone when it ends takes its lock with it.
func isNamed(f *os.File) bool {
	open, err1 := f.Stat()
	named, err2 := os.Stat(f.Name())
	return err1 == nil && err2 == nil && os.SameFile(open, named)
}

// holderOf says who wrote his number into a lock.
func holderOf(f *os.File) string {
	var b [20]byte
	k, err := f.ReadAt(b[:], 0)
	pid, bad := strconv.ParseUint(strings.TrimSpace(string(b[:k])), 10, 32)
	if (err != nil && k == 0) || bad != nil {
		return "another process"
	}
	return fmt.Sprintf("process %d", pid)
}

// release lets others have the data directory.
func (c *Config) release() error {
	if c.held == nil {
		return nil
	}
	f := c.held
	c.held = nil
	return f.Close()
}

// alone makes sure that the network in the data directory does not run already. What is left of one that was
// killed is taken away; one that only takes long to answer is not.
func (c *Config) alone(ctx context.Context) error {
	client, err := Find(c.DataDir, "")
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err == nil {
		ctx, cancel := bounded(ctx, answerPatience)
		defer cancel()
		_, err := client.Status(ctx)
		if err == nil {
			return fmt.Errorf("the network in %s runs already: `cairn testnet status` shows it, `cairn testnet down` stops it", c.DataDir)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the network in %s may run already: somebody listens at its control address and does not answer: %w", c.DataDir, err)
		}
	}
	return os.Remove(filepath.Join(c.DataDir, SheetFile))
}
