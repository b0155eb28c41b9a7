package lab

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// Status is the network at a glance.
type Status struct {
	Network   string        `json:"network"`
	Time      time.Time     `json:"time"` // by the network's clocks, which may be moved
	Magic     uint32        `json:"magic"`
	Seed      uint64        `json:"seed"`
	Topology  Topology      `json:"topology"`
	Partition string        `json:"partition"` // as given to partition; empty: whole
	OneTip    bool          `json:"one_tip"`   // all running nodes have the same tip
	Faucet    string        `json:"faucet"`    // coins that it can give now
	LastBlock *BlockStatus  `json:"last_block"`
	Nodes     []NodeStatus  `json:"nodes"`
	Guests    []GuestStatus `json:"guests,omitempty"`
}

// BlockStatus is the block with the most work that any node has as its tip.
type BlockStatus struct {
	Hash       types.Hash  `json:"hash"`
	Height     int32       `json:"height"`
	Time       time.Time   `json:"time"`
	Difficulty float64     `json:"difficulty"`
	Way        Propagation `json:"propagation"`
}

// NodeStatus is one node at a glance. For a node that does not run only the first fields have a meaning.
type NodeStatus struct {
	Index         int          `json:"index"`
	Running       bool         `json:"running"`
	State         string       `json:"state"` // "running", "stopped" or "killed"
	P2P           string       `json:"p2p"`
	RPC           string       `json:"rpc"`
	HTTP          string       `json:"http"`
	Miner         bool         `json:"miner"`
	Share         float64      `json:"share"` // of a core
	Height        int32        `json:"height"`
	Headers       int32        `json:"headers"`
	Tip           types.Hash   `json:"tip"`
	Peers         int          `json:"peers"`
	MempoolTxs    int          `json:"mempool_txs"`
	MempoolVBytes int64        `json:"mempool_vbytes"`
	HashRate      float64      `json:"hash_rate"`
	Reorgs        int          `json:"reorgs"` // since the node started
	LastReorg     *ReorgStatus `json:"last_reorg"`
}

// ReorgStatus is a node's last reorganization.
type ReorgStatus struct {
	At       time.Time `json:"at"`
	Depth    int       `json:"depth"` // blocks taken off
	Off      int       `json:"blocks_off"`
	On       int       `json:"blocks_on"`
	Returned int       `json:"transactions_returned"`
}

// Status looks at every node.
func (n *Net) Status() Status {
	s := Status{Network: n.params.Name, Time: n.Now().UTC(), Magic: n.params.Magic, Seed: n.cfg.Seed, Topology: n.cfg.Topology, OneTip: true}
	s.Guests = n.Guests()
	if g, oneWay := n.wires.partition(); g != nil {
		s.Partition = partitionText(g, oneWay)
	}
	var best *node.Status
	var first *types.Hash
	for i := range n.nodes {
		ns, st := n.nodeStatus(i)
		s.Nodes = append(s.Nodes, ns)
		if st == nil {
			continue
		}
		if first == nil {
			first = &st.Tip
		}
		s.OneTip = s.OneTip && st.Tip == *first
		if best == nil || st.Work.Cmp(best.Work) > 0 {
			best = st
		}
	}
	if best != nil {
		way, _ := n.watch.propagation(best.Tip)
		s.LastBlock = &BlockStatus{Hash: best.Tip, Height: best.Height, Time: best.TipTime, Difficulty: consensus.Difficulty(best.Bits), Way: way}
	}
	if nd, err := n.pick(-1); err == nil {
		s.Faucet = coins(n.faucet.balance(nd))
	}
	return s
}

func (n *Net) nodeStatus(i int) (NodeStatus, *node.Status) {
	n.mu.Lock()
	m := n.nodes[i]
	ns := NodeStatus{Index: i, State: m.state, P2P: m.p2p, RPC: m.rpc, HTTP: m.http, Miner: m.mining, Share: m.share}
	nd := m.node
	n.mu.Unlock()
	if nd == nil {
		return ns, nil
	}
	st := nd.Status()
	ns.State = "running"
	ns.Running, ns.Height, ns.Headers, ns.Tip, ns.Peers = true, st.Height, st.Headers, st.Tip, st.Inbound+st.Outbound
	ns.MempoolTxs, ns.MempoolVBytes, ns.HashRate, ns.Reorgs = st.MempoolCount, st.MempoolVBytes, st.HashRate, st.Reorgs
	if st.Reorgs > 0 {
		ns.LastReorg = &ReorgStatus{At: st.LastReorg, Depth: st.Off, Off: st.Off, On: st.On, Returned: st.Returned}
	}
	return ns, &st
}

// Sheet is what a program needs to use the network; `testnet up --config-out` writes it, and the data
// directory holds it as testnet.json while the network runs.
type Sheet struct {
	Network  string         `json:"network"`
	Params   string         `json:"params,omitempty"` // params file, if the network is not a known one
	Data     string         `json:"data"`
	Genesis  string         `json:"genesis"`
	Seed     uint64         `json:"seed"`
	Mnemonic string         `json:"mnemonic"`
	Path     string         `json:"path"`
	Control  string         `json:"control"`
	Token    string         `json:"token"`
	Accounts []SheetAccount `json:"accounts"`
	Nodes    []SheetNode    `json:"nodes"`
}

// SheetAccount is a funded account.
type SheetAccount struct {
	Address string `json:"address"`
	WIF     string `json:"wif"`
	Balance string `json:"balance"` // coins, confirmed
}

// SheetNode tells where a node is.
type SheetNode struct {
	Name   string  `json:"name"`
	P2P    string  `json:"p2p"`
	RPC    string  `json:"rpc"` // URL
	Cookie string  `json:"cookie"`
	HTTP   string  `json:"http"` // URL
	Data   string  `json:"data"`
	Mining bool    `json:"mining"`
	Share  float64 `json:"share"`
}

// SheetFile is the sheet's name in the data directory.
const SheetFile = "testnet.json"

// Sheet describes the running network.
func (n *Net) Sheet() (Sheet, error) {
	s := Sheet{Network: n.params.Name, Params: n.paramsFile, Genesis: n.params.Genesis.Hash().String(), Seed: n.cfg.Seed, Mnemonic: n.keys.mnemonic, Path: n.keys.path}
	var err error
	if s.Data, err = filepath.Abs(n.cfg.DataDir); err != nil {
		return s, err
	}
	if n.ctl != nil {
		s.Control, s.Token = n.ctl.URL(), n.ctl.token
	}
	balances, err := n.balances()
	if err != nil {
		return s, err
	}
	for _, a := range n.keys.accounts {
		s.Accounts = append(s.Accounts, SheetAccount{Address: a.Address, WIF: a.WIF, Balance: coins(balances[string(a.script)])})
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.nodes {
		dir, err := filepath.Abs(m.dir)
		if err != nil {
			return s, err
		}
		s.Nodes = append(s.Nodes, SheetNode{Name: nodeName(m.index), P2P: m.p2p, RPC: "http://" + m.rpc, HTTP: "http://" + m.http,
			Cookie: filepath.Join(dir, jsonrpc.CookieFile), Data: dir, Mining: m.mining, Share: m.share})
	}
	return s, nil
}

// balances sums the chain's coins by script, for the accounts.
func (n *Net) balances() (map[string]int64, error) {
	nd, err := n.pick(-1)
	if err != nil {
		return nil, err
	}
	sums := map[string]int64{}
	for _, a := range n.keys.accounts {
		sums[string(a.script)] = 0
	}
	_, err = nd.Chain().EachCoin(n.ctx, func(e consensus.CoinEntry) error {
		if _, ours := sums[string(e.Coin.Out.Script)]; ours {
			sums[string(e.Coin.Out.Script)] += e.Coin.Out.Value
		}
		return nil
	})
	return sums, err
}

// write puts the sheet where it is looked for.
func (s Sheet) write(dir string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, SheetFile)
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// TargetsFile tells Prometheus (file_sd_configs) where the nodes' metrics are; it stays in the data directory.
const TargetsFile = "targets.json"

type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

func (s Sheet) writeTargets(dir string) error {
	var all []target
	for _, n := range s.Nodes {
		all = append(all, target{Targets: []string{strings.TrimPrefix(n.HTTP, "http://")}, Labels: map[string]string{"node": n.Name, "network": s.Network}})
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	// Prometheus runs as another user and is to read it; there is nothing secret in it.
	return os.WriteFile(filepath.Join(dir, TargetsFile), append(b, '\n'), 0o644)
}
