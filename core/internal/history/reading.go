package history

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Lane is a partition of a topic, as consumers see it.
type Lane struct {
	Topic     string
	Partition int32
}

// nothing stands for no record.
const nothing = -1

// lane is what is known of one partition.
type lane struct {
	values  map[int64]uint64 // what stands at an offset, hashed; as it was acknowledged or read first
	next    int64            // the record that has to come next
	begun   bool             // next is known
	paused  bool
	gone    bool // the topic is
	jumps   []jump
	given   int64 // the last record handed out since reading began at a position; nothing before the first
	settled int64 // the same, before the application came for more the last time
	most    int64 // the highest record that could be stored so far
	highest int64 // the highest record handed out so far
	stored  int64 // what the store has; nothing: none
	kept    int64 // the highest record that was stored since reading began at a position, or chosen not to be
	late    bool  // a commit failed: what it was to store may be stored at any time
	legs    []leg // with a filter
	anew    bool  // the topic was made anew under its name
	old     bool  // what is stored is of the topic that had the name before
	story   []string
}

// tell notes what happened, of which the latest is told with what is wrong.
func (l *lane) tell(format string, args ...any) {
	const most = 40
	if len(l.story) >= most {
		l.story = append(l.story[:0], l.story[most/2:]...)
	}
	l.story = append(l.story, fmt.Sprintf(format, args...))
}

// leg is what came through a filter from a position on.
type leg struct {
	from int64
	on   bool // it goes on where the one before ended, or earlier
	rows []given
}

// given is a record that came through a filter, numbered as consumers do it.
type given struct {
	offset int64
	value  uint64 // hashed
	exact  bool   // the last one of what an SPU read together
}

// Row is a record as it stands in the log.
type Row struct {
	Offset int64
	Value  []byte
}

// jump is a gap that was announced.
type jump struct{ from, to int64 }

// Reading is what the consumers of one name gave their application, one consumer after the other. The zero value is an empty
// one; its methods are safe for concurrent use. What it demands:
//
//  5. The offsets of a partition go up one by one from where reading began. A gap was announced, as lost to retention or as
//     damaged. Nothing comes while the partition is paused. What stands at an offset is always the same, and is what was
//     acknowledged.
//  6. What is stored was handed out, and before the application came for more the last time if it did not ask for a commit
//     itself. A consumer that is opened anew goes on behind what is stored; after a commit that failed, of which a server may
//     have the request still, behind anything that could be stored.
//
// With a filter, Hold demands what 5 says of the records that pass, with the offsets that can be known.
type Reading struct {
	// Passes says which values the filter of the consumers lets through; nil: there is none. Together is how many records are
	// stored in one batch at most, which is passed through the filter as a whole.
	Passes   func(value []byte) bool
	Together int64

	mu    sync.Mutex
	salt  maphash.Seed
	lanes map[Lane]*lane
	wrong []string
	tally ReadingTally
}

// ReadingTally counts what a reading shows, so that a test knows that its faults did something.
type ReadingTally struct {
	Records int // handed out
	Again   int // of these, the ones that had been handed out before: sought, or read by an earlier consumer
	Lost    int // offsets passed over and announced
	Resumed int // partitions that went on behind a stored offset
	Saved   int // offsets that reached a store
	Sought  int
	Passed  int // records that came through a filter and were found in the log
	Anew    int // records of topics that were made anew
}

// Add adds another reading's tally.
func (t *ReadingTally) Add(o ReadingTally) {
	t.Records += o.Records
	t.Again += o.Again
	t.Lost += o.Lost
	t.Resumed += o.Resumed
	t.Saved += o.Saved
	t.Sought += o.Sought
	t.Passed += o.Passed
	t.Anew += o.Anew
}

// Tally counts what there is so far.
func (r *Reading) Tally() ReadingTally {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally
}

// Err says what is wrong, nil for nothing.
func (r *Reading) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return joined(r.wrong)
}

func (r *Reading) complain(at Lane, format string, args ...any) {
	text := fmt.Sprintf("%s/%d: ", at.Topic, at.Partition) + fmt.Sprintf(format, args...)
	if len(r.wrong) == 0 {
		text += "; before: " + strings.Join(r.lane(at).story, ", ")
	}
	r.wrong = append(r.wrong, text)
}

// lane gives the lane of a partition. r.mu is held.
func (r *Reading) lane(at Lane) *lane {
	if r.lanes == nil {
		r.lanes, r.salt = map[Lane]*lane{}, maphash.MakeSeed()
	}
	l := r.lanes[at]
	if l == nil {
		l = &lane{values: map[int64]uint64{}, given: nothing, settled: nothing, most: nothing, highest: nothing, stored: nothing, kept: nothing}
		r.lanes[at] = l
	}
	return l
}

// Wrote notes an acknowledged record.
func (r *Reading) Wrote(at Lane, offset int64, value []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.same(at, offset, value)
}

// same holds a record against what is known of its place. r.mu is held.
func (r *Reading) same(at Lane, offset int64, value []byte) {
	l := r.lane(at)
	is := maphash.Bytes(r.salt, value)
	if was, known := l.values[offset]; known && was != is {
		r.complain(at, "at %d stands %s, and it was something else before", offset, brief(value))
	}
	l.values[offset] = is
}

// Begin notes where a new consumer begins to read a partition. named: it goes on behind what is stored, if anything is.
func (r *Reading) Begin(at Lane, offset int64, named bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lane(at)
	if named && l.stored != nothing {
		r.tally.Resumed++
		if !l.reach(l.stored+1, offset) && !(l.late && l.reachable(offset)) && (!l.old || offset != 0) {
			r.complain(at, "a consumer begins at %d, and %d is stored; the gaps that were announced: %v", offset, l.stored, l.jumps)
		}
	}
	l.begin(offset)
	l.paused = false
	l.tell("begins at %d", offset)
}

// Open notes that a consumer is about to be opened: nothing has been handed out of what it reads.
func (r *Reading) Open() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		l.begin(l.next)
		l.begun = false
	}
}

// begin: nothing is handed out yet from here on.
func (l *lane) begin(offset int64) {
	l.next, l.begun, l.given, l.settled, l.kept = offset, true, nothing, nothing, nothing
	l.legs = append(l.legs, leg{from: offset})
}

// Seek notes that the application has chosen another position.
func (r *Reading) Seek(at Lane, offset int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.Sought++
	r.lane(at).begin(offset)
	r.lane(at).tell("sought %d", offset)
}

// Pause notes that the application wants nothing of a partition, or wants it again.
func (r *Reading) Pause(at Lane, on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lane(at).paused = on
	r.lane(at).tell("paused %v", on)
}

// Rest notes where reading will go on after a pause: with a filter, that may be before what was handed out.
func (r *Reading) Rest(at Lane, position int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lane(at)
	l.legs = append(l.legs, leg{from: position, on: true})
	l.tell("rests at %d", position)
}

// Jump notes that offsets are passed over, as the consumer says.
func (r *Reading) Jump(at Lane, from, to int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lane(at)
	l.jumps = append(l.jumps, jump{from, to})
	r.tally.Lost += int(max(to-from, 0))
	l.tell("jumps from %d to %d", from, to)
}

// reach says whether one gets from one offset to another by jumps that were announced.
func (l *lane) reach(from, to int64) bool {
	return from == to || slices.Contains(l.jumps, jump{from, to}) || from < to && slices.ContainsFunc(l.jumps, func(j jump) bool { return j.from <= from && from < j.to && l.reach(j.to, to) })
}

// reachable says whether a consumer may begin there if anything is stored that could be.
func (l *lane) reachable(offset int64) bool {
	for from := range min(l.most+1, offset) {
		if l.reach(from+1, offset) {
			return true
		}
	}
	return false
}

// Give notes a record that the application got.
func (r *Reading) Give(at Lane, offset int64, value []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lane(at)
	switch {
	case !l.begun:
		r.complain(at, "the record at %d came before anybody said that reading begins", offset)
	case r.Passes != nil:
		r.filtered(at, l, offset, value)
	case offset < l.next:
		r.complain(at, "the record at %d came when %d had to come", offset, l.next)
	case !l.reach(l.next, offset):
		r.complain(at, "the record at %d came when %d had to come; the gaps that were announced: %v", offset, l.next, l.jumps)
	}
	if l.paused && !l.gone { // nobody resumes what is gone
		r.complain(at, "the record at %d came although the partition is paused", offset)
	}
	if r.Passes == nil {
		r.same(at, offset, value)
	}
	r.tally.Records++
	if l.anew {
		r.tally.Anew++
	}
	if offset <= l.highest {
		r.tally.Again++
	}
	l.tell("%d", offset)
	l.next, l.begun, l.given = offset+1, true, offset
	l.highest = max(l.highest, offset)
}

// filtered notes a record that came through the filter. r.mu is held.
func (r *Reading) filtered(at Lane, l *lane, offset int64, value []byte) {
	g := &l.legs[len(l.legs)-1]
	if n := len(g.rows); n > 0 && offset <= g.rows[n-1].offset {
		r.complain(at, "the record at %d came behind one at %d", offset, g.rows[n-1].offset)
	}
	if !r.Passes(value) {
		r.complain(at, "%s, at %d, does not pass the filter", brief(value), offset)
	}
	g.rows = append(g.rows, given{offset, maphash.Bytes(r.salt, value), false})
}

// Exact notes that the record handed out last was the last one of what was read together, so that its offset is known.
func (r *Reading) Exact(at Lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.lane(at); r.Passes != nil {
		rows := l.legs[len(l.legs)-1].rows
		rows[len(rows)-1].exact = true
	}
}

// Hold holds what came through the filter against the log of a partition: from each position on, exactly the records that pass,
// in their order. Before them may come some of the batch that the position lies in. No offset is so high that a record that comes
// later would be missed behind it; the last one of what was read together is not too low either.
func (r *Reading) Hold(at Lane, log []Row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lane(at)
	var all []given
	for _, row := range log {
		r.same(at, row.Offset, row.Value)
		if r.Passes(row.Value) {
			all = append(all, given{row.Offset, maphash.Bytes(r.salt, row.Value), false})
		}
	}
	before := 0 // where in all the leg before ended
	for _, g := range l.legs {
		first, _ := slices.BinarySearchFunc(all, g.from, func(e given, from int64) int { return cmp.Compare(e.offset, from) })
		if g.on {
			first = min(first, before)
		}
		if before = first; len(g.rows) == 0 {
			continue
		}
		is := slices.IndexFunc(all, func(e given) bool { return e.value == g.rows[0].value })
		at0, why := -1, fmt.Sprintf("it is number %d of those that pass, and number %d had to come", is, first)
		for k := first; k >= 0 && k < len(all) && at0 < 0 && all[k].offset >= g.from-r.Together; k-- {
			if all[k].value == g.rows[0].value {
				if why = g.differs(all[k:]); why == "" {
					at0 = k
				}
			}
		}
		if at0 < 0 {
			r.complain(at, "from %d on came %d records, the first at %d: %s", g.from, len(g.rows), g.rows[0].offset, why)
			return
		}
		r.tally.Passed += len(g.rows)
		before = at0 + len(g.rows)
	}
}

// differs says in what a leg is not the beginning of the records that pass, "" in nothing.
func (g *leg) differs(all []given) string {
	for i, row := range g.rows {
		switch {
		case i >= len(all):
			return fmt.Sprintf("only %d follow in the log", len(all))
		case row.value != all[i].value:
			return fmt.Sprintf("number %d, at %d, is not the next one in the log, at %d", i, row.offset, all[i].offset)
		case i+1 < len(all) && row.offset >= all[i+1].offset:
			return fmt.Sprintf("number %d has the offset %d, and the next one is at %d", i, row.offset, all[i+1].offset)
		case row.exact && row.offset < all[i].offset:
			return fmt.Sprintf("number %d was the last one read together and has the offset %d instead of %d", i, row.offset, all[i].offset)
		}
	}
	return ""
}

// Come notes that the application comes for more: it is done with what it got.
func (r *Reading) Come() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		l.settled = l.given
		l.most = max(l.most, l.settled)
	}
}

// Commit notes that the application is about to ask for a commit of what it got.
func (r *Reading) Commit() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		l.most = max(l.most, l.given)
	}
}

// Save notes that the store has an offset.
func (r *Reading) Save(at Lane, offset int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lane(at)
	if offset != l.stored {
		r.tally.Saved++
	}
	if offset > l.most {
		r.complain(at, "%d is stored, and the application is done with no more than %d", offset, l.most)
	}
	l.stored = offset
	l.old = l.old && offset > l.highest
}

// Doubt notes that a commit, or that of a consumer when it closes, has failed.
func (r *Reading) Doubt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		l.late = true
	}
}

// Committed notes that the latest commit has succeeded, closed: the one of a consumer that stores by itself when it closes.
// What was handed out, or what the application was done with, is stored now.
func (r *Reading) Committed(closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, l := range r.lanes {
		switch {
		case l.gone:
		case closed && l.settled > l.kept && (l.stored < l.settled || l.stored > l.given):
			r.complain(at, "the consumer closed without an error, and %d is stored instead of %d", l.stored, l.settled)
		case !closed && l.given != nothing && l.given != l.stored:
			r.complain(at, "a commit succeeded, and %d is stored instead of %d", l.stored, l.given)
		}
		if closed && l.settled > l.kept || !closed && l.given != nothing {
			l.late = false // it was stored behind what was late
		}
		if !closed {
			l.kept = max(l.kept, l.given)
		}
	}
}

// Chosen notes that the commit of a chosen offset has succeeded, which stays until there is more than was handed out so far and
// the application is done with, or was stored before.
func (r *Reading) Chosen(at Lane, offset int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lane(at)
	if l.stored != offset && !l.gone {
		r.complain(at, "%d was to be stored, and %d is", offset, l.stored)
	}
	l.kept = max(l.kept, l.settled)
}

// Gone notes that a topic was deleted.
func (r *Reading) Gone(topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, l := range r.lanes {
		l.gone = l.gone || at.Topic == topic
	}
}

// Anew notes that a topic that is gone is about to be made anew under its name. What may still come of the old one is of the
// topic that Before names. kept: what is stored for it stays.
func (r *Reading) Anew(at Lane, kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.lane(at)
	delete(r.lanes, at)
	r.lanes[Before(at)] = was
	now := r.lane(at)
	now.anew = true
	if kept {
		now.stored, now.most, now.old = was.stored, was.most, true
	}
}

// Before is the partition of the topic that had the same name before.
func Before(at Lane) Lane { return Lane{at.Topic + " before", at.Partition} }

// Given is the last record handed out of a partition since its reading began, -1 for none.
func (r *Reading) Given(at Lane) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lane(at).given
}

// Next is the record that has to come next in a partition.
func (r *Reading) Next(at Lane) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lane(at).next
}

// Begun gives the partitions whose reading has begun, in their order.
func (r *Reading) Begun() []Lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Keys(r.lanes), func(a, b Lane) int {
		return strings.Compare(fmt.Sprintf("%s/%06d", a.Topic, a.Partition), fmt.Sprintf("%s/%06d", b.Topic, b.Partition))
	})
}
