//go:build unix

package badgerdb

import (
	"os"
	"syscall"
)

// fileBytes is what a file takes on disk; mapped log files are mostly holes.
func fileBytes(info os.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}
