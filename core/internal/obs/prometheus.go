package obs

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// Text writes metrics in Prometheus's text format, version 0.0.4. Samples of a family must come one after the other.
type Text struct {
	b      bytes.Buffer
	family string
}

// Bytes is what was written.
func (t *Text) Bytes() []byte { return t.b.Bytes() }

// Family begins a metric. kind is counter, gauge or histogram.
func (t *Text) Family(name, kind, help string) {
	t.family = name
	t.b.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// Sample writes a value of the family; labels are names and values in turn.
func (t *Text) Sample(value float64, labels ...string) { t.sample("", value, labels...) }

func (t *Text) sample(suffix string, value float64, labels ...string) {
	t.b.WriteString(t.family + suffix)
	for i := 0; i+1 < len(labels); i += 2 {
		before := ","
		if i == 0 {
			before = "{"
		}
		t.b.WriteString(before + labels[i] + `="` + escape.Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 1 {
		t.b.WriteByte('}')
	}
	t.b.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

// escape is for the values of labels.
var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// Histogram writes a histogram of the family, in seconds.
func (t *Text) Histogram(h *HistogramStats, labels ...string) {
	for _, b := range h.Buckets {
		t.sample("_bucket", float64(b.Count), append(labels[:len(labels):len(labels)], "le", seconds(b.UpTo))...)
	}
	t.sample("_bucket", float64(h.Count), append(labels[:len(labels):len(labels)], "le", "+Inf")...)
	t.sample("_sum", h.Sum.Seconds(), labels...)
	t.sample("_count", float64(h.Count), labels...)
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) }
