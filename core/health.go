package fluvio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Version is libfluvio's own version.
const Version = "0.1.0"

// Verdict sums up a Health.
type Verdict string

// The verdicts.
const (
	Healthy  Verdict = "healthy"  // everything works
	Degraded Verdict = "degraded" // some of it does: see Reasons
	Down     Verdict = "down"     // no SPU answers: no record can be written or read
)

// Health is how a client and its cluster are.
type Health struct {
	Verdict         Verdict
	Reasons         []string // why the verdict is not healthy, for a person
	SC              ServerHealth
	SPUs            []ServerHealth // those that the SC knows, in the order of their ids
	MetadataAge     time.Duration  // since the SC last told something of topics, partitions and SPUs; -1: never
	MetadataErr     error          // why changes are not heard of now, nil when they are
	ClientVersion   string         // libfluvio's
	PlatformVersion string         // the cluster's, "" before it was reached
}

// ServerHealth is how one server is.
type ServerHealth struct {
	ID        int32  // 0 for the SC
	Name      string // "sc", or the SPU's name
	Addr      string // host:port as this client reaches it
	Online    bool   // what the SC says of an SPU; of the SC: Reachable
	Reachable bool   // it answered
	RTT       time.Duration
	Breaker   string // closed, open or half-open
	Err       error  // why it did not answer
}

// Health asks the SC and every SPU for a sign of life, all at once, and says what it knows of the rest. It returns when ctx ends,
// and after the connection timeout when ctx has no deadline: who has not answered by then is not reachable. The only errors are
// Closed and Cancelled.
func (c *Client) Health(ctx context.Context) (*Health, error) {
	if err := c.alive(); err != nil {
		return nil, err
	}
	ctx, cancel := limited(ctx, c.opts.ConnectionTimeout)
	defer cancel()
	h := &Health{
		SC: ServerHealth{Name: "sc", Addr: c.opts.Endpoint}, MetadataErr: c.cluster.WatchError(), MetadataAge: -1,
		ClientVersion: Version, PlatformVersion: c.cluster.Platform(),
	}
	if heard := c.cluster.Heard(); !heard.IsZero() {
		h.MetadataAge = time.Since(heard)
	}
	spus := slices.Collect(maps.Values(c.cluster.Snapshot().SPUs))
	sort.Slice(spus, func(i, j int) bool { return spus[i].ID < spus[j].ID }) // slices.SortFunc costs 15 KB for each type
	h.SPUs = make([]ServerHealth, len(spus))
	var all sync.WaitGroup
	all.Go(func() {
		c.probe(&h.SC, func() (time.Duration, error) { return c.cluster.PingSC(ctx) })
		h.SC.Online = h.SC.Reachable
	})
	for i, spu := range spus {
		s := &h.SPUs[i]
		s.ID, s.Name, s.Addr, s.Online = spu.ID, spu.Name, spu.Addr, spu.Online
		all.Go(func() { c.probe(s, func() (time.Duration, error) { return c.cluster.PingSPU(ctx, spu) }) })
	}
	all.Wait()
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, fluvioerr.FromContext(ctx, "health", "the servers' answers", 0)
	}
	h.judge()
	return h, nil
}

// probe asks one server.
func (c *Client) probe(s *ServerHealth, ping func() (time.Duration, error)) {
	if s.Addr == "" {
		s.Err = fluvioerr.New(fluvioerr.Connection, "health", "the SC gives no address for it")
	} else if s.RTT, s.Err = ping(); s.Err != nil {
		s.RTT = 0
	}
	s.Reachable = s.Err == nil
	s.Breaker = c.cluster.Breaker(s.Addr).String()
}

// judge draws the verdict.
func (h *Health) judge() {
	because := func(format string, args ...any) { h.Reasons = append(h.Reasons, fmt.Sprintf(format, args...)) }
	if !h.SC.Reachable {
		because("the SC at %s does not answer: %s", h.SC.Addr, brief(h.SC.Err))
	}
	if h.MetadataErr != nil {
		because("changes of the metadata are not heard of: %s", brief(h.MetadataErr))
	}
	answering := 0
	for i := range h.SPUs {
		switch s := &h.SPUs[i]; {
		case !s.Reachable:
			because("SPU %d at %s does not answer: %s", s.ID, s.Addr, brief(s.Err))
		case !s.Online:
			because("SPU %d at %s answers, but the SC calls it offline", s.ID, s.Addr)
			answering++
		default:
			answering++
		}
	}
	if len(h.SPUs) == 0 {
		because("no SPU is known")
	}
	switch {
	case answering == 0:
		h.Verdict = Down
	case len(h.Reasons) > 0:
		h.Verdict = Degraded
	default:
		h.Verdict = Healthy
	}
}

// brief is an error without place and hint.
func brief(err error) string {
	if e := fluvioerr.As(err); e != nil {
		return e.Message
	}
	return err.Error()
}

// MarshalJSON gives the form that C, and what stands on it, gets: errors are texts, times are in their unit, null is unknown.
func (h *Health) MarshalJSON() ([]byte, error) {
	type server struct {
		ID        int32   `json:"id"`
		Name      string  `json:"name"`
		Addr      string  `json:"address"`
		Online    bool    `json:"online"`
		Reachable bool    `json:"reachable"`
		RTT       *int64  `json:"rtt_us"`
		Breaker   string  `json:"breaker"`
		Err       *string `json:"error"`
	}
	text := func(err error) *string {
		if err == nil {
			return nil
		}
		s := err.Error()
		return &s
	}
	of := func(s *ServerHealth) server {
		out := server{s.ID, s.Name, s.Addr, s.Online, s.Reachable, nil, s.Breaker, text(s.Err)}
		if us := s.RTT.Microseconds(); s.Reachable {
			out.RTT = &us
		}
		return out
	}
	out := struct {
		Verdict  Verdict  `json:"verdict"`
		Reasons  []string `json:"reasons"`
		SC       server   `json:"sc"`
		SPUs     []server `json:"spus"`
		Age      *int64   `json:"metadata_age_ms"`
		Err      *string  `json:"metadata_error"`
		Client   string   `json:"client_version"`
		Platform string   `json:"platform_version"`
	}{h.Verdict, append([]string{}, h.Reasons...), of(&h.SC), []server{}, nil, text(h.MetadataErr), h.ClientVersion, h.PlatformVersion}
	for i := range h.SPUs {
		out.SPUs = append(out.SPUs, of(&h.SPUs[i]))
	}
	if ms := h.MetadataAge.Milliseconds(); h.MetadataAge >= 0 {
		out.Age = &ms
	}
	return json.Marshal(out)
}
