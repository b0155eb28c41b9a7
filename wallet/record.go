package wallet

import (
	"encoding/json"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet/hd"
)

// unplaced is the height of a transaction that is in no block of the chain.
const unplaced int32 = -1

// record is a transaction that pays to the wallet or spends from it. Nothing else about it is
// stored than what cannot be computed: whether it is in conflict, what it is worth and which coins
// it leaves follow from all records together (see view).
type record struct {
	tx     *types.Tx
	height int32 // unplaced if in no block
	block  types.Hash
	time   int64 // of its block, or when it was first seen; seconds since 1970
	// own says that this wallet made it; pooled that the node's mempool had it at the last sync.
	own, pooled bool
	// seq grows with each record that is added: of two unconfirmed transactions that spend one coin,
	// the later is meant.
	seq uint64
	// replaces is the transaction that a bump took the place of.
	replaces types.Hash
}

func (r *record) confirmed() bool { return r.height != unplaced }

// savedState is what the wallet's file holds, as JSON inside of the envelope. Byte slices are
// base64.
type savedState struct {
	Mnemonic string         `json:"mnemonic"`
	Type     AddressType    `json:"type"`
	Created  int64          `json:"created"`
	Issued   []savedIssued  `json:"issued"`
	Imported []string       `json:"imported,omitempty"` // WIF
	Chain    []byte         `json:"chain"`
	Seq      uint64         `json:"seq"`
	Txs      []*savedRecord `json:"txs"`
}

// savedIssued counts the addresses of an account that were handed out.
type savedIssued struct {
	Type    AddressType `json:"type"`
	Receive uint32      `json:"receive"`
	Change  uint32      `json:"change"`
}

type savedRecord struct {
	Raw      []byte     `json:"raw"`
	Height   int32      `json:"height"`
	Block    types.Hash `json:"block"`
	Time     int64      `json:"time"`
	Own      bool       `json:"own,omitempty"`
	Pooled   bool       `json:"pooled,omitempty"`
	Seq      uint64     `json:"seq"`
	Replaces types.Hash `json:"replaces"`
}

// maxIssued bounds how many addresses a file can make us derive.
const maxIssued = 1 << 20

// encodeState returns the plain text of the wallet's file.
func (w *Wallet) encodeState() ([]byte, error) {
	s := savedState{Mnemonic: w.mnemonic, Type: w.kind, Created: w.created, Chain: w.chain.append(nil), Seq: w.seq}
	for _, a := range w.keys.accounts {
		s.Issued = append(s.Issued, savedIssued{a.kind, a.chains[receiveChain].issued, a.chains[changeChain].issued})
	}
	for _, secret := range w.keys.imported {
		s.Imported = append(s.Imported, hd.EncodeWIF(w.params, secret))
	}
	for _, r := range w.view.records {
		s.Txs = append(s.Txs, &savedRecord{
			Raw: r.tx.Bytes(), Height: r.height, Block: r.block, Time: r.time,
			Own: r.own, Pooled: r.pooled, Seq: r.seq, Replaces: r.replaces,
		})
	}
	return json.Marshal(&s)
}

// decodeState fills an empty wallet from the plain text of its file.
func (w *Wallet) decodeState(plain []byte) error {
	var s savedState
	if err := json.Unmarshal(plain, &s); err != nil {
		return ErrDamaged
	}
	if err := w.setKeys(s.Mnemonic); err != nil {
		return ErrDamaged
	}
	if err := w.loadAddresses(&s); err != nil {
		return err
	}
	var err error
	if w.chain, err = decodeHeaderChain(w.params, s.Chain); err != nil {
		return err
	}
	w.kind, w.created, w.seq = s.Type, s.Created, s.Seq
	return w.loadRecords(s.Txs)
}

func (w *Wallet) loadAddresses(s *savedState) error {
	for _, i := range s.Issued {
		if i.Receive > maxIssued || i.Change > maxIssued {
			return ErrDamaged
		}
		a := w.keys.account(i.Type)
		a.chains[receiveChain].issued, a.chains[changeChain].issued = i.Receive, i.Change
	}
	for _, wif := range s.Imported {
		secret, err := hd.DecodeWIF(w.params, wif)
		if err != nil {
			return ErrDamaged
		}
		if _, err := w.keys.addImported(secret); err != nil {
			return ErrDamaged
		}
	}
	return w.keys.fill()
}

func (w *Wallet) loadRecords(saved []*savedRecord) error {
	for _, s := range saved {
		tx, err := types.DecodeTx(s.Raw)
		if err != nil {
			return fmt.Errorf("%w (a transaction)", ErrDamaged)
		}
		if s.Height < unplaced {
			return ErrDamaged
		}
		r := &record{tx: tx, height: s.Height, block: s.Block, time: s.Time, own: s.Own, pooled: s.Pooled, seq: s.Seq, replaces: s.Replaces}
		if _, err := w.view.add(r); err != nil {
			return err
		}
	}
	w.view.settle(w.chain.height())
	return nil
}

// setKeys derives the keys of a mnemonic.
func (w *Wallet) setKeys(mnemonic string) error {
	words, err := normalMnemonic(mnemonic)
	if err != nil {
		return err
	}
	seed, err := SeedFromMnemonic(words, "")
	if err != nil {
		return err
	}
	if w.keys, err = newKeyring(w.params, seed); err != nil {
		return err
	}
	w.mnemonic = words
	w.view = newView(w.keys, w.params.CoinbaseMaturity)
	return nil
}

// refuseRealMoney returns an error for networks whose coins are worth something, and for all others that are not ours.
func refuseRealMoney(p *consensus.Params) error {
	if p.ValidationOnly || p.HDCoinType == 0 {
		return fmt.Errorf("this wallet is for test networks of your own and does not run on %s", p.Name)
	}
	return nil
}
