package sparse

import (
	"errors"
	"os"
	"syscall"
)

// Of lseek(2): the next data, and the next hole.
const (
	seekData = 3
	seekHole = 4
)

// dataEnd returns where the last data of a file ends, or more. It moves the file's offset.
func dataEnd(f *os.File, size int64) (end int64) {
	for end < size {
		data, err := f.Seek(end, seekData)
		if errors.Is(err, syscall.ENXIO) {
			return end
		}
		if err != nil {
			return size
		}
		if end, err = f.Seek(data, seekHole); err != nil {
			return size
		}
	}
	return end
}
