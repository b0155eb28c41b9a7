// Package sparse copies files that are mostly holes, as the logs of a database are: it maps them at the size that they may
// reach and writes them from the beginning. What is not written is neither read nor copied, and a checksum covers the rest.
//
// It knows nothing of what is in the files.
package sparse

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// Info describes what a file holds.
type Info struct {
	Size int64  `json:"size"` // bytes
	Data int64  `json:"data"` // bytes up to the last one that is not zero
	Sum  uint32 `json:"sum"`  // CRC-32C of the first Data bytes
}

const chunk = 64 << 10

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	zeros      [chunk]byte
)

// Copy copies src to dst, a new file that only the user may read, and says what it holds. Errors are the file system's, and
// io.ErrUnexpectedEOF if src became shorter meanwhile.
func Copy(dst, src string) (Info, error) { return copyTo(dst, src, os.O_EXCL) }

// Replace is Copy in the place of whatever dst holds. A process that is killed within it may leave anything there.
func Replace(dst, src string) (Info, error) { return copyTo(dst, src, os.O_TRUNC) }

func copyTo(dst, src string, flag int) (info Info, err error) {
	in, err := os.Open(src)
	if err != nil {
		return info, err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return info, err
	}
	out, err := os.OpenFile(dst, os.O_CREATE|flag|os.O_WRONLY, 0o600)
	if err != nil {
		return info, err
	}
	info, err = transfer(out, in, st.Size(), dataEnd(in, st.Size()))
	return info, errors.Join(err, out.Close())
}

// Sum says what a file holds.
func Sum(name string) (info Info, err error) {
	in, err := os.Open(name)
	if err != nil {
		return info, err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return info, err
	}
	return transfer(nil, in, st.Size(), dataEnd(in, st.Size()))
}

// Same tells whether two files hold the same bytes.
func Same(a, b string) (bool, error) {
	var files [2]*os.File
	var size, end [2]int64
	for i, name := range []string{a, b} {
		f, err := os.Open(name)
		if err != nil {
			return false, err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return false, err
		}
		files[i], size[i], end[i] = f, st.Size(), dataEnd(f, st.Size())
	}
	if size[0] != size[1] {
		return false, nil
	}
	var pieces [2][]byte
	last := min(max(end[0], end[1]), size[0])
	for at := int64(0); at < last; at += chunk {
		for i, f := range files {
			if pieces[i] == nil {
				pieces[i] = make([]byte, min(chunk, last))
			}
			pieces[i] = pieces[i][:min(chunk, last-at)]
			if _, err := f.ReadAt(pieces[i], at); err != nil {
				return false, err
			}
		}
		if !bytes.Equal(pieces[0], pieces[1]) {
			return false, nil
		}
	}
	return true, nil
}

// Unpack makes dst from the Data bytes that r has of it. If they are not what info says, an error that wraps ErrOther is returned.
func Unpack(dst string, r io.Reader, info Info) (err error) {
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	sum := crc32.New(castagnoli)
	if _, err := io.CopyN(io.MultiWriter(out, sum), r, info.Data); err != nil {
		return err
	}
	if sum.Sum32() != info.Sum {
		return fmt.Errorf("%s: %w", dst, ErrOther)
	}
	return out.Truncate(info.Size)
}

// ErrOther says that a file does not hold what its Info says.
var ErrOther = errors.New("the checksum does not fit")

// transfer reads in up to end, writes what is not zero to out, and leaves holes for the rest of size. Without an out it only looks.
func transfer(out *os.File, in *os.File, size, end int64) (info Info, err error) {
	info.Size = size
	buf := make([]byte, min(chunk, max(end, 1)))
	for at := int64(0); at < end; {
		piece := buf[:min(int64(len(buf)), end-at)]
		if _, err := in.ReadAt(piece, at); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return info, fmt.Errorf("%s: %w", in.Name(), err)
		}
		body := bytes.TrimRight(piece, "\x00")
		if len(body) > 0 {
			info.Sum = overZeros(info.Sum, at-info.Data)
			info.Sum = crc32.Update(info.Sum, castagnoli, body)
			info.Data = at + int64(len(body))
			if out != nil {
				if _, err := out.WriteAt(body, at); err != nil {
					return info, err
				}
			}
		}
		at += int64(len(piece))
	}
	if out != nil {
		err = out.Truncate(size)
	}
	return info, err
}

// overZeros continues a checksum over n zeros.
func overZeros(sum uint32, n int64) uint32 {
	for ; n > 0; n -= min(n, chunk) {
		sum = crc32.Update(sum, castagnoli, zeros[:min(n, chunk)])
	}
	return sum
}
