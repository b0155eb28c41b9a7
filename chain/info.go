package chain

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

func sortChanges(changes []CoinChange) {
	slices.SortFunc(changes, func(a, b CoinChange) int { return a.OutPoint.Compare(b.OutPoint) })
}

// setHasher computes the checksum of many coins on several goroutines.
type setHasher struct {
	work  chan []consensus.CoinEntry
	batch []consensus.CoinEntry
	parts []consensus.CoinSetHash
	wg    sync.WaitGroup
}

const hashBatch = 512 // coins

func newSetHasher(workers int) *setHasher {
	h := &setHasher{work: make(chan []consensus.CoinEntry, workers), parts: make([]consensus.CoinSetHash, workers)}
	for i := range h.parts {
		h.wg.Add(1)
		go func() {
			defer h.wg.Done()
			for batch := range h.work {
				for j := range batch {
					h.parts[i].Add(batch[j].OutPoint, batch[j].Coin)
				}
			}
		}()
	}
	return h
}

func (h *setHasher) add(e consensus.CoinEntry) {
	if h.batch = append(h.batch, e); len(h.batch) == hashBatch {
		h.work <- h.batch
		h.batch = make([]consensus.CoinEntry, 0, hashBatch)
	}
}

// finish ends the goroutines. It must be called once, whatever happened.
func (h *setHasher) finish() (sum consensus.CoinSetHash) {
	h.work <- h.batch
	close(h.work)
	h.wg.Wait()
	for i := range h.parts {
		sum.Merge(&h.parts[i])
	}
	return sum
}

// audit counts and hashes the stored coins and compares them with the record. It returns in what they differ, or "".
func (c *Chain) audit(ctx context.Context, record *Record) (why string, err error) {
	var count uint64
	h := newSetHasher(c.cfg.Workers)
	err = c.set().EachCoin(ctx, nil, func(e consensus.CoinEntry) error {
		if count++; count%10_000 == 0 {
			c.progress("check", int64(count), int64(record.Coins))
		}
		h.add(e)
		return nil
	})
	sum := h.finish()
	if unreadable(err) {
		return err.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("checking the coin set: %w", err)
	}
	if count != record.Coins {
		return fmt.Sprintf("the coin set has %d coins, the record says %d", count, record.Coins), nil
	}
	if sum.Digest() != record.Set.Digest() {
		return "the coin set does not have the checksum of the record", nil
	}
	return "", nil
}

// SetInfo reads the whole coin set at the published tip and describes it. It takes some microseconds a coin and holds up nobody.
func (c *Chain) SetInfo(ctx context.Context) (SetInfo, error) {
	s := newSetSummer(c.cfg.Workers)
	tip, err := c.EachCoin(ctx, func(e consensus.CoinEntry) error {
		s.add(e)
		return nil
	})
	info := s.finish()
	if err != nil {
		return SetInfo{}, err
	}
	size, err := c.store.Size()
	if err != nil {
		return SetInfo{}, err
	}
	info.Height, info.Hash, info.DiskSize = tip.height, tip.hash, size.State
	return info, nil
}

// setSummer gathers a SetInfo from coins in the order of their outpoints.
type setSummer struct {
	info   SetInfo
	mu     *setHasher
	serial *SerialHash
	last   types.Hash
}

func newSetSummer(workers int) *setSummer {
	return &setSummer{mu: newSetHasher(workers), serial: NewSerialHash()}
}

func (s *setSummer) add(e consensus.CoinEntry) {
	s.serial.Add(e)
	s.mu.add(e)
	if s.info.Coins == 0 || e.OutPoint.TxID != s.last {
		s.info.Transactions++
		s.last = e.OutPoint.TxID
	}
	s.info.Coins++
	s.info.Amount += e.Coin.Out.Value
	s.info.BogoSize += 32 + 4 + 4 + 8 + 2 + uint64(len(e.Coin.Out.Script))
}

func (s *setSummer) finish() SetInfo {
	sum := s.mu.finish()
	s.info.MuHash = sum.Digest()
	s.info.HashSerialized = s.serial.Sum()
	return s.info
}
