package consume

import (
	"math"
	"slices"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Batches that went through SmartModules. A frame of such a stream holds one new batch, which stands for all stored ones that
// were read for it. Which record came from which offset cannot be told: records are numbered as the official client does, but
// for the last one, which gets the last offset that was read. So an offset that is stored after a whole frame is exact, and
// one stored in between is low enough for a module that makes at most one record of each. Nothing is cut off at the position
// that was asked for: numbers that are too low would take records away that were asked for.

// renumber corrects the offsets of the records of one batch, which run up from its first one. Also a batch that was
// processed before it was stored can have more records than offsets: none gets one of the batch behind.
func renumber(offsets []int64, h *wire.BatchHeader, processed bool) {
	last, most := h.NextOffset()-1, h.NextOffset()-1
	if processed {
		most = max(last-1, h.BaseOffset)
	}
	for i := len(offsets) - 1; i >= 0 && offsets[i] > most; i-- {
		offsets[i] = most
	}
	if n := len(offsets); processed && n > 0 {
		offsets[n-1] = last
	}
}

// span is what SPUs read for one processed batch: going back into it is going back to first, for what its records were made
// of may lie anywhere before end.
type span struct{ first, end int64 }

// keptSpans is how many batches that were handed out can be given back one by one. Older ones are given back together.
const keptSpans = 64

// goOn is where reading has to go on so that nothing from next on is missed. mu is held.
func (m *marks) goOn(next int64) int64 {
	for _, sp := range m.spans {
		if sp.first < next && next < sp.end {
			return sp.first
		}
	}
	return next
}

// advance moves the position forward. mu is held.
func (m *marks) advance(next int64) {
	m.position = max(m.position, m.goOn(next))
	for len(m.spans) > keptSpans && m.spans[1].end <= m.position {
		m.spans[0].end = m.spans[1].end
		m.spans = slices.Delete(m.spans, 1, 2)
	}
}

// checkProcessed takes the place of checkSilence. An SPU says nothing while no record passes, so silence is no reason to
// open the stream anew, which would make it begin again from the last frame, and aggregates from nothing. Whether the SPU is
// there at all is asked for by another request. With an end to reach that is stored, silence for as long as patience counts
// as that end, and the application is told so (EndSilent): nothing else will ever tell. An SPU sends a frame, which says how far
// it has read, only with records or an error; requests on the same connection are answered whatever a stream is busy with; a
// position that is acknowledged again is read again, in silence; and another stream from behind the last frame may not know what
// a module has accumulated. So a module that is slower than patience loses what it would have brought. An acknowledgement is another
// thing: without it the SPU sends nothing more, and it is answered in its turn, so that one that has no answer when the probe
// behind it has one is lost. flows: nothing is wrong with the stream as far as can be known. st.session.mu is held.
func (st *stream) checkProcessed(patience time.Duration) (flows bool) {
	s, now := st.session, time.Now()
	if s.stream != st || st.isEnded() { // the application has chosen another position
		return false
	}
	stored := s.stored()
	if kind := s.consumer.cfg.StopAt.Kind; kind == StopEnd || kind == StopTime && s.upto < math.MaxInt64 {
		stored = max(stored, s.upto) // so the leader said
	}
	if !st.asked || stored <= s.next {
		st.silent, st.probed = time.Time{}, time.Time{}
		return true
	}
	if st.silent.IsZero() {
		st.silent, st.probed = now, time.Time{}
	}
	waited, quiet := now.Sub(st.silent), st.conn.Quiet()
	var due time.Time // of an acknowledgement
	if !st.acked.IsZero() && now.Sub(st.acked) >= patience/2 {
		due = st.acked
	}
	switch {
	case !st.probed.IsZero() && quiet < now.Sub(st.probed): // it was answered
		st.probed = time.Time{}
	case !st.probed.IsZero() && now.Sub(st.probed) >= patience:
		st.conn.Fail(fluvioerr.NewTimeout("consume", "any sign of life", now.Sub(st.probed)).AtAddr(st.conn.Key().Addr))
		return false
	case st.probed.IsZero() && quiet >= patience/2:
		st.probed = now
		st.probe(due)
	case !due.IsZero(): // other streams keep the connection from being quiet
		st.probe(due)
	}
	if stored >= s.upto && waited >= patience && st.probed.IsZero() && st.acked.IsZero() && quiet >= min(orphanPatience, patience/4) { // else a frame may just be arriving
		s.consumer.inbox.put(s, &frame{session: s, done: true, silent: true, gen: s.gen}, false)
		st.end(errReachedEnd)
	}
	return quiet < waited // the SPU has said something since
}

// probe asks for the partition's offsets, for the sake of an answer only: one at a time. When that comes and the acknowledgement
// sent at acked, if any, still has none, the stream ends. st.session.mu is held.
func (st *stream) probe(acked time.Time) {
	version, err := st.conn.Versions().For(wire.KeyFetchOffsets)
	if err != nil || st.probing {
		return
	}
	s := st.session
	req := wire.FetchOffsetsRequest{Topics: []wire.FetchOffsetsTopic{{Name: s.topic, Partitions: []uint32{uint32(s.partition)}}}}
	body, err := wire.Append(nil, version, &req)
	if err != nil {
		return
	}
	st.probing = true
	go st.conn.Go(s.consumer.ctx, wire.KeyFetchOffsets, version, [][]byte{body}, func(buf *transport.Buffer, _ []byte, err error) { // which takes the lock
		if buf != nil {
			buf.Release()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		st.probing = false
		if err == nil && !acked.IsZero() && st.acked.Equal(acked) {
			st.end(fluvioerr.NewTimeout("consume", "the answer to an acknowledgement", time.Since(acked)).AtAddr(st.conn.Key().Addr))
		}
	})
}
