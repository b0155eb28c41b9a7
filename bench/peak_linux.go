package main

import (
	"os/exec"
	"syscall"
)

// peakOf is the most bytes that a command, which has ended, has had resident; 0: unknown.
func peakOf(cmd *exec.Cmd) int64 {
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return u.Maxrss * 1024
}
