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
