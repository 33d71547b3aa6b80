package fluvio

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/libfluvio/libfluvio/core/internal/consume"
)

// StartPosition is where a consumer begins. The zero value is End().
type StartPosition struct {
	set bool
	pos consume.Position
}

// Beginning starts at the first record kept.
func Beginning() StartPosition { return start(consume.FromBeginning, 0) }

// BeginningPlus starts n records after the first one kept, at most at the end.
func BeginningPlus(n int64) StartPosition { return start(consume.FromBeginning, n) }

// End starts behind the last committed record: only what comes later is read.
func End() StartPosition { return start(consume.FromEnd, 0) }

// EndMinus starts n records before the end, at the earliest at the first record kept.
func EndMinus(n int64) StartPosition { return start(consume.FromEnd, n) }

// AtOffset starts at an offset. One that was removed gives an OffsetEvicted error, one beyond the end a Server error.
func AtOffset(offset int64) StartPosition { return start(consume.FromAbsolute, offset) }

func start(from consume.From, n int64) StartPosition {
	return StartPosition{set: true, pos: consume.Position{From: from, N: n}}
}

func (p StartPosition) position() consume.Position {
	if !p.set {
		return consume.Position{From: consume.FromEnd}
	}
	return p.pos
}

// String is the position as the setting start has it.
func (p StartPosition) String() string {
	pos := p.position()
	switch {
	case pos.From == consume.FromAbsolute:
		return strconv.FormatInt(pos.N, 10)
	case pos.From == consume.FromBeginning && pos.N == 0:
		return "beginning"
	case pos.From == consume.FromBeginning:
		return fmt.Sprintf("beginning+%d", pos.N)
	case pos.N == 0:
		return "end"
	}
	return fmt.Sprintf("end-%d", pos.N)
}

// ParseStartPosition reads beginning, end, beginning+N, end-N or an offset.
func ParseStartPosition(text string) (StartPosition, error) {
	number := func(s string) (int64, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%q is not beginning, end, beginning+N, end-N or an offset of 0 and more", text)
		}
		return n, nil
	}
	switch t := strings.TrimSpace(text); {
	case t == "beginning":
		return Beginning(), nil
	case t == "end":
		return End(), nil
	case strings.HasPrefix(t, "beginning+"):
		n, err := number(t[len("beginning+"):])
		return BeginningPlus(n), err
	case strings.HasPrefix(t, "end-"):
		n, err := number(t[len("end-"):])
		return EndMinus(n), err
	default:
		n, err := number(t)
		return AtOffset(n), err
	}
}

// StopPosition is where a consumer ends. The zero value is never.
type StopPosition struct{ stop consume.Stop }

// StopAtEnd ends every partition at the high watermark it has when the consumer is opened.
func StopAtEnd() StopPosition { return StopPosition{consume.Stop{Kind: consume.StopEnd}} }

// StopBefore ends every partition before an offset.
func StopBefore(offset int64) StopPosition {
	return StopPosition{consume.Stop{Kind: consume.StopOffset, Offset: offset}}
}

// String is the position as the setting stop_at has it.
func (p StopPosition) String() string {
	switch p.stop.Kind {
	case consume.StopEnd:
		return "end"
	case consume.StopOffset:
		return strconv.FormatInt(p.stop.Offset, 10)
	}
	return "never"
}

// ParseStopPosition reads never, end or an offset.
func ParseStopPosition(text string) (StopPosition, error) {
	switch t := strings.TrimSpace(text); t {
	case "never":
		return StopPosition{}, nil
	case "end":
		return StopAtEnd(), nil
	default:
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil || n < 0 {
			return StopPosition{}, fmt.Errorf("%q is not never, end or an offset of 0 and more", text)
		}
		return StopBefore(n), nil
	}
}
