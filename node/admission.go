package node

import (
	"bufio"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/rpc/backend"
)

// bansFile is Bitcoin Core's file of bans, beside peers.dat.
const bansFile = "banlist.json"

// whyBanned is a label of metrics.
const whyBanned = "banned"

// admission says who may connect, and what each may beyond others.
type admission struct {
	grants            []grantNet
	relay, forceRelay bool
	clock             *clock
	bans              p2p.Bans
	saving            sync.Mutex // one writer of the file
}

// newAdmission reads the configuration and the file of bans. A damaged file costs only what is in it.
func (n *Node) newAdmission() (*admission, error) {
	grants, err := n.cfg.Net.grants()
	if err != nil {
		return nil, err
	}
	a := &admission{grants: grants, relay: !n.cfg.Net.NoWhitelistRelay, forceRelay: n.cfg.Net.WhitelistForceRelay, clock: n.clock}
	if n.cfg.DataDir == "" {
		return a, nil
	}
	path := filepath.Join(n.cfg.DataDir, bansFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	var data []byte
	if err == nil && info.Size() <= p2p.MaxBansFile {
		data, err = os.ReadFile(path)
	}
	if err == nil {
		err = a.bans.Decode(data, n.clock.now())
	}
	if err != nil {
		n.cfg.Log.Warn("bans were lost: the list cannot be read", "file", path, "err", err)
	}
	return a, nil
}

// admit is p2p.Config.Admit.
func (a *admission) admit(kind proto.ConnKind, addr netip.AddrPort, bound proto.Permissions) (proto.Permissions, string) {
	perm := bound
	for i := range a.grants {
		g := &a.grants[i]
		if (kind == proto.Inbound && g.In || kind == proto.Manual && g.Out) && addr.IsValid() && g.net.Contains(addr.Addr().Unmap()) {
			perm |= g.Permissions
		}
	}
	perm = perm.Resolve(a.relay, a.forceRelay)
	if kind == proto.Inbound && !perm.Has(proto.PermNoBan) && addr.IsValid() && a.bans.Banned(a.clock.now(), addr.Addr()) {
		return 0, whyBanned
	}
	return perm, ""
}

// bansRPC is backend.Bans.
type bansRPC struct{ n *Node }

func (r bansRPC) ParseNet(s string) (netip.Prefix, error) { return p2p.ParseNet(s) }
func (r bansRPC) DefaultBan() time.Duration               { return r.n.cfg.Net.BanTime }
func (r bansRPC) Banned(a netip.Addr) bool                { return r.n.admission.bans.Banned(r.n.clock.now(), a) }
func (r bansRPC) Holds(net netip.Prefix) bool             { return r.n.admission.bans.Holds(r.n.clock.now(), net) }

func (r bansRPC) Ban(net netip.Prefix, until time.Time) error {
	if err := r.n.admission.bans.Ban(net, r.n.clock.now(), until); err != nil {
		return err
	}
	net = p2p.CanonicalNet(net)
	for _, c := range r.n.net.Peers() {
		if c.Addr.IsValid() && net.Contains(c.Addr.Addr().Unmap()) {
			r.n.step(proto.DropPeer{Peer: c.Peer})
		}
	}
	return r.n.saveBans()
}

func (r bansRPC) Unban(net netip.Prefix) (bool, error) {
	if !r.n.admission.bans.Unban(net) {
		return false, nil
	}
	return true, r.n.saveBans()
}

func (r bansRPC) Clear() error {
	r.n.admission.bans.Clear()
	return r.n.saveBans()
}

func (r bansRPC) Bans() []backend.Ban {
	var out []backend.Ban
	for _, b := range r.n.admission.bans.List(r.n.clock.now()) {
		out = append(out, backend.Ban{Net: b.Net, Created: b.Created, Until: b.Until})
	}
	return out
}

// saveBans writes the file of bans.
func (n *Node) saveBans() error {
	if n.cfg.DataDir == "" {
		return nil
	}
	n.admission.saving.Lock()
	defer n.admission.saving.Unlock()
	data, err := n.admission.bans.Encode(n.clock.now())
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(n.cfg.DataDir, bansFile), 0o600, func(w *bufio.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
