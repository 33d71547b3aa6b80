package devcluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// controlPort serves the cluster's verbs over HTTP; the package documentation lists them.
type controlPort struct {
	cl   *Cluster
	url  string
	srv  *http.Server
	done chan struct{}

	mu       sync.Mutex
	stopping bool
	busy     sync.WaitGroup // requests being answered
}

func startControl(cl *Cluster, addr string) (*controlPort, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, fluvioerr.Wrap(fluvioerr.Connection, "start control port", err).AtAddr(addr).
			WithHint("choose another address, or stop what uses it")
	}
	c := &controlPort{cl: cl, url: "http://" + ln.Addr().String(), done: make(chan struct{})}
	c.srv = &http.Server{Handler: c.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(c.done)
		_ = c.srv.Serve(ln)
	}()
	return c, nil
}

// stop ends the port and the requests on it.
func (c *controlPort) stop() {
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
	_ = c.srv.Close()
	<-c.done
	c.busy.Wait()
}

// enter counts a request in, unless the port is stopping.
func (c *controlPort) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopping {
		c.busy.Add(1)
	}
	return !c.stopping
}

// verb is a request and what it answers: a value to show, or an error.
type verb func(r *http.Request) (any, error)

func (c *controlPort) routes() http.Handler {
	mux := http.NewServeMux()
	add := func(pattern string, v verb) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			var out any
			err := error(fluvioerr.New(fluvioerr.Closed, "control port", "the cluster is closed"))
			if c.enter() {
				defer c.busy.Done()
				out, err = v(r)
			}
			status := http.StatusOK
			if err != nil {
				status, out = httpStatus(err), errorBody(err)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(out)
		})
	}
	ok := func(err error) (any, error) { return map[string]bool{"ok": true}, err }
	add("GET /v1/cluster", func(*http.Request) (any, error) { return c.describe(), nil })
	add("POST /v1/spu/{id}/stop", onSPU(func(id int32) (any, error) { return ok(c.cl.StopSPU(id)) }))
	add("POST /v1/spu/{id}/start", onSPU(func(id int32) (any, error) { return ok(c.cl.StartSPU(id)) }))
	add("POST /v1/spu/{id}/start-elsewhere", onSPU(func(id int32) (any, error) { return ok(c.cl.StartSPUElsewhere(id)) }))
	add("POST /v1/sc/stop", func(*http.Request) (any, error) { return ok(c.cl.StopSC()) })
	add("POST /v1/sc/start", func(*http.Request) (any, error) { return ok(c.cl.StartSC()) })
	add("POST /v1/sc/resync", func(*http.Request) (any, error) { return ok(c.cl.Resync()) })
	add("POST /v1/clean", func(*http.Request) (any, error) { c.cl.Clean(); return ok(nil) })
	add("POST /v1/time", func(r *http.Request) (any, error) {
		var in timeBody
		if err := readBody(r, &in); err != nil {
			return nil, err
		}
		c.cl.AdvanceTime(time.Duration(in.AdvanceMS) * time.Millisecond)
		return ok(nil)
	})
	add("POST /v1/topics", func(r *http.Request) (any, error) {
		var in topicBody
		if err := readBody(r, &in); err != nil {
			return nil, err
		}
		return ok(c.cl.CreateTopicWith(in.Name, TopicOptions{
			Partitions: in.Partitions, Replication: in.Replication, Compression: in.Compression,
			RetentionSeconds: in.RetentionSeconds, SegmentSize: in.SegmentSize, MaxPartitionSize: in.MaxPartitionSize,
		}))
	})
	add("DELETE /v1/topics/{name}", func(r *http.Request) (any, error) { return ok(c.cl.DeleteTopic(r.PathValue("name"))) })
	add("POST /v1/topics/{name}/partitions", func(r *http.Request) (any, error) {
		var in partitionsBody
		if err := readBody(r, &in); err != nil {
			return nil, err
		}
		return ok(c.cl.AddPartitions(r.PathValue("name"), in.Count))
	})
	add("GET /v1/topics/{name}/{partition}", onPartition(func(t string, p int32, _ partitionBody) (any, error) {
		start, hw, end, err := c.cl.Offsets(t, p)
		if err != nil {
			return nil, err
		}
		leader, err := c.cl.Leader(t, p)
		return map[string]int64{"leader": int64(leader), "start": start, "high_watermark": hw, "end": end}, err
	}))
	add("POST /v1/topics/{name}/{partition}/leader", onPartition(func(t string, p int32, in partitionBody) (any, error) {
		return ok(c.cl.MoveLeader(t, p, in.SPU))
	}))
	add("POST /v1/topics/{name}/{partition}/evict", onPartition(func(t string, p int32, in partitionBody) (any, error) {
		return ok(c.cl.EvictBefore(t, p, in.Before))
	}))
	add("POST /v1/topics/{name}/{partition}/fail", onPartition(func(t string, p int32, in partitionBody) (any, error) {
		return ok(c.cl.FailAppends(t, p, in.Code))
	}))
	c.faultRoutes(add, ok)
	add("/", func(r *http.Request) (any, error) {
		return nil, fluvioerr.New(fluvioerr.NotFound, "control port", "%s %s is no verb", r.Method, r.URL.Path).
			WithHint("go doc github.com/libfluvio/libfluvio/core/devcluster lists them")
	})
	return mux
}

func (c *controlPort) faultRoutes(add func(string, verb), ok func(error) (any, error)) {
	add("GET /v1/faults", func(*http.Request) (any, error) {
		out := []faultBody{}
		for _, h := range c.cl.faults.all() {
			out = append(out, faultBody{ID: h.id, Hits: h.Hits(), Rule: &h.rule})
		}
		return out, nil
	})
	add("POST /v1/faults", func(r *http.Request) (any, error) {
		rule := Rule{Partition: -1}
		if err := readBody(r, &rule); err != nil {
			return nil, err
		}
		h, err := c.cl.AddRule(rule)
		if err != nil {
			return nil, err
		}
		return faultBody{ID: h.id}, nil
	})
	add("GET /v1/faults/{id}", c.onFault(func(r *http.Request, h *RuleHandle) (any, error) {
		query := r.URL.Query()
		n, err := number(cmp.Or(query.Get("hits"), "0"))
		if err != nil {
			return nil, err
		}
		ms, err := number(cmp.Or(query.Get("timeout_ms"), "10000"))
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(r.Context(), time.Duration(ms)*time.Millisecond)
		defer cancel()
		if err := h.Wait(ctx, int(n)); err != nil {
			return nil, err
		}
		return faultBody{ID: h.id, Hits: h.Hits()}, nil
	}))
	add("DELETE /v1/faults/{id}", c.onFault(func(_ *http.Request, h *RuleHandle) (any, error) {
		h.Remove()
		return ok(nil)
	}))
}

// The bodies of requests and answers.
type (
	topicBody struct {
		Name             string `json:"name"`
		Partitions       int    `json:"partitions"`
		Replication      int    `json:"replication"`
		Compression      string `json:"compression"`
		RetentionSeconds int    `json:"retention_seconds"`
		SegmentSize      int    `json:"segment_size"`
		MaxPartitionSize int    `json:"max_partition_size"`
	}
	partitionsBody struct {
		Count int `json:"count"`
	}
	partitionBody struct {
		SPU    int32                `json:"spu"`
		Before int64                `json:"before"`
		Code   fluvioerr.ServerCode `json:"code"`
	}
	timeBody struct {
		AdvanceMS int64 `json:"advance_ms"`
	}
	faultBody struct {
		ID   int   `json:"id"`
		Hits int   `json:"hits"`
		Rule *Rule `json:"rule,omitempty"`
	}
	spuBody struct {
		ID      int32  `json:"id"`
		Address string `json:"address"`
		Online  bool   `json:"online"`
	}
	clusterBody struct {
		SC     string         `json:"sc"`
		SCUp   bool           `json:"sc_online"`
		SPUs   []spuBody      `json:"spus"`
		Topics map[string]int `json:"topics"` // partitions by name
	}
)

func (c *controlPort) describe() clusterBody {
	out := clusterBody{SC: c.cl.Endpoint(), SCUp: c.cl.sc.running(), Topics: map[string]int{}}
	for i, addr := range c.cl.SPUEndpoints() {
		s := c.cl.spus[i]
		out.SPUs = append(out.SPUs, spuBody{ID: s.id, Address: addr, Online: s.online.Load()})
	}
	c.cl.mu.Lock()
	defer c.cl.mu.Unlock()
	for name, t := range c.cl.topics {
		out.Topics[name] = len(t.partitions)
	}
	return out
}

func onSPU(f func(int32) (any, error)) verb {
	return func(r *http.Request) (any, error) {
		id, err := number(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return f(id)
	}
}

func onPartition(f func(topic string, partition int32, in partitionBody) (any, error)) verb {
	return func(r *http.Request) (any, error) {
		id, err := number(r.PathValue("partition"))
		if err != nil {
			return nil, err
		}
		var in partitionBody
		if r.Method == http.MethodPost {
			if err := readBody(r, &in); err != nil {
				return nil, err
			}
		}
		return f(r.PathValue("name"), id, in)
	}
}

func (c *controlPort) onFault(f func(*http.Request, *RuleHandle) (any, error)) verb {
	return func(r *http.Request) (any, error) {
		id, err := number(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		for _, h := range c.cl.faults.all() {
			if h.id == int(id) {
				return f(r, h)
			}
		}
		return nil, fluvioerr.New(fluvioerr.NotFound, "find fault rule", "there is no rule %d", id)
	}
}

// number reads what stands in a request's address.
func number(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fluvioerr.New(fluvioerr.InvalidArgument, "read request", "%q is not a number", text)
	}
	return int32(n), nil
}

// readBody reads a JSON body; unknown fields are refused, so that a typing error does not pass for a default.
func readBody(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fluvioerr.Wrap(fluvioerr.InvalidArgument, "read request", err)
	}
	return nil
}

func httpStatus(err error) int {
	switch fluvioerr.CodeOf(err) {
	case fluvioerr.NotFound:
		return http.StatusNotFound
	case fluvioerr.AlreadyExists, fluvioerr.InvalidState:
		return http.StatusConflict
	case fluvioerr.Timeout:
		return http.StatusRequestTimeout
	case fluvioerr.InvalidArgument:
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

func errorBody(err error) any {
	out := map[string]any{"error": err.Error()}
	if e := fluvioerr.As(err); e != nil && e.Server != 0 {
		out["server_code"] = e.Server
	}
	return out
}
