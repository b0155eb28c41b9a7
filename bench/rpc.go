package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// questions are what is asked, again and again, of both nodes: a method and the parameter behind the hash.
var questions = []struct {
	method string
	form   int
	ofTxs  bool // the hash is a transaction's
}{
	{"getblock", 0, false}, {"getblock", 1, false}, {"getblock", 2, false},
	{"getrawtransaction", 0, true}, {"getrawtransaction", 1, true},
}

// askers are how many clients ask at once.
var askers = []int{1, 8}

// target is a node that is asked.
type target struct {
	addr, auth string
}

// rpcs measures how fast a node answers, beside btcd on the same chain, and what a large batch takes in memory.
func (s *suite) rpcs(ctx context.Context) (sec section, err error) {
	sec = section{Title: "Answers by RPC", Text: fmt.Sprintf("`cairn node --txindex` with a chain of %d blocks of regtest, %d transactions in most of them, every other output with a script of its own, asked for blocks and transactions of the chain by turns; each "+
		"client has its connection and sends the next call when the answer to the last is there. ", s.size.answerBlocks, s.size.answerTxs)}
	m, err := s.makeAnswers(ctx)
	if err != nil {
		return sec, err
	}
	own, err := s.ownTarget(ctx, m)
	if err != nil {
		return sec, err
	}
	defer func() { err = errors.Join(err, own.stop()) }()
	targets := []target{own.target}
	if s.btcd != "" {
		sec.Text += "Then `btcd --txindex` is asked the same in the same way, with the same blocks. It ends every connection after one answer, " +
			"so that there the next call begins with a connection. Both run while either is asked."
		other, err := s.otherTarget(ctx, m)
		if err != nil {
			return sec, err
		}
		defer func() { err = errors.Join(err, other.stop()) }()
		targets = append(targets, other.target)
	} else {
		sec.Text += "btcd was not at hand (`-btcd`)."
	}
	hashes := answerHashes(m)
	for _, q := range questions {
		for _, n := range askers {
			figs, err := s.ask(ctx, targets, bodies(q.method, q.form, hashes[q.ofTxs]), n)
			if err != nil {
				return sec, fmt.Errorf("%s %d: %w", q.method, q.form, err)
			}
			figs[0].Name = fmt.Sprintf("%s, verbosity %d, %s", q.method, q.form, plural(n, "client"))
			sec.Figures = append(sec.Figures, figs...)
		}
	}
	figs, err := s.largeBatch(ctx, own, hashes[false])
	sec.Figures = append(sec.Figures, figs...)
	return sec, err
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// makeAnswers makes the chain.
func (s *suite) makeAnswers(ctx context.Context) (*maker, error) {
	m, err := newMaker(time.Now(), s.size.answerBlocks)
	if err != nil {
		return nil, err
	}
	if err := m.mature(ctx, 1); err != nil {
		return nil, err
	}
	fan, lane, err := m.fan(m.coinbase(0), s.size.answerTxs, alternate)
	if err != nil {
		return nil, err
	}
	if err := m.mine(ctx, fan); err != nil {
		return nil, err
	}
	return m, m.strangers(ctx, s.size.answerBlocks-len(m.blocks), lane)
}

// strangers is lanes where the second output of each transaction pays a script of its own, so that nothing is gained by remembering it.
func (m *maker) strangers(ctx context.Context, count int, coins []consensus.CoinEntry) error {
	for range count {
		var txs []*types.Tx
		for i, c := range coins {
			sum := types.DoubleSHA256(fmt.Append(nil, len(m.blocks), i))
			lock := script.PayToWitnessPubKeyHash([20]byte(sum[:20]))
			if alternate(i) == taproot {
				lock = script.PayToTaproot(sum)
			}
			tx, err := m.spend(c, types.TxOut{Value: 1000, Script: lock})
			if err != nil {
				return err
			}
			txs, coins[i] = append(txs, tx), consensustest.CoinEntry(tx, 0)
		}
		if err := m.mine(ctx, txs...); err != nil {
			return err
		}
	}
	return nil
}

// answerHashes are those of the blocks with transactions, by false, and of the transactions, by true.
func answerHashes(m *maker) map[bool][]types.Hash {
	hashes := map[bool][]types.Hash{}
	for _, b := range m.blocks {
		for i, tx := range b.Txs {
			if i > 0 {
				hashes[true] = append(hashes[true], tx.ID())
			}
		}
		if len(b.Txs) > 1 {
			hashes[false] = append(hashes[false], b.Hash())
		}
	}
	return hashes
}

func bodies(method string, form int, hashes []types.Hash) [][]byte {
	list := make([][]byte, len(hashes))
	for i, h := range hashes {
		list[i] = fmt.Appendf(nil, `{"jsonrpc":"1.0","id":1,"method":"%s","params":["%s",%d]}`, method, h, form)
	}
	return list
}

// ownNode is our node as a target.
type ownNode struct {
	*daemon
	target
}

func (s *suite) ownTarget(ctx context.Context, m *maker) (*ownNode, error) {
	sup := &supply{}
	if err := s.write(sup, m); err != nil {
		return nil, err
	}
	dir := filepath.Join(s.dir, "answers")
	if out, err := s.command(ctx, "chain", "import", "--network", "regtest", "--data", dir, sup.file).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("chain import: %w\n%s", err, out)
	}
	d, err := s.startNode(ctx, dir, "--txindex")
	if err != nil {
		return nil, err
	}
	err = d.reach(ctx, len(m.blocks))
	if err == nil {
		err = d.client.Call(ctx, "syncwithvalidationinterfacequeue", nil)
	}
	cookie, err2 := os.ReadFile(filepath.Join(dir, "regtest", ".cookie"))
	if err := errors.Join(err, err2); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return &ownNode{d, target{d.rpcAddr, base64.StdEncoding.EncodeToString(bytes.TrimSpace(cookie))}}, nil
}

// otherNode is a running btcd.
type otherNode struct {
	*process
	target
}

// otherTarget starts a btcd and hands it the blocks.
func (s *suite) otherTarget(ctx context.Context, m *maker) (*otherNode, error) {
	dir := filepath.Join(s.dir, "btcd")
	cmd := exec.CommandContext(ctx, s.btcd, "--regtest", "--txindex", "--configfile", filepath.Join(dir, "none"), "--datadir", filepath.Join(dir, "data"),
		"--logdir", filepath.Join(dir, "logs"), "--nolisten", "--rpclisten", "127.0.0.1:0", "--rpcuser", "u", "--rpcpass", "p", "--notls",
		"--rpcmaxclients", "100", "--nodnsseed", "--noonion", "--connect", "127.0.0.1:1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	p, err := startCommand(cmd)
	if err != nil {
		return nil, err
	}
	o := &otherNode{p, target{auth: base64.StdEncoding.EncodeToString([]byte("u:p"))}}
	if err := o.fill(ctx, m); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	go func() { // what it logs must be read, or it stops
		for range p.lines {
		}
	}()
	return o, nil
}

func (o *otherNode) fill(ctx context.Context, m *maker) error {
	const said = "RPC server listening on "
	for o.addr == "" {
		text, err := o.line(ctx, "")
		if err != nil {
			return err
		}
		if _, addr, ok := strings.Cut(text, said); ok {
			o.addr = addr
		}
	}
	for _, b := range m.blocks {
		a := &asker{target: o.target}
		body := fmt.Appendf(nil, `{"jsonrpc":"1.0","id":1,"method":"submitblock","params":["%s"]}`, hex.EncodeToString(b.Bytes()))
		if err := a.ask(ctx, body); err != nil {
			return err
		}
		a.close()
	}
	return nil
}

// asker is one client: it keeps its connection as long as the node does. It is simpler than net/http's, to cost less beside what it measures.
type asker struct {
	target
	conn net.Conn
	in   *bufio.Reader
	read int64 // bytes of answers
}

func (a *asker) close() {
	if a.conn != nil {
		_ = a.conn.Close() // nothing is lost with it
		a.conn = nil
	}
}

// ask sends a body and reads the answer, which must be a success.
func (a *asker) ask(ctx context.Context, body []byte) error {
	if a.conn == nil {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", a.addr)
		if err != nil {
			return err
		}
		a.conn, a.in = conn, bufio.NewReaderSize(conn, 64<<10)
	}
	head := "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Basic " + a.auth + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	if _, err := a.conn.Write(append([]byte(head), body...)); err != nil {
		return err
	}
	resp, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	a.read += n
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s to %.100s", resp.Status, body)
	}
	if resp.Close {
		a.close()
	}
	return nil
}

// ask measures answers per second of each target, by turns, and their ratio.
func (s *suite) ask(ctx context.Context, targets []target, list [][]byte, clients int) ([]figure, error) {
	figs := []figure{{Unit: "answers/s"}, {Name: "– btcd", Unit: "answers/s"}, {Name: "– times as fast as btcd", Unit: "×", Aim: "at least 2"}}[:len(targets)]
	for range s.size.answerRuns {
		for i, t := range targets {
			rate, err := s.askOne(ctx, t, list, clients)
			if err != nil {
				return nil, err
			}
			figs[i].Runs = append(figs[i].Runs, rate)
		}
	}
	if len(targets) < 2 {
		return figs, nil
	}
	figs = figs[:3]
	for i, rate := range figs[0].Runs {
		figs[2].Runs = append(figs[2].Runs, rate/figs[1].Runs[i])
	}
	return figs, nil
}

func (s *suite) askOne(ctx context.Context, t target, list [][]byte, clients int) (perSecond float64, err error) {
	counts := make([]int, clients)
	begin := time.Now()
	end := begin.Add(s.size.answerSpin)
	var g errgroup.Group
	for c := range clients {
		g.Go(func() error {
			a := &asker{target: t}
			defer a.close()
			for i := c * len(list) / clients; time.Now().Before(end); i++ {
				if err := a.ask(ctx, list[i%len(list)]); err != nil {
					return err
				}
				counts[c]++
			}
			return nil
		})
	}
	err = g.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return float64(sum) / time.Since(begin).Seconds(), err
}

// largeBatch sends one batch and looks at the memory that was resident before and at most.
func (s *suite) largeBatch(ctx context.Context, own *ownNode, hashes []types.Hash) ([]figure, error) {
	calls := make([]json.RawMessage, s.size.answerBatch)
	for i := range calls {
		calls[i] = bodies("getblock", 2, hashes[i%len(hashes):][:1])[0]
	}
	body, err := json.Marshal(calls)
	if err != nil {
		return nil, err
	}
	before, err := own.rss()
	if err != nil {
		return nil, err
	}
	if err := own.resetPeak(); err != nil {
		return nil, err
	}
	a := &asker{target: own.target}
	defer a.close()
	begin := time.Now()
	if err := a.ask(ctx, body); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	peak, err := own.memory("VmHWM")
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("a batch of %s getblock with verbosity 2", number(float64(len(calls))))
	return []figure{
		{Name: name, Unit: "s", Runs: []float64{took.Seconds()}},
		{Name: "– its answer", Unit: "MB", Runs: []float64{float64(a.read) / 1e6}},
		{Name: "– memory of the node before it", Unit: "MB", Runs: []float64{before}},
		{Name: "– at most, until its end", Unit: "MB", Runs: []float64{peak}, Aim: "flat"},
	}, nil
}

// resetPeak lets the system count the peak of a process's memory anew.
func (p *process) resetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0o200)
}
