package history

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// sound is a history of two writers and one partition in which all is well: a refused record, a lost one, two copies.
func sound() *History {
	h := &History{}
	for i, v := range []string{"a0", "a1", "b0", "a2", "b1"} {
		h.Hand(i/2%2, []int32{-1, 0}[i%2], []byte("k"), []byte(v)) // writers 0 0 1 1 0
	}
	h.Refuse(3)
	for _, n := range []uint64{0, 1, 2} {
		h.Report(n, Outcome{0, int64(n), Stored, nil})
		h.Confirm(n, Outcome{0, int64(n), Stored, nil})
	}
	h.Report(4, Outcome{0, -1, NotStored, errors.New("gone")})
	h.End()
	for offset, v := range []string{"a0", "a1", "b0", "a0"} {
		h.Store(0, int64(offset), []byte("k"), []byte(v))
	}
	return h
}

func TestSoundHistory(t *testing.T) {
	require.NoError(t, sound().Check(Terms{Failures: true, Duplicates: true}))
	require.NoError(t, (&History{}).Check(Terms{}))
	h := sound()
	tally := h.Tally()
	tally.Add(h.Tally())
	require.Equal(t, Tally{Stored: 6, NotStored: 2, Refused: 2, Copies: 2}, tally)
}

// What a client gave up can come to stand behind what it sent afterwards, and only then.
func TestLateRecordsMayBeOutOfOrder(t *testing.T) {
	for _, state := range []State{Stored, MaybeStored} {
		h := &History{}
		h.Hand(0, -1, nil, []byte("first"))
		h.Hand(0, -1, nil, []byte("second"))
		err := errors.New("timed out")
		if state == Stored {
			err = nil
		}
		h.Report(0, Outcome{0, -1, state, err})
		h.Report(1, Outcome{0, 0, Stored, nil})
		h.records[0].outcomes[0].Offset = map[State]int64{Stored: 1, MaybeStored: -1}[state]
		h.Store(0, 0, nil, []byte("second"))
		h.Store(0, 1, nil, []byte("first"))
		require.ErrorContains(t, h.Check(Terms{Failures: true}), "stands behind")
		late := h.Check(Terms{Failures: true, Late: true})
		require.Equal(t, state == MaybeStored, late == nil, "%v", late)
	}
}

// Check finds everything it is for.
func TestViolationsAreFound(t *testing.T) {
	lost := errors.New("lost")
	for text, break_ := range map[string]func(h *History, terms *Terms){
		"it failed for no reason":                         func(_ *History, terms *Terms) { terms.Failures = false },
		"it is stored 2 times, at [{0 0} {0 3}]":          func(_ *History, terms *Terms) { terms.Duplicates = false },
		"reported as stored at 0/9":                       func(h *History, _ *Terms) { h.records[3].outcomes = []Outcome{{0, 9, Stored, nil}} },
		"it was refused, and is stored":                   func(h *History, _ *Terms) { h.Store(0, 4, []byte("k"), []byte("a2")) },
		"it has 0 outcomes instead of one":                func(h *History, _ *Terms) { h.records[0].outcomes = nil },
		"it has 2 outcomes instead of one":                func(h *History, _ *Terms) { h.ended = false; h.Report(0, Outcome{0, 0, Stored, nil}) },
		"a report came after the end":                     func(h *History, _ *Terms) { h.Report(0, Outcome{0, 0, Stored, nil}) },
		"a report is for record 5, which nobody":          func(h *History, _ *Terms) { h.Report(5, Outcome{}) },
		"the report says stored at 0/0, the receipt":      func(h *History, _ *Terms) { h.Confirm(0, Outcome{0, 1, Stored, nil}) },
		"it was for partition 0":                          func(h *History, _ *Terms) { h.records[1].outcomes[0].Partition = 1 },
		"it is stored in partition 0":                     func(h *History, _ *Terms) { h.records[0].outcomes[0].Partition = 1 },
		"contradict each other":                           func(h *History, _ *Terms) { h.records[0].outcomes[0].Err = lost },
		"not stored at 0/-1 (gone), but it is at [{0 4}]": func(h *History, _ *Terms) { h.Store(0, 4, []byte("k"), []byte("b1")) },
		"stored at 0/7, where it is not":                  func(h *History, _ *Terms) { h.records[0].outcomes[0].Offset = 7 },
		"maybe stored at 0/7 (lost), where it is not":     func(h *History, _ *Terms) { h.records[0].outcomes[0] = Outcome{0, 7, MaybeStored, lost} },
		"stands \"a9\", which nobody handed over":         func(h *History, _ *Terms) { h.Store(0, 4, nil, []byte("a9")) },
		"has the key \"\" instead of \"k\"":               func(h *History, _ *Terms) { h.Store(0, 4, nil, []byte("a0")) },
		"the test used the value \"a0\" twice":            func(h *History, _ *Terms) { h.Hand(0, -1, nil, []byte("a0")) },
		"its first copy, at 0/5, stands behind": func(h *History, _ *Terms) {
			h.ended = false
			for offset, n := range []uint64{6, 5} {
				h.Hand(7, 0, nil, []byte{'c', byte(n)})
				defer h.Report(n, Outcome{0, int64(4 + offset), Stored, nil})
			}
			h.Store(0, 4, nil, []byte{'c', 5})
			h.Store(0, 5, nil, []byte{'c', 6})
		},
	} {
		t.Run(text, func(t *testing.T) {
			h, terms := sound(), Terms{Failures: true, Duplicates: true}
			break_(h, &terms)
			require.ErrorContains(t, h.Check(terms), text)
		})
	}
}
