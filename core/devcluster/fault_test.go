package devcluster

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func addRule(t *testing.T, cl *Cluster, r Rule) *RuleHandle {
	t.Helper()
	h, err := cl.AddRule(r)
	require.NoError(t, err)
	return h
}

func TestFaultErrorOnRequestAndOnAnswer(t *testing.T) {
	cl, p := startProduce(t, Options{})
	both := []wire.ProducePartition{{Records: batch("a")}, {Partition: 1, Records: batch("b")}}
	h := addRule(t, cl, Rule{API: "Produce", Topic: "t", Partition: 1, Count: 1, Action: Action{Kind: ActionError, Code: fluvioerr.ServerStorageError}})
	out := p.produceTo("t", 1, 100, both...)
	require.True(t, out[0].Error.Ok())
	require.Equal(t, fluvioerr.ServerStorageError, out[1].Error.Code)
	_, _, end, err := cl.Offsets("t", 1)
	require.NoError(t, err)
	require.Zero(t, end, "not carried out")
	addRule(t, cl, Rule{API: "Produce", Partition: 1, On: OnAnswer, Count: 1, Action: Action{Kind: ActionError, Code: fluvioerr.ServerOther, Text: "made up"}})
	out = p.produceTo("t", 1, 100, both...)
	require.True(t, out[0].Error.Ok())
	require.Equal(t, "made up", out[1].Error.Payload.Text())
	addRule(t, cl, Rule{API: "Produce", Partition: 2, On: OnAnswer, Count: 1, Action: Action{Kind: ActionError, Code: fluvioerr.ServerRequestTimedOut}})
	out = p.produceTo("t", 1, 100, wire.ProducePartition{Partition: 2, Records: batch("a")})
	require.Equal(t, fluvioerr.ServerNotLeader, out[0].Error.Code, "what was not carried out is not called stored")
	_, _, end, err = cl.Offsets("t", 1)
	require.NoError(t, err)
	require.Equal(t, int64(1), end, "carried out")
	out = p.produceTo("t", 1, 100, both...)
	require.True(t, out[1].Error.Ok(), "the rules are used up")
	require.Equal(t, 1, h.Hits())
}

func TestFaultErrorsOfEveryRequestThatHasThem(t *testing.T) {
	cl, p := startProduce(t, Options{})
	sc := dialSC(t, cl)
	action := Action{Kind: ActionError, Code: fluvioerr.ServerPermissionDenied}
	for _, on := range []Phase{OnRequest, OnAnswer} {
		for _, api := range []string{"ApiVersions", "Create", "Delete", "FetchOffsets", "UpdateOffsets", "StreamFetch"} {
			addRule(t, cl, Rule{API: api, Partition: -1, On: on, Count: 1, Action: action})
		}
		s := sc.create("new-"+string(on), false, computed(1, 1))
		require.Equal(t, action.Code, s.Error.Code)
		require.Equal(t, on == OnAnswer, cl.topicSpec("new-"+string(on)) != nil)
		var status wire.Status
		sc.call(wire.KeyDelete, 19, &wire.DeleteRequest{Label: wire.LabelTopic, Name: "new-answer"}, &status)
		require.Equal(t, action.Code, status.Error.Code)
		require.Nil(t, cl.topicSpec("new-answer"))
		var offsets wire.FetchOffsetsResponse
		p.call(wire.KeyFetchOffsets, 25, &wire.FetchOffsetsRequest{Topics: []wire.FetchOffsetsTopic{{Name: "t", Partitions: []uint32{0}}}}, &offsets)
		require.Equal(t, action.Code, offsets.Topics[0].Partitions[0].Error.Code)
		require.Equal(t, action.Code, p.ackStream(1, 0).Code)
		p.produce("t", "a")
		require.Equal(t, action.Code, p.frame(p.stream("t", 0, plenty)).Partition.Error.Code)
		var v wire.ApiVersionsResponse
		sc.call(wire.KeyApiVersions, 2, &wire.ApiVersionsRequest{ClientVersion: "1.2.3"}, &v)
		require.Equal(t, action.Code, v.Error.Code)
		for _, h := range cl.faults.all() {
			h.Remove()
		}
	}
}

func TestFaultsOfAnswers(t *testing.T) {
	cl, _ := startProduce(t, Options{})
	one := func(kind ActionKind, n int) (*peer, *RuleHandle) {
		h := addRule(t, cl, Rule{API: "Produce", Partition: -1, Count: 1, Action: Action{Kind: kind, Bytes: n}})
		return dialSPU(t, cl, 0), h
	}
	request := &wire.ProduceRequest{Isolation: 1, Topics: []wire.ProduceTopic{{Name: "t", Partitions: []wire.ProducePartition{{Records: batch("a")}}}}}
	stored := func(n int64) {
		t.Helper()
		_, _, end, err := cl.Offsets("t", 0)
		require.NoError(t, err)
		require.Equal(t, n, end)
	}
	p, h := one(ActionDrop, 0)
	dropped := p.send(wire.KeyProduce, 25, request)
	require.Equal(t, int64(1), p.produce("t", "b"), "the next one is answered")
	require.Empty(t, p.box(dropped))
	require.Equal(t, 1, h.Hits())

	p, _ = one(ActionClose, 0)
	p.send(wire.KeyProduce, 25, request)
	p.awaitHangUp()
	stored(3)

	p, _ = one(ActionWrongCorrelation, 0)
	id := p.send(wire.KeyProduce, 25, request)
	var resp wire.ProduceResponse
	p.receive(id^0x40000000, 25, &resp)
	require.Equal(t, int64(3), resp.Topics[0].Partitions[0].BaseOffset)

	for _, n := range []int{0, 3, 4, 17} {
		p, _ = one(ActionCut, n)
		p.nc.Close() // read by hand instead
		<-p.ended
		p = &peer{t: t, nc: mustDial(t, cl.SPUEndpoints()[0])}
		p.send(wire.KeyProduce, 25, request)
		got, err := io.ReadAll(p.nc)
		require.NoError(t, err)
		require.Len(t, got, n)
		p.nc.Close()
	}

	addRule(t, cl, Rule{API: "Produce", Partition: -1, On: OnRequest, Count: 1, Action: Action{Kind: ActionClose}})
	before := int64(8)
	stored(before)
	p = dialSPU(t, cl, 0)
	p.send(wire.KeyProduce, 25, request)
	p.awaitHangUp()
	stored(before) // not carried out

	addRule(t, cl, Rule{API: "Produce", Partition: -1, On: OnRequest, Count: 1, Action: Action{Kind: ActionDrop}})
	p = dialSPU(t, cl, 0)
	p.send(wire.KeyProduce, 25, request)
	require.Equal(t, before, p.produce("t", "c"))
}

// A cut request is taken up to a byte and not carried out; whole requests around it are not concerned.
func TestFaultCutsRequests(t *testing.T) {
	cl, p := startProduce(t, Options{})
	request := &wire.ProduceRequest{Isolation: 1, Topics: []wire.ProduceTopic{{Name: "t", Partitions: []wire.ProducePartition{{Records: batch("a")}}}}}
	frame, err := wire.AppendRequest(nil, &wire.RequestHeader{APIKey: wire.KeyProduce, APIVersion: 25, ClientID: "test"}, request)
	require.NoError(t, err)
	seen := addRule(t, cl, Rule{API: "Produce", Partition: -1, Action: Action{Kind: ActionObserve}})
	for _, n := range []int{0, 3, 4, 5, 6, 20, len(frame) - 1, len(frame), len(frame) + 100} {
		cut := addRule(t, cl, Rule{API: "Produce", Partition: -1, Skip: 1, Count: 1, On: OnRequest, Action: Action{Kind: ActionCut, Bytes: n}})
		p := dialSPU(t, cl, 0)
		p.ackStream(1, 0) // another API is not cut
		p.produce("t", "whole")
		p.send(wire.KeyProduce, 25, request)
		p.awaitHangUp()
		require.Equal(t, 1, cut.Hits())
		cut.Remove()
	}
	p.produce("t", "whole")
	require.Equal(t, 10, seen.Hits(), "cut requests are not seen by rules that look into requests")
	_, _, end, err := cl.Offsets("t", 0)
	require.NoError(t, err)
	require.EqualValues(t, 10, end)

	// The bytes behind the cut stay with the client: the rest of a large request cannot be written.
	addRule(t, cl, Rule{API: "Produce", Partition: -1, Count: 1, On: OnRequest, Action: Action{Kind: ActionCut, Bytes: 100}})
	request.Topics[0].Partitions[0].Records = make([]byte, 64<<20)
	frame, err = wire.AppendRequest(nil, &wire.RequestHeader{APIKey: wire.KeyProduce, APIVersion: 25, ClientID: "test"}, request)
	require.NoError(t, err)
	_, err = dialSPU(t, cl, 0).nc.Write(frame)
	require.Error(t, err)
}

func TestFaultDelayHoldsTheConnectionOnly(t *testing.T) {
	cl, p := startProduce(t, Options{})
	h := addRule(t, cl, Rule{API: "FetchOffsets", Partition: -1, Count: 1, Action: Action{Kind: ActionDelay, Delay: time.Hour}})
	p.send(wire.KeyFetchOffsets, 25, &wire.FetchOffsetsRequest{})
	require.NoError(t, h.Wait(context.Background(), 1))
	dialSPU(t, cl, 0).produce("t", "others work")
	h = addRule(t, cl, Rule{API: "Produce", Partition: -1, On: OnAnswer, Count: 1, Action: Action{Kind: ActionDelay, Delay: time.Millisecond}})
	dialSPU(t, cl, 0).produce("t", "late")
	require.Equal(t, 1, h.Hits())
} // the delayed connection ends with the cluster, not after an hour

func TestFaultsOfStreams(t *testing.T) {
	cl, p := startProduce(t, Options{})
	p.produce("t", "a")
	addRule(t, cl, Rule{API: "StreamFetch", Topic: "t", Partition: 0, Skip: 1, Count: 1, Action: Action{Kind: ActionCorruptCRC}})
	for i := range 3 {
		f := p.frame(p.stream("t", 0, plenty))
		h, b, _, _, ok, err := wire.NextBatch(f.Partition.Records)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, i == 1, wire.VerifyBatch(b, &h) != nil, "frame %d", i)
	}
	addRule(t, cl, Rule{API: "StreamFetch", Partition: -1, On: OnAnswer, Count: 1, Action: Action{Kind: ActionError, Code: fluvioerr.ServerStorageError}})
	id := p.stream("t", 0, plenty)
	f := p.frame(id)
	require.Equal(t, fluvioerr.ServerStorageError, f.Partition.Error.Code)
	require.Empty(t, f.Partition.Records)
	require.True(t, func() bool { e := p.ackStream(f.StreamID, 0); return e.Ok() }(), "the connection lives")
	drop := addRule(t, cl, Rule{API: "StreamFetch", Partition: -1, Count: 1, Action: Action{Kind: ActionDrop}})
	p.stream("t", 0, plenty)
	require.NoError(t, drop.Wait(context.Background(), 1))
	addRule(t, cl, Rule{API: "StreamFetch", Partition: -1, Count: 1, Action: Action{Kind: ActionClose}})
	p.stream("t", 0, plenty)
	p.awaitHangUp()
	sc := dialSC(t, cl)
	addRule(t, cl, Rule{API: "Watch", Partition: -1, Skip: 1, Count: 1, Action: Action{Kind: ActionClose}})
	sc.watch(wire.LabelTopic).next()
	require.NoError(t, cl.CreateTopic("u", 1))
	sc.awaitHangUp()
}

func TestFaultRulesMatchAndCount(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 2})
	require.NoError(t, cl.CreateTopicWith("t", TopicOptions{Partitions: 2}))
	all := addRule(t, cl, Rule{Partition: -1, Action: Action{Kind: ActionObserve}})
	second := addRule(t, cl, Rule{API: "FetchOffsets", SPU: 5002, Partition: -1, Action: Action{Kind: ActionObserve}})
	one := addRule(t, cl, Rule{Topic: "t", Partition: 1, Action: Action{Kind: ActionObserve}})
	onSC := addRule(t, cl, Rule{SPU: SC, Partition: -1, Action: Action{Kind: ActionObserve}})
	ask := func(i int, topic string, parts ...uint32) {
		var resp wire.FetchOffsetsResponse
		dialSPU(t, cl, i).call(wire.KeyFetchOffsets, 25, &wire.FetchOffsetsRequest{Topics: []wire.FetchOffsetsTopic{{Name: topic, Partitions: parts}}}, &resp)
	}
	ask(0, "t", 0, 1)
	ask(1, "t", 0)
	ask(1, "other", 1)
	dialSC(t, cl).list(wire.LabelTopic, false)
	require.Equal(t, []int{4, 2, 1, 1}, []int{all.Hits(), second.Hits(), one.Hits(), onSC.Hits()})
	all.Remove()
	ask(0, "t", 1)
	require.Equal(t, []int{4, 2}, []int{all.Hits(), one.Hits()})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.Error(t, one.Wait(ctx, 3))
	for _, r := range []Rule{
		{API: "Nothing", Action: Action{Kind: ActionDrop}}, {API: "Mirroring", Action: Action{Kind: ActionDrop}}, {API: "Produce"},
		{API: "Produce", Action: Action{Kind: ActionError}}, {API: "List", Action: Action{Kind: ActionError, Code: 2}},
		{Action: Action{Kind: ActionError, Code: 2}}, {Action: Action{Kind: ActionDelay}}, {On: "later", Action: Action{Kind: ActionDrop}},
		{On: OnRequest, Action: Action{Kind: ActionCut}}, {Topic: "t", Partition: -1, On: OnRequest, Action: Action{Kind: ActionCut}},
		{On: OnRequest, Action: Action{Kind: ActionOversize}}, {Action: Action{Kind: ActionCut, Bytes: -1}}, {Skip: -1, Action: Action{Kind: ActionDrop}},
		{SPU: 5003, Action: Action{Kind: ActionDrop}}, {SPU: 1, Action: Action{Kind: ActionDrop}},
	} {
		_, err := cl.AddRule(r)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%+v", r)
	}
	_, err := cl.AddRule(Rule{API: "produce", Action: Action{Kind: ActionDrop}})
	require.ErrorContains(t, err, `api is "produce", accepted are ApiVersions, Create, Delete, List, Watch, Update, Produce, Fetch, FetchOffsets, StreamFetch, `)
	_, err = cl.AddRule(Rule{Action: Action{Kind: "clos"}})
	require.ErrorContains(t, err, `kind of action is "clos", accepted are observe, error, delay, drop, close, cut, `)
}

// An answer that stops on its way holds up what comes behind it on the connection, which lives; one that comes twice does not.
func TestFaultStallAndRepeat(t *testing.T) {
	cl, p := startProduce(t, Options{})
	repeat := addRule(t, cl, Rule{API: "FetchOffsets", Partition: -1, Count: 1, Action: Action{Kind: ActionRepeat}})
	offsets := &wire.FetchOffsetsRequest{Topics: []wire.FetchOffsetsTopic{{Name: "t", Partitions: []uint32{0}}}}
	id := p.send(wire.KeyFetchOffsets, 25, offsets)
	for range 2 {
		var m wire.FetchOffsetsResponse
		p.receive(id, 25, &m)
	}
	require.Equal(t, 1, repeat.Hits())
	frame, err := wire.AppendRequest(nil, &wire.RequestHeader{APIKey: wire.KeyFetchOffsets, APIVersion: 25, CorrelationID: 1, ClientID: "test"}, offsets)
	require.NoError(t, err)
	for _, length := range []int{0, 3, 9, 1 << 20} {
		nc := mustDial(t, cl.SPUEndpoints()[0])
		ask := func(rule *RuleHandle) {
			_, err := nc.Write(frame)
			require.NoError(t, err)
			require.NoError(t, rule.Wait(context.Background(), 1))
			rule.Remove()
		}
		ask(addRule(t, cl, Rule{API: "FetchOffsets", Partition: -1, Action: Action{Kind: ActionStall, Bytes: length}}))
		ask(addRule(t, cl, Rule{API: "FetchOffsets", Partition: -1, Action: Action{Kind: ActionObserve}})) // it goes on to read
		require.NoError(t, nc.(*net.TCPConn).CloseWrite())
		got, err := io.ReadAll(nc)
		require.NoError(t, err)
		if length == 1<<20 { // the whole answer, and not the next one
			length = int(wire.FrameHeaderSize + binary.BigEndian.Uint32(got))
		}
		require.Len(t, got, length)
		nc.Close()
	}
}

func TestStartElsewhereAndMorePartitions(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 2})
	require.NoError(t, cl.CreateTopic("t", 2)) // one on each; which is first depends on where the system's topic came to lie
	leader, err := cl.Leader("t", 0)
	require.NoError(t, err)
	moves := int(leader - firstSPU)
	p, old := dialSPU(t, cl, moves), cl.SPUEndpoints()
	require.Equal(t, fluvioerr.InvalidState, fluvioerr.CodeOf(cl.StartSPUElsewhere(leader)))
	require.NoError(t, cl.StopSPU(leader))
	p.awaitHangUp()
	require.NoError(t, cl.StartSPUElsewhere(leader))
	require.NotEqual(t, old[moves], cl.SPUEndpoints()[moves])
	require.Equal(t, old[1-moves], cl.SPUEndpoints()[1-moves])
	_, spus := dialSC(t, cl).list(wire.LabelSPU, false)
	require.Equal(t, cl.SPUEndpoints()[moves], fmt.Sprintf("127.0.0.1:%d", spus[moves].Spec.(*wire.SPUSpec).PublicEndpoint.Port))
	dialSPU(t, cl, moves).produce("t", "there")
	require.NoError(t, cl.StopSPU(leader))
	require.NoError(t, cl.StartSPU(leader), "it keeps the new one")
	dialSPU(t, cl, moves).produce("t", "still there")

	require.NoError(t, cl.AddPartitions("t", 2))
	_, _, end, err := cl.Offsets("t", 2)
	require.NoError(t, err)
	require.Zero(t, end)
	for code, err := range map[fluvioerr.Code]error{
		fluvioerr.InvalidArgument: cl.AddPartitions("t", 0), fluvioerr.NotFound: cl.AddPartitions("u", 1),
	} {
		require.Equal(t, code, fluvioerr.CodeOf(err), "%v", err)
	}
	require.NoError(t, cl.StopSC())
	require.Equal(t, fluvioerr.InvalidState, fluvioerr.CodeOf(cl.AddPartitions("t", 1)))
}

// ask sends a request to the control port and decodes the answer.
func ask(t *testing.T, cl *Cluster, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, cl.ControlURL()+path, bytes.NewBufferString(body))
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var out map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
	return resp.StatusCode, out
}

func TestControlPort(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 2})
	run := func(status int, method, path, body string) map[string]any {
		t.Helper()
		got, out := ask(t, cl, method, path, body)
		require.Equal(t, status, got, "%s %s: %v", method, path, out)
		return out
	}
	run(200, "POST", "/v1/topics", `{"name":"t","partitions":2,"compression":"gzip"}`)
	run(400, "POST", "/v1/topics", `{"name":"Bad"}`)
	require.Contains(t, run(409, "POST", "/v1/topics", `{"name":"t"}`)["error"], "Topic 't' already exists")
	run(400, "POST", "/v1/topics", `{"nam":"x"}`)
	require.Contains(t, run(400, "POST", "/v1/topics", `{"name":"x","segment_size":-1}`)["error"], "segment_size is -1, accepted are 0 to 4294967295")
	run(200, "POST", "/v1/topics", `{"name":"large","max_partition_size":5000000000}`)
	run(200, "DELETE", "/v1/topics/large", "")
	require.Contains(t, run(404, "GET", "/v1/topic", "")["error"], "GET /v1/topic is no verb")
	out := run(200, "GET", "/v1/cluster", "")
	require.Equal(t, cl.Endpoint(), out["sc"])
	require.Equal(t, map[string]any{"t": 2.0, systemTopic: 1.0}, out["topics"])
	run(200, "POST", "/v1/spu/5002/stop", "")
	run(409, "POST", "/v1/spu/5002/stop", "")
	run(404, "POST", "/v1/spu/1/stop", "")
	run(400, "POST", "/v1/spu/x/stop", "")
	require.False(t, cl.online(5002))
	run(200, "POST", "/v1/spu/5002/start-elsewhere", "")
	run(409, "POST", "/v1/spu/5002/start", "")
	run(200, "POST", "/v1/topics/t/partitions", `{"count":1}`)
	run(404, "POST", "/v1/topics/u/partitions", `{"count":1}`)
	run(400, "POST", "/v1/topics/t/partitions", `{"count":0}`)
	run(200, "GET", "/v1/topics/t/2", "")
	run(200, "POST", "/v1/topics/t/0/leader", `{"spu":5002}`)
	leader, err := cl.Leader("t", 0)
	require.NoError(t, err)
	require.Equal(t, int32(5002), leader)
	out = run(200, "POST", "/v1/faults", `{"api":"Produce","topic":"t","count":1,"action":{"kind":"error","code":56}}`)
	id := fmt.Sprint(out["id"])
	p := dialSPU(t, cl, 1)
	r := p.produceTo("t", 1, 100, wire.ProducePartition{Records: batchOf(1, "a")})
	require.Equal(t, fluvioerr.ServerStorageError, r[0].Error.Code)
	require.Equal(t, 1.0, run(200, "GET", "/v1/faults/"+id+"?hits=1&timeout_ms=1000", "")["hits"])
	run(408, "GET", "/v1/faults/"+id+"?hits=2&timeout_ms=1", "")
	require.Equal(t, 1.0, run(200, "GET", "/v1/faults/"+id, "")["hits"])
	for _, wrong := range []string{"hits=two", "hits=1&timeout_ms=5s"} {
		require.Contains(t, run(400, "GET", "/v1/faults/"+id+"?"+wrong, "")["error"], "is not a number")
	}
	run(200, "DELETE", "/v1/faults/"+id, "")
	run(404, "DELETE", "/v1/faults/"+id, "")
	run(400, "POST", "/v1/faults", `{"action":{"kind":"explode"}}`)
	out = run(200, "POST", "/v1/faults", `{"api":"Produce","on":"request","action":{"kind":"cut","bytes":10}}`)
	run(200, "DELETE", "/v1/faults/"+fmt.Sprint(out["id"]), "")
	r = p.produceTo("t", 1, 100, wire.ProducePartition{Records: batchOf(1, "a", "b", "c")})
	require.True(t, r[0].Error.Ok())
	run(200, "POST", "/v1/topics/t/0/evict", `{"before":2}`)
	run(400, "POST", "/v1/topics/t/0/evict", `{"before":9}`)
	require.Equal(t, map[string]any{"leader": 5002.0, "start": 2.0, "high_watermark": 3.0, "end": 3.0}, run(200, "GET", "/v1/topics/t/0", ""))
	run(200, "POST", "/v1/topics/t/0/fail", `{"code":73}`)
	r = p.produceTo("t", 1, 100, wire.ProducePartition{Records: batchOf(1, "a")})
	require.Equal(t, fluvioerr.ServerPartitionShortCircuited, r[0].Error.Code)
	run(200, "POST", "/v1/clean", `{}`)
	before := cl.clock.time()
	run(200, "POST", "/v1/time", `{"advance_ms":3600000}`)
	require.GreaterOrEqual(t, cl.clock.time().Sub(before), time.Hour)
	run(400, "POST", "/v1/time", `{"advance":1}`)
	run(200, "DELETE", "/v1/topics/t", "")
	run(404, "DELETE", "/v1/topics/t", "")
	run(200, "POST", "/v1/sc/stop", "")
	run(409, "DELETE", "/v1/topics/t", "")
	run(200, "POST", "/v1/sc/start", "")

	cl.control.mu.Lock()
	cl.control.stopping = true // as it is while the cluster closes
	cl.control.mu.Unlock()
	require.Contains(t, run(500, "GET", "/v1/cluster", "")["error"], "the cluster is closed")
}
