package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet"
)

// walletCoins prints an amount as a JSON number with 8 decimals.
func walletCoins(n int64) json.Number { return json.Number(wallet.FormatAmount(n)) }

// walletRate prints a feerate as a JSON number per virtual byte.
func walletRate(perKvB int64) json.Number { return json.Number(wallet.FormatFeeRate(perKvB)) }

// show prints reply with --json, else the text.
func (s *walletSession) show(reply any, format string, args ...any) error {
	if !s.c.Bool("json") {
		_, err := fmt.Fprintf(s.out, format, args...)
		return err
	}
	e := json.NewEncoder(s.out)
	e.SetIndent("", "  ")
	return e.Encode(reply)
}

// walletTable lays out rows of cells in columns; right says which columns are numbers.
func walletTable(rows [][]string) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		walletPrint(t, "%s\n", strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = t.Flush() // a strings.Builder takes everything
	return b.String()
}

// walletAmounts pads amounts to one width, so that their points stand in a column.
func walletAmounts(amounts []int64) []string {
	out, width := make([]string, len(amounts)), 0
	for i, n := range amounts {
		out[i] = wallet.FormatAmount(n)
		width = max(width, len(out[i]))
	}
	for i := range out {
		out[i] = strings.Repeat(" ", width-len(out[i])) + out[i]
	}
	return out
}

// walletCount prints a number of things.
func walletCount(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func (s *walletSession) showCreated(mnemonic string) error {
	a, _, err := s.wallet.NewAddress("")
	if err != nil {
		return err
	}
	name := s.c.String("wallet")
	reply := map[string]any{"wallet": name, "network": s.params.Name, "encrypted": s.wallet.Encrypted(), "address": a.Address}
	text := fmt.Sprintf("wallet %s on %s, in %s\n\n", name, s.params.Name, s.dir)
	if mnemonic != "" {
		reply["mnemonic"] = mnemonic
		text += "Write these words down. They restore the wallet; whoever has them has the coins.\n\n" + walletWords(mnemonic) + "\n"
	}
	return s.show(reply, "%sfirst address: %s\n", text, a.Address)
}

// walletWords numbers the words, four to a line.
func walletWords(mnemonic string) string {
	var rows [][]string
	for i, word := range strings.Fields(mnemonic) {
		if i%4 == 0 {
			rows = append(rows, nil)
		}
		rows[i/4] = append(rows[i/4], fmt.Sprintf("%4d %s", i+1, word))
	}
	return walletTable(rows)
}

func (s *walletSession) showList(infos []wallet.Info) error {
	type item struct {
		Name      string `json:"name"`
		Network   string `json:"network,omitempty"`
		Encrypted bool   `json:"encrypted"`
		Error     string `json:"error,omitempty"`
	}
	items := make([]item, 0, len(infos))
	rows := [][]string{{"name", "network", "passphrase"}}
	for _, i := range infos {
		it := item{Name: i.Name, Network: i.Network, Encrypted: i.Encrypted}
		pass := "no"
		if i.Encrypted {
			pass = "yes"
		}
		if i.Err != nil {
			it.Error, pass = i.Err.Error(), i.Err.Error()
		}
		items = append(items, it)
		rows = append(rows, []string{i.Name, i.Network, pass})
	}
	if len(infos) == 0 {
		return s.show(items, "no wallets in %s; make one with: cairn wallet create\n", s.dir)
	}
	return s.show(items, "%s", walletTable(rows))
}

func (s *walletSession) newAddress(w *wallet.Wallet) error {
	kind := wallet.AddressType("")
	if text := s.c.String("type"); text != "" {
		var err error
		if kind, err = wallet.ParseAddressType(text); err != nil {
			return err
		}
	}
	a, fresh, err := w.NewAddress(kind)
	if err != nil {
		return err
	}
	if !fresh {
		s.note("%d addresses were handed out and none of them was paid; this is the first of them again", wallet.GapLimit)
	}
	return s.show(a, "%s\n", a.Address)
}

func (s *walletSession) showAddresses(addresses []wallet.Address) error {
	rows := [][]string{{"address", "type", "path", "used"}}
	for _, a := range addresses {
		used := "no"
		if a.Used {
			used = "yes"
		}
		rows = append(rows, []string{a.Address, string(a.Type), a.Path, used})
	}
	if addresses == nil {
		addresses = []wallet.Address{}
	}
	return s.show(addresses, "%s", walletTable(rows))
}

func (s *walletSession) showBalance(w *wallet.Wallet) error {
	b := w.Balance()
	reply := map[string]any{
		"confirmed": walletCoins(b.Confirmed), "immature": walletCoins(b.Immature), "pending": walletCoins(b.Pending),
		"spendable": walletCoins(b.Spendable()), "total": walletCoins(b.Total()), "height": w.Height(), "bestblock": w.TipHash(),
	}
	a := walletAmounts([]int64{b.Confirmed, b.Pending, b.Immature, b.Total()})
	rows := [][]string{
		{"confirmed", a[0], "can be spent"},
		{"pending", a[1], "waits for a block"},
		{"immature", a[2], "freshly mined, can be spent later"},
		{"total", a[3], fmt.Sprintf("at height %d", w.Height())},
	}
	if b.Trusted > 0 {
		rows[1][2] += fmt.Sprintf("; %s of it is change and can be spent", wallet.FormatAmount(b.Trusted))
	}
	return s.show(reply, "%s", walletTable(rows))
}

// walletEntry is an entry of the history in JSON.
type walletEntry struct {
	TxID          types.Hash      `json:"txid"`
	Status        wallet.Status   `json:"status"`
	Height        *int32          `json:"height,omitempty"`
	Confirmations int32           `json:"confirmations"`
	Time          int64           `json:"time"`
	Kind          string          `json:"kind"`
	Amount        json.Number     `json:"amount"`
	Fee           json.Number     `json:"fee,omitempty"`
	Outputs       []walletEntryTo `json:"outputs"`
	Replaces      *types.Hash     `json:"replaces,omitempty"`
	ReplacedBy    *types.Hash     `json:"replaced_by,omitempty"`
}

type walletEntryTo struct {
	Address string      `json:"address"`
	Amount  json.Number `json:"amount"`
	Own     bool        `json:"own"`
}

func walletKind(e *wallet.Entry) string {
	switch {
	case e.Coinbase:
		return "mined"
	case e.Fee == nil:
		return "received"
	case e.Net == -*e.Fee:
		return "moved"
	}
	return "sent"
}

func newWalletEntry(e *wallet.Entry) walletEntry {
	out := walletEntry{
		TxID: e.TxID, Status: e.Status, Confirmations: e.Confirmations, Time: e.Time,
		Kind: walletKind(e), Amount: walletCoins(e.Net), Outputs: []walletEntryTo{},
	}
	if e.Height >= 0 {
		out.Height = &e.Height
	}
	if e.Fee != nil {
		out.Fee = walletCoins(*e.Fee)
	}
	for _, o := range e.Outputs {
		out.Outputs = append(out.Outputs, walletEntryTo{o.Address, walletCoins(o.Amount), o.Own})
	}
	if !e.Replaces.IsZero() {
		out.Replaces = &e.Replaces
	}
	if !e.ReplacedBy.IsZero() {
		out.ReplacedBy = &e.ReplacedBy
	}
	return out
}

func (s *walletSession) showHistory(entries []wallet.Entry) error {
	items := make([]walletEntry, 0, len(entries))
	nets := make([]int64, len(entries))
	for i := range entries {
		items = append(items, newWalletEntry(&entries[i]))
		nets[i] = entries[i].Net
	}
	if len(entries) == 0 {
		return s.show(items, "no transactions yet\n")
	}
	amounts := walletAmounts(nets)
	rows := [][]string{{"time", "height", "status", "kind", "amount", "fee", "txid"}}
	for i := range entries {
		e := &entries[i]
		height, fee := "-", "-"
		if e.Height >= 0 {
			height = fmt.Sprint(e.Height)
		}
		if e.Fee != nil {
			fee = wallet.FormatAmount(*e.Fee)
		}
		when := time.Unix(e.Time, 0).UTC().Format("2006-01-02 15:04:05")
		rows = append(rows, []string{when, height, string(e.Status), items[i].Kind, amounts[i], fee, e.TxID.String()})
	}
	return s.show(items, "%s", walletTable(rows))
}

// showPlan prints what a payment costs, for the question that follows.
func (s *walletSession) showPlan(p *wallet.Plan, to string) {
	a := walletAmounts([]int64{p.Amount, p.Fee, p.Amount + p.Fee, p.Change})
	share := ""
	if p.Amount > 0 {
		share = fmt.Sprintf(", %.2f %% of the amount", 100*float64(p.Fee)/float64(p.Amount))
	}
	rows := [][]string{
		{"to", to, ""},
		{"amount", a[0], ""},
		{"fee", a[1], fmt.Sprintf("%s per virtual byte, %d of them%s", wallet.FormatFeeRate(p.FeeRate), p.VSize, share)},
		{"total", a[2], "from " + walletCount(len(p.Coins), "coin")},
	}
	if p.Change > 0 {
		rows = append(rows, []string{"change", a[3], "back to a fresh address"})
	}
	walletPrint(s.errOut, "%s", walletTable(rows))
}

func (s *walletSession) showSent(id types.Hash, p *wallet.Plan, confirmations int32) error {
	reply := map[string]any{
		"txid": id, "amount": walletCoins(p.Amount), "fee": walletCoins(p.Fee), "change": walletCoins(p.Change),
		"vsize": p.VSize, "feerate": walletRate(p.FeeRate), "confirmations": confirmations,
	}
	if !p.Replaces.IsZero() {
		reply["replaces"] = p.Replaces
	}
	if confirmations > 0 {
		return s.show(reply, "%s  %s, fee %s\n", id, walletCount(int(confirmations), "confirmation"), wallet.FormatAmount(p.Fee))
	}
	return s.show(reply, "%s  sent, fee %s\n", id, wallet.FormatAmount(p.Fee))
}
