package peers

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/types"
)

// node is a btcd or a Cairn that a test talks to by RPC.
type node interface {
	// try calls a method; result may be nil.
	try(result any, method string, params ...any) error
	// generate mines blocks and returns the hash of the last.
	generate(n int) string
	String() string
}

// cairn is a running Cairn.
type cairn struct {
	*process
	p2p string
	rpc *client.Client
}

var (
	peersLine = regexp.MustCompile(`(?m)^  peers    (\S+)$`)
	rpcLine   = regexp.MustCompile(`(?m)^  rpc      (\S+) \(cookie (.+)\)$`)
)

// startCairn starts a node in dir and waits until it answers.
func startCairn(t *testing.T, dir string, args ...string) *cairn {
	t.Helper()
	args = append([]string{"node", "--network", "regtest", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0",
		"--rpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--log-file", "-"}, args...)
	c := &cairn{process: start(t, dir, cairnProgram, args...)}
	var peers, control []string
	eventually(t, "cairn is ready", func() (string, bool) {
		out := c.out.String()
		if !c.running() {
			t.Fatalf("cairn ended:\n%s", out)
		}
		peers, control = peersLine.FindStringSubmatch(out), rpcLine.FindStringSubmatch(out)
		return out, peers != nil && control != nil && strings.Contains(out, "Ctrl-C")
	})
	c.p2p = peers[1]
	client, err := client.Dial(control[1], control[2])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c.rpc = client
	return c
}

func (c *cairn) String() string { return "cairn" }

func (c *cairn) try(result any, method string, params ...any) error {
	return c.rpc.Call(c.t.Context(), method, result, params...)
}

func (c *cairn) generate(n int) string {
	c.t.Helper()
	var hashes []string
	call(c.t, c, &hashes, "generatetoaddress", n, address(c.t))
	return hashes[len(hashes)-1]
}

// btcd is a running btcd. It can be restarted in its directory.
type btcd struct {
	*process
	dir, p2p, url string
	flags         []string
}

var btcdRPCLine = regexp.MustCompile(`RPC server listening on (\S+)`)

// startBtcd starts a btcd in dir, with further flags, and waits until it answers.
func startBtcd(t *testing.T, dir string, flags ...string) *btcd {
	t.Helper()
	for range 3 { // the port may be taken between its choice and its use
		p2p := freePort(t)
		p := start(t, dir, btcdProgram, append(flags, "--regtest", "--configfile", filepath.Join(dir, "none"),
			"--datadir", filepath.Join(dir, "data"), "--logdir", filepath.Join(dir, "logs"), "--listen", p2p,
			"--rpclisten", "127.0.0.1:0", "--rpcuser", "u", "--rpcpass", "p", "--notls", "--rpcmaxclients", "100",
			"--nodnsseed", "--noonion", "--trickleinterval", "100ms", "--blockprioritysize", "0", "--rejectnonstd",
			"--miningaddr", address(t), "--debuglevel", "PEER=debug,SYNC=debug")...)
		b := &btcd{process: p, dir: dir, flags: flags, p2p: p2p}
		state, _ := within(t.Context(), patience, func() (string, bool) {
			out := p.out.String()
			if m := btcdRPCLine.FindStringSubmatch(out); m != nil {
				b.url = "http://" + m[1]
			}
			return out, b.url != "" && b.try(nil, "getblockcount") == nil || !p.running()
		})
		if p.running() {
			return b
		}
		t.Logf("btcd ended at once:\n%s", state)
	}
	t.Fatal("btcd does not start")
	return nil
}

// restart stops btcd and starts it on the same data.
func (b *btcd) restart() {
	b.t.Helper()
	b.stop()
	*b = *startBtcd(b.t, b.dir, b.flags...)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (b *btcd) String() string { return "btcd" }

func (b *btcd) generate(n int) string {
	b.t.Helper()
	var hashes []string
	call(b.t, b, &hashes, "generate", n)
	return hashes[len(hashes)-1]
}

func (b *btcd) try(result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth("u", "p")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Error != nil {
		return fmt.Errorf("%s (code %d)", answer.Error.Message, answer.Error.Code)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

// call calls a method that must work.
func call(t *testing.T, n node, result any, method string, params ...any) {
	t.Helper()
	if err := n.try(result, method, params...); err != nil {
		t.Fatalf("%v: %s: %v", n, method, err)
	}
}

func height(t *testing.T, n node) (h int) {
	t.Helper()
	call(t, n, &h, "getblockcount")
	return h
}

func tip(t *testing.T, n node) (hash string) {
	t.Helper()
	call(t, n, &hash, "getbestblockhash")
	return hash
}

// block fetches a block by its hash.
func block(t *testing.T, n node, hash string) *types.Block {
	t.Helper()
	var text string
	call(t, n, &text, "getblock", hash, 0)
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	b, err := types.DecodeBlock(raw)
	if err != nil {
		t.Fatalf("%v: block %s: %v", n, hash, err)
	}
	return b
}

// send gives a transaction to a node.
func send(t *testing.T, n node, tx *types.Tx) {
	t.Helper()
	var id string
	call(t, n, &id, "sendrawtransaction", hex.EncodeToString(tx.Bytes()))
	if id != tx.ID().String() {
		t.Fatalf("%v: calls transaction %v %s", n, tx.ID(), id)
	}
}

// pooled waits until a transaction is in a node's mempool.
func pooled(t *testing.T, n node, tx *types.Tx) {
	t.Helper()
	eventually(t, fmt.Sprintf("%v has transaction %v in its pool", n, tx.ID()), func() (string, bool) {
		var ids []string
		call(t, n, &ids, "getrawmempool")
		for _, id := range ids {
			if id == tx.ID().String() {
				return "", true
			}
		}
		return fmt.Sprint(ids), false
	})
}
