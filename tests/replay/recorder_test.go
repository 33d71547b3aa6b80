package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
)

// echo is a server that answers every message with its correlation id and a word, until its test ends.
func echo(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			for {
				msg, err := readMessage(nc)
				if err != nil {
					break
				}
				_, _ = nc.Write(framed(answerTo(binary.BigEndian.Uint32(msg[4:]), "word")))
			}
			_ = nc.Close()
		}
	}()
	return l.Addr().String()
}

func startRecorder(t *testing.T, o RecorderOptions) *Recorder {
	t.Helper()
	r, err := Record(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestRecorderWritesWhatPasses(t *testing.T) {
	var out buffer
	r := startRecorder(t, RecorderOptions{SC: echo(t), Out: &out})
	c := dial(t, r.Endpoint())
	first, second := ask(keyDelete, 1, 0, 4, 'E', 'l', 's', 'e', 0, 0, 0, 0), ask(4711, 2)
	c.send(first)
	c.expect(1, "word")
	c.send(second)
	require.NoError(t, c.Conn.(*net.TCPConn).CloseWrite(), "half of the connection goes on")
	c.expect(2, "word")
	_, err := readMessage(c)
	require.Error(t, err, "the server's end comes through")
	require.NoError(t, c.Close())
	require.NoError(t, r.Drain(testContext(t)))
	require.NoError(t, r.Close())
	frames := out.frames(t)
	for i := range frames {
		require.GreaterOrEqual(t, frames[i].Millis, frames[max(i-1, 0)].Millis)
	}
	for i := range frames {
		frames[i].Millis = 0
	}
	require.Equal(t, []Frame{
		{Conn: 1, Server: "SC", Dir: FromClient, Len: len(first), Msg: first},
		{Conn: 1, Server: "SC", Dir: FromServer, Len: 8, Msg: answerTo(1, "word")},
		{Conn: 1, Server: "SC", Dir: FromClient, Len: len(second), Msg: second},
		{Conn: 1, Server: "SC", Dir: FromServer, Len: 8, Msg: answerTo(2, "word")},
	}, frames)
}

func TestRecorderOutlivesBadPeers(t *testing.T) {
	var out buffer
	r := startRecorder(t, RecorderOptions{SC: echo(t), Out: &out})
	bad := dial(t, r.Endpoint())
	_, err := bad.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	require.NoError(t, err)
	_, err = readMessage(bad)
	require.Error(t, err)
	require.NoError(t, r.Drain(testContext(t)))
	good := dial(t, r.Endpoint())
	good.send(ask(keyList, 5, 0, 0))
	good.expect(5, "word")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.Drain(ctx), context.DeadlineExceeded, "a client is connected")
	require.NoError(t, r.Close())
	_, err = readMessage(good)
	require.Error(t, err, "closing cuts what is open")
	require.Len(t, out.frames(t), 2)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	r = startRecorder(t, RecorderOptions{SC: l.Addr().String(), Out: &out})
	_, err = readMessage(dial(t, r.Endpoint()))
	require.Error(t, err, "nothing listens behind the recorder")
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestRecorderTellsThatItCannotWrite(t *testing.T) {
	r := startRecorder(t, RecorderOptions{SC: echo(t), Out: full{}})
	c := dial(t, r.Endpoint())
	c.send(ask(keyList, 1, 0, 0))
	c.expect(1, "word") // the client is not to suffer
	require.ErrorIs(t, r.Close(), errFull)
	require.Zero(t, r.Frames())
}

func TestRecorderRefuses(t *testing.T) {
	for _, o := range []RecorderOptions{{SC: "here"}, {SC: "127.0.0.1:9003", Listen: "there"}, {SC: "127.0.0.1:9003", Listen: "192.0.2.1:1"}} {
		_, err := Record(o)
		require.Error(t, err)
	}
}

// TestRecorderLeadsToItself looks at what a client is told and what is written: the client finds SPUs at the recorder, the
// recording has them where the cluster has them.
func TestRecorderLeadsToItself(t *testing.T) {
	for _, spus := range []int{1, 2} {
		ctx := testContext(t)
		cluster, err := devcluster.Start(ctx, devcluster.Options{SPUs: spus})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, cluster.Close()) })
		var out buffer
		r := startRecorder(t, RecorderOptions{SC: cluster.Endpoint(), Out: &out})
		client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: r.Endpoint()})
		require.NoError(t, err)
		require.NoError(t, client.Admin().CreateTopic(ctx, "both", fluvio.TopicSpec{Partitions: 2}))
		producer, err := client.Producer(ctx, "both", fluvio.ProducerOptions{})
		require.NoError(t, err)
		for range 2 {
			_, err := producer.Send(ctx, fluvio.Record{Value: []byte("x")})
			require.NoError(t, err)
		}
		require.NoError(t, client.Close(ctx))
		require.NoError(t, r.Drain(ctx))
		require.NoError(t, r.Close())
		frames := out.frames(t)
		of, err := link(frames)
		require.NoError(t, err)
		servers, told := map[string]bool{}, map[string]bool{}
		for i, f := range frames {
			servers[f.Server] = true
			if f.Dir == FromServer && f.Server == "SC" {
				a, err := decodeAnswer(binary.BigEndian.Uint16(frames[of[i]].Msg), 19, f.Msg)
				require.NoError(t, err)
				if a != nil {
					for _, o := range a.objects {
						for _, p := range o.ports {
							told[net.JoinHostPort(p.host, strconv.Itoa(int(p.number)))] = true
						}
					}
				}
			}
		}
		for _, addr := range cluster.SPUEndpoints() {
			require.True(t, told[addr], "%s is not in the recording", addr)
		}
		require.Len(t, told, spus)
		want := map[string]bool{"SC": true, "SPU": true}
		if spus == 2 {
			want = map[string]bool{"SC": true, "SPU5001": true, "SPU5002": true}
		}
		require.Equal(t, want, servers)
	}
}

func TestRecorderReachesSPUsElsewhere(t *testing.T) {
	ctx := testContext(t)
	cluster, err := devcluster.Start(ctx, devcluster.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	var out buffer
	r := startRecorder(t, RecorderOptions{SC: cluster.Endpoint(), Out: &out, Reach: map[string]string{cluster.SPUEndpoints()[0]: echo(t)}})
	watch := dial(t, r.Endpoint())
	watch.send(ask(keyWatch, 1, append([]byte{0, 3, 'S', 'P', 'U'}, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0)...))
	msg, err := readMessage(watch)
	require.NoError(t, err)
	a, err := decodeAnswer(keyWatch, 19, msg)
	require.NoError(t, err)
	spu := dial(t, net.JoinHostPort(a.objects[0].ports[0].host, strconv.Itoa(int(a.objects[0].ports[0].number))))
	spu.send(ask(keyUpdateOffsets, 3, 0, 0, 0, 0))
	spu.expect(3, "word")
}
