package consensus

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// ErrParams begins every error about a params file.
var ErrParams = errors.New("params file")

// paramsFile is a params file: a base network and what differs from it. Absent fields keep the base's
// value. Bits are written as eight hexadecimal digits, MinimumWork as hexadecimal.
type paramsFile struct {
	Base string
	Name string

	P2PPort  *int `toml:"p2p_port"`
	RPCPort  *int `toml:"rpc_port"`
	HTTPPort *int `toml:"http_port"`

	PowLimitBits      *string   `toml:"pow_limit_bits"`
	Retarget          *Retarget `toml:"retarget"`
	TargetSpacing     *int64    `toml:"target_spacing"`
	AsertHalfLife     *int64    `toml:"asert_half_life"`
	AsertAnchorHeight *int32    `toml:"asert_anchor_height"`
	AsertAnchorBits   *string   `toml:"asert_anchor_bits"`
	MaxFutureTime     *int64    `toml:"max_future_time"`
	CoinbaseMaturity  *int32    `toml:"coinbase_maturity"`
	Subsidy           *int64    `toml:"subsidy"`
	HalvingInterval   *int32    `toml:"halving_interval"`
	Refuse64ByteTx    *bool     `toml:"refuse_64_byte_tx"`

	MinimumWork      *string `toml:"minimum_work"`
	BlockFilterIndex *bool   `toml:"block_filter_index"`
}

// ParseParams reads a params file in TOML: `base = "cairn"` or "regtest", a `name` of its own, and any of
// p2p_port, rpc_port, http_port, pow_limit_bits, retarget, target_spacing, asert_half_life, asert_anchor_height,
// asert_anchor_bits, max_future_time, coinbase_maturity, subsidy, halving_interval, refuse_64_byte_tx,
// minimum_work, block_filter_index. Genesis and address prefixes are the base's. The magic is
// derived from a hash of all rules, so nodes with different rules never talk to each other.
func ParseParams(text []byte) (*Params, error) {
	var f paramsFile
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParams, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%w: unknown field %q", ErrParams, unknown[0].String())
	}
	p, err := Network(f.Base)
	if err != nil || p.ValidationOnly {
		return nil, fmt.Errorf("%w: base: unknown network %q to build on: use cairn or regtest", ErrParams, f.Base)
	}
	if err := f.apply(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParams, err)
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParams, err)
	}
	p.Magic = p.rulesMagic()
	return p, nil
}

// apply puts the file's fields over p.
func (f *paramsFile) apply(p *Params) error {
	if _, err := Network(f.Name); err == nil {
		return fmt.Errorf("name %q is taken: give the network a name of its own", f.Name)
	}
	p.Name = f.Name
	set(&p.P2PPort, f.P2PPort)
	set(&p.RPCPort, f.RPCPort)
	set(&p.HTTPPort, f.HTTPPort)
	if set(&p.Retarget, f.Retarget); p.Retarget == RetargetPeriod {
		return fmt.Errorf("retarget %q is of Bitcoin's own networks: use %q or %q", p.Retarget, RetargetNone, RetargetASERT)
	}
	set(&p.TargetSpacing, f.TargetSpacing)
	set(&p.AsertHalfLife, f.AsertHalfLife)
	set(&p.AsertAnchorHeight, f.AsertAnchorHeight)
	set(&p.MaxFutureTime, f.MaxFutureTime)
	set(&p.CoinbaseMaturity, f.CoinbaseMaturity)
	set(&p.Subsidy, f.Subsidy)
	set(&p.HalvingInterval, f.HalvingInterval)
	set(&p.Refuse64ByteTx, f.Refuse64ByteTx)
	set(&p.BlockFilterIndex, f.BlockFilterIndex)
	if err := setBits(&p.PowLimitBits, f.PowLimitBits, "pow_limit_bits"); err != nil {
		return err
	}
	if err := setBits(&p.AsertAnchorBits, f.AsertAnchorBits, "asert_anchor_bits"); err != nil {
		return err
	}
	if f.MinimumWork != nil {
		n, ok := new(big.Int).SetString(*f.MinimumWork, 16)
		if !ok || n.Sign() < 0 || n.BitLen() > 256 {
			return fmt.Errorf("minimum_work %q is not a hexadecimal number of at most 256 bits", *f.MinimumWork)
		}
		p.MinimumWork = WorkFromBig(n)
	}
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func setBits(to *uint32, from *string, field string) error {
	if from == nil {
		return nil
	}
	b, err := hex.DecodeString(*from)
	if err != nil || len(b) != 4 {
		return fmt.Errorf("%s %q is not eight hexadecimal digits", field, *from)
	}
	*to = binary.BigEndian.Uint32(b)
	return nil
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// Validate checks that the numbers make a network on which the rules here cannot overflow. It returns the
// first fault in words for people.
func (p *Params) Validate() error {
	if !nameForm.MatchString(p.Name) {
		return fmt.Errorf("name %q must be 1 to 32 of a-z, 0-9 and -, a letter first", p.Name)
	}
	for _, port := range []int{p.P2PPort, p.RPCPort, p.HTTPPort} {
		if port < 1 || port > 65535 {
			return fmt.Errorf("port %d is not in 1..65535", port)
		}
	}
	if err := p.validateWork(); err != nil {
		return err
	}
	switch {
	case p.MaxFutureTime < 1 || p.MaxFutureTime > 1<<31:
		return fmt.Errorf("max_future_time %d is not in 1..2^31 seconds", p.MaxFutureTime)
	case p.CoinbaseMaturity < 1 || p.CoinbaseMaturity > 1_000_000:
		return fmt.Errorf("coinbase_maturity %d is not in 1..1000000 blocks", p.CoinbaseMaturity)
	case p.HalvingInterval < 1:
		return fmt.Errorf("halving_interval %d is not positive", p.HalvingInterval)
	case p.Subsidy < 0 || p.Subsidy > MaxMoney/2/int64(p.HalvingInterval):
		return fmt.Errorf("subsidy %d and halving_interval %d would create more than %d", p.Subsidy, p.HalvingInterval, MaxMoney)
	case p.SignalPeriod < 1 || p.SignalThreshold < 1 || p.SignalThreshold > p.SignalPeriod:
		return fmt.Errorf("a deployment locks in with %d signals in a period of %d blocks", p.SignalThreshold, p.SignalPeriod)
	}
	return nil
}

func (p *Params) validateWork() error {
	limit, ok := TargetFromBits(p.PowLimitBits)
	if !ok || limit.BitLen() > 255 || BitsFromTarget(limit) != p.PowLimitBits {
		return fmt.Errorf("pow_limit_bits %08x are not the shortest form of a target of at most 255 bits", p.PowLimitBits)
	}
	if p.TargetSpacing < 1 || p.TargetSpacing > 1_000_000 {
		return fmt.Errorf("target_spacing %d is not in 1..1000000 seconds", p.TargetSpacing)
	}
	switch p.Retarget {
	case RetargetNone, RetargetPeriod:
		return nil
	case RetargetASERT:
	default:
		return fmt.Errorf("retarget %q is neither %q nor %q", p.Retarget, RetargetNone, RetargetASERT)
	}
	if p.AsertHalfLife < 1 || p.AsertHalfLife > 1<<31 {
		return fmt.Errorf("asert_half_life %d is not in 1..2^31 seconds", p.AsertHalfLife)
	}
	if p.AsertAnchorHeight < 1 {
		return fmt.Errorf("asert_anchor_height %d is not positive", p.AsertAnchorHeight)
	}
	if anchor, ok := TargetFromBits(p.AsertAnchorBits); !ok || anchor.Cmp(limit) > 0 {
		return fmt.Errorf("asert_anchor_bits %08x are no target, or one over the limit", p.AsertAnchorBits)
	}
	return nil
}

// rulesMagic hashes every field that decides whether a block is valid.
func (p *Params) rulesMagic() uint32 {
	var s strings.Builder
	fmt.Fprintf(&s, "cairn params 1\n%s\n%08x %s %d\n", p.Genesis.Hash(), p.PowLimitBits, p.Retarget, p.TargetSpacing)
	fmt.Fprintf(&s, "%d %d %08x\n", p.AsertHalfLife, p.AsertAnchorHeight, p.AsertAnchorBits)
	fmt.Fprintf(&s, "%d %d %d %d %t\n", p.MaxFutureTime, p.CoinbaseMaturity, p.Subsidy, p.HalvingInterval, p.Refuse64ByteTx)
	sum := sha256.Sum256([]byte(s.String()))
	return binary.LittleEndian.Uint32(sum[:4])
}
