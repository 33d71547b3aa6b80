package fluvioerr

import "fmt"

// EndReason says why a stream of records has ended. Numbers and names never change, more may be added. The same numbers are
// FLUVIO_END_* in C.
type EndReason int32

// The reasons.
const (
	NotEnded     EndReason = 0 // it goes on
	EndReached   EndReason = 1 // every partition was read to where it was to stop
	Drained      EndReason = 2 // the application had it drained, and has taken everything
	StreamClosed EndReason = 3 // the consumer, or its client, was closed
	TopicDeleted EndReason = 4 // no partition is left: the last one's topic was deleted
	GaveUp       EndReason = 5 // no partition is left: the last one used up max_retries
	Failed       EndReason = 6 // no partition is left: the last one met an error that retrying does not mend; or libfluvio failed
	// EndSilent: what is left of some partitions up to where they were to stop brought nothing for as long as the request timeout.
	// SmartModules leave it out, as far as can be known: servers do not say so.
	EndSilent EndReason = 7
)

var endReasons = [...]string{"not ended", "reached", "drained", "closed", "topic_deleted", "gave_up", "failed", "silent"}

// String returns the name that Python and Node have for it.
func (r EndReason) String() string {
	if r < 0 || int(r) >= len(endReasons) {
		return fmt.Sprintf("reason_%d", int32(r))
	}
	return endReasons[r]
}

// EndOf says for which reason the stream has ended that an error comes from, NotEnded when it goes on.
func EndOf(err error) EndReason {
	e := As(err)
	switch {
	case e == nil:
		return NotEnded
	case e.End != NotEnded:
		return e.End
	case e.Code == End:
		return EndReached
	case e.Code == Closed:
		return StreamClosed
	case Fatal(err):
		return Failed
	}
	return NotEnded
}
