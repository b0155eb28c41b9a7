package proto

import "github.com/cairn-chain/cairn/p2p/wire"

// Which message goes where: message, then readyMessage, then request.

// message is the way of every message: those of the handshake first, all others only after it.
func (m *Machine) message(p *peer, msg wire.Message) {
	if v, ok := msg.(wire.Version); ok {
		m.onVersion(p, v)
		return
	}
	if !p.hs.got {
		return
	}
	switch msg := msg.(type) {
	case wire.Verack:
		m.onVerack(p)
	case wire.WTxIDRelay:
		if p.hs.done {
			m.drop(p, "wtxidrelay after verack", "")
			return
		}
		p.hs.wtxid = p.hs.protocol >= versionWTxID
	case wire.SendAddrV2:
		if p.hs.done {
			m.drop(p, "sendaddrv2 after verack", "")
			return
		}
		p.hs.addrV2 = true
	case wire.SendHeaders:
		p.hs.wantsHeads = true
	case wire.SendCmpct:
		m.onSendCmpct(p, msg)
	default:
		if p.hs.done {
			m.readyMessage(p, msg)
		}
	}
}

// readyMessage handles what only a ready peer may say.
func (m *Machine) readyMessage(p *peer, msg wire.Message) {
	switch msg := msg.(type) {
	case wire.Ping:
		m.onPing(p, msg)
	case wire.Pong:
		m.onPong(p, msg)
	case wire.Headers:
		m.onHeaders(p, msg.Headers)
	case wire.BlockMsg:
		m.onBlock(p, msg.Block)
	case wire.CmpctBlock:
		m.onCmpctBlock(p, &msg)
	case wire.BlockTxn:
		m.onBlockTxn(p, msg)
	case wire.TxMsg:
		m.onTx(p, msg.Tx)
	case wire.InvMsg:
		m.onInv(p, msg.Items)
	case wire.NotFound:
		m.onNotFound(p, msg.Items)
	case wire.Addr:
		m.onAddr(p, msg.Addrs)
	case wire.AddrV2:
		m.onAddrV2(p, msg.Addrs)
	case wire.GetAddr:
		m.onGetAddr(p)
	default:
		m.request(p, msg)
	}
}

// request handles what asks for parts of the chain or mempool. What this node does not know is ignored.
func (m *Machine) request(p *peer, msg wire.Message) {
	switch msg := msg.(type) {
	case wire.GetHeaders:
		m.onGetHeaders(p, msg)
	case wire.GetBlocks:
		m.onGetBlocks(p, msg)
	case wire.GetData:
		m.onGetData(p, msg.Items)
	case wire.GetBlockTxn:
		m.onGetBlockTxn(p, msg)
	case wire.FeeFilter:
		m.onFeeFilter(p, msg.FeeRate)
	default:
		if !m.onFilterRequest(p, msg) {
			m.onBloom(p, msg)
		}
	}
}
