//go:build unix

package wallet

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes an advisory lock on f for this open file, which ends when f is closed or the
// process does. It returns false if somebody else has it.
func tryLock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}
