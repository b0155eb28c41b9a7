package peers

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/types"
)

const (
	// chainLength is how many blocks each syncs from the other, payments in each block from maturity on.
	chainLength = 500
	// stall is how long btcd may stand still before it is restarted, at most restartLimit times for one wait. Near the tip it
	// sometimes loses its sync peer and then waits for minutes.
	stall        = 20 * time.Second
	restartLimit = 5
)

// network is one Cairn and one btcd.
type network struct {
	t        *testing.T
	c        *cairn
	b        *btcd
	purse    *purse
	restarts int
}

// connect lets one dial the other and waits until both have shaken hands.
func (n *network) connect(fromCairn bool) {
	n.t.Helper()
	call(n.t, n.c, nil, "setnetworkactive", true)
	if fromCairn {
		call(n.t, n.c, nil, "addnode", n.b.p2p, "onetry")
	} else {
		call(n.t, n.b, nil, "node", "connect", n.c.p2p, "temp")
	}
	eventually(n.t, "cairn and btcd are connected", func() (string, bool) {
		cairns, btcds := n.connections()
		return fmt.Sprintf("cairn has %d peers, btcd %d", cairns, btcds), cairns > 0 && btcds > 0 // Cairn may have dialled by itself
	})
}

// connections counts the peers of each that have told their version.
func (n *network) connections() (cairns, btcds int) {
	n.t.Helper()
	var peers []struct {
		Version int `json:"version"`
	}
	count := func(x node) (sum int) {
		call(n.t, x, &peers, "getpeerinfo")
		for _, p := range peers {
			if p.Version > 0 {
				sum++
			}
		}
		return sum
	}
	return count(n.c), count(n.b)
}

// cut ends all connections; there will be none before connect.
func (n *network) cut() {
	n.t.Helper()
	call(n.t, n.c, nil, "setnetworkactive", false)
	eventually(n.t, "they are apart", func() (string, bool) {
		cairns, btcds := n.connections()
		return fmt.Sprintf("cairn has %d peers, btcd %d", cairns, btcds), cairns == 0 && btcds == 0
	})
}

// agree waits until both are on the block with that hash. A btcd that stands still is restarted; Cairn has no excuse.
func (n *network) agree(hash string) {
	n.t.Helper()
	begin := time.Now()
	look := func() (string, bool) {
		a, b := tip(n.t, n.c), tip(n.t, n.b)
		return fmt.Sprintf("cairn at %d %s, btcd at %d %s", height(n.t, n.c), a, height(n.t, n.b), b), a == hash && b == hash
	}
	for attempt := 0; ; attempt++ {
		limit := stall
		if attempt == restartLimit || tip(n.t, n.b) == hash { // then it is Cairn that is waited for
			limit = patience
		}
		state, ok := within(n.t.Context(), limit, look)
		if ok {
			if took := time.Since(begin); took > time.Second {
				n.t.Logf("%.1f s until both are at %d", took.Seconds(), height(n.t, n.c))
			}
			return
		}
		if limit == patience {
			n.t.Fatalf("not both at %s: %s", hash, state)
		}
		if tip(n.t, n.b) == hash {
			continue
		}
		n.t.Logf("btcd stands still and is restarted: %s", state)
		n.restarts++
		n.b.restart()
		n.connect(true)
	}
}

// follow brings the purse to the tip of a node.
func (n *network) follow(x node) {
	n.t.Helper()
	for h := int(n.purse.height) + 1; h <= height(n.t, x); h++ {
		var hash string
		call(n.t, x, &hash, "getblockhash", h)
		n.purse.follow(block(n.t, x, hash))
	}
}

// TestOneNetwork tells one story from an empty chain to a healed partition.
func TestOneNetwork(t *testing.T) {
	n := &network{t: t, c: startCairn(t, t.TempDir()), b: startBtcd(t, t.TempDir()), purse: newPurse(t)}
	for _, act := range []struct {
		name string
		do   func()
	}{
		{"btcd mines a chain with transactions", n.mineChain},
		{"cairn syncs from btcd", n.cairnSyncs},
		{"an empty btcd syncs from cairn", n.btcdSyncs},
		{"blocks of either side reach the other", n.blocksCross},
		{"transactions are mined by the other side", n.transactionsCross},
		{"btcd's branch is heavier", func() { n.partition(2, 4) }},
		{"cairn's branch is heavier", func() { n.partition(4, 2) }},
		{"a long partition, cairn's branch heavier", func() { n.partition(40, 30) }},
		{"a long partition, btcd's branch heavier", func() { n.partition(30, 40) }},
		{"cairn starts again and syncs what it missed", n.cairnReturns},
		{"btcd starts again and syncs what it missed", n.btcdReturns},
	} {
		begin := time.Now()
		act.do()
		t.Logf("%5.1f s: %s", time.Since(begin).Seconds(), act.name)
	}
	t.Logf("all acts played; btcd was restarted %d times", n.restarts)
}

func (n *network) mineChain() {
	n.t.Helper()
	n.b.generate(maturity + 20)
	n.follow(n.b)
	txs := 0
	for h := maturity + 21; h <= chainLength; h++ {
		for i := range 2 {
			send(n.t, n.b, n.purse.pay(1+(h+i)%3/2))
			txs++
		}
		b := block(n.t, n.b, n.b.generate(1))
		if len(b.Txs) != 3 {
			n.t.Fatalf("block %d has %d transactions, not the coinbase and two", h, len(b.Txs))
		}
		n.purse.follow(b)
	}
	n.t.Logf("%d blocks, %d transactions", chainLength, txs)
}

func (n *network) cairnSyncs() {
	n.t.Helper()
	n.connect(true)
	n.agree(tip(n.t, n.b))
	n.sameCoins()
}

// btcdSyncs replaces the btcd with an empty one.
func (n *network) btcdSyncs() {
	n.t.Helper()
	n.b.stop()
	n.b = startBtcd(n.t, n.t.TempDir())
	n.connect(false)
	n.agree(tip(n.t, n.c))
	n.sameCoins()
}

// sameCoins asks both for outputs of every tenth block.
func (n *network) sameCoins() {
	n.t.Helper()
	type out struct {
		Value         float64 `json:"value"`
		Confirmations int     `json:"confirmations"`
		Coinbase      bool    `json:"coinbase"`
	}
	unspent := 0
	for h := 1; h <= height(n.t, n.c); h += 10 {
		var hash string
		call(n.t, n.c, &hash, "getblockhash", h)
		for _, tx := range block(n.t, n.c, hash).Txs {
			for i := range tx.Out {
				var a, b *out
				call(n.t, n.c, &a, "gettxout", tx.ID().String(), i)
				call(n.t, n.b, &b, "gettxout", tx.ID().String(), i)
				if (a == nil) != (b == nil) || a != nil && (math.Round(a.Value*1e8) != math.Round(b.Value*1e8) || a.Confirmations != b.Confirmations || a.Coinbase != b.Coinbase) {
					// btcd keeps unspendable outputs of no value in its answers.
					if a == nil && tx.Out[i].Value == 0 {
						continue
					}
					n.t.Fatalf("%v:%d is %+v for cairn, %+v for btcd", tx.ID(), i, a, b)
				}
				if a != nil {
					unspent++
				}
			}
		}
	}
	if unspent == 0 {
		n.t.Fatal("no unspent output was compared")
	}
	n.t.Logf("%d unspent outputs compared", unspent)
}

func (n *network) blocksCross() {
	n.t.Helper()
	for i := range 6 {
		if i%2 == 0 {
			n.agree(n.c.generate(1))
		} else {
			n.agree(n.b.generate(1))
		}
	}
	n.agree(n.c.generate(20))
	n.agree(n.b.generate(20))
}

// transactionsCross sends transactions to each side and lets the other mine them.
func (n *network) transactionsCross() {
	n.t.Helper()
	n.cut()
	n.connect(true) // Cairn is slower to tell and to ask those that dialled it
	n.follow(n.c)
	for _, way := range []struct{ to, miner node }{{n.c, n.b}, {n.b, n.c}, {n.c, n.b}, {n.b, n.c}} {
		var txs []*types.Tx
		for i := range 6 {
			tx := n.purse.pay(1 + i%2)
			send(n.t, way.to, tx)
			txs = append(txs, tx)
		}
		for _, tx := range txs {
			pooled(n.t, way.miner, tx)
		}
		n.mined(way.miner, txs)
	}
}

// mined lets a node mine one block, which must hold the transactions, and waits until both have it.
func (n *network) mined(miner node, txs []*types.Tx) {
	n.t.Helper()
	hash := miner.generate(1)
	b := block(n.t, miner, hash)
	have := map[types.Hash]bool{}
	for _, tx := range b.Txs {
		have[tx.ID()] = true
	}
	for _, tx := range txs {
		if !have[tx.ID()] {
			n.t.Fatalf("%v left transaction %v out of block %s", miner, tx.ID(), hash)
		}
	}
	n.agree(hash)
	for _, x := range []node{n.c, n.b} {
		eventually(n.t, fmt.Sprintf("the pool of %v is empty", x), func() (string, bool) {
			var ids []string
			call(n.t, x, &ids, "getrawmempool")
			return fmt.Sprint(ids), len(ids) == 0
		})
	}
}

// partition lets both mine apart. One transaction is mined on the lighter side only: it must return to that side's pool.
func (n *network) partition(cairns, btcds int) {
	n.t.Helper()
	n.follow(n.c)
	n.cut()
	tx := n.purse.pay(1)
	loser := node(n.c)
	if btcds < cairns {
		loser = n.b
	}
	send(n.t, loser, tx)
	a, b := n.c.generate(cairns), n.b.generate(btcds)
	want, before := a, n.purse.height
	if btcds > cairns {
		want = b
	}
	n.connect(btcds > cairns)
	n.agree(want)
	if got := height(n.t, n.b); got != int(before)+max(cairns, btcds) {
		n.t.Fatalf("height %d after the partition, want %d", got, int(before)+max(cairns, btcds))
	}
	pooled(n.t, loser, tx)
	n.follow(n.c)
	n.mined(loser, []*types.Tx{tx})
}

// cairnReturns stops Cairn, lets btcd mine, and starts Cairn on its old data.
func (n *network) cairnReturns() {
	n.t.Helper()
	n.c.stop()
	n.b.generate(25)
	n.c = startCairn(n.t, n.c.cmd.Dir)
	n.connect(false)
	n.agree(tip(n.t, n.b))
	n.agree(n.c.generate(1))
}

// btcdReturns restarts btcd, away from which Cairn mines.
func (n *network) btcdReturns() {
	n.t.Helper()
	n.cut()
	hash := n.c.generate(25)
	n.b.restart()
	n.connect(true)
	n.agree(hash)
	n.agree(n.b.generate(1))
}
