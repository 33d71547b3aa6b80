package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// fault is something that happens when a number of records has been handed over.
type fault struct {
	at   int
	name string
	do   func(w *weather)
}

// weather is what makes the faults happen, on one goroutine. What it cannot do it leaves: SPUs that are to stop may be
// stopped already.
type weather struct {
	*devcluster.Cluster
	t     *testing.T
	rules []*devcluster.RuleHandle
}

// rule adds a rule until the faults end.
func (w *weather) rule(r devcluster.Rule) *devcluster.RuleHandle {
	h, err := w.AddRule(r)
	require.NoError(w.t, err)
	w.rules = append(w.rules, h)
	return h
}

// schedule draws the faults of a run.
type schedule struct {
	rng     *rand.Rand
	records int // of the run
	spus    int
	parts   int
	timeout time.Duration // the client's, for a request
	faults  []fault
	commit  bool // the producer waits for replicas
	terms   Terms
}

const topic = "history"

func (s *schedule) add(at int, do func(w *weather), format string, args ...any) {
	s.faults = append(s.faults, fault{at, fmt.Sprintf(format, args...), do})
}

// when draws a moment.
func (s *schedule) when() int { return s.rng.IntN(s.records) }

// rule adds a fault rule, for some requests from a moment on.
func (s *schedule) rule(on devcluster.Phase, a devcluster.Action) {
	r := devcluster.Rule{API: "Produce", Partition: -1, Skip: s.rng.IntN(6), Count: 1 + s.rng.IntN(4), On: on, Action: a}
	if s.rng.IntN(3) == 0 && (on != devcluster.OnRequest || a.Kind != devcluster.ActionCut) {
		r.Topic, r.Partition = topic, int32(s.rng.IntN(s.parts))
	}
	s.add(s.when(), func(w *weather) { w.rule(r) }, "%s %s %+v, skip %d, count %d, partition %d", on, a.Kind, a, r.Skip, r.Count, r.Partition)
}

func (s *schedule) phase() devcluster.Phase {
	return []devcluster.Phase{devcluster.OnRequest, devcluster.OnAnswer}[s.rng.IntN(2)]
}

func (s *schedule) spu() int32 { return int32(5001 + s.rng.IntN(s.spus)) }

// interval draws two moments, for what begins and ends.
func (s *schedule) interval() (from, to int) {
	from = s.when()
	return from, from + s.rng.IntN(s.records/4+1)
}

// harmless draws a fault after which everybody knows what happened: nothing is stored twice.
func (s *schedule) harmless(atMostOnce bool) {
	switch s.rng.IntN(6) {
	case 0:
		codes := []fluvioerr.ServerCode{fluvioerr.ServerNotLeader, fluvioerr.ServerStorageError, fluvioerr.ServerPartitionFull}
		code := codes[s.rng.IntN(len(codes))]
		s.terms.Failures = s.terms.Failures || atMostOnce && code == fluvioerr.ServerStorageError // which may have stored something
		s.rule(devcluster.OnRequest, devcluster.Action{Kind: devcluster.ActionError, Code: code})
	case 1:
		s.rule(s.phase(), devcluster.Action{Kind: devcluster.ActionDelay, Delay: time.Duration(1+s.rng.IntN(8)) * time.Millisecond})
	case 2:
		s.move()
	case 3:
		from, to := s.interval()
		s.add(from, func(w *weather) { _ = w.StopSC() }, "SC stops")
		s.add(to, func(w *weather) { _ = w.StartSC() }, "SC starts")
	case 4:
		s.add(s.when(), func(w *weather) { _ = w.Resync() }, "SC sends full snapshots")
	case 5:
		s.terms.Failures = true // stored, reported as not replicated, and never sent again
		s.rule(devcluster.OnAnswer, devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerRequestTimedOut})
	}
}

// move lets a leader move while a request to it is held, so that it learns of the move with the request in its hands.
func (s *schedule) move() {
	p, to, held := int32(s.rng.IntN(s.parts)), s.spu(), s.rng.IntN(2) == 0
	s.add(s.when(), func(w *weather) {
		if held {
			rule := w.rule(devcluster.Rule{
				API: "Produce", Topic: topic, Partition: p, Count: 1, Action: devcluster.Action{Kind: devcluster.ActionDelay, Delay: 10 * time.Millisecond},
			})
			defer rule.Remove()
			ctx, cancel := context.WithTimeout(context.Background(), pace)
			defer cancel()
			_ = rule.Wait(ctx, 1) // there may be no such request
		}
		_ = w.MoveLeader(topic, p, to)
	}, "partition %d moves to SPU %d, held %v", p, to, held)
}

// ambiguous notes that answers get lost.
func (s *schedule) ambiguous(atMostOnce bool) {
	s.terms.Duplicates = s.terms.Duplicates || !atMostOnce
	s.terms.Failures = s.terms.Failures || atMostOnce
}

// breaking draws a fault that loses answers because the connection ends.
func (s *schedule) breaking(atMostOnce bool) {
	s.ambiguous(atMostOnce)
	switch s.rng.IntN(5) {
	case 0:
		s.rule(s.phase(), devcluster.Action{Kind: devcluster.ActionClose})
	case 1:
		s.rule(devcluster.OnAnswer, devcluster.Action{Kind: devcluster.ActionCut, Bytes: s.rng.IntN(200)})
	case 2:
		s.rule(devcluster.OnRequest, devcluster.Action{Kind: devcluster.ActionCut, Bytes: s.rng.IntN(1000)})
	case 3:
		id := s.spu()
		s.terms.Failures = s.terms.Failures || s.commit
		from, to := s.interval()
		s.add(from, func(w *weather) { _ = w.StopSPU(id) }, "SPU %d stops", id)
		s.add(to, func(w *weather) { _ = w.StartSPU(id) }, "SPU %d starts", id)
	case 4:
		s.rule(devcluster.OnAnswer, devcluster.Action{Kind: devcluster.ActionWrongCorrelation})
	}
}

// hanging draws a fault that makes the client give up a request the server may still carry out.
func (s *schedule) hanging(atMostOnce bool) {
	s.terms.Late = true
	s.ambiguous(atMostOnce)
	switch s.rng.IntN(4) {
	case 0:
		s.rule(s.phase(), devcluster.Action{Kind: devcluster.ActionDrop})
	case 1:
		s.rule(s.phase(), devcluster.Action{Kind: devcluster.ActionDelay, Delay: s.timeout * 3 / 2})
	case 2:
		s.rule(devcluster.OnRequest, devcluster.Action{Kind: devcluster.ActionDelay, Delay: time.Hour}) // it reads no more
	case 3:
		s.terms.Failures = true // what is not Fluvio's protocol is no reason to try again
		s.rule(devcluster.OnAnswer, devcluster.Action{Kind: devcluster.ActionOversize})
	}
}

// pulse counts the steps of a run.
type pulse struct {
	steps    *atomic.Int64
	progress chan struct{} // capacity 1: steps has grown
}

func newPulse() pulse { return pulse{new(atomic.Int64), make(chan struct{}, 1)} }

func (p *pulse) beat() {
	p.steps.Add(1)
	select {
	case p.progress <- struct{}{}:
	default:
	}
}

// rage makes faults happen, each when its time has come or nothing goes on any more, and ends them all.
func (w *weather) rage(faults []fault, spus int, p *pulse, over <-chan struct{}) {
	defer w.lift(spus)
	for _, f := range faults {
		for waiting := true; waiting && p.steps.Load() < int64(f.at); {
			select {
			case <-p.progress:
			case <-over:
				waiting = false
			case <-time.After(pace):
				waiting = false
			}
		}
		f.do(w)
	}
}

// lift ends every fault.
func (w *weather) lift(spus int) {
	for _, r := range w.rules {
		r.Remove()
	}
	for id := range int32(spus) {
		_ = w.StartSPU(5001 + id)
	}
	_ = w.StartSC()
}
