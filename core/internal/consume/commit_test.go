package consume

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResume(t *testing.T) {
	for _, row := range []struct {
		name               string
		position           Position
		stored, start, end int64
		want               int64
		lost               bool
	}{
		{"absolute", Position{FromAbsolute, 7}, 40, 0, 100, 7, false},
		{"absolute, out of range", Position{FromAbsolute, 700}, 40, 10, 100, 700, false},
		{"beginning, nothing stored", Position{FromBeginning, 0}, noOffset, 10, 100, 10, false},
		{"beginning", Position{FromBeginning, 0}, 40, 10, 100, 41, false},
		{"beginning + n", Position{FromBeginning, 5}, 40, 10, 100, 46, false},
		{"beginning + n, up to the end", Position{FromBeginning, 500}, 40, 10, 100, 100, false},
		{"beginning + n, without overflow", Position{FromBeginning, math.MaxInt64}, 40, 10, 100, 100, false},
		{"end, nothing stored", Position{FromEnd, 0}, noOffset, 10, 100, 100, false},
		{"end resumes", Position{FromEnd, 0}, 40, 10, 100, 41, false},
		{"end - n", Position{FromEnd, 5}, 40, 10, 100, 36, false},
		{"end - n, down to the start", Position{FromEnd, 500}, 40, 10, 100, 10, false},
		{"end - n, without overflow", Position{FromEnd, math.MaxInt64}, 40, 10, 100, 10, false},
		{"the last record", Position{FromEnd, 0}, 99, 10, 100, 100, false},
		{"record 0", Position{FromBeginning, 0}, 0, 0, 100, 1, false},
		{"removed meanwhile", Position{FromBeginning, 0}, 4, 10, 100, 5, true},
		{"removed meanwhile, but not what is wanted", Position{FromBeginning, 7}, 4, 10, 100, 12, false},
		{"of a topic that was made anew", Position{FromBeginning, 0}, 400, 0, 100, 100, true},
		{"of an empty partition", Position{FromEnd, 0}, 400, 0, 0, 0, true},
		{"as high as can be", Position{FromBeginning, 1}, math.MaxInt64, 0, 100, 100, true},
		{"a negative one", Position{FromEnd, 0}, -5, 0, 100, 100, false},
	} {
		if row.position.From == FromAbsolute || row.stored < 0 {
			require.Equal(t, row.want, row.position.resolve(row.start, row.end), row.name)
			continue
		}
		next, lost := row.position.resume(row.stored, row.start, row.end)
		require.Equal(t, row.want, next, row.name)
		require.Equal(t, row.lost, lost, row.name)
	}
}

func TestMarks(t *testing.T) {
	c := &Consumer{cfg: Config{Strategy: StrategyAuto}}
	s := c.newSession("t", 1)
	have := func(given, done, settled int64) {
		t.Helper()
		g, d, e, _ := s.marks.read()
		require.Equal(t, []int64{given, done, settled}, []int64{g, d, e})
	}
	have(-1, -1, -1)
	c.Settle()
	b := &Batch{session: s, count: 3}
	b.Cols.Offset = []int64{4, 7, 9}
	b.HandOutRecord(0)
	have(4, 4, -1)
	b.HandOutRecord(1)
	have(7, 7, 4) // who comes for a record is done with those before it
	c.Settle()
	have(7, 7, 7)
	b.HandOut()
	have(9, 9, 7)
	c.HandedOut("t", 1, 20, 15)
	have(20, 15, 15)
	c.HandedOut("t", 1, 3, 3) // marks only rise
	c.HandedOut("t", 2, 30, 30)
	have(20, 15, 15)
}
