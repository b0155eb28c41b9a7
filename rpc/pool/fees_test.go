package pool

import (
	"slices"
	"testing"
)

func TestRoomAt(t *testing.T) {
	pool := []poolOffer{{5, 100}, {9, 100}, {1, 100}}
	for weight, want := range map[int64]int64{50: 9, 100: 5, 150: 5, 250: 1, 300: 0} {
		if got := roomAt(slices.Clone(pool), weight); got != want {
			t.Errorf("roomAt(%d) = %d, want %d", weight, got, want)
		}
	}
}
