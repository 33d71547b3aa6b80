package transport

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/secure"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// counted counts the writes of a connection.
type counted struct {
	net.Conn
	writes atomic.Int32
}

func (c *counted) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// selfSigned is a certificate for tests.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// With TLS a request in many pieces arrives as it is, and is not a TLS record for each piece.
func TestPiecesAreGatheredForTLS(t *testing.T) {
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}})
	require.NoError(t, err)
	frames := make(chan frame, 8)
	served := make(chan struct{})
	go func() {
		defer close(served)
		sock, err := ln.Accept()
		if err != nil {
			return
		}
		defer func() { _ = sock.Close() }()
		p := &peer{sock, t, bufio.NewReader(sock)}
		for {
			f, ok := p.read()
			if !ok {
				return
			}
			frames <- f
			p.answer(f.header.CorrelationID, "done")
		}
	}()
	raw, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	sock := &counted{Conn: raw}
	encrypted := &secureConn{Conn: secure.Client(sock, &tls.Config{InsecureSkipVerify: true}, nil)}
	require.NoError(t, encrypted.HandshakeContext(testContext(t)))
	cfg := testConfig()
	cfg.Observer = obs.New(nil, nil)
	c := newConn(spuKey(ln.Addr().String()), cfg, encrypted, func() {})
	t.Cleanup(func() {
		c.Close()
		_ = ln.Close()
		<-served
	})
	for _, sizes := range [][]int{{1}, {secure.PieceSize, 0}, {1, secure.PieceSize, 0, 2, 3*secure.PieceSize + 5}, {5 * secure.PieceSize}, make([]int, 1000)} {
		var pieces [][]byte
		for i, size := range sizes {
			if len(sizes) == 1000 {
				size = 100
			}
			piece := make([]byte, size)
			for at := range piece {
				piece[at] = byte(at*7 + i)
			}
			pieces = append(pieces, piece)
		}
		whole := bytes.Join(pieces, nil)
		before, sent := sock.writes.Load(), cfg.Observer.Stats().BytesSent
		out := make(chan error, 1)
		c.Go(t.Context(), wire.KeyProduce, 25, pieces, func(f *Buffer, _ []byte, err error) {
			if f != nil {
				f.Release()
			}
			out <- err
		})
		require.NoError(t, await(t, out))
		got := await(t, frames)
		require.True(t, bytes.Equal(whole, got.body), "%d bytes in %d pieces", len(whole), len(pieces))
		require.EqualValues(t, wire.FrameHeaderSize+2+2+4+2+len(cfg.ClientID)+len(whole), cfg.Observer.Stats().BytesSent-sent, "with the headers, TLS apart")
		if len(pieces) == 1000 {
			require.Less(t, sock.writes.Load()-before, int32(5), "of 1000 pieces")
		}
	}
}
