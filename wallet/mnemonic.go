package wallet

import (
	"errors"
	"fmt"
	"io"
	"strings"

	bip39 "github.com/tyler-smith/go-bip39"
)

// MnemonicBytes is the entropy of a new mnemonic: 16 bytes, twelve words.
const MnemonicBytes = 16

// Errors of reading a mnemonic. They never hold the words themselves, only where the fault is.
var (
	ErrMnemonicLength   = errors.New("a mnemonic has 12, 15, 18, 21 or 24 words")
	ErrMnemonicChecksum = errors.New("the mnemonic's checksum does not match: a word is wrong or two are swapped")
)

// NewMnemonic reads entropy of 16 to 32 bytes (a multiple of 4) from random and returns it as
// English words (BIP39). Whoever has the words has the coins.
func NewMnemonic(random io.Reader, bytes int) (string, error) {
	entropy := make([]byte, bytes)
	if _, err := io.ReadFull(random, entropy); err != nil {
		return "", fmt.Errorf("read entropy: %w", err)
	}
	return bip39.NewMnemonic(entropy)
}

// SeedFromMnemonic checks the words and returns the 64-byte seed of BIP39. Words may be separated
// by any white space and written in capitals; passphrase is BIP39's own and usually empty.
func SeedFromMnemonic(mnemonic, passphrase string) ([]byte, error) {
	words, err := normalMnemonic(mnemonic)
	if err != nil {
		return nil, err
	}
	return bip39.NewSeed(words, passphrase), nil
}

// normalMnemonic returns the words in lower case with single blanks, after checking each word and
// the checksum.
func normalMnemonic(mnemonic string) (string, error) {
	words := strings.Fields(strings.ToLower(mnemonic))
	if n := len(words); n < 12 || n > 24 || n%3 != 0 {
		return "", fmt.Errorf("%w, this one has %d", ErrMnemonicLength, n)
	}
	for i, word := range words {
		if _, ok := bip39.GetWordIndex(word); !ok {
			return "", fmt.Errorf("word %d of the mnemonic is not in the English list of BIP39", i+1)
		}
	}
	joined := strings.Join(words, " ")
	if _, err := bip39.EntropyFromMnemonic(joined); err != nil {
		return "", ErrMnemonicChecksum
	}
	return joined, nil
}
