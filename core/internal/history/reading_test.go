package history

import (
	"testing"

	"github.com/stretchr/testify/require"
)

var here = Lane{"t", 0}

// read is a reading in which all is well: three records handed out of a consumer that stores, the first two done with and
// stored; another one is opened that goes on behind them.
func read() *Reading {
	r := &Reading{}
	r.Wrote(here, 1, []byte("b"))
	r.Open()
	r.Begin(here, 0, true)
	for i, v := range []string{"a", "b", "c"} {
		r.Come()
		r.Give(here, int64(i), []byte(v))
	}
	r.Save(here, 1)
	r.Committed(true)
	r.Open()
	r.Begin(here, 2, true)
	r.Come()
	r.Give(here, 2, []byte("c"))
	r.Commit()
	r.Save(here, 2)
	r.Committed(false)
	return r
}

func TestSoundReading(t *testing.T) {
	r := read()
	r.Jump(here, 3, 7)
	r.Jump(here, 3, 5) // and what is behind that can be read in the end
	r.Give(here, 5, []byte("f"))
	r.Pause(here, true)
	r.Pause(here, false)
	r.Give(here, 6, []byte("g"))
	r.Seek(here, 4)
	r.Give(here, 4, []byte("e"))
	r.Commit()
	r.Save(here, 3)
	r.Chosen(here, 3)
	r.Open()
	r.Doubt()
	r.Begin(here, 5, true) // 4 was stored late
	r.Gone("t")
	r.Committed(false)
	require.NoError(t, r.Err())
	tally := r.Tally()
	tally.Add(r.Tally())
	require.Equal(t, ReadingTally{Records: 14, Again: 4, Lost: 12, Resumed: 4, Saved: 6, Sought: 2}, tally)
}

// Everything that can be wrong is found.
func TestViolationsOfReadingAreFound(t *testing.T) {
	for text, break_ := range map[string]func(r *Reading){
		"the record at 2 came when 3 had to":                    func(r *Reading) { r.Give(here, 2, []byte("c")) },
		"the record at 4 came when 3 had to":                    func(r *Reading) { r.Give(here, 4, []byte("e")) },
		"the record at 6 came when 3 had to":                    func(r *Reading) { r.Jump(here, 3, 5); r.Give(here, 6, []byte("g")) },
		"came before anybody said that reading begins":          func(r *Reading) { r.Open(); r.Give(here, 3, []byte("d")) },
		"although the partition is paused":                      func(r *Reading) { r.Pause(here, true); r.Give(here, 3, []byte("d")) },
		"at 2 stands \"x\", and it was something else":          func(r *Reading) { r.Seek(here, 2); r.Give(here, 2, []byte("x")) },
		"at 1 stands \"x\", and it was something else":          func(r *Reading) { r.Wrote(here, 1, []byte("x")) },
		"3 is stored, and the application is done with no more": func(r *Reading) { r.Give(here, 3, []byte("d")); r.Save(here, 3) },
		"a consumer begins at 4, and 2 is stored":               func(r *Reading) { r.Open(); r.Begin(here, 4, true) },
		"a consumer begins at 8, and 2 is stored":               func(r *Reading) { r.Doubt(); r.Open(); r.Begin(here, 8, true) },
		"a consumer begins at 0, and 2 is stored":               func(r *Reading) { r.Open(); r.Begin(here, 0, true) },
		"a commit succeeded, and 2 is stored instead of 3":      func(r *Reading) { r.Give(here, 3, []byte("d")); r.Commit(); r.Committed(false) },
		"closed without an error, and 2 is stored instead of 3": func(r *Reading) { r.Give(here, 3, []byte("d")); r.Come(); r.Committed(true) },
		"closed without an error, and 2 is stored instead of 0": func(r *Reading) { r.Seek(here, 0); r.Give(here, 0, []byte("a")); r.Come(); r.Committed(true) },
		"1 was to be stored, and 2 is":                          func(r *Reading) { r.Chosen(here, 1) },
	} {
		t.Run(text, func(t *testing.T) {
			r := read()
			break_(r)
			require.ErrorContains(t, r.Err(), text)
		})
	}
}

// filtered is a reading through a filter, of a log of which b, d and e pass: up to d, with what was read of b and d numbered from 0
// on, and again from 2 on, where the batch of d and e lies.
func filtered() (*Reading, []Row) {
	r := &Reading{Passes: func(v []byte) bool { return string(v) != "a" && string(v) != "c" }, Together: 2}
	var log []Row
	for i, v := range []string{"a", "b", "c", "d", "e"} {
		log = append(log, Row{int64(i), []byte(v)})
	}
	r.Begin(here, 0, false)
	r.Give(here, 0, []byte("b"))
	r.Give(here, 3, []byte("d"))
	r.Exact(here)
	r.Seek(here, 4)
	r.Give(here, 3, []byte("d"))
	return r, log
}

func TestFilteredReading(t *testing.T) {
	r, log := filtered()
	r.Rest(here, 3)
	r.Give(here, 3, []byte("d"))
	r.Give(here, 4, []byte("e"))
	r.Exact(here)
	r.Hold(here, log)
	require.NoError(t, r.Err())
	require.Equal(t, 5, r.Tally().Passed)

	for text, break_ := range map[string]func(r *Reading){
		"does not pass":                   func(r *Reading) { r.Give(here, 4, []byte("c")) },
		"at 3 came behind one at 3":       func(r *Reading) { r.Give(here, 3, []byte("e")) },
		"only 2 follow":                   func(r *Reading) { r.Give(here, 4, []byte("e")); r.Give(here, 5, []byte("e")) },
		"number 0 had to come":            func(r *Reading) { r.Seek(here, 0); r.Give(here, 3, []byte("d")) },
		"number 2 had to come":            func(r *Reading) { r.Seek(here, 4); r.Give(here, 1, []byte("b")) },
		"is not the next one":             func(r *Reading) { r.Seek(here, 0); r.Give(here, 1, []byte("b")); r.Give(here, 4, []byte("e")) },
		"and the next one is at 3":        func(r *Reading) { r.Seek(here, 0); r.Give(here, 3, []byte("b")) },
		"has the offset 0 instead of 1":   func(r *Reading) { r.Seek(here, 0); r.Give(here, 0, []byte("b")); r.Exact(here) },
		"it was something else before":    func(r *Reading) { r.Wrote(here, 1, []byte("x")) },
		"it is number 2 of those":         func(r *Reading) { r.Rest(here, 0); r.Seek(here, 0); r.Give(here, 4, []byte("e")) },
		"before anybody said that readin": func(r *Reading) { r.Open(); r.Give(here, 4, []byte("e")) },
	} {
		t.Run(text, func(t *testing.T) {
			r, log := filtered()
			break_(r)
			r.Hold(here, log)
			require.ErrorContains(t, r.Err(), text)
		})
	}
}

// A topic that is made anew under its name begins with nothing of the old one but what a store keeps.
func TestReadingOfATopicMadeAnew(t *testing.T) {
	for _, kept := range []bool{false, true} {
		r := read()
		r.Gone("t")
		r.Anew(here, kept)
		r.Give(Before(here), 3, []byte("d"))
		r.Open()
		r.Jump(here, 3, 0)
		r.Begin(here, 0, true)
		r.Give(here, 0, []byte("other"))
		r.Commit()
		r.Save(here, 0)
		r.Committed(false)
		require.NoError(t, r.Err())
		require.Equal(t, 1, r.Tally().Anew)
	}
	r := read()
	r.Gone("t")
	r.Anew(here, false)
	r.Save(here, 2)
	require.ErrorContains(t, r.Err(), "2 is stored, and the application is done with no more than -1")
}
