//go:build !linux

package sparse

import "os"

// dataEnd returns where the last data of a file ends, or more. Here nobody tells.
func dataEnd(_ *os.File, size int64) int64 { return size }
