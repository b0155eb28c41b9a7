package proto

import (
	"errors"
	"net/netip"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// maxDiscouraged is how many addresses are remembered as discouraged at least, the newest; at most twice as many.
const maxDiscouraged = 50_000

// drop disconnects a peer that did nothing wrong, or nothing that was surely on purpose. why is a short fixed
// phrase.
func (m *Machine) drop(p *peer, why, detail string) { m.disconnect(p, why, detail, false) }

// punish disconnects a peer that broke the rules and discourages its address: it is not dialled again, and an
// inbound connection from it is the first to go when there are too many. There is no list that grows for
// ever and nothing is refused outright, since others may share the address. Peers on this host and those
// that a person asked for are only disconnected, and nothing happens to those with PermNoBan.
func (m *Machine) punish(p *peer, why, detail string) {
	if !p.perm.Has(PermNoBan) {
		m.disconnect(p, why, detail, !p.trusted())
	}
}

func (m *Machine) disconnect(p *peer, why, detail string, discourage bool) {
	if p.closing {
		return
	}
	if discourage && p.addr.IsValid() {
		m.disliked.Add(addrKey(p.addr.Addr()))
	}
	m.dropped++
	m.emit(Disconnect{Peer: p.id, Why: why, Detail: detail, Discourage: discourage})
	m.release(p)
}

// discouraged tells whether an address is disliked.
func (m *Machine) discouraged(a addrPort) bool {
	return a.IsValid() && m.disliked.Has(addrKey(a.Addr()))
}

// judge punishes a peer for a header or block that broke the rules. As Bitcoin Core it forgives what an honest
// peer may send: a time that our clock finds too new, a parent that we have lost sight of, too little
// work. An error that is not a RuleError is our own and nobody's fault.
func (m *Machine) judge(p *peer, why string, err error) {
	var re *consensus.RuleError
	if !errors.As(err, &re) {
		return
	}
	switch re.Kind {
	case consensus.TimeTooNew, consensus.PrevBlkNotFound, consensus.TooLittleChainWork, consensus.Duplicate, consensus.Inconclusive:
	case consensus.DuplicateInvalid:
		m.onInvalidChain(p)
	default:
		m.punish(p, why, re.Error())
	}
}

// onInvalidChain: the peer follows a chain that we know to be invalid. A peer that we chose is of no use then; one
// that chose us may follow other rules, or not know yet.
func (m *Machine) onInvalidChain(p *peer) {
	if p.kind != Inbound {
		m.punish(p, "on an invalid chain", "")
	}
}

func isRule(err error) bool {
	var re *consensus.RuleError
	return errors.As(err, &re)
}

// mutated tells whether the error is about a block whose hash may also belong to a good block.
func mutated(err error) bool {
	return consensus.IsMutation(consensus.KindOf(err))
}

// addrKey makes a net address without its port look like a hash, for a salted.Rolling.
func addrKey(a netip.Addr) (h types.Hash) {
	b := a.Unmap().As16()
	copy(h[:], b[:])
	return h
}
