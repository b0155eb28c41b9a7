package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines  = 800
	maxFuncLines  = 70
	maxComplexity = 15
)

// impure are the packages in which the world may be touched: clocks, randomness, files, sockets,
// goroutines. Everywhere else these are arguments.
var impure = []string{"p2p", "chain/badgerdb", "rpc/jsonrpc", "rpc/events", "rpc/rest", "rpc/client", "web", "node", "lab", "lab/shape", "lab/scenario", "cmd/cairn", "internal/arch", "bench", "e2e", "deploy"}

// exceptions allow single banned things in further packages, each with its reason.
var exceptions = map[string]map[string]string{
	"chain":           {"go": "the worker pool for script checks"},
	"miner":           {"go": "its own workers"},
	"internal/sparse": {"os": "it copies files"},
	"internal/flock":  {"os": "it locks files"},
	"rpc/mining":      {"time": "a template that is waited for"},
	"rpc/rawtx":       {"crypto/rand": "signatures, and the order in which PSBTs are joined"},
	"wallet":          {"os": "its file", "crypto/rand": "its keys", "time": "the file's lock"},
}

// bannedCalls are selectors on standard packages that reach outside.
var bannedCalls = map[string][]string{
	"time":         {"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"},
	"crypto/rand":  {"Read", "Reader", "Int", "Prime", "Text"},
	"net":          {"Dial", "DialTimeout", "Listen", "ListenPacket", "LookupHost", "LookupIP"},
	"os":           nil, // every use
	"math/rand":    nil,
	"math/rand/v2": {"Int", "IntN", "Int32", "Int32N", "Int64", "Int64N", "Uint32", "Uint32N", "Uint64", "Uint64N", "Float64", "Perm", "Shuffle", "N", "ExpFloat64", "NormFloat64"},
}

type source struct {
	pkg, path string
	file      *ast.File
	fset      *token.FileSet
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, p := range list(t) {
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			path := filepath.Join(p.Dir, name)
			f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, source{pkg: relative(p.ImportPath), path: path, file: f, fset: fset})
		}
	}
	if len(all) < 10 {
		t.Fatalf("found only %d files", len(all))
	}
	return all
}

func TestWorldIsAnArgument(t *testing.T) {
	for _, s := range sources(t) {
		if slices.Contains(impure, s.pkg) {
			continue
		}
		names := importNames(s.file)
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				if exceptions[s.pkg]["go"] == "" {
					t.Errorf("%s: go statement", s.fset.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				if path := bannedSelector(names, n); path != "" && exceptions[s.pkg][path] == "" {
					t.Errorf("%s: use of %s.%s", s.fset.Position(n.Pos()), path, n.Sel.Name)
				}
			}
			return true
		})
	}
}

func importNames(f *ast.File) map[string]string {
	names := map[string]string{}
	for _, imp := range f.Imports {
		path := strings.Trim(imp.Path.Value, `"`)
		name := filepath.Base(path)
		if name == "v2" {
			name = filepath.Base(filepath.Dir(path))
		}
		if imp.Name != nil {
			name = imp.Name.Name
		}
		names[name] = path
	}
	return names
}

func bannedSelector(names map[string]string, sel *ast.SelectorExpr) string {
	id, ok := sel.X.(*ast.Ident)
	if !ok || id.Obj != nil { // Obj is set when a local name hides the package
		return ""
	}
	path := names[id.Name]
	calls, banned := bannedCalls[path]
	if !banned || (calls != nil && !slices.Contains(calls, sel.Sel.Name)) {
		return ""
	}
	return path
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if n := s.fset.Position(s.file.End()).Line; n > maxFileLines {
			t.Errorf("%s has %d lines, at most %d", s.path, n, maxFileLines)
		}
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			lines := s.fset.Position(fn.End()).Line - s.fset.Position(fn.Pos()).Line + 1
			if lines > maxFuncLines {
				t.Errorf("%s: %s has %d lines, at most %d", s.fset.Position(fn.Pos()), fn.Name.Name, lines, maxFuncLines)
			}
			if c := complexity(fn); c > maxComplexity && !isTable(fn) {
				t.Errorf("%s: %s has complexity %d, at most %d", s.fset.Position(fn.Pos()), fn.Name.Name, c, maxComplexity)
			}
		}
	}
}

// complexity is McCabe's: one more than the number of decisions. A type switch or switch counts once a
// case, a function literal counts for itself only.
func complexity(fn *ast.FuncDecl) int {
	n := 1
	ast.Inspect(fn.Body, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncLit:
			return false
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil {
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

// isTable tells whether a function is a plain dispatch: one switch whose cases hold at most one
// statement each. The house rules let such tables be long.
func isTable(fn *ast.FuncDecl) bool {
	table := false
	for _, stmt := range fn.Body.List {
		var body *ast.BlockStmt
		switch s := stmt.(type) {
		case *ast.SwitchStmt:
			body = s.Body
		case *ast.TypeSwitchStmt:
			body = s.Body
		default:
			continue
		}
		table = true
		for _, c := range body.List {
			if len(c.(*ast.CaseClause).Body) > 2 {
				return false
			}
		}
	}
	return table
}

func TestNoSleepsInTests(t *testing.T) {
	for _, p := range list(t) {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			names := importNames(f)
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" && bannedSelector(names, sel) == "time" {
					t.Errorf("%s: a test sleeps", fset.Position(sel.Pos()))
				}
				return true
			})
		}
	}
}
