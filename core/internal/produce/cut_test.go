package produce

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/internal/history"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// scissors cut the client's side of a connection at a byte of a Produce request.
type scissors struct {
	at   atomic.Int64 // bytes of the next request that still leave; -1: all
	size atomic.Int64 // of the latest request
}

func (s *scissors) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	return &cutConn{Conn: nc, scissors: s}, err
}

// cutConn is one connection. Requests come in pieces, the first of which has the header.
type cutConn struct {
	net.Conn
	*scissors
	rest int   // bytes of the request that are still to come
	left int64 // of these, how many may leave before the connection is cut; -1: all
}

func (c *cutConn) Write(b []byte) (int, error) {
	if c.rest == 0 {
		c.rest, c.left = wire.FrameHeaderSize+int(binary.BigEndian.Uint32(b)), -1
		if binary.BigEndian.Uint16(b[wire.FrameHeaderSize:]) == wire.KeyProduce {
			c.size.Store(int64(c.rest))
			c.left = c.at.Swap(-1)
		}
	}
	c.rest -= len(b)
	if c.left < 0 || c.left > int64(len(b)) || c.left == int64(len(b)) && c.rest > 0 {
		if c.left > 0 {
			c.left -= int64(len(b))
		}
		return c.Conn.Write(b)
	}
	n, err := c.Conn.Write(b[:c.left])
	return n, errors.Join(err, c.Conn.Close(), errors.New("cut by the test"))
}

// together lets what f sends leave in one request. Nothing may be on its way.
func together(p *Producer, f func()) {
	part := (*p.parts.Load())[0]
	part.mu.Lock()
	s := part.sender
	part.mu.Unlock()
	until := func(t time.Time) {
		s.mu.Lock()
		s.until = t
		s.mu.Unlock()
	}
	until(time.Now().Add(time.Hour))
	f()
	until(time.Time{})
	s.poke()
}

// A request of two batches, and its answer, are cut at every byte: by the client's side before the bytes leave, and by the
// server's side. At least once stores and acknowledges everything; at most once stores nothing twice, says "maybe" of what
// left, and sends again what did not.
func TestCutAtEveryByte(t *testing.T) {
	for _, atMostOnce := range []bool{false, true} {
		for _, side := range []string{"client", "request", "answer"} {
			t.Run(fmt.Sprintf("%s, at most once %v", side, atMostOnce), func(t *testing.T) { cutEverywhere(t, side, atMostOnce) })
		}
	}
}

func cutEverywhere(t *testing.T, side string, atMostOnce bool) {
	var s scissors
	s.at.Store(-1)
	w := newWorldOver(t, devcluster.Options{}, s.dial)
	w.topic("cut", devcluster.TopicOptions{})
	h := &history.History{}
	p := w.producer("cut", func(c *Config) {
		c.BatchSize, c.AtMostOnce, c.RetryFirst, c.RetryMax = 1, atMostOnce, time.Microsecond, time.Millisecond // a batch per record
		c.OnDelivery = report(h)
	})
	pair := func(name string) (outcomes [2]error) {
		var receipts [2]Receipt
		together(p, func() {
			for i := range receipts {
				_, receipts[i] = hand(t, h, p, 0, 0, fmt.Sprintf("%s %d", name, i))
			}
		})
		for i := range receipts {
			_, outcomes[i] = wait(t, receipts[i])
		}
		return outcomes
	}
	end := func() int64 {
		_, _, end, err := w.dev.Offsets("cut", 0)
		require.NoError(t, err)
		return end
	}
	require.Equal(t, [2]error{}, pair("whole"))
	request := int(s.size.Load())
	// 4 length, 4 correlation id, 4 topics, 2+3 name, 4 partitions, twice 4+2+8+8+8 for a partition, 4 throttle
	const answer = 85
	last := map[string]int{"client": request - 1, "request": request, "answer": answer}[side]
	for n := 0; n <= last; n++ {
		before, cut := end(), &devcluster.RuleHandle{}
		switch side {
		case "client":
			s.at.Store(int64(n))
		case "request":
			cut = w.rule(devcluster.Rule{API: "Produce", On: devcluster.OnRequest, Count: 1, Action: devcluster.Action{Kind: devcluster.ActionCut, Bytes: n}})
		case "answer":
			cut = w.rule(devcluster.Rule{API: "Produce", Count: 1, Action: devcluster.Action{Kind: devcluster.ActionCut, Bytes: n}})
		}
		outcomes := pair(fmt.Sprintf("%s cut at %d", side, n))
		if side != "client" {
			require.Equal(t, 1, cut.Hits())
			cut.Remove()
		}
		nothingLeft := side == "client" && n == 0
		carriedOut := side == "answer"
		answered := side == "answer" && n == answer
		lost, stored := atMostOnce && !nothingLeft && !answered, int64(2)
		switch {
		case lost && !carriedOut:
			stored = 0
		case !atMostOnce && carriedOut && !answered:
			stored = 4
		}
		require.Equal(t, lost, outcomes[0] != nil, "%s cut at %d: %v", side, n, outcomes[0])
		require.EqualValues(t, stored, end()-before, "%s cut at %d: records stored", side, n)
	}
	require.NoError(t, p.Close(testContext(t)))
	h.End()
	w.note(h, "cut")
	require.NoError(t, h.Check(history.Terms{Failures: atMostOnce, Duplicates: !atMostOnce}))
}
