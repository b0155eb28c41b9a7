package wallet

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/cairn-chain/cairn/types"
)

// A wallet file is one envelope, little-endian:
//
//	magic       8 bytes  "cairnwlt"
//	version     4        1
//	network     varbytes name of the network, at most 64 bytes
//	genesis     32       hash of the network's genesis block
//	kdf         1        0 none, 1 argon2id
//	passes      4        argon2id: time
//	memory      4        argon2id: KiB
//	lanes       1        argon2id: threads
//	salt        16
//	nonce       24       fresh at each write
//	ciphertext  8 + n    XChaCha20-Poly1305, everything before it authenticated with it
//	checksum    32       SHA-256 of all bytes before
//
// The checksum is there to tell a damaged file from a wrong passphrase; what protects against a
// wilful change is the cipher's own tag.
const (
	envelopeMagic   = "cairnwlt"
	envelopeVersion = 1
	maxNetworkName  = 64
	saltSize        = 16
	// maxFileBytes bounds the file that is read. 256 MiB hold some 500,000 transactions.
	maxFileBytes = 256 << 20
)

// Errors of opening a wallet file.
var (
	ErrPassphrase   = errors.New("the passphrase is wrong")
	ErrDamaged      = errors.New("the wallet file is damaged; restore the wallet from its mnemonic or put back a copy of the file")
	ErrNotWallet    = errors.New("this is not a wallet file")
	ErrNewerFormat  = errors.New("the wallet file was written by a newer version of cairn")
	errKDFBounds    = errors.New("the wallet file asks for more work to open than is allowed (1 GiB of memory, 64 passes)")
	errNoPassphrase = errors.New("an empty passphrase protects nothing; to have a wallet without one, say so explicitly")
)

// KDF is how a passphrase becomes the key of the file.
type KDF struct {
	Passes    uint32 // argon2id's time parameter; 0 with MemoryKiB 0 means no passphrase at all
	MemoryKiB uint32
	Lanes     uint8
}

// DefaultKDF takes about a third of a second and 64 MiB on one core (RFC 9106, section 4, the
// second choice).
var DefaultKDF = KDF{Passes: 3, MemoryKiB: 64 << 10, Lanes: 4}

const (
	kdfNone   = 0
	kdfArgon2 = 1
)

func (k KDF) none() bool { return k == KDF{} }

// check keeps a file from making us spend hours or all memory on opening it.
func (k KDF) check() error {
	if k.none() {
		return nil
	}
	if k.Passes < 1 || k.Passes > 64 || k.MemoryKiB < 8 || k.MemoryKiB > 1<<20 || k.Lanes < 1 || k.Lanes > 64 {
		return errKDFBounds
	}
	return nil
}

// sealer holds the key of an open wallet file, so that the passphrase is stretched once.
type sealer struct {
	network string
	genesis types.Hash
	kdf     KDF
	salt    [saltSize]byte
	key     [chacha20poly1305.KeySize]byte
}

// newSealer draws a salt and makes the key. An empty passphrase needs the zero KDF.
func newSealer(random io.Reader, network string, genesis types.Hash, passphrase []byte, kdf KDF) (*sealer, error) {
	if err := kdf.check(); err != nil {
		return nil, err
	}
	if kdf.none() != (len(passphrase) == 0) {
		return nil, errNoPassphrase
	}
	s := &sealer{network: network, genesis: genesis, kdf: kdf}
	if _, err := io.ReadFull(random, s.salt[:]); err != nil {
		return nil, fmt.Errorf("draw a salt: %w", err)
	}
	s.stretch(passphrase)
	return s, nil
}

func (s *sealer) stretch(passphrase []byte) {
	if s.kdf.none() {
		s.key = sha256.Sum256(append([]byte("cairn wallet without passphrase"), s.salt[:]...))
		return
	}
	copy(s.key[:], argon2.IDKey(passphrase, s.salt[:], s.kdf.Passes, s.kdf.MemoryKiB, s.kdf.Lanes, uint32(len(s.key))))
}

// seal returns the bytes of a wallet file that holds plain.
func (s *sealer) seal(random io.Reader, plain []byte) ([]byte, error) {
	head := s.header()
	var nonce [chacha20poly1305.NonceSizeX]byte
	if _, err := io.ReadFull(random, nonce[:]); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	head = append(head, nonce[:]...)
	aead, err := chacha20poly1305.NewX(s.key[:])
	if err != nil {
		return nil, err
	}
	head = binary.LittleEndian.AppendUint64(head, uint64(len(plain)+aead.Overhead()))
	out := aead.Seal(head, nonce[:], plain, head)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

func (s *sealer) header() []byte {
	b := append([]byte(nil), envelopeMagic...)
	b = binary.LittleEndian.AppendUint32(b, envelopeVersion)
	b = types.AppendVarBytes(b, []byte(s.network))
	b = append(b, s.genesis[:]...)
	kind := byte(kdfArgon2)
	if s.kdf.none() {
		kind = kdfNone
	}
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint32(b, s.kdf.Passes)
	b = binary.LittleEndian.AppendUint32(b, s.kdf.MemoryKiB)
	b = append(b, s.kdf.Lanes)
	return append(b, s.salt[:]...)
}

// envelope is a wallet file that was read and found whole, still closed.
type envelope struct {
	sealer
	head   []byte // all that is authenticated beside the ciphertext
	nonce  []byte
	cipher []byte
}

// parseEnvelope reads a wallet file as far as no passphrase is needed. A file that is not exactly
// as it was written is ErrDamaged.
func parseEnvelope(raw []byte) (*envelope, error) {
	if len(raw) < len(envelopeMagic)+4 || string(raw[:len(envelopeMagic)]) != envelopeMagic {
		return nil, ErrNotWallet
	}
	d := types.NewDecoder(raw)
	d.Bytes(len(envelopeMagic))
	if v := d.Uint32(); v > envelopeVersion {
		return nil, fmt.Errorf("%w: its format is %d, this program knows up to %d", ErrNewerFormat, v, envelopeVersion)
	} else if v != envelopeVersion {
		return nil, ErrDamaged
	}
	body := len(raw) - sha256.Size
	if body < d.Offset() {
		return nil, ErrDamaged
	}
	if sum := sha256.Sum256(raw[:body]); subtle.ConstantTimeCompare(sum[:], raw[body:]) != 1 {
		return nil, ErrDamaged
	}
	e := new(envelope)
	e.network = string(d.VarBytes(maxNetworkName))
	e.genesis = d.Hash()
	kind := d.Uint8()
	e.kdf = KDF{Passes: d.Uint32(), MemoryKiB: d.Uint32(), Lanes: d.Uint8()}
	copy(e.salt[:], d.Bytes(saltSize))
	e.nonce = d.Bytes(chacha20poly1305.NonceSizeX)
	size := d.Uint64()
	e.head = raw[:d.Offset()]
	if size > uint64(d.Remaining()) {
		return nil, ErrDamaged
	}
	e.cipher = d.Bytes(int(size))
	if d.Err() != nil || d.Remaining() != sha256.Size || kind > kdfArgon2 || (kind == kdfNone) != e.kdf.none() {
		return nil, ErrDamaged
	}
	return e, e.kdf.check()
}

// encrypted tells whether a passphrase is needed.
func (e *envelope) encrypted() bool { return !e.kdf.none() }

// open decrypts with the key that the passphrase gives, which it keeps in the returned sealer.
func (e *envelope) open(passphrase []byte) ([]byte, *sealer, error) {
	s := e.sealer
	s.stretch(passphrase)
	plain, err := e.openWith(&s)
	return plain, &s, err
}

func (e *envelope) openWith(s *sealer) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(s.key[:])
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, e.nonce, e.cipher, e.head)
	if err != nil && !e.encrypted() {
		return nil, ErrDamaged
	}
	if err != nil {
		return nil, ErrPassphrase
	}
	return plain, nil
}
