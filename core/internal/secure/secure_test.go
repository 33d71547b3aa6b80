package secure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counted counts calls of a socket, and lets only some bytes out.
type counted struct {
	net.Conn
	reads, writes atomic.Int64
	limited       atomic.Bool
	room          int // what may still leave, when limited; the writer's own
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.Conn.Read(p)
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	if !c.limited.Load() || c.room >= len(p) {
		c.room -= len(p)
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:c.room])
	c.room = 0
	return n, os.ErrDeadlineExceeded
}

// pair gives both ends of a TLS connection over TCP, after the handshake, and the client's socket.
func pair(t testing.TB) (client, server *Conn, under *counted) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	s, err := ln.Accept()
	require.NoError(t, err)
	under = &counted{Conn: c}
	client = Client(under, &tls.Config{InsecureSkipVerify: true}, func() { under.reads.Add(1000) })
	server = Server(s, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	require.NoError(t, client.Handshake())
	require.NoError(t, <-done)
	t.Cleanup(func() {
		_ = c.Close()
		_ = s.Close()
	})
	return client, server, under
}

func pattern(n, seed int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8 + seed)
	}
	return p
}

// Buffers of any sizes arrive as they are, in few system calls at either end.
func TestBuffersArriveWhole(t *testing.T) {
	client, server, under := pair(t)
	sizes := []int{0, 1, recordSize, recordSize - 1, recordSize + 1, 3 * PieceSize, 0, 0, 5, 2*recordSize + 7, 100, 0}
	for range 1000 {
		sizes = append(sizes, 100)
	}
	var all []byte
	var bufs net.Buffers
	for i, n := range sizes {
		p := pattern(n, i)
		all, bufs = append(all, p...), append(bufs, p)
	}
	got := make(chan []byte)
	go func() {
		p := make([]byte, len(all))
		_, _ = io.ReadFull(server, p)
		got <- p
	}()
	before := under.writes.Load()
	for total := 0; len(bufs) > 0; {
		n, err := client.WriteSome(&bufs)
		require.NoError(t, err)
		require.LessOrEqual(t, n, PieceSize)
		if total += n; len(bufs) == 0 {
			require.Equal(t, len(all), total)
		}
	}
	require.Equal(t, all, <-got)
	require.LessOrEqual(t, under.writes.Load()-before, int64(len(all)/PieceSize+1))

	go func() { _, _ = server.Write(all) }()
	under.reads.Store(0)
	p := make([]byte, len(all))
	_, err := io.ReadFull(client, p)
	require.NoError(t, err)
	require.Equal(t, all, p)
	calls, told := under.reads.Load()%1000, under.reads.Load()/1000
	require.LessOrEqual(t, told, calls, "told of reads of the socket only")
	require.GreaterOrEqual(t, told, calls-1, "and of each of them; the last may have found nothing yet")
}

// Of a write that fails in the middle, what left is not said to have stayed, and nothing follows what was cut.
func TestCutWriteSaysWhatLeft(t *testing.T) {
	for _, room := range []int{0, 1, recordSize + 100, 3 * recordSize} {
		client, server, under := pair(t)
		got := make(chan int)
		go func() {
			n, _ := io.Copy(io.Discard, server)
			got <- int(n)
		}()
		under.room = room
		under.limited.Store(true)
		n, err := client.Write(make([]byte, 4*recordSize))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.LessOrEqual(t, n, room)
		if room > 0 {
			require.Positive(t, n, "bytes left")
		}
		under.limited.Store(false)
		_, err = client.Write([]byte("more"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		_ = client.Close()
		require.LessOrEqual(t, <-got, n, "room %d", room)
	}
}

// stuck is a socket of a peer that reads no more: a write lasts until the end.
type stuck struct {
	net.Conn
	writing, closed chan struct{}
}

func (s *stuck) Write([]byte) (int, error) {
	close(s.writing)
	<-s.closed
	return 0, net.ErrClosed
}

func (s *stuck) Close() error {
	close(s.closed)
	return s.Conn.Close()
}

// Close does not wait for a peer that does not read: TLS would give the farewell behind the data five seconds.
func TestCloseWhileThePeerDoesNotRead(t *testing.T) {
	client, _, under := pair(t)
	full := &stuck{under.Conn, make(chan struct{}), make(chan struct{})}
	under.Conn = full
	ended := make(chan error, 1)
	go func() {
		_, err := client.Write([]byte("data"))
		ended <- err
	}()
	<-full.writing
	require.NoError(t, client.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
}

// BenchmarkSocket is how fast bytes get from one end to the other with nothing done to them, in plain text and encrypted: what TLS leaves
// of the plain rate of anything faster than that is here, on the machine that it runs on.
func BenchmarkSocket(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		defer ln.Close()
		client, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(b, err)
		defer client.Close()
		server, err := ln.Accept()
		require.NoError(b, err)
		defer server.Close()
		carry(b, client, server)
	})
	b.Run("TLS", func(b *testing.B) {
		client, server, _ := pair(b)
		carry(b, client, server)
	})
}

// carry sends pieces from one end to the other.
func carry(b *testing.B, to io.Reader, from io.Writer) {
	b.SetBytes(PieceSize)
	failed := make(chan error, 1)
	b.ResetTimer()
	go func() {
		piece := make([]byte, PieceSize)
		for range b.N {
			if _, err := from.Write(piece); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	got := make([]byte, PieceSize)
	for range b.N {
		_, err := io.ReadFull(to, got)
		require.NoError(b, err)
	}
	require.NoError(b, <-failed)
}
