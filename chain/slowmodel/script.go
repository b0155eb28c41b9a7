package slowmodel

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"golang.org/x/crypto/ripemd160" //lint:ignore SA1019 P2WPKH and P2SH are defined with it

	"github.com/cairn-chain/cairn/types"
)

// Lock is a script that the model can judge.
type Lock int

// The scripts that the model can judge. A body is a script of the form OP_1, or OP_0 OP_IF … OP_ENDIF OP_1 where only
// CHECKSIG and CHECKMULTISIG stand between; it succeeds and may hold signature operations that are counted and never run.
const (
	True       Lock = iota // OP_1
	False                  // OP_0
	KeyHash                // P2WPKH
	NestedKey              // P2SH of P2WPKH
	ScriptHash             // P2SH of a body
	Witness                // P2WSH of a body
	unknown
)

// lockOf tells what form a script has. redeem is the script that it turned out to hash, or nil.
func lockOf(script, redeem []byte) Lock {
	switch n := len(script); {
	case n == 1 && script[0] == 0x51:
		return True
	case n == 1 && script[0] == 0:
		return False
	case n == 22 && script[0] == 0 && script[1] == 20:
		return KeyHash
	case n == 34 && script[0] == 0 && script[1] == 32:
		return Witness
	case n == 23 && script[0] == 0xa9 && script[1] == 20 && script[22] == 0x87:
		if lockOf(redeem, nil) == KeyHash {
			return NestedKey
		}
		return ScriptHash
	}
	return unknown
}

// unlocks tells whether input n of tx may spend coin.
func unlocks(tx *types.Tx, n int, coin Coin) bool {
	in, script := tx.In[n], []byte(coin.Script)
	redeem, pushed := onlyPush(in.ScriptSig)
	switch lockOf(script, redeem) {
	case True:
		return len(in.ScriptSig) == 0 && len(in.Witness) == 0
	case False:
		return false
	case KeyHash:
		return len(in.ScriptSig) == 0 && signed(tx, n, script[2:], coin.Value)
	case NestedKey:
		return pushed && opens(redeem, script) && signed(tx, n, redeem[2:], coin.Value)
	case ScriptHash:
		return pushed && opens(redeem, script) && len(in.Witness) == 0 && succeeds(redeem)
	case Witness:
		return len(in.ScriptSig) == 0 && witnessOpens(in.Witness, script)
	}
	panic(fmt.Sprintf("the slow model does not know the script %x", script))
}

// opens tells whether P2SH script names redeem.
func opens(redeem, script []byte) bool { return bytes.Equal(hash160(redeem), script[2:22]) }

// witnessOpens tells whether a witness is the body that P2WSH script names, and nothing else.
func witnessOpens(witness [][]byte, script []byte) bool {
	if len(witness) != 1 {
		return false
	}
	sum := sha256.Sum256(witness[0])
	return bytes.Equal(sum[:], script[2:]) && succeeds(witness[0])
}

// onlyPush returns what a script pushes that is one push of under 256 bytes, or of under 520.
func onlyPush(s []byte) (data []byte, ok bool) {
	switch {
	case len(s) > 1 && s[0] < 0x4c && len(s) == 1+int(s[0]):
		return s[1:], true
	case len(s) > 2 && s[0] == 0x4c && len(s) == 2+int(s[1]):
		return s[2:], true
	case len(s) > 3 && s[0] == 0x4d && len(s) == 3+int(binary.LittleEndian.Uint16(s[1:])):
		return s[3:], true
	}
	return nil, false
}

// succeeds judges a body.
func succeeds(body []byte) bool {
	if bytes.Equal(body, []byte{0x51}) {
		return true
	}
	inner, begin := bytes.CutPrefix(body, []byte{0x00, 0x63})
	inner, end := bytes.CutSuffix(inner, []byte{0x68, 0x51})
	if !begin || !end || len(inner) > 199 || len(bytes.Trim(inner, "\xac\xae")) != 0 {
		panic(fmt.Sprintf("the slow model does not know the script %x", body))
	}
	return true
}

func hash160(b []byte) []byte {
	sum := sha256.Sum256(b)
	h := ripemd160.New()
	h.Write(sum[:])
	return h.Sum(nil)
}

// signed tells whether the witness of input n is a signature and the key that hashes to keyHash (BIP141).
func signed(tx *types.Tx, n int, keyHash []byte, value int64) bool {
	w := tx.In[n].Witness
	if len(w) != 2 || !bytes.Equal(hash160(w[1]), keyHash) || len(w[0]) == 0 {
		return false
	}
	if w[0][len(w[0])-1] != 1 {
		panic("the slow model knows SIGHASH_ALL only")
	}
	key, err := btcec.ParsePubKey(w[1])
	if err != nil {
		return false
	}
	sig, err := ecdsa.ParseDERSignature(w[0][:len(w[0])-1])
	if err != nil {
		return false
	}
	sum := signatureHash(tx, n, keyHash, value)
	return sig.Verify(sum[:], key)
}

// signatureHash is that of BIP143 with SIGHASH_ALL for P2WPKH, written in its ten items.
func signatureHash(tx *types.Tx, n int, keyHash []byte, value int64) types.Hash {
	le32, le64 := binary.LittleEndian.AppendUint32, binary.LittleEndian.AppendUint64
	var prevouts, sequences, outputs []byte
	for _, in := range tx.In {
		prevouts = le32(append(prevouts, in.PrevOut.TxID[:]...), in.PrevOut.Index)
		sequences = le32(sequences, in.Sequence)
	}
	for _, out := range tx.Out {
		outputs = le64(outputs, uint64(out.Value))
		outputs = types.AppendVarBytes(outputs, out.Script)
	}
	in := tx.In[n]
	hp, hs, ho := types.DoubleSHA256(prevouts), types.DoubleSHA256(sequences), types.DoubleSHA256(outputs)

	b := le32(nil, tx.Version)                                   // 1
	b = append(b, hp[:]...)                                      // 2
	b = append(b, hs[:]...)                                      // 3
	b = le32(append(b, in.PrevOut.TxID[:]...), in.PrevOut.Index) // 4
	b = append(b, 0x19, 0x76, 0xa9, 0x14)                        // 5
	b = append(append(b, keyHash...), 0x88, 0xac)
	b = le64(b, uint64(value)) // 6
	b = le32(b, in.Sequence)   // 7
	b = append(b, ho[:]...)    // 8
	b = le32(b, tx.LockTime)   // 9
	b = le32(b, 1)             // 10
	return types.DoubleSHA256(b)
}

// plainSigOps counts what stands in scriptSigs and outputs, a multisig as 20.
func plainSigOps(tx *types.Tx) (n int) {
	for _, in := range tx.In {
		n += countSigOps(in.ScriptSig)
	}
	for _, out := range tx.Out {
		n += countSigOps(out.Script)
	}
	return n
}

// spentSigOps is the cost of what runs because it was hashed: 4 for each in a P2SH script, 1 in a witness. Bodies have no
// number before a multisig, so each of these counts 20.
func spentSigOps(tx *types.Tx, spent []Coin) (cost int) {
	for i, coin := range spent {
		in := tx.In[i]
		redeem, _ := onlyPush(in.ScriptSig)
		switch lockOf([]byte(coin.Script), redeem) {
		case KeyHash, NestedKey:
			cost++
		case ScriptHash:
			cost += 4 * countSigOps(redeem)
		case Witness:
			if len(in.Witness) > 0 {
				cost += countSigOps(in.Witness[len(in.Witness)-1])
			}
		}
	}
	return cost
}

// countSigOps passes over pushes and counts CHECKSIG as 1 and CHECKMULTISIG as 20, to the end or to a push that is cut off.
func countSigOps(s []byte) (n int) {
	for len(s) > 0 {
		op := s[0]
		s = s[1:]
		skip, size := 0, 0
		switch {
		case op < 0x4c:
			skip = int(op)
		case op <= 0x4e:
			size = 1 << (op - 0x4c)
			if len(s) < size {
				return n
			}
			var le [4]byte
			copy(le[:], s[:size])
			skip = size + int(binary.LittleEndian.Uint32(le[:]))
		case op == 0xac || op == 0xad:
			n++
		case op == 0xae || op == 0xaf:
			n += 20
		}
		if len(s) < skip {
			return n
		}
		s = s[skip:]
	}
	return n
}
