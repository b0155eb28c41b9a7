package proto

import (
	"time"

	"github.com/cairn-chain/cairn/internal/exponential"
)

// poisson draws the time to the next event of a Poisson process with a mean.
func (m *Machine) poisson(mean time.Duration) time.Duration {
	return time.Duration(exponential.Draw(m.cfg.Rand.Uint64(), int64(mean))) + time.Microsecond
}
