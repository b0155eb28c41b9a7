package node

import (
	"fmt"
	"sync"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Warnings names the rules that miners have activated and that this program does not know.
func (r nodeRPC) Warnings() (list []string) {
	for _, bit := range r.n.unknown.at(r.n.cfg.Params, r.n.chain.Tip()) {
		list = append(list, fmt.Sprintf("Unknown new rules activated (versionbit %d)", bit))
	}
	return list
}

// unknownRules remembers consensus.UnknownRules for the last period of version bits that is full.
type unknownRules struct {
	mu   sync.Mutex
	end  types.Hash // the period's last block
	bits []int
}

func (u *unknownRules) at(p *consensus.Params, tip *chain.Node) []int {
	h := tip.Height()
	end := tip.At(h - (h+1)%p.SignalPeriod)
	if end == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.end != end.Hash() {
		u.end, u.bits = end.Hash(), consensus.UnknownRules(p, end)
	}
	return u.bits
}
