package types_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// Real blocks and transactions of Bitcoin.
const (
	genesisBlock = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c" +
		"0101000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
	// Block 170 holds the first payment.
	header170 = "0100000055bd840a78798ad0da853f68974f3d183e2bd1db6a842c1feecf222a00000000ff104ccb05421ab93e63f8c3ce5c2c2e9dbb37de2764b3a3175c8166562cac7d51b96a49ffff001d283e9e70"
	payment   = "0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd3704000000004847304402204e45e16932b8af514961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd410220181522ec8eca07de4860a4acdd12909d831cc56cbbac4622082221a8768d1d0901ffffffff0200ca9a3b00000000434104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302fa28414e7aab37397f554a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac00286bee0000000043410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac00000000"
	paymentID = "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16"
	// The native P2WPKH example of BIP143, without and with its signatures.
	bip143Unsigned = "0100000002fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f0000000000eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac11000000"
	bip143Signed   = "01000000000102fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f00000000494830450221008b9d1dc26ba6a9cb62127b02742fa9d754cd3bebf337f7a55d114c8e5cdd30be022040529b194ba3f9281a99f2b1c0a19c0489bc22ede944ccf4ecbab4cc618ef3ed01eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac000247304402203609e17b84f6a7d30c80bfa610b5b4542f32a8a0d5447a12fb1366d7f01cc44a0220573a954c4518331561406f90300e8f3358f51928d43c212a8caed02de67eebee0121025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee635711000000"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decodeTx(t testing.TB, s string) *types.Tx {
	t.Helper()
	tx, err := types.DecodeTx(unhex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestGenesisBlock(t *testing.T) {
	b, err := types.DecodeBlock(unhex(t, genesisBlock))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Hash().String(), "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	coinbase := b.Txs[0]
	if got, want := coinbase.ID().String(), "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"; got != want {
		t.Errorf("coinbase %s, want %s", got, want)
	}
	if coinbase.ID() != b.Header.MerkleRoot {
		t.Error("the only transaction's id is not the merkle root")
	}
	if !coinbase.IsCoinbase() || coinbase.HasWitness() || coinbase.Out[0].Value != 50e8 {
		t.Errorf("coinbase %+v", coinbase)
	}
	if b.Size() != 285 || b.BaseSize() != 285 || b.Weight() != 1140 {
		t.Errorf("size %d, base %d, weight %d", b.Size(), b.BaseSize(), b.Weight())
	}
	if got := hex.EncodeToString(b.Bytes()); got != genesisBlock {
		t.Errorf("encodes to %s", got)
	}
}

func TestBlock170(t *testing.T) {
	h, err := types.DecodeHeader(unhex(t, header170))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h.Hash().String(), "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	if h.Version != 1 || h.Bits != 0x1d00ffff || h.Time != 1231731025 || h.Nonce != 1889418792 {
		t.Errorf("header %+v", h)
	}
}

func TestFirstPayment(t *testing.T) {
	tx := decodeTx(t, payment)
	if tx.ID().String() != paymentID || tx.WitnessID() != tx.ID() {
		t.Errorf("id %s, witness id %s", tx.ID(), tx.WitnessID())
	}
	if tx.Size() != 275 || tx.BaseSize() != 275 || tx.Weight() != 1100 || tx.VSize() != 275 {
		t.Errorf("size %d, base %d, weight %d, vsize %d", tx.Size(), tx.BaseSize(), tx.Weight(), tx.VSize())
	}
	if got, want := tx.In[0].PrevOut.String(), "0437cd7f8525ceed2324359c2d0ba26006d92d856a9c20fa0241106ee5a597c9:0"; got != want {
		t.Errorf("spends %s, want %s", got, want)
	}
	if tx.Out[0].Value != 10e8 || tx.Out[1].Value != 40e8 || tx.IsCoinbase() {
		t.Errorf("outputs %+v", tx.Out)
	}
}

func TestBIP143Example(t *testing.T) {
	unsigned, signed := decodeTx(t, bip143Unsigned), decodeTx(t, bip143Signed)
	if unsigned.HasWitness() || !signed.HasWitness() {
		t.Error("the witness is on the wrong side")
	}
	if len(signed.In[0].Witness) != 0 || len(signed.In[1].Witness) != 2 || len(signed.In[1].Witness[1]) != 33 {
		t.Errorf("witnesses %x, %x", signed.In[0].Witness, signed.In[1].Witness)
	}
	if signed.LockTime != 17 {
		t.Errorf("lock time %d", signed.LockTime)
	}
}

func TestWitnessIsNoPartOfTheID(t *testing.T) {
	unsigned, signed := decodeTx(t, bip143Unsigned), decodeTx(t, bip143Signed)
	// The first input is not segwit, so its signature is part of the id.
	if signed.ID() == unsigned.ID() {
		t.Error("the scriptSig is no part of the id")
	}
	stripped := signed.Clone()
	for i := range stripped.In {
		stripped.In[i].Witness = nil
	}
	if stripped.ID() != signed.ID() || stripped.WitnessID() == signed.WitnessID() || stripped.WitnessID() != stripped.ID() {
		t.Error("the witness is part of the id, or no part of the witness id")
	}
	if signed.Size() != len(bip143Signed)/2 || signed.BaseSize() != stripped.Size() {
		t.Errorf("size %d, base %d", signed.Size(), signed.BaseSize())
	}
	if want := 3*signed.BaseSize() + signed.Size(); signed.Weight() != want || signed.VSize() != (want+3)/4 {
		t.Errorf("weight %d, vsize %d", signed.Weight(), signed.VSize())
	}
}

// TestPublicTransactions reads every transaction of Bitcoin Core's vectors and writes it again.
func TestPublicTransactions(t *testing.T) {
	n := 0
	for _, file := range []string{"tx_valid.json", "tx_invalid.json"} {
		raw, err := os.ReadFile("../consensus/script/testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var cases []json.RawMessage
		if err := json.Unmarshal(raw, &cases); err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			var fields []json.RawMessage
			var text string
			if json.Unmarshal(c, &fields) != nil || len(fields) < 2 || json.Unmarshal(fields[1], &text) != nil {
				continue // a comment
			}
			b := unhex(t, text)
			tx, err := types.DecodeTx(b)
			if err != nil {
				if file == "tx_valid.json" {
					t.Errorf("%s: %v", text, err)
				}
				continue
			}
			n++
			sameAgain(t, tx, text)
		}
	}
	if n < 150 {
		t.Errorf("only %d transactions found", n)
	}
}

// sameAgain checks that tx encodes to text and that what was computed while decoding is what its clone computes.
func sameAgain(t *testing.T, tx *types.Tx, text string) {
	t.Helper()
	if got := hex.EncodeToString(tx.Bytes()); got != text {
		t.Errorf("%s encodes to %s", text, got)
	}
	if fresh := tx.Clone(); fresh.ID() != tx.ID() || fresh.WitnessID() != tx.WitnessID() ||
		fresh.Size() != tx.Size() || fresh.BaseSize() != tx.BaseSize() {
		t.Errorf("%s: what was computed while decoding differs from what Clone computes", text)
	}
}
