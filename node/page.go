package node

import (
	"time"

	"github.com/cairn-chain/cairn/rpc"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/web"
)

// PageView is what pages read of the node: the same interfaces that the RPC's methods use, and those methods.
func (n *Node) PageView() *web.View {
	b := n.web.backend
	return &web.View{Chain: b.Chain, Mempool: b.Mempool, Calls: n.web.calls}
}

// PageMember describes the node for a page.
func (n *Node) PageMember() web.Member {
	st := n.Status()
	return web.Member{Running: true, State: "running", Miner: st.Mining, Share: n.cfg.Share, HashRate: st.HashRate,
		Peers: st.Inbound + st.Outbound, Reorgs: st.Reorgs, LastOff: st.Off, HTTP: n.HTTPAddr(), View: n.PageView()}
}

// pageSource shows a single node as a network of one.
type pageSource struct{ n *Node }

func (s pageSource) Picture() web.Picture {
	return web.Picture{Nodes: []web.Member{s.n.PageMember()}}
}

func (pageSource) Sighting(types.Hash) (web.Sighting, bool) { return web.Sighting{}, false }

// About is what a page says of the node's network.
func (n *Node) About() web.About {
	p := n.cfg.Params
	return web.About{Network: p.Name, Genesis: p.Genesis.Hash(), Version: Version, Spacing: p.TargetSpacing}
}

// openCalls makes a server for the methods that the page calls, unless the RPC's own is there.
func (n *Node) openCalls() {
	if n.web.calls == nil {
		n.web.calls = rpc.New(rpc.Config{Log: n.cfg.Log, Observe: n.observeRPC})
		n.web.calls.Ready(n.web.backend)
	}
}

func (n *Node) observeRPC(method string, d time.Duration, _ int) {
	n.stats.rpcDuration.WithLabelValues(method).Observe(d.Seconds())
	n.web.talk.Say("call", "method", method, "took", d)
}

// openSite makes the read-only page of this node.
func (n *Node) openSite() (err error) {
	n.web.site, err = web.New(web.Config{Source: pageSource{n}, About: n.About(), Hosts: n.cfg.RPCHosts})
	return err
}
