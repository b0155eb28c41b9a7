//go:build !unix

package badgerdb

import "os"

func fileBytes(info os.FileInfo) int64 { return info.Size() }
