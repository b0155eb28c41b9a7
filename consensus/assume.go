package consensus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cairn-chain/cairn/types"
)

// AssumeUTXO declares a coin set that may be believed before it is validated: that after the block at Height.
type AssumeUTXO struct {
	Height  int32
	Block   types.Hash
	Hash    types.Hash // hash_serialized_3 of the set
	ChainTx uint64     // transactions from genesis up to the block
}

// AssumedAt returns the set that is declared for a block.
func (p *Params) AssumedAt(block types.Hash) (AssumeUTXO, bool) {
	for _, a := range p.Assume {
		if a.Block == block {
			return a, true
		}
	}
	return AssumeUTXO{}, false
}

// ParseAssumeUTXO reads HEIGHT:BLOCKHASH:TXOUTSETHASH:NCHAINTX, hashes as people write them.
func ParseAssumeUTXO(text string) (a AssumeUTXO, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 4 {
		return a, fmt.Errorf("%q is not HEIGHT:BLOCKHASH:TXOUTSETHASH:NCHAINTX, which dumptxoutset tells", text)
	}
	height, herr := strconv.ParseInt(parts[0], 10, 32)
	count, cerr := strconv.ParseUint(parts[3], 10, 63)
	block, berr := types.ParseHash(parts[1])
	hash, serr := types.ParseHash(parts[2])
	if err := errors.Join(herr, cerr, berr, serr); err != nil || height <= 0 || count == 0 {
		return a, fmt.Errorf("%q is not HEIGHT:BLOCKHASH:TXOUTSETHASH:NCHAINTX, which dumptxoutset tells", text)
	}
	return AssumeUTXO{Height: int32(height), Block: block, Hash: hash, ChainTx: count}, nil
}

// regtestAssumed are the sets that Bitcoin Core declares for the chains of its own tests, in version 28 and after it. That of version 28
// for height 200 is one that no chain has: all heights in it are one too low.
func regtestAssumed() []AssumeUTXO {
	return []AssumeUTXO{
		{110, hashOf("696e92821f65549c7ee134edceeeeaaa4105647a3c4fd9f298c0aec0ab50425c"), hashOf("6657b736d4fe4db0cbc796789e812d5dba7f5c143764b1b6905612f1830609d1"), 111},
		{200, hashOf("5e93653318f294fb5aa339d00bbf8cf1c3515488ad99412c37608b139ea63b27"), hashOf("4f34d431c3e482f6b0d67b64609ece3964dc8d7976d02ac68dd7c9c1421738f2"), 201},
		{299, hashOf("3bb7ce5eba0be48939b7a521ac1ba9316afee2c7bada3a0cca24188e6d7d96c0"), hashOf("a4bf3407ccb2cc0145c49ebba8fa91199f8a3903daf0883875941497d2493c27"), 334},
		{110, hashOf("6affe030b7965ab538f820a56ef56c8149b7dc1d1c144af57113be080db7c397"), hashOf("b952555c8ab81fec46f3d4253b7af256d766ceb39fb7752b9d18cdf4a0141327"), 111},
		{200, hashOf("385901ccbd69dff6bbd00065d01fb8a9e464dede7cfe0372443884f9b1dcf6b9"), hashOf("17dcc016d188d16068907cdeb38b75691a118d43053b8cd6a25969419381d13a"), 201},
		{299, hashOf("7cc695046fec709f8c9394b6f928f81e81fd3ac20977bb68760fa1faa7916ea2"), hashOf("d2b051ff5e8eef46520350776f4100dd710a63447a8e01d917e92e79751a63e2"), 334},
	}
}
