package badgerdb_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cairn-chain/cairn/chain/badgerdb"
)

// What a process that was killed while it made a file leaves behind: a log without a byte, half a table. Neither is
// part of the database yet.
func TestUnfinishedFiles(t *testing.T) {
	for _, name := range []string{
		"chainstate/000099.vlog", "chainstate/00099.mem", "blocks/000099.vlog", "blocks/00099.mem", "chainstate/000099.sst", "blocks/000099.sst",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for round := range 2 {
				s, err := badgerdb.Open(dir, badgerdb.Options{})
				if err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				var left []byte
				if filepath.Ext(name) == ".sst" {
					left = make([]byte, 4096)
				}
				if round == 0 {
					if err := os.WriteFile(filepath.Join(dir, name), left, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}
