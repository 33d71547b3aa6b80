package fluvio

import (
	"fmt"
	"strconv"
	"strings"
	"time"

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

// AtTime starts at the first record of a time, or a later one. It is found by the times of stored batches, so up to one batch
// of older records may come first; and it relies on producers whose clocks agree. Stored batches without a time count as late
// enough. Where an offset is stored for the consumer, that counts.
func AtTime(t time.Time) StartPosition { return start(consume.FromTime, max(t.UnixMilli(), 0)) }

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
	case pos.From == consume.FromTime:
		return timePrefix + strconv.FormatInt(pos.N, 10)
	case pos.From == consume.FromBeginning && pos.N == 0:
		return "beginning"
	case pos.From == consume.FromBeginning:
		return fmt.Sprintf("beginning+%d", pos.N)
	case pos.N == 0:
		return "end"
	}
	return fmt.Sprintf("end-%d", pos.N)
}

// timePrefix begins positions that are times.
const timePrefix = "time:"

// parseTime reads what stands behind timePrefix: ms since the epoch, or RFC 3339.
func parseTime(text string) (time.Time, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms >= 0 {
		return time.UnixMilli(ms), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.UnixMilli() < 0 {
		return t, fmt.Errorf("%q is not a time: milliseconds since 1970, or for instance 2024-05-01T12:00:00Z", text)
	}
	return t, nil
}

// ParseStartPosition reads beginning, end, beginning+N, end-N, an offset or time:T, where T is milliseconds since the epoch or
// a time as in RFC 3339.
func ParseStartPosition(text string) (StartPosition, error) {
	number := func(s string) (int64, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%q is not beginning, end, beginning+N, end-N, time:T or an offset of 0 and more", text)
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
	case strings.HasPrefix(t, timePrefix):
		at, err := parseTime(t[len(timePrefix):])
		return AtTime(at), err
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

// StopAtTime ends every partition before the first record of a time, or a later one; when there is none yet, at the end that
// the partition has when that time comes. It is found as with AtTime, so up to one batch of younger records may come.
func StopAtTime(t time.Time) StopPosition {
	return StopPosition{consume.Stop{Kind: consume.StopTime, Offset: max(t.UnixMilli(), 0)}}
}

// String is the position as the setting stop_at has it.
func (p StopPosition) String() string {
	switch p.stop.Kind {
	case consume.StopEnd:
		return "end"
	case consume.StopTime:
		return timePrefix + strconv.FormatInt(p.stop.Offset, 10)
	case consume.StopOffset:
		return strconv.FormatInt(p.stop.Offset, 10)
	}
	return "never"
}

// ParseStopPosition reads never, end, an offset, or time:T as ParseStartPosition.
func ParseStopPosition(text string) (StopPosition, error) {
	switch t := strings.TrimSpace(text); t {
	case "never":
		return StopPosition{}, nil
	case "end":
		return StopAtEnd(), nil
	default:
		if after, isTime := strings.CutPrefix(t, timePrefix); isTime {
			at, err := parseTime(after)
			return StopAtTime(at), err
		}
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil || n < 0 {
			return StopPosition{}, fmt.Errorf("%q is not never, end, time:T or an offset of 0 and more", text)
		}
		return StopBefore(n), nil
	}
}
