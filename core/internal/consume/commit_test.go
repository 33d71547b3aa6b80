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
	}{
		{"absolute", Position{FromAbsolute, 7}, 40, 0, 100, 7},
		{"absolute, out of range", Position{FromAbsolute, 700}, 40, 10, 100, 700},
		{"beginning, nothing stored", Position{FromBeginning, 0}, noOffset, 10, 100, 10},
		{"beginning", Position{FromBeginning, 0}, 40, 10, 100, 41},
		{"beginning + n", Position{FromBeginning, 5}, 40, 10, 100, 46},
		{"beginning + n, up to the end", Position{FromBeginning, 500}, 40, 10, 100, 100},
		{"beginning + n, without overflow", Position{FromBeginning, math.MaxInt64}, 40, 10, 100, 100},
		{"end, nothing stored", Position{FromEnd, 0}, noOffset, 10, 100, 100},
		{"end resumes", Position{FromEnd, 0}, 40, 10, 100, 41},
		{"end - n", Position{FromEnd, 5}, 40, 10, 100, 36},
		{"end - n, down to the start", Position{FromEnd, 500}, 40, 10, 100, 10},
		{"end - n, without overflow", Position{FromEnd, math.MaxInt64}, 40, 10, 100, 10},
		{"the last record", Position{FromEnd, 0}, 99, 10, 100, 100},
		{"record 0", Position{FromBeginning, 0}, 0, 0, 100, 1},
		{"removed meanwhile", Position{FromBeginning, 0}, 4, 10, 100, 10},
		{"of a topic that was made anew", Position{FromBeginning, 0}, 400, 0, 100, 100},
		{"of an empty partition", Position{FromEnd, 0}, 400, 0, 0, 0},
		{"as high as can be", Position{FromBeginning, 1}, math.MaxInt64, 0, 100, 100},
		{"a negative one", Position{FromEnd, 0}, -5, 0, 100, 100},
	} {
		require.Equal(t, row.want, row.position.resume(row.stored, row.start, row.end), row.name)
	}
}

func TestMarks(t *testing.T) {
	c := &Consumer{cfg: Config{Strategy: StrategyAuto}}
	s := c.newSession("t", 1)
	have := func(given, done, settled int64) {
		t.Helper()
		require.Equal(t, []int64{given, done, settled}, []int64{s.marks.given.Load(), s.marks.done.Load(), s.marks.settled.Load()})
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
