package chain

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
)

// maxChunk is how many script checks a worker takes at once at most. Of a small block it takes fewer, so that all
// workers have something to do.
const maxChunk = 32

// chunkOf is how many checks of n a worker takes at once: a quarter of its share.
func chunkOf(n, workers int) int {
	return min(maxChunk, max(1, (n+4*workers-1)/(4*workers)))
}

// runChecks proves all checks of a block on the workers. The error is a RuleError that names the first check, in block
// order, that fails: chunks are handed out in order, a failure stops the handing out, and the chunks before it are finished.
func (c *Chain) runChecks(checks []script.Check) error {
	size := chunkOf(len(checks), c.cfg.Workers)
	chunks := (len(checks) + size - 1) / size
	errs := make([]error, chunks)
	var failed atomic.Bool
	parallel(c.cfg.Workers, chunks, func(i int) bool {
		part := checks[i*size : min((i+1)*size, len(checks))]
		if errs[i] = c.cfg.Verify.Run(part); errs[i] != nil {
			failed.Store(true)
		}
		return !failed.Load()
	})
	for _, err := range errs {
		if err != nil {
			return scriptError(err)
		}
	}
	return nil
}

// scriptError turns a failed script into the RuleError of its block.
func scriptError(err error) error {
	var f *script.Failure
	if !errors.As(err, &f) {
		return err
	}
	return consensus.Reject(consensus.BlockScriptVerify, fmt.Sprintf("%v, input %d of %s", f.Err, f.Input, f.Tx))
}

// parallel calls do(0) … do(n−1) on up to workers goroutines, in order, until one returns false; calls that have begun are
// finished before it returns.
func parallel(workers, n int, do func(i int) bool) {
	if workers = min(workers, n); workers <= 1 {
		for i := 0; i < n && do(i); i++ {
		}
		return
	}
	var next atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if !do(i) {
					stop.Store(true)
				}
			}
		}()
	}
	wg.Wait()
}
