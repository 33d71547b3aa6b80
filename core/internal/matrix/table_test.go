package matrix

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/history"
)

// What may be seen: nothing; copies, because answers got lost; and besides records that stand late, because requests were given up
// that were carried out.
var (
	clean     = history.Terms{}
	ambiguous = history.Terms{Duplicates: true}
	late      = history.Terms{Duplicates: true, Late: true}
)

// impatient gives up requests early.
func impatient(c *fluvio.ClientOptions, _ *fluvio.ProducerOptions) {
	c.RequestTimeout, c.ConnectionTimeout, c.WriteStallTimeout = 250*time.Millisecond, 250*time.Millisecond, 250*time.Millisecond
}

// rules makes a fault of rules of the dev cluster.
func rules(list ...devcluster.Rule) func(*run) func() {
	return func(r *run) func() {
		var handles []*devcluster.RuleHandle
		for _, rule := range list {
			if rule.Count > 0 {
				rule.Skip = r.rng.IntN(3)
			}
			h, err := r.dev.AddRule(rule)
			require.NoError(r, err)
			r.strikes(h.Hits)
			handles = append(handles, h)
		}
		return func() {
			for _, h := range handles {
				h.Remove()
			}
		}
	}
}

func rule(api string, on devcluster.Phase, count int, a devcluster.Action) devcluster.Rule {
	return devcluster.Rule{API: api, Partition: -1, Count: count, On: on, Action: a}
}

func action(kind devcluster.ActionKind) devcluster.Action { return devcluster.Action{Kind: kind} }

func refusal(code fluvioerr.ServerCode) devcluster.Action {
	return devcluster.Action{Kind: devcluster.ActionError, Code: code}
}

func cut(bytes int) devcluster.Action {
	return devcluster.Action{Kind: devcluster.ActionCut, Bytes: bytes}
}

func stall(bytes int) devcluster.Action {
	return devcluster.Action{Kind: devcluster.ActionStall, Bytes: bytes}
}

func pause(d time.Duration) devcluster.Action {
	return devcluster.Action{Kind: devcluster.ActionDelay, Delay: d}
}

const (
	onRequest = devcluster.OnRequest
	onAnswer  = devcluster.OnAnswer
)

// away stops servers; sc says whether the SC is one of them.
func away(sc bool, spus ...int32) func(*run) func() {
	return func(r *run) func() {
		if sc {
			require.NoError(r, r.dev.StopSC())
		}
		for _, id := range spus {
			require.NoError(r, r.dev.StopSPU(id))
		}
		r.noticed()
		return func() {
			for _, id := range spus {
				require.NoError(r, r.dev.StartSPU(id))
			}
			if sc {
				require.NoError(r, r.dev.StartSC())
			}
		}
	}
}

// noticed counts as strikes how often somebody is dialled from now on.
func (r *run) noticed() {
	before := r.net.dials.Load()
	r.strikes(func() int { return int(r.net.dials.Load() - before) })
}

// restart stops and starts servers at once.
func restart(sc bool, spus ...int32) func(*run) func() {
	return func(r *run) func() {
		away(sc, spus...)(r)()
		return func() {}
	}
}

var rows = []row{
	{name: "nothing", terms: clean, strike: func(*run) func() { return func() {} }},
	{name: "latency and jitter", terms: clean, strike: func(r *run) func() {
		r.hit()
		r.net.delay.Store(int64(10 * time.Millisecond))
		return func() { r.net.delay.Store(0) }
	}},
	{name: "pieces of one byte", terms: clean, strike: func(r *run) func() {
		r.hit()
		r.net.slice.Store(true)
		return func() { r.net.slice.Store(false) }
	}},
	{name: "connections break anywhere", terms: ambiguous, strike: breakWithin(3000)},
	{name: "black hole", terms: late, change: impatient, calm: true, strike: hole(false)},
	{name: "half-open connections", terms: late, change: impatient, calm: true, strike: hole(true)},
	{name: "black hole at one SPU", terms: late, change: impatient, calm: true, strike: func(r *run) func() {
		r.hit()
		r.noticed()
		return r.net.swallow(r.dev.SPUEndpoints()[0], true)
	}},
	{name: "TLS, in pieces of one byte", tls: true, terms: clean, strike: func(r *run) func() {
		r.hit()
		r.net.slice.Store(true)
		return func() { r.net.slice.Store(false) }
	}},
	{name: "TLS, connections break anywhere", tls: true, terms: ambiguous, strike: breakWithin(20_000)},
	{name: "TLS, half-open connections", tls: true, terms: late, change: impatient, calm: true, strike: hole(true)},
	{name: "TLS, answer cut", tls: true, terms: ambiguous, strike: func(r *run) func() { return rules(rule("Produce", onAnswer, 4, cut(r.rng.IntN(60))))(r) }},
	{name: "TLS, all restart", tls: true, terms: ambiguous, strike: restart(true, 5001, 5002)},
	{name: "request cut", terms: clean, strike: func(r *run) func() {
		return rules(rule("Produce", onRequest, 4, cut(r.rng.IntN(400))))(r)
	}},
	{name: "answer cut", terms: ambiguous, strike: func(r *run) func() { return rules(rule("Produce", onAnswer, 4, cut(r.rng.IntN(60))))(r) }},
	{name: "answer dropped", terms: late, change: impatient, strike: rules(rule("Produce", onAnswer, 2, action(devcluster.ActionDrop)))},
	{name: "request dropped", terms: late, change: impatient, strike: rules(rule("Produce", onRequest, 2, action(devcluster.ActionDrop)))},
	{name: "answer later than the timeout", terms: late, change: impatient, strike: rules(rule("Produce", onAnswer, 2, pause(400*time.Millisecond)))},
	{name: "answer stalls on its way", terms: late, change: impatient, strike: func(r *run) func() {
		return rules(rule("Produce", onAnswer, 2, stall(r.rng.IntN(60))))(r)
	}},
	{name: "answer twice", terms: clean, strike: rules(rule("Produce", onAnswer, 4, action(devcluster.ActionRepeat)))},
	{name: "closed instead of an answer", terms: ambiguous, strike: rules(rule("Produce", onAnswer, 4, action(devcluster.ActionClose)))},
	{name: "closed before the request", terms: clean, strike: rules(rule("Produce", onRequest, 4, action(devcluster.ActionClose)))},
	{name: "answer to nobody", terms: ambiguous, strike: rules(rule("Produce", onAnswer, 2, action(devcluster.ActionWrongCorrelation)))},
	{
		name: "answer that cannot be", terms: history.Terms{Duplicates: true, Late: true, Failures: true}, // what is no protocol is not repeated
		strike: rules(rule("Produce", onAnswer, 2, action(devcluster.ActionOversize))),
	},
	{name: "not leader", terms: clean, strike: rules(rule("Produce", onRequest, 4, refusal(fluvioerr.ServerNotLeader)))},
	{name: "storage error", terms: ambiguous, strike: rules(rule("Produce", onRequest, 4, refusal(fluvioerr.ServerStorageError)))},
	{name: "partition full for a while", terms: clean, strike: rules(rule("Produce", onRequest, 4, refusal(fluvioerr.ServerPartitionFull)))},
	{name: "stream cut", terms: clean, strike: func(r *run) func() { return rules(rule("StreamFetch", onAnswer, 4, cut(r.rng.IntN(200))))(r) }},
	{name: "stream stalls within a frame", terms: clean, change: impatient, strike: func(r *run) func() {
		return rules(rule("StreamFetch", onAnswer, 2, stall(1+r.rng.IntN(60))))(r)
	}},
	{name: "stream closed", terms: clean, strike: rules(rule("StreamFetch", onAnswer, 4, action(devcluster.ActionClose)))},
	{name: "stream refused", terms: clean, strike: rules(rule("StreamFetch", onAnswer, 4, refusal(fluvioerr.ServerNotLeader)))},
	{name: "credit lost", terms: clean, change: impatient, strike: rules(rule("UpdateOffsets", onRequest, 2, action(devcluster.ActionDrop)))},
	{name: "watch cut", terms: clean, strike: cutWatch},
	{name: "handshakes unanswered", terms: ambiguous, change: impatient, calm: true, strike: func(r *run) func() {
		lift := rules(rule("ApiVersions", onAnswer, 0, action(devcluster.ActionDrop)))(r)
		r.net.cutAfter(1 << 20)
		r.net.cutAfter(0)
		return lift
	}},
	{name: "SC away", terms: clean, strike: away(true)},
	{name: "SC away at the start", terms: clean, strike: startWithoutSC},
	{name: "SC restarts", terms: clean, strike: restart(true)},
	{name: "one SPU away", terms: ambiguous, calm: true, strike: away(false, 5001)},
	{name: "one SPU restarts", terms: ambiguous, strike: restart(false, 5001)},
	{name: "one SPU comes back at a new address", terms: ambiguous, calm: true, strike: elsewhere},
	{name: "one SPU restarts at a new address", terms: ambiguous, strike: func(r *run) func() {
		elsewhere(r)()
		return func() {}
	}},
	{name: "all away", terms: ambiguous, calm: true, strike: away(true, 5001, 5002)},
	{name: "all restart", terms: ambiguous, strike: restart(true, 5001, 5002)},
	{name: "leaders move", terms: ambiguous, spus: 3, strike: func(r *run) func() {
		for range 6 {
			_ = r.dev.MoveLeader(topic, int32(r.rng.IntN(int(r.parts))), int32(5001+r.rng.IntN(3)))
		}
		return func() {}
	}},
	{name: "partitions are added", terms: clean, alone: true, strike: addPartitions},
	{name: "a topic in use is deleted", terms: clean, strike: deleteTopic},
	{name: "snapshots anew", terms: clean, strike: func(r *run) func() {
		require.NoError(r, r.dev.Resync())
		return func() {}
	}},
	{name: "a consumer that takes nothing", terms: clean, strike: func(r *run) func() {
		idle, err := r.client.Consumer(r.ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning(), MaxBytes: 1024, PrefetchBytes: 1024})
		require.NoError(r, err)
		return func() { _ = idle.Close(r.ctx) }
	}},
	{name: "platform 0.11.6", as: "0.11.6", terms: ambiguous, strike: restart(true, 5001)},
	{name: "platform 0.12", as: "0.12", terms: ambiguous, strike: restart(true, 5001)},
	{name: "platform 0.15", as: "0.15", terms: ambiguous, strike: restart(true, 5001)},
	{name: "platform 0.18", as: "0.18", terms: ambiguous, strike: restart(true, 5001)},
	{name: "calls cancelled everywhere", terms: clean, strike: func(r *run) func() {
		ctx, cancel := context.WithCancel(r.ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ctx.Err() == nil; i++ {
				r.abandonCall(i)
			}
		}()
		return func() {
			cancel()
			<-done
		}
	}},
}

// breakWithin breaks every connection within so many bytes.
func breakWithin(bytes int) func(*run) func() {
	return func(r *run) func() {
		r.hit()
		r.net.cutAfter(bytes)
		return func() { r.net.cutAfter(0) }
	}
}

// hole lets everything vanish, until connections are made anew.
func hole(half bool) func(*run) func() {
	return func(r *run) func() {
		r.hit()
		r.noticed()
		return r.net.swallow("", half)
	}
}

// cutWatch cuts the SC's news, of which it makes some.
func cutWatch(r *run) (lift func()) {
	lift = rules(rule("Watch", onAnswer, 4, cut(r.rng.IntN(100))))(r)
	hits := r.bites[len(r.bites)-1]
	r.bites[len(r.bites)-1] = func() int {
		if hits() == 0 {
			require.NoError(r, r.dev.Resync())
		}
		return hits()
	}
	return lift
}

// abandonCall makes a call that ends before it is done.
func (r *run) abandonCall(i int) {
	ctx, cancel := context.WithTimeout(r.ctx, time.Duration(r.net.intn(2000))*time.Microsecond)
	defer cancel()
	switch i % 4 {
	case 0:
		_, _ = r.client.Admin().Topics(ctx)
	case 1:
		_, _ = r.client.Health(ctx)
	case 2:
		if c, err := r.client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning()}); err == nil {
			_, _ = c.Next(ctx)
			_ = c.Close(r.ctx)
		}
	case 3:
		if p, err := r.client.Producer(ctx, topic, fluvio.ProducerOptions{}); err == nil {
			_ = p.Close(r.ctx)
		}
	}
}
