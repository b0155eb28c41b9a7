//go:build unix

package flock

import (
	"errors"
	"os"
	"syscall"
)

// Works tells whether Try keeps others away on this system.
const Works = true

// Try takes the lock on f for this open file. It returns false if somebody else has it.
func Try(f *os.File) (bool, error) {
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
