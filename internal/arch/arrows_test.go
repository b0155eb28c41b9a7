package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cairn-chain/cairn"

// arrows says, for every package, what it may import from the project. Tests may import more.
var arrows = map[string][]string{
	"merkle":                  {},
	"types":                   {},
	"consensus/script":        {"types"},
	"consensus":               {"types", "merkle", "consensus/script"},
	"consensus/consensustest": {"types", "merkle", "consensus", "consensus/script"},
	"chain":                   {"types", "merkle", "consensus", "consensus/script"},
	"chain/badgerdb":          {"types", "consensus", "chain", "internal/sparse"},
	"chain/memdb":             {"types", "consensus", "chain"},
	"chain/storetest":         {"types", "consensus", "consensus/consensustest", "consensus/script", "chain"},
	"chain/slowmodel":         {"types"},
	"chain/blockfile":         {"types"},
	"chain/utxofile":          {"types", "consensus", "consensus/script"},
	"chain/filterindex":       {"types", "consensus", "consensus/script", "chain"},
	"chain/index":             {"types", "consensus", "consensus/script", "chain"},
	"mempool/fees":            {"types"},
	"mempool":                 {"types", "consensus", "consensus/script"},
	"miner":                   {"types", "merkle", "consensus"},
	"p2p/wire":                {"types"},
	"p2p/bloom":               {"types", "consensus/script"},
	"p2p/salted":              {"types"},
	"p2p/txrequest":           {"types", "p2p/salted"},
	"p2p/orphanage":           {"types"},
	"p2p/presync":             {"types", "consensus", "p2p/salted"},
	"p2p/compact":             {"types", "merkle", "p2p/wire"},
	"p2p/proto":               {"types", "consensus", "p2p/wire", "p2p/bloom", "p2p/salted", "p2p/txrequest", "p2p/orphanage", "p2p/presync", "p2p/compact", "internal/exponential"},
	"p2p/addrbook":            {"types", "p2p/wire"},
	"p2p/bip324":              {},
	"p2p":                     {"types", "p2p/wire", "p2p/proto", "p2p/addrbook", "p2p/bip324"},
	"wallet/hd":               {"types", "merkle", "consensus", "consensus/script"},
	"wallet/descriptor":       {"types", "merkle", "consensus", "consensus/script", "wallet/hd"},
	"wallet/psbt":             {"types", "consensus/script"},
	"wallet":                  {"types", "merkle", "consensus", "consensus/script", "wallet/hd", "wallet/descriptor", "internal/flock"},
	"rpc/jsonrpc":             {},
	"rpc/backend":             {"types", "consensus"},
	"rpc/events":              {"types", "rpc/jsonrpc"},
	"rpc/client":              {"rpc/jsonrpc", "rpc/events"},
	"rpc/chainjson":           {"types", "consensus", "consensus/script", "wallet/descriptor", "rpc/jsonrpc", "rpc/backend"},
	"rpc/blockchain": {"types", "merkle", "consensus", "consensus/script", "rpc/jsonrpc", "rpc/backend",
		"rpc/chainjson"},
	"rpc/pool":    {"types", "rpc/jsonrpc", "rpc/backend", "rpc/chainjson"},
	"rpc/mining":  {"types", "consensus", "rpc/jsonrpc", "rpc/backend", "rpc/chainjson"},
	"rpc/network": {"rpc/jsonrpc", "rpc/backend", "rpc/chainjson"},
	"rpc/rawtx": {"types", "consensus", "consensus/script", "wallet/descriptor", "wallet/psbt", "rpc/jsonrpc",
		"rpc/backend", "rpc/chainjson"},
	"rpc/rest": {"types", "consensus", "rpc/jsonrpc", "rpc/backend", "rpc/chainjson"},
	"rpc": {"types", "rpc/jsonrpc", "rpc/backend", "rpc/chainjson", "rpc/blockchain", "rpc/pool", "rpc/mining",
		"rpc/network", "rpc/rawtx", "rpc/rest", "rpc/events"},
	"node": {"types", "merkle", "consensus", "consensus/script", "chain", "chain/badgerdb", "chain/memdb",
		"chain/filterindex", "chain/index", "chain/utxofile", "mempool", "mempool/fees", "miner", "p2p/wire", "p2p/bloom", "p2p/proto", "p2p/addrbook", "p2p", "rpc", "rpc/jsonrpc", "rpc/backend", "rpc/chainjson", "rpc/events", "web"},
	"lab/shape":    {},
	"lab/scenario": {"lab"},
	"lab": {"lab/shape", "types", "merkle", "consensus", "consensus/script", "chain", "mempool", "miner", "p2p/wire",
		"p2p/proto", "p2p", "wallet", "wallet/hd", "rpc/jsonrpc", "web", "node", "internal/sparse", "internal/flock"},
	"sim": {"types", "consensus", "consensus/script", "chain", "mempool", "miner", "p2p/wire", "p2p/proto", "internal/exponential"},
	"web": {"types", "rpc/jsonrpc", "rpc/backend"},

	"internal/vectors": {},
	"internal/sparse":  {},
	"internal/flock":   {},

	"internal/exponential": {},
}

// wellConnected are the packages that may import whatever the project has.
var wellConnected = []string{"cmd/cairn", "internal/arch", "bench", "e2e", "deploy"}

// onlyImporter names third-party packages that a single package of ours may import.
var onlyImporter = map[string]string{"github.com/dgraph-io/badger/v4": "chain/badgerdb"}

// neverImported are btcd packages whose place Cairn's own code takes.
var neverImported = []string{
	"github.com/btcsuite/btcd/blockchain", "github.com/btcsuite/btcd/wire", "github.com/btcsuite/btcd/peer",
	"github.com/btcsuite/btcd/mempool", "github.com/btcsuite/btcd/netsync", "github.com/btcsuite/btcd/txscript",
	"github.com/btcsuite/btcd/rpcclient",
}

type listed struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
}

// list returns all packages of the module.
func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	return all
}

func relative(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

func TestArrows(t *testing.T) {
	for _, p := range list(t) {
		name := relative(p.ImportPath)
		if slices.Contains(wellConnected, name) {
			continue
		}
		allowed, known := arrows[name]
		if !known {
			t.Errorf("package %s is not in the table of arrows", name)
			continue
		}
		for _, imp := range p.Imports {
			if rel := relative(imp); rel != imp && !slices.Contains(allowed, rel) {
				t.Errorf("%s imports %s: no such arrow", name, rel)
			}
		}
	}
}

func TestThirdParties(t *testing.T) {
	for _, p := range list(t) {
		name := relative(p.ImportPath)
		for _, imp := range p.Imports {
			for path, owner := range onlyImporter {
				if (imp == path || strings.HasPrefix(imp, path+"/")) && name != owner {
					t.Errorf("%s imports %s: only %s may", name, imp, owner)
				}
			}
			for _, path := range neverImported {
				if imp == path || strings.HasPrefix(imp, path+"/") {
					t.Errorf("%s imports %s: its place is taken by our own code", name, imp)
				}
			}
		}
	}
}
