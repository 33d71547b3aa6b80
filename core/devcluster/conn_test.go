package devcluster

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestApiVersionsAreTheRealServers(t *testing.T) {
	cl := startCluster(t, Options{})
	for _, row := range []struct{ addr, client, want string }{
		{cl.Endpoint(), "0.50.2", "0000000000 06 03e900090013 03ea00010013 03eb000f0013 03ec000f0013 03ed000e0013 03ee00010013 000c 302e31382e322d6465762d31"},
		{cl.SPUEndpoints()[0], "0.50.2", "0000000000 05 000000000019 000100000019 03ea00190019 03eb00000019 03ed00000000 0005 302e302e30"},
		{cl.SPUEndpoints()[0], "", "0000000000 05 000000000019 000100000019 03ea00190019 03eb0000000f 03ed00000000 0005 302e302e30"},
	} {
		p := dial(t, wire.SC, row.addr)
		id := p.send(wire.KeyApiVersions, 2, &wire.ApiVersionsRequest{ClientVersion: row.client})
		var want []byte
		for _, c := range row.want {
			if c != ' ' {
				want = append(want, byte(c))
			}
		}
		require.Equal(t, string(want), hex.EncodeToString(p.message(id)[4:]))
	}
}

func TestSCHangsUpOnVersionsThatAreNotSemver(t *testing.T) {
	cl := startCluster(t, Options{})
	for _, v := range []string{"", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "one"} {
		p := dialSC(t, cl)
		p.send(wire.KeyApiVersions, 2, &wire.ApiVersionsRequest{ClientVersion: v})
		p.awaitHangUp()
	}
	p := dialSC(t, cl)
	p.send(wire.KeyApiVersions, 0, &wire.ApiVersionsRequest{ClientVersion: "1.2.3"}) // version 0 carries no fields
	p.awaitHangUp()
	var resp wire.ApiVersionsResponse
	dialSC(t, cl).call(wire.KeyApiVersions, 1, &wire.ApiVersionsRequest{ClientVersion: "1.2.3-alpha.1+x"}, &resp)
	require.Len(t, resp.Keys, 6)
}

func TestServersHangUpOnWhatTheyCannotRead(t *testing.T) {
	cl := startCluster(t, Options{MaxFrameBytes: 1 << 20})
	require.NoError(t, cl.CreateTopic("t", 1))
	header := func(key uint16, body ...byte) []byte {
		b := binary.BigEndian.AppendUint16(nil, key)
		b = append(b, 0, 25, 0, 0, 0, 1, 0, 0)
		b = append(b, body...)
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	}
	for name, bytes := range map[string][]byte{
		"unknown key":          header(4711),
		"keys of others":       header(wire.KeyMirroring),
		"no body":              header(wire.KeyProduce),
		"list longer than all": header(wire.KeyFetchOffsets, 0x7f, 0xff, 0xff, 0xff),
		"short header":         {0, 0, 0, 4, 0, 0, 0, 0},
		"length 0":             {0, 0, 0, 0},
		"negative length":      {0xff, 0xff, 0xff, 0xff},
		"length above limit":   {0x10, 0, 0, 0},
		"HTTP":                 []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		for _, addr := range []string{cl.Endpoint(), cl.SPUEndpoints()[0]} {
			p := dial(t, wire.SPU, addr)
			_, err := p.nc.Write(bytes)
			require.NoError(t, err)
			p.awaitHangUp()
			require.Empty(t, p.inbox, name)
		}
	}
	for _, label := range []string{"Nothing", "topic", wire.LabelCustomSPU, wire.LabelMirror} {
		p := dialSC(t, cl)
		p.send(wire.KeyWatch, 19, &wire.WatchRequest{Label: label})
		p.awaitHangUp()
	}
	for _, label := range []string{"Nothing", "topic"} {
		p := dialSC(t, cl)
		p.send(wire.KeyList, 19, &wire.ListRequest{Label: label})
		p.awaitHangUp()
	}
	for key, version := range map[uint16]int16{wire.KeyCreate: 10, wire.KeyWatch: 10} { // layouts nobody needs any more
		p := dialSC(t, cl)
		p.send(key, version, &wire.WatchRequest{Label: wire.LabelTopic})
		p.awaitHangUp()
	}
}

func TestCreateOfAnUnknownLabelIsAnswered(t *testing.T) {
	cl := startCluster(t, Options{})
	p := dialSC(t, cl)
	body := binary.BigEndian.AppendUint16(nil, wire.KeyCreate)
	body = append(body, 0, 19, 0, 0, 0, 9, 0, 0, 0, 3, 'F', 'o', 'o', 0, 0, 0, 2, 1, 2)
	p.write(body)
	var s wire.Status
	p.receive(9, 19, &s)
	require.Equal(t, "create error", s.Name)
	require.Equal(t, fluvioerr.ServerOther, s.Error.Code)
}

// Every prefix of a conversation, cut off by the client: the server must neither stumble nor keep anything.
func TestClientsThatBreakOff(t *testing.T) {
	cl := startCluster(t, Options{})
	require.NoError(t, cl.CreateTopic("t", 1))
	frame, err := wire.AppendRequest(nil, &wire.RequestHeader{APIKey: wire.KeyProduce, APIVersion: 25, CorrelationID: 1},
		&wire.ProduceRequest{Isolation: 1, Topics: []wire.ProduceTopic{{Name: "t", Partitions: []wire.ProducePartition{{Records: batch("a")}}}}})
	require.NoError(t, err)
	for n := range frame {
		nc, err := net.Dial("tcp", cl.SPUEndpoints()[0])
		require.NoError(t, err)
		_, err = nc.Write(frame[:n])
		require.NoError(t, err)
		require.NoError(t, nc.Close())
	}
	require.Zero(t, dialSPU(t, cl, 0).produce("t", "first"), "nothing was written")
	srv := cl.spus[0].srv
	eventually(t, "the broken connections are forgotten", func() bool {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		return len(srv.conns) == 1
	})
}

func TestStartRefusesWrongOptions(t *testing.T) {
	for _, o := range []Options{
		{SPUs: -1}, {SPUs: 1000}, {Listen: "a:b:c"}, {Listen: "127.0.0.1:nope"}, {Control: "0.0.0.0:0"},
		{SPUPorts: []int{1, 2}}, {SPUPorts: []int{-1}}, {MaxBatchBytes: -1}, {CleanInterval: -1}, {SnapshotInterval: -1},
		{CommitAll: true, CommitOnline: true},
	} {
		_, err := Start(context.Background(), o)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%+v: %v", o, err)
	}
	cl := startCluster(t, Options{})
	for _, o := range []Options{{Listen: cl.Endpoint()}, {Control: cl.ControlURL()[len("http://"):]}} {
		_, err := Start(context.Background(), o)
		require.Equal(t, fluvioerr.Connection, fluvioerr.CodeOf(err))
		require.ErrorContains(t, err, o.Listen+o.Control)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Start(ctx, Options{})
	require.Equal(t, fluvioerr.Cancelled, fluvioerr.CodeOf(err))
}

func TestCloseEndsEverything(t *testing.T) {
	cl, err := Start(context.Background(), Options{SPUs: 2})
	require.NoError(t, err)
	require.NoError(t, cl.CreateTopic("t", 1))
	sc, spu := dialSC(t, cl), dialSPU(t, cl, 0)
	sc.watch(wire.LabelTopic).next()
	spu.stream("t", 0, plenty)
	wide := make(chan error, 1)
	go func() { wide <- cl.CreateTopicWith("wide", TopicOptions{Replication: 3}) }() // waits for an SPU that never comes
	eventually(t, "the topic is there", func() bool { return cl.topicSpec("wide") != nil })
	require.NoError(t, cl.Close())
	require.Error(t, <-wide)
	sc.awaitHangUp()
	spu.awaitHangUp()
	require.NoError(t, cl.Close(), "a second time")
	require.Error(t, cl.StartSC())
	require.Error(t, cl.StartSPU(5001))
	require.Error(t, cl.CreateTopic("u", 1))
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(cl.EvictBefore("t", 0, 0)))
}

// starved is a listener that has no descriptor for the first client.
type starved struct {
	net.Listener
	once sync.Once
}

func (s *starved) Accept() (nc net.Conn, err error) {
	s.once.Do(func() { err = syscall.EMFILE })
	if err != nil {
		return nil, err
	}
	return s.Listener.Accept()
}

// A server that could not take one connection takes the next.
func TestAcceptGoesOn(t *testing.T) {
	cl := startCluster(t, Options{})
	require.NoError(t, cl.StopSC())
	require.NoError(t, cl.sc.startOn(func(network, addr string) (net.Listener, error) {
		l, err := net.Listen(network, addr)
		return &starved{Listener: l}, err
	}))
	names, _ := dialSC(t, cl).list(wire.LabelTopic, true)
	require.Equal(t, []string{systemTopic}, names)
}

// The folder of the certificates may be one in which a CA's own key lies already, which stays what it is.
func TestCertificatesWithoutTheKeyOfTheCA(t *testing.T) {
	dir := t.TempDir()
	theirs := filepath.Join(dir, "ca.key")
	require.NoError(t, os.WriteFile(theirs, []byte("theirs"), 0o600))
	startCluster(t, Options{TLS: true, CertDir: dir})
	text, err := os.ReadFile(theirs)
	require.NoError(t, err)
	require.Equal(t, "theirs", string(text))
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	require.Equal(t, []string{"ca.crt", "ca.key", "root.crt", "root.key", "server.crt", "server.key"}, names)
}
