// Package history holds what an application handed over to producers against what it was told and against what is stored in
// the end, and, see Reading, what consumers gave it against what is stored. It is for tests: whatever faults a test makes,
// what Check demands holds.
//
//  1. A record that was acknowledged is stored where it was acknowledged, byte for byte.
//  2. Every record that was taken has one outcome, and none comes after the end. What is called not stored is not stored.
//  3. No record is stored twice, unless the test says that answers were lost and the producer may send again.
//  4. The first copies of each writer's records stand in the order of writing, partition by partition.
//
// A test notes every step with the methods of History, which are safe for concurrent use, and calls Check when all is over.
package history

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// State is what a report says about a record, numbered as in fluvio.h.
type State uint8

// The states.
const (
	NotStored State = iota
	Stored
	MaybeStored
)

func (s State) String() string {
	return [...]string{"not stored", "stored", "maybe stored"}[s]
}

// Outcome is what a producer says has become of a record.
type Outcome struct {
	Partition int32
	Offset    int64 // -1: unknown
	State     State
	Err       error // nil exactly when stored
}

func (o Outcome) String() string {
	s := fmt.Sprintf("%s at %d/%d", o.State, o.Partition, o.Offset)
	if o.Err != nil {
		s += fmt.Sprintf(" (%v)", o.Err)
	}
	return s
}

// record is one record handed over.
type record struct {
	writer    int
	partition int32 // asked for, -1: the producer's choice
	key       []byte
	value     []byte
	refused   bool // the producer did not take it
	outcomes  []Outcome
	copies    []place
}

type place struct {
	partition int32
	offset    int64
}

// History is one run. The zero value is an empty one.
type History struct {
	mu      sync.Mutex
	records []*record         // by number
	numbers map[string]uint64 // by value
	at      map[place]uint64  // the number of what is stored there
	rows    []place           // what is stored, as it was read
	ended   bool
	wrong   []string // what cannot be right, whatever comes
}

func (h *History) complain(format string, args ...any) {
	h.wrong = append(h.wrong, fmt.Sprintf(format, args...))
}

// Hand notes that a writer is about to hand a record over, and numbers it; the bytes are copied. Values must be unique in a
// history. partition is -1 when the producer chooses. A writer is whoever is entitled to an order: one goroutine.
func (h *History) Hand(writer int, partition int32, key, value []byte) (number uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.numbers == nil {
		h.numbers = map[string]uint64{}
	}
	number = uint64(len(h.records))
	if _, twice := h.numbers[string(value)]; twice {
		h.complain("the test used the value %s twice", brief(value))
	}
	h.numbers[string(value)] = number
	h.records = append(h.records, &record{writer: writer, partition: partition, key: bytes.Clone(key), value: bytes.Clone(value)})
	return number
}

// Refuse notes that a record was not taken.
func (h *History) Refuse(number uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records[number].refused = true
}

// Report notes a record's outcome as the producer reported it.
func (h *History) Report(number uint64, o Outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if number >= uint64(len(h.records)) {
		h.complain("a report is for record %d, which nobody handed over", number)
		return
	}
	r := h.records[number]
	if h.ended {
		h.complain("%s: a report came after the end: %s", r.name(number), o)
	}
	r.outcomes = append(r.outcomes, o)
}

// Confirm notes what somebody else than the reports says about a record: it has to be the same.
func (h *History) Confirm(number uint64, o Outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.records[number]
	if len(r.outcomes) != 1 {
		return // Check complains
	}
	if is := r.outcomes[0]; is.Partition != o.Partition || is.Offset != o.Offset || is.State != o.State {
		h.complain("%s: the report says %s, the receipt %s", r.name(number), is, o)
	}
}

// End notes that the producers are closed: no report may come any more.
func (h *History) End() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
}

// Store notes a record found in the log, in the order of offsets of each partition.
func (h *History) Store(partition int32, offset int64, key, value []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.at == nil {
		h.at = map[place]uint64{}
	}
	p := place{partition, offset}
	number, known := h.numbers[string(value)]
	if !known {
		h.complain("at %d/%d stands %s, which nobody handed over", partition, offset, brief(value))
		return
	}
	r := h.records[number]
	if (key == nil) != (r.key == nil) || !bytes.Equal(key, r.key) {
		h.complain("%s: its copy at %d/%d has the key %q instead of %q", r.name(number), partition, offset, key, r.key)
	}
	r.copies = append(r.copies, p)
	h.at[p] = number
	h.rows = append(h.rows, p)
}

// Terms are what a run may show besides success, by the faults it had.
type Terms struct {
	Failures   bool // records may fail
	Duplicates bool // answers were lost and the producer is at least once
	// Late: the client may have given up a request that a server carried out afterwards. A record of which it then said
	// "maybe" can stand behind later ones.
	Late bool
}

// Check says what is wrong with the history, nil when it keeps its promises.
func (h *History) Check(terms Terms) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	wrong := slices.Clone(h.wrong)
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for i, r := range h.records {
		for _, w := range h.judge(r, terms) {
			complain("%s: %s", r.name(uint64(i)), w)
		}
	}
	h.order(terms, complain)
	return joined(wrong)
}

// joined is what is wrong as one error, nil for nothing.
func joined(wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	const most = 20
	text := strings.Join(wrong[:min(len(wrong), most)], "\n")
	if len(wrong) > most {
		text += fmt.Sprintf("\n… and %d more", len(wrong)-most)
	}
	return errors.New(text)
}

// Tally counts what a history shows, so that a test knows that its faults did something.
type Tally struct {
	Stored, NotStored, MaybeStored int // by report
	Refused                        int
	Copies                         int // beyond the first
}

// Add adds another history's tally.
func (t *Tally) Add(o Tally) {
	t.Stored += o.Stored
	t.NotStored += o.NotStored
	t.MaybeStored += o.MaybeStored
	t.Refused += o.Refused
	t.Copies += o.Copies
}

// Tally counts what there is so far.
func (h *History) Tally() (t Tally) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.records {
		if r.refused {
			t.Refused++
		}
		for _, o := range r.outcomes {
			*[...]*int{&t.NotStored, &t.Stored, &t.MaybeStored}[o.State]++
		}
		t.Copies += max(0, len(r.copies)-1)
	}
	return t
}

// judge holds one record's outcome against its copies.
func (h *History) judge(r *record, terms Terms) (wrong []string) {
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if r.refused {
		if len(r.outcomes) > 0 {
			complain("it was refused, and reported as %s", r.outcomes[0])
		}
		if len(r.copies) > 0 {
			complain("it was refused, and is stored at %v", r.copies)
		}
		return wrong
	}
	if len(r.outcomes) != 1 {
		complain("it has %d outcomes instead of one: %v", len(r.outcomes), r.outcomes)
		return wrong
	}
	o := r.outcomes[0]
	if r.partition >= 0 && r.partition != o.Partition {
		complain("it was for partition %d: %s", r.partition, o)
	}
	for _, c := range r.copies {
		if c.partition != o.Partition {
			complain("it is stored in partition %d: %s", c.partition, o)
		}
	}
	if (o.Err == nil) != (o.State == Stored) {
		complain("error and state contradict each other: %s: %v", o, o.Err)
	}
	switch {
	case o.State == NotStored && len(r.copies) > 0:
		complain("%s, but it is at %v", o, r.copies)
	case o.State != NotStored && o.Offset >= 0 || o.State == Stored:
		if !slices.Contains(r.copies, place{o.Partition, o.Offset}) {
			complain("%s, where it is not: its copies are at %v", o, r.copies)
		}
	}
	if o.State != Stored && !terms.Failures {
		complain("it failed for no reason: %s", o)
	}
	if len(r.copies) > 1 && !terms.Duplicates {
		complain("it is stored %d times, at %v: %s", len(r.copies), r.copies, o)
	}
	return wrong
}

// order holds the first copies against the order of writing.
func (h *History) order(terms Terms, complain func(string, ...any)) {
	type lane struct {
		writer    int
		partition int32
	}
	latest := map[lane]uint64{}
	for _, p := range h.rows {
		number := h.at[p]
		r := h.records[number]
		if p != r.copies[0] {
			continue // not the first copy
		}
		if terms.Late && len(r.outcomes) == 1 && r.outcomes[0].State == MaybeStored {
			continue
		}
		l := lane{r.writer, p.partition}
		if before, any := latest[l]; any && before > number {
			complain("%s: its first copy, at %d/%d, stands behind %s at %v", r.name(number), p.partition, p.offset, h.records[before].name(before), h.records[before].copies[0])
		}
		latest[l] = max(latest[l], number)
	}
}

func (r *record) name(number uint64) string {
	return fmt.Sprintf("record %d of writer %d %s", number, r.writer, brief(r.value))
}

// brief is a value short enough to be read.
func brief(value []byte) string {
	if len(value) <= 24 {
		return fmt.Sprintf("%q", value)
	}
	return fmt.Sprintf("%q… (%d bytes)", value[:24], len(value))
}
