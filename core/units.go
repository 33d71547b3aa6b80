package fluvio

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Durations and sizes may be given with a unit: one parser, so that every language takes the same. A unit in a setting's tag
// says what numbers without one are: s is seconds, bytes is bytes; time.Duration fields count milliseconds.

// durationUnits are the units of durations, and sizeUnits those of sizes: of 1000 and of 1024, as IEC has them.
var (
	durationUnits = map[string]float64{
		"ms": float64(time.Millisecond), "s": float64(time.Second), "m": float64(time.Minute), "h": float64(time.Hour),
		"d": 24 * float64(time.Hour), "w": 7 * 24 * float64(time.Hour), "us": float64(time.Microsecond), "µs": float64(time.Microsecond),
		"ns": 1,
	}
	sizeUnits = map[string]float64{
		"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}
)

// parseDuration reads a duration: a whole number of the unit given, or numbers with units, as 500ms, 1h30m, 7d.
func parseDuration(text string, unit time.Duration) (time.Duration, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n > math.MaxInt64/int64(unit) || n < math.MinInt64/int64(unit) {
			return 0, fmt.Errorf("%d is too large", n)
		}
		return time.Duration(n) * unit, nil
	}
	total, ok := addUp(text, durationUnits)
	if !ok {
		return 0, fmt.Errorf("%q is neither a whole number of %s nor a duration such as 500ms, 30s, 1h30m or 7d", text, nameOfUnit(unit))
	}
	if total >= math.MaxInt64 {
		return 0, fmt.Errorf("%s is too large", text)
	}
	return time.Duration(math.Round(total)), nil
}

func nameOfUnit(unit time.Duration) string {
	if unit == time.Second {
		return "seconds"
	}
	return "milliseconds"
}

// parseSize reads a size: a whole number of bytes, or one with a unit, as 16KiB, 512MiB, 2GB.
func parseSize(text string) (int64, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	total, ok := addUp(strings.ToLower(text), sizeUnits)
	if !ok || total != math.Trunc(total) {
		return 0, fmt.Errorf("%q is neither a whole number of bytes nor a size such as 16KiB, 512MiB or 2GB", text)
	}
	if total >= math.MaxInt64 {
		return 0, fmt.Errorf("%s is too large", text)
	}
	return int64(total), nil
}

// addUp reads numbers with units, one behind the other; spaces do not matter.
func addUp(text string, units map[string]float64) (total float64, ok bool) {
	text = strings.ReplaceAll(text, " ", "")
	for text != "" {
		digits := strings.IndexFunc(text, func(c rune) bool { return c != '.' && (c < '0' || c > '9') })
		if digits <= 0 {
			return 0, false
		}
		end := digits + strings.IndexFunc(text[digits:]+"0", func(c rune) bool { return c == '.' || c >= '0' && c <= '9' })
		n, err := strconv.ParseFloat(text[:digits], 64)
		unit, known := units[text[digits:end]]
		if err != nil || !known {
			return 0, false
		}
		total += n * unit
		text, ok = text[end:], true
	}
	return total, ok
}
