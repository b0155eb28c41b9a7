package script

import "github.com/btcsuite/btcd/btcec/v2"

// Bitcoin Core's short forms of the commonest locks, as its chain state and its snapshots of the coin set have them. All else has its
// length plus CompressedKinds in place of the kind, and its bytes.
const (
	CompressedKeyHash    = 0 // P2PKH: 20 bytes of hash
	CompressedScriptHash = 1 // P2SH: 20 bytes of hash
	// CompressedKeyEven, and the odd 3, are P2PK with a compressed key: 32 bytes, its x. CompressedFullKeyEven, and the odd 5, are P2PK
	// with an uncompressed key, which is on the curve: its x, too.
	CompressedKeyEven     = 2
	CompressedFullKeyEven = 4
	CompressedKinds       = 6
)

// CompressLock returns the kind and the bytes of a lock's short form; ok is false if it has none.
func CompressLock(lock []byte) (kind int, data []byte, ok bool) {
	n := len(lock)
	switch {
	case n == 25 && lock[0] == 0x76 && lock[1] == 0xa9 && lock[2] == 20 && lock[23] == 0x88 && lock[24] == 0xac:
		return CompressedKeyHash, lock[3:23], true
	case n == 23 && lock[0] == 0xa9 && lock[1] == 20 && lock[22] == 0x87:
		return CompressedScriptHash, lock[2:22], true
	case n == 35 && lock[0] == 33 && lock[34] == 0xac && (lock[1] == 2 || lock[1] == 3):
		return int(lock[1]), lock[2:34], true
	case n == 67 && lock[0] == 65 && lock[66] == 0xac && lock[1] == 4:
		if _, err := btcec.ParsePubKey(lock[1:66]); err != nil {
			return 0, nil, false
		}
		return CompressedFullKeyEven + int(lock[65]&1), lock[2:34], true
	}
	return 0, nil, false
}

// CompressedBytes is how many bytes follow a kind below CompressedKinds.
func CompressedBytes(kind int) int {
	if kind < CompressedKeyEven {
		return 20
	}
	return 32
}

// DecompressLock makes the lock of a short form again; ok is false if there is none such: data of a wrong length, or no point of the curve.
func DecompressLock(kind int, data []byte) (lock []byte, ok bool) {
	if kind < 0 || kind >= CompressedKinds || len(data) != CompressedBytes(kind) {
		return nil, false
	}
	switch kind {
	case CompressedKeyHash:
		return PayToPubKeyHash([20]byte(data)), true
	case CompressedScriptHash:
		return append(append([]byte{0xa9, 20}, data...), 0x87), true
	case CompressedKeyEven, CompressedKeyEven + 1:
		return PayToPubKey(append([]byte{byte(kind)}, data...)), true
	}
	key, err := btcec.ParsePubKey(append([]byte{byte(kind - CompressedKeyEven)}, data...))
	if err != nil {
		return nil, false
	}
	return PayToPubKey(key.SerializeUncompressed()), true
}
